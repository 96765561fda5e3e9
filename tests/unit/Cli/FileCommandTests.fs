/// The commands that read files of groups: what they print, and what they say of bad files.
module Equivariant.Tests.Cli.FileCommandTests

open System
open System.IO
open System.Text.Json.Nodes
open Xunit
open Equivariant.Tests

let private withFile (content: string) (work: string -> 'T) =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "input.json")
        File.WriteAllText(file, content)
        work file)

let private c4 = """{"name":"C4","degree":4,"generators":[[1,2,3,0]]}"""

[<Fact>]
let ``one object gives an array of one, and a table names every field`` () =
    withFile c4 (fun file ->
        let json = Program.run [ "group"; file; "--json" ]
        Assert.Equal(0, json.Code)
        Assert.Contains("\"order\":\"4\"", json.Output)
        Assert.StartsWith("[", json.Output)
        let table = Program.run [ "group"; file ]
        Assert.Equal(0, table.Code)

        for field in [ "name"; "degree"; "order"; "abelian"; "conjugacyClasses"; "invariantDim3" ] do
            Assert.Contains(field, table.Output))

/// Numbers as a reader sees them: digits side by side, in a line.
let private numbers (text: string) =
    Text.RegularExpressions.Regex.Matches(text, "[0-9]+")
    |> Seq.map _.Value
    |> Set.ofSeq

let private widest (text: string) =
    text.Split '\n' |> Seq.map String.length |> Seq.max

/// Generators of the symmetric group on some points.
let private symmetric n =
    let list (images: int seq) = "[" + String.Join(",", images) + "]"

    let cycle = list (Seq.init n (fun i -> (i + 1) % n))
    let swap = list [ 1; 0; yield! [ 2 .. n - 1 ] ]
    $"[{cycle},{swap}]"

[<Theory>]
[<InlineData(null)>]
[<InlineData("300")>]
[<InlineData("80")>]
[<InlineData("20")>]
[<InlineData("1")>]
let ``no number in a table is cut, and COLUMNS is the width where the numbers allow`` (columns: string) =
    let files = [
        "group",
        $"{{\"name\":\"S60\",\"degree\":60,\"generators\":{symmetric 60}}}",
        "8320987112741390144276341183223364380754172606361245952449277696409600000000000000"
        "design",
        $"[{{\"name\":\"S25\",\"degree\":25,\"generators\":{symmetric 25},\"kernels\":[{{\"generators\":[]}}]}},{c4[.. c4.Length - 2]},\"kernels\":[{{\"generators\":[[2,3,0,1]]}},{{\"generators\":[]}}]}}]",
        "15511210043330985984000000"
        "hom",
        $"{{\"name\":\"S30\",\"V\":{{\"degree\":30,\"generators\":{symmetric 30}}},\"W\":{{\"degree\":30,\"generators\":{symmetric 30}}}}}",
        "265252859812191058636308480000000"
    ]

    for command, content, order in files do
        let text =
            withFile content (fun file ->
                Program.withVariable "COLUMNS" (Option.ofObj columns) (fun () ->
                    (Program.run [ command; file ]).Output))

        Assert.Contains(order, numbers text)
        let limit = if isNull columns then 1000 else int columns
        Assert.InRange(widest text, 1, max limit (order.Length + 20))

        if limit > 250 then
            Assert.StartsWith("╭", text)

[<Fact>]
let ``a table that fits is a table, with its numbers to the right`` () =
    let table =
        withFile c4 (fun file ->
            Program.withVariable "COLUMNS" (Some "200") (fun () -> (Program.run [ "group"; file ]).Output))

    let lines = table.TrimEnd().Split '\n'
    Assert.Equal(5, lines.Length)
    Assert.Contains("│ C4   │      4 │     4 │    true │", lines[3])

[<Fact>]
let ``names can't draw on the terminal`` () =
    let name = "C4\\u001b[31m\\nrow\\u202e\\u0007"

    withFile $"[{{\"name\":\"{name}\",\"degree\":1,\"generators\":[]}},{{\"name\":\"{name}\"}}]" (fun file ->
        let ending = Program.run [ "group"; file ]
        Assert.Equal(1, ending.Code)

        for text in [ ending.Output; ending.Error ] do
            Assert.Contains("C4\\u001b[31m\\nrow\\u202e\\u0007", text)
            Assert.DoesNotContain(text.Replace("\n", ""), Char.IsControl))

