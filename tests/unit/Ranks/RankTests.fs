/// Programs of several ranks, under each MPI that is on the machine: checks against one process, and faults.
module Equivariant.Tests.Ranks.RankTests

open System.Collections.Concurrent
open System.IO
open Xunit
open Xunit.Abstractions
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.Tests.Expect
open Equivariant.Tests.Program
open Equivariant.Tests.Ranks.Launch

let private checks =
    (Equivariant.RankChecks.Messages.checks
     @ Equivariant.RankChecks.OrbitParallel.checks
     @ Equivariant.RankChecks.DataParallel.checks
     @ Equivariant.RankChecks.Declared.checks
     @ Equivariant.RankChecks.Experiments.checks)
    |> List.map fst

/// One job a MPI runs all checks.
let private jobs = ConcurrentDictionary<Mpi, Job option>()

let private job mpi =
    jobs.GetOrAdd(mpi, (fun mpi -> ranks mpi 2 [ "checks" ] []))

type Tests(output: ITestOutputHelper) =

    /// Does something with a job, or says that its MPI is not here.
    let under (mpi: Mpi) (job: Job option) (look: Job -> unit) =
        match job with
        | Some job -> look job
        | None ->
            output.WriteLine $"Skipped: {mpi} is not on this machine. Install Debian's package {mpi.Package}."

    let told job =
        $"exit code {job.Code}\n{job.Output}\n{job.Error}"

    let endsWith parts (job: Job) =
        Assert.True(job.Code <> 0, told job)
        Assert.True(job.Seconds < 120.0, told job)

        for part: string in parts do
            Assert.True(job.Error.Contains part, $"does not say '{part}': {told job}")

    static member Mpis = TheoryData<Mpi>([ OpenMpi; Mpich ])

    static member Checks =
        let all = TheoryData<Mpi, string>()

        for mpi in [ OpenMpi; Mpich ] do
            for check in checks do
                all.Add(mpi, check)

        all

    [<Theory; MemberData "Checks">]
    member _.``two ranks do what one process does``(mpi: Mpi, check: string) =
        under mpi (job mpi) (fun job -> Assert.True(job.Output.Contains $"holds: {check}", told job))

    [<Theory; MemberData "Mpis">]
    member _.``a job in which all is well ends well``(mpi: Mpi) =
        under mpi (job mpi) (fun job -> Assert.True((job.Code = 0), told job))

    [<Theory; MemberData "Mpis">]
    member _.``an exception on one rank is printed once, with its rank, and ends all``(mpi: Mpi) =
        under mpi (ranks mpi 2 [ "throws" ] []) (fun job ->
            endsWith [ "Rank 1 of 2: the soup is cold." ] job
            Assert.Equal(2, job.Error.Split("the soup is cold").Length))

    [<Theory; MemberData "Mpis">]
    member _.``a rank that leaves with an exit code ends all``(mpi: Mpi) =
        under mpi (ranks mpi 2 [ "leaves" ] []) (endsWith [])

    [<Theory; MemberData "Mpis">]
    member _.``a rank that is killed ends all, and the run goes on from its checkpoint``(mpi: Mpi) =
        inFolder (fun folder ->
            under mpi (ranks mpi 2 [ "survives"; folder ] []) (fun job ->
                endsWith [] job
                Assert.DoesNotContain("from step", job.Output))

            under mpi (ranks mpi 2 [ "survives"; folder ] []) (fun job ->
                Assert.True((job.Code = 0), told job)
                Assert.Contains("from step 3", job.Output))

            // Where it has got to is where one process gets to that nothing disturbs.
            let numberOf (job: Job) =
                float (job.Output.Substring(job.Output.IndexOf ':' + 1))

            under mpi (ranks mpi 2 [ "survives"; folder ] []) (fun job ->
                let whole =
                    alone [
                        "survives"
                        Directory.CreateDirectory(Path.Combine(folder, "whole")).FullName
                    ] []

                Assert.Contains("from step 0", whole.Output)
                Assert.True(abs (numberOf job - numberOf whole) < 1e-12, $"{told job} {told whole}")))

    [<Theory; MemberData "Mpis">]
    member _.``a launcher of another MPI is refused``(mpi: Mpi) =
        let other = if mpi = OpenMpi then Mpich else OpenMpi

        if (launcher other).IsNone then
            output.WriteLine
                $"Skipped: {other} is not on this machine. Install Debian's package {other.Package}."
        else
            under mpi (ranks mpi 2 [ "join" ] [ "EQUIVARIANT_MPI", other.Library ]) (fun job ->
                endsWith
                    [
                        "started 2 ranks"
                        other.Library
                        "knows of 1"
                        "two different MPIs"
                        "mpirun"
                    ]
                    job

                Assert.DoesNotContain("rank 0 of", job.Output))

    [<Theory; MemberData "Mpis">]
    member _.``the library can be named``(mpi: Mpi) =
        under mpi (ranks mpi 2 [ "join" ] [ "EQUIVARIANT_MPI", mpi.Library ]) (fun job ->
            Assert.True((job.Code = 0), told job)
            Assert.Contains("rank 1 of 2", job.Output))

