/// The whole family of designs, over random groups, kernels and networks.
module Equivariant.Tests.Designs.DesignFamilyTests

open System
open System.Numerics
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests
open Equivariant.Tests.Groups.GroupExpressions
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

/// A small group acting on itself and on some cosets: coordinates along the last axis.
let private action (group: Group) (random: Random) =
    let cosets =
        PermutationAction.OnCosets(group, group.Subgroup [| group.Random random |])

    AxisAction(PermutationAction.Regular(group).Plus cosets, -1)

let private network (action: AxisAction) dtype (seed: int) =
    torch.manual_seed (int64 seed) |> ignore
    let n = int64 action.Indices.Degree
    new Perceptron(n, [ n ], dtype)

let private batch (action: AxisAction) dtype (seed: int) (size: int64) =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn ([| size; int64 action.Indices.Degree |], dtype = dtype)

let private normal (group: Group) (random: Random) =
    group.NormalClosure [| for _ in 1 .. random.Next(0, 2) -> group.Random random |]

let private energy (rows: torch.Tensor) =
    let places = torch.arange (1L, rows.shape[1] + 1L, dtype = rows.dtype)
    (rows * places).sin().sum 1L

let private reductions (action: AxisAction) : (string * Reduction) list = [
    "mean", Reduction.Mean()
    "learned weights", Reduction.Learned(int64 action.Indices.Degree).``to`` torch.float64
    "fixed weights", Reduction.Fixed(fun rows -> rows.select(1L, 0L).abs() + 0.1.ToScalar())
    "least entropy", Reduction.LeastLoss(Func<_, _> ProxyLoss.Entropy)
    "most confident", Reduction.LeastLoss(Func<_, _> ProxyLoss.Confidence)
    "largest", Reduction.Largest()
]

