module Equivariant.Tests.Layers.ComponentTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

let private shuffleParameters (layer: torch.nn.Module) =
    use _ = torch.no_grad ()

    for parameter in layer.parameters () do
        parameter.copy_ (torch.randn_like parameter) |> ignore

let private batch (representation: Representation) channels (dtype: torch.ScalarType) =
    torch.randn ([| 3L; channels; int64 representation.Dimension |], dtype = dtype)

/// Every component that keeps the representation, by name.
let private components (representation: Representation) dtype : (string * EquivariantModule) list = [
    "nonlinearity", new EquivariantNonlinearity(representation, 4L, dtype = dtype)
    "tanh", new EquivariantNonlinearity(representation, 4L, (fun x -> torch.tanh x), dtype)
    "layer norm", new EquivariantLayerNorm(representation, 4L, dtype = dtype)
    "residual", new Residual(new EquivariantLinear(representation, representation, 4L, 4L, dtype = dtype))
]

[<Property(MaxTest = 8)>]
let ``nonlinearities, norms and residual connections commute with every element`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let all = representations random (randomGroup random)

    for name, representation in all do
        use scope = torch.NewDisposeScope()

        for dtype, tolerance in [ torch.float64, 1e-8; torch.float32, 5e-4 ] do
            for component', layer in components representation dtype do
                shuffleParameters layer
                let x = batch representation 4L dtype
                let error = equivarianceError representation representation layer.call x

                Assert.True(
                    error < tolerance,
                    $"{component'} on {name} of {representation.Group} in {dtype}: {error}"
                )

                Assert.True(
                    (layer.call x).abs().max().``to``(torch.float64).item<double>() > 1e-3,
                    component'
                )

[<Fact>]
let ``a pointwise function on what is not permuted is not equivariant`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore

    for representation in [ sign (Group.Symmetric 3); skewed (Random 1) (Group.Symmetric 3) ] do
        let x = batch representation 4L torch.float64

        Assert.True(
            equivarianceError representation representation (fun x -> torch.nn.functional.relu x) x > 1e-2
        )

[<Property(MaxTest = 8)>]
let ``dropout commutes with every element, mask by mask`` (seed: int) =
    use scope = torch.NewDisposeScope()
    let random = Random seed

    for name, representation in representations random (randomGroup random) do
        use scope = torch.NewDisposeScope()
        torch.manual_seed (int64 seed) |> ignore
        let x = batch representation 4L torch.float64
        use layer = new EquivariantDropout(representation, 4L, 0.5)

        let drop x =
            torch.manual_seed 7L |> ignore
            layer.call x

        let error = equivarianceError representation representation drop x
        Assert.True(error < 1e-9, $"{name} of {representation.Group}: {error}")
        layer.eval ()
        Assert.Equal(0.0, distance x (layer.call x))

[<Fact>]
let ``dropout drops whole orbits as often as it should and keeps the mean`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore
    let points = natural (Group.Symmetric 3) + Representation.Trivial(Group.Symmetric 3)
    use layer = new EquivariantDropout(points, 10L, 0.25)
    let y = layer.call (torch.ones (4000L, 10L, 4L))
    let dropped = (y.eq (0.0f.ToScalar())).``to``(torch.float64).mean().item<double>()
    Assert.InRange(dropped, 0.23, 0.27)
    Assert.InRange(y.mean().item<float32>(), 0.97f, 1.03f)
    Assert.Equal(0.0f, (y.narrow (2L, 0L, 3L) - y.narrow (2L, 0L, 1L)).abs().max().item<float32>())
    refused [ "from 0 to below 1" ] (fun () -> new EquivariantDropout(points, 1L, 1.0))

[<Property(MaxTest = 8)>]
let ``readouts do not change when the group acts`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed

    for name, representation in representations random (randomGroup random) do
        use scope = torch.NewDisposeScope()

        for pooling in [ OrbitPooling.Mean; OrbitPooling.Sum; OrbitPooling.Max ] do
            use layer = new InvariantReadout(representation, 4L, pooling)
            let x = batch representation 4L torch.float64
            let y = layer.call x
            Assert.Equal<int64[]>([| 3L; 4L; int64 layer.Output.Dimension |], y.shape)
            Assert.True(y.abs().max().item<double>() > 1e-3, name)

            for g in representation.Group.Elements do
                Assert.True(
                    distance y (layer.call (act representation g x)) < 1e-9,
                    $"{name} under {g}, {pooling}"
                )

