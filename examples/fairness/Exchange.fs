namespace Equivariant.Fairness

open System
open Equivariant

/// <summary>A group of exchanges of words: word for word, the members of each set in turn.</summary>
type Exchange = {
    /// <summary>What differs between its words, such as "gender".</summary>
    Name: string
    /// <summary>The sets, of one length; the first names the demographics.</summary>
    Sets: string list list
} with

    /// <summary>The words that name demographics.</summary>
    member this.Names = this.Sets.Head

/// <summary>What becomes of words of several tokens.</summary>
type LongWords =
    /// <summary>They are refused, with their tokens.</summary>
    | Refused
    /// <summary>They are exchanged token by token, where all words of a set have equally many.</summary>
    | ByPieces

/// <summary>Exchanges of words, and the groups that they are.</summary>
[<RequireQualifiedAccess>]
module Exchange =

    /// <summary>Man and woman alone.</summary>
    let gender = {
        Name = "gender"
        Sets = [ [ "man"; "woman" ] ]
    }

    /// <summary>
    /// Pairs of words by gender. Words in two pairs can't be exchanged at once: "her" is the partner of "his" here, so
    /// "him" stays.
    /// </summary>
    let genderPairs = {
        Name = "gender"
        Sets = [
            [ "man"; "woman" ]
            [ "men"; "women" ]
            [ "he"; "she" ]
            [ "his"; "her" ]
            [ "himself"; "herself" ]
            [ "male"; "female" ]
            [ "boy"; "girl" ]
            [ "boys"; "girls" ]
            [ "father"; "mother" ]
            [ "son"; "daughter" ]
            [ "sons"; "daughters" ]
            [ "brother"; "sister" ]
            [ "brothers"; "sisters" ]
            [ "husband"; "wife" ]
            [ "uncle"; "aunt" ]
            [ "guy"; "gal" ]
            [ "king"; "queen" ]
            [ "prince"; "princess" ]
            [ "actor"; "actress" ]
        ]
    }

    /// <summary>Two races, as in the published experiment.</summary>
    let races = {
        Name = "race"
        Sets = [ [ "Black"; "White" ] ]
    }

    /// <summary>Three races.</summary>
    let threeRaces = {
        Name = "race"
        Sets = [ [ "Black"; "White"; "Asian" ] ]
    }

    /// <summary>Sexual orientation.</summary>
    let orientation = {
        Name = "orientation"
        Sets = [ [ "gay"; "straight" ] ]
    }

    let private capitalised (word: string) =
        string (Char.ToUpperInvariant word[0]) + word[1..]

    /// The ways in which a word stands in a text; the first has to be a token.
    let private forms = [
        fun word -> " " + word
        id
        fun word -> " " + capitalised word
        capitalised
    ]

    let private refuse = TextFile.refuse

    let private listed (ids: int list) =
        ids |> List.map string |> String.concat ", "

    /// <summary>
    /// Lists the sets of tokens that are exchanged: of each word the form after a blank, and, where all words of a set
    /// have them as one token, also those without blank and with a capital.
    /// </summary>
    /// <param name="long">What becomes of words of several tokens.</param>
    /// <param name="tokenize">The tokens of a text; none, where the vocabulary lacks it.</param>
    /// <param name="exchange">The exchange.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// A word is not in the vocabulary, or has several tokens where that is refused, or another number of them.
    /// </exception>
    let tokens long (tokenize: string -> int list option) exchange : int list list =
        let main (words: string list) =
            let ids =
                words
                |> List.map (fun word ->
                    match tokenize (forms.Head word) with
                    | Some(_ :: _ as ids) -> word, ids
                    | _ ->
                        refuse
                            $"The word '%s{word}' of the exchange '%s{exchange.Name}' is not in the vocabulary.")

            match ids |> List.tryFind (fun (_, ids) -> ids.Length > 1), long with
            | None, _ -> [ ids |> List.map (fun (_, ids) -> ids.Head) ]
            | Some(word, pieces), Refused ->
                refuse
                    $"The word '%s{word}' of the exchange '%s{exchange.Name}' is %d{pieces.Length} tokens (%s{listed pieces}), and only words of one token are exchanged: leave it out, or exchange it by pieces."
            | Some _, ByPieces ->
                let first, pieces = ids.Head

                match ids |> List.tryFind (fun (_, other) -> other.Length <> pieces.Length) with
                | Some(word, other) ->
                    refuse
                        $"'%s{first}' is %d{pieces.Length} tokens (%s{listed pieces}) and '%s{word}' %d{other.Length} (%s{listed other}): words are exchanged by pieces where they have equally many."
                | None ->
                    ids
                    |> List.map snd
                    |> List.transpose
                    |> List.filter (fun set -> List.distinct set |> List.length > 1)

        let others (words: string list) =
            forms.Tail
            |> List.choose (fun form ->
                let ids = words |> List.map (form >> tokenize)

                if ids |> List.forall (fun ids -> ids |> Option.exists (fun ids -> ids.Length = 1)) then
                    Some(ids |> List.map (fun ids -> ids.Value.Head))
                else
                    None)

        exchange.Sets
        |> List.collect (fun words ->
            if words |> List.exists String.IsNullOrWhiteSpace then
                refuse $"The exchange '%s{exchange.Name}' has an empty word."

            main words @ others words)
        |> List.distinct

    /// <summary>Makes the group of an exchange, which permutes the tokens of a vocabulary.</summary>
    /// <param name="size">The number of tokens.</param>
    /// <param name="long">What becomes of words of several tokens.</param>
    /// <param name="tokenize">The tokens of a text; none, where the vocabulary lacks it.</param>
    /// <param name="exchange">The exchange.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// A word is not in the vocabulary, is several tokens or in two sets, or sets have different lengths.
    /// </exception>
    let group size long tokenize exchange : Group<int[]> =
        words size (tokens long tokenize exchange)
