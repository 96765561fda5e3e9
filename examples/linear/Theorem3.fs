/// Theorem 3 of the paper, seen at work: networks that are invariant-symmetric (IS) by construction fit continuous
/// IS functions, and carry over to whole orbits from one representative of each; a network without the property does not.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
module Equivariant.Linear.Theorem3

open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

/// A continuous IS function: a function of the input that its group does not change, for each orbit of the output.
type Target = {
    Name: string
    Input: Representation
    Output: Representation
    Invariants: torch.Tensor -> torch.Tensor list
}

/// Relative errors (root mean square over standard deviation) on inputs that were not trained on.
type Errors = {
    OnRepresentatives: float
    OnWholeOrbits: float
}

type Outcome = {
    Target: Target
    Symmetric: Errors
    Plain: Errors
}

let private coordinate (x: torch.Tensor) (i: int) = x.select (1L, int64 i)

let private permuting (group: PermutationGroup) =
    Representation.Of(PermutationAction.Natural group)

/// Functions on several pairs of groups.
let targets =
    let c4 = Group.OfPermutations(4, [| [| 1; 2; 3; 0 |] |], "C4")
    let s3 = Group.Symmetric 3

    let swaps =
        Group.OfPermutations(4, [| [| 1; 0; 2; 3 |]; [| 0; 1; 3; 2 |] |], "C2 × C2")

    [
        {
            Name = "C4 to S3"
            Input = permuting c4
            Output = permuting s3
            Invariants =
                fun x ->
                    let cycle =
                        List.init 4 (fun i -> coordinate x i * (coordinate x ((i + 1) % 4)).square())
                        |> List.reduce (+)

                    [ torch.sin cycle ]
        }
        {
            Name = "S3 to C2 × C2"
            Input = permuting s3
            Output = permuting swaps
            Invariants = fun x -> [ x.amax [| 1L |]; torch.cos (x.sum 1L) ]
        }
        {
            Name = "C2 × C2 to C4"
            Input = permuting swaps
            Output = permuting c4
            Invariants =
                fun x -> [
                    torch.tanh (coordinate x 0 * coordinate x 1 - (coordinate x 2 - coordinate x 3).abs())
                ]
        }
    ]

let private act (representation: Representation) g (x: torch.Tensor) =
    MatrixAction(representation).Apply(g, x)

let private value target (x: torch.Tensor) =
    target.Output.Invariants.Expand(torch.stack (target.Invariants x, 1L))

/// Lifts to functions on the group, which every invariant function can be built from; pools their orbits; a perceptron on
/// what was pooled; and copies to the output's orbits.
let private symmetric (target: Target) : Model =
    let group = target.Input.Group
    let lifted = Representation.Regular group
    let features = Representation.Trivial group
    let width = 32L

    let active (representation: Representation) : EquivariantModule =
        new EquivariantNonlinearity(representation, width, (fun x -> torch.nn.functional.silu x))

    new EquivariantSequential(
        new EquivariantLinear(target.Input, lifted, 1L, width),
        active lifted,
        new InvariantSymmetricLinear(lifted, features, width, width),
        active features,
        new InvariantSymmetricLinear(features, features, width, width),
        active features,
        new InvariantSymmetricLinear(features, target.Output, width, 1L)
    )

/// A perceptron of about the same size without the property.
let private plain (target: Target) : Model =
    let inputs, outputs, width =
        int64 target.Input.Dimension, int64 target.Output.Dimension, 64L

    torch.nn.Sequential(
        torch.nn.Flatten() :> Model,
        torch.nn.Linear(inputs, width),
        torch.nn.SiLU(),
        torch.nn.Linear(width, width),
        torch.nn.SiLU(),
        torch.nn.Linear(width, outputs),
        torch.nn.Unflatten(1L, [| 1L; outputs |])
    )

/// One input of each orbit: the element of the orbit that comes last in lexicographic order.
let private representatives (representation: Representation) (x: torch.Tensor) =
    let orbit = [| for g in representation.Group.Elements -> act representation g x |]

    let weights =
        torch.tensor [| for place in 0 .. int x.shape[1] - 1 -> 0.01f ** float32 place |]

    let best = torch.stack([| for y in orbit -> y.matmul weights |]).argmax 0L
    let rows = torch.arange x.shape[0]
    torch.stack(orbit).index [| torch.TensorIndex.Tensor best; torch.TensorIndex.Tensor rows |]

let private train steps (model: Model) (x: torch.Tensor) (y: torch.Tensor) =
    use optimiser = torch.optim.Adam(model.parameters (), 0.004)

    let schedule =
        torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps = steps)

    for _ in 1..steps do
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (torch.nn.functional.mse_loss (model.call (x.unsqueeze 1L), y.unsqueeze 1L)).backward()
        optimiser.step () |> ignore
        schedule.step ()

let private error (model: Model) (x: torch.Tensor) (y: torch.Tensor) =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let difference = (model.call (x.unsqueeze 1L)).squeeze 1L - y

    sqrt (
        difference.square().mean().item<float32>()
        / (y - y.mean ()).square().mean().item<float32>()
    )
    |> float

/// Trains both networks on one representative of each orbit.
let run steps (seed: int) target =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore

    let sample count =
        torch.rand ([| count; int64 target.Input.Dimension |]) * 2.0.ToScalar()
        - 1.0.ToScalar()

    let training = representatives target.Input (sample 1024L)
    let fresh = representatives target.Input (sample 512L)

    let orbits =
        torch.cat ([| for g in target.Input.Group.Elements -> act target.Input g fresh |], 0L)

    let errors (model: Model) =
        train steps model training (value target training)

        {
            OnRepresentatives = error model fresh (value target fresh)
            OnWholeOrbits = error model orbits (value target orbits)
        }

    use mine = symmetric target
    use other = plain target

    {
        Target = target
        Symmetric = errors mine
        Plain = errors other
    }

/// All targets, one after another.
let runAll steps seed =
    // The networks are too small for several threads to help each other.
    let threads = torch.get_num_threads ()
    torch.set_num_threads 1

    try
        List.map (run steps seed) targets
    finally
        torch.set_num_threads threads
