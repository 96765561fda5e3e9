namespace Equivariant.Bench

open System
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Serialization
open Microsoft.FSharp.Reflection

/// Unions whose cases have no fields, as the names of their cases: "gru" for Gru.
type internal CaseConverter<'Union when 'Union: not null>() =
    inherit JsonConverter<'Union>()

    static let name (case: UnionCaseInfo) =
        JsonNamingPolicy.CamelCase.ConvertName case.Name

    static let cases = FSharpType.GetUnionCases typeof<'Union>

    override _.Write(writer, value, _options) =
        let case, _ = FSharpValue.GetUnionFields(value, typeof<'Union>)
        writer.WriteStringValue(name case)

    override _.Read(reader, _kind, _options) =
        let text = reader.GetString() |> Option.ofObj |> Option.defaultValue ""

        match cases |> Array.tryFind (fun case -> name case = text) with
        | Some case -> unbox<'Union>(FSharpValue.MakeUnion(case, [||]))
        | None -> raise (JsonException $"'%s{text}' is no case of %s{typeof<'Union>.Name}.")

/// Finds the converter of unions without fields; lists and options are System.Text.Json's own business.
type internal CaseConverterFactory() =
    inherit JsonConverterFactory()

    override _.CanConvert kind =
        FSharpType.IsUnion kind
        && not kind.IsGenericType
        && FSharpType.GetUnionCases kind
           |> Array.forall (fun case -> (case.GetFields()).Length = 0)

    override _.CreateConverter(kind, _options) =
        Activator.CreateInstance(typedefof<CaseConverter<_>>.MakeGenericType kind)
        |> Unchecked.nonNull
        :?> JsonConverter

/// Labels as an object, in their order.
type internal LabelsConverter() =
    inherit JsonConverter<(string * string) list>()

    override _.Write(writer, labels, _options) =
        writer.WriteStartObject()

        for name, value in labels do
            writer.WriteString(name, value)

        writer.WriteEndObject()

    override _.Read(reader, _kind, _options) =
        use document = JsonDocument.ParseValue &reader

        [
            for field in document.RootElement.EnumerateObject() ->
                field.Name, Option.ofObj (field.Value.GetString()) |> Option.defaultValue ""
        ]

/// <summary>
/// Records as JSON: settings, what stages hold, results. Records, lists, options and unions without fields will do.
/// </summary>
[<RequireQualifiedAccess>]
module Json =

    let private options =
        let options =
            JsonSerializerOptions(
                WriteIndented = true,
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
                NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
            )

        options.Converters.Add(CaseConverterFactory())
        options.Converters.Add(LabelsConverter())
        options

    /// <summary>Turns a value into JSON.</summary>
    let element (value: 'T) =
        JsonSerializer.SerializeToElement(value, options)

    /// <summary>Writes a value as indented text.</summary>
    let text (value: 'T) =
        JsonSerializer.Serialize(value, options)

    /// <summary>Reads a value from JSON.</summary>
    /// <exception cref="T:System.Text.Json.JsonException">It is no JSON, or that of another type.</exception>
    let value<'T> (element: JsonElement) : 'T =
        match JsonSerializer.Deserialize(element, typeof<'T>, options) with
        | null -> raise (JsonException "There is nothing in it.")
        | value -> unbox<'T> value

    /// <summary>Reads a value from text.</summary>
    /// <exception cref="T:System.Text.Json.JsonException">It is no JSON, or that of another type.</exception>
    let parse<'T> (text: string) : 'T =
        use document = JsonDocument.Parse text
        value<'T> document.RootElement

    /// <summary>Lists the leaves of JSON by their paths, such as "pretraining.epochs".</summary>
    let rec leaves (element: JsonElement) : (string * string) list =
        match element.ValueKind with
        | JsonValueKind.Object -> [
            for field in element.EnumerateObject() do
                for path, text in leaves field.Value do
                    (if path = "" then field.Name else $"{field.Name}.{path}"), text
          ]
        | _ -> [
            "", JsonSerializer.Serialize(element, JsonSerializerOptions(options, WriteIndented = false))
          ]

    /// <summary>Says what differs between settings of old and those of now, if anything does.</summary>
    let difference (was: JsonElement) (now: JsonElement) =
        let old, present = leaves was, leaves now

        let changed (path, value) =
            match List.tryFind (fun (known, _) -> known = path) old with
            | Some(_, before) when before = value -> None
            | Some(_, before) -> Some $"%s{path} was %s{before} and is now %s{value}"
            | None -> Some $"%s{path} was not known then"

        let dropped (path, _) =
            if List.exists (fun (known, _) -> known = path) present then
                None
            else
                Some $"%s{path} is not known any more"

        List.tryPick changed present
        |> Option.orElseWith (fun () -> List.tryPick dropped old)
