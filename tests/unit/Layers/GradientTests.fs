/// Gradients that are differentiated again: penalties on the slope of a network, as in Lipschitz regularisation, physics and
/// Hessians.
module Equivariant.Tests.Layers.GradientTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests.Representations.SmallGroups

let private double = torch.float64

let private batch (representation: Representation) channels =
    torch.randn ([| 3L; channels; int64 representation.Dimension |], dtype = double)

let private shuffleParameters (network: torch.nn.Module) =
    use _ = torch.no_grad ()

    for parameter in network.parameters () do
        parameter.copy_ (torch.randn_like parameter) |> ignore

let private equivariant input output channelsIn channelsOut =
    new EquivariantLinear(input, output, channelsIn, channelsOut, dtype = double)

let private slopes (values: torch.Tensor) (of': torch.Tensor list) : torch.Tensor list =
    torch.autograd.grad ([| values.sum () |], Array.ofList of', retain_graph = true, create_graph = true)
    |> List.ofSeq

/// How far the slope of a penalty on the input's gradient is from its difference quotient, relative to it.
let private penaltyError
    (network: torch.nn.Module)
    (call: torch.Tensor -> torch.Tensor)
    (x: torch.Tensor)
    : float =
    let parameters = List.ofSeq (network.parameters ())

    let penalty () =
        let x = x.detach().requires_grad_()
        let slope = slopes ((call x).square()) [ x ]
        slope[0].square().sum()

    let given =
        slopes (penalty ()) (parameters |> List.map (fun p -> p :> torch.Tensor))

    let directions: torch.Tensor list =
        parameters |> List.map (fun parameter -> torch.randn_like parameter)

    let slope =
        Seq.map2 (fun (g: torch.Tensor) (v: torch.Tensor) -> (g * v).sum().item<double>()) given directions
        |> Seq.sum

    let moved step =
        let move size =
            use _ = torch.no_grad ()

            for parameter, direction in List.zip parameters directions do
                parameter.add_ (direction * (size: float).ToScalar()) |> ignore

        move step
        let value = (penalty ()).item<double>()
        move -step
        value

    let step = 1e-5
    let quotient = (moved step - moved -step) / (2.0 * step)
    abs (slope - quotient) / abs quotient

[<Fact>]
let ``penalties on gradients train every layer that has parameters`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore
    let group = Core.Groups.Group.Symmetric 3
    let points, mixed = natural group, natural group + skewed (Random 1) group

    let layers: EquivariantModule list = [
        equivariant points points 40L 40L
        equivariant mixed mixed 40L 40L
        equivariant (points.Power 3) points 2L 3L
        new InvariantSymmetricLinear(mixed, points, 30L, 50L, dtype = double)
        new EquivariantLayerNorm(mixed, 4L, dtype = double)
        new EquivariantNonlinearity(mixed, 4L, (fun x -> torch.tanh x), dtype = double)
        new EquivariantSequential(
            equivariant points mixed 40L 40L,
            new EquivariantNonlinearity(mixed, 40L, (fun x -> torch.tanh x), dtype = double),
            new EquivariantLayerNorm(mixed, 40L, dtype = double),
            new Residual(equivariant mixed mixed 40L 40L),
            new InvariantReadout(mixed, 40L, OrbitPooling.Sum)
        )
    ]

    for layer in layers do
        shuffleParameters layer
        let error = penaltyError layer layer.call (batch layer.Input layer.InputChannels)
        Assert.True(error < 1e-5, $"{layer}: {error}")

[<Fact>]
let ``penalties on gradients train the linear layers of the language`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 6L |> ignore

    let model =
        network {
            input "image" (image 2 8 8 |> under (cyclic 4) rotations)
            eq "image" (linear 8)
            apply (pointwise "tanh" torch.tanh)
            eq "image" (linear 4)
            readout (invariant (classes 3))
        }

    use compiled = Model.compile { Target.cpu with DType = double } model
    let x = torch.randn ([| 3L; 2L; 8L; 8L |], dtype = double)
    let error = penaltyError compiled (fun x -> (compiled.call [| x |])[0]) x
    Assert.True(error < 1e-5, $"{error}")

[<Fact>]
let ``weights that change before their gradient is asked for are an error, not the end of the process`` () =
    use scope = torch.NewDisposeScope()
    let points = natural (Core.Groups.Group.Symmetric 3)
    use layer = equivariant points points 40L 40L
    let y = (layer.call ((batch points 40L).requires_grad_())).sum()

    do
        use _ = torch.no_grad ()
        layer.Weight.add_ (1.0.ToScalar()) |> ignore

    Assert.Throws<Runtime.InteropServices.ExternalException>(fun () -> y.backward ())
    |> ignore
