module Equivariant.Tests.Layers.MultiInputLinearTests

open System
open System.IO
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Core.Serialization
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

let private vector n =
    Representation.Trivial(Group.Trivial(), n)

let private shuffleParameters (layer: torch.nn.Module) =
    use _ = torch.no_grad ()

    for parameter in layer.parameters () do
        parameter.copy_ (torch.randn_like parameter) |> ignore

let private random (port: Port) =
    torch.randn ([| 2L; port.Channels; int64 port.Representation.Dimension |], dtype = torch.float64)

/// One element for each factor, drawn uniformly.
let private draw (random: Random) (ports: Port seq) =
    ports
    |> Seq.distinctBy _.Factor
    |> Seq.map (fun port -> port.Factor, port.Representation.Group.Random random)
    |> Map

let private actAll (elements: Map<string, GroupElement>) (ports: Port seq) (tensors: torch.Tensor[]) =
    Seq.map2 (fun (port: Port) x -> act port.Representation elements[port.Factor] x) ports tensors
    |> Seq.toArray

let private check seed (layer: MultiInputLayer) =
    let random' = Random(seed: int)
    let x = [| for port in layer.Inputs -> random port |]
    let y = layer.call x

    for _ in 1..6 do
        let elements = draw random' (Seq.append layer.Inputs layer.Outputs)
        let moved = layer.call (actAll elements layer.Inputs x)

        for expected, actual in Seq.zip (actAll elements layer.Outputs y) moved do
            assertClose 1e-9 expected actual

/// An image under C4, a set under S3, a signed thing under S3 and a plain vector.
let private ports =
    let c4, s3 = Group.Cyclic 4, Group.Symmetric 3

    [|
        Port("image", Representation.Regular c4, 2L)
        Port("set", natural s3 + Representation.Trivial s3, 1L)
        Port("signed", sign s3 + natural s3, 2L)
        Port("vector", vector 3, 2L)
    |]

let private layer () =
    MultiInputLayer.Linear(ports, ports, dtype = torch.float64)

