/// A notebook of the site, run for real by .NET Interactive.
module Equivariant.Tests.Docs.NotebookTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Xml.Linq
open Xunit
open Equivariant
open Equivariant.Site
open Equivariant.Tests

/// The version that is known to run on this SDK.
let private version = "1.0.712001"

/// .NET Interactive, fetched once into this user's data; or why it cannot be had.
let private tool =
    lazy
        (let folder =
            Path.Combine(
                Environment.GetFolderPath(
                    Environment.SpecialFolder.LocalApplicationData,
                    Environment.SpecialFolderOption.Create
                ),
                "equivariant-tests",
                $"dotnet-interactive-{version}"
            )

         let program = Path.Combine(folder, "dotnet-interactive")

         try
             if not (File.Exists program) then
                 Program.dotnet (Path.GetTempPath()) [
                     "tool"
                     "install"
                     "Microsoft.dotnet-interactive"
                     "--version"
                     version
                     "--tool-path"
                     folder
                 ]
                 |> ignore

             Ok program
         with error ->
             Error
                 $"Microsoft.dotnet-interactive {version} cannot be had here: {error.Message.Split('\n')[0]}")

/// A test that needs .NET Interactive.
type NotebookFactAttribute() as this =
    inherit FactAttribute()

    do
        match tool.Value with
        | Ok _ -> ()
        | Error sentence -> this.Skip <- sentence

/// A kernel that runs cells of F#.
type private Kernel() =
    let running =
        let info =
            ProcessStartInfo(
                (match tool.Value with
                 | Ok program -> program
                 | Error sentence -> failwith sentence),
                [ "stdio"; "--default-kernel"; "fsharp" ],
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        info.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] <- "1"
        info.Environment["DOTNET_ROLL_FORWARD"] <- "Major"
        Process.Start info

    do
        running.ErrorDataReceived.Add ignore
        running.BeginErrorReadLine()

    let mutable number = 0

    /// Runs a cell; gives what it shows as HTML, or fails with what it says.
    member _.Run(code: string) : string list =
        number <- number + 1
        let token = $"cell{number}"

        let message =
            JsonObject(
                dict [
                    "commandType", JsonValue.Create "SubmitCode" :> JsonNode
                    "token", JsonValue.Create token
                    "command",
                    JsonObject(
                        dict [
                            "code", JsonValue.Create code :> JsonNode
                            "targetKernelName", JsonValue.Create "fsharp"
                        ]
                    )
                ]
            )

        running.StandardInput.WriteLine(message.ToJsonString())
        running.StandardInput.Flush()

        let rec hear shown (problems: string list) =
            let line = running.StandardOutput.ReadLineAsync()
            Assert.True(line.Wait(TimeSpan.FromMinutes 5.0), $"the kernel does not answer to: {code}")

            match line.Result with
            | null -> failwith $"the kernel ended at: {code}"
            | text when not (text.StartsWith '{') -> hear shown problems
            | text ->
                let event = JsonNode.Parse text
                // What the kernel says of itself answers no command.
                let ours =
                    not (isNull (event["command"])) && string (event["command"]["token"]) = token

                match string event["eventType"] with
                | "CommandSucceeded" when ours -> List.rev shown
                | "CommandFailed" when ours ->
                    let told = String.concat "\n" problems
                    failwith $"""{code}\nfails: {event["event"]["message"]}\n{told}"""
                | "ReturnValueProduced"
                | "DisplayedValueProduced" ->
                    let values = event["event"]["formattedValues"]

                    let html = [
                        for value in values.AsArray() do
                            if string value["mimeType"] = "text/html" then
                                string value["value"]
                    ]

                    hear (html @ shown) problems
                | "StandardErrorValueProduced"
                | "ErrorProduced" -> hear shown (text :: problems)
                | _ -> hear shown problems

        hear [] []

    interface IDisposable with
        member _.Dispose() =
            running.Kill true
            running.WaitForExit()
            running.Dispose()

let private docs = Repository.path [ "examples"; "docs" ]

/// The code of the notebook that the site offers for a script.
let private codeOf (script: string) packages version =
    let notebook =
        File.ReadAllText(Path.Combine(docs, script))
        |> Notebook.fromPackages version
        |> Notebook.ofScript
        |> JsonNode.Parse

    let cells = notebook["cells"]

    $"#i \"nuget: {packages}\""
    :: [
        for cell in cells.AsArray() do
            if string cell["cell_type"] = "code" then
                let source = cell["source"]
                String.concat "" [ for line in source.AsArray() -> string line ]
    ]

[<Collection "packages">]
type NotebookTests(packages: Packages) =

    [<NotebookFact>]
    member _.``the first tutorial's notebook runs from the packages, and its pictures show themselves``() =
        use kernel = new Kernel()

        let shown =
            codeOf "1-groups.fsx" packages.Folder packages.Version
            |> List.collect kernel.Run

        let pictures = shown |> List.filter _.StartsWith("<svg")
        Assert.Equal(2, pictures.Length)

        for picture in pictures do
            Assert.Equal("svg", (XDocument.Parse picture).Root.Name.LocalName)

        // What else shows itself: networks, orbits, groups and tensors.
        let shows (code: string) = kernel.Run code |> List.exactlyOne

        let network =
            shows "network { input \"x\" (image 1 4 4 |> under (cyclic 4) rotations); eq \"x\" (convNet 2) }"

        Assert.StartsWith("<pre>input", network)
        Assert.Contains("<svg", network)

        Assert.StartsWith(
            "<svg",
            shows "Diagram.orbit (image 3 8 8 |> under d4 symmetries) (Diagram.sample 8 8)"
        )

        Assert.Equal("<pre>C4 ⋊ C2, order 8</pre>", shows "d4.Core")
        Assert.Contains("[[0, 0]]", shows "TorchSharp.torch.zeros(1L, 2L)")
