namespace Equivariant

/// <summary>The words of a vocabulary, numbered from 0.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Text}")>]
type Vocabulary =
    /// <summary>Words by their names.</summary>
    | Words of names: string list
    /// <summary>So many tokens, known by their numbers only.</summary>
    | Tokens of count: int

    /// <summary>The number of words.</summary>
    member this.Size =
        match this with
        | Words names -> names.Length
        | Tokens count -> count

    /// <summary>Reads like <c>9 words</c>, or <c>50257 tokens</c>.</summary>
    member this.Text =
        match this with
        | Words names -> counted names.Length "word"
        | Tokens count -> counted count "token"

    override this.ToString() = this.Text

/// <summary>What a tensor holds, without the batch axis.</summary>
[<StructuredFormatDisplay("{Text}")>]
type Space =
    /// <summary>Floating-point numbers of a shape.</summary>
    | Numbers of shape: int list
    /// <summary>Floating-point numbers whose last axis has a name for each place, such as logits over words.</summary>
    | Scores of leading: int list * labels: Vocabulary
    /// <summary>Sentences of a length: numbers of words of a vocabulary, from 0.</summary>
    | Sentences of vocabulary: Vocabulary * length: int

    /// <summary>The shape of a tensor, without the batch axis.</summary>
    member this.Shape =
        match this with
        | Numbers shape -> shape
        | Scores(leading, labels) -> leading @ [ labels.Size ]
        | Sentences(_, length) -> [ length ]

    /// <summary>The number of components of a tensor, without the batch axis.</summary>
    member this.Size = List.fold (*) 1 this.Shape

    /// <summary>The words that can be exchanged; none where there are none.</summary>
    member this.Vocabulary =
        match this with
        | Numbers _ -> None
        | Scores(_, labels) -> Some labels
        | Sentences(vocabulary, _) -> Some vocabulary

    /// <summary>Reads like <c>3 × 64 × 64</c>.</summary>
    member this.Text =
        let product (shape: int list) =
            shape |> List.map string |> joined " × "

        match this with
        | Numbers shape -> product shape
        | Scores([], labels) -> $"scores of {labels}"
        | Scores(leading, labels) -> $"{product leading} × scores of {labels}"
        | Sentences(vocabulary, length) -> $"sentences of {length} from {vocabulary}"

    override this.ToString() = this.Text

/// What spaces have to be.
module internal Space =

    /// Refuses what no tensor can hold, and words that cannot be told apart.
    let require (space: Space) =
        for length in space.Shape do
            if length < 1 then
                refuse $"a space of {space} has an axis of length {length}; lengths start at 1."

        let size = space.Shape |> Seq.fold (fun size length -> size * bigint length) 1I

        if size > bigint System.Int32.MaxValue then
            refuse $"a space of {space} has {size} components, above the limit of {System.Int32.MaxValue}."

        match space.Vocabulary with
        | Some(Vocabulary.Words names) ->
            for word, times in List.countBy id names do
                if times > 1 then
                    refuse
                        $"the vocabulary has \"{word}\" {times} times; words are told apart by their names, so each can stand there once."
        | Some(Vocabulary.Tokens count) when count < 1 ->
            refuse $"a vocabulary has at least one token, but this one has {count}."
        | Some(Vocabulary.Tokens _)
        | None -> ()

/// <summary>Spaces, as they are named in declarations.</summary>
[<AutoOpen>]
module Spaces =

    /// <summary>Images of some channels, a height and a width.</summary>
    let image channels height width = Numbers [ channels; height; width ]

    /// <summary>Vectors.</summary>
    let vector length = Numbers [ length ]

    /// <summary>A score for each of some classes.</summary>
    let classes count = Numbers [ count ]

    /// <summary>Tensors of any shape, without the batch axis.</summary>
    let tensor shape = Numbers shape

    /// <summary>Sentences of a fixed length from a vocabulary; words are numbered from 0 in its order.</summary>
    let sentence vocabulary length =
        Sentences(Vocabulary.Words vocabulary, length)

    /// <summary>Prompts of a length for a language model: the numbers of tokens, from 0, of a vocabulary of some size.</summary>
    let prompt size length =
        Sentences(Vocabulary.Tokens size, length)

    /// <summary>A score for each word of a vocabulary, at each of some places.</summary>
    let scores places vocabulary =
        Scores([ places ], Vocabulary.Words vocabulary)

    /// <summary>A score for each token of a vocabulary of some size, after each token of prompts of a length.</summary>
    let logits size length =
        Scores([ length ], Vocabulary.Tokens size)
