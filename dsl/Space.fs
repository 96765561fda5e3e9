namespace Equivariant

/// <summary>What a tensor holds, without the batch axis.</summary>
[<StructuredFormatDisplay("{Text}")>]
type Space =
    /// <summary>Floating-point numbers of a shape.</summary>
    | Numbers of shape: int list
    /// <summary>Floating-point numbers whose last axis has a name for each place, such as logits over words.</summary>
    | Scores of leading: int list * labels: string list
    /// <summary>Sentences of a length: numbers of words of a vocabulary, from 0.</summary>
    | Sentences of vocabulary: string list * length: int

    /// <summary>The shape of a tensor, without the batch axis.</summary>
    member this.Shape =
        match this with
        | Numbers shape -> shape
        | Scores(leading, labels) -> leading @ [ labels.Length ]
        | Sentences(_, length) -> [ length ]

    /// <summary>The number of components of a tensor, without the batch axis.</summary>
    member this.Size = List.fold (*) 1 this.Shape

    /// <summary>The names that words can be exchanged by; none where there are no words.</summary>
    member this.Words =
        match this with
        | Numbers _ -> []
        | Scores(_, labels) -> labels
        | Sentences(vocabulary, _) -> vocabulary

    /// <summary>Reads like <c>3 × 64 × 64</c>.</summary>
    member this.Text =
        let product (shape: int list) =
            shape |> List.map string |> joined " × "

        match this with
        | Numbers shape -> product shape
        | Scores([], labels) -> $"scores of {labels.Length} words"
        | Scores(leading, labels) -> $"{product leading} × scores of {labels.Length} words"
        | Sentences(vocabulary, length) -> $"sentences of {length} from {vocabulary.Length} words"

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

        for word, times in List.countBy id space.Words do
            if times > 1 then
                refuse
                    $"the vocabulary has \"{word}\" {times} times; words are told apart by their names, so each can stand there once."

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
    let sentence vocabulary length = Sentences(vocabulary, length)

    /// <summary>A score for each word of a vocabulary, at each of some places.</summary>
    let scores places vocabulary = Scores([ places ], vocabulary)
