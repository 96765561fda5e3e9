namespace Equivariant.Scan

open System
open TorchSharp
open Equivariant.Bench
open Equivariant.Core.Sequences

/// <summary>How a model is trained.</summary>
type Schedule = {
    /// <summary>How often all sentences are seen.</summary>
    Epochs: int
    /// <summary>Sentences in a batch.</summary>
    BatchSize: int
    /// <summary>Adam's step size at the start; it falls along half a cosine.</summary>
    LearningRate: float
    /// <summary>The step size at the end.</summary>
    FinalLearningRate: float
    /// <summary>The largest norm of a gradient; longer ones are shortened to it.</summary>
    ClipNorm: float
}

/// <summary>Sentences of like length as padded tensors; disposes them.</summary>
type Batch = {
    /// <summary>What is read, <c>[B, S]</c>.</summary>
    Source: torch.Tensor
    /// <summary>The start token and the target, <c>[B, T]</c>.</summary>
    Prefix: torch.Tensor
    /// <summary>The target and the end token, <c>[B, T]</c>.</summary>
    Target: torch.Tensor
} with

    interface IDisposable with
        member this.Dispose() =
            this.Source.Dispose()
            this.Prefix.Dispose()
            this.Target.Dispose()

/// <summary>Groups sentences into batches that waste little on padding.</summary>
[<RequireQualifiedAccess>]
module Batches =

    /// Sentences are sorted by length within this many batches, so that batches differ from epoch to epoch.
    let private pool = 32

    let private pad (device: torch.Device) (rows: int64[][]) =
        let width = rows |> Array.map Array.length |> Array.max
        let flat = Array.create (rows.Length * width) Vocabulary.Pad
        rows |> Array.iteri (fun index row -> row.CopyTo(flat, index * width))
        let shape = ReadOnlySpan [| int64 rows.Length; int64 width |]
        torch.tensor (flat, shape, device = device)

    /// <summary>Makes the source tensor of some sentences.</summary>
    let sources device (examples: Example[]) =
        examples |> Array.map _.Source |> pad device

    /// <summary>Makes a batch of some sentences.</summary>
    let create device (examples: Example[]) = {
        Source = sources device examples
        Prefix =
            examples
            |> Array.map (fun example -> Array.append [| Vocabularies.start |] example.Target)
            |> pad device
        Target =
            examples
            |> Array.map (fun example -> Array.append example.Target [| Vocabularies.finish |])
            |> pad device
    }

    /// <summary>Divides sentences into batches of like target length, in an order drawn from the random numbers.</summary>
    let plan (random: Random) size (examples: Example[]) =
        let shuffled = Array.copy examples
        random.Shuffle shuffled

        let batches =
            shuffled
            |> Array.chunkBySize (size * pool)
            |> Array.collect (Array.sortBy _.Target.Length >> Array.chunkBySize size)

        random.Shuffle batches
        batches

/// <summary>Says how a sequence model is trained.</summary>
[<RequireQualifiedAccess>]
module Schedule =

    /// <summary>Measures the mean cross-entropy of the target tokens, padding left out.</summary>
    let loss (model: SequenceModel) (batch: Batch) =
        use scope = torch.NewDisposeScope()
        let logits = model.call (batch.Source, batch.Prefix)

        torch.nn.functional
            .cross_entropy(logits.flatten (0L, 1L), batch.Target.flatten (), ignore_index = Vocabulary.Pad)
            .MoveToOuterDisposeScope()

    /// <summary>The training of a model by a schedule: Adam, whose step size falls along half a cosine.</summary>
    /// <param name="schedule">How to train.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="model">What to train.</param>
    /// <param name="examples">The sentences.</param>
    let training
        (schedule: Schedule)
        device
        (model: SequenceModel)
        (examples: Example[])
        : Training<Example[]> = {
        Training.plain
            model
            (torch.optim.Adam(model.parameters (), schedule.LearningRate))
            schedule.Epochs
            (fun random -> Batches.plan random schedule.BatchSize examples)
            Array.length
            (fun sentences ->
                use batch = Batches.create device sentences
                loss model batch) with
            LearningRate = Some(Training.cosine schedule.LearningRate schedule.FinalLearningRate)
            ClipNorm = Some schedule.ClipNorm
    }
