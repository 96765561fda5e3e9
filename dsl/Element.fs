namespace Equivariant

open System
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open Equivariant.Core.Groups

/// <summary>Random group elements for FsCheck: uniform, and shrinking towards the identity.</summary>
[<RequireQualifiedAccess>]
module Element =

    let private superscript (number: int) =
        number.ToString()
        |> String.map (fun digit ->
            if digit = '-' then
                '⁻'
            else
                "⁰¹²³⁴⁵⁶⁷⁸⁹"[int digit - int '0'])

    let private power letter exponent =
        if exponent = 1 then
            letter
        else
            letter + superscript exponent

    /// <summary>Reads an element as mathematicians write it: <c>r² · f</c> where the core says <c>r^2 f</c>.</summary>
    let text (element: GroupElement) : string =
        let powers =
            Regex.Replace(string element, @"\^(-?\d+)", fun (m: Match) -> superscript (int m.Groups[1].Value))

        if powers.Contains '(' then
            powers
        else
            powers.Replace(" ", " · ")

    /// <summary>Reads an element as a word in named generators, such as <c>r² · f</c>; the identity is <c>1</c>.</summary>
    /// <param name="letters">A name for each of the group's generators, in order.</param>
    /// <param name="group">The group.</param>
    /// <param name="element">The element; a long word is written as the element instead.</param>
    let word (letters: string list) (group: Group) (element: GroupElement) : string =
        let longest = 6

        match List.ofSeq (group.Word element) with
        | [] -> "1"
        | word when word.Length > longest -> text element
        | word ->
            word
            |> List.map (fun letter ->
                // Positive powers are easier to picture; for an involution there is no difference at all.
                let order = int (group.Generators[letter.Generator]).Order
                power letters[letter.Generator] (((letter.Exponent % order) + order) % order))
            |> String.concat " · "

    /// <summary>Draws elements of a group, each with the same probability whatever FsCheck's size is.</summary>
    let generator (group: Group) : Gen<GroupElement> =
        Gen.choose (0, Int32.MaxValue - 1)
        |> Gen.map (fun seed -> group.Random(Random seed))

    /// <summary>
    /// Gives simpler elements, the simplest first: with fewer factors of the factorisation (see
    /// <see cref="P:Equivariant.Core.Groups.Group.Transversals"/>) than the element has, or one of them earlier in its
    /// list, where words are shorter.
    /// </summary>
    let shrink (group: Group) (element: GroupElement) : GroupElement seq =
        let indices = group.Factorise element

        let moved = [
            for i in 0 .. indices.Length - 1 do
                if indices[i] <> 0 then
                    i
        ]

        let product (indices: int[]) =
            indices
            |> Seq.indexed
            |> Seq.fold (fun product (i, index) -> group.Transversals[i][index] * product) group.Identity

        let only i =
            Array.init indices.Length (fun j -> if j = i then indices[j] else 0)

        let but i index = Array.updateAt i index indices

        seq {
            group.Identity

            // One factor alone says most; failing that, one factor less.
            for i in moved do
                product (only i)

            for i in moved do
                product (but i 0)

            for i in moved do
                for index in List.distinct [ 1; indices[i] / 2; indices[i] - 1 ] do
                    if index > 0 && index < indices[i] then
                        product (but i index)
        }
        |> Seq.distinct
        |> Seq.filter (fun simpler -> simpler <> element)

    /// <summary>Elements of a group for FsCheck's properties.</summary>
    let arbitrary (group: Group) : Arbitrary<GroupElement> =
        Arb.fromGenShrink (generator group, shrink group)

    /// <summary>Elements as F# values, for a typed group.</summary>
    let values (group: Group<'e>) : Arbitrary<'e> =
        arbitrary group.Core |> Arb.convert group.Value group.Element
