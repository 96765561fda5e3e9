/// Runs the command-line program inside the tests.
module Equivariant.Tests.Program

open System
open System.Diagnostics
open System.IO
open System.Reflection
open Xunit

/// What the program left behind.
type Ending = {
    Code: int
    Output: string
    Error: string
}

let private entryPoint = lazy (Assembly.Load "Equivariant.Cli").EntryPoint

/// Runs the program with some arguments, as a shell would.
let run (arguments: string list) =
    let output, error = Console.Out, Console.Error
    use newOutput = new StringWriter()
    use newError = new StringWriter()
    Console.SetOut newOutput
    Console.SetError newError

    try
        let code = entryPoint.Value.Invoke(null, [| Array.ofList arguments |]) :?> int

        {
            Code = code
            Output = newOutput.ToString()
            Error = newError.ToString()
        }
    finally
        Console.SetOut output
        Console.SetError error

/// Does some work with an environment variable set, or not set.
let withVariable (name: string) (value: string option) (work: unit -> 'T) =
    let before = Environment.GetEnvironmentVariable name
    Environment.SetEnvironmentVariable(name, Option.toObj value)

    try
        work ()
    finally
        Environment.SetEnvironmentVariable(name, before)

/// Runs some work with a new folder, which goes afterwards.
let inFolder (work: string -> 'T) =
    let folder = Directory.CreateTempSubdirectory "equivariant-"

    try
        work folder.FullName
    finally
        folder.Delete true

/// Runs dotnet; fails the test with what it says if it does not succeed.
let dotnet (folder: string) (arguments: string list) : string =
    let info =
        ProcessStartInfo(
            "dotnet",
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    // What the test run's own build set is not meant for this one.
    for name in List.ofSeq info.Environment.Keys do
        if name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) then
            info.Environment.Remove name |> ignore

    // Build servers would outlive the test, and hold on to its output.
    info.Environment["MSBUILDDISABLENODEREUSE"] <- "1"
    use running = Process.Start info
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()
    let command = String.concat " " arguments

    Assert.True(
        (running.ExitCode = 0),
        $"dotnet {command} ends with {running.ExitCode}: {output}{error.Result}"
    )

    output

/// The words that start the program as a process of its own, for what only a process shows.
let commandLine (arguments: string list) : string list =
    let here name =
        Path.Combine(AppContext.BaseDirectory, name)

    [
        "dotnet"
        "exec"
        "--runtimeconfig"
        here "Equivariant.Tests.runtimeconfig.json"
        "--depsfile"
        here "Equivariant.Tests.deps.json"
        here "Equivariant.Cli.dll"
        yield! arguments
    ]
