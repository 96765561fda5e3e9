/// The command of an experiment, and those that serve all experiments.
module Equivariant.Tests.Bench.CommandTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Xunit
open Equivariant.Bench
open Equivariant.Tests

let private words (ending: Program.Ending) =
    ending.Output.Split([| ' '; '\n'; '\t' |], StringSplitOptions.RemoveEmptyEntries)
    |> String.concat " "

let private assertComplains code (sentence: string) arguments =
    let ending = Program.run arguments
    Assert.Contains(sentence, ending.Error)
    Assert.DoesNotContain("\n", ending.Error.Trim())
    Assert.Empty ending.Output
    Assert.Equal(code, ending.Code)

[<Fact>]
let ``what is wrong with a command line is one sentence, before anything is done`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "file")
        File.WriteAllText(file, "")
        let below = Path.Combine(file, "run")

        assertComplains 1 "'tape' is no recurrent network: choose gru, lstm or rnn." [
            "scan"
            "--cell"
            "tape"
        ]

        assertComplains 2 "unrecognized argument: '--fast'" [ "scan"; "--fast" ]
        assertComplains 1 "'hop' is not an input word of SCAN-II" [ "scan"; "--translate"; "jump and hop" ]
        assertComplains 1 "--epochs 0 makes no sense" [ "scan"; "--epochs"; "0" ]
        assertComplains 1 "--threads 0 makes no sense" [ "scan"; "--threads"; "0" ]
        assertComplains 1 "Give --seed or --seeds, not both." [ "scan"; "--seed"; "1"; "--seeds"; "1"; "2" ]
        assertComplains 1 "Give --quick or --tiny, not both." [ "scan"; "--quick"; "--tiny" ]

        assertComplains 1 "The device 'abacus' can't be used" [
            "scan"
            "--device"
            "abacus"
            "--out"
            folder
        ]

        assertComplains 1 $"The folder '{below}' can't be written" [ "scan"; "--quick"; "--out"; below ]
        assertComplains 1 "There are no results in" [ "report"; folder ]
        assertComplains 1 "'scam' is no experiment: there are scan" [ "soak"; "scam" ]
        assertComplains 1 "--steps 0 makes no sense" [ "soak"; "scan"; "--steps"; "0" ]

        assertComplains 1 "'tape' is no recurrent network" [
            "soak"
            "scan"
            "--cell"
            "tape"
            "--steps"
            "10"
        ]

        assertComplains 2 "unrecognized argument: '--fast'" [ "soak"; "scan"; "--steps"; "10"; "--fast" ]

        for experiment, option in [ "graphs", "exp"; "fairness", "samples" ] do
            assertComplains 1 $"--{option} {below}: there is no such file or folder." [
                experiment
                $"--{option}"
                below
                "--out"
                Path.Combine(folder, "out")
            ]

        Assert.Equal<string[]>([| file |], Directory.GetFileSystemEntries folder))

[<Fact>]
let ``help shows the options of all experiments, and its own`` () =
    let ending = Program.run [ "scan"; "--help" ]
    Assert.Equal((0, ""), (ending.Code, ending.Error))
    let text = words ending
    Assert.Contains("scan --quick --cell lstm", text)
    Assert.Contains("--resume", text)
    Assert.Contains("--finetune-epochs <number> how often", text)
    Assert.Contains("scan compare plain", words (Program.run [ "--help" ]))

[<Fact>]
let ``runs are listed with their numbers`` () =
    let lines =
        (Program.run [ "scan"; "--list"; "--seeds"; "3"; "-1"; "3" ]).Output.Trim().Split '\n'

    Assert.Equal("1\tseed 3, pretrained", lines[0])
    Assert.Contains("seed -1, equitune", String.concat "\n" lines)
    Assert.Equal(lines.Length, lines |> Array.distinct |> Array.length)
    Assert.Equal(string lines.Length, (Array.last lines).Split('\t')[0])

[<Fact>]
let ``a run prints tables and writes its files; its parts merge to one report`` () =
    Program.inFolder (fun folder ->
        let at name = Path.Combine(folder, name)

        let run arguments =
            let ending = Program.withVariable "COLUMNS" None (fun () -> Program.run arguments)
            Assert.True((ending.Code = 0), ending.Error)
            ending

        let one number = [ "scan"; "--tiny"; "--only"; number; "--out"; at number ]
        let ending = run (one "1")
        Assert.Contains("pretrained 0.0 0.0", words ending)
        Assert.Contains("Note: the pretrained network translates only 0.0 %", ending.Output)
        Assert.Contains("seed 1, pretraining, training", ending.Error)
        run (one "2") |> ignore
        let page, readme = at "page.html", at "README.md"
        File.WriteAllText(readme, "# Mine\n")
        let both = run [ "report"; at "1"; at "2"; "--out"; page; "--readme"; readme ]
        Assert.Contains("pretrained 0.0 0.0", words both)
        Assert.Contains("plain 0.0 0.0", words both)
        Assert.Contains("<svg", File.ReadAllText page)
        Assert.StartsWith("# Mine\n", File.ReadAllText readme)
        Assert.Contains("| plain | 0.0 |", File.ReadAllText readme)

        // Translating in the end costs no training, and going on repeats nothing.
        let translated = run [ yield! one "2"; "--resume"; "--translate"; "jump left" ]
        Assert.Contains("SCAN-II: I_TURN_LEFT I_JUMP", translated.Output)
        Assert.Contains("seed 1, plain: ", translated.Output)
        let json = run [ yield! one "2"; "--resume"; "--json" ]

        Assert.Equal(
            "scan",
            JsonDocument.Parse(json.Output).RootElement.GetProperty("experiment").GetString()
        ))

/// Runs the program as a process of its own, below some other command.
let private start (below: string list) arguments =
    let words = below @ Program.commandLine arguments

    let info =
        ProcessStartInfo(words.Head, words.Tail, RedirectStandardError = true, RedirectStandardOutput = true)
    // Memory that is mapped twice is a file too, for those that limit files.
    info.Environment["DOTNET_EnableWriteXorExecute"] <- "0"
    info.Environment["DOTNET_EnableDiagnostics"] <- "0"
    Process.Start info

[<Fact>]
let ``Ctrl-C finishes the step, writes a checkpoint and says how to go on`` () =
    Program.inFolder (fun folder ->
        let out = Path.Combine(folder, "a run")

        // Where the tests run in the background, they and what they start ignore some signals.
        use running =
            start [ "env"; "--default-signal" ] [ "scan"; "--quick"; "--cell"; "rnn"; "--out"; out ]

        let first = running.StandardError.ReadLine()
        Assert.Contains("seed 1, pretraining, training", first)
        use killing = Process.Start("kill", [ "-INT"; string running.Id ])
        killing.WaitForExit()
        let rest = running.StandardError.ReadToEnd()

        if not (running.WaitForExit(TimeSpan.FromMinutes 2.0)) then
            running.Kill true
            Assert.Fail "Ctrl-C does not end the run"

        Assert.Equal(130, running.ExitCode)

        Assert.Equal(
            $"Stopped by SIGINT. Go on with: equivariant scan --quick --cell rnn --out '{out}' --resume",
            rest.TrimEnd().Split('\n') |> Array.last
        )

        let checkpoint = Directory.GetFiles(out, "*.safetensors") |> Array.exactlyOne
        let struct (_, texts) = Equivariant.Core.Serialization.Safetensors.Read checkpoint
        let content = Json.parse<TrainingContent> texts["content"]
        Assert.NotEmpty content.Batches
        Assert.False content.Finished)

[<Fact>]
let ``a full disk leaves the old files and nothing else`` () =
    Program.inFolder (fun folder ->
        let out = Path.Combine(folder, "run")
        let arguments number = [ "scan"; "--tiny"; "--only"; number; "--out"; out ]
        Assert.Equal(0, (Program.run (arguments "1")).Code)

        let contents () = [
            for path in Directory.GetFiles out |> Array.sort -> Path.GetFileName path, File.ReadAllBytes path
        ]

        let before = contents ()

        // No file may grow beyond some kilobytes: what a full disk is, without one.
        let limited = [ "bash"; "-c"; "trap '' XFSZ; ulimit -f 8; exec \"$@\""; "limited" ]
        use running = start limited (arguments "2" @ [ "--resume" ])
        let error = running.StandardError.ReadToEnd().Trim().Split('\n') |> Array.last
        running.WaitForExit()
        Assert.Equal(1, running.ExitCode)
        Assert.Contains("seed-1-finetuning-plain.safetensors' can't be written", error)
        Assert.Equal<(string * byte[]) list>(before, contents ()))
