namespace Equivariant.Scan

open System
open Equivariant.Bench

/// <summary>The sentences of a run, drawn by its seed.</summary>
type Data = {
    /// <summary>What pretraining sees, the bare primitives repeated.</summary>
    Pretraining: Example[]
    /// <summary>What finetuning sees, the bare primitives repeated.</summary>
    Finetuning: Example[]
    /// <summary>What accuracy is measured on, by name; none of it is in training.</summary>
    Evaluation: (string * Example[]) list
}

/// <summary>Draws sentences.</summary>
[<RequireQualifiedAccess>]
module Data =

    /// <summary>Names the sentences that training could have shown.</summary>
    let inDistribution = "in distribution"

    /// <summary>Names the "jump" sentences that no exchange maps to a training sentence, having both verbs.</summary>
    let jumpAndRun = "jump and run"

    /// <summary>Names the sets of held-out sentences, in their order.</summary>
    let heldOutNames = [
        for kind in Splits.kinds do
            Splits.name kind

            if kind = JumpCompositions then
                jumpAndRun
    ]

    let private hasBothVerbs command =
        let words = Grammar.words command
        List.contains "jump" words && List.contains "run" words

    let private sample (random: Random) size (commands: 'T[]) =
        let shuffled = Array.copy commands
        random.Shuffle shuffled
        Array.truncate size shuffled

    let private withPrimitives share (primitives: Example[]) (examples: Example[]) =
        let copies = int (round (share * float examples.Length))
        Array.append examples (Array.concat (Array.replicate copies primitives))

    /// <summary>Draws the sentences of a run.</summary>
    let draw (settings: Settings) seed =
        let split = Splits.scanII.Force()
        let random = Random(Seed.derive seed "data")

        let heldBack, training =
            split.Training
            |> sample random Int32.MaxValue
            |> Array.splitAt settings.HeldBackSize

        let primitives = Array.map Vocabularies.example split.Primitives

        let trainingSentences size =
            training
            |> Array.truncate size
            |> Array.map Vocabularies.example
            |> withPrimitives settings.PrimitiveShare primitives

        let heldOut = [
            for kind, commands in split.HeldOut -> kind, sample random settings.EvaluationSize commands
        ]

        let examples = Array.map Vocabularies.example

        {
            Pretraining = trainingSentences settings.TrainingSize
            Finetuning = trainingSentences (min settings.FinetuningSize settings.TrainingSize)
            Evaluation = [
                inDistribution, examples heldBack
                for kind, commands in heldOut do
                    Splits.name kind, examples commands

                    if kind = JumpCompositions then
                        jumpAndRun, commands |> Array.filter hasBothVerbs |> examples
            ]
        }
