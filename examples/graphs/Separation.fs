namespace Equivariant.Graphs

open System
open TorchSharp
open Equivariant.Bench
open Equivariant.Core.Groups

/// <summary>Which graphs untrained networks tell apart, and whether they keep a graph together however it is numbered.</summary>
[<RequireQualifiedAccess>]
module Separation =

    let private embeddingSize = 10
    let private rowsAtOnce = 512

    /// <summary>How far apart the rows of two tensors are, [N, d] → [N]: the sum of absolute differences.</summary>
    let private apart (left: torch.Tensor) (right: torch.Tensor) = (left - right).abs().sum 1L

    /// <summary>The pairs of rows i &lt; j that are not apart, as numbers i · N + j.</summary>
    let near (threshold: float) (embeddings: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let count = embeddings.shape[0]

        let blocks = [|
            for first in 0L .. int64 rowsAtOnce .. count - 1L do
                use block = torch.NewDisposeScope()
                let rows = embeddings.narrow (0L, first, min (int64 rowsAtOnce) (count - first))
                let close = torch.cdist(rows, embeddings, 1.0).le(threshold.ToScalar())
                let found = close.triu(first + 1L).nonzero()
                let numbers = (found.select (1L, 0L) + first) * count + found.select (1L, 1L)
                numbers.MoveToOuterDisposeScope()
        |]

        torch.cat(blocks, 0L).MoveToOuterDisposeScope()

    /// <summary>Those of some pairs that are not apart in further embeddings either.</summary>
    let stillNear (threshold: float) (embeddings: torch.Tensor) (pairs: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let count = embeddings.shape[0].ToScalar()
        let right = pairs.remainder count
        let left = (pairs - right).floor_divide count

        let distances =
            apart (embeddings.index_select (0L, left)) (embeddings.index_select (0L, right))

        pairs.masked_select(distances.le (threshold.ToScalar())).MoveToOuterDisposeScope()

    /// <summary>Embeds graphs, some at a time.</summary>
    let private embed (net: torch.nn.Module<torch.Tensor, torch.Tensor>) (graphs: torch.Tensor) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let mutable evaluations = 0.0

        let parts = [|
            for rows in graphs.split (int64 rowsAtOnce) do
                let embedded = net.call rows
                evaluations <- evaluations + Design.evaluations net * float rows.shape[0]
                embedded
        |]

        torch.cat(parts, 0L).MoveToOuterDisposeScope(), evaluations / float graphs.shape[0]

    /// <summary>What one design comes to.</summary>
    type Outcome = {
        Pairs: float
        /// <summary>Pairs of different graphs that no network told apart.</summary>
        Unseparated: float
        /// <summary>Networks that were asked: once all pairs are told apart, no other can change that.</summary>
        Networks: float
        /// <summary>The share of graphs that one network, the first, held apart from themselves with other numbers.</summary>
        SplitByNumbering: float
        Evaluations: float
    }

    /// What one network says.
    type Said = {
        /// Of all graphs, [N, d], row by row.
        Embeddings: float32[]
        Split: float
        MeanEvaluations: float
    }

    /// <summary>Asks random networks under a design.</summary>
    let measure (settings: Settings) (context: Context) (graphs: Graph[]) design : Outcome =
        use scope = torch.NewDisposeScope()
        let action = Design.action settings.Nodes 0

        let seedFor purpose =
            context.SeedFor $"{purpose}, {Design.name design}"

        let x = (Graph.tensor settings.Nodes 0 graphs).``to`` context.Device
        let symmetric = Group.Symmetric settings.Nodes
        let numbering = Random(seedFor "numberings")

        let renumbered =
            (graphs
             |> Array.map (fun graph -> Graph.renumber ((symmetric.Random numbering).Code.ToArray()) graph)
             |> Graph.tensor settings.Nodes 0)
                .``to``
                context.Device

        let threshold: Scalar = settings.Threshold.ToScalar()

        // One network, drawn anew whenever another one is asked.
        let chance = RestartableRandom 0

        let _, network =
            let net =
                Design.perceptron settings.Nodes 0 settings.Hidden settings.Dropout embeddingSize

            Design.wrap settings.Design action 0 chance net design

        use wrapped = network.``to`` context.Device
        wrapped.eval ()

        let ask network =
            use block = torch.NewDisposeScope()
            context.SeedTorch $"network %d{network}"
            Design.redraw wrapped
            chance.Restart(seedFor $"network %d{network}")
            let embeddings, evaluations = embed wrapped x

            let split =
                if network > 0 then
                    0.0
                else
                    let again, _ = embed wrapped renumbered
                    (apart embeddings again).gt(threshold).``to``(torch.float64).mean().item<double>()

            {
                Embeddings = embeddings.``to``(torch.float32).cpu().contiguous().data<float32>().ToArray()
                Split = split
                MeanEvaluations = evaluations
            }

        let embeddings (said: Said) =
            torch.tensor(said.Embeddings).view(int64 graphs.Length, int64 embeddingSize)

        let askAll (networks: int[]) =
            context.Map("networks", (fun _ -> 1), networks, ask)

        // Twice as many each time, so that ranks have some to share.
        let rec remaining asked (pairs: torch.Tensor) =
            if pairs.numel () = 0L || asked = settings.Networks then
                asked, pairs
            else
                let further = min settings.Networks (2 * asked)

                askAll [| asked .. further - 1 |]
                |> Array.fold (fun pairs said -> stillNear settings.Threshold (embeddings said) pairs) pairs
                |> remaining further

        let first = askAll [| 0 |] |> Array.exactlyOne
        let asked, unseparated = remaining 1 (near settings.Threshold (embeddings first))

        {
            Pairs = float graphs.Length * float (graphs.Length - 1) / 2.0
            Unseparated = float (unseparated.numel ())
            Networks = float asked
            SplitByNumbering = first.Split
            Evaluations = first.MeanEvaluations
        }