[<Theory>]
[<InlineData("4.0")>]
[<InlineData("4e0")>]
[<InlineData("0.4E+1")>]
[<InlineData("400.00e-2")>]
let ``an integer may be written with a point or an exponent`` (four: string) =
    withFile $"{{\"degree\":{four},\"generators\":[[1,2.0,3,0e7]]}}" (fun file ->
        let ending = Program.run [ "group"; file; "--json" ]
        Assert.Equal((0, ""), (ending.Code, ending.Error))
        Assert.Contains("\"order\":\"4\"", ending.Output))

let private batch =
    """[{"name":"first","degree":2,"generators":[[1,0]]},
        {"name":"short","degree":3,"generators":[[1,0]]},
        7,
        {"name":"twice","degree":1,"degree":2,"generators":[]},
        {"name":"last","degree":3,"generators":[[1,2,0]]}]"""

[<Fact>]
let ``a bad entry is named, and the others are answered`` () =
    withFile batch (fun file ->
        let table = Program.run [ "group"; file ]
        Assert.Equal(1, table.Code)
        Assert.Contains("│ first │", table.Output)
        Assert.Contains("│ last  │", table.Output)
        Assert.DoesNotContain("short", table.Output)
        let complaints = table.Error.Trim().Split '\n'
        Assert.Equal(3, complaints.Length)
        Assert.Contains("entry 1 (short): Generator 0", complaints[0])
        Assert.Contains("entry 2: an object", complaints[1])
        Assert.Contains("entry 3 (twice): the field 'degree' is given twice", complaints[2])

        let json = Program.run [ "group"; file; "--json" ]
        Assert.Equal((1, table.Error), (json.Code, json.Error))

        let text (name: string) (entry: JsonNode) =
            match entry[name] with
            | null -> None
            | value -> Some(value.GetValue<string>())

        let entries = JsonNode.Parse(json.Output).AsArray() |> List.ofSeq

        Assert.Equal<string option list>(
            [ Some "first"; Some "short"; None; Some "twice"; Some "last" ],
            List.map (text "name") entries
        )

        Assert.Equal<string option list>(
            [ Some "2"; None; None; None; Some "3" ],
            List.map (text "order") entries
        )

        Assert.Equal<bool list>(
            [ false; true; true; true; false ],
            entries |> List.map (fun entry -> (text "error" entry).IsSome)
        ))

let private refuse command content (parts: string list) =
    withFile content (fun file ->
        let ending = Program.run [ command; file ]
        Assert.Equal(1, ending.Code)
        Assert.Equal("", ending.Output)
        Assert.Single(ending.Error.Trim().Split '\n') |> ignore
        Assert.DoesNotContain("   at ", ending.Error)

        for part in parts do
            Assert.Contains(part, ending.Error))

[<Fact>]
let ``bad files of groups each have a message of their own`` () =
    refuse "group" "not json" [ "is not JSON"; "line 1" ]
    refuse "group" "[1]" [ "entry 0"; "an object" ]
    refuse "group" "null" [ "an object" ]
    refuse "group" """{"name":"X","generators":[[0]]}""" [ "(X)"; "'degree' is missing" ]
    refuse "group" """{"name":"X","degree":2}""" [ "'generators' is missing" ]
    refuse "group" """{"degree":"two","generators":[]}""" [ "degree has to be an integer"; "\"two\"" ]
    refuse "group" """{"degree":2.5,"generators":[]}""" [ "degree has to be an integer" ]
    refuse "group" """{"degree":2,"generators":[[0,0]]}""" [ "Generator 0"; "entries 0 and 1 are both 0" ]
    refuse "group" """{"degree":2,"generators":[[0,2]]}""" [ "entry 1 is 2" ]
    refuse "group" """{"degree":3,"generators":[[1,0]]}""" [ "the degree is 3" ]
    refuse "group" """{"degree":2,"generators":[["a","b"]]}""" [ "entry 0 of generator 0"; "integer" ]
    refuse "group" """{"degree":2,"generators":[5]}""" [ "generator 0"; "list" ]
    refuse "group" """{"degree":0,"generators":[]}""" [ "at least 1 point" ]
    refuse "group" """{"degree":-3,"generators":[]}""" [ "-3" ]
    refuse "group" """{"degree":1000000000,"generators":[]}""" [ "1000000000" ]
    refuse "hom" c4 [ "'V' is missing" ]

    refuse "hom" """{"V":{"degree":2,"generators":[[1,0]]},"W":{"degree":2,"generators":[]}}""" [
        "generators"
    ]

    refuse "design" c4 [ "'kernels' is missing"; "--budget" ]
    refuse "design" """{"degree":2,"generators":[[1,0]],"kernels":[]}""" [ "'kernels' is empty"; "--budget" ]

    refuse "design" """{"degree":2,"generators":[[1,0]],"kernels":[{}]}""" [
        "kernel 0: the field 'generators'"
    ]

    refuse "design" """{"degree":3,"generators":[[1,2,0],[1,0,2]],"kernels":[{"generators":[[1,0,2]]}]}""" [
        "normal"
    ]

    refuse "design" """{"degree":4,"generators":[[1,2,3,0]],"kernels":[{"generators":[[1,0,2,3]]}]}""" [
        "(0 1)"
    ]

