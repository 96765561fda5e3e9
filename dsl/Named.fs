namespace Equivariant

open Equivariant.Core

/// <summary>A function with a name, by which it is compared and printed: what makes declarations values.</summary>
[<CustomEquality; NoComparison; StructuredFormatDisplay("{Name}")>]
type Named<'f> = {
    /// <summary>The name.</summary>
    Name: string
    /// <summary>The function.</summary>
    Value: 'f
} with

    override this.Equals other =
        match other with
        | :? Named<'f> as other -> this.Name = other.Name
        | _ -> false

    override this.GetHashCode() = this.Name.GetHashCode()
    override this.ToString() = this.Name

[<AutoOpen>]
module internal Sentences =

    /// Refuses something with a sentence.
    let refuse (sentence: string) : 'a = raise (EquivariantException sentence)

    /// What a computation gives, or the sentence that refuses it. What is no sentence yet, such as an exception that a
    /// user's function raises, becomes one.
    let attempted (work: unit -> 'a) : Result<'a, string> =
        try
            Ok(work ())
        with
        | :? EquivariantException as refusal -> Error refusal.Message
        | error ->
            let cause = error.GetBaseException()
            Error $"it raises {cause.GetType().Name}: {cause.Message.Split('\n')[0]}"

    /// Calls a function of the user's; what it raises is told with its name.
    let calling (name: string) (work: unit -> 'a) : 'a =
        try
            work ()
        with
        | :? EquivariantException -> reraise ()
        | error ->
            let cause = error.GetBaseException()
            refuse $"{name} raises {cause.GetType().Name}: {cause.Message.Split('\n')[0]}"

    /// Joins words.
    let joined (separator: string) (words: string seq) = String.concat separator words

    /// "1 word", "2 words".
    let counted (number: int) noun =
        if number = 1 then
            $"1 %s{noun}"
        else
            $"%d{number} %s{noun}s"

    /// Lists names in quotation marks.
    let quoted (names: string seq) =
        names |> Seq.map (fun name -> $"\"{name}\"") |> joined ", "

    /// A table whose columns are as wide as they have to be.
    let columns (rows: string list list) =
        let width column =
            rows |> List.map (fun row -> (List.item column row: string).Length) |> List.max

        match rows with
        | [] -> ""
        | first :: _ ->
            let widths = [ for column in 0 .. first.Length - 1 -> width column ]

            rows
            |> List.map (fun row ->
                (List.map2 (fun (cell: string) width -> cell.PadRight width) row widths
                 |> joined "  ")
                    .TrimEnd())
            |> joined "\n"
