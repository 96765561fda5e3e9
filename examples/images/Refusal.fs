namespace Equivariant.Images

open System
open System.IO
open Equivariant.Core

/// <summary>How what makes no sense is refused.</summary>
[<AutoOpen>]
module internal Refusal =

    /// Refuses with a sentence for people.
    let refuse (sentence: string) : 'a = raise (EquivariantException sentence)

    /// Reads a file whole; refuses one that can't be read.
    let readBytes (path: string) : byte[] =
        try
            File.ReadAllBytes path
        with
        | :? IOException
        | :? UnauthorizedAccessException as error ->
            refuse $"'{path}' can't be read: {error.Message.TrimEnd('.')}."
