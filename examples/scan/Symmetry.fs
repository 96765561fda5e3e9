namespace Equivariant.Scan

open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups

/// <summary>Two words that mean alike, up to the exchange of two actions.</summary>
type Exchange = {
    /// <summary>What the two words are, such as "verbs".</summary>
    Name: string
    /// <summary>The word whose compositions are held out or rarer, and the one that training sees everywhere.</summary>
    Words: string * string
    /// <summary>The actions that go with the words.</summary>
    Actions: string * string
}

/// <summary>Which word of each pair stands for both in a term that ignores the difference.</summary>
type Representatives =
    /// <summary>run, right, down: training shows them in every composition.</summary>
    | InDistribution
    /// <summary>jump, left, up: the words with held-out compositions.</summary>
    | OutOfDistribution

/// <summary>How a term of the multi-group design ignores the other factors.</summary>
type Substitution =
    /// <summary>Every word becomes the representative of its pair: the paper's way.</summary>
    | CollapseWords
    /// <summary>The first word of a pair decides on an exchange in the whole sentence, so different words stay different.</summary>
    | CanonicaliseSentence

/// <summary>SCAN-II's symmetry: three exchanges that commute, a group of order 8.</summary>
[<RequireQualifiedAccess>]
module Symmetry =

    /// <summary>Lists the exchanges, one for each factor of the group.</summary>
    let exchanges = [
        {
            Name = "verbs"
            Words = "jump", "run"
            Actions = "I_JUMP", "I_RUN"
        }
        {
            Name = "sideways"
            Words = "left", "right"
            Actions = "I_TURN_LEFT", "I_TURN_RIGHT"
        }
        {
            Name = "upright"
            Words = "up", "down"
            Actions = "I_TURN_UP", "I_TURN_DOWN"
        }
    ]

    /// <summary>The group C2 × C2 × C2.</summary>
    let group = Group.Direct [| for _ in exchanges -> Group.Cyclic 2 :> Group |]

    let private swap (vocabulary: Vocabulary) (one, other) =
        let one, other = int (vocabulary.Id one), int (vocabulary.Id other)

        [|
            for token in 0 .. vocabulary.Count - 1 ->
                if token = one then other
                elif token = other then one
                else token
        |]

    let private acting (vocabulary: Vocabulary) pairs name =
        PermutationAction(group, vocabulary.Count, [| for pair in pairs -> swap vocabulary pair |], name)

    /// <summary>How the group permutes the words of commands.</summary>
    let onWords =
        acting Vocabularies.input (List.map _.Words exchanges) "the words of SCAN-II"

    /// <summary>How the group permutes the actions.</summary>
    let onActions =
        acting Vocabularies.output (List.map _.Actions exchanges) "the actions of SCAN-II"

    /// <summary>Lists the words that represent their pairs.</summary>
    let representativeWords representatives =
        let pick =
            match representatives with
            | InDistribution -> snd
            | OutOfDistribution -> fst

        [ for exchange in exchanges -> pick exchange.Words ],
        [ for exchange in exchanges -> pick exchange.Actions ]

    /// <summary>Makes a model equivariant by a mean over the group, with equal weights or others: 8 evaluations a sentence.</summary>
    let equitune (reduction: Reduction) (model: SequenceModel) =
        new EquituneSequenceModel(model, onWords, onActions, reduction = reduction)

    /// <summary>Makes a model equivariant by the paper's design for products: 2 + 2 + 2 evaluations a sentence.</summary>
    let multiEquitune substitution representatives (model: SequenceModel) =
        let words, actions = representativeWords representatives
        let words = Vocabularies.input.Encode words |> Array.map int
        let actions = Vocabularies.output.Encode actions |> Array.map int

        let invariance =
            match substitution with
            | CollapseWords -> SequenceInvariance.Collapse(words, actions)
            | CanonicaliseSentence -> SequenceInvariance.Canonicalise(words, actions)

        new QuotientSequenceModel(model, onWords, onActions, QuotientTerm.ForFactors group, invariance)
