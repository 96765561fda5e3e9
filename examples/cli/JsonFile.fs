/// Files of groups: one JSON object or an array of them, read entry by entry with messages that say where.
module internal Equivariant.Cli.JsonFile

open System
open System.IO
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open Equivariant.Core

/// An object in a file, with the words for where it stands.
type Entry = { Place: string; Fields: JsonObject }

let private fail place problem =
    raise (EquivariantException $"%s{place}: %s{problem}")

/// What a value is, in words.
let private kindOf (node: JsonNode | null) =
    match node with
    | null -> "null"
    | node -> node.GetValueKind().ToString().ToLowerInvariant()

/// Reads a file's entries.
let read (path: string) : Entry list =
    let text =
        try
            File.ReadAllText path
        with
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> raise (EquivariantException $"There is no file '%s{path}'.")
        | :? UnauthorizedAccessException -> raise (EquivariantException $"'%s{path}' can't be read.")

    let root =
        try
            JsonNode.Parse text
        with :? JsonException as error ->
            let line = error.LineNumber.GetValueOrDefault() + 1L
            raise (EquivariantException $"'%s{path}' is not JSON: line %d{line} does not parse.")

    let entry place (node: JsonNode | null) =
        match node with
        | :? JsonObject as fields ->
            let name =
                match fields["name"] with
                | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String ->
                    $" (%s{value.GetValue<string>()})"
                | _ -> ""

            {
                Place = $"%s{place}%s{name}"
                Fields = fields
            }
        | other -> fail place $"an object with degree and generators is needed, not %s{kindOf other}."

    match root with
    | :? JsonArray as entries ->
        entries
        |> Seq.mapi (fun i node -> entry $"'%s{path}', entry %d{i}" node)
        |> List.ofSeq
    | node -> [ entry $"'%s{path}'" node ]

let private required place (fields: JsonObject) (name: string) : JsonNode =
    match fields[name] with
    | null -> fail place $"the field '%s{name}' is missing."
    | node -> node

let private integer place what (node: JsonNode | null) =
    match node with
    | :? JsonValue as value ->
        try
            value.GetValue<int>()
        with
        | :? InvalidOperationException
        | :? FormatException -> fail place $"%s{what} has to be an integer, not %s{value.ToJsonString()}."
    | other -> fail place $"%s{what} has to be an integer, not %s{kindOf other}."

let private list place what (node: JsonNode | null) =
    match node with
    | :? JsonArray as items -> List.ofSeq items
    | other -> fail place $"%s{what} has to be a list, not %s{kindOf other}."

/// Reads permutations: lists of integers.
let private permutations place what (node: JsonNode | null) =
    list place what node
    |> List.mapi (fun i generator ->
        list place $"generator %d{i} of %s{what}" generator
        |> List.mapi (fun j image -> integer place $"entry %d{j} of generator %d{i} of %s{what}" image)
        |> Array.ofList)

/// Runs what may find fault with an entry, and says which entry it was.
let at place (work: unit -> 'T) =
    try
        work ()
    with :? EquivariantException as error when not (error.Message.StartsWith(place, StringComparison.Ordinal)) ->
        fail place error.Message

/// Reads an object's degree and generators.
let degreeAndGenerators place (fields: JsonObject) =
    integer place "the degree" (required place fields "degree"),
    permutations place "generators" (required place fields "generators")

/// Reads an entry's field that is an object.
let object entry name =
    match required entry.Place entry.Fields name with
    | :? JsonObject as fields -> fields
    | other -> fail entry.Place $"the field '%s{name}' has to be an object, not %s{kindOf other}."

/// Reads the generators of an entry's kernels.
let kernels entry =
    required entry.Place entry.Fields "kernels"
    |> list entry.Place "kernels"
    |> List.mapi (fun i kernel ->
        match kernel with
        | :? JsonObject as fields ->
            permutations entry.Place $"kernel %d{i}" (required entry.Place fields "generators")
            |> Array.ofList
        | other ->
            fail entry.Place $"kernel %d{i} has to be an object with generators, not %s{kindOf other}.")

/// A JSON list of permutations.
let ofPermutations (generators: int[] seq) =
    JsonArray [|
        for generator in generators do
            JsonArray [| for image in generator -> JsonValue.Create image :> JsonNode | null |]
            :> JsonNode | null
    |]

/// A JSON object of some fields; those without a value are left out.
let ofFields (fields: (string * JsonNode option) seq) =
    let result = JsonObject()

    for name, value in fields do
        value |> Option.iter (fun value -> result.Add(name, value))

    result

/// Some fields of an entry as they were given.
let given (fields: JsonObject) (names: string list) =
    names
    |> List.map (fun name -> name, Option.ofObj fields[name] |> Option.map _.DeepClone())

/// A text.
let text (value: string) : JsonNode option =
    JsonValue.Create value
    |> Option.ofObj
    |> Option.map (fun value -> value :> JsonNode)

/// Exact orders are decimal strings in files.
let exact (number: Numerics.BigInteger) = text (number.ToString())

/// A number, however large.
let number (value: Numerics.BigInteger) : JsonNode option =
    JsonNode.Parse(value.ToString()) |> Option.ofObj

let private options =
    JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

/// An array of objects, one a line.
let print (entries: JsonObject list) =
    let lines = entries |> List.map _.ToJsonString(options) |> String.concat ",\n"
    printfn $"[\n%s{lines}\n]"
