namespace Equivariant.ZeroShot

open System
open System.Collections.Generic
open System.Diagnostics
open System.Security.Cryptography
open TorchSharp
open Equivariant
open Equivariant.Core.Distributed

/// <summary>
/// A network that is asked for many images again: designs ask for the same transforms, and each is computed once. For
/// networks in evaluation mode; it gives no gradients.
/// </summary>
/// <remarks>Rows that differ in any bit are different; they are told apart by half of their SHA-256.</remarks>
/// <param name="net">The network, from rows to features <c>[R, E]</c>.</param>
/// <param name="batch">The most rows of one call of it.</param>
[<Sealed>]
type Remembered(net: Net, batch: int) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("remembered")

    let known = Dictionary<Guid, float32[]>()
    let watch = Stopwatch()
    let asked = HashSet<Guid>()
    let mutable computed = 0L
    do this.register_module ("net", net)

    let keys (rows: torch.Tensor) =
        use plain = rows.detach().cpu().contiguous()
        let count = int rows.shape[0]
        let length = if count = 0 then 0 else plain.bytes.Length / count

        Array.init count (fun row ->
            Guid(SHA256.HashData(plain.bytes.Slice(row * length, length)).AsSpan(0, 16)))

    let compute (rows: torch.Tensor) (places: int64[]) : float32[][] =
        use scope = torch.NewDisposeScope()
        watch.Start()

        let features =
            net.call (rows.index_select (0L, torch.tensor (places, device = rows.device)))

        let plain = features.flatten(1L).cpu().``to``(torch.float32).contiguous()
        watch.Stop()
        computed <- computed + int64 places.Length
        let width = int plain.shape[1]
        let numbers = plain.data<float32>().ToArray()
        Array.init places.Length (fun row -> numbers[row * width .. (row + 1) * width - 1])

    /// <summary>How many different rows were asked for since the last time this was said, by ranks that share orbits. Collective.</summary>
    /// <param name="ranks">The ranks; a row that two of them ask for counts for both.</param>
    member _.CountAsked(ranks: Ranks) =
        use count = torch.tensor (int64 asked.Count)
        ranks.Sum count
        asked.Clear()
        int (count.item<int64>())

    /// <summary>How many were computed.</summary>
    member _.Computed = computed

    /// <summary>The seconds that the network took for them.</summary>
    member _.Seconds = watch.Elapsed.TotalSeconds

    /// <summary>Forgets what was computed.</summary>
    member _.Forget() = known.Clear()

    override _.forward rows =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let keys = keys rows
        asked.UnionWith keys

        let missing =
            keys
            |> Array.indexed
            |> Array.distinctBy snd
            |> Array.filter (fun (_, key) -> not (known.ContainsKey key))

        for part in Array.chunkBySize batch missing do
            compute rows (part |> Array.map (fst >> int64))
            |> Array.iter2 (fun (_, key) features -> known[key] <- features) part

        let features = keys |> Array.map (fun key -> known[key])
        let width = if features.Length = 0 then 0 else features[0].Length

        torch
            .tensor(Array.concat features)
            .view(int64 keys.Length, int64 width)
            .``to``(rows.device)
            .MoveToOuterDisposeScope()
