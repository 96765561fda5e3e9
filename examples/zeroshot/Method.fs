namespace Equivariant.ZeroShot

open System
open TorchSharp
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs

/// <summary>A way to make what a classifier says independent of how an image is turned.</summary>
type Method =
    /// <summary>The classifier alone, on the image as it comes.</summary>
    | Plain
    /// <summary>The mean over the group.</summary>
    | Equitune
    /// <summary>For each class the largest over the group, as the published code has equizero.</summary>
    | Equizero
    /// <summary>The transform of whose class the classifier is surest: equizero by a loss, the entropy.</summary>
    | Surest
    /// <summary>A mean by weights that a small network on the features learns.</summary>
    | LambdaEquitune
    /// <summary>The paper's: by a random direction to a canonical pose, and from there the mean over both factors.</summary>
    | MultiEquitune
    /// <summary>The same with the largest instead of the mean.</summary>
    | MultiEquizero
    /// <summary>The sum over normal subgroups of means over cosets, of images averaged over the subgroup.</summary>
    | Quotient
    /// <summary>One pose, chosen by where the image is bright.</summary>
    | CanonicalPose
    /// <summary>The mean over the poses with the brighter half at the bottom.</summary>
    | BrightHalf

/// <summary>What methods need besides a classifier and a group.</summary>
[<NoEquality; NoComparison>]
type Aids = {
    /// <summary>Where methods are compiled: the device of the classifier, and the ranks that share orbits.</summary>
    Target: Target
    /// <summary>What is averaged.</summary>
    Averaging: Averaging
    /// <summary>A direction in the space of images, from their shape; asked for anew for each batch.</summary>
    Direction: int64[] -> torch.Tensor
    /// <summary>The logarithms of λ-equitune's weights, from images, <c>[R, 1]</c>.</summary>
    Weights: Net option
}

/// A network followed by a function.
type internal Followed(net: Net, after: torch.Tensor -> torch.Tensor) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("followed")
    do this.register_module ("net", net)

    override _.forward x =
        use scope = torch.NewDisposeScope()
        (after (net.call x)).MoveToOuterDisposeScope()

/// The values of a network at some transforms of its input, as one.
type private AtTransforms(net: Net, transforms: OrbitMap, reduction: Reduction) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("at transforms")
    do this.register_module ("net", net)

    override _.forward x =
        use scope = torch.NewDisposeScope()
        let rows = transforms.Expand x
        let values = net.call rows
        let each = values.unflatten (0L, [| int64 transforms.Count; x.shape[0] |])
        (reduction.Reduce(rows, values, each)).MoveToOuterDisposeScope()

/// A compiled model of one input and one output, and what follows from its output.
type private Predicting(model: CompiledModel, after: torch.Tensor -> torch.Tensor) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("predicting")
    do this.register_module ("model", model)

    override _.forward x =
        use scope = torch.NewDisposeScope()
        (after (model.Predict x)).MoveToOuterDisposeScope()

