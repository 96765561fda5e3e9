/// The commands that read files of groups: what they print, and what they say of bad files.
module Equivariant.Tests.Cli.FileCommandTests

open System.IO
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
        Assert.Equal(0, table.Code))

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

    refuse "design" c4 [ "'kernels' is missing" ]

    refuse "design" """{"degree":3,"generators":[[1,2,0],[1,0,2]],"kernels":[{"generators":[[1,0,2]]}]}""" [
        "normal"
    ]

    refuse "design" """{"degree":4,"generators":[[1,2,3,0]],"kernels":[{"generators":[[1,0,2,3]]}]}""" [
        "(0 1)"
    ]

[<Fact>]
let ``numbers beyond 64 bits are printed whole`` () =
    let list (images: int seq) =
        "[" + String.concat "," (Seq.map string images) + "]"

    let symmetric n =
        let cycle = list (Seq.init n (fun i -> (i + 1) % n))
        let swap = list [ 1; 0; yield! [ 2 .. n - 1 ] ]
        $"[{cycle},{swap}]"

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
    for command in [ "group"; "hom"; "design"; "scan" ] do
        let help = Program.run [ command; "--help" ]
        Assert.Equal(0, help.Code)
        Assert.Contains("Example: " + command, help.Output)
