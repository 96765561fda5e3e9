namespace Equivariant.Fairness

open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences

/// <summary>How a language model is made fair.</summary>
type Variant =
    /// <summary>Not at all.</summary>
    | Plain
    /// <summary>Equituned over the product of all exchanges.</summary>
    | EquiLM
    /// <summary>EquiLM, but general words keep their own scores.</summary>
    | Relaxed
    /// <summary>The same as the published code does it: the exchanged words keep their own scores too.</summary>
    | RelaxedAsPublished
    /// <summary>The quotient design: the sum over the exchanges, instead of the product, of their evaluations.</summary>
    | MultiEquiLM
    /// <summary>Of all transforms of a prompt, the one after which the model is surest of the next token.</summary>
    | EquizeroLM

/// <summary>A language model made fair.</summary>
[<NoEquality; NoComparison>]
type FairModel = {
    Sequence: SequenceModel
    /// <summary>Evaluations of the model for each token.</summary>
    Evaluations: int
    /// <summary>Its declaration, where it has one.</summary>
    Declaration: Model option
}

/// <summary>Makes language models fair.</summary>
[<RequireQualifiedAccess>]
module Variant =

    /// <summary>Lists the variants by name.</summary>
    let all = [
        "plain", Plain
        "EquiLM", EquiLM
        "R-EquiLM", Relaxed
        "R-EquiLM, as published", RelaxedAsPublished
        "multi-EquiLM", MultiEquiLM
        "EquizeroLM", EquizeroLM
    ]

    /// <summary>Names a variant.</summary>
    let name variant =
        all |> List.find (fun (_, known) -> known = variant) |> fst

    /// <summary>Whether the continuations of exchanged prompts are the exchanged continuations.</summary>
    let isFair variant =
        match variant with
        | EquiLM
        | MultiEquiLM
        | EquizeroLM -> true
        | Plain
        | Relaxed
        | RelaxedAsPublished -> false

    /// <summary>Declares prompts of some tokens, whose words a product of up to four groups exchanges.</summary>
    let prompts size length (groups: Group<int[]> list) : Signal =
        let space = prompt size length

        match groups with
        | [ a ] -> space |> under a exchanges
        | [ a; b ] -> space |> under (a >< b) exchanges
        | [ a; b; c ] -> space |> under (a >< b >< c) exchanges
        | [ a; b; c; d ] -> space |> under (a >< b >< c >< d) exchanges
        | _ -> TextFile.refuse $"%d{groups.Length} exchanges make no product here: give one to four."

    /// <summary>Declares a language model under exchanges of words, with a design.</summary>
    /// <param name="length">The tokens of a prompt, for the declaration's laws; texts of any length are read.</param>
    /// <param name="language">The language model.</param>
    /// <param name="groups">What exchanges its words.</param>
    /// <param name="design">The design.</param>
    let declare length (language: Language) groups design =
        network {
            input "prompt" (prompts language.Size length groups)
            eq "prompt" (languageModel "language model" (fun () -> language.Model)) design
        }

    /// How the product exchanges tokens.
    let private action (language: Language) groups =
        (Signal.core (prompts language.Size 1 groups) :?> TokenAction).Vocabulary

    /// <summary>Makes a language model fair.</summary>
    /// <param name="target">Where to compile it.</param>
    /// <param name="language">The language model; it is shared, not copied.</param>
    /// <param name="long">What becomes of words of several tokens.</param>
    /// <param name="exchanges">The exchanges of words.</param>
    /// <param name="variant">How.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A word can't be exchanged; the message names it.</exception>
    let make target (language: Language) long (exchanges: Exchange list) variant : FairModel =
        let groupsOf exchanges =
            exchanges |> List.map (Exchange.group language.Size long language.Tokens)

        let declared design =
            let declaration = declare 6 language (groupsOf exchanges) design
            let sequence = (Model.compile target declaration).Sequence "prompt"
            sequence.eval ()

            {
                Sequence = sequence
                Evaluations = (sequence :?> QuotientSequenceModel).EvaluationsPerInput
                Declaration = Some declaration
            }

        /// Exchanges of the words that name demographics alone: general words are not among them.
        let named =
            exchanges
            |> List.map (fun exchange -> {
                exchange with
                    Sets = [ exchange.Names ]
            })

        let general =
            language.General
            |> List.collect (fun word -> [ word; " " + word ])
            |> List.choose language.Tokens
            |> List.choose (fun ids -> if ids.Length = 1 then Some ids.Head else None)

        let undeclared (sequence: QuotientSequenceModel) =
            sequence.eval ()

            {
                Sequence = sequence
                Evaluations = sequence.EvaluationsPerInput
                Declaration = None
            }

        let relaxed own =
            let words = action language (groupsOf named)
            undeclared (new RelaxedSequenceModel(language.Model, words, words, own))

        match variant with
        | Plain -> {
            Sequence = language.Model
            Evaluations = 1
            Declaration = None
          }
        | EquiLM -> declared equitune
        | MultiEquiLM -> declared quotient
        | Relaxed -> relaxed general
        | RelaxedAsPublished ->
            let exchanged =
                named |> List.collect (Exchange.tokens long language.Tokens) |> List.concat

            relaxed (general @ exchanged)
        | EquizeroLM ->
            let words = action language (groupsOf exchanges)
            let surest = Reduction.LeastLoss(fun logits -> ProxyLoss.Entropy logits)

            new EquituneSequenceModel(language.Model, words, words, reduction = surest)
            |> undeclared
