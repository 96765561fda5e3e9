namespace Equivariant.ZeroShot

open TorchSharp
open Equivariant

/// <summary>What a design averages over a group.</summary>
type Averaging =
    /// <summary>Unit features of the encoder.</summary>
    | Features
    /// <summary>Cosines with the classes' vectors, times the factor.</summary>
    | Logits
    /// <summary>Their softmax, as the published code does it.</summary>
    | Probabilities

/// <summary>An encoder with a vector for each class: an image is of the class to whose vector its features are nearest.</summary>
[<NoEquality; NoComparison>]
type Classifier = {
    /// <summary>The encoder's name.</summary>
    Name: string
    /// <summary>The images that it takes.</summary>
    Images: Space
    /// <summary>From such images to features, <c>[R, E]</c>.</summary>
    Net: Net
    /// <summary>The classes' vectors, <c>[E, classes]</c>, of length one.</summary>
    Weights: torch.Tensor
    /// <summary>What cosines are multiplied by before the softmax.</summary>
    Factor: float
}

/// <summary>From features to scores.</summary>
[<RequireQualifiedAccess>]
module Classifier =

    /// <summary>The number of classes.</summary>
    let classes (classifier: Classifier) = int classifier.Weights.shape[1]

    /// <summary>Cosines times a factor, <c>[R, E] → [R, classes]</c>.</summary>
    let logits (factor: float) (classifier: Classifier) (features: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()

        ((ClassWeights.unit features).matmul classifier.Weights * factor.ToScalar()).MoveToOuterDisposeScope()

    let private softmax (logits: torch.Tensor) = logits.softmax -1L

    /// <summary>What is averaged, from features; its number for an image; and the probabilities that follow from the average.</summary>
    let parts (averaging: Averaging) (classifier: Classifier) =
        let toLogits = logits classifier.Factor classifier

        match averaging with
        | Features -> ClassWeights.unit, int classifier.Weights.shape[0], toLogits >> softmax
        | Logits -> toLogits, classes classifier, softmax
        | Probabilities -> toLogits >> softmax, classes classifier, id
