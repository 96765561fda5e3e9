/// `hom`: how many equivariant, and how many invariant-symmetric, linear maps there are.
module internal Equivariant.Cli.HomCommand

open System.Numerics
open Argu
open Equivariant.Core.Facts

type Arguments =
    | [<MainCommand; ExactlyOnce>] File of path: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ ->
                "a JSON object, or an array of them, with name and two permutation representations V and W, each with degree and generators in corresponding order. Example: hom maps.json"
            | Json -> "print an array of objects instead of a table."

let private facts (entry: JsonFile.Entry) =
    let degreeV, v =
        JsonFile.degreeAndGenerators entry.Place (JsonFile.object entry "V")

    let degreeW, w =
        JsonFile.degreeAndGenerators entry.Place (JsonFile.object entry "W")

    let facts = HomFacts.Of(degreeV, Array.ofList v, degreeW, Array.ofList w)

    JsonFile.ofFields [
        yield! JsonFile.given entry.Fields [ "name"; "V"; "W" ]
        "order", JsonFile.exact facts.Order
        "dimHom", JsonFile.number (BigInteger facts.DimHom)
        "dimInvV", JsonFile.number (BigInteger facts.DimInvV)
        "dimInvW", JsonFile.number (BigInteger facts.DimInvW)
        "dimIS", JsonFile.number (BigInteger facts.DimIS)
    ]

let private columns = [ "name"; "order"; "dimHom"; "dimInvV"; "dimInvW"; "dimIS" ]

let run (arguments: ParseResults<Arguments>) =
    FactTable.print (arguments.GetResult File) (arguments.Contains Json) columns id facts
