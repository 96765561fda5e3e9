namespace Equivariant.Bench

open System
open System.Text
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.Core.Orbits

/// <summary>What several ranks of a program share.</summary>
type Across =
    /// <summary>The rows of orbits: every rank has the whole batch.</summary>
    | Orbits
    /// <summary>The rows of batches: every rank trains on its part.</summary>
    | Batches

/// <summary>The ranks that do a run together, of which the first prints and writes.</summary>
[<NoComparison>]
type Team = { Ranks: Ranks; Across: Across option }

/// <summary>Makes teams, and what they have in common.</summary>
[<RequireQualifiedAccess>]
module Team =

    /// <summary>This process by itself.</summary>
    let alone = { Ranks = Ranks.Alone; Across = None }

    /// <summary>The ways to share, by name.</summary>
    let ways = [ "orbit", Orbits; "data", Batches ]

    /// <summary>The ranks that this program was started as.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">They are several, and nobody says what they share.</exception>
    let join (across: Across option) =
        let ranks = Ranks.Join()

        if ranks.Count > 1 && across.IsNone then
            raise (
                EquivariantException
                    $"%d{ranks.Count} ranks were started: say what they share, --across orbit or --across data."
            )

        { Ranks = ranks; Across = across }

    let private those way team =
        if team.Across = Some way then team.Ranks else Ranks.Alone

    /// <summary>The ranks that share orbits.</summary>
    let orbits team = those Orbits team

    /// <summary>The ranks that share batches.</summary>
    let batches team = those Batches team

    /// <summary>How designs are evaluated: by all who share orbits.</summary>
    let evaluation team = Evaluation(Ranks = orbits team)

    /// <summary>Gives everybody the first one's text. Collective.</summary>
    let told team (text: string) =
        if team.Ranks.Count = 1 then
            text
        else
            let bytes = Encoding.UTF8.GetBytes text
            use length = torch.tensor (int64 bytes.Length)
            team.Ranks.Broadcast length

            use content =
                if team.Ranks.IsFirst then
                    torch.tensor bytes
                else
                    torch.zeros (length.item<int64>(), dtype = torch.uint8)

            team.Ranks.Broadcast content
            Encoding.UTF8.GetString(content.bytes.ToArray())

    /// <summary>Reads a file that the first one writes: it has written what it had to, and writes nothing meanwhile. Collective.</summary>
    let reading team (read: unit -> 'T) =
        team.Ranks.Barrier()
        let value = read ()
        team.Ranks.Barrier()
        value

    /// <summary>The rows of a batch that are this rank's, none if there are fewer than ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="rows">How many rows the batch has.</param>
    /// <param name="batch">The batch, an array with an item for each row.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is no such array.</exception>
    let part (ranks: Ranks) rows (batch: 'Batch) : 'Batch option =
        match box batch with
        | _ when ranks.Count = 1 -> Some batch
        | :? Array as items when items.Rank = 1 && items.Length = rows ->
            let struct (from, length) = ranks.Share rows

            if length = 0L then
                None
            else
                let own = Array.CreateInstance(items.GetType().GetElementType() |> nonNull, length)

                Array.Copy(items, from, own, 0L, length)
                Some(unbox<'Batch>(box own))
        | _ ->
            raise (
                EquivariantException
                    "This training's batches are no arrays of rows, so ranks can't divide them: share orbits, --across orbit."
            )
