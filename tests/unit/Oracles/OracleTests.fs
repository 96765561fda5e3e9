/// The answers of GAP, an independent system, that the engine must reproduce: every field that is known to GAP.
module Equivariant.Tests.Oracles.OracleTests

open System.IO
open System.Numerics
open System.Text.Json.Nodes
open Xunit
open Equivariant.Tests

let private path name =
    Path.Combine(
        Path.GetDirectoryName(System.Reflection.Assembly.GetExecutingAssembly().Location),
        "Oracles",
        "data",
        name
    )

let private parse (text: string) =
    JsonNode.Parse(text).AsArray() |> List.ofSeq

/// What of the expected value is missing or different.
let rec private differences place (expected: JsonNode) (actual: JsonNode) : string list =
    match expected, actual with
    | null, _ -> []
    | _, null -> [ $"{place} is missing" ]
    | (:? JsonObject as expected), (:? JsonObject as actual) -> [
        for field in expected do
            yield! differences $"{place}.{field.Key}" field.Value actual[field.Key]
      ]
    | (:? JsonArray as expected), (:? JsonArray as actual) when expected.Count = actual.Count -> [
        for i in 0 .. expected.Count - 1 do
            yield! differences $"{place}[{i}]" expected[i] actual[i]
      ]
    | _ -> [
        if expected.ToJsonString() <> actual.ToJsonString() then
            $"{place} is {actual.ToJsonString()}, but GAP says {expected.ToJsonString()}"
      ]

let private compare command file (mayMiss: JsonNode -> string -> bool) =
    let ending = Program.run [ command; path file; "--json" ]
    Assert.Equal((0, ""), (ending.Code, ending.Error))
    let expected, actual = parse (File.ReadAllText(path file)), parse ending.Output
    Assert.Equal(expected.Length, actual.Length)
    Assert.True(expected.Length > 10)

    let found = [
        for entry, answer in List.zip expected actual do
            yield!
                differences (entry["name"].GetValue<string>()) entry answer
                |> List.filter (mayMiss entry >> not)
    ]

    Assert.Empty found

/// Drawn from GAP's libraries by `tests/benchmarks`, whose `--oracle` wrote the file.
[<Fact>]
let ``groups that GAP draws`` () =
    compare "group" "drawn.json" (fun _ _ -> false)

[<Fact>]
let ``groups`` () =
    // The walk over classes may be left out above order 10⁶.
    compare "group" "groups.json" (fun entry difference ->
        difference.EndsWith ".conjugacyClasses is missing"
        && BigInteger.Parse(entry["order"].GetValue<string>()) > BigInteger 1000000)

[<Fact>]
let ``homomorphisms`` () =
    compare "hom" "homs.json" (fun _ _ -> false)

[<Fact>]
let ``quotient designs`` () =
    compare "design" "quotients.json" (fun _ _ -> false)

[<Fact>]
let ``the best design within the price of the given one captures at least as much`` () =
    for entry in parse (File.ReadAllText(path "quotients.json")) do
        let cost, captured =
            entry["cost"].GetValue<int>(), entry["dimCaptured"].GetValue<int64>()

        Program.inFolder (fun folder ->
            let file = Path.Combine(folder, "entry.json")
            File.WriteAllText(file, entry.ToJsonString())
            let ending = Program.run [ "design"; file; "--budget"; string cost; "--json" ]
            Assert.Equal((0, ""), (ending.Code, ending.Error))
            let best = (parse ending.Output).Head
            Assert.True(best["dimCaptured"].GetValue<int64>() >= captured, entry["name"].GetValue<string>())
            Assert.True(best["cost"].GetValue<int>() <= cost))