[<Properties(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 15)>]
module ``Around a random network, for a random group`` =

    [<Property>]
    let ``quotient designs with random kernels are equivariant, with every reduction``
        (SmallGroup expression)
        (seed: int)
        =
        let group = build expression
        let random = Random seed
        let action = action group random

        let terms = [|
            for _ in 1 .. random.Next(1, 3) -> QuotientTerm.Of(group, normal group random)
        |]

        let network = network action torch.float64 seed
        let x = batch action torch.float64 seed 3L

        for name, reduction in reductions action do
            let design = new QuotientDesign(network, action, action, terms, reduction)
            let error = equivarianceError action action design x
            Assert.True(error < 1e-10, $"{name}: {error}")
            Assert.Equal(Seq.sumBy (fun (t: QuotientTerm) -> t.Evaluations) terms, design.EvaluationsPerInput)

    [<Property>]
    let ``the default family is equivariant and costs the sum of its indices``
        (SmallGroup expression)
        (seed: int)
        =
        let group = build expression
        let action = action group (Random seed)
        let network = network action torch.float64 seed
        let terms = QuotientTerm.Default group
        let design = new QuotientDesign(network, action, action, terms)
        Assert.True(equivarianceError action action design (batch action torch.float64 seed 2L) < 1e-10)
        let indices = terms |> Seq.sumBy (fun t -> group.Order / t.Kernel.Order)
        Assert.Equal(indices, BigInteger design.EvaluationsPerInput)
        network.Meter.Rows <- 0L
        design.call (batch action torch.float64 seed 2L) |> ignore
        Assert.Equal(indices * BigInteger 2, BigInteger network.Meter.Rows)

    [<Property>]
    let ``a term is what its formula says, summed by brute force`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let action = action group random
        let network = network action torch.float64 seed
        let x = batch action torch.float64 seed 2L
        let kernel = normal group random

        let average (y: torch.Tensor) =
            let elements = List.ofSeq kernel.Elements

            (elements |> List.map (fun k -> action.Apply(k, y)) |> List.reduce (+))
            / (float elements.Length).ToScalar()

        let term = QuotientTerm.Of(group, kernel)

        let byHand = [
            for t in term.Transversal ->
                action.Apply(t.Inverse(), average (network.call (action.Apply(t, average x))))
        ]

        let expected = List.reduce (+) byHand / (float byHand.Length).ToScalar()
        let actual = (new QuotientDesign(network, action, action, [| term |])).call x
        Assert.True(distance expected actual < 1e-10)

    [<Property>]
    let ``all terms in one go give what they give one by one`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let action = action group random
        let network = network action torch.float64 seed

        let terms = [|
            for _ in 1 .. random.Next(1, 4) -> QuotientTerm.Of(group, normal group random)
        |]

        let x = batch action torch.float64 seed 2L
        let fused = (new QuotientDesign(network, action, action, terms)).call x

        let even =
            Reduction.Fixed(fun rows -> torch.ones (rows.shape[0], dtype = torch.float64))

        let oneByOne = (new QuotientDesign(network, action, action, terms, even)).call x
        Assert.True(distance oneByOne fused < 1e-10)

    [<Property>]
    let ``the result does not depend on the transversal`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let action = action group random
        let network = network action torch.float64 seed
        let x = batch action torch.float64 seed 2L
        let kernel = normal group random
        let term = QuotientTerm.Of(group, kernel)
        let expected = (new QuotientDesign(network, action, action, [| term |])).call x

        let shifted =
            term.Transversal |> Seq.map (fun t -> t * kernel.Random random) |> Array.ofSeq

        let other = QuotientTerm.With(group, kernel, shifted)

        Assert.True(
            distance expected ((new QuotientDesign(network, action, action, [| other |])).call x) < 1e-10
        )

    [<Property>]
    let ``frames and canonical poses are equivariant, for symmetric inputs too``
        (SmallGroup expression)
        (seed: int)
        =
        let group = build expression
        let random = Random seed
        let action = action group random
        let network = network action torch.float64 seed

        let symmetric =
            action.Average(group.Subgroup [| group.Random random |]).Apply(batch action torch.float64 seed 2L)

        let x = torch.cat ([| batch action torch.float64 seed 3L; symmetric |], 0L)
        let design = new Canonicalise(network, action, action, energy)
        // Ties are exact only up to the order of sums in the energy.
        let tolerant =
            new FrameAverage(network, action, action, Frame.LeastEnergy(energy, 1e-9))

        Assert.True(equivarianceError action action tolerant x < 1e-10)
        Assert.True(equivarianceError action action design (x.narrow (0L, 0L, 3L)) < 1e-10)

        Assert.True(
            design.EvaluationsPerInput >= 1.0
            && design.EvaluationsPerInput <= float group.Order
        )

    [<Property>]
    let ``designs nest`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let action = action group random

        let inner =
            new QuotientDesign(network action torch.float64 seed, action, action, QuotientTerm.Default group)

        let outer = new Equitune(inner, action, action)
        let x = batch action torch.float64 seed 2L
        Assert.True(distance (inner.call x) (outer.call x) < 1e-10, "an equivariant model is its own average")

// D4 on images: rotations are normal, a reflection is not.
let private d4 = Group.Dihedral 4
let private onImages = AxisAction(GridActions.Symmetries(d4, 6, 6), -2, -1)

let private imageNetwork seed =
    torch.manual_seed (int64 seed) |> ignore
    new Perceptron(36L, [ 1L; 6L; 6L ], torch.float64)

let private images () =
    torch.manual_seed 1L |> ignore
    torch.randn ([| 3L; 1L; 6L; 6L |], dtype = torch.float64)

[<Fact>]
let ``the obvious construction for a semidirect product is not equivariant, and is refused by name`` () =
    let network = imageNetwork 1
    let reflection = d4.Subgroup [| d4.Reflection |]
    let rotations = List.ofSeq (d4.Subgroup [| d4.Turn |]).Elements

    // "Eq over the rotations of the reflection-invariant input, symmetrised over the reflection".
    let wrong = {
        new Model("wrong") with
            member _.forward x =
                let invariant = onImages.Average(reflection).Apply x

                let mean =
                    [
                        for r in rotations ->
                            onImages.Apply(r.Inverse(), network.call (onImages.Apply(r, invariant)))
                    ]
                    |> List.reduce (+)

                onImages.Average(reflection).Apply mean
    }

    Assert.True(equivarianceError onImages onImages wrong (images ()) > 1e-2)

    let error =
        Assert.Throws<EquivariantException>(fun () -> QuotientTerm.Of(d4, reflection) |> ignore)

    Assert.Contains("normal", error.Message)

    let right = new QuotientDesign(network, onImages, onImages, QuotientTerm.Default d4)
    Assert.True(equivarianceError onImages onImages right (images ()) < 1e-12)
    Assert.Equal(4, right.EvaluationsPerInput)

