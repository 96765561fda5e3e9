/// `design`: what a quotient design costs and what it can express.
module internal Equivariant.Cli.DesignCommand

open System.Numerics
open System.Text.Json.Nodes
open Argu
open Equivariant.Core
open Equivariant.Core.Facts
open Equivariant.Core.Groups

type Arguments =
    | [<MainCommand; ExactlyOnce>] File of path: string
    | [<Unique>] Budget of evaluations: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ ->
                "a JSON object, or an array of them, with name, degree, generators and kernels, each of them an object with generators (none for the trivial subgroup). Example: design d4.json --budget 4"
            | Budget _ ->
                "ignore the kernels given, and find the normal subgroups that capture the most with at most so many evaluations; 'provedBest' says whether none capture more, or as much for less."
            | Json -> "print an array of objects instead of a table."

/// A kernel with its generators; the facts about it are in the same place of the report.
let private kernel (generators: int[] seq) (facts: KernelFacts) =
    JsonFile.ofFields [
        "generators", Some(JsonFile.ofPermutations generators :> JsonNode)
        "order", JsonFile.exact facts.Order
        "index", JsonFile.number facts.Index
    ]
    :> JsonNode | null

/// The facts about a family; whether it is proved best, where it was looked for.
let private report
    (entry: JsonFile.Entry)
    (kernels: int[] seq seq)
    (facts: QuotientFacts)
    (provedBest: bool option)
    =
    JsonFile.ofFields [
        yield! JsonFile.given entry.Fields [ "name"; "degree"; "generators" ]
        "order", JsonFile.exact facts.Order
        "kernels", Some(JsonArray(Seq.map2 kernel kernels facts.Kernels |> Array.ofSeq) :> JsonNode)
        "cost", JsonFile.number facts.Cost
        "dimHom", JsonFile.number (BigInteger facts.DimHom)
        "dimCaptured", JsonFile.number (BigInteger facts.DimCaptured)
        "provedBest", provedBest |> Option.map (fun value -> JsonValue.Create value :> JsonNode)
    ]

let private groupOf (entry: JsonFile.Entry) =
    let degree, generators = JsonFile.degreeAndGenerators entry.Place entry.Fields
    Group.OfPermutations(degree, Array.ofList generators)

let private given entry =
    let kernels = JsonFile.kernels entry

    let facts =
        QuotientFacts.Of(
            groupOf entry,
            [|
                for generators in kernels -> generators :> System.Collections.Generic.IReadOnlyList<int[]>
            |]
        )

    report entry (Seq.map Seq.ofArray kernels) facts None

let private best budget entry =
    let found = KernelSearch.Find(groupOf entry, budget)

    let generators (subgroup: Subgroup) =
        subgroup.Generators |> Seq.map _.Code.ToArray()

    report entry (Seq.map generators found.Kernels) found.Facts (Some found.IsOptimal)

/// The columns of the table, with the kernels in short.
let private brief (result: JsonObject) =
    let kernels =
        match result["kernels"] with
        | :? JsonArray as kernels ->
            kernels
            |> Seq.choose Option.ofObj
            |> Seq.map (fun kernel -> $"""order {kernel["order"]}, index {kernel["index"]}""")
            |> String.concat "; "
        | _ -> ""

    JsonFile.ofFields [
        yield! JsonFile.given result [ "name"; "order"; "cost"; "dimHom"; "dimCaptured" ]
        "kernels", JsonFile.text kernels
    ]

let private columns = [ "name"; "order"; "cost"; "dimHom"; "dimCaptured"; "kernels" ]

/// Where a family was looked for, the table says in words how good it is.
let private briefly (result: JsonObject) =
    let row = brief result

    match result["provedBest"] with
    | null -> ()
    | proved -> row.Add("best", JsonValue.Create(if proved.GetValue<bool>() then "proved" else "not proved"))

    row

let run (arguments: ParseResults<Arguments>) =
    let work, columns =
        match arguments.TryGetResult Budget with
        | Some budget when budget < 1 ->
            raise (
                EquivariantException
                    $"--budget %d{budget} makes no sense: a design takes at least one evaluation."
            )
        | Some budget -> best budget, columns @ [ "best" ]
        | None -> given, columns

    FactTable.print (arguments.GetResult File) (arguments.Contains Json) columns briefly work