[<Property(MaxTest = 5)>]
let ``layers commute with independent elements of all factors`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    use layer = layer ()
    shuffleParameters layer
    check seed layer

[<Fact>]
let ``parameters are as many as the theory says, and the table shows both`` () =
    use layer = layer ()
    Assert.Equal(layer.TheoreticalDimension, Nullable layer.FreeParameters)

    Assert.All(
        layer.Blocks,
        (fun block -> Assert.Equal(block.TheoreticalDimension, Nullable block.FreeParameters))
    )

    Assert.Equal(16 + 4, layer.Blocks.Count)

    // image → image: 4 maps × 2 × 2 channels; image → set: 1 · 2 invariants × 2 · 1 channels.
    let block output input =
        layer.Blocks
        |> Seq.find (fun block -> block.Block.Edges[0] = struct (input, output))

    Assert.Equal(
        (BlockKind.Equivariant, 16L),
        ((block "image" "image").Block.Kind, (block "image" "image").FreeParameters)
    )

    Assert.Equal(
        (BlockKind.InvariantSymmetric, 4L),
        ((block "set" "image").Block.Kind, (block "set" "image").FreeParameters)
    )

    let total = string layer.FreeParameters
    Assert.Contains(total + " free", layer.Describe())
    Assert.Contains(total + " in theory", layer.Describe())

/// The dimension of all maps between the sums of the ports, by averaging over the product of their groups.
let private bruteForce (ports: Port[]) =
    use scope = torch.NewDisposeScope()
    let factors = ports |> Array.map _.Factor |> Array.distinct

    let group =
        Group.Direct [|
            for factor in factors ->
                (ports |> Array.find (fun port -> port.Factor = factor)).Representation.Group
        |]

    let matrix (g: GroupElement) =
        torch.block_diag [|
            for port in ports ->
                toTensor (port.Representation.Matrix(group.Project(Array.IndexOf(factors, port.Factor), g)))
        |]

    let n = ports |> Array.sumBy _.Representation.Dimension |> int64
    let random = torch.randn ([| n * n; n; n |], dtype = torch.float64)

    let sum =
        group.Elements
        |> Seq.map (fun g -> (matrix g).matmul(random).matmul(matrix (g.Inverse())))
        |> Seq.reduce (+)

    rank (sum / (double group.Order).ToScalar())

[<Fact>]
let ``the layer is all maps that commute with the product of the groups`` () =
    let s2, c3 = Group.Symmetric 2, Group.Cyclic 3

    for ports in
        [
            [|
                Port("a", Representation.Regular c3)
                Port("b", natural s2)
                Port("c", vector 2)
            |]
            // Equal groups: independent copies, and one group that moves both together.
            [| Port("a", natural s2); Port("b", natural s2) |]
            [|
                Port("a", natural s2, factor = "both")
                Port("b", sign s2 + natural s2, factor = "both")
                Port("c", natural s2)
            |]
        ] do
        use layer = MultiInputLayer.Linear(ports, ports, false, dtype = torch.float64)
        Assert.Equal(int64 (bruteForce ports), layer.FreeParameters)
        check 1 layer

[<Fact>]
let ``one group that acts on several inputs together allows more maps than independent copies`` () =
    let points = natural (Group.Symmetric 3)

    let count factor =
        let ports = [| Port("a", points, factor = factor 0); Port("b", points, factor = factor 1) |]
        MultiInputLayer.Linear(ports, ports, false).FreeParameters

    // 4 blocks of 2 maps; or 2 equivariant blocks of 2 and 2 invariant-symmetric ones of 1.
    Assert.Equal(8L, count (fun _ -> "together"))
    Assert.Equal(6L, count (fun i -> $"copy {i}"))

[<Fact>]
let ``families are also equivariant to exchanging their members, together and independently`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore
    let points = natural (Group.Symmetric 3)

    for factor, expected in
        [
            // DSS: two blocks of 2 maps; independent copies: 2 maps and 1. Then to and from a vector of 2, and its own 4.
            (fun (_: int) -> "shared"), 2L + 2L + 2L + 2L + 4L
            (fun i -> $"factor {i}"), 2L + 1L + 2L + 2L + 4L
        ] do
        let ports = [|
            for i in 0..2 do
                Port($"view {i}", points, factor = factor i, family = "views")

            Port("vector", vector 2)
        |]

        use layer = MultiInputLayer.Linear(ports, ports, false, dtype = torch.float64)
        Assert.Equal(expected, layer.FreeParameters)
        Assert.Equal(Nullable expected, layer.TheoreticalDimension)
        shuffleParameters layer
        check 2 layer
        let x = ports |> Array.map random
        let exchange (tensors: torch.Tensor[]) = [| tensors[2]; tensors[0]; tensors[1]; tensors[3] |]

        for expected, actual in Seq.zip (exchange (layer.call x)) (layer.call (exchange x)) do
            assertClose 1e-12 expected actual

[<Fact>]
let ``inputs and outputs may be different`` () =
    use scope = torch.NewDisposeScope()
    let s3 = Group.Symmetric 3

    let inputs = [|
        Port("set", natural s3, 2L)
        Port("graph", (natural (Group.Symmetric 4)).Power 2)
    |]

    let outputs = [|
        Port("set", (natural s3).Power 2)
        Port("class", Representation.Trivial(Group.Trivial()), 5L)
    |]

    use layer = MultiInputLayer.Linear(inputs, outputs, dtype = torch.float64)
    shuffleParameters layer
    check 3 layer
    Assert.Equal(layer.TheoreticalDimension, Nullable layer.FreeParameters)

[<Fact>]
let ``a dense layer gives the same outputs`` () =
    use scope = torch.NewDisposeScope()
    use layer = layer ()
    shuffleParameters layer
    let x = ports |> Array.map random

    let flat (tensors: torch.Tensor[]) =
        torch.cat ([| for tensor in tensors -> tensor.flatten 1L |], 1L)

    assertClose 1e-12 (flat (layer.call x)) (layer.ToDense().call(flat x))

let private network () =
    let hidden = [| for port in ports -> Port(port.Name, port.Representation, 4L) |]

    let active (ports: Port[]) =
        new PerPort(
            ports,
            [|
                for port in ports ->
                    new EquivariantNonlinearity(port.Representation, port.Channels, dtype = torch.float64)
            |]
        )

    new MultiInputNetwork(
        MultiInputLayer.Linear(ports, hidden, dtype = torch.float64),
        active hidden,
        MultiInputLayer.Linear(hidden, ports, dtype = torch.float64)
    )

