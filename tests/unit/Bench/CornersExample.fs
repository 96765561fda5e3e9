module Equivariant.Tests.Bench.CornersExample

// The example of examples/bench/README.md, which is this file from here on.
open System
open TorchSharp
open Equivariant
open Equivariant.Bench

type Settings = { Images: int; Epochs: int }

/// Noise with a bright spot: in a corner (class 0, upright always the first), or in the middle (class 1).
let private draw (random: Random) turned count =
    let pixels = Array.init (count * 64) (fun _ -> random.NextSingle())
    let classes = Array.init count (fun row -> int64 (row % 2))

    for row, kind in Array.indexed classes do
        let corner = if turned then random.Next 4 else 0
        let corner = [| 0; 7; 56; 63 |][corner]
        let spot = if kind = 0L then corner else 27
        pixels[64 * row + spot] <- 3.0f

    torch.tensor(pixels).reshape(-1L, 1L, 8L, 8L), torch.tensor classes

/// The same small network under each group; under the trivial one it is the network alone.
let private groups = [ "none", cyclic 1; "C4", cyclic 4 ]

let private model (group: Group<int>) =
    let perceptron () =
        torch.nn.Sequential(
            torch.nn.Flatten 1L :> Net,
            torch.nn.Linear(64L, 16L) :> Net,
            torch.nn.ReLU() :> Net,
            torch.nn.Linear(16L, 2L) :> Net
        )

    network {
        input "x" (image 1 8 8 |> under group rotations)
        eq "x" (wrapping "perceptron" perceptron |> giving (classes 2)) equitune
        output "x" (classes 2 |> under group unmoved)
    }

let private work settings group (context: Context) =
    let random = Random(context.SeedFor "data")
    let images, kinds = draw random false settings.Images
    let turned, turnedKinds = draw random true settings.Images
    use model = Model.compile (context.Target "weights") (model group)

    let accuracy (images: torch.Tensor) (kinds: torch.Tensor) =
        use _ = torch.no_grad ()
        (Train.accuracy (model.Predict images) kinds).item<float32>() |> float

    let training = {
        Training.plain
            model
            (torch.optim.Adam(model.parameters (), 0.01))
            settings.Epochs
            (Training.shuffled settings.Images 16)
            Array.length
            (fun rows ->
                let rows = torch.tensor rows
                Train.crossEntropy ((model.Predict images[rows])) kinds[rows]) with
            AfterEpoch = fun () -> [ "accuracy", accuracy images kinds ]
    }

    let history = context.Train("training", training)
    context.Note $"{history.Losses.Length} epochs"

    [
        Figure.named "upright" (accuracy images kinds)
        Figure.named "turned" (accuracy turned turnedKinds)
    ]

let private measured = [ "upright"; "turned" ]

let private tables _ findings = [
    Table.byLabel
        "Images told apart, in %"
        "group"
        [ for name in measured -> name, Findings.percent ]
        findings
]

let private plots _ findings = [
    Plot.percentBars "accuracy" "Corners" "images told apart" "group" measured findings
]

let experiment: Experiment<Settings> = {
    Name = "corners"
    Title = "Corners"
    Description = "tell bright corners from bright centres. Example: corners --quick"
    Settings =
        fun preset ->
            match preset with
            | Full -> { Images = 512; Epochs = 20 }
            | Quick -> { Images = 128; Epochs = 20 }
            | Tiny -> { Images = 64; Epochs = 10 }
    Seeds = Experiment.usualSeeds
    Arguments = [
        Argument.number "epochs" (1, 1000) "how often all images are seen." (fun count settings -> {
            settings with
                Epochs = count
        })
    ]
    Runs =
        fun settings seeds -> [
            for seed in seeds do
                for name, group in groups do
                    Experiment.run seed [ "group", name ] (work settings group)
        ]
    Tables = tables
    Plots = plots
    Differences = fun _ -> [ "There is no paper." ]
    Afterwards = fun _ _ -> []
}
