/// Scripts: every example runs, and the command line checks and describes the models that scripts declare.
module Equivariant.Tests.Dsl.ScriptTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Xml.Linq
open Xunit
open Equivariant.Tests

let private examples = Repository.path [ "examples" ]

/// Copies the scripts to a folder, with a preamble that takes the assemblies beside these tests instead of the
/// command-line program's build, and adds one of the test's own.
let private withScripts (own: string) (work: string -> 'T) =
    Program.inFolder (fun folder ->
        let scripts folder =
            Directory.GetFiles(Path.Combine(examples, folder), "*.fsx")

        for script in Array.append (scripts ".") (scripts "docs") do
            let text =
                File
                    .ReadAllText(script)
                    .Replace("../cli/bin/Release/net10.0/", AppContext.BaseDirectory)
                    .Replace("cli/bin/Release/net10.0/", AppContext.BaseDirectory)
                    .Replace("../equivariant.fsx", "equivariant.fsx")
                    .Replace("../dsl/", Path.Combine(examples, "..", "dsl") + "/")

            File.WriteAllText(Path.Combine(folder, Path.GetFileName script), text)

        let script = Path.Combine(folder, "own.fsx")
        File.WriteAllText(script, own)
        work folder)

let private interactive (arguments: string list) (input: string) =
    let info =
        ProcessStartInfo(
            "dotnet",
            "fsi" :: arguments,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    use running = Process.Start info
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEndAsync()
    running.StandardInput.Write input
    running.StandardInput.Close()
    running.WaitForExit()
    running.ExitCode, output.Result, error.Result

/// Libraries may say what they like on standard error; the compiler and the scripts themselves have nothing to say.
let private assertQuiet (error: string) =
    for word in [ ": warning FS"; ": error FS"; "Stopped due to error" ] do
        Assert.DoesNotContain(word, error)

[<Fact>]
let ``the script in README runs as it stands there`` () =
    let readme = File.ReadAllText(Path.Combine(examples, "..", "README.md"))

    let block =
        Text.RegularExpressions.Regex.Matches(
            readme,
            "```fsharp\n(.*?)```",
            Text.RegularExpressions.RegexOptions.Singleline
        )
        |> Seq.map (fun block -> block.Groups[1].Value)
        |> Seq.exactlyOne

    Assert.Contains("#load \"examples/equivariant.fsx\"", block)

    withScripts "" (fun folder ->
        let script =
            block.Replace("examples/equivariant.fsx", Path.Combine(folder, "equivariant.fsx"))

        let code, output, error =
            interactive [ "--nologo"; "--readline-" ] (script + "\n;;\nexit 0;;\n")

        Assert.True((code = 0), $"README's script ends with {code}: {error}")
        assertQuiet error
        Assert.Contains("12 for one set of inputs, 32 for the naive average", output))

[<Fact>]
let ``values print readably in F# Interactive`` () =
    let session =
        """#load "equivariant.fsx";;
open Equivariant;;
let d4 = semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn);;
(dihedral 4).Element(2, 1);;
rotations >< reflections;;
let model = network {
    input "x" (image 1 4 4 |> under d4 symmetries)
    eq "x" (convNet 2) };;
(Report.of' model).Evaluations;;
TorchSharp.torch.zeros(1L, 2L);;
exit 0;;
"""

    withScripts "" (fun folder ->
        let code, output, _ =
            interactive
                [ "--nologo"; "--readline-" ]
                (session.Replace("equivariant.fsx", Path.Combine(folder, "equivariant.fsx")))

        Assert.Equal(0, code)
        Assert.Contains("val d4: Group<int * int> = C4 ⋊ C2, order 8", output)
        Assert.Contains("= r² · f", output)
        Assert.Matches("Action<int \\* int> =\\s+rotations × reflections\\s", output)
        Assert.Matches("input +\"x\" +1 × 4 × 4 +C4 ⋊ C2, order 8 +rotations × reflections", output)
        Assert.Contains("= 8", output)
        Assert.Contains("[[0, 0]]", output))

let private preamble = "#load \"equivariant.fsx\"\nopen Equivariant\n"

let private sound =
    preamble
    + "printfn \"it talks\"\n"
    + "let model = network {\n  input \"x\" (image 1 4 4 |> under (cyclic 4) rotations)\n  eq \"x\" (convNet 2) }\n"

let private run command own (options: string list) =
    withScripts own (fun folder -> Program.run (command :: Path.Combine(folder, "own.fsx") :: options))

[<Fact>]
let ``check prints one line per law`` () =
    let ending = run "check" sound [ "--trials"; "5" ]
    Assert.Equal("", ending.Error)
    Assert.Equal(0, ending.Code)
    let lines = ending.Output.Trim().Split '\n'
    Assert.Equal(5, lines.Length)
    Assert.All(lines, (fun line -> Assert.StartsWith("held    model: ", line)))
    Assert.Equal("held    model: f(gx) = g f(x) on input \"x\" (5 trials)", lines[4])

[<Fact>]
let ``check ends with 1 and the counterexample if a law does not hold`` () =
    let ramp =
        "let broken = model |> Model.apply (pointwise \"ramp\" (fun x -> x * TorchSharp.torch.arange 4.0f))\n"

    let ending = run "check" (sound + ramp) [ "--trials"; "20" ]
    Assert.Equal(1, ending.Code)
    Assert.Contains("broken  broken: f(gx) = g f(x) fails: ", ending.Output)
    Assert.Contains("on input \"x\" [1,1,4,4]: max |f(gx) − g f(x)| = ", ending.Output)
    Assert.Contains("1 of 10 laws and declarations do not hold.", ending.Error)
    let json = run "check" (sound + ramp) [ "--trials"; "20"; "--json" ]
    let answers = JsonNode.Parse(json.Output).AsArray()
    Assert.Equal(10, answers.Count)

    Assert.Equal(
        1,
        answers
        |> Seq.filter (fun answer -> not (isNull answer["counterexample"]))
        |> Seq.length
    )

[<Fact>]
let ``check looks at models in lists, arrays, options, tuples, records and maps`` () =
    let own =
        sound
        + """
type Named = { Title: string; Model: Model }
let again = model |> Model.mapNetworks (fun _ -> mlp [ 2 ])
let fresh () = again |> Model.rename "x" "y"
let models = [ model; fresh () ]
let pair = "second", fresh ()
let several = [| fresh () |]
let perhaps = Some(fresh ())
let none: Model option = None
let named = [ { Title = "titled"; Model = fresh () } ]
let table = Map.ofList [ "key", fresh () ]
let numbers = [ 1 .. 100000 ]
let endless = Seq.initInfinite (fun _ -> fresh ())
let broken = [ fresh () |> Model.apply (pointwise "ramp" (fun x -> x * TorchSharp.torch.arange 4.0f)) ]
"""

    let ending = run "check" own [ "--trials"; "10"; "--json" ]
    Assert.Equal(1, ending.Code)
    let answers = JsonNode.Parse(ending.Output).AsArray()

    let found =
        answers |> Seq.map (fun answer -> string answer["model"]) |> Seq.distinct

    Assert.Equal<string seq>(
        [
            "again"
            "broken[0]"
            "model"
            "models[1]"
            "named[0].Model"
            "pair[1]"
            "perhaps"
            "several[0]"
            "table[key]"
        ],
        Seq.sort found
    )

    let fails =
        answers |> Seq.filter (fun answer -> not (isNull answer["counterexample"]))

    let failing: JsonNode = Assert.Single fails
    Assert.Equal("broken[0]", string failing["model"])

[<Fact>]
let ``check goes on to the next model after one that raises`` () =
    let own =
        preamble
        + """
let unlucky = Model.empty |> Model.input "x" (vector 4 |> under (cyclic 4) (moving "shoving" (fun _ _ -> failwith "boom"))) |> Model.eq "x" (mlp [ 2 ])
let later = Model.empty |> Model.input "x" (vector 4 |> under (cyclic 4) circle) |> Model.eq "x" (mlp [ 2 ])
"""

    let ending = run "check" own [ "--trials"; "2" ]
    Assert.Equal(1, ending.Code)
    Assert.Contains("wrong   unlucky: input \"x\": shoving raises Exception: boom", ending.Output)
    Assert.Contains("held    later: ", ending.Output)

/// The scripts that assert a difference to be small, with NaN for it.
[<Theory; InlineData("3-two-views.fsx"); InlineData("4-wrapping.fsx")>]
let ``no script passes on NaN`` (name: string) =
    withScripts "" (fun folder ->
        let file = Path.Combine(folder, name)
        let text = File.ReadAllText file

        let spoilt =
            text.Replace(".abs().max().item<float32>()", ".abs().max().item<float32>() * nanf")

        Assert.NotEqual<string>(text, spoilt)
        File.WriteAllText(file, spoilt)
        let code, _, error = interactive [ "--quiet"; "--exec"; file ] ""
        Assert.NotEqual(0, code)
        Assert.Contains("not invariant", error))

[<Fact>]
let ``turns in the script about laws are turns by the element's angle`` () =
    let own =
        """#load "5-laws.fsx"
open TorchSharp
open Equivariant
open ``5-laws``
let x = torch.randn (1L, 1L, 8L, 8L)
let element n = (cyclic 8).Element n
let far (a: torch.Tensor) (b: torch.Tensor) = (a - b).abs().max().item<float32>()
for n in 0..3 do
    let quarters = turn (element (2 * n)) x
    if not (far quarters (Seq.fold (fun x _ -> turn (element 2) x) x (seq { 1 .. n })) <= 1e-4f) then
        failwith $"the turn by {n} quarters is not {n} turns by one"
let across = x.transpose (-1L, -2L)
if not (far (turn (element 2) x) (across.flip -1L) <= 1e-4f || far (turn (element 2) x) (across.flip -2L) <= 1e-4f) then
    failwith "two eighths are no quarter"
printfn "turns are turns"
"""

    withScripts own (fun folder ->
        let code, output, error =
            interactive [ "--quiet"; "--exec"; Path.Combine(folder, "own.fsx") ] ""

        Assert.True((code = 0), error)
        Assert.Contains("turns are turns", output))

[<Fact>]
let ``what one types first compiles without a note`` () =
    let own =
        sound
        + """
let compiled = Model.compile Target.cpu model
let x = TorchSharp.torch.randn (1L, 1L, 4L, 4L)
let one = compiled.Predict x
let named = (compiled.Run("x", x))["x"]
printfn "%s" (Report.text model)
"""

    withScripts own (fun folder ->
        let code, output, error =
            interactive [ "--exec"; Path.Combine(folder, "own.fsx") ] ""

        Assert.True((code = 0), error)

        for note in [ "FS3886"; "warning FS"; "info FS" ] do
            Assert.DoesNotContain(note, output + error))

[<Fact>]
let ``check tells what is wrong with a declaration`` () =
    let ending =
        run
            "check"
            (sound
             + "let wrong = Model.empty |> Model.input \"y\" (vector 3 |> under (cyclic 4) rotations)\n")
            [ "--trials"; "2" ]

    Assert.Equal(1, ending.Code)
    Assert.Contains("wrong   wrong: network: it has no blocks", ending.Output)
    Assert.Contains("wrong   wrong: input \"y\": Quarter turns need an image", ending.Output)

[<Fact>]
let ``describe reports, and draws`` () =
    let report = run "describe" sound []
    Assert.Equal(0, report.Code)
    Assert.StartsWith("model\n\ninput", report.Output)
    Assert.Contains("4 for one set of inputs, 4 for the naive average", report.Output)
    let dot = run "describe" sound [ "--dot" ]
    Assert.StartsWith("digraph network {", dot.Output)
    Assert.Contains("\"y0:x\" -> \"m0:0\";", dot.Output)
    let svg = XDocument.Parse (run "describe" sound [ "--svg" ]).Output
    Assert.Equal("svg", svg.Root.Name.LocalName)

    let texts =
        svg.Descendants()
        |> Seq.filter (fun part -> part.Name.LocalName = "text")
        |> Seq.map _.Value

    Assert.Contains("convNet 2", texts)
    Assert.Contains("rotations", texts)

/// A model with a function of the user's in it.
let private withFunction (body: string) =
    preamble
    + "let model = network {\n  input \"x\" (image 1 4 4 |> under (cyclic 4) rotations)\n  eq \"x\" (mlp [ 4 ])\n"
    + $"  apply (pointwise \"own\" (fun x -> {body})) }}\n"

[<Fact>]
let ``a script that ends itself passes nothing that was not tried`` () =
    // The declaration is tried on zeros, and passes.
    let inside =
        run "check" (withFunction "if x.abs().sum().item<float32>() > 0.0f then exit 0 else x") [
            "--trials"
            "3"
        ]

    Assert.Equal(1, inside.Code)
    Assert.Contains("held    model: group axioms", inside.Output)
    Assert.DoesNotContain("f(gx)", inside.Output)
    Assert.Contains("ended itself with exit code 0 while the law f(gx) = g f(x)", inside.Error)

    for own, code in [ sound + "exit 0\n", 0; "exit 0\n" + sound, 0; sound + "exit 7\n", 7 ] do
        for command in [ "check"; "describe" ] do
            let ending = run command own []
            Assert.Equal((1, ""), (ending.Code, ending.Output))
            Assert.Contains($"ended itself with exit code {code} while its own lines were", ending.Error)

[<Fact>]
let ``what a script prints is never taken for an answer`` () =
    let noise =
        "printfn \"\\u001e not json\"\nprintfn \"\\u001e{\\\"a\\\":1,\\\"a\\\":2}\"\n"
        + "printfn \"\\u001e{\\\"model\\\":\\\"forged\\\",\\\"problem\\\":\\\"none\\\"}\"\nprintf \"\\u001e\"\n"
        + "eprintfn \"\\u001e\"\nSystem.Console.SetOut System.IO.TextWriter.Null\n"

    let own =
        withFunction "(printf \"\\u001e[1]\"; printfn \"\\u001e{\\\"model\\\":3}\"; x)"
        + noise

    let ending = run "check" own [ "--trials"; "3"; "--json" ]
    Assert.Equal((0, ""), (ending.Code, ending.Error))
    let answers = JsonNode.Parse(ending.Output).AsArray()
    Assert.Equal(5, answers.Count)
    Assert.All(answers, (fun answer -> Assert.Equal("model", answer["model"].GetValue<string>())))

[<Fact>]
let ``the error is shown, not what stands around it`` () =
    let noise =
        "eprintfn \"[W NNPACK.cpp:64] Could not initialize NNPACK!\"\nlet f x = match x with 1 -> 2\n"

    let ending = run "check" (noise + "failwith \"oh dear\"\n") []
    Assert.Equal((1, ""), (ending.Code, ending.Output))
    Assert.Equal("stops with an error: System.Exception: oh dear", ending.Error.Trim().Split("' ", 2)[1])

[<Fact>]
let ``a script that takes too long is stopped, and what was running is said`` () =
    let loop = "while true do System.Threading.Thread.Sleep 10\n"

    for command in [ "check"; "describe" ] do
        let ending = run command loop [ "--timeout"; "1" ]
        Assert.Equal((1, ""), (ending.Code, ending.Output))
        Assert.Contains("was stopped after 1 seconds, while ", ending.Error)

/// Whether a process is at work; one that ended and was not yet waited for is not.
let private isAtWork (pid: string) =
    match File.Exists $"/proc/{pid}/stat" with
    | false -> false
    | true ->
        try
            let state = File.ReadAllText($"/proc/{pid}/stat")
            state[state.LastIndexOf ')' + 2] <> 'Z'
        with :? IOException ->
            false

let private until (condition: unit -> bool) =
    Assert.True(Threading.SpinWait.SpinUntil(condition, TimeSpan.FromMinutes 2.0), "it takes too long")

[<Theory>]
[<InlineData("TERM", 143)>]
[<InlineData("INT", 130)>]
[<InlineData("KILL", 137)>]
let ``when the program is killed, the script goes too, and its folder`` (signal: string, code: int) =
    Program.inFolder (fun folder ->
        let at name = Path.Combine(folder, name)
        let fresh, written = at "new", at "pid"

        File.WriteAllText(
            at "own.fsx",
            $"System.IO.File.WriteAllText(@\"{fresh}\", string System.Environment.ProcessId)\n"
            + $"System.IO.File.Move(@\"{fresh}\", @\"{written}\")\n"
            + "while true do System.Threading.Thread.Sleep 10\n"
        )

        let info =
            // Where the tests run in the background, they and what they start ignore some signals.
            ProcessStartInfo(
                "env",
                "--default-signal" :: Program.commandLine [ "check"; at "own.fsx" ],
                RedirectStandardError = true
            )

        info.Environment["TMPDIR"] <- folder
        use running = Process.Start info

        let folders () =
            Directory.GetDirectories(folder, "equivariant-*")

        until (fun () -> File.Exists written || running.HasExited)
        let pid = File.ReadAllText written
        Assert.True(isAtWork pid)
        Assert.NotEmpty(folders ())
        use killing = Process.Start("kill", [ $"-{signal}"; string running.Id ])
        killing.WaitForExit()

        if not (running.WaitForExit(TimeSpan.FromMinutes 2.0)) then
            running.Kill true
            Assert.Fail $"SIG{signal} does not end the program"

        Assert.Equal(code, running.ExitCode)
        until (fun () -> not (isAtWork pid) && Array.isEmpty (folders ())))

/// A sentence, an exit code, and no stack trace.
let private refused command own options (parts: string list) =
    let ending = run command own options
    Assert.Equal(1, ending.Code)
    Assert.Equal("", ending.Output)
    Assert.Single(ending.Error.Trim().Split '\n') |> ignore

    for part in parts do
        Assert.Contains(part, ending.Error)

[<Fact>]
let ``bad scripts are refused with a sentence`` () =
    let nowhere = Program.run [ "check"; "nowhere.fsx" ]
    Assert.Equal((1, "There is no file 'nowhere.fsx'."), (nowhere.Code, nowhere.Error.Trim()))

    refused "check" (preamble + "let x: int = \"one\"\n") [] [
        "does not compile: line 3, column 14: FS0001"
        "'int'"
        "'string'"
    ]


    // What cannot compose is told by the compiler: shifts are of pairs, and C4's elements are integers.
    refused "check" (preamble + "let s = image 1 4 4 |> under (cyclic 4) shifts\n") [] [
        "does not compile: line 3"
        "Action<int>"
    ]

    refused "check" (preamble + "let g = cyclic 4\n") [] [ "declares no model" ]
    refused "check" (preamble + "failwith \"oh dear\"\n") [] [ "stops with an error"; "oh dear" ]
    refused "describe" (preamble + "let g = cyclic 4\n") [] [ "declares no model" ]
    refused "check" sound [ "--device"; "cuda:99" ] [ "There is no device \"cuda:99\"" ]
    refused "check" sound [ "--device"; "abacus" ] [ "There is no device \"abacus\"" ]
    refused "check" sound [ "--device"; "a\"b\\c\n\000" ] [ "There is no device \"a\"b\\c" ]
    refused "check" sound [ "--trials"; "0" ] [ "--trials 0" ]

[<Fact>]
let ``a script may have any name that ends in fsx`` () =
    for name in [ "it's ß (1,2).fsx"; "EquivariantDriver.fsx" ] do
        withScripts "" (fun folder ->
            let script = Path.Combine(folder, name)
            File.WriteAllText(script, sound)
            let ending = Program.run [ "check"; script; "--trials"; "1" ]
            Assert.Equal((0, ""), (ending.Code, ending.Error)))

    withScripts "" (fun folder ->
        let script = Path.Combine(folder, "own.txt")
        File.WriteAllText(script, sound)
        let ending = Program.run [ "check"; script ]
        Assert.Equal((1, ""), (ending.Code, ending.Output))
        Assert.Contains("has to end in .fsx", ending.Error))
