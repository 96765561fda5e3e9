/// The scripts that do the runs of a sweep, with a program that only writes down how it is called.
module Equivariant.Tests.Bench.SweepTests

open System
open System.Diagnostics
open System.IO
open Xunit
open Equivariant.Tests

let private script name =
    Repository.path [ "examples"; "sweep"; name ]

let private executable (path: string) (lines: string list) =
    File.WriteAllText(path, String.concat "\n" ("#!/usr/bin/env bash" :: lines) + "\n")

    File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute)

/// Runs a command with an `equivariant` and an `sbatch` of its own on the path, in a folder.
let private bash folder (words: string list) (variables: (string * string) list) =
    let info =
        ProcessStartInfo(
            "bash",
            words,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    let path = Environment.GetEnvironmentVariable "PATH"

    for name, value in ("PATH", $"{folder}:{path}") :: variables do
        info.Environment[name] <- value

    use running = Process.Start info
    let output = running.StandardOutput.ReadToEnd()
    let error = running.StandardError.ReadToEnd()
    running.WaitForExit()
    running.ExitCode, output, error

let private inSweep work =
    Program.inFolder (fun folder ->
        executable (Path.Combine(folder, "equivariant")) [
            "if [[ \" $* \" == *' --list '* ]]; then printf '1\\tone\\n2\\ttwo\\n3\\tthree\\n'; exit; fi"
            "printf '<%s>' \"$@\" $'\\n' >> calls"
        ]

        executable (Path.Combine(folder, "sbatch")) [ "printf '%s\\n' \"$@\" --- >> jobs"; "echo 77" ]
        work folder)

let private calls folder =
    File.ReadAllText(Path.Combine(folder, "calls")).Split("<\n>", StringSplitOptions.RemoveEmptyEntries)
    |> List.ofArray

let private expected number =
    $"<scan><--translate><jump 'left' $HOME><--only><{number}><--resume><--out><a sweep/run-{number}>"

let private arguments = [ "scan"; "--translate"; "jump 'left' $HOME" ]

[<Fact>]
let ``every run of a sweep is done, each in a folder of its own, and reported`` () =
    inSweep (fun folder ->
        let code, _, error =
            bash folder ([ script "parallel.sh"; "a sweep"; "2" ] @ arguments) []

        Assert.True((code = 0), error)
        let calls = calls folder
        Assert.Equal<string list>(List.map expected [ 1..3 ], calls |> List.take 3 |> List.sort)

        Assert.Equal(
            "<report><a sweep/run-1><a sweep/run-2><a sweep/run-3><--out><a sweep/report.html>",
            calls[3]
        ))

[<Fact>]
let ``a job array does every run, and its report waits for them`` () =
    inSweep (fun folder ->
        let code, output, error =
            bash folder ([ script "slurm.sh"; "a sweep" ] @ arguments) [ "SBATCH_OPTIONS", "--time=1:00:00" ]

        Assert.True((code = 0), error)
        Assert.Contains("Job array 77", output)
        let jobs = File.ReadAllText(Path.Combine(folder, "jobs")).Split("---\n")
        Assert.Contains("--array=1-3\n", jobs[0])
        Assert.Contains("--time=1:00:00\n", jobs[0])
        Assert.Contains("--dependency=afterok:77\n", jobs[1])

        // What Slurm would run.
        for job in [ 0; 1 ] do
            let command =
                jobs[job].Split '\n'
                |> Array.find _.StartsWith("--wrap=")
                |> _.Substring("--wrap=".Length)

            let code, _, error = bash folder [ "-c"; command ] [ "SLURM_ARRAY_TASK_ID", "2" ]
            Assert.True((code = 0), error)

        Assert.Equal<string list>(
            [
                expected 2
                "<report><a sweep/run-1><a sweep/run-2><a sweep/run-3><--out><a sweep/report.html>"
            ],
            calls folder
        ))

[<Fact>]
let ``without arguments the scripts say how they are called`` () =
    for name in [ "parallel.sh"; "slurm.sh" ] do
        let code, _, error = bash "/" [ script name ] []
        Assert.Equal(2, code)
        Assert.Contains($"examples/sweep/{name} ", error)
