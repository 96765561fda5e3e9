namespace Equivariant

open System
open System.Collections.Generic
open System.Reflection
open System.Text.Encodings.Web
open System.Text.Json
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

    /// <summary>The models that top-level values of the scripts of this session are, with their names.</summary>
    let declared () : (string * Model) list = [
        for assembly in AppDomain.CurrentDomain.GetAssemblies() do
            if isInteractive assembly then
                for holder in assembly.GetTypes() do
                    for property in holder.GetProperties(BindingFlags.Static ||| BindingFlags.Public) do
                        if property.PropertyType = typeof<Model> then
                            match property.GetValue null with
                            | :? Model as model -> property.Name, model
                            | _ -> ()
    ]

    let private checkOne target trials seed (name: string) (model: Model) =
        match Compile.problems model with
        | [] ->
            let laws =
                try
                    Ok(Laws.ofModelOn target model)
                with :? DeclarationException as error ->
                    Error error.Problems

            match laws with
            | Ok laws ->
                for law in laws do
                    announce $"the law %s{Law.title law} of %s{name}"

                    let outcome =
                        match Law.judge trials seed law with
                        | Verdict.Held trials -> [ "held", true :> obj; "trials", trials :> obj ]
                        | Verdict.Broken counterexample -> [
                            "held", false :> obj
                            "counterexample", counterexample :> obj
                          ]

                    reply ([ "model", name :> obj; "law", Law.title law :> obj ] @ outcome)
            | Error problems ->
                for problem in problems do
                    reply [ "model", name; "problem", string problem ]
        | problems ->
            for problem in problems do
                reply [ "model", name; "problem", string problem ]

    let private describeOne target name (model: Model) =
        let pictures = [ "dot", Diagram.dot model :> obj; "svg", Diagram.svg model :> obj ]

        match Compile.problems model with
        | [] ->
            reply (
                [
                    "model", name :> obj
                    "report", string (Report.ofModelOn target model) :> obj
                ]
                @ pictures
            )
        | problems ->
            for problem in problems do
                reply [ "model", name; "problem", string problem ]

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