[<Fact>]
let ``on images, the half turn captures more than the natural kernels at the same price`` () =
    let natural = DesignReport.Of(QuotientTerm.Default d4, onImages, onImages)
    Assert.Equal(ReportedExpressivity(54L, 171L), natural.Expressivity)
    Assert.Equal(BigInteger 4, natural.Evaluations)
    let best = QuotientTerm.WithinBudget(onImages, onImages, 4)
    Assert.Equal(ReportedExpressivity(90L, 171L), DesignReport.Of(best, onImages, onImages).Expressivity)
    let design = new QuotientDesign(imageNetwork 1, onImages, onImages, best)
    Assert.True(equivarianceError onImages onImages design (images ()) < 1e-12)

[<Fact>]
let ``a report counts evaluations, kernels and memory`` () =
    let network =
        torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(36L, 100L),
            torch.nn.ReLU(),
            torch.nn.Linear(100L, 10L)
        )

    let design =
        new QuotientDesign(network, onImages, TrivialAction d4, QuotientTerm.Default d4)

    let report = DesignReport.Of(design, torch.zeros (16L, 1L, 6L, 6L))
    Assert.Equal("D4", report.Group)
    Assert.Equal(BigInteger 8, report.Order)
    Assert.Equal(2, report.Kernels.Count)
    // 64 rows of 36 + 100 + 100 + 10 + 10 floats, four times 4710 parameters, and the rows themselves.
    let expected = 4L * (64L * 256L + 4L * 4710L + 64L * 36L)
    Assert.Equal(expected, report.PeakBytes.Value)
    Assert.Contains("4 for one input, 8 for the naive average", string report)

[<Fact>]
let ``a Monte Carlo average comes with its standard error, which shrinks`` () =
    let group = Group.Symmetric 12
    let action = AxisAction(PermutationAction.Natural group, -1)
    let network = network action torch.float64 1
    let x = batch action torch.float64 1 4L

    let run samples =
        let design = new MonteCarloEquitune(network, action, action, samples, Random 1)
        design.call x, design.StandardError

    let _, coarse = run 50
    let fine, error = run 5000
    Assert.InRange(coarse / error, 5.0, 20.0)
    let g = group.Random(Random 2)

    let moved =
        (new MonteCarloEquitune(network, action, action, 5000, Random 3)).call(action.Apply(g, x))

    let gap = (moved - action.Apply(g, fine)).square().mean().sqrt().item<double>()
    Assert.InRange(gap / error, 0.5, 3.0)
    Assert.Throws<EquivariantException>(fun () -> run 1 |> ignore) |> ignore

[<Fact>]
let ``a group too large to list is refused with the number of evaluations`` () =
    let group = Group.Symmetric 12
    let action = AxisAction(PermutationAction.Natural group, -1)

    let error =
        Assert.Throws<EquivariantException>(fun () ->
            new Equitune(network action torch.float64 1, action, action) |> ignore)

    Assert.Contains("479001600 evaluations", error.Message)

    let invariant =
        new QuotientDesign(
            network action torch.float64 1,
            action,
            action,
            [| QuotientTerm.Of(group, group.WholeSubgroup) |]
        )

    Assert.Equal(1, invariant.EvaluationsPerInput)
    let x = batch action torch.float64 1 2L
    let g = group.Random(Random 2)
    assertClose 1e-12 (action.Apply(g, invariant.call x)) (invariant.call (action.Apply(g, x)))

