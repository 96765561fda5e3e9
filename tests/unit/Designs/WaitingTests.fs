/// What designs and layers do without waiting for the device: on the meta device, whose tensors have no numbers, whatever asks for one fails.
module Equivariant.Tests.Designs.WaitingTests

open System
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Orbits
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private meta = torch.device DeviceType.META
let private d4 = Group.Dihedral 4
let private onImages = AxisAction(GridActions.Symmetries(d4, 4, 4), -2, -1)
let private half = [| QuotientTerm.Of(d4, d4.Centre()); QuotientTerm.Equitune d4 |]

let private network () =
    new Perceptron(32L, [ 2L; 4L; 4L ], torch.float32)

let private sums (rows: torch.Tensor) = rows.flatten(1L).sum 1L

let private quotient reduction : Model =
    new QuotientDesign(network (), onImages, onImages, half, reduction)

/// Designs that never wait, with the shape of their inputs. The meta device has no index_select, by which coordinates move that are rows of
/// several numbers: it waits for nothing either.
let private designs: (string * int64 list * (unit -> Model)) list =
    let images = [ 2L; 4L; 4L ]

    [
        "equitune", images, (fun () -> new Equitune(network (), onImages, onImages))
        "invariant", images, (fun () -> new Equitune(network (), onImages, TrivialAction d4))
        "quotient", images, (fun () -> quotient null)
        "a model for each term",
        images,
        fun () ->
            new QuotientDesign(
                [| network () :> torch.nn.IModule<_, _>; network () |],
                onImages,
                onImages,
                half
            )
        "λ-equitune", images, (fun () -> quotient (Reduction.Learned 32L))
        "given weights",
        images,
        (fun () -> quotient (Reduction.Fixed(fun rows -> (sums rows).square() + 1.0.ToScalar())))
        "equizero",
        images,
        fun () -> quotient (Reduction.LeastLoss(fun values -> ProxyLoss.Entropy(values.flatten 1L)))
        "largest", images, (fun () -> quotient (Reduction.Largest()))
        "in chunks",
        images,
        fun () -> new Equitune(network (), onImages, onImages, evaluation = Evaluation(ChunkRows = 5))
        "Monte Carlo", images, (fun () -> new MonteCarloEquitune(network (), onImages, onImages, 3, Random 1))
        "invariant-symmetric", images, (fun () -> new InvariantSymmetricBlock(network (), onImages, onImages))
    ]

let private step shape (model: Model) =
    use scope = torch.NewDisposeScope()
    let model = model.``to`` meta
    model.train ()
    let x = torch.zeros ([| 3L; yield! shape |], device = meta, requires_grad = true)
    (model.call x).square().sum().backward()
    Assert.Equal<int64[]>(x.shape, x.grad.shape)
    Assert.All(model.parameters (), fun parameter -> Assert.NotNull parameter.grad)

[<Fact>]
let ``forward and backward of designs ask the device for no number`` () =
    for name, shape, design in designs do
        try
            step shape (design ())
        with e ->
            Assert.Fail $"{name}: {e.Message}"

[<Fact>]
let ``what waits on the way fails here, so that the test above can fail`` () =
    let waiting = {
        new Model("waiting") with
            member _.forward x =
                if x.sum().item<float32>() > 0f then
                    x.alias ()
                else
                    x.neg ()
    }

    let error =
        Assert.ThrowsAny<Exception>(fun () -> step [ 2L; 4L; 4L ] (new Equitune(waiting, onImages, onImages)))

    Assert.Contains("meta", error.Message)

[<Fact>]
let ``frames and canonical poses wait, to know how many rows there are`` () =
    let weights = torch.arange(32L, dtype = torch.float32).view(2L, 4L, 4L)
    let points = AxisAction(PermutationAction.Natural(Group.Symmetric 4), -2)

    let waiting: (string * Model) list = [
        "pose", new Canonicalise(network (), onImages, onImages, TransformEnergy.Linear weights)
        "sorting", new FrameAverage(network (), points, points, Frame.Sorting(TieBreaks(Random 1)))
    ]

    for name, design in waiting do
        let attempt () =
            step (if name = "pose" then [ 2L; 4L; 4L ] else [ 4L; 8L ]) design

        Assert.ThrowsAny<Exception>(attempt) |> ignore
