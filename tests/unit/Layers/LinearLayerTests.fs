module Equivariant.Tests.Layers.LinearLayerTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

let private linear input output channelsIn channelsOut bias (dtype: torch.ScalarType) =
    new EquivariantLinear(input, output, channelsIn, channelsOut, bias, dtype = dtype)

/// Gives every parameter random values, so that a bias takes part.
let private shuffleParameters (layer: torch.nn.Module) =
    use _ = torch.no_grad ()

    for parameter in layer.parameters () do
        parameter.copy_ (torch.randn_like parameter) |> ignore

let private batch (representation: Representation) channels (dtype: torch.ScalarType) =
    torch.randn ([| 3L; channels; int64 representation.Dimension |], dtype = dtype)

[<Property(MaxTest = 8)>]
let ``equivariant layers commute with every element, in both precisions`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let all = representations random (randomGroup random)

    for dtype, tolerance in [ torch.float64, 1e-9; torch.float32, 2e-4 ] do
        for _ in 1..6 do
            use scope = torch.NewDisposeScope()
            let v, input = all[random.Next all.Length]
            let w, output = all[random.Next all.Length]
            use layer = linear input output 2L 5L true dtype
            shuffleParameters layer
            let error = equivarianceError input output layer.call (batch input 2L dtype)
            Assert.True(error < tolerance, $"{v} → {w} of {input.Group} in {dtype}: {error}")

[<Property(MaxTest = 8)>]
let ``the layers span the whole commutant`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let all = representations random (randomGroup random)

    for _ in 1..4 do
        use scope = torch.NewDisposeScope()
        let _, input = all[random.Next all.Length]
        let _, output = all[random.Next all.Length]
        use layer = linear input output 1L 1L false torch.float64
        Assert.Equal(layer.TheoreticalDimension, layer.FreeParameters)

        // One dense matrix for each parameter set to one.
        let dense = [|
            for k in 0L .. layer.FreeParameters - 1L ->
                use _ = torch.no_grad ()
                layer.Weight.zero_ () |> ignore
                layer.Weight[0L, k, 0L].fill_(1.0.ToScalar()) |> ignore
                layer.ToDense().weight.detach().flatten()
        |]

        let unknowns = int64 (input.Dimension * output.Dimension)

        let random =
            torch.randn (
                [| unknowns + 3L; int64 output.Dimension; int64 input.Dimension |],
                dtype = torch.float64
            )

        let expected = (averageOverGroup input output random).flatten 1L
        Assert.Equal(layer.FreeParameters, int64 (rank expected))

        if dense.Length > 0 then
            let found = torch.stack dense
            Assert.Equal(layer.FreeParameters, int64 (rank found))
            Assert.Equal(layer.FreeParameters, int64 (rank (torch.cat ([| found; expected |], 0L))))

[<Fact>]
let ``a bias outside the invariants is caught`` () =
    use scope = torch.NewDisposeScope()
    let points = natural (Group.Symmetric 3)
    use layer = linear points points 1L 1L true torch.float64
    shuffleParameters layer
    let crooked = torch.tensor ([| 1.0; 0.0; 0.0 |], dtype = torch.float64)
    let x = batch points 1L torch.float64
    Assert.True(equivarianceError points points layer.call x < 1e-12)
    Assert.True(equivarianceError points points (fun x -> layer.call x + crooked) x > 0.5)

