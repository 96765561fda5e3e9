/// Every design beside the bare model on as many rows, the quotient design beside equitune, and the memory of each.
module Equivariant.Benchmarks.Designs

open System
open System.Diagnostics
open System.IO
open Spectre.Console
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

/// A network with the group that its input and output are under.
type private Case = {
    Name: string
    Action: TensorAction
    Network: unit -> Net
    /// The shape of one input.
    Shape: int64 list
}

let private d4 = Group.Dihedral 4

let private perceptron (n: int64) (hidden: int64) : Net =
    torch.nn.Sequential(
        torch.nn.Linear(n, hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(hidden, hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(hidden, n)
    )

let private convolutions (channels: int64) : Net =
    torch.nn.Sequential(
        torch.nn.Conv2d(3L, channels, 3L, padding = 1L),
        torch.nn.ReLU(),
        torch.nn.Conv2d(channels, channels, 3L, padding = 1L),
        torch.nn.ReLU(),
        torch.nn.Conv2d(channels, 3L, 3L, padding = 1L)
    )

/// Three convolutions on colour images under D4.
let private cnn channels = {
    Name = $"CNN, {channels} channels"
    Action = AxisAction(GridActions.Symmetries(d4, 24, 24), -2, -1)
    Network = fun () -> convolutions channels
    Shape = [ 3L; 24L; 24L ]
}

/// Three layers on 16 × 16 numbers under D4.
let private mlp hidden = {
    Name = $"MLP, {hidden} wide"
    Action = AxisAction(GridActions.Symmetries(d4, 16, 16), -1)
    Network = fun () -> perceptron 256L hidden
    Shape = [ 256L ]
}

let private batchOf case (size: int64) =
    torch.manual_seed 1L |> ignore
    torch.randn [| size; yield! case.Shape |]

let private forward (model: Net) (x: torch.Tensor) () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    model.call x |> ignore

let private step (model: Net) =
    let optimiser = torch.optim.Adam(model.parameters (), 1e-4)
    model.train ()

    fun (x: torch.Tensor) () ->
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (model.call x).square().mean().backward()
        optimiser.step () |> ignore

let private energy (rows: torch.Tensor) =
    let flat = rows.flatten 1L
    flat.narrow(1L, 0L, flat.shape[1] / 3L).sum 1L

/// The designs by name, with the rows of the model for one input.
let private designs case : (string * int64 * (Net -> Net)) list =
    let order = int64 case.Action.Group.Order

    let equitune reduction (net: Net) =
        new Equitune(net, case.Action, case.Action, reduction) :> Net

    let features = List.fold (*) 1L case.Shape

    let quotient (net: Net) =
        new QuotientDesign(net, case.Action, case.Action, QuotientTerm.Default case.Action.Group) :> Net

    [
        "equitune", order, (fun net -> equitune (Reduction.Mean()) net)
        "λ-equitune", order, (fun net -> equitune (Reduction.Learned(features, 4L)) net)
        "equizero",
        order,
        (fun net -> equitune (Reduction.LeastLoss(fun values -> ProxyLoss.Entropy(values.flatten 1L))) net)
        "quotient",
        QuotientTerm.Default case.Action.Group
        |> Seq.sumBy (fun term -> int64 term.Evaluations),
        quotient
        "canonical pose", 1L, (fun net -> new Canonicalise(net, case.Action, case.Action, Func<_, _> energy))
    ]

let private overheadOf rounds case =
    let inputs = 32L

    [
        for name, rows, wrap in designs case do
            let x = batchOf case inputs
            let bareRows = x.repeat [| rows; yield! List.replicate case.Shape.Length 1L |]

            let compare (work: Net -> torch.Tensor -> unit -> unit) =
                match
                    Paired.measure rounds [ work (wrap (case.Network())) x; work (case.Network()) bareRows ]
                with
                | [ ours; bare ] -> Paired.format (Paired.ratio ours bare)
                | _ -> failwith "two works were timed"

            [ case.Name; name; string (rows * inputs); compare forward; compare step ]
    ]

/// Groups from small to large, each with coordinates to act on.
let private ladder: Case list =
    let onAxis name (action: PermutationAction) = {
        Name = name
        Action = AxisAction(action, -1)
        Network = fun () -> perceptron (int64 action.Degree) 1024L
        Shape = [ int64 action.Degree ]
    }

    let swap = PermutationAction.Natural(Group.Cyclic 2)

    let tuple (factors: (Group * PermutationAction) list) =
        let group = Group.Direct [| for group, _ in factors -> group |]
        PermutationAction.OnTuple(group, [| for _, action in factors -> action |])

    let views =
        let turns = GridActions.Rotations(Group.Cyclic 4, 8, 8)
        tuple (List.replicate 4 (turns.Group, turns))

    [
        for k in 1..8 do
            onAxis $"C2^{k}" (tuple (List.replicate k (swap.Group, swap)))

        onAxis "D4" (GridActions.Symmetries(d4, 8, 8))
        onAxis "D4 × C2²" (tuple [ d4, GridActions.Symmetries(d4, 8, 8); swap.Group, swap; swap.Group, swap ])

        onAxis
            "S3 × S4"
            (tuple [
                for n in [ 3; 4 ] -> Group.Symmetric n :> Group, PermutationAction.Natural(Group.Symmetric n)
            ])

        onAxis "C4⁴, four views" views
    ]

let private quotientBesideEquitune rounds case =
    let x = batchOf case 16L
    let network = case.Network()
    let terms = QuotientTerm.Default case.Action.Group
    let quotient = new QuotientDesign(network, case.Action, case.Action, terms)
    let equitune = new Equitune(network, case.Action, case.Action)
    let price = float quotient.EvaluationsPerInput / float equitune.EvaluationsPerInput
    let report = DesignReport.Of(terms, case.Action, case.Action)

    let power =
        match report.Expressivity with
        | null -> "–"
        | power -> $"{power.Captured} of {power.Total}"

    match Paired.measure rounds [ forward quotient x; forward equitune x ] with
    | [ ours; naive ] -> [
        case.Name
        $"{quotient.EvaluationsPerInput} : {equitune.EvaluationsPerInput}"
        $"{price:F3}"
        Paired.format (Paired.ratio ours naive)
        power
      ]
    | _ -> failwith "two works were timed"

/// The most memory that this process has had, in MiB, as Linux counts it.
let private peakMemory () =
    File.ReadLines "/proc/self/status"
    |> Seq.find _.StartsWith("VmHWM", StringComparison.Ordinal)
    |> Seq.filter Char.IsDigit
    |> Array.ofSeq
    |> String
    |> float
    |> fun kilobytes -> kilobytes / 1024.0

/// What a child process does: some training steps of one design, and no other.
let memoryOf (name: string) =
    let cnn = cnn 16L
    let x = batchOf cnn 256L

    let model, x =
        match designs cnn |> List.tryFind (fun (design, _, _) -> design = name) with
        | Some(_, _, wrap) -> wrap (cnn.Network()), x
        | None when name = "nothing" -> cnn.Network(), x.narrow (0L, 0L, 1L)
        | None -> cnn.Network(), x.repeat [| int64 name; 1L; 1L; 1L |]

    let step = step model x

    for _ in 1..3 do
        step ()

    printfn $"{peakMemory ():F0}"

/// Runs this program again for one design, so that its peak is its own.
let private peakInChild (name: string) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ Environment.GetCommandLineArgs()[0]; "--memory-of"; name ],
            RedirectStandardOutput = true
        )

    use child = Process.Start start |> Option.ofObj |> Option.get
    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    float output

