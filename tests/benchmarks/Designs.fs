/// Every design beside the bare model on as many rows, the quotient design beside equitune, and the memory of each.
module Equivariant.Benchmarks.Designs

open System
open System.Diagnostics
open System.IO
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits

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

/// Weights whose product with an image tells its poses apart.
let private weights case =
    use generator = new torch.Generator(1uL)
    torch.randn (Array.ofList case.Shape, generator = generator)

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
        "canonical pose, linear energy",
        1L,
        (fun net -> new Canonicalise(net, case.Action, case.Action, TransformEnergy.Linear(weights case)))
        "canonical pose, energy of each transform",
        1L,
        fun net ->
            let weights = (weights case).flatten()

            new Canonicalise(
                net,
                case.Action,
                case.Action,
                (fun (rows: torch.Tensor) -> rows.flatten(1L).mv weights)
            )
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

/// An entry of Linux's account of this process, in MiB.
let private memory (entry: string) =
    File.ReadLines "/proc/self/status"
    |> Seq.find _.StartsWith(entry, StringComparison.Ordinal)
    |> Seq.filter Char.IsDigit
    |> Array.ofSeq
    |> String
    |> float
    |> fun kilobytes -> kilobytes / 1024.0

/// The most memory that some work needs beyond what was there before it, in MiB.
let private peakOf work =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    // Forgets the highest so far.
    File.WriteAllText("/proc/self/clear_refs", "5")
    let before = memory "VmRSS"
    work ()
    memory "VmHWM" - before

/// Over a group of 4096 elements, some rows at a time.
let private chunked = [
    "equitune, |G| = 4096, chunks of 8192 rows with checkpoints", Reduction.Mean
    "λ-equitune, |G| = 4096, chunks of 8192 rows with checkpoints", (fun () -> Reduction.Learned(24L, 4L))
]

let private chunk = 8192L

let private largeBatch = 16L

let private large: Case = {
    Name = "C2^12"
    Action =
        let group, flips = Group.Cyclic 2, PermutationAction.Natural(Group.Cyclic 2)
        let product = Group.Direct [| for _ in 1..12 -> group :> Group |]
        AxisAction(PermutationAction.OnTuple(product, [| for _ in 1..12 -> flips |]), -1)
    Network = fun () -> perceptron 24L 1024L
    Shape = [ 24L ]
}

let private chunkedDesign reduction (net: Net) : Net =
    let evaluation = Evaluation(ChunkRows = int chunk, Checkpoint = true)
    new Equitune(net, large.Action, large.Action, reduction, evaluation)

/// What a child process does: some training steps of one design, and no other.
let memoryOf (name: string) =
    Paired.returnFreedMemory ()
    let cnn = cnn 16L
    let inputs = batchOf cnn 256L

    // The bare model gets as many rows for an input as the design makes of it.
    let model, x, rowsOfOne =
        match
            designs cnn |> List.tryFind (fun (design, _, _) -> design = name), Map.tryFind name (Map chunked)
        with
        | Some(_, _, wrap), _ -> wrap (cnn.Network()), inputs, 1L
        | None, Some reduction -> chunkedDesign (reduction ()) (large.Network()), batchOf large largeBatch, 1L
        | None, None when name = "one chunk" ->
            large.Network(), batchOf large chunk, int64 large.Action.Group.Order
        | None, None -> cnn.Network(), inputs.repeat [| int64 name; 1L; 1L; 1L |], int64 name

    let step = step model

    // The code, its tables and its buffers are there once one input was seen.
    step (x.narrow (0L, 0L, rowsOfOne)) ()

    let peak =
        peakOf (fun () ->
            for _ in 1..3 do
                step x ())

    printfn $"{peak:F0}"

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
    let line name (rows: string) bare =
        let ours, bare = peakInChild name, peakInChild bare
        [ name; rows; $"{ours:F0} MiB"; $"{bare:F0} MiB"; $"{ours / bare:F2}" ]

    [
        for name, rows, _ in designs (cnn 16L) do
            line name (string (rows * 256L)) (string rows)

        for name, _ in chunked do
            line name $"{largeBatch} · 4096, {chunk} at a time" "one chunk"
    ]

/// What two threads gain over one, on a network of convolutions and on the designs around it.
let private threads rounds case =
    let inputs = 32L
    let x = batchOf case inputs

    let onThreads count work () =
        torch.set_num_threads count
        work ()

    let before = torch.get_num_threads ()

    try
        [
            for name, rows, model in
                ("bare model", 1L, case.Network())
                :: [ for name, rows, wrap in designs case -> name, rows, wrap (case.Network()) ] do
                let speedUp (work: Net -> torch.Tensor -> unit -> unit) =
                    let work = work model x

                    match Paired.measure rounds [ onThreads 1 work; onThreads 2 work ] with
                    | [ one; two ] -> Paired.format (Paired.ratio one two)
                    | _ -> failwith "two works were timed"

                [ case.Name; name; string (rows * inputs); speedUp forward; speedUp step ]
        ]
    finally
        torch.set_num_threads before

/// Measures all of it; gives the tables as Markdown.
let run rounds : string list = [
    yield!
        Tables.show
            "Time over that of the bare model on the same number of rows, under D4"
            [ "model"; "design"; "rows"; "forward"; "training step" ]
            (List.collect (overheadOf rounds) [ cnn 16L; cnn 64L; mlp 256L; mlp 1024L ])
    yield!
        Tables.show
            "The quotient design beside equitune, forward"
            [ "group"; "evaluations"; "ratio"; "measured"; "captured" ]
            (List.map (quotientBesideEquitune (max 3 (rounds / 2))) ladder)
    yield!
        Tables.show
            "Peak memory of a training step, beyond what the process holds after one on a single input (CNN, 16 channels, 256 inputs; the last two lines an MLP, 1024 wide, and over the bare model on one chunk)"
            [ "design"; "rows"; "design's"; "bare model's"; "ratio" ]
            (memories ())
    yield!
        Tables.show
            "Time on one thread over that on two"
            [ "model"; "design"; "rows"; "forward"; "training step" ]
            (List.collect (threads (max 3 (rounds / 4))) [ cnn 16L; cnn 64L ])
]