[<Property(MaxTest = 8)>]
let ``invariant-symmetric layers are, and are all that are`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let inputs = representations random (randomGroup random)
    let outputs = representations random (randomGroup random)

    for _ in 1..5 do
        use scope = torch.NewDisposeScope()
        let v, input = inputs[random.Next inputs.Length]
        let w, output = outputs[random.Next outputs.Length]

        use layer =
            new InvariantSymmetricLinear(input, output, 2L, 3L, dtype = torch.float64)

        shuffleParameters layer
        Assert.Equal(layer.TheoreticalDimension, layer.FreeParameters)
        let x = batch input 2L torch.float64
        let y = layer.call x

        for g in input.Group.Elements do
            Assert.True(distance y (layer.call (act input g x)) < 1e-9, $"{v} → {w}: not invariant under {g}")

        for g in output.Group.Elements do
            Assert.True(distance y (act output g y) < 1e-9, $"{v} → {w}: not symmetric under {g}")

        // All matrices that are, by averaging over both groups.
        let unknowns = int64 (input.Dimension * output.Dimension)

        let random =
            torch.randn ([| unknowns; int64 output.Dimension; int64 input.Dimension |], dtype = torch.float64)

        let trivialIn = Representation.Trivial(input.Group, output.Dimension)
        let trivialOut = Representation.Trivial(output.Group, input.Dimension)

        let averaged =
            random |> averageOverGroup input trivialIn |> averageOverGroup trivialOut output

        use single =
            new InvariantSymmetricLinear(input, output, 1L, 1L, false, dtype = torch.float64)

        Assert.Equal(single.FreeParameters, int64 (rank averaged))

[<Fact>]
let ``parameters are as many as the theory says`` () =
    let graph n = (natural (Group.Symmetric n)).Power 2

    for layer, expected in
        [
            linear (graph 5) (graph 5) 3L 4L true torch.float32, 15L * 12L + 2L * 4L
            linear (natural (Group.Symmetric 6)) (graph 6) 1L 1L false torch.float32, 5L
            linear
                (Representation.Regular(Group.Cyclic 7))
                (Representation.Regular(Group.Cyclic 7))
                2L
                2L
                true
                torch.float32,
            30L
        ] do
        Assert.Equal(expected, layer.FreeParameters)
        Assert.Equal(expected, layer.TheoreticalDimension)

[<Fact>]
let ``a dense layer gives the same outputs`` () =
    use scope = torch.NewDisposeScope()
    let group = Group.Symmetric 4
    let mixed = natural group + sign group

    let layers: LinearModule list = [
        linear (natural group) ((natural group).Power 2) 3L 2L true torch.float64
        linear mixed mixed 2L 3L false torch.float64
        new InvariantSymmetricLinear(mixed, natural group, 2L, 3L, dtype = torch.float64)
    ]

    for layer in layers do
        shuffleParameters layer
        let dense = layer.ToDense()
        let x = batch layer.Input layer.InputChannels torch.float64

        let y =
            (dense.call (x.flatten 1L)).view(3L, layer.OutputChannels, int64 layer.Output.Dimension)

        assertClose 1e-12 (layer.call x) y

[<Fact>]
let ``empty batches and strided inputs`` () =
    use scope = torch.NewDisposeScope()
    let pairs = (natural (Group.Symmetric 3)).Power 2

    let layers: LinearModule list = [
        linear pairs pairs 8L 8L true torch.float64
        new InvariantSymmetricLinear(pairs, pairs, 8L, 8L, dtype = torch.float64)
    ]

    for layer in layers do
        Assert.Equal<int64[]>(
            [| 0L; 8L; 9L |],
            (layer.call (torch.zeros (0L, 8L, 9L, dtype = torch.float64))).shape
        )

        let x = torch.randn ([| 9L; 8L; 4L |], dtype = torch.float64)
        let strided = x.transpose (0L, 2L)
        assertClose 1e-12 (layer.call (strided.contiguous ())) (layer.call strided)

[<Fact>]
let ``layers without any common constituent give zero`` () =
    use scope = torch.NewDisposeScope()
    let group = Group.Symmetric 3

    use layer =
        linear (Representation.Trivial group) (sign group) 2L 3L true torch.float64

    Assert.Equal(0L, layer.FreeParameters)

    Assert.Equal(
        0.0,
        (layer.call (torch.ones (2L, 2L, 1L, dtype = torch.float64))).abs().sum().item<double>()
    )

    use pooled =
        new InvariantSymmetricLinear(sign group, natural group, dtype = torch.float64)

    Assert.Equal(pooled.TheoreticalDimension, pooled.FreeParameters)

    Assert.Equal(
        0.0,
        (pooled.call (torch.ones (2L, 1L, 1L, dtype = torch.float64))).abs().sum().item<double>()
    )

[<Fact>]
let ``what does not fit is refused, naming the layer, what it expects and what was given`` () =
    let points = natural (Group.Symmetric 4)
    use layer = linear points points 2L 3L true torch.float32
    use pooled = new InvariantSymmetricLinear(points, points, 2L, 3L)

    let zeros (shape: int64 list) (dtype: torch.ScalarType) =
        torch.zeros (Array.ofList shape, dtype = dtype)

    for name, layer in
        [
            "EquivariantLinear", layer :> LinearModule
            "InvariantSymmetricLinear", pooled
        ] do
        refused [ name; "[B, 2, 4]"; "[5, 2, 3]" ] (fun () -> layer.call (zeros [ 5L; 2L; 3L ] torch.float32))
        refused [ name; "[B, 2, 4]"; "[5, 4]" ] (fun () -> layer.call (zeros [ 5L; 4L ] torch.float32))
        refused [ name; "Float32"; "Float64" ] (fun () -> layer.call (zeros [ 5L; 2L; 4L ] torch.float64))
        refused [ name; "floating point"; "Int64" ] (fun () -> layer.call (zeros [ 5L; 2L; 4L ] torch.int64))

        refused [ name; "cpu"; "meta" ] (fun () ->
            layer.call (torch.zeros ([| 5L; 2L; 4L |], device = torch.META)))

    refused [ "EquivariantLinear"; "S4"; "S3" ] (fun () ->
        linear points (natural (Group.Symmetric 3)) 1L 1L true torch.float32)

    refused [ "at least one channel" ] (fun () -> linear points points 0L 1L true torch.float32)

/// The ratio of mean squares of outputs and inputs of ten layers one after another, for each input: the geometric mean
/// over some networks.
let private growth
    (layer: unit -> EquivariantModule)
    (next: torch.Tensor -> torch.Tensor)
    (inputs: (unit -> torch.Tensor) list)
    =
    onOneThread (fun () ->
        [
            for _ in 1..3 ->
                use scope = torch.NewDisposeScope()
                let layers = List.init 10 (fun _ -> layer ())

                [
                    for input in inputs ->
                        let start = input ()

                        let finish =
                            List.fold (fun x (layer: EquivariantModule) -> next (layer.call x)) start layers

                        finish.square().mean().item<double>() / start.square().mean().item<double>()
                ]
        ]
        |> List.transpose
        |> List.map (List.averageBy log >> exp))

[<Fact>]
let ``ten layers keep the variance of activations, for every representation and however coordinates are correlated``
    ()
    =
    use _ = torch.no_grad ()
    torch.manual_seed 1L |> ignore
    let s4, c5 = Group.Symmetric 4, Group.Cyclic 5
    let channels = 32L

    let kinds: (string * Representation) list = [
        "points", natural s4
        "30 points", natural (Group.Symmetric 30)
        "pairs", (natural s4).Power 2
        "graphs of 5", (natural (Group.Symmetric 5)).Power 2
        "regular", Representation.Regular c5
        "trivial group", Representation.Trivial(Group.Trivial(), 6)
        "two orbits of different size", natural s4 + (natural s4).Power 2
        "skewed", skewed (Random 1) s4
        "points + sign + skewed", natural s4 + sign s4 + skewed (Random 2) s4
    ]

    for name, representation in kinds do
        let layer () =
            new EquivariantLinear(representation, representation, channels, channels, dtype = torch.float64)
            :> EquivariantModule

        // The length that the group keeps is what is kept; for skewed coordinates it differs from the usual one.
        let white () =
            torch.randn ([| 4L; channels; int64 representation.Dimension |], dtype = torch.float64)

        let alike () =
            (torch.randn ([| 4L; channels; 1L |], dtype = torch.float64))
                .expand(4L, channels, int64 representation.Dimension)

        for ratio in growth layer id [ white; alike ] do
            Assert.True(ratio > 0.2 && ratio < 4.0, $"{name}: variance times {ratio}")

        if representation.IsPermutation then
            let layer () =
                new EquivariantLinear(
                    representation,
                    representation,
                    channels,
                    channels,
                    gain = sqrt 2.0,
                    dtype = torch.float64
                )
                :> EquivariantModule

            for ratio in growth layer (fun x -> torch.nn.functional.relu x) [ white; alike ] do
                Assert.True(ratio > 0.2 && ratio < 4.0, $"{name} with ReLU: variance times {ratio}")

[<Fact>]
let ``between representations, white noise keeps its variance in every coordinate`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    torch.manual_seed 2L |> ignore
    let s4 = Group.Symmetric 4

    let cases: (Representation * Representation) list = [
        natural s4, (natural s4).Power 2
        (natural s4).Power 2, natural s4
        natural s4 + sign s4, natural s4 + (sign s4) * natural s4 + sign s4
    ]

    for input, output in cases do
        use layer = linear input output 32L 256L false torch.float64
        let x = torch.randn ([| 64L; 32L; int64 input.Dimension |], dtype = torch.float64)
        let reached = (layer.call x).square().mean [| 0L; 1L |]
        let ceiling, floor = reached.max().item<double>(), reached.min().item<double>()
        Assert.True(ceiling < 1.3, $"{input} → {output}: {ceiling}")

        // Coordinates of constituents that the input lacks stay at a smaller variance; there are some in the pairs.
        Assert.True(floor > 0.15, $"{input} → {output}: {floor}")

