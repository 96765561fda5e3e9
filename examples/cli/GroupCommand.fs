/// `group`: facts about permutation groups.
module internal Equivariant.Cli.GroupCommand

open System.Numerics
open System.Text.Json.Nodes
open Argu
open Equivariant.Core.Facts
open Equivariant.Core.Groups

type Arguments =
    | [<MainCommand; ExactlyOnce>] File of path: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ ->
                "a JSON object, or an array of them, with name, degree and generators (0-based image lists). Example: group cube.json, where cube.json holds {\"name\":\"C4\",\"degree\":4,\"generators\":[[1,2,3,0]]}"
            | Json -> "print an array of objects instead of a table."

/// What was too large to compute, so that an absent field explains itself.
let private notComputed (facts: GroupFacts) =
    let absent = [
        if not facts.ConjugacyClasses.HasValue then
            "conjugacyClasses"
        if not facts.InvariantDim3.HasValue then
            "invariantDim3"
    ]

    if absent.IsEmpty then
        None
    else
        Some(JsonArray [| for name in absent -> JsonValue.Create name :> JsonNode | null |] :> JsonNode)

let private facts (entry: JsonFile.Entry) =
    let degree, generators = JsonFile.degreeAndGenerators entry.Place entry.Fields
    let facts = GroupFacts.Of(Group.OfPermutations(degree, Array.ofList generators))

    let truth (value: bool) =
        Some(JsonValue.Create value :> JsonNode)

    JsonFile.ofFields [
        yield! JsonFile.given entry.Fields [ "name"; "degree"; "generators" ]
        "order", JsonFile.exact facts.Order
        "abelian", truth facts.Abelian
        "conjugacyClasses", Option.ofNullable facts.ConjugacyClasses |> Option.bind JsonFile.number
        "notComputed", notComputed facts
        "centerOrder", JsonFile.exact facts.CenterOrder
        "derivedOrder", JsonFile.exact facts.DerivedOrder
        "transitive", truth facts.Transitive
        "orbitsOnPoints", JsonFile.number (BigInteger facts.OrbitsOnPoints)
        "orbitsOnPairs", JsonFile.number (BigInteger facts.OrbitsOnPairs)
        "invariantDim3",
        Option.ofNullable facts.InvariantDim3
        |> Option.bind (BigInteger >> JsonFile.number)
    ]

let private columns = [
    "name"
    "degree"
    "order"
    "abelian"
    "conjugacyClasses"
    "centerOrder"
    "derivedOrder"
    "transitive"
    "orbitsOnPoints"
    "orbitsOnPairs"
    "invariantDim3"
]

/// What is absent from the facts is said to be so in a table, where an empty cell would leave one guessing.
let private brief (result: JsonObject) =
    JsonFile.ofFields [
        for column in columns do
            match result[column] with
            | null when column <> "name" -> column, JsonFile.text "not computed: too large"
            | field -> column, Option.ofObj field |> Option.map _.DeepClone()
    ]

let run (arguments: ParseResults<Arguments>) =
    FactTable.print (arguments.GetResult File) (arguments.Contains Json) columns brief facts