[<Fact>]
let ``invariance is checked by law: the average passes, a pose with ties fails by name`` () =
    let term =
        QuotientTerm.Split(d4, d4.Subgroup [| d4.Turn |], d4.Subgroup [| d4.Reflection |])

    let check invariance =
        InvarianceLaw.Find(invariance, term, onImages, images (), Random 1, 1e-9)

    Assert.Null(check Invariance.Average)
    // A rotation to the least energy is a representative; it commutes with a reflection only if the energy does.
    let tied = check (Invariance.LeastEnergy(fun rows -> energy (rows.flatten 1L)))
    Assert.Equal("Inv(gx) = g·Inv(x)", tied.Condition)
    // Without a complement as transversal, a representative has to be fixed by the kernel, which it is not.
    let whole = QuotientTerm.With(d4, term.Kernel, term.Transversal)

    let moved =
        InvarianceLaw.Find(
            Invariance.LeastEnergy(fun rows -> energy (rows.flatten 1L)),
            whole,
            onImages,
            images (),
            Random 1,
            1e-9
        )

    Assert.Equal("k·Inv(x) = Inv(x)", moved.Condition)
    let wrong = check (Invariance.Of(fun x _ -> x))
    Assert.Equal("Inv(kx) = Inv(x)", wrong.Condition)
    Assert.False(wrong.Element.IsIdentity)

    let error =
        Assert.Throws<EquivariantException>(fun () ->
            InvarianceLaw.Require(Invariance.Of(fun x _ -> x), term, onImages, images (), Random 1))

    Assert.Contains("Inv(kx) = Inv(x) fails with", error.Message)

[<Fact>]
let ``an invariant map that yields NaN fails its law`` () =
    let term = QuotientTerm.Of(d4, d4.Subgroup [| d4.Turn |])

    Assert.NotNull(
        InvarianceLaw.Find(Invariance.Of(fun x _ -> x * nan.ToScalar()), term, onImages, images (), Random 1)
    )

[<Fact>]
let ``token classifiers with representatives are invariant`` () =
    let group = Group.Direct [| Group.Cyclic 2 :> Group; Group.Cyclic 2 |]

    let vocabulary =
        PermutationAction(group, 6, [| [| 0; 2; 1; 3; 4; 5 |]; [| 0; 1; 2; 4; 3; 5 |] |])

    let onTokens = TokenAction vocabulary
    torch.manual_seed 1L |> ignore

    let classifier =
        torch.nn.Sequential(torch.nn.Embedding(6L, 8L), torch.nn.Flatten(), torch.nn.Linear(32L, 3L))

    let terms = QuotientTerm.ForFactors group

    let design =
        new QuotientDesign(classifier, onTokens, TrivialAction group, terms, invariance = Invariance.Tokens 2)

    let x = tokens (Random 1) 0 6 [ 5L; 4L ]
    Assert.True(equivarianceError onTokens (TrivialAction group) design x < 1e-5)
    Assert.Null(InvarianceLaw.Find(Invariance.Tokens 2, terms[0], onTokens, x, Random 1))

[<Fact>]
let ``least-loss reductions pick one row, and train straight through`` () =
    let network = imageNetwork 2
    let x = images ()
    let loss (values: torch.Tensor) = values.flatten(1L).sum 1L
    let design = new Equitune(network, onImages, onImages, Reduction.LeastLoss loss)
    let elements = List.ofSeq d4.Elements
    let values = [ for g in elements -> network.call (onImages.Apply(g, x)) ]

    let expected =
        torch.stack [|
            for row in 0L .. 2L ->
                let best =
                    List.minBy
                        (fun (g, value: torch.Tensor) -> (loss value).select(0L, row).item<double>())
                        (List.zip elements values)

                onImages.Apply((fst best).Inverse(), (snd best).narrow(0L, row, 1L)).squeeze 0L
        |]

    assertClose 1e-12 expected (design.call x)
    // In use only the chosen values are pulled back, unless some tie.
    let tied = torch.cat ([| x; torch.ones_like (x.narrow (0L, 0L, 1L)) |], 0L)
    let trained = design.call tied
    design.eval ()
    assertClose 1e-12 expected (design.call x)
    assertClose 1e-12 trained (design.call tied)
    assertClose 1e-12 expected (trained.narrow (0L, 0L, 3L))

    let gradient (model: Model) =
        network.zero_grad ()
        (model.call x).square().sum().backward()
        [ for p in network.parameters () -> p.grad.clone () ]

    design.train ()
    let straightThrough = gradient design
    Assert.All(straightThrough, fun g -> Assert.True(g.abs().max().item<double>() > 0.0))
    // The gradient of the mean with the chosen value's cotangent.
    network.zero_grad ()
    let mean = (new Equitune(network, onImages, onImages)).call x
    let cotangent = (design.call x).detach() * 2.0.ToScalar()
    mean.backward [| cotangent |]

    List.iter2
        (fun (p: Modules.Parameter) (g: torch.Tensor) -> assertClose 1e-10 g p.grad)
        (List.ofSeq (network.parameters ()))
        straightThrough

