/// The weights with which designs take their means: λ, least losses and frames.
module Equivariant.Tests.Designs.WeightTests

open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c4 = Group.Cyclic 4
let private onFour = AxisAction(PermutationAction.Natural c4, -1)

let private network =
    torch.manual_seed 1L |> ignore
    new Perceptron(4L, [ 4L ], torch.float64)

let private batch () =
    torch.manual_seed 2L |> ignore
    torch.randn ([| 3L; 4L |], dtype = torch.float64)

let private x = batch ()

let private mean () =
    (new Equitune(network, onFour, onFour)).call x

let private reduced (reduction: Reduction) =
    (new Equitune(network, onFour, onFour, reduction)).call x

let private constant (value: float) (rows: torch.Tensor) =
    torch.full ([| rows.shape[0] |], value.ToScalar(), dtype = torch.float64)

let private model (f: torch.Tensor -> torch.Tensor) = {
    new Model("given") with
        member _.forward rows = f rows
}

/// A frame that gives what it is told to.
let private frame (weights: torch.Tensor -> int -> torch.Tensor) = {
    new ListedFrame("given") with
        member _.Weights(rows, elements) = weights rows elements
}

let private framed (weights: torch.Tensor -> int -> torch.Tensor) =
    (new FrameAverage(network, onFour, onFour, frame weights)).call x

[<Fact>]
let ``a constant network of weights gives the mean, whatever the constant`` () =
    for value in [ -3.0; 0.0; 5.0; 900.0 ] do
        assertClose 1e-12 (mean ()) (reduced (Reduction.Weighted(model (constant value))))

[<Fact>]
let ``constant fixed weights give the mean, whatever the constant`` () =
    for value in [ 1e-300; 0.5; 7.0; 1e308 ] do
        assertClose 1e-12 (mean ()) (reduced (Reduction.Fixed(constant value)))

[<Fact>]
let ``a weighted mean is what its formula says`` () =
    let lambda (rows: torch.Tensor) = rows.select(1L, 0L).exp()
    let elements = List.ofSeq c4.Elements

    let parts = [
        for g in elements ->
            let moved = onFour.Apply(g, x)
            (lambda moved).unsqueeze 1L, onFour.Apply(g.Inverse(), network.call moved)
    ]

    let total = parts |> List.map fst |> List.reduce (+)
    let expected = (parts |> List.map (fun (l, y) -> l * y) |> List.reduce (+)) / total
    assertClose 1e-12 expected (reduced (Reduction.Fixed lambda))
    assertClose 1e-12 expected (reduced (Reduction.Weighted(model (fun rows -> rows.select (1L, 0L)))))

[<Fact>]
let ``weights in whole numbers are as exact as others`` () =
    let places (rows: torch.Tensor) =
        (rows * torch.tensor [| 1.0; 2.0; 3.0; 4.0 |]).sum(1L).abs().ceil()

    let whole = reduced (Reduction.Fixed(fun rows -> (places rows).``to`` torch.int64))
    assertClose 1e-15 (reduced (Reduction.Fixed places)) whole

[<Fact>]
let ``rows that tie for the least loss count equally`` () =
    assertClose 1e-12 (mean ()) (reduced (Reduction.LeastLoss(constant 0.7)))
    // Two of four rows tie: those at 0 and 2, for rows that repeat with period 2.
    let x = torch.tensor([| 1.0; 4.0; 1.0; 4.0 |]).unsqueeze 0L
    let loss (values: torch.Tensor) = values.sum 1L
    let design = new Equitune(network, onFour, onFour, Reduction.LeastLoss loss)
    let values = [ for g in c4.Elements -> g, network.call (onFour.Apply(g, x)) ]
    let least = values |> List.map (fun (_, y) -> (loss y).item<double>()) |> List.min

    let chosen = [
        for g, y in values do
            if (loss y).item<double>() < least + 1e-12 then
                onFour.Apply(g.Inverse(), y)
    ]

    Assert.Equal(2, chosen.Length)
    assertClose 1e-12 (List.reduce (+) chosen / 2.0.ToScalar()) (design.call x)

[<Fact>]
let ``weights that make no mean are refused, and who gave them is named`` () =
    refused [ "weight function"; "zero on a whole orbit" ] (fun () -> reduced (Reduction.Fixed(constant 0.0)))

    refused [ "weight function"; "negative" ] (fun () ->
        reduced (Reduction.Fixed(fun rows -> rows.select (1L, 0L))))

    refused [ "weight function"; "NaN" ] (fun () -> reduced (Reduction.Fixed(constant nan)))
    refused [ "weight function"; "infinite" ] (fun () -> reduced (Reduction.Fixed(constant infinity)))
    refused [ "network of the weights"; "NaN" ] (fun () -> reduced (Reduction.Weighted(model (constant nan))))

    refused [ "network of the weights" ] (fun () ->
        reduced (Reduction.Weighted(model (constant System.Double.NegativeInfinity))))

    refused [ "proxy loss"; "NaN" ] (fun () -> reduced (Reduction.LeastLoss(constant nan)))