[<Fact>]
let ``what is no JSON of groups is refused in a sentence about it`` () =
    let nested depth = String('[', depth) + String(']', depth)
    let refuse = refuse "group"
    refuse "" [ "is not JSON" ]
    refuse """{"degree":1,"degree":1,"generators":[]}""" [ "the field 'degree' is given twice" ]
    refuse """{"degree":1,"\u0064egree":1,"generators":[]}""" [ "the field 'degree' is given twice" ]
    refuse """{"degree":1,"generators":[],"note":{"a":1,"a":2}}""" [ "the field 'a' is given twice" ]
    refuse """{"name":"\ud800","degree":1,"generators":[]}""" [ "half of a surrogate pair" ]

    refuse """{"name":"x","note":["\udc00"],"degree":1,"generators":[]}""" [
        "(x)"
        "half of a surrogate pair"
    ]

    refuse """{"\ud800":1,"degree":1,"generators":[]}""" [ "half of a surrogate pair" ]
    refuse $"{{\"degree\":1,\"generators\":{nested 100_000}}}" [ "nested more than 32 levels deep" ]
    refuse (nested 40) [ "entry 0"; "nested more than 32 levels deep" ]
    refuse """{"degree":99999999999,"generators":[]}""" [ "degree is 99999999999"; "up to 2147483647" ]
    refuse """{"degree":-2147483648,"generators":[]}""" [ "degree is -2147483648"; "up to 2147483647" ]
    refuse """{"degree":1e400,"generators":[]}""" [ "degree is 1e400"; "up to 2147483647" ]
    refuse """{"degree":1e-999999999999,"generators":[]}""" [ "has to be an integer, not 1e-999999999999" ]
    refuse """{"degree":4.00000000000000000000000000000001,"generators":[]}""" [ "has to be an integer" ]
    refuse """{"degree":null,"generators":[]}""" [ "'degree' is null" ]

    refuse $"{{\"degree\":\"{String('x', 5000)}\",\"generators\":[]}}" [
        "has to be an integer, not \"xxx"
        "…"
    ]

[<Fact>]
let ``what is no file to read is refused in a sentence about it`` () =
    let refused (path: string) (part: string) =
        for command in [ "group"; "hom"; "design"; "check"; "describe" ] do
            let ending = Program.run [ command; path ]
            Assert.Equal((1, ""), (ending.Code, ending.Output))
            Assert.Contains(part, ending.Error)
            Assert.DoesNotContain("should not have happened", ending.Error)
            Assert.DoesNotContain(ending.Error.TrimEnd(), Char.IsControl)

    refused "" "An empty name"
    refused "a\000b" "NUL"
    refused "no\u001b[31m\nfile" "There is no file 'no\\u001b[31m\\nfile'."
    refused (String('x', 5000)) "can't be read"
    Program.inFolder (fun folder -> refused folder "is a folder")

    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "latin.json")
        File.WriteAllText(file, "{\"name\":\"é\",\"degree\":1,\"generators\":[]}", Text.Encoding.Latin1)
        let ending = Program.run [ "group"; file ]
        Assert.Equal((1, ""), (ending.Code, ending.Output))
        Assert.Contains("some of its bytes are not UTF-8", ending.Error))

    let endless = Program.run [ "group"; "/dev/zero" ]
    Assert.Equal((1, ""), (endless.Code, endless.Output))
    Assert.Contains("'/dev/zero' is too large", endless.Error)

[<Fact>]
let ``a file with a byte order mark is read`` () =
    for encoding in [ Text.UTF8Encoding true :> Text.Encoding; Text.UnicodeEncoding() ] do
        Program.inFolder (fun folder ->
            let file = Path.Combine(folder, "marked.json")
            File.WriteAllText(file, c4, encoding)
            Assert.Equal(0, (Program.run [ "group"; file ]).Code))

