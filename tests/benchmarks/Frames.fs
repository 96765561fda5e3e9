/// Designs of groups that are never listed, beside the bare model on as many rows.
module Equivariant.Benchmarks.Frames

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

let private points, features, inputs, samples = 64L, 8L, 64L, 10

let private sets =
    AxisAction(PermutationAction.Natural(Group.Symmetric(int points)), -2)

let private perceptron hidden : Net =
    torch.nn.Sequential(
        torch.nn.Flatten 1L :> Net,
        torch.nn.Linear(points * features, hidden) :> Net,
        torch.nn.ReLU() :> Net,
        torch.nn.Linear(hidden, hidden) :> Net,
        torch.nn.ReLU() :> Net,
        torch.nn.Linear(hidden, points * features) :> Net,
        torch.nn.Unflatten(1L, [| points; features |]) :> Net
    )

let private forward (model: Net) (x: torch.Tensor) () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    model.call x |> ignore

let private designs: (string * int64 * (Net -> Net)) list = [
    "sorting frame", 1L, (fun net -> new FrameAverage(net, sets, sets, Frame.Sorting(TieBreaks(Random 1))))
    "symmetrised",
    int64 samples,
    fun net ->
        let distribution = ElementDistribution.Learned(sets, [| points; features |], 8)
        new ProbabilisticSymmetrise(net, sets, sets, distribution, samples, Random 1)
    "Monte Carlo", int64 samples, (fun net -> new MonteCarloEquitune(net, sets, sets, samples, Random 1))
]

/// Measures, for sets of 64 points in batches of 64, the time of each design over that of the bare model on as many rows; gives the table
/// as Markdown.
let run rounds : string list =
    let x =
        use generator = new torch.Generator(1uL)
        torch.randn ([| inputs; points; features |], generator = generator)

    Tables.show
        $"Designs of S{points} on sets of {points} points with {features} features, forward, over the bare model on the same number of rows" [
            "model"
            "design"
            "rows"
            "forward"
        ] [
            for hidden in [ 256L; 1024L ] do
                torch.manual_seed 1L |> ignore
                let net = perceptron hidden

                for name, rows, wrap in designs do
                    let bare = x.repeat [| rows; 1L; 1L |]

                    match Paired.measure rounds [ forward (wrap net) x; forward net bare ] with
                    | [ ours; alone ] -> [
                        $"MLP, {hidden} wide"
                        name
                        string (rows * inputs)
                        Paired.format (Paired.ratio ours alone)
                      ]
                    | _ -> failwith "two works were timed"
        ]