[<Fact>]
let ``a whole network is equivariant, saves to safetensors and loads back`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore
    use first = network ()
    use second = network ()
    let x = ports |> Array.map random
    let elements = draw (Random 1) ports

    for expected, actual in
        Seq.zip (actAll elements ports (first.call x)) (first.call (actAll elements ports x)) do
        assertClose 1e-9 expected actual

    let path =
        Path.Combine(Path.GetTempPath(), $"equivariant-{Guid.NewGuid():N}.safetensors")

    try
        Safetensors.Save(path, first, dict [ "kind", "test" ] |> Collections.Generic.Dictionary)
        Assert.True(distance (first.call(x)[0]) (second.call(x)[0]) > 1e-3)
        Assert.Equal("test", (Safetensors.Load(path, second))["kind"])

        for expected, actual in Seq.zip (first.call x) (second.call x) do
            Assert.Equal(0.0, distance expected actual)

        use other = layer ()
        refused [ "has no tensor" ] (fun () -> Safetensors.Load(path, other))
    finally
        File.Delete path

[<Fact>]
let ``ten layers keep the variance of every input`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    torch.manual_seed 6L |> ignore
    let wide = [| for port in ports -> Port(port.Name, port.Representation, 32L) |]
    let start = wide |> Array.map random

    let finish =
        Seq.fold (fun x _ -> (MultiInputLayer.Linear(wide, wide, dtype = torch.float64)).call x) start [
            1..10
        ]

    let size (tensors: torch.Tensor[]) =
        tensors |> Array.sumBy (fun x -> x.square().sum().item<double>())

    Assert.InRange(size finish / size start, 0.15, 5.0)

[<Fact>]
let ``what does not fit is refused, naming the layer and the port`` () =
    let s3, s4 = Group.Symmetric 3, Group.Symmetric 4
    use layer = layer ()
    let good () = ports |> Array.map random
    let make inputs outputs = MultiInputLayer.Linear(inputs, outputs)
    let set = Port("set", natural s3)
    refused [ "4 inputs"; "3 tensors" ] (fun () -> layer.call (Array.take 3 (good ())))

    refused [ "'set'"; "[B, 1, 4]"; "[2, 1, 5]" ] (fun () ->
        layer.call (Array.updateAt 1 (torch.zeros ([| 2L; 1L; 5L |], dtype = torch.float64)) (good ())))

    refused [ "'image'"; "Float64"; "Float32" ] (fun () ->
        layer.call (Array.updateAt 0 (torch.zeros (2L, 2L, 4L)) (good ())))

    refused [ "'image' has 2 rows"; "'vector' 3" ] (fun () ->
        layer.call (Array.updateAt 3 (torch.zeros ([| 3L; 2L; 3L |], dtype = torch.float64)) (good ())))

    refused [ "'set'"; "differ" ] (fun () -> make [| set; set |] [| set |])
    refused [ "at least one input" ] (fun () -> make [||] [| set |])

    refused [ "factor 'shared'"; "S3"; "S4" ] (fun () ->
        make [|
            Port("a", natural s3, factor = "shared")
            Port("b", natural s4, factor = "shared")
        |] [| set |])

    refused [ "family 'views'"; "differ" ] (fun () ->
        make [|
            Port("a", natural s3, family = "views")
            Port("b", natural s3, 2L, family = "views")
        |] [| set |])

    refused [ "family 'views'"; "factors" ] (fun () ->
        make [|
            Port("a", natural s3, family = "views")
            Port("b", natural s3, family = "views")
        |] [|
            Port("b", natural s3, family = "views")
            Port("a", natural s3, family = "views")
        |])

    refused [ "Layer 2 (MultiInputLayer), input 'set'"; "S4"; "S3" ] (fun () ->
        new MultiInputNetwork(
            make [| set |] [| set |],
            make [| Port("set", natural s4) |] [| Port("set", natural s4) |]
        ))

    refused [ "PerPort"; "S3"; "S4" ] (fun () ->
        new PerPort([| set |], [| new EquivariantNonlinearity(natural s4) |]))
