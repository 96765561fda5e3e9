namespace Equivariant.Images

open Equivariant.Core

/// <summary>How what makes no sense is refused.</summary>
[<AutoOpen>]
module internal Refusal =

    /// Refuses with a sentence for people.
    let refuse (sentence: string) : 'a = raise (EquivariantException sentence)
