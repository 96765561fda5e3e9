namespace Equivariant.Bench

open System
open System.Globalization
open System.IO
open Equivariant.Core

/// <summary>An option of an experiment's command: its name, its help, and what it changes in the settings.</summary>
[<NoEquality; NoComparison>]
type Argument<'Settings> = {
    /// <summary>The name after the two dashes.</summary>
    Name: string
    /// <summary>What stands for its value in the help; none for a switch.</summary>
    Value: string option
    /// <summary>What it does, in a line.</summary>
    Usage: string
    /// <summary>Changes the settings by the text given.</summary>
    Apply: string -> 'Settings -> 'Settings
}

/// <summary>Makes options, and reads them.</summary>
[<RequireQualifiedAccess>]
module Argument =

    let private refuse (message: string) = raise (EquivariantException message)

    /// <summary>A text of any kind.</summary>
    let text name value usage (apply: string -> 'Settings -> 'Settings) = {
        Name = name
        Value = Some value
        Usage = usage
        Apply = apply
    }

    /// <summary>A file or folder that is there, by its full path.</summary>
    let path name value usage (apply: string -> 'Settings -> 'Settings) =
        text name value usage (fun text ->
            if File.Exists text || Directory.Exists text then
                apply (Path.GetFullPath text)
            else
                refuse $"--%s{name} %s{text}: there is no such file or folder.")

    /// <summary>A switch without a value.</summary>
    let switch name usage (apply: 'Settings -> 'Settings) = {
        Name = name
        Value = None
        Usage = usage
        Apply = fun _ -> apply
    }

    /// <summary>A whole number within bounds.</summary>
    let number name (least: int, largest: int) usage (apply: int -> 'Settings -> 'Settings) =
        text name "number" usage (fun text ->
            match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, value when value >= least && value <= largest -> apply value
            | _ -> refuse $"--%s{name} %s{text} makes no sense: give a number from %d{least} to %d{largest}.")

    /// <summary>One of several values by their names.</summary>
    let choice
        name
        (what: string)
        (values: (string * 'Value) list)
        usage
        (apply: 'Value -> 'Settings -> 'Settings)
        =
        text name "name" usage (fun text ->
            match List.tryFind (fun (known, _) -> known = text) values with
            | Some(_, value) -> apply value
            | None ->
                let names = List.map fst values
                let last = List.last names
                let others = names |> List.take (names.Length - 1) |> String.concat ", "
                refuse $"'%s{text}' is no %s{what}: choose %s{others} or %s{last}.")

    /// <summary>Some of several values by their names, divided by commas.</summary>
    let choices
        name
        (what: string)
        (values: (string * 'Value) list)
        usage
        (apply: 'Value list -> 'Settings -> 'Settings)
        =
        text name "names" usage (fun text ->
            text.Split(',', StringSplitOptions.TrimEntries)
            |> List.ofArray
            |> List.distinct
            |> List.map (fun text ->
                match List.tryFind (fun (known, _) -> known = text) values with
                | Some(_, value) -> value
                | None ->
                    let known = values |> List.map fst |> String.concat ", "
                    refuse $"'%s{text}' is no %s{what}: choose among %s{known}.")
            |> apply)

    /// <summary>Reads the options of a command line, each at most once; an error is what is wrong with them.</summary>
    let rec internal read (known: Argument<'Settings> list) (words: string list) (settings: 'Settings) =
        match words with
        | [] -> Ok settings
        | word :: rest ->
            match known |> List.tryFind (fun argument -> "--" + argument.Name = word), rest with
            | None, _ -> Error $"unrecognized argument: '%s{word}'."
            | Some argument, _ when List.contains word rest -> Error $"'%s{word}' is given more than once."
            | Some { Value = None; Apply = apply }, rest -> read known rest (apply "" settings)
            | Some { Value = Some _; Apply = apply }, value :: rest -> read known rest (apply value settings)
            | Some { Value = Some what }, [] -> Error $"'%s{word}' needs a value, its %s{what}."