[<Fact>]
let ``the largest of each component is chosen, and trains straight through`` () =
    let network = imageNetwork 2
    let x = images ()
    let design = new Equitune(network, onImages, onImages, Reduction.Largest())

    let values = [|
        for g in d4.Elements -> onImages.Apply(g.Inverse(), network.call (onImages.Apply(g, x)))
    |]

    let largest = (torch.stack values).amax [| 0L |]
    design.eval ()
    assertClose 1e-12 largest (design.call x)
    design.train ()
    assertClose 1e-12 largest (design.call x)
    let trained = List.ofSeq (network.parameters ())
    let cotangent = torch.randn_like largest

    let gradients (value: torch.Tensor) =
        network.zero_grad ()
        value.backward [| cotangent |]
        [ for p in trained -> p.grad.clone () ]

    let mean = gradients ((new Equitune(network, onImages, onImages)).call x)
    List.iter2 (assertClose 1e-10) mean (gradients (design.call x))
    let plainly = new Equitune(network, onImages, onImages, Reduction.Largest false)
    Assert.True(List.exists2 (fun left right -> distance left right > 1e-6) mean (gradients (plainly.call x)))

[<Fact>]
let ``the largest is refused where a group changes numbers`` () =
    let onPlane =
        Representations.MatrixAction(Representations.Representation.Vectors(Group.Dihedral 4))

    let network = new Perceptron(2L, [ 2L ], torch.float64)

    refused [ "'largest'"; "D4"; "least loss" ] (fun () ->
        new Equitune(network, onPlane, onPlane, Reduction.Largest()))
    // Matrices that permute only move numbers, and so do subgroups that act as their group does.
    let onCorners =
        Representations.MatrixAction(
            Representations.Representation.Of(PermutationAction.Natural(Group.Cyclic 2))
        )

    let exchanged = new Equitune(network, onCorners, onCorners, Reduction.Largest())
    let x = torch.randn ([| 3L; 2L |], dtype = torch.float64)
    Assert.True(equivarianceError onCorners onCorners exchanged x < 1e-12)
    let turns = (Group.Dihedral 4).Subgroup [| (Group.Dihedral 4).Turn |]
    Assert.True((TrivialAction(Group.Dihedral 4).Restrict turns).IsPermutation)
    Assert.False((onPlane.Restrict turns).IsPermutation)

[<Fact>]
let ``a learned frame trains its energy`` () =
    torch.manual_seed 4L |> ignore

    let energy =
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36L, 1L, dtype = torch.float64))

    let design = new Canonicalise(imageNetwork 3, onImages, onImages, energy)
    design.train ()
    (design.call (images ())).square().sum().backward()
    Assert.All(energy.parameters (), fun p -> Assert.NotNull p.grad)
    let slope = (Seq.head (energy.parameters ())).grad.abs().max()
    Assert.True(slope.item<double>() > 0.0)
    design.eval ()
    Assert.True(equivarianceError onImages onImages design (images ()) < 1e-10)
    Assert.Equal(1.0, design.EvaluationsPerInput)

[<Fact>]
let ``with dropout, the rows of one evaluation have masks of their own, and one seed gives one result`` () =
    torch.manual_seed 1L |> ignore

    let network =
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36L, 36L), torch.nn.Dropout 0.5)

    let design = new Equitune(network, onImages, TrivialAction d4)
    design.train ()
    let x = torch.randn (2L, 1L, 6L, 6L)

    let run seed =
        torch.manual_seed (int64 seed) |> ignore
        design.call x

    Assert.Equal(0.0, distance (run 1) (run 1))
    Assert.True(distance (run 1) (run 2) > 1e-3)

/// Dropout with one mask for all rows, in train mode only.
type private FixedDropout(mask: torch.Tensor) =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("fixed dropout")

    override this.forward x =
        if this.training then
            x * mask * 2.0.ToScalar()
        else
            x.alias ()