let private environment (variables: (string * string) list) name =
    variables |> List.tryFind (fst >> (=) name) |> Option.map snd |> Option.toObj

[<Fact>]
let ``without a launcher a program runs alone, whatever is installed`` () =
    Assert.Null(Launcher.Find(environment []))
    let alone = Ranks.Join()
    Assert.Equal(1, alone.Count)
    Assert.True alone.IsFirst
    Assert.Same(Ranks.Alone, alone)
    let struct (from, length) = alone.Share 7L
    Assert.Equal((0L, 7L), (from, length))

[<Fact>]
let ``an mpirun inside a Slurm job counts, not the Slurm job`` () =
    let found =
        Launcher.Find(environment [ "SLURM_STEP_NUM_TASKS", "3"; "OMPI_COMM_WORLD_SIZE", "8" ])

    Assert.Equal(8, found.Count)
    Assert.Equal<string list>([ "libmpi.so.40" ], List.ofSeq found.Libraries)
    Assert.Equal(3, Launcher.Find(environment [ "SLURM_STEP_NUM_TASKS", "3" ]).Count)
    Assert.Equal(5, Launcher.Find(environment [ "PMI_SIZE", "5"; "SLURM_STEP_NUM_TASKS", "3" ]).Count)

    for text in [ "many"; "-2"; "0"; "2.5" ] do
        refused [ "PMI_SIZE"; $"'{text}'"; "mpirun" ] (fun () ->
            Launcher.Find(environment [ "PMI_SIZE", text ]))

[<Fact>]
let ``without MPI on the machine a sentence says what to install`` () =
    let launcher = Launcher.Find(environment [ "OMPI_COMM_WORLD_SIZE", "4" ])

    refused
        [
            "started 4 ranks"
            "libnothing.so.1"
            "openmpi-bin"
            "mpich"
            "EQUIVARIANT_MPI"
        ]
        (fun () -> MpiLibrary.Load(null, [ "libnothing.so.1" ], launcher))

    refused [ "EQUIVARIANT_MPI"; "'libnothing.so.2'"; "does not load"; "unset" ] (fun () ->
        MpiLibrary.Load("libnothing.so.2", [ "libmpi.so.40" ], launcher))

    refused [ "'libc.so.6'"; "no MPI"; "EQUIVARIANT_MPI" ] (fun () ->
        MpiLibrary.Load("libc.so.6", [], launcher))

[<Fact>]
let ``shares cover all things in order, and differ by one at most`` () =
    let ranks rank count =
        Ranks
            {
                new ICommunicator with
                    member _.Rank = rank
                    member _.Count = count
                    member _.Sum _ = ()
                    member _.Broadcast(_, _) = ()
                    member _.Barrier() = ()
                    member this.Split _ = this
                    member _.Abort _ = ()
            }

    for count in [ 1; 2; 3; 7; 64 ] do
        for things in [ 0L; 1L; 5L; 64L; 1000L; System.Int64.MaxValue ] do
            let shares = [
                for rank in 0 .. count - 1 ->
                    let struct (from, length) = (ranks rank count).Share things
                    from, length
            ]

            Assert.Equal(things, shares |> List.sumBy snd)

            Assert.True(
                shares
                |> List.pairwise
                |> List.forall (fun ((from, length), (next, _)) -> from + length = next)
            )

            Assert.True(List.max (List.map snd shares) - List.min (List.map snd shares) <= 1L)