/// <summary>The methods, as compositions of designs.</summary>
[<RequireQualifiedAccess>]
module Method =

    /// <summary>All, in the order of tables.</summary>
    let all = [
        Plain
        Equitune
        Equizero
        Surest
        LambdaEquitune
        MultiEquitune
        MultiEquizero
        Quotient
        CanonicalPose
        BrightHalf
    ]

    /// <summary>Its name in tables.</summary>
    let name method =
        match method with
        | Plain -> "plain"
        | Equitune -> "equitune"
        | Equizero -> "equizero"
        | Surest -> "surest"
        | LambdaEquitune -> "λ-equitune"
        | MultiEquitune -> "multi-equitune"
        | MultiEquizero -> "multi-equizero"
        | Quotient -> "quotient"
        | CanonicalPose -> "canonical pose"
        | BrightHalf -> "bright half"

    /// <summary>What it does, in a line.</summary>
    let describe method =
        match method with
        | Plain -> "the encoder alone"
        | Equitune -> "the mean over the group"
        | Equizero -> "for each class the largest over the group, as published"
        | Surest -> "equizero by a loss: the transform whose probabilities have the least entropy"
        | LambdaEquitune -> "a mean by weights learnt on the features"
        | MultiEquitune ->
            "the paper's multi-group design: from a canonical pose by a random direction, the mean over both factors"
        | MultiEquizero -> "the same with the largest"
        | Quotient ->
            "our family of normal subgroups, exactly equivariant, without a random direction; it looks at averages of images"
        | CanonicalPose -> "one pose, the brightest at the bottom right"
        | BrightHalf -> "frame averaging: the poses with the brighter half at the bottom"

    /// <summary>Whether a method can be had for a group: the paper's multi-group designs need one of two factors.</summary>
    let fits (symmetry: Symmetry) method =
        match method with
        | MultiEquitune
        | MultiEquizero -> not symmetry.Factors.IsEmpty
        | _ -> true

    /// <summary>What is averaged by a method: what chooses among scores needs scores.</summary>
    let averaging (aids: Aids) method =
        match method, aids.Averaging with
        | (Equizero | MultiEquizero | Surest), Features -> Logits
        | _, averaging -> averaging

    /// In double precision sums of bytes are exact, so that equal poses tie.
    let private brightness (weight: torch.Tensor -> torch.Tensor) (rows: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()

        let places =
            torch.linspace (
                -1.0,
                1.0,
                rows.shape[rows.shape.Length - 1],
                dtype = torch.float64,
                device = rows.device
            )

        let weighed = rows.``to`` torch.float64 * weight places
        weighed.flatten(1L).mean([| 1L |]).neg().MoveToOuterDisposeScope()

    let private bottomRight =
        brightness (fun places -> places.unsqueeze -1 * 2.0.ToScalar() + places)

    let private bottomHalf = brightness (fun places -> places.sign().unsqueeze -1)

    /// Negative, since the pose of least energy is taken.
    let private along (aids: Aids) (rows: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let direction = aids.Direction rows.shape[1..]
        (rows * direction.``to`` rows.device).flatten(1L).sum(1L).neg().MoveToOuterDisposeScope()

    let private surest averaging =
        match averaging with
        | Features
        | Logits -> equitune |> leastLoss Entropy
        | Probabilities ->
            let entropy (probabilities: torch.Tensor) =
                (torch.special.entr probabilities).sum -1L

            equitune |> leastLoss (proxyLoss "entropy of probabilities" entropy)

    /// The paper's multi-group designs look at the factors' transforms of one pose.
    let private atFactors (symmetry: Symmetry) (images: Space) reduction (net: Net) : Net =
        let action = Signal.core (symmetry.Moved images)
        new AtTransforms(net, action.Over(Array.ofList symmetry.Factors), reduction)

    /// <summary>A method as a declared model, from images to what it averages; the plain one is declared without a group.</summary>
    let model (aids: Aids) (classifier: Classifier) (symmetry: Symmetry) (method: Method) : Model =
        let averaging = averaging aids method
        let values, width, _ = Classifier.parts averaging classifier
        let net = new Followed(classifier.Net, values) :> Net
        let factors = atFactors symmetry classifier.Images

        let net, design =
            match method with
            | Plain
            | Equitune -> net, equitune
            | Equizero -> net, equitune |> largest
            | Surest -> net, surest averaging
            | LambdaEquitune ->
                let weights =
                    match aids.Weights with
                    | Some weights -> weights
                    | None -> invalidArg (nameof aids) "λ-equitune needs a network of weights"

                net, equitune |> weightedBy (wrapping "weights of poses" (fun () -> weights))
            | MultiEquitune -> factors (Reduction.Mean()) net, canonical "a random direction" (along aids)
            | MultiEquizero -> factors (Reduction.Largest()) net, canonical "a random direction" (along aids)
            | Quotient -> net, quotient
            | CanonicalPose -> net, canonical "brightness at the bottom right" bottomRight
            | BrightHalf ->
                net,
                framedBy "the brighter half at the bottom" (fun () ->
                    Frame.LeastEnergy(Func<_, _> bottomHalf, 1e-9))

        let moved, kept =
            match method with
            | Plain -> classifier.Images |> under (cyclic 1) unmoved, vector width |> under (cyclic 1) unmoved
            | _ -> symmetry.Moved classifier.Images, symmetry.Kept(vector width)

        network {
            input "image" moved
            eq "image" (wrapping classifier.Name (fun () -> net) |> giving (vector width)) design
            output "image" kept
        }

    /// <summary>A method as a network from images to probabilities of classes (or what is as great as they are), in evaluation mode.</summary>
    let network (aids: Aids) (classifier: Classifier) (symmetry: Symmetry) (method: Method) : Net =
        let _, _, probabilities = Classifier.parts (averaging aids method) classifier

        let net =
            new Predicting(Model.compile aids.Target (model aids classifier symmetry method), probabilities)

        net.eval ()
        net
