/// Every shortcut beside what it stands for: values, gradients and second derivatives.
module Equivariant.Tests.Designs.FastPathTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests.Groups.GroupExpressions
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private randn (shape: int64 list) =
    torch.randn (Array.ofList shape, dtype = torch.float64)

let private gradients (output: torch.Tensor) (inputs: torch.Tensor list) =
    torch.autograd.grad (
        ResizeArray [ output ],
        ResizeArray inputs,
        retain_graph = true,
        create_graph = true,
        allow_unused = true
    )
    |> Seq.map (fun gradient -> if gradient.IsInvalid then torch.zeros 1L else gradient)
    |> List.ofSeq

/// The value of a function, its gradients, and the gradients of their squares.
let private derivatives (parameters: torch.Tensor list) (f: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
    let x = x.detach().clone().requires_grad_ true
    let value = f x
    let first = gradients (value.sin().sum()) (x :: parameters)
    let slope = first |> List.map _.square().sum() |> List.reduce (+)
    value :: first @ gradients slope (x :: parameters)

let private sameDerivatives (model: Perceptron) expected actual x =
    let parameters = [ for p in model.parameters () -> p :> torch.Tensor ]

    List.iter2
        (fun left right -> Assert.True(distance left right < 1e-9))
        (derivatives parameters expected x)
        (derivatives parameters actual x)

/// The same action by matrices, which know nothing of gathers.
let private byMatrices (action: AxisAction) =
    MatrixAction(Representation.Of action.Indices, Array.ofSeq action.Axes)

[<Properties(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 12)>]
module ``For a random group`` =

    [<Property>]
    let ``terms in one go have the values and derivatives of terms by matrices, whatever the axes``
        (SmallGroup expression)
        (seed: int)
        =
        let group = build expression
        let random = Random seed

        let cosets =
            PermutationAction.OnCosets(group, group.Subgroup [| group.Random random |])
        // Orbits of many lengths, and points that stay.
        let points = cosets.Plus(PermutationAction.Trivial(group, 2))
        let n = int64 points.Degree

        let terms = [|
            for _ in 1 .. random.Next(1, 4) ->
                QuotientTerm.Of(
                    group,
                    group.NormalClosure [| for _ in 1 .. random.Next(0, 2) -> group.Random random |]
                )
        |]

        for axis, shape in [ -1, [ n ]; -1, [ 2L; n ]; -2, [ n; 3L ]; -2, [ 2L; n; 2L ] ] do
            torch.manual_seed (int64 seed) |> ignore
            let action = AxisAction(points, axis)
            let model = new Perceptron(List.reduce (*) shape, shape, torch.float64)
            let fused = new QuotientDesign(model, action, action, terms)
            let matrices = byMatrices action
            let plain = new QuotientDesign(model, matrices, matrices, terms)
            sameDerivatives model plain.call fused.call (randn (2L :: shape))

    [<Property>]
    let ``moving rows, each by its own element, has the values and derivatives of matrices``
        (SmallGroup expression)
        (seed: int)
        =
        let group = build expression
        let random = Random seed
        let points = PermutationAction.Regular group
        let n = int64 points.Degree
        torch.manual_seed (int64 seed) |> ignore

        for axis, shape in [ -1, [ 3L; 2L; n ]; -2, [ 3L; n; 2L ] ] do
            let action = AxisAction(points, axis)
            let matrices = byMatrices action
            let elements = [| for _ in 1..3 -> group.Random random |]
            let listed = ElementBatch.Of(group, elements, torch.arange 3L)
            let packed = ElementBatch.Of(group, listed.Codes)

            for apply in
                [
                    (fun (action: TensorAction) x -> (action.Over elements).Expand x)
                    (fun action x -> (action.Over elements).PullBack x)
                    (fun action x -> (action.Over elements).Select(x, torch.tensor [| 2L; 0L; 2L |]))
                    (fun action x -> action.ApplyEach(listed, x))
                    (fun action x -> action.UndoEach(listed, x))
                    (fun action x -> action.ApplyEach(packed, x))
                    (fun action x -> action.UndoEach(packed, x))
                ] do
                let x = randn shape

                List.iter2
                    (assertClose 1e-12)
                    (derivatives [] (apply matrices) x)
                    (derivatives [] (apply action) x)

// D4 on images of odd side, so that some pixels stay where they are.
let private d4 = Group.Dihedral 4
let private onImages = AxisAction(GridActions.Symmetries(d4, 5, 5), -2, -1)

let private network () =
    torch.manual_seed 1L |> ignore
    new Perceptron(50L, [ 2L; 5L; 5L ], torch.float64)

let private images (dtype: torch.ScalarType) =
    torch.manual_seed 2L |> ignore
    (torch.randn ([| 4L; 2L; 5L; 5L |], dtype = torch.float64)).``to`` dtype

let private ramp () =
    torch.manual_seed 3L |> ignore
    torch.randn ([| 2L; 5L; 5L |], dtype = torch.float64)

/// Inner products with some weights, transform by transform.
let private product (weights: torch.Tensor) =
    Func<_, _>(fun (rows: torch.Tensor) -> rows.flatten(1L).mv(weights.flatten ()))

[<Fact>]
let ``a linear energy chooses the pose that the same energy of all transforms does`` () =
    let model = network ()
    let general = new Canonicalise(model, onImages, onImages, product (ramp ()))

    let linear =
        new Canonicalise(model, onImages, onImages, TransformEnergy.Linear(ramp ()))

    sameDerivatives model general.call linear.call (images torch.float64)
    Assert.Equal(1.0, linear.EvaluationsPerInput)
    Assert.True(equivarianceError onImages onImages linear (images torch.float64) < 1e-12)
    // By matrices that are no permutations there is no shortcut.
    let onPlanes = MatrixAction(Representation.Vectors d4)
    let small = new Perceptron(2L, [ 2L ], torch.float64)
    let weights = torch.tensor [| 0.3; 1.1 |]
    let x = randn [ 5L; 2L ]

    let turned =
        new Canonicalise(small, onPlanes, onPlanes, TransformEnergy.Linear weights)

    sameDerivatives small (new Canonicalise(small, onPlanes, onPlanes, product weights)).call turned.call x

[<Fact>]
let ``a linear energy is equivariant for inputs with symmetries of their own, in single precision too`` () =
    for dtype, tolerance in [ torch.float64, 1e-12; torch.float32, 1e-4 ] do
        let model = (network ()).``to`` dtype

        let linear =
            new Canonicalise(model, onImages, onImages, TransformEnergy.Linear(ramp ()))

        for symmetry, picked in
            [
                d4.Subgroup [| d4.Reflection |], 2.0
                d4.Subgroup [| d4.Turn |], 4.0
                d4.WholeSubgroup, 8.0
            ] do
            let x = onImages.Average(symmetry).Apply(images dtype)
            Assert.True(equivarianceError onImages onImages linear x < tolerance, $"{dtype}, {picked}")
            Assert.Equal(picked, linear.EvaluationsPerInput)

        let zero = torch.zeros ([| 1L; 2L; 5L; 5L |], dtype = dtype)
        linear.call zero |> ignore
        Assert.Equal(8.0, linear.EvaluationsPerInput)

/// The function on images whose value at each element of the group is the energy of the pose there, by its definition.
type private Poses(weights: torch.Tensor) as this =
    inherit Model("poses")
    let weights = torch.nn.Parameter(weights.clone ())
    let mutable rows = 0L
    do this.RegisterComponents()
    member _.Rows = rows

    override _.forward x =
        rows <- rows + x.shape[0]

        torch.stack (
            [|
                for h in d4.Elements -> (onImages.Apply(h.Inverse(), x) * weights).sin().sum [| 1L; 2L; 3L |]
            |],
            1L
        )

[<Fact>]
let ``an equivariant network gives all energies in one pass, of inputs that are not transformed`` () =
    let model = network ()
    let poses = new Poses(ramp ())

    let design =
        new Canonicalise(model, onImages, onImages, TransformEnergy.Equivariant poses)

    let general =
        new Canonicalise(
            model,
            onImages,
            onImages,
            Func<_, _>(fun (rows: torch.Tensor) -> (rows * ramp ()).sin().sum [| 1L; 2L; 3L |])
        )

    let x = images torch.float64
    assertClose 1e-12 (general.call x) (design.call x)
    Assert.Equal((4L, 1.0), (poses.Rows, design.EvaluationsPerInput))
    Assert.True(equivarianceError onImages onImages design x < 1e-12)
    // The network's numbers move as the group's elements do.
    Assert.True(equivarianceError onImages (AxisAction(PermutationAction.Regular d4, -1)) poses x < 1e-12)

[<Fact>]
let ``what energies learn is registered, and trained as by the same energy of all transforms`` () =
    let x = images torch.float64

    let trained (energy: TransformEnergy) =
        let design = new Canonicalise(network (), onImages, onImages, energy)
        design.train ()
        (design.call x).sin().sum().backward()

        let name, parameter =
            [
                for struct (name, parameter) in design.named_parameters () -> name, parameter
            ]
            |> List.find (fst >> _.StartsWith("frame.energy"))

        name, parameter.grad

    let weights = torch.nn.Parameter(ramp ())
    let each = torch.nn.Linear(50L, 1L, hasBias = false, dtype = torch.float64)
    torch.nn.init.zeros_ each.weight |> ignore
    use _ = torch.no_grad ()
    each.weight.add_ ((ramp ()).view(1L, 50L)) |> ignore
    use _ = torch.enable_grad ()

    let name, expected =
        trained (TransformEnergy.Of(torch.nn.Sequential(torch.nn.Flatten 1L, each)))

    Assert.Equal("frame.energy.1.weight", name)
    let name, actual = trained (TransformEnergy.Linear weights)
    Assert.Equal("frame.energy", name)
    assertClose 1e-10 (expected.view (2L, 5L, 5L)) actual
    // The same for a network in one pass, against that of each transform.
    let poses = new Poses(ramp ())
    let name, inOne = trained (TransformEnergy.Equivariant poses)
    Assert.StartsWith("frame.energy.weights", name)

    let weights = torch.nn.Parameter(ramp ())

    let sines = {
        new Model("sines") with
            member _.forward rows =
                (rows * weights).sin().sum [| 1L; 2L; 3L |]
    }

    sines.register_parameter ("weights", weights)
    assertClose 1e-10 (snd (trained (TransformEnergy.Of sines))) inOne

[<Fact>]
let ``a continuous frame takes a linear energy too`` () =
    let model = network ()

    let over (frame: Frame) =
        (new FrameAverage(model, onImages, onImages, frame)).call

    let x = images torch.float64

    sameDerivatives
        model
        (over (Frame.Continuous(product (ramp ()), 20.0)))
        (over (Frame.Continuous(TransformEnergy.Linear(ramp ()), 20.0)))
        x

[<Fact>]
let ``energies that do not fit are refused in a sentence`` () =
    let model = network ()
    let x = images torch.float64

    let pose (energy: TransformEnergy) =
        fun () -> (new Canonicalise(model, onImages, onImages, energy)).call x

    refused [ "weights [2, 5, 4]"; "[4, 2, 5, 5]" ] (pose (TransformEnergy.Linear(torch.ones (2L, 5L, 4L))))

    refused [ "linear energy"; "floating point" ] (fun () ->
        TransformEnergy.Linear(torch.ones (2L, dtype = torch.int64)))

    refused [ "linear energy"; "NaN" ] (pose (TransformEnergy.Linear(ramp () * nan.ToScalar())))

    let network (map: torch.Tensor -> torch.Tensor) = {
        new Model("given") with
            member _.forward x = map x
    }

    refused
        [ "8 elements of D4"; "[4, 8]"; "[4, 2]" ]
        (pose (TransformEnergy.Equivariant(network _.mean([| 2L; 3L |]))))

    refused
        [ "network of energies"; "NaN" ]
        (pose (
            TransformEnergy.Equivariant(network (fun x -> torch.full ([| x.shape[0]; 8L |], nan.ToScalar())))
        ))

    let tokens = TokenAction(PermutationAction.Natural d4)
    let scores = new Perceptron(4L, [ 4L ], torch.float64)

    refused [ "linear energy"; "not by linear maps" ] (fun () ->
        (new Canonicalise(scores, tokens, TrivialAction d4, TransformEnergy.Linear(torch.ones 4L)))
            .call(torch.zeros (2L, 4L, dtype = torch.int64)))

[<Fact>]
let ``entropy is what it says, with its derivatives, where gradients are wanted and where not`` () =
    let logits = randn [ 3L; 2L; 5L ]

    let byHand (logits: torch.Tensor) =
        let p = logits.exp () / logits.exp().sum(-1L, keepdim = true)
        (p * p.log ()).sum([| 1L; 2L |]).neg()

    List.iter2 (assertClose 1e-12) (derivatives [] byHand logits) (derivatives [] ProxyLoss.Entropy logits)
    let before = logits.clone ()
    assertClose 1e-12 (byHand logits) (ProxyLoss.Entropy logits)
    assertClose 0.0 before logits
    use _ = torch.no_grad ()
    assertClose 1e-12 (byHand logits) (ProxyLoss.Entropy(logits.clone().requires_grad_ true))

[<Fact>]
let ``scores of points are those of layers that see a point, the mean and the neighbours side by side`` () =
    torch.manual_seed 5L |> ignore
    let sn = Group.Symmetric 4
    let sets = AxisAction(PermutationAction.Natural sn, -2)
    let graphs = AxisAction(PermutationAction.OnGraphs(sn, 2), -2, -1)

    for action, shape in [ sets, [ 3L; 4L; 2L ]; graphs, [ 3L; 4L; 6L ] ] do
        let network = (new PointScores(action, 2, 1, 5)).``to`` torch.float64

        let parameters =
            dict [
                for struct (name, parameter) in network.named_parameters () -> name, parameter :> torch.Tensor
            ]

        let linear name (x: torch.Tensor) =
            x.matmul (parameters[$"{name}.weight"].t()) + parameters[$"{name}.bias"]

        let byHand (noise: torch.Tensor) (x: torch.Tensor) =
            let edges = if shape[2] = 6L then Some(x.narrow (2L, 0L, 4L)) else None
            let features = if edges.IsSome then x.narrow (2L, 4L, 2L) else x

            let exchange (h: torch.Tensor) layer =
                let mean = h.mean([| 1L |], keepdim = true).expand_as h

                let seen =
                    torch.cat ([| h; mean; yield! edges |> Option.map _.matmul(h) |> Option.toArray |], 2L)

                h + (linear $"mix{layer}" seen).relu()

            let read = (linear "read" (torch.cat ([| features; noise |], 2L))).relu()
            let scores = (linear "score" (List.fold exchange read [ 0; 1 ])).squeeze 2L
            let centred = scores - scores.mean ([| 1L |], keepdim = true)
            let deviation = centred.square().mean([| 1L |], keepdim = true).sqrt()
            centred / (deviation + 1e-6.ToScalar())

        let noise = randn [ 3L; 4L; 1L ]
        let learned = List.ofSeq parameters.Values
        let x = randn shape

        List.iter2
            (fun expected actual -> Assert.True(distance expected actual < 1e-7))
            (derivatives learned (byHand noise) x)
            (derivatives learned (fun x -> network.call (x, noise)) x)