[<Fact>]
let ``readouts pool orbits as they say`` () =
    use scope = torch.NewDisposeScope()
    let points = natural (Group.Symmetric 3) + Representation.Trivial(Group.Symmetric 3)

    let x =
        (torch.tensor ([| 1.0; 2.0; 6.0; 5.0 |], dtype = torch.float64)).view(1L, 1L, 4L)

    for pooling, expected in
        [
            OrbitPooling.Mean, [| 3.0; 5.0 |]
            OrbitPooling.Sum, [| 9.0; 5.0 |]
            OrbitPooling.Max, [| 6.0; 5.0 |]
        ] do
        use layer = new InvariantReadout(points, 1L, pooling)
        Assert.Equal<double[]>(expected, (layer.call x).data<double>().ToArray())

    refused [ "no invariants" ] (fun () -> new InvariantReadout(sign (Group.Symmetric 3), lengths = false))

[<Fact>]
let ``layer norm sets mean and variance of permuted coordinates and the size of others`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 2L |> ignore
    let group = Group.Symmetric 4
    let mixed = natural group + sign group * natural group
    use norm = new EquivariantLayerNorm(mixed, 6L, dtype = torch.float64)
    let y = norm.call (batch mixed 6L torch.float64 * 7.0.ToScalar() + 3.0.ToScalar())
    let permuted, other = y.narrow (2L, 0L, 4L), y.narrow (2L, 4L, 4L)

    assertClose
        1e-6
        (torch.ones (3L, dtype = torch.float64))
        ((permuted.square().mean [| 1L; 2L |]) + (permuted.mean [| 1L; 2L |]).square())

    assertClose 1e-6 (torch.ones (3L, dtype = torch.float64)) (other.square().mean [| 1L; 2L |])

[<Fact>]
let ``a whole network is equivariant, trains, and is checked to fit`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 3L |> ignore
    let group = Group.Symmetric 4
    let points, pairs = natural group, (natural group).Power 2

    use network =
        new EquivariantSequential(
            new EquivariantLinear(pairs, pairs, 1L, 8L, gain = sqrt 2.0, dtype = torch.float64),
            new EquivariantLayerNorm(pairs, 8L, dtype = torch.float64),
            new EquivariantNonlinearity(pairs, 8L, dtype = torch.float64),
            new Residual(new EquivariantLinear(pairs, pairs, 8L, 8L, dtype = torch.float64)),
            new EquivariantLinear(pairs, points, 8L, 1L, dtype = torch.float64)
        )

    let x = torch.randn ([| 16L; 1L; 16L |], dtype = torch.float64)
    Assert.True(equivarianceError pairs points network.call x < 1e-9)

    // The sum of each row of the array, squared.
    let target = x.view(16L, 4L, 4L).sum(2L).square().unsqueeze 1L
    use optimiser = torch.optim.Adam(network.parameters (), 0.01)

    let loss () =
        torch.nn.functional.mse_loss (network.call x, target)

    let before = (loss ()).item<double>()

    for _ in 1..200 do
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (loss ()).backward()
        optimiser.step () |> ignore

    Assert.True((loss ()).item<double>() < 0.1 * before)

    refused [ "Layer 1 (EquivariantNonlinearity)"; "S3"; "S4" ] (fun () ->
        new EquivariantSequential(
            new EquivariantLinear(points, points),
            new EquivariantNonlinearity(natural (Group.Symmetric 3))
        ))

    refused [ "Layer 1"; "[B, 2, 4]"; "[B, 1, 4]" ] (fun () ->
        new EquivariantSequential(
            new EquivariantLinear(points, points),
            new EquivariantNonlinearity(points, 2L)
        ))

    refused [ "acts on them differently" ] (fun () ->
        new EquivariantSequential(
            new EquivariantLinear(points, points),
            new EquivariantNonlinearity(Representation.Trivial(group, 4))
        ))

    refused [ "Residual" ] (fun () -> new Residual(new EquivariantLinear(points, pairs)))

    refused [ "EquivariantLayerNorm"; "[B, 1, 4]" ] (fun () ->
        (new EquivariantLayerNorm(points)).call(torch.zeros (1L, 1L, 5L)))

    refused [ "EquivariantNonlinearity" ] (fun () ->
        (new EquivariantNonlinearity(points)).call(torch.zeros (1L, 2L, 4L)))

    refused [ "InvariantReadout" ] (fun () -> (new InvariantReadout(points)).call(torch.zeros (1L, 4L)))

