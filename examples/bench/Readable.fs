/// What people read: text that a terminal shows as it is, and errors as sentences.
module Equivariant.Bench.Readable

open System
open System.Globalization
open System.IO
open Equivariant.Core

/// Characters that a terminal obeys or hides instead of showing them; half a surrogate pair is one.
let private isHidden (text: string) at =
    let start =
        if at > 0 && Char.IsSurrogatePair(text, at - 1) then
            at - 1
        else
            at

    match Char.GetUnicodeCategory(text, start) with
    | UnicodeCategory.Control
    | UnicodeCategory.Format
    | UnicodeCategory.LineSeparator
    | UnicodeCategory.ParagraphSeparator
    | UnicodeCategory.Surrogate -> true
    | _ -> false

let private escaped letter =
    match letter with
    | '\n' -> "\\n"
    | '\r' -> "\\r"
    | '\t' -> "\\t"
    | letter -> $"\\u%04x{int letter}"

/// A text in one line, with hidden characters written as JSON writes them.
let visible (text: string) =
    text
    |> Seq.mapi (fun at letter -> if isHidden text at then escaped letter else string letter)
    |> String.concat ""

/// The same for a text of several lines.
let visibleLines (text: string) =
    text.Split '\n' |> Array.map visible |> String.concat "\n"

let private longest = 60

/// The beginning of a text that may be long.
let brief (text: string) =
    if text.Length <= longest then
        text
    else
        text[.. longest - 1] + "…"

/// The first line that says something.
let firstLine (text: string) =
    text.Split('\n', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
    |> Array.tryHead
    |> Option.defaultValue ""

/// What went wrong, for people.
let sentence (error: exn) =
    match error with
    | :? EquivariantException
    | :? IOException
    | :? UnauthorizedAccessException -> error.Message
    | :? OutOfMemoryException -> "There is not enough memory for this."
    | error -> $"This should not have happened: %s{firstLine error.Message} (%s{error.GetType().Name})"
