module Equivariant.Tests.Designs.QuotientDesignTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

// Cyclic shifts of a 4 × 3 torus by rows (C4) and by columns (C3), on images [B, 2, 4, 3].
let private group = Group.Direct [| Group.Cyclic 4 :> Group; Group.Cyclic 3 |]

let private pixels =
    PermutationAction(
        group,
        12,
        [|
            [| for p in 0..11 -> (p / 3 + 1) % 4 * 3 + p % 3 |]
            [| for p in 0..11 -> p / 3 * 3 + (p % 3 + 1) % 3 |]
        |]
    )

let private onImages = AxisAction(pixels, -2, -1)

let private perceptron dtype seed =
    torch.manual_seed (int64 seed) |> ignore
    new Perceptron(24L, [ 2L; 4L; 3L ], dtype)

let private images dtype (seed: int) (batch: int64) =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn ([| batch; 2L; 4L; 3L |], dtype = dtype)

/// Families of kernels, by name, with their price.
let private families = [
    "trivial kernel", [| QuotientTerm.Equitune group |], 12
    "factors", Array.ofSeq (QuotientTerm.ForFactors group), 7
    "whole group", [| QuotientTerm.Of(group, group.WholeSubgroup) |], 1
    "a subgroup of order 2", [| QuotientTerm.Of(group, group.Subgroup [| group.Element(2, 0) |]) |], 6
]

[<Property(MaxTest = 20)>]
let ``every family is equivariant under every element`` (seed: int) =
    use model = perceptron torch.float64 seed
    let x = images torch.float64 seed 3L

    for name, terms, _ in families do
        let design = new QuotientDesign(model, onImages, onImages, terms)
        let error = equivarianceError onImages onImages design x
        Assert.True(error < 1e-12, $"{name}: {error}")
        Assert.True(design.call(x).abs().max().item<double>() > 1e-3, name)

[<Fact>]
let ``the bare model is not equivariant`` () =
    use model = perceptron torch.float64 1
    Assert.True(equivarianceError onImages onImages model (images torch.float64 1 3L) > 1e-2)

[<Fact>]
let ``with a trivial action on the output the design is invariant`` () =
    torch.manual_seed 2L |> ignore
    use model = new Perceptron(24L, [ 5L ], torch.float64)
    let trivial = TrivialAction group

    for _, terms, _ in families do
        let design = new QuotientDesign(model, onImages, trivial, terms)
        Assert.True(equivarianceError onImages trivial design (images torch.float64 2 3L) < 1e-12)

[<Fact>]
let ``in single precision the error stays at rounding`` () =
    use model = perceptron torch.float32 1

    for name, terms, _ in families do
        let design = new QuotientDesign(model, onImages, onImages, terms)
        let error = equivarianceError onImages onImages design (images torch.float32 1 8L)
        Assert.True(error < 1e-5, $"{name}: {error}")

[<Fact>]
let ``equitune is the average over the group`` () =
    use model = perceptron torch.float64 4
    let x = images torch.float64 4 3L

    let byHand =
        [
            for g in group.Elements -> onImages.Apply(g.Inverse(), model.call (onImages.Apply(g, x)))
        ]
        |> List.reduce (+)

    use equitune = new Equitune(model, onImages, onImages)
    assertClose 1e-12 (byHand / 12.0.ToScalar()) (equitune.call x)

[<Fact>]
let ``the result does not depend on the transversal`` () =
    use model = perceptron torch.float64 5
    let x = images torch.float64 5 3L
    let kernel = group.FactorSubgroup 0
    let any = QuotientTerm.Of(group, kernel)
    let complement = QuotientTerm.Split(group, kernel, group.FactorSubgroup 1)

    let value terms =
        (new QuotientDesign(model, onImages, onImages, terms)).call x

    assertClose 1e-12 (value [| any |]) (value [| complement |])

[<Fact>]
let ``all terms are one call with the sum of the indices in rows`` () =
    for name, terms, price in families do
        use model = perceptron torch.float64 6
        let design = new QuotientDesign(model, onImages, onImages, terms)
        design.call (images torch.float64 6 5L) |> ignore
        Assert.Equal(price, design.EvaluationsPerInput)
        Assert.Equal((name, 1, int64 (5 * price)), (name, model.Meter.Calls, model.Meter.Rows))

[<Fact>]
let ``empty, single, non-contiguous and chunked batches`` () =
    use model = perceptron torch.float64 7

    for name, terms, _ in families do
        let design = new QuotientDesign(model, onImages, onImages, terms)
        let x = images torch.float64 7 4L
        let whole = design.call x
        Assert.Equal<int64[]>([| 0L; 2L; 4L; 3L |], (design.call (x.narrow (0L, 0L, 0L))).shape)
        assertClose 1e-12 (whole.narrow (0L, 2L, 1L)) (design.call (x.narrow (0L, 2L, 1L)))
        let strided = x.transpose(1L, 3L).contiguous().transpose(1L, 3L)
        Assert.False(strided.is_contiguous (), name)
        assertClose 1e-12 whole (design.call strided)
        design.Evaluation <- Evaluation(ChunkRows = 3)
        assertClose 1e-12 whole (design.call x)
        design.Evaluation <- Evaluation(Distinct = true)
        assertClose 1e-12 whole (design.call x)

[<Fact>]
let ``a symmetric image is evaluated once for its whole orbit`` () =
    use model = perceptron torch.float64 8

    use design =
        new Equitune(model, onImages, onImages, evaluation = Evaluation(Distinct = true))

    design.call (torch.ones ([| 2L; 2L; 4L; 3L |], dtype = torch.float64)) |> ignore
    Assert.Equal(1L, model.Meter.Rows)

[<Fact>]
let ``a thousand training steps leave no tensor behind`` () =
    use model = perceptron torch.float32 9

    use design =
        new QuotientDesign(model, onImages, onImages, QuotientTerm.ForFactors group)

    use optimiser = torch.optim.SGD(design.parameters (), 1e-3)
    use x = images torch.float32 9 4L

    leavesNoTensors 1000 (fun () ->
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (design.call x).square().mean().backward()
        optimiser.step () |> ignore)

[<Fact>]
let ``what is not a complement, and tokens under a kernel, are refused in a sentence`` () =
    let first = group.FactorSubgroup 0
    refused [ "no complement" ] (fun () -> QuotientTerm.Split(group, first, group.WholeSubgroup))

    let klein = Group.Direct [| Group.Cyclic 2 :> Group; Group.Cyclic 2 |]

    refused [ "both contain" ] (fun () ->
        QuotientTerm.Split(klein, klein.FactorSubgroup 0, klein.FactorSubgroup 0))

    refused [ "not linear" ] (fun () ->
        new QuotientDesign(
            perceptron torch.float32 1,
            TokenAction pixels,
            onImages,
            QuotientTerm.ForFactors group
        ))