[<Fact>]
let ``every layer refuses what it can't take in a sentence: sparse tensors, other numbers, other shapes`` () =
    use scope = torch.NewDisposeScope()
    let group = Group.Symmetric 3
    let mixed = natural group + sign group

    let layers: EquivariantModule list = [
        new EquivariantLinear(mixed, mixed, 2L, 2L)
        new InvariantSymmetricLinear(mixed, mixed, 2L, 2L)
        new EquivariantNonlinearity(mixed, 2L)
        new EquivariantLayerNorm(mixed, 2L)
        new EquivariantDropout(mixed, 2L)
        new InvariantReadout(mixed, 2L)
        new Residual(new EquivariantLinear(mixed, mixed, 2L, 2L))
        new EquivariantSequential(new EquivariantLayerNorm(mixed, 2L), new EquivariantDropout(mixed, 2L))
    ]

    for layer in layers do
        let hasParameters = not (Seq.isEmpty (layer.parameters ()))
        let x = torch.randn (5L, 2L, 4L)
        layer.call x |> ignore
        refused [ "dense"; "[5, 2, 4]" ] (fun () -> layer.call (x.to_sparse ()))
        refused [ "floating point"; "Int64" ] (fun () -> layer.call (x.``to`` torch.int64))
        refused [ "floating point"; "ComplexFloat32" ] (fun () -> layer.call (x.``to`` torch.complex64))
        refused [ "[B, 2, 4]"; "[5, 2, 3]" ] (fun () -> layer.call (torch.randn (5L, 2L, 3L)))
        refused [ "[B, 2, 4]"; "[]" ] (fun () -> layer.call (torch.tensor 1f))

        if hasParameters then
            refused [ "Float32"; "Float64" ] (fun () -> layer.call (x.``to`` torch.float64))

    for representation in [ natural group; mixed; sign group + skewed (Random 1) group ] do
        let invariants = representation.Invariants

        let whole length =
            torch.ones ([| 2L; int64 length |], dtype = torch.int64)

        refused [ "floating point" ] (fun () -> invariants.Pool(whole representation.Dimension))
        refused [ "floating point" ] (fun () -> invariants.Expand(whole invariants.Count))
        let ones length = torch.ones (2L, int64 length)
        refused [ "dense" ] (fun () -> invariants.Pool((ones representation.Dimension).to_sparse()))
        refused [ "along the last axis" ] (fun () -> invariants.Pool(ones (representation.Dimension + 1)))
        refused [ "along the last axis" ] (fun () -> invariants.Expand(torch.tensor 1f))

/// x Hᵀ for the symmetric H whose square is the average of ρ(g)ᵀ ρ(g): lengths after it are those that the group keeps.
let private orthogonal (representation: Representation) (x: torch.Tensor) =
    let forms =
        representation.Group.Elements
        |> Seq.map (fun g -> toTensor (representation.Matrix g))
        |> Seq.map (fun matrix -> matrix.t().matmul matrix)

    let form = Seq.reduce (+) forms / (float representation.Group.Order).ToScalar()

    let struct (squares, axes) = torch.linalg.eigh form
    x.matmul ((axes * squares.sqrt ()).matmul(axes.t ()))

let private group = Group.Symmetric 3

/// Two orbits of points, a sign, and points in other coordinates: a summand of each kind, with the norm's parts 0, 1, 2 and 3.
let private summands: (Representation * int list) list = [
    natural group + Representation.Trivial group, [ 0; 0; 0; 1 ]
    sign group, [ 2 ]
    skewed (Random 1) group, [ 3; 3; 3 ]
]

