/// What sharing orbits or batches between two ranks gains, beside what the second core is worth, and what messages cost.
module Equivariant.Benchmarks.Ranks

open System
open System.Diagnostics
open System.IO
open System.Threading
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Distributed
open Equivariant.Core.Groups
open Equivariant.Core.Orbits

let private d4 = Group.Dihedral 4
let private size = 16L
let private width = 1024L
let private batch = 64L

let private action = AxisAction(GridActions.Symmetries(d4, int size, int size), -1)

/// Equitune under D4 around three layers, with its optimiser: a function from a batch to a training step.
let private training (ranks: Ranks) =
    torch.manual_seed 1L |> ignore

    let network =
        torch.nn.Sequential(
            torch.nn.Linear(size * size, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, size * size)
        )

    let design =
        new Equitune(network, action, action, evaluation = Evaluation(Ranks = ranks))

    let optimiser = torch.optim.SGD(design.parameters (), 1e-4)
    design, optimiser

let private step (ranks: Ranks) =
    let design, optimiser = training ranks

    fun (x: torch.Tensor) ->
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (design.call x).square().mean().backward()
        optimiser.step () |> ignore

let private sharedStep (ranks: Ranks) =
    let design, optimiser = training Ranks.Alone
    let gradients = new SharedGradients(ranks, design)
    let struct (from, length) = ranks.Share batch

    fun (x: torch.Tensor) ->
        use scope = torch.NewDisposeScope()
        gradients.Zero()
        (design.call (x.narrow (0L, from, length))).square().mean().backward()
        gradients.Average(float length)
        optimiser.step () |> ignore

let private seconds repeats (work: unit -> unit) =
    let clock = Stopwatch.StartNew()

    for _ in 1..repeats do
        work ()

    clock.Elapsed.TotalSeconds / float repeats