[<Fact>]
let ``zero weights are no fault where others are positive`` () =
    let only (rows: torch.Tensor) =
        rows.select(1L, 0L).eq(rows.amax [| 1L |]).``to`` torch.float64

    let expected =
        torch.cat (
            [|
                for i in 0L .. 2L ->
                    let row = x.narrow (0L, i, 1L)

                    [
                        for g in c4.Elements do
                            let moved = onFour.Apply(g, row)

                            if (only moved).item<double>() = 1.0 then
                                onFour.Apply(g.Inverse(), network.call moved)
                    ]
                    |> List.exactlyOne
            |],
            0L
        )

    assertClose 1e-12 expected (reduced (Reduction.Fixed only))

[<Fact>]
let ``shapes that are not one number a row blame who gave them`` () =
    let square (rows: torch.Tensor) = rows
    let pairs (rows: torch.Tensor) = rows.sum(1L).view(2L, -1L)

    for wrong in [ square; pairs ] do
        refused [ "weight function" ] (fun () -> reduced (Reduction.Fixed wrong))
        refused [ "network of the weights" ] (fun () -> reduced (Reduction.Weighted(model wrong)))
        refused [ "proxy loss" ] (fun () -> reduced (Reduction.LeastLoss wrong))

        refused [ "energy" ] (fun () -> (new Canonicalise(network, onFour, onFour, wrong)).call x)

        refused [ "energy" ] (fun () -> (new Canonicalise(network, onFour, onFour, model wrong)).call x)

        let half = QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])

        refused [ "energy" ] (fun () ->
            (new QuotientDesign(
                network,
                onFour,
                onFour,
                [| half |],
                invariance = Invariance.LeastEnergy wrong
            ))
                .call
                x)

    let wrong = {
        new Reduction("given") with
            member _.Reduce(_, _, pulledBack) = pulledBack
    }

    refused [ "reduction 'given'" ] (fun () -> reduced wrong)

    refused [ "invariant map" ] (fun () ->
        let half = QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])
        let halved = Invariance.Of(fun rows _ -> rows.narrow (0L, 0L, 1L))
        (new QuotientDesign(network, onFour, onFour, [| half |], invariance = halved)).call x)

[<Fact>]
let ``energies that are NaN, complex or raise an error are the energy's fault`` () =
    let pose energy =
        (new Canonicalise(network, onFour, onFour, System.Func<_, _> energy)).call x

    refused [ "energy"; "NaN" ] (fun () -> pose (constant nan))
    refused [ "energy"; "real" ] (fun () -> pose (fun rows -> rows.sum(1L).``to`` torch.complex128))
    refused [ "energy" ] (fun () -> pose (fun rows -> rows + torch.ones ([| 5L |], dtype = torch.float64)))

[<Fact>]
let ``a frame's weights are a mean, or refused`` () =
    let even (rows: torch.Tensor) (elements: int) =
        torch.full (
            [| int64 elements; rows.shape[0] / int64 elements |],
            (1.0 / float elements).ToScalar(),
            dtype = torch.float64
        )

    assertClose 1e-12 (mean ()) (framed even)

    let first (rows: torch.Tensor) elements =
        (even rows elements).zero_().index_fill_(0L, torch.tensor [| 0L |], 1.0.ToScalar())

    assertClose 1e-12 (network.call x) (framed first)

    assertClose
        1e-12
        (network.call x)
        (framed (fun rows elements -> (first rows elements).``to`` torch.int64))

    assertClose 1e-7 (mean ()) (framed (fun rows elements -> (even rows elements).``to`` torch.float32))

    refused [ "frame's weights"; "sum" ] (fun () ->
        framed (fun rows elements -> (even rows elements) * 2.0.ToScalar()))

    refused [ "frame's weights" ] (fun () ->
        framed (fun rows elements -> (even rows elements) * nan.ToScalar()))

    refused [ "frame's weights"; "negative" ] (fun () ->
        framed (fun rows elements ->
            let weights = even rows elements

            weights.index_add (
                0L,
                torch.tensor [| 0L; 1L |],
                torch.tensor([| 1.0; -1.0 |]).unsqueeze(1L).expand(2L, 3L),
                1.0.ToScalar()
            )))

    refused [ "The frame"; "[4, 3]"; "[3, 4]" ] (fun () ->
        framed (fun rows elements -> (even rows elements).t()))

    refused [ "The frame" ] (fun () -> framed (fun rows elements -> (even rows elements).flatten()))