[<Fact>]
let ``very large layers are initialised near that, without dense matrices`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    torch.manual_seed 3L |> ignore
    let points = Representation.Of(PermutationAction.Regular(Group.Cyclic 1500))
    use layer = linear points points 1L 1L false torch.float64
    let x = torch.randn ([| 8L; 1L; 1500L |], dtype = torch.float64)
    let variance = (layer.call x).square().mean().item<double>()
    Assert.InRange(variance, 0.7, 1.4)

[<Fact>]
let ``an invariant-symmetric stack keeps the variance of invariant inputs`` () =
    use _ = torch.no_grad ()
    torch.manual_seed 4L |> ignore
    let points = natural (Group.Symmetric 50)

    let layer () =
        new InvariantSymmetricLinear(points, points, 24L, 24L, dtype = torch.float64) :> EquivariantModule

    let alike () =
        (torch.randn ([| 4L; 24L; 1L |], dtype = torch.float64)).expand(4L, 24L, 50L)

    Assert.InRange(List.head (growth layer id [ alike ]), 0.2, 4.0)

[<Fact>]
let ``a thousand training steps leave no tensor behind`` () =
    let pairs = (natural (Group.Symmetric 4)).Power 2
    use layer = linear pairs pairs 4L 4L true torch.float32
    use pooled = new InvariantSymmetricLinear(pairs, pairs, 4L, 4L)

    use optimiser =
        torch.optim.SGD(Seq.append (layer.parameters ()) (pooled.parameters ()), 1e-4)

    use x = batch pairs 4L torch.float32

    onOneThread (fun () ->
        leavesNoTensors 1000 (fun () ->
            use scope = torch.NewDisposeScope()
            optimiser.zero_grad ()
            (layer.call x + pooled.call x).square().mean().backward()
            optimiser.step () |> ignore))

[<Fact>]
let ``layers too large to decompose keep the variance of noise and of what is alike`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    torch.manual_seed 6L |> ignore

    // Stabilisers are not trivial, so that the moment is not diagonal; there are several orbits, and more maps than are decomposed.
    let corners = Representation.Of(PermutationAction.Natural(Group.Dihedral 1100))

    let three, size =
        corners + corners + corners, (fun (x: torch.Tensor) -> x.square().mean().item<double>())

    use layer = linear three corners 1L 1L false torch.float64
    Assert.True(layer.Basis.Count > 1024)
    let white = torch.randn ([| 16L; 1L; 3300L |], dtype = torch.float64)
    Assert.InRange(size (layer.call white) / size white, 0.8, 1.2)

    // The mean over many draws of a layer that maps three equal numbers to one.
    let alike = torch.ones (1L, 1L, 3300L, dtype = torch.float64)

    let sizes = [
        for _ in 1..40 ->
            use layer = linear three corners 1L 1L false torch.float64
            size (layer.call alike)
    ]

    Assert.InRange(List.average sizes, 0.4, 2.0)
