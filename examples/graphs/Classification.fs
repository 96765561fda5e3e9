namespace Equivariant.Graphs

open System
open TorchSharp
open Equivariant
open Equivariant.Bench
open Equivariant.Core

/// <summary>Learns to classify graphs, such as those of EXP, that colour refinement does not tell apart.</summary>
[<RequireQualifiedAccess>]
module Classification =

    /// <summary>The published split by position: validation, test, and training for the rest.</summary>
    let private held = 200

    let private rowsAtOnce = 50L

    /// Generators number nodes in an order that gives answers away; nothing is to be learned from it.
    let private renumbered (random: Random) (graph: Graph) =
        let images = [| 0 .. graph.Nodes - 1 |]
        random.Shuffle images
        Graph.renumber images graph

    /// <summary>Trains a network under a design, and measures its share of graphs classified right.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The file of graphs can't be used.</exception>
    let measure (settings: Settings) (context: Context) design : Figure list =
        let examples = Graph.readExamples settings.Examples
        let learnt = examples.Length - 2 * held

        if learnt <= 0 then
            raise (
                EquivariantException
                    $"%s{settings.Examples} has %d{examples.Length} graphs; after %d{held} for validation and %d{held} for the test there have to be some to train on."
            )

        use scope = torch.NewDisposeScope()
        let random = Random(context.SeedFor $"numberings, {Design.name design}")
        let nodes = examples |> Seq.map _.Graph.Nodes |> Seq.max
        let kinds = 1 + (examples |> Seq.collect _.Graph.Kinds |> Seq.fold max -1)
        let graphs = examples |> Array.map (fun example -> renumbered random example.Graph)
        let x = (Graph.tensor nodes kinds graphs).``to`` context.Device

        let y =
            (torch.tensor [| for example in examples -> example.Label |]).``to`` context.Device

        context.SeedTorch "weights"
        use net = Design.perceptron nodes kinds settings.Hidden settings.Dropout 2

        let training, using =
            Design.wrap settings.Design (Design.action nodes kinds) kinds random net design

        use training = training.``to`` context.Device
        use using = using.``to`` context.Device

        let accuracy first count =
            use scope = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            using.eval ()

            let right = [|
                for rows in
                    (torch.arange (int64 first, int64 (first + count), device = context.Device)).split
                        rowsAtOnce do
                    let answers = (using.call (x.index_select (0L, rows))).argmax 1L
                    answers.eq(y.index_select (0L, rows)).sum().item<int64>()
            |]

            float (Array.sum right) / float count

        let batches random =
            Training.shuffled learnt settings.BatchSize random
            |> Array.map (Array.map (fun row -> row + int64 (2 * held)))

        let loss (rows: int64[]) =
            let rows = (torch.tensor rows).``to`` context.Device
            Train.crossEntropy (training.call (x.index_select (0L, rows))) (y.index_select (0L, rows))

        let optimiser =
            torch.optim.AdamW(
                training.parameters (),
                settings.LearningRate,
                weight_decay = settings.WeightDecay
            )

        context.Train(
            "training",
            {
                Training.plain training optimiser settings.Epochs batches Array.length loss with
                    LearningRate = Some(Training.cosine settings.LearningRate 0.0)
            }
        )
        |> ignore

        [
            Figure.named "training" (accuracy (2 * held) learnt)
            Figure.named "validation" (accuracy 0 held)
            Figure.named "test" (accuracy held held)
        ]
