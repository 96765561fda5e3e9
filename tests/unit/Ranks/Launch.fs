/// Starts the program of rank checks under the launchers of MPI programs that are on this machine.
module Equivariant.Tests.Ranks.Launch

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO

/// An MPI that the tests know.
type Mpi =
    | OpenMpi
    | Mpich

    /// What to install for it.
    member this.Package =
        match this with
        | OpenMpi -> "openmpi-bin"
        | Mpich -> "mpich"

    member this.Library =
        match this with
        | OpenMpi -> "libmpi.so.40"
        | Mpich -> "libmpich.so.12"

/// What a job left behind.
type Job = {
    Code: int
    Output: string
    Error: string
    Seconds: float
}

let private program =
    Path.Combine(AppContext.BaseDirectory, "Equivariant.RankChecks.dll")

let private onPath name =
    (Environment.GetEnvironmentVariable "PATH").Split(Path.PathSeparator)
    |> Array.map (fun folder -> Path.Combine(folder, name))
    |> Array.tryFind File.Exists

/// A launcher is of the MPI that it says it is of: both are called mpirun.
let private isOf mpi (launcher: string) =
    let start =
        ProcessStartInfo(launcher, "--version", RedirectStandardOutput = true, RedirectStandardError = true)

    use version = Process.Start start
    let text = version.StandardOutput.ReadToEnd() + version.StandardError.ReadToEnd()
    version.WaitForExit()

    match mpi with
    | OpenMpi -> text.Contains "Open MPI" || text.Contains "OpenRTE"
    | Mpich -> text.Contains "HYDRA"

let private launchers =
    dict [
        for mpi in [ OpenMpi; Mpich ] ->
            let own = if mpi = OpenMpi then "mpirun.openmpi" else "mpirun.mpich"
            mpi, lazy ([ own; "mpirun" ] |> List.choose onPath |> List.tryFind (isOf mpi))
    ]

/// The MPI's launcher, or null where it is not installed.
let launcher mpi = launchers[mpi].Value

/// Runs a command under a time limit after which all of it is killed.
let private start (command: string) (arguments: string list) (variables: (string * string) list) =
    let limit = TimeSpan.FromMinutes 4.0

    let info =
        ProcessStartInfo(
            command,
            arguments,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true
        )

    for name, value in variables do
        info.Environment[name] <- value

    let clock = Stopwatch.StartNew()
    use job = Process.Start info
    job.StandardInput.Close()

    let output, error =
        job.StandardOutput.ReadToEndAsync(), job.StandardError.ReadToEndAsync()

    if not (job.WaitForExit limit) then
        job.Kill(entireProcessTree = true)

    {
        Code = if job.WaitForExit 10_000 then job.ExitCode else -1
        Output = output.Result
        Error = error.Result
        Seconds = clock.Elapsed.TotalSeconds
    }

/// Runs the program alone.
let alone arguments variables =
    start "dotnet" (program :: arguments) variables

/// Runs the program as some ranks; None where the MPI is not installed.
let ranks mpi count arguments variables =
    launcher mpi
    |> Option.map (fun launcher ->
        let options =
            match mpi with
            | OpenMpi -> [ "--oversubscribe"; "--allow-run-as-root" ]
            | Mpich -> []

        // Threads of ranks that share cores would only get in each other's way.
        let variables = ("OMP_NUM_THREADS", "1") :: variables
        start launcher ([ "-n"; string count ] @ options @ [ "dotnet"; program ] @ arguments) variables)