let private mixed = summands |> List.map fst |> List.reduce (+)

let private split (x: torch.Tensor) =
    x.split ([| for part, _ in summands -> int64 part.Dimension |], -1L)
    |> List.ofArray

[<Fact>]
let ``layer norm is its formula: centred where permuted, by the kept length elsewhere, then scaled and shifted``
    ()
    =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 4L |> ignore
    use norm = new EquivariantLayerNorm(mixed, 4L, 0.1, torch.float64)
    Assert.Equal<int64[]>([| 4L; 4L |], norm.Weight.shape)
    Assert.Equal(1.0, norm.Weight.min().item<double>())
    Assert.Equal(0.0, norm.Bias.abs().max().item<double>())
    shuffleParameters norm
    let x = batch mixed 4L torch.float64

    let normalised =
        List.zip (split x) summands
        |> List.map (fun (x, (part, _)) ->
            let epsilon = (0.1).ToScalar()

            if part.IsPermutation then
                let centred = x - x.mean ([| 1L; 2L |], true)
                centred / (centred.square().mean([| 1L; 2L |], true) + epsilon).sqrt()
            else
                let length = (orthogonal part x).square().mean([| 1L; 2L |], true)
                x / (length + epsilon).sqrt())

    let parts =
        torch.tensor [|
            for _, parts in summands do
                yield! List.map int64 parts
        |]

    let scale = norm.Weight.index_select (1L, parts)

    let expected =
        torch.cat (ResizeArray normalised, -1L) * scale
        + mixed.Invariants.Expand norm.Bias

    assertClose 1e-9 expected (norm.call x)

    // Nothing to normalise is no division by zero.
    Assert.True((norm.call (torch.zeros_like x)).isfinite().all().item<bool>())

[<Fact>]
let ``the nonlinearity is its formula: the function where permuted, a gate by the kept length elsewhere`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore

    use layer =
        new EquivariantNonlinearity(mixed, 4L, (fun x -> torch.tanh x), torch.float64)

    let x = batch mixed 4L torch.float64

    let gated (slope: torch.Tensor) (shift: torch.Tensor) (part: Representation) (x: torch.Tensor) =
        let length = (orthogonal part x).square().mean([| 2L |], true).sqrt()
        x * 2.0.ToScalar() * (slope * (length - 1.0.ToScalar()) + shift).sigmoid()

    // At first a vector of mean square one comes out as it went in.
    let kept = orthogonal (fst summands[2]) (List.last (split x))
    let one = x / kept.square().mean([| 2L |], true).sqrt()
    assertClose 1e-6 (List.last (split one)) (List.last (split (layer.call one)))
    shuffleParameters layer

    let parameters =
        layer.parameters () |> Seq.map (fun p -> p :> torch.Tensor) |> List.ofSeq

    let slope, shift = parameters[0], parameters[1]

    let parts = split x

    let expected = [
        torch.tanh parts[0]
        gated slope.[0L] shift.[0L] (fst summands[1]) parts[1]
        gated slope.[1L] shift.[1L] (fst summands[2]) parts[2]
    ]

    assertClose 1e-6 (torch.cat (ResizeArray expected, -1L)) (layer.call x)

    // At zero the length has no slope of its own; what the layer gives has to have one.
    let zero = (torch.zeros_like x).requires_grad_()
    (layer.call zero).sum().backward()
    Assert.True((zero.grad |> Option.ofObj |> Option.get).isfinite().all().item<bool>())

[<Fact>]
let ``readouts give the root mean square of what is not permuted, with a slope at zero`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 6L |> ignore
    let x = batch mixed 4L torch.float64
    use layer = new InvariantReadout(mixed, 4L)
    let y = layer.call x
    let kept = orthogonal (fst summands[2]) (List.last (split x))
    let last = kept.square().mean([| 2L |], true).sqrt()
    assertClose 1e-6 last (y.narrow (2L, y.shape[2] - 1L, 1L))
    assertClose 1e-6 ((x.narrow (2L, 4L, 1L)).abs()) (y.narrow (2L, 2L, 1L))
    assertClose 1e-9 (x.narrow (2L, 3L, 1L)) (y.narrow (2L, 1L, 1L))
    let zero = (torch.zeros_like x).requires_grad_()
    (layer.call zero).sum().backward()
    Assert.True((zero.grad |> Option.ofObj |> Option.get).isfinite().all().item<bool>())