[<Fact>]
let ``in train mode, with fixed dropout masks, designs stay equivariant`` () =
    torch.manual_seed 1L |> ignore
    let mask = torch.rand(20L).gt(0.5.ToScalar()).``to`` torch.float64

    let network =
        torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(36L, 20L, dtype = torch.float64),
            new FixedDropout(mask),
            torch.nn.Tanh(),
            torch.nn.Linear(20L, 36L, dtype = torch.float64),
            torch.nn.Unflatten(1L, [| 1L; 6L; 6L |])
        )

    for terms in [ QuotientTerm.Default d4; [| QuotientTerm.Equitune d4 |] ] do
        let design = new QuotientDesign(network, onImages, onImages, terms)
        design.eval ()
        let still = design.call (images ())
        design.train ()
        Assert.True(distance still (design.call (images ())) > 1e-3, "the mask matters")
        Assert.True(equivarianceError onImages onImages design (images ()) < 1e-12)

[<Fact>]
let ``checkpointed chunks give the same values, gradients and dropout masks`` () =
    torch.manual_seed 1L |> ignore

    let network =
        torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(36L, 20L),
            torch.nn.Dropout 0.5,
            torch.nn.Tanh(),
            torch.nn.Linear(20L, 36L),
            torch.nn.Unflatten(1L, [| 1L; 6L; 6L |])
        )

    let x = torch.randn ([| 3L; 1L; 6L; 6L |], requires_grad = true)

    let run evaluation =
        let design = new Equitune(network, onImages, onImages, evaluation = evaluation)
        design.train ()
        network.zero_grad ()
        x.grad <- null
        torch.manual_seed 7L |> ignore
        let y = design.call x
        y.square().sum().backward()
        y.detach (), [ yield x.grad.clone (); for p in network.parameters () -> p.grad.clone () ]

    let y, gradients = run (Evaluation(ChunkRows = 5))
    let y', gradients' = run (Evaluation(ChunkRows = 5, Checkpoint = true))
    assertClose 0.0 y y'
    List.iter2 (assertClose 1e-5) gradients gradients'

[<Fact>]
let ``half precision passes through`` () =
    torch.manual_seed 1L |> ignore
    let network = new Perceptron(36L, [ 1L; 6L; 6L ], torch.bfloat16)

    let design =
        new QuotientDesign(network, onImages, onImages, QuotientTerm.Default d4)

    let y = design.call ((images ()).``to`` torch.bfloat16)
    Assert.Equal(torch.bfloat16, y.dtype)
    Assert.True(y.isfinite().all().item<bool>())

[<Fact>]
let ``wrap, finetune and unwrap: weights load unchanged both ways`` () =
    let fresh seed = imageNetwork seed
    let pretrained, other = fresh 1, fresh 2
    let design = new Equitune(pretrained, onImages, onImages)
    let optimiser = torch.optim.Adam(design.parameters (), 1e-2)
    let before = (pretrained.call (images ())).detach()
    optimiser.zero_grad ()
    (design.call (images ())).square().sum().backward()
    optimiser.step () |> ignore
    Assert.True(distance before (pretrained.call (images ())) > 1e-6, "finetuning reaches the wrapped model")
    other.load_state_dict (pretrained.state_dict ()) |> ignore
    assertClose 0.0 (pretrained.call (images ())) (other.call (images ()))

    let names = [ for entry in design.state_dict () -> entry.Key ] |> List.sort

    let inner =
        [ for entry in pretrained.state_dict () -> "model." + entry.Key ] |> List.sort

    Assert.Equal<string list>(inner, names)

[<Fact>]
let ``a TorchScript module can be wrapped`` () =
    let group = Group.Cyclic 5
    let action = AxisAction(PermutationAction.Natural group, -1)
    let x = torch.randn (3L, 5L)

    Program.inFolder (fun folder ->
        let file = IO.Path.Combine(folder, "module.pt")
        TorchScript.save file
        let script = torch.jit.load<torch.Tensor, torch.Tensor> file
        let design = new Equitune(script, action, action)
        Assert.True(equivarianceError action action design x < 1e-5)
        let g = group.Generators[0]
        Assert.True(distance (action.Apply(g, script.call x)) (script.call (action.Apply(g, x))) > 1e-2)
        Assert.Contains("model", [ for struct (name, _) in design.named_children () -> name ])

        let slope evaluation =
            let x = x.clone().requires_grad_ true
            let design = new Equitune(script, action, action, evaluation = evaluation)
            (design.call x).square().sum().backward()
            x.grad

        assertClose 1e-5 (slope (Evaluation())) (slope (Evaluation(ChunkRows = 4, Checkpoint = true))))