let private memories () =
    let idle = peakInChild "nothing"

    [
        for name, rows, _ in designs (cnn 16L) do
            let ours, bare = peakInChild name - idle, peakInChild (string rows) - idle

            [
                name
                string (rows * 256L)
                $"{ours:F0} MiB"
                $"{bare:F0} MiB"
                $"{ours / bare:F2}"
            ]
    ]

/// A table for people, and its lines for Markdown.
let private show (title: string) (columns: string list) (rows: string list list) =
    let table = Table().Title(title)

    for column in columns do
        table.AddColumn(Markup.Escape column) |> ignore

    for row in rows do
        table.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

    AnsiConsole.Write table
    let line cells = "| " + String.concat " | " cells + " |"

    [
        title + ":"
        ""
        line columns
        line (columns |> List.map (fun _ -> "---"))
        yield! List.map line rows
        ""
    ]

/// Measures all of it; gives the tables as Markdown.
let run rounds : string list = [
    yield!
        show
            "Time over that of the bare model on the same number of rows, under D4"
            [ "model"; "design"; "rows"; "forward"; "training step" ]
            (List.collect (overheadOf rounds) [ cnn 16L; cnn 64L; mlp 256L; mlp 1024L ])
    yield!
        show
            "The quotient design beside equitune, forward"
            [ "group"; "evaluations"; "ratio"; "measured"; "captured" ]
            (List.map (quotientBesideEquitune (max 3 (rounds / 2))) ladder)
    yield!
        show
            "Peak memory of a training step over that of an idle process (CNN, 16 channels, 256 inputs)"
            [ "design"; "rows"; "design's"; "bare model's"; "ratio" ]
            (memories ())
]
