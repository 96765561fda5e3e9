/// F# Interactive as a process that never outlives its use.
module internal Equivariant.Cli.Interpreter

open System
open System.Diagnostics
open System.IO
open System.Threading
open Equivariant.Core

/// How a run ended.
type Ending = { Code: int; Error: string list }

let private start (arguments: string list) =
    let dotnet =
        Environment.GetEnvironmentVariable "DOTNET_HOST_PATH"
        |> Option.ofObj
        |> Option.defaultValue "dotnet"

    let info =
        ProcessStartInfo(
            dotnet,
            "fsi" :: arguments,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    try
        match Process.Start info with
        | null -> raise (EquivariantException "F# Interactive does not start: is the .NET SDK installed?")
        | started -> started
    with :? ComponentModel.Win32Exception ->
        raise (
            EquivariantException
                $"'%s{dotnet}' does not start: scripts need the .NET SDK, with F# Interactive."
        )

/// A text in F#, whatever is in it.
let literal (text: string) =
    let letter (letter: char) =
        if Char.IsAsciiLetterOrDigit letter || " /._-".Contains letter then
            string letter
        else
            $"\\u%04X{int letter}"

    "\"" + String.collect letter text + "\""

/// Runs before all else in F# Interactive. Its standard input ends when this program does, however that comes about;
/// then it goes too, and takes the folder with it. A script finds its own input empty.
let private guard (folder: string) =
    $"""let output = System.Console.Out
let private input = System.Console.OpenStandardInput()
System.Console.SetIn System.IO.TextReader.Null

let private watch () =
    (try
        while input.Read(Array.zeroCreate<byte> 1, 0, 1) > 0 do ()
     with _ -> ())
    (try System.IO.Directory.Delete({literal folder}, true) with _ -> ())
    System.Diagnostics.Process.GetCurrentProcess().Kill()

System.Threading.Thread(System.Threading.ThreadStart watch, IsBackground = true).Start()
"""

/// Waits for a task, but no longer than the token allows.
let private await (token: CancellationToken) (task: Tasks.Task<'T>) =
    task.WaitAsync(token).GetAwaiter().GetResult()

let private killWhole (running: Process) =
    try
        running.Kill(entireProcessTree = true)
        running.WaitForExit()
    with
    | :? InvalidOperationException
    | :? AggregateException -> ()

/// What is left to do after the last answer takes no longer.
let private lastMoments = TimeSpan.FromSeconds 2.0

/// Runs code in F# Interactive, after a prelude, which can print before anything that the code loads. Each line that is
/// printed is handed over, until one is said to be the last; gives how the run ended if none was. Nothing is left behind,
/// neither processes nor files. The code finds the output that it started with in EquivariantGuard.output.
let run (prelude: string) (code: string) (limit: CancellationToken) (isLast: string -> bool) : Ending option =
    let folder = Directory.CreateTempSubdirectory "equivariant-"

    let write name (text: string) =
        let path = Path.Combine(folder.FullName, name)
        File.WriteAllText(path, text)
        path

    try
        let guard = write "EquivariantGuard.fsx" (guard folder.FullName + prelude)
        let driver = write "EquivariantDriver.fsx" $"#load {literal guard}\n%s{code}"
        use running = start [ "--nologo"; "--quiet"; "--exec"; driver ]

        try
            let errors = running.StandardError.ReadToEndAsync()

            let rec follow () =
                match running.StandardOutput.ReadLineAsync() |> await limit with
                | null -> false
                | line -> isLast line || follow ()

            if follow () then
                running.WaitForExit lastMoments |> ignore
                None
            else
                running.WaitForExitAsync(limit).GetAwaiter().GetResult()

                Some {
                    Code = running.ExitCode
                    Error = (await limit errors).Split '\n' |> List.ofArray
                }
        finally
            killWhole running
    finally
        // The guard may have been faster.
        try
            folder.Delete true
        with :? DirectoryNotFoundException ->
            ()