[<Fact>]
let ``a residual connection adds`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 7L |> ignore
    let inner = new EquivariantLinear(mixed, mixed, 4L, 4L, dtype = torch.float64)
    use layer = new Residual(inner)
    let x = batch mixed 4L torch.float64
    assertClose 1e-12 (x + inner.call x) (layer.call x)

[<Fact>]
let ``dropout draws anew for every row, channel and orbit`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 8L |> ignore
    let points = natural group + Representation.Trivial group
    use layer = new EquivariantDropout(points, 60L, 0.3)

    let kept =
        (layer.call (torch.ones (50L, 60L, 4L))).gt(0f.ToScalar()).``to`` torch.float64

    Assert.InRange(kept.mean().item<double>(), 0.65, 0.75)
    let first, second = kept.select (2L, 0L), kept.select (2L, 3L)

    // Two independent draws agree with probability 0.3² + 0.7²; the same draw always does.
    let all = [
        first, second
        first.narrow (0L, 0L, 49L), first.narrow (0L, 1L, 49L)
        first.narrow (1L, 0L, 59L), first.narrow (1L, 1L, 59L)
    ]

    for one, other in all do
        Assert.InRange((one.eq other).``to``(torch.float64).mean().item<double>(), 0.53, 0.63)

[<Fact>]
let ``fresh layers have weights of the size that they say, and biases of zero`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    torch.manual_seed 9L |> ignore
    let double = torch.float64

    let size (tensor: torch.Tensor) =
        tensor.square().mean().sqrt().item<double>()

    let two = natural group + Representation.Trivial group

    for gain in [ 1.0; 3.0 ] do
        use pooled = new InvariantSymmetricLinear(two, two, 32L, 40L, true, gain, double)
        Assert.InRange(size pooled.Weight, 0.95 * gain / sqrt 64.0, 1.05 * gain / sqrt 64.0)
        Assert.Equal(0.0, size (pooled.Bias |> Option.ofObj |> Option.get))
        use linear = new EquivariantLinear(two, two, 32L, 40L, true, gain, double)
        let x = torch.randn ([| 64L; 32L; 4L |], dtype = double)
        Assert.InRange(size (linear.call x) / size x, 0.9 * gain, 1.1 * gain)
        Assert.Equal(0.0, size (linear.Bias |> Option.ofObj |> Option.get))

    // Several inputs: three in one factor with the output, one alone. Together they keep the variance of invariant inputs, and of white noise
    // those in the factor do.
    let port name factor = Port(name, two, 32L, factor)

    let inputs = [| port "a" "f"; port "b" "f"; port "c" "f"; port "d" "d" |]

    use layer = new MultiInputLinear(inputs, [| port "a" "f" |], dtype = double)
    Assert.Equal(0.0, size (layer.BiasOf 0 |> Option.ofObj |> Option.get))

    let alike () =
        (torch.randn ([| 64L; 32L; 2L |], dtype = double)).index_select(2L, torch.tensor [| 0L; 0L; 0L; 1L |])

    let fixed' = (layer.call [| for _ in inputs -> alike () |])[0]
    Assert.InRange(size fixed', 0.8, 1.2)

    let white () =
        torch.randn ([| 64L; 32L; 4L |], dtype = double)

    let centred (x: torch.Tensor) =
        x - two.Invariants.Expand(two.Invariants.Pool x)

    let noise = (layer.call [| for _ in inputs -> centred (white ()) |])[0]

    // Of the first three coordinates two are not invariant; the fourth has no such part.
    Assert.InRange(size (noise.narrow (2L, 0L, 3L)), 0.9 * sqrt (2.0 / 3.0), 1.1 * sqrt (2.0 / 3.0))