/// Options that make no sense: a sentence each, before anything is done.
let private misused: obj[] seq =
    [
        1, "--seeds needs numbers", "scan --seeds"
        1, "not both", "scan --seeds 1 --seed 2"
        1, "from 1 to 10000", "scan --epochs 2000000000"
        1, "from 1 to 10000", "scan --finetune-epochs -1"
        1, "from 1 to 1024", "scan --threads 1000000"
        1, "from 1 to 1024", "scan --threads 0"
        1, "'' is no recurrent network", "scan --cell ''"
        1, "The device '' can't be used", "scan --device ''"
        1, "no folder's name", "scan --out ''"
        1, "--translate needs a sentence", "scan --translate ''"
        2, "'--seed'", "scan --seed ''"
        2, "'--seed'", "scan --seed 99999999999"
        2, "more than once", "scan --seed 1 --seed 2"
        2, "more than once", "scan --quick --quick"
        2, "more than once", "design FILE --budget 2 --budget 3"
        2, "'--budget'", "design FILE --budget 99999999999"
        2, "'--budget'", "design FILE --budget ''"
        2, "'--budget'", "design FILE --budget"
        1, "--budget -1", "design FILE --budget -1"
        2, "more than once", "group FILE --json --json"
        2, "unrecognized", "group FILE FILE"
        1, "--timeout 0", "check FILE --timeout 0"
        1, "--timeout 99999999", "describe FILE --timeout 99999999"
        2, "'--timeout'", "check FILE --timeout soon"
        2, "more than once", "describe FILE --timeout 1 --timeout 2"
        1, "--trials -1", "check FILE --trials -1"
        1, "--dot or --svg, not both", "describe FILE --dot --svg"
    ]
    |> Seq.map (fun (code, part, line) -> [| code; part; line |])

/// The same, as test data.
let theMisused = misused

[<Theory; MemberData(nameof theMisused)>]
let ``an option that makes no sense is one sentence`` (code: int, part: string, line: string) =
    withFile c4 (fun file ->
        let arguments =
            line.Split ' '
            |> Array.map (function
                | "FILE" -> file
                | "''" -> ""
                | word -> word)
            |> List.ofArray

        let ending = Program.run arguments
        Assert.Equal((code, ""), (ending.Code, ending.Output))
        Assert.Contains(part, ending.Error)
        Assert.Single(ending.Error.Trim().Split '\n') |> ignore)

[<Fact>]
let ``numbers beyond 64 bits are printed whole`` () =
    // Two permutations that generate S500: its classes are the partitions of 500, and triples have 5 patterns of equality.
    withFile $"{{\"degree\":500,\"generators\":{symmetric 500}}}" (fun file ->
        let ending = Program.run [ "group"; file; "--json" ]
        Assert.Equal((0, ""), (ending.Code, ending.Error))
        Assert.Contains("\"conjugacyClasses\":2300165032574323995027,", ending.Output)
        Assert.Contains("\"invariantDim3\":5}", ending.Output))

    // The trivial kernel of S25 costs 25! evaluations.
    withFile
        $"{{\"degree\":25,\"generators\":{symmetric 25},\"kernels\":[{{\"generators\":[]}}]}}"
        (fun file ->
            let ending = Program.run [ "design"; file; "--json" ]
            Assert.Equal((0, ""), (ending.Code, ending.Error))
            Assert.Contains("\"cost\":15511210043330985984000000,", ending.Output)
            Assert.Contains("\"dimCaptured\":2}", ending.Output))

[<Fact>]
let ``a missing file, a missing argument and an unknown command are said in a sentence`` () =
    let missing = Program.run [ "group"; "no-such-file.json" ]
    Assert.Equal(1, missing.Code)
    Assert.Contains("There is no file 'no-such-file.json'.", missing.Error)
    Assert.Equal(2, (Program.run [ "group" ]).Code)
    Assert.Equal(2, (Program.run [ "frobnicate" ]).Code)
    Assert.Equal(2, (Program.run []).Code)

    let budget =
        withFile c4 (fun file -> Program.run [ "design"; file; "--budget"; "0" ])

    Assert.Equal(1, budget.Code)
    Assert.Contains("--budget 0", budget.Error)

[<Fact>]
let ``help of every command has an example`` () =
    for command in [ "group"; "hom"; "design"; "scan"; "report"; "soak" ] do
        let help = Program.run [ command; "--help" ]
        Assert.Equal(0, help.Code)
        Assert.Contains("Example: " + command, help.Output)
