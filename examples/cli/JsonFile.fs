/// Files of groups: one JSON object or an array of them, read entry by entry with messages that say where.
module internal Equivariant.Cli.JsonFile

open System
open System.Collections.Generic
open System.Numerics
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open Equivariant.Bench
open Equivariant.Core

/// What stands in a file, sound or not, with the words for where.
type Item = {
    Place: string
    Name: string option
    Value: JsonElement
}

/// An object in a file, with the words for where it stands.
type Entry = { Place: string; Fields: JsonObject }

/// A problem, after the words for where it is.
let placed (place: string) (problem: string) =
    if problem.StartsWith(place, StringComparison.Ordinal) then
        problem
    else
        $"%s{place}: %s{problem}"

let private fail place problem =
    raise (EquivariantException(placed place problem))

/// What a value is, in words.
let private kindOf (node: JsonNode | null) =
    match node with
    | null -> "null"
    | node -> node.GetValueKind().ToString().ToLowerInvariant()

/// A text of a file; nothing if it has half of a surrogate pair, which is no text.
let private tryText (read: unit -> string | null) =
    try
        Option.ofObj (read ())
    with :? InvalidOperationException ->
        None

let private nameOf (value: JsonElement) =
    let name () =
        match value.TryGetProperty "name" with
        | true, name when name.ValueKind = JsonValueKind.String -> name.GetString()
        | _ -> null

    if value.ValueKind = JsonValueKind.Object then
        tryText name
    else
        None

/// Reads what stands in a file: one value, or the values of an array.
let read (path: string) : Item list =
    let text = Files.readText path

    let root =
        try
            // How deep an entry may be is asked of each entry by itself.
            JsonDocument.Parse(text, JsonDocumentOptions(MaxDepth = Int32.MaxValue)).RootElement
        with :? JsonException as error ->
            let line = error.LineNumber.GetValueOrDefault() + 1L
            raise (EquivariantException $"'%s{path}' is not JSON: line %d{line} does not parse.")

    let item place value =
        let name = nameOf value

        {
            Place =
                match name with
                | Some name -> $"%s{place} (%s{Readable.brief name})" |> Readable.visible
                | None -> Readable.visible place
            Name = name
            Value = value
        }

    if root.ValueKind = JsonValueKind.Array then
        root.EnumerateArray()
        |> Seq.mapi (fun i value -> item $"'%s{path}', entry %d{i}" value)
        |> List.ofSeq
    else
        [ item $"'%s{path}'" root ]

let private deepest = 32

/// What keeps a value from being read, if anything does.
let rec private flaw depth (value: JsonElement) : string option =
    let unreadable what =
        Some $"%s{what} is no text: it has half of a surrogate pair."

    match value.ValueKind with
    | JsonValueKind.Object
    | JsonValueKind.Array when depth > deepest ->
        Some $"lists and objects are nested more than %d{deepest} levels deep."
    | JsonValueKind.Object ->
        let seen = HashSet<string>()

        value.EnumerateObject()
        |> Seq.tryPick (fun field ->
            match tryText (fun () -> field.Name) with
            | None -> unreadable "the name of a field"
            | Some name when not (seen.Add name) ->
                Some $"the field '%s{Readable.brief name}' is given twice."
            | Some _ -> flaw (depth + 1) field.Value)
    | JsonValueKind.Array -> value.EnumerateArray() |> Seq.tryPick (flaw (depth + 1))
    | JsonValueKind.String when (tryText value.GetString).IsNone -> unreadable "a value"
    | _ -> None

/// The object that stands in a file.
let entry (item: Item) : Entry =
    flaw 1 item.Value |> Option.iter (fail item.Place)

    match JsonNode.Parse(item.Value.GetRawText()) with
    | :? JsonObject as fields -> { Place = item.Place; Fields = fields }
    | other -> fail item.Place $"an object with degree and generators is needed, not %s{kindOf other}."

let private required place (fields: JsonObject) (name: string) : JsonNode =
    match fields[name] with
    | null when fields.ContainsKey name -> fail place $"the field '%s{name}' is null."
    | null -> fail place $"the field '%s{name}' is missing."
    | node -> node

/// What a JSON number is worth, if that is an integer, as 4, 4.0 and 0.4e1 are. Where it has more than twenty zeros, any
/// number beyond what a file may hold stands for it.
let private whole (number: string) =
    let mantissa, exponent =
        match number.IndexOfAny [| 'e'; 'E' |] with
        | -1 -> number, BigInteger.Zero
        | at ->
            number[.. at - 1], BigInteger.Parse(number[at + 1 ..], Globalization.CultureInfo.InvariantCulture)

    let decimals =
        match mantissa.IndexOf '.' with
        | -1 -> 0
        | point -> mantissa.Length - point - 1

    let digits = mantissa.Replace(".", "")
    let significant = digits.TrimEnd '0'

    let power =
        exponent - BigInteger decimals + BigInteger(digits.Length - significant.Length)

    match significant with
    | ""
    | "-" -> Some BigInteger.Zero
    | _ when power.Sign < 0 -> None
    | digits ->
        let power = int (min power (BigInteger 20))

        Some(
            BigInteger.Parse(digits, Globalization.CultureInfo.InvariantCulture)
            * BigInteger.Pow(BigInteger 10, power)
        )

let private integer place what (node: JsonNode | null) =
    let shown (value: JsonNode) = Readable.brief (value.ToJsonString())

    match node with
    | :? JsonValue as value when value.GetValueKind() = JsonValueKind.Number ->
        match whole (value.ToJsonString()) with
        | None -> fail place $"%s{what} has to be an integer, not %s{shown value}."
        | Some number when BigInteger.Abs number > BigInteger Int32.MaxValue ->
            fail place $"%s{what} is %s{shown value}: numbers go up to %d{Int32.MaxValue}."
        | Some number -> int number
    | :? JsonValue as value -> fail place $"%s{what} has to be an integer, not %s{shown value}."
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
    with :? EquivariantException as error ->
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
    let given =
        match entry.Fields["kernels"] with
        | null -> fail entry.Place "the field 'kernels' is missing: list kernels, or let --budget find them."
        | node -> list entry.Place "kernels" node

    if given.IsEmpty then
        fail entry.Place "'kernels' is empty: a design takes at least one, or let --budget find them."

    given
    |> List.mapi (fun i kernel ->
        match kernel with
        | :? JsonObject as fields ->
            permutations
                entry.Place
                $"kernel %d{i}"
                (required $"%s{entry.Place}, kernel %d{i}" fields "generators")
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
