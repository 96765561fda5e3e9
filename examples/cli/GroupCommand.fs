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

let run (arguments: ParseResults<Arguments>) =
    FactTable.print (arguments.GetResult File) (arguments.Contains Json) columns id facts
