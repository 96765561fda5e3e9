namespace Equivariant.Scan

open Equivariant.Core.Designs
open Equivariant.Core.Sequences

/// <summary>What is compared: the network alone, or a design around it.</summary>
type Design =
    | Plain
    | Equitune
    | LambdaEquitune
    | Equizero
    | MultiEquitune of Substitution * Representatives

/// <summary>Names and makes the designs.</summary>
[<RequireQualifiedAccess>]
module Design =

    /// <summary>Lists what the experiment compares.</summary>
    let all = [
        Plain
        Equitune
        LambdaEquitune
        Equizero
        for substitution in [ CollapseWords; CanonicaliseSentence ] do
            for representatives in [ InDistribution; OutOfDistribution ] do
                MultiEquitune(substitution, representatives)
    ]

    /// <summary>Gives a design's name.</summary>
    let name design =
        match design with
        | Plain -> "plain"
        | Equitune -> "equitune"
        | LambdaEquitune -> "λ-equitune"
        | Equizero -> "equizero"
        | MultiEquitune(substitution, representatives) ->
            let how =
                match substitution with
                | CollapseWords -> "collapse"
                | CanonicaliseSentence -> "canonical"

            $"multi {how} {Symmetry.representativeWords representatives |> fst |> List.head}"

    /// <summary>Says in a sentence what a design is.</summary>
    let describe design =
        let words representatives =
            Symmetry.representativeWords representatives |> fst |> String.concat ", "

        match design with
        | Plain -> "the network alone"
        | Equitune -> "the mean over the whole group"
        | LambdaEquitune ->
            "the mean over the whole group, with weights that a small network learns to give each sentence"
        | Equizero ->
            "of the whole group, for each sentence the exchanges that make the network surest of the first action"
        | MultiEquitune(CollapseWords, representatives) ->
            $"a term for each exchange; in it, the words of the other exchanges become {words representatives}"
        | MultiEquitune(CanonicaliseSentence, representatives) ->
            $"a term for each exchange; in it, the other exchanges are applied to the whole sentence so that the first word of each is {words representatives}"

    let private weightWidth = 16L

    /// <summary>Puts a design around a network.</summary>
    let wrap design (network: SequenceModel) : SequenceModel =
        match design with
        | Plain -> network
        | Equitune -> Symmetry.equitune (Reduction.Mean()) network
        | LambdaEquitune -> Symmetry.equitune (Reduction.Weighted(new SentenceWeight(weightWidth))) network
        | Equizero -> Symmetry.equitune (Reduction.LeastLoss(fun logits -> ProxyLoss.Entropy logits)) network
        | MultiEquitune(substitution, representatives) ->
            Symmetry.multiEquitune substitution representatives network

    /// <summary>Counts the evaluations of the network for one sentence.</summary>
    let evaluations (model: SequenceModel) =
        match model with
        | :? QuotientSequenceModel as design -> design.EvaluationsPerInput
        | _ -> 1
