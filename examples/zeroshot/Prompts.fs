namespace Equivariant.ZeroShot

open System
open System.IO
open System.Text.Json
open Equivariant.Images

/// <summary>The names of classes, and sentences about an image with a place for a name.</summary>
type Prompts = {
    /// <summary>The names, in the order of the classes' numbers. ImageNet's have two of them twice.</summary>
    Classes: string[]
    /// <summary>Sentences such as <c>a photo of a {}.</c></summary>
    Templates: string[]
}

/// <summary>Prompts, of one's own or from a file.</summary>
[<RequireQualifiedAccess>]
module Prompts =

    /// <summary>Where a template has its name.</summary>
    let place = "{}"

    /// <summary>Refuses names and templates from which no sentences can be made.</summary>
    /// <param name="source">Where they come from, for the message.</param>
    let require (source: string) (prompts: Prompts) : Prompts =
        if prompts.Classes.Length < 2 then
            refuse $"{source} has less than two names of classes; there is nothing to tell apart."

        if prompts.Templates.Length = 0 then
            refuse $"{source} has no templates: give sentences such as \"a photo of a {place}.\"."

        match prompts.Classes |> Array.tryFindIndex String.IsNullOrWhiteSpace with
        | Some number -> refuse $"{source} has no name for class {number}."
        | None -> ()

        match prompts.Templates |> Array.tryFind (_.Contains(place) >> not) with
        | Some template ->
            refuse
                $"the template \"{template}\" in {source} has no place for a name: write {place} where it goes."
        | None -> prompts

    /// <summary>A few sentences for whatever is in a picture.</summary>
    let plain (classes: string[]) : Prompts = {
        Classes = classes
        Templates = [|
            "a photo of a {}."
            "a photo of the {}."
            "a close-up photo of a {}."
            "a photo of one {}."
        |]
    }

    /// <summary>The sentences about a class, one of each template.</summary>
    let sentences (name: string) (prompts: Prompts) : string[] =
        prompts.Templates |> Array.map _.Replace(place, name)

    let private opened (path: string) : JsonElement =
        try
            use document = JsonDocument.Parse(File.ReadAllText path)
            document.RootElement.Clone()
        with
        | :? IOException
        | :? UnauthorizedAccessException as error ->
            refuse $"'{path}' can't be read: {error.Message.TrimEnd('.')}."
        | :? JsonException as error -> refuse $"'{path}' is not JSON: {error.Message.Split('\n')[0]}"

    let private texts path (key: string) (json: JsonElement) : string[] =
        match json.TryGetProperty key with
        | true, list when
            list.ValueKind = JsonValueKind.Array
            && list.EnumerateArray()
               |> Seq.forall (fun entry -> entry.ValueKind = JsonValueKind.String)
              ->
              [| for entry in list.EnumerateArray() -> nonNull (entry.GetString()) |]
        | true, _ -> refuse $"\"{key}\" in '{path}' has to be a list of texts."
        | _ -> refuse $"'{path}' has no \"{key}\"."

    let private classesKey, templatesKey = "classes", "templates"

    /// <summary>Reads prompts from a JSON file.</summary>
    /// <param name="path">A file with "classes" and "templates", or with several sets, such as "cifar100_classes" and "cifar100_templates".</param>
    /// <param name="set">Which of several sets, such as <c>cifar100</c>.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such file or set, or no sentences follow from it.</exception>
    let read (path: string) (set: string option) : Prompts =
        let json = opened path

        if json.ValueKind <> JsonValueKind.Object then
            refuse $"'{path}' has to be an object with \"{classesKey}\" and \"{templatesKey}\"."

        let sets = [
            for property in json.EnumerateObject() do
                if property.Name.EndsWith("_" + classesKey, StringComparison.Ordinal) then
                    property.Name[.. property.Name.Length - classesKey.Length - 2]
        ]

        let known = sets |> List.map (sprintf "\"%s\"") |> String.concat ", "

        let prefix =
            match set with
            | Some set when List.contains set sets -> $"{set}_"
            | Some set when sets.IsEmpty ->
                refuse $"'{path}' has one set only, so it has none called \"{set}\"."
            | Some set -> refuse $"'{path}' has no set \"{set}\"; it has {known}."
            | None when sets.IsEmpty -> ""
            | None -> refuse $"'{path}' has several sets, {known}: say which."

        require $"'{path}'" {
            Classes = texts path (prefix + classesKey) json
            Templates = texts path (prefix + templatesKey) json
        }
