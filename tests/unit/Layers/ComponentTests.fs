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