/// Takes turns with ranks that sleep meanwhile: in a barrier of MPI's they would keep their cores busy.
type private Turns(ranks: Ranks) =
    let folder =
        let number = torch.tensor (int64 Environment.ProcessId)
        ranks.Broadcast number

        Directory
            .CreateDirectory(Path.Combine(Path.GetTempPath(), $"equivariant-turns-{number.item<int64>()}"))
            .FullName

    let mutable turn = 0

    /// Rank 0 works while the others sleep.
    member _.Alone(work: unit -> 'T) : 'T option =
        turn <- turn + 1
        let mark = Path.Combine(folder, string turn)
        ranks.Barrier()

        if ranks.IsFirst then
            let result = work ()
            File.WriteAllText(mark, "")
            Some result
        else
            while not (File.Exists mark) do
                Thread.Sleep 5

            None

    interface IDisposable with
        member _.Dispose() =
            ranks.Barrier()

            if ranks.IsFirst then
                Directory.Delete(folder, true)

let private measured (times: float list) =
    Paired.ratio times (List.replicate times.Length 1.0)

let private perCent (ratio: Paired.Ratio) =
    $"{100.0 * ratio.Median:F0} %% ({100.0 * ratio.LowerQuartile:F0} … {100.0 * ratio.UpperQuartile:F0})"

/// The time of a training step on N ranks, over that on one: the compute shared, and one all-reduce of so many bytes, by the usual
/// ring: 2 log₂ N latencies, and every byte sent and received twice.
let private modelled latency bandwidth compute bytes ranks =
    let n = float ranks

    compute / n
    + 2.0 * Math.Log2 n * latency
    + 2.0 * (n - 1.0) / n * bytes / bandwidth

let private table (rounds: int) (ranks: Ranks) =
    torch.set_num_threads 1
    use turns = new Turns(ranks)
    torch.manual_seed 2L |> ignore
    let x = torch.randn [| batch; size * size |]
    let one, orbit, data = step Ranks.Alone, step ranks, sharedStep ranks
    let struct (from, length) = ranks.Share batch
    let own = x.narrow (0L, from, length)
    let bytes = float (batch * size * size) * 4.0
    let parameters = torch.zeros (2L * size * size * width + width * width)
    let copy = torch.zeros_like parameters
    let word = torch.zeros 1L

    let together (work: unit -> unit) =
        ranks.Barrier()
        seconds 1 work

    let round () =
        let alone = turns.Alone(fun () -> seconds 1 (fun () -> one x))

        let twoThreads =
            turns.Alone(fun () ->
                torch.set_num_threads 2
                let time = seconds 1 (fun () -> one x)
                torch.set_num_threads 1
                time)

        let memcpy =
            turns.Alone(fun () -> seconds 5 (fun () -> copy.copy_ parameters |> ignore))

        let halves = together (fun () -> one own)
        let orbits = together (fun () -> orbit x)
        let batches = together (fun () -> data x)
        let sum = together (fun () -> ranks.Sum parameters)

        let latency =
            together (fun () ->
                for _ in 1..50 do
                    ranks.Sum word)
            / 50.0

        alone,
        [
            twoThreads
            memcpy
            Some halves
            Some orbits
            Some batches
            Some sum
            Some latency
        ]

    round () |> ignore
    let rows = [ for _ in 1..rounds -> round () ]

    if not ranks.IsFirst then
        []
    else
        let alone = rows |> List.map (fst >> Option.get)

        let column i =
            rows |> List.map (fun (_, times) -> Option.get times[i])

        let median times = (measured times).Median

        let efficiency i =
            Paired.ratio (List.map (fun t -> t / float ranks.Count) alone) (column i)

        let latency, sum = median (column 6), median (column 5)
        let size = float (parameters.numel ()) * 4.0

        let bandwidth =
            size * 2.0 * float (ranks.Count - 1)
            / float ranks.Count
            / max 1e-9 (sum - 2.0 * latency)

        let compute = median alone

        let predicted n =
            modelled latency bandwidth compute (size + bytes) n

        let gain n = compute / predicted n / float n

        let stops =
            Seq.initInfinite (fun i -> pown 2 i)
            |> Seq.find (fun n -> n >= 4096 || predicted (2 * n) > 0.9 * predicted n)

        [
            $"A training step of equitune under D4 around an MLP ({width} wide, batch {batch}) on {ranks.Count} ranks with a thread each, rank 0 on one thread = 100 %% of one core; medians of {rounds} rounds, with the quartiles:"
            ""
            "| | share of the cores that is used |"
            "| --- | --- |"
            $"| one process with {ranks.Count} threads | {perCent (efficiency 0)} |"
            $"| {ranks.Count} processes, each its share of the batch, no messages | {perCent (efficiency 2)} |"
            $"| orbit-parallel, `Evaluation(Ranks = …)` | {perCent (efficiency 3)} |"
            $"| data-parallel, `SharedGradients` | {perCent (efficiency 4)} |"
            ""
            $"All-reduce of the parameters ({size / 1e6:F1} MB) over a copy of the same bytes: {Paired.format (Paired.ratio (column 5) (column 1))}. An all-reduce of one number takes {1e6 * latency:F0} µs, and large ones move {bandwidth / 1e9:F2} GB/s."
            ""
            "With these two constants, a step on N ranks takes `compute / N + 2 log₂ N · latency + 2 (N − 1)/N · bytes / bandwidth`:"
            ""
            "| ranks | time over that of one | share of the cores that is used |"
            "| --- | --- | --- |"
            for n in [ 1; 2; 8; 64; 1024 ] do
                $"| {n} | {predicted n / compute:F3} | {100.0 * gain n:F1} %% |"
            ""
            $"Doubling the ranks beyond {stops} takes less than a tenth off: the messages do not shrink, so the step never takes less than {100.0 * 2.0 * (size + bytes) / bandwidth / compute:F1} %% of its time on one. A network that computes more for each parameter (convolutions, longer sequences, larger batches or groups) moves that point up in proportion, and an interconnect by the ratio of its bandwidth to this one. An orbit holds |G|·B rows: beyond so many ranks some have none."
        ]

/// Starts this program again as two ranks.
let private launched (rounds: int) : string list =
    let result = Path.GetTempFileName()
    let program = Path.Combine(AppContext.BaseDirectory, "Equivariant.Benchmarks.dll")

    let start =
        ProcessStartInfo(
            "mpirun",
            [
                "-n"
                "2"
                "dotnet"
                program
                "ranks"
                "--rounds"
                string rounds
                "--into"
                result
            ]
        )

    // Open MPI's; MPICH does not look at them.
    for name, value in
        [
            "OMPI_ALLOW_RUN_AS_ROOT", "1"
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"
            "OMPI_MCA_rmaps_base_oversubscribe", "1"
            // Ranks with cores of their own.
            "OMPI_MCA_hwloc_base_binding_policy", "none"
        ] do
        start.Environment[name] <- value

    try
        use job =
            try
                nonNull (Process.Start start)
            with :? ComponentModel.Win32Exception ->
                raise (
                    EquivariantException
                        "There is no mpirun on this machine: install Debian's package openmpi-bin or mpich."
                )

        job.WaitForExit()

        if job.ExitCode <> 0 then
            raise (EquivariantException $"The ranks ended with exit code {job.ExitCode}.")

        File.ReadAllLines result |> List.ofArray
    finally
        File.Delete result

/// Measures, as one of two ranks or by starting them: the lines of its table in Markdown, on rank 0.
let run (into: string option) (rounds: int) : string list =
    let ranks = Ranks.Join()

    if ranks.Count = 1 then
        let lines = launched rounds
        lines |> List.iter (printfn "%s")
        lines
    else
        let lines = table rounds ranks

        if ranks.IsFirst then
            match into with
            | Some path -> File.WriteAllLines(path, lines)
            | None -> lines |> List.iter (printfn "%s")

        lines
