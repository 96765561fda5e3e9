/// Runs the command-line program inside the tests.
module Equivariant.Tests.Program

open System
open System.IO
open System.Reflection

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
