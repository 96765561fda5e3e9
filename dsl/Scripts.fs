namespace Equivariant

open System
open System.Collections
open System.Collections.Generic
open System.Reflection
open System.Runtime.CompilerServices
open System.Text.Encodings.Web
open System.Text.Json
open FSharp.Reflection
open Equivariant.Core

/// <summary>
/// What the command line asks of a script's models, from within F# Interactive, after the script has run. Answers are
/// lines of JSON on standard output, each after a sign by which they are told from what the script prints.
/// </summary>
[<RequireQualifiedAccess>]
module Scripts =

    /// <summary>The sign before every answer: ASCII's record separator.</summary>
    let mark = '\u001e'

    let private options =
        JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let private reply (fields: (string * obj) list) =
        let record = Dictionary<string, obj>()

        for name, value in fields do
            record.Add(name, value)

        printfn $"%c{mark}%s{JsonSerializer.Serialize(record, options)}"

    /// Says what is begun, for a command line that may have to stop it.
    let private announce (what: string) = reply [ "running", what ]

    /// F# Interactive compiles what it is given to assemblies of this name.
    let private isInteractive (assembly: Assembly) =
        match assembly.GetName().Name with
        | null -> false
        | name -> name.StartsWith("FSI-ASSEMBLY", StringComparison.Ordinal)

    let private isOf (definition: Type) (kind: Type) =
        kind.IsGenericType && kind.GetGenericTypeDefinition() = definition

    /// Lists, arrays and maps: what holds entries, all of them there already.
    let private isCollection (kind: Type) =
        typeof<ICollection>.IsAssignableFrom kind
        || isOf typedefof<list<_>> kind
        || isOf typedefof<Map<_, _>> kind

    /// Whether entries are numbers or words, of which there may be many.
    let private isPlain (kind: Type) =
        let entries =
            match kind.GetElementType() with
            | null -> kind.GetGenericArguments()
            | entry -> [| entry |]

        entries
        |> Array.forall (fun entry -> entry.IsPrimitive || entry = typeof<string>)

    /// What a value holds, each with the way to it.
    let private held (value: obj) : (string * (obj | null)) list =
        let kind = value.GetType()

        let part (name: string) (entry: obj) =
            match entry.GetType().GetProperty name with
            | null -> null
            | property -> property.GetValue entry

        match value with
        | :? IEnumerable as entries when isCollection kind -> [
            if not (isPlain kind) then
                for i, entry in Seq.indexed (Seq.cast<obj | null> entries) do
                    match entry with
                    | NonNull pair when isOf typedefof<KeyValuePair<_, _>> (pair.GetType()) ->
                        $"""[%O{part "Key" pair}]""", part "Value" pair
                    | entry -> $"[%d{i}]", entry
          ]
        | :? ITuple as parts -> [ for i in 0 .. parts.Length - 1 -> $"[%d{i}]", parts[i] ]
        | _ when FSharpType.IsRecord(kind, true) -> [
            for field in FSharpType.GetRecordFields(kind, true) -> $".%s{field.Name}", field.GetValue value
          ]
        | _ when FSharpType.IsUnion(kind, true) -> [
            for field in snd (FSharpValue.GetUnionFields(value, kind, true)) -> "", field
          ]
        | _ -> []

    /// How deep in a value a model is looked for.
    let private deepest = 4

    let rec private modelsIn depth (name: string) (value: obj | null) : (string * Model) list =
        match value with
        | null -> []
        | :? Model as model -> [ name, model ]
        | _ when depth = 0 -> []
        | value -> [
            for way, part in held value do
                yield! modelsIn (depth - 1) (name + way) part
          ]

    /// <summary>
    /// The models of the scripts of this session, with their names: top-level values, and what lists, arrays, options,
    /// tuples and records among them hold. A model with several names is told once, by that of a value if it has one.
    /// </summary>
    let declared () : (string * Model) list =
        let values: (string * (obj | null)) list = [
            for assembly in AppDomain.CurrentDomain.GetAssemblies() do
                if isInteractive assembly then
                    for holder in assembly.GetTypes() do
                        for property in holder.GetProperties(BindingFlags.Static ||| BindingFlags.Public) do
                            if property.GetIndexParameters().Length = 0 then
                                property.Name, property.GetValue null
        ]

        let direct, within =
            values
            |> List.partition (fun (_, value) ->
                match value with
                | :? Model -> true
                | _ -> false)

        direct @ within
        |> List.collect (fun (name, value) -> modelsIn deepest name value)
        |> List.fold
            (fun known (name, model) ->
                if known |> List.exists (fun (_, other) -> obj.ReferenceEquals(other, model)) then
                    known
                else
                    known @ [ name, model ])
            []

    let private tell (name: string) (problems: Problem list) =
        for problem in problems do
            reply [ "model", name; "problem", string problem ]

    /// Works on a model, or tells what is wrong with it.
    let private attempting (name: string) (work: unit -> unit) =
        try
            work ()
        with
        | :? DeclarationException as error -> error.Problems |> List.filter (_.IsWarning >> not) |> tell name
        | error ->
            let cause = error.GetBaseException()

            reply [
                "model", name
                "problem", $"network: it raises {cause.GetType().Name}: {cause.Message}"
            ]

    let private checkOne target trials seed (name: string) (model: Model) =
        attempting name (fun () ->
            for law in Laws.ofModelOn target model do
                announce $"the law %s{Law.title law} of %s{name}"

                let outcome =
                    match Law.judge trials seed law with
                    | Verdict.Held trials -> [ "held", true :> obj; "trials", trials :> obj ]
                    | Verdict.Broken counterexample -> [
                        "held", false :> obj
                        "counterexample", counterexample :> obj
                      ]

                reply ([ "model", name :> obj; "law", Law.title law :> obj ] @ outcome))

    let private describeOne target name (model: Model) =
        attempting name (fun () ->
            reply [
                "model", name :> obj
                "report", string (Report.ofModelOn target model) :> obj
                "dot", Diagram.dot model :> obj
                "svg", (Diagram.network model).Svg :> obj
            ])

    let private forEach (device: string) work =
        try
            let target = { Target.cpu with Device = device }
            Target.device target |> ignore

            for name, model in declared () do
                announce $"the declaration of %s{name}"
                work target name model
        with :? EquivariantException as error ->
            reply [ "refusal", error.Message ]

    /// <summary>
    /// Answers a question: <c>check</c>, a device, a number of trials and a seed give a line for each law of each declared
    /// model; <c>describe</c> and a device give the report and the pictures of each.
    /// </summary>
    let answer (question: string array) =
        match question with
        | [| "check"; device; trials; seed |] ->
            forEach device (fun target name model ->
                checkOne { target with Seed = int64 seed } (int trials) (uint64 seed) name model)
        | [| "describe"; device |] -> forEach device describeOne
        | other ->
            let words = joined " " other

            refuse
                $"\"{words}\" is no question about models: this command line and the script's Equivariant are of different versions."
