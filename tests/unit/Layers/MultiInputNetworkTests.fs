module Equivariant.Tests.Layers.MultiInputNetworkTests

open System
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Orbits
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.ToyModels
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c4, s3, c2 = Group.Cyclic 4, Group.Symmetric 3, Group.Cyclic 2

/// 3 × 3 images turned by quarters, sets of three, sentences over five words of which two pairs swap, and plain vectors.
let private turn =
    PermutationAction(c4, 9, [| [| for p in 0..8 -> (p % 3) * 3 + 2 - p / 3 |] |], "pixels")

let private image = Port("image", AxisAction(turn, -2, -1))
let private set = Port("set", AxisAction(PermutationAction.Natural s3, -2))

let private words =
    Port("words", TokenAction(PermutationAction(c2, 5, [| [| 1; 0; 3; 2; 4 |] |])))

let private logits =
    Port("logits", AxisAction((words.Action :?> TokenAction).Vocabulary, -1), factor = "words")

let private vector = Port("vector", TrivialAction(Group.Trivial()))

let private inputs = [| image; set; words; vector |]
let private outputs = [| image; set; logits; vector |]

let private sample (random: Random) batch =
    torch.manual_seed (int64 (random.Next())) |> ignore

    [|
        torch.randn ([| batch; 1L; 3L; 3L |], dtype = torch.float64)
        torch.randn ([| batch; 3L; 2L |], dtype = torch.float64)
        tokens random 0 5 [ batch; 4L ]
        torch.randn ([| batch; 6L |], dtype = torch.float64)
    |]

let private shapes = [ [ 1L; 3L; 3L ]; [ 3L; 2L ]; [ 5L ]; [ 6L ] ]

/// A perceptron that also takes tokens.
type private OnAnything(size: int64, output: int64 list) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("anything")
    let inner = new Perceptron(size, output, torch.float64)
    do this.RegisterComponents()
    member _.Meter = inner.Meter
    override _.forward x = inner.call (x.``to`` torch.float64)

let private sizes = [ 9L; 6L; 4L; 6L ]

let private actOn (elements: GroupElement[]) (ports: Port[]) (tensors: torch.Tensor[]) =
    Array.map3 (fun g (port: Port) x -> port.Action.Apply(g, x)) elements ports tensors

/// Equivariant blocks on the diagonal and invariant-symmetric ones off it.
let private network () =
    let models = Array2D.init 4 4 (fun i j -> new OnAnything(sizes[j], shapes[i]))

    let blocks = [|
        for i in 0..3 do
            for j in 0..3 do
                if i = j then
                    Block.Equivariant(inputs[j].Name, outputs[i].Name, models[i, j])
                else
                    Block.InvariantSymmetric(inputs[j].Name, outputs[i].Name, models[i, j])
    |]

    models, new MultiInputLayer(inputs, outputs, blocks)

[<Fact>]
let ``networks on images, sets, sentences and vectors are equivariant under all groups at once`` () =
    use scope = torch.NewDisposeScope()
    let random = Random 1
    let _, network = network ()
    let x = sample random 3L
    let y = network.call x

    for _ in 1..12 do
        let elements = [| for port in inputs -> port.Action.Group.Random random |]

        for expected, actual in Array.zip (actOn elements outputs y) (network.call (actOn elements inputs x)) do
            assertClose 1e-9 expected actual

[<Fact>]
let ``an output depends on every input, so that equivariance is not had by ignoring them`` () =
    use scope = torch.NewDisposeScope()
    let _, network = network ()
    let x, other = sample (Random 2) 2L, sample (Random 3) 2L
    let y = network.call x

    for j in 0..3 do
        for before, after in Array.zip y (network.call (Array.updateAt j other[j] x)) do
            Assert.True(distance before after > 1e-6, $"input {j}")

[<Fact>]
let ``the cost is the sum over blocks of the order of the input's group`` () =
    use scope = torch.NewDisposeScope()
    let models, network = network ()
    network.call (sample (Random 4) 5L) |> ignore
    let orders = [ 4; 6; 2; 1 ]
    Assert.Equal(int64 (4 * List.sum orders), network.EvaluationsPerInput)

    for i in 0..3 do
        for j in 0..3 do
            Assert.Equal((1, int64 (5 * orders[j])), (models[i, j].Meter.Calls, models[i, j].Meter.Rows))

/// A layer of one invariant-symmetric block.
let private single from into (terms: QuotientTerm seq) (evaluation: Evaluation) model =
    let terms = if Seq.isEmpty terms then null else Array.ofSeq terms

    new MultiInputLayer(
        [| from |],
        [| into |],
        [| Block.InvariantSymmetric(from.Name, into.Name, model, terms, evaluation) |]
    )

[<Fact>]
let ``an invariant-symmetric block is what its formula says, at the input's order`` () =
    use scope = torch.NewDisposeScope()
    let model = new OnAnything(6L, [ 1L; 3L; 3L ])
    use block = single set image [] Evaluation.Plain model
    let x = (sample (Random 5) 2L)[1]

    let mean =
        Seq.reduce (+) [ for g in s3.Elements -> model.call (set.Action.Apply(g, x)) ]
        / 6.0.ToScalar()

    let expected =
        Seq.reduce (+) [ for g in c4.Elements -> image.Action.Apply(g, mean) ]
        / 4.0.ToScalar()

    let before = model.Meter.Rows
    assertClose 1e-12 expected (block.call [| x |] |> Array.head)
    Assert.Equal(6L * 2L, model.Meter.Rows - before)
    Assert.Equal(6L, block.EvaluationsPerInput)

    // In distinct rows, a set of three equal members costs one evaluation.
    use block = single set image [] (Evaluation(Distinct = true)) model
    let before = model.Meter.Rows
    block.call [| torch.ones ([| 2L; 3L; 2L |], dtype = torch.float64) |] |> ignore
    Assert.Equal(1L, model.Meter.Rows - before)

[<Fact>]
let ``an invariant-symmetric block takes kernels as an equivariant one does`` () =
    use scope = torch.NewDisposeScope()
    let model = new OnAnything(6L, [ 1L; 3L; 3L ])
    let threes = s3.NormalClosure [| s3.Generators[0] * s3.Generators[1] |]
    use block = single set image [ QuotientTerm.Of(s3, threes) ] Evaluation.Plain model
    Assert.Equal(int64 (6I / threes.Order), block.EvaluationsPerInput)
    let x = (sample (Random 15) 2L)[1]
    let y = block.call [| x |] |> Array.head
    Assert.True(y.std().item<double>() > 1e-6)

    for g in s3.Elements do
        assertClose 1e-9 y (block.call [| set.Action.Apply(g, x) |] |> Array.head)

    for g in c4.Elements do
        assertClose 1e-9 y (image.Action.Apply(g, y))

[<Fact>]
let ``a residual connection adds the input`` () =
    use scope = torch.NewDisposeScope()
    let model = new OnAnything(9L, [ 1L; 3L; 3L ])
    let shaped = Port("image", image.Action, [| 1L; 3L; 3L |])
    let block = Block.Equivariant("image", "image", model)
    let edge = Block.EachToItself [ "image" ]
    use plain = new MultiInputLayer([| shaped |], [| shaped |], [| block |])

    use residual =
        new MultiInputLayer([| shaped |], [| shaped |], [| block; Block.Skip edge |])

    let x = (sample (Random 16) 2L)[0]
    assertClose 1e-12 (plain.call([| x |])[0] + x) (residual.call([| x |])[0])

[<Fact>]
let ``an equivariant block can be a quotient design`` () =
    use scope = torch.NewDisposeScope()
    let half = c4.Subgroup [| c4.Element 2 |]
    let model = new OnAnything(9L, [ 1L; 3L; 3L ])

    use network =
        new MultiInputLayer(
            [| image |],
            [| image |],
            [|
                Block.Equivariant("image", "image", model, [| QuotientTerm.Of(c4, half) |])
            |]
        )

    Assert.Equal(2L, network.EvaluationsPerInput)
    let x = [| (sample (Random 6) 2L)[0] |]
    let y = network.call x

    for g in c4.Elements do
        assertClose
            1e-9
            (image.Action.Apply(g, y[0]))
            (Array.head (network.call [| image.Action.Apply(g, x[0]) |]))

let private averaged model =
    WrapModel(fun input output -> new Equitune(model, input, output))

/// One model for each port on itself, and one for what the ports tell each other.
let private exchangeable (ports: Port[]) equivariant invariant =
    let names = [| for port in ports -> port.Name |]

    new MultiInputLayer(
        ports,
        ports,
        [|
            Block.Equivariant(Block.EachToItself names, averaged equivariant)
            Block.InvariantSymmetric(Block.EachToOthers names, averaged invariant)
        |]
    )

[<Fact>]
let ``exchangeable inputs may also be exchanged, with the models shared`` () =
    use scope = torch.NewDisposeScope()
    let ports = [| for i in 0..2 -> Port($"view {i}", image.Action) |]

    let equivariant, invariant =
        new OnAnything(9L, [ 1L; 3L; 3L ]), new OnAnything(9L, [ 1L; 3L; 3L ])

    use network = exchangeable ports equivariant invariant

    let random = Random 7
    let x = [| for _ in ports -> (sample random 2L)[0] |]
    let y = network.call x
    // Once for each source, not for each receiver, and all sources in one call.
    Assert.Equal(int64 (3 * 4 + 3 * 4), network.EvaluationsPerInput)
    Assert.Equal((1, 2L * 3L * 4L), (invariant.Meter.Calls, invariant.Meter.Rows))

    // Two perceptrons of two layers, each parameter once: an optimiser must not step twice.
    Assert.Equal(8, Seq.length (network.parameters ()))
    let exchange (tensors: torch.Tensor[]) = [| tensors[1]; tensors[2]; tensors[0] |]

    for expected, actual in Array.zip (exchange y) (network.call (exchange x)) do
        assertClose 1e-12 expected actual

    let elements = [| for _ in ports -> c4.Random random |]

    for expected, actual in Array.zip (actOn elements ports y) (network.call (actOn elements ports x)) do
        assertClose 1e-9 expected actual

[<Fact>]
let ``a shared invariant-symmetric model is evaluated once for each input, however many outputs read it`` () =
    use scope = torch.NewDisposeScope()
    let d4 = Group.Dihedral 4

    let view i =
        Port($"view {i}", AxisAction(GridActions.Symmetries(d4, 3, 3), -2, -1))

    let ports = Array.init 10 view

    let equivariant, invariant =
        new OnAnything(9L, [ 1L; 3L; 3L ]), new OnAnything(9L, [ 1L; 3L; 3L ])

    use network = exchangeable ports equivariant invariant

    let random = Random 8
    let x = [| for _ in ports -> (sample random 2L)[0] |]
    let y = network.call x
    Assert.Equal(10L * 8L + 10L * 8L, network.EvaluationsPerInput)
    Assert.Equal(2L * 80L, equivariant.Meter.Rows)
    Assert.Equal(2L * 80L, invariant.Meter.Rows)

    // The values are the sums of the formula, block by block.
    for i in 0..9 do
        let blocks = [
            for j in 0..9 ->
                if i = j then
                    (new Equitune(equivariant, ports[i].Action, ports[i].Action)).call x[i]
                else
                    (new InvariantSymmetricBlock(invariant, ports[j].Action, ports[i].Action)).call x[j]
        ]

        assertClose 1e-12 (List.reduce (+) blocks) y[i]

    // One block to outputs that are alike, though they move differently than the input or not at all.
    let wide = new OnAnything(9L, [ 1L; 3L; 3L ])
    let other = Port("other", image.Action)

    use fan =
        new MultiInputLayer(
            [| image |],
            [| image; other |],
            [|
                Block.InvariantSymmetric(
                    [| struct ("image", "image"); struct ("image", "other") |],
                    averaged wide
                )
            |]
        )

    let x = [| (sample random 2L)[0] |]
    fan.call x |> ignore
    Assert.Equal(4L, fan.EvaluationsPerInput)
    Assert.Equal(2L * 4L, wide.Meter.Rows)

[<Fact>]
let ``a model that loses or doubles rows is refused`` () =
    use scope = torch.NewDisposeScope()
    let x = (sample (Random 9) 2L)[0]

    for change in
        [
            (fun (rows: torch.Tensor) -> torch.cat ([| rows; rows |], 0L))
            (fun rows -> rows.narrow (0L, 0L, rows.shape[0] / 2L))
            (fun rows -> rows.sum ())
        ] do
        let model = {
            new Model("model") with
                override _.forward rows = change rows
        }

        use block = new InvariantSymmetricBlock(model, image.Action, image.Action)
        refused [ "8 rows"; "one value for each row" ] (fun () -> block.call x)

[<Fact>]
let ``matrices act on outputs too`` () =
    use scope = torch.NewDisposeScope()
    let quarter = array2D [ [ 0.0; -1.0 ]; [ 1.0; 0.0 ] ]

    let direction =
        Port("direction", MatrixAction(Representation.Of(c4, [| quarter |])), factor = "image")

    let model = new OnAnything(9L, [ 2L ])
    let from = Port("image", image.Action)

    use network =
        new MultiInputLayer([| from |], [| direction |], [| Block.Equivariant("image", "direction", model) |])

    let x = (sample (Random 8) 2L)[0]
    let y = (network.call [| x |])[0]

    for g in c4.Elements do
        assertClose
            1e-9
            (direction.Action.Apply(g, y))
            (Array.head (network.call [| image.Action.Apply(g, x) |]))

[<Fact>]
let ``what does not fit is refused in a sentence`` () =
    let model: Model = new OnAnything(9L, [ 5L ])

    let make inputs outputs blocks =
        new MultiInputLayer(inputs, outputs, blocks)

    refused [ "no block"; "'image'" ] (fun () -> make [| image |] [| image |] [||])

    refused [ "the input 'imgae'"; "'image'" ] (fun () ->
        make [| image |] [| image |] [| Block.Equivariant("imgae", "image", model) |])

    refused [ "'image'"; "'set'"; "moved independently" ] (fun () ->
        make [| image |] [| set |] [| Block.Equivariant("image", "set", model) |])

    refused [ "factor 'f'"; "C4"; "S3" ] (fun () ->
        make [| Port("a", image.Action, factor = "f") |] [| Port("b", set.Action, factor = "f") |] [|
            Block.Equivariant("a", "b", model)
        |])

    refused [ "called 'image'" ] (fun () ->
        make [| image; image |] [| image |] [| Block.Equivariant("image", "image", model) |])

    refused [ "not linear" ] (fun () -> single image words [] Evaluation.Plain model)

    refused [ "479001600 evaluations"; "1048576" ] (fun () ->
        let large = Group.Symmetric 12

        single
            (Port("large", AxisAction(PermutationAction.Natural large, -1)))
            image
            []
            Evaluation.Plain
            model)

    let _, network = network ()
    let x = sample (Random 9) 2L
    refused [ "4 inputs"; "1 tensors" ] (fun () -> network.call [| x[0] |])
    refused [ "'set'"; "batch axis" ] (fun () -> network.call (Array.updateAt 1 (torch.tensor 1.0) x))
    refused [ "'image'"; "dense" ] (fun () -> network.call (Array.updateAt 0 (x[0].to_sparse()) x))
    refused [ "one batch size" ] (fun () -> network.call (Array.updateAt 1 (torch.zeros (3L, 3L, 2L)) x))

let private turned name shape =
    Port(name, AxisAction(PermutationAction.Natural c4, -1), (shape: int64[]))

let private asIs (f: torch.Tensor -> torch.Tensor) =
    WrapModel(fun _ _ -> {
        new Model("model") with
            override _.forward rows = f rows
    })

[<Fact>]
let ``a block that gives other rows or another shape than its output takes is refused by name`` () =
    use scope = torch.NewDisposeScope()
    let a, b = turned "a" [| 2L; 4L |], turned "b" [| 2L; 4L |]

    let call change =
        let edges = [| struct ("a", "a"); struct ("b", "b") |]

        use layer =
            new MultiInputLayer([| a; b |], [| a; b |], [| Block.Equivariant(edges, asIs change) |])

        layer.call [| torch.ones (3L, 2L, 4L); torch.ones (3L, 2L, 4L) |]

    refused [ "'eq_a'"; "[1, 2, 4]"; "6 rows" ] (fun () -> call (fun x -> x.mean ([| 0L |], true)))
    refused [ "'eq_a'"; "[6, 4]"; "'a'"; "[B, 2, 4]" ] (fun () -> call (fun x -> x.mean [| 1L |]))
    refused [ "'eq_a'"; "batch axis" ] (fun () -> call _.sum())
    refused [ "'eq_a'"; "null" ] (fun () -> call (fun _ -> null))

    use linear = MultiInputLayer.Linear([| a |], [| a |])
    refused [ "input 'a'"; "null" ] (fun () -> linear.call [| null |])

[<Fact>]
let ``a network may read whole numbers and keep its own type beside linear maps of another`` () =
    use scope = torch.NewDisposeScope()

    let still, places =
        Port("still", TrivialAction c2), Port("places", AxisAction(PermutationAction.Natural c4, -1))

    let a, b = turned "a" [| 4L |], turned "b" [| 4L |]
    let reads: Model = new OnAnything(4L, [ 4L ])
    let narrow = torch.nn.Linear(4L, 4L, dtype = torch.float32)

    use layer =
        new MultiInputLayer(
            [| still; places; a; b |],
            [| a; b |],
            [|
                Block.Equivariant("a", "a", narrow)
                Block.InvariantSymmetric("still", "b", reads)
                Block.InvariantSymmetric("places", "b", reads)
                Block.EquivariantLinear [| struct ("b", "b") |]
            |],
            dtype = torch.float64
        )

    let whole = torch.ones (2L, 4L, dtype = torch.int64)

    let x = [|
        whole
        whole
        torch.ones (2L, 4L)
        torch.ones (2L, 4L, dtype = torch.float64)
    |]

    Assert.All(layer.call x, (fun y -> Assert.Equal<int64[]>([| 2L; 4L |], y.shape)))
    refused [ "input 'b'"; "Int64" ] (fun () -> layer.call (Array.updateAt 3 whole x))
    refused [ "input 'b'"; "Float64"; "Float32" ] (fun () -> layer.call (Array.updateAt 3 x[2] x))

[<Fact>]
let ``what a residual connection gives is not the caller's tensor`` () =
    let a = turned "a" [| 4L |]

    use layer =
        new MultiInputLayer([| a |], [| a |], [| Block.Skip [| struct ("a", "a") |] |])

    use x = torch.ones (1L, 4L)
    let y = (layer.call [| x |])[0]
    Assert.NotSame(x, y)
    y.Dispose()
    Assert.False x.IsInvalid

[<Fact>]
let ``children have names of their own, however ports are called`` () =
    let ports = [|
        for name in [ "a"; "a_b"; "a.b"; "b_c"; "c"; "b" ] -> turned name [| 1L; 4L |]
    |]

    use layer = MultiInputLayer.Linear(ports, ports)
    // Six maps on a port's own circle of four, and one between any two, and a bias each.
    Assert.Equal(6L * 4L + 6L * 5L + 6L, layer.FreeParameters)
    Assert.Equal(layer.Blocks.Count, layer.state_dict().Count)

    use norms =
        PerPort.Of(ports, (fun port -> new EquivariantLayerNorm(port.Representation)))

    Assert.Equal(2 * ports.Length, norms.state_dict().Count)

    refused [ "without a name" ] (fun () -> MultiInputLayer.Linear([| turned "" [| 4L |] |], ports))

[<Fact>]
let ``a residual connection is a part of a dense layer`` () =
    use scope = torch.NewDisposeScope()
    let a = turned "a" [| 2L; 4L |]
    let edges = [| struct ("a", "a") |]

    use layer =
        new MultiInputLayer(
            [| a |],
            [| a |],
            [| Block.Skip edges; Block.EquivariantLinear edges; Block.Bias [| "a" |] |]
        )

    let x = torch.rand (3L, 2L, 4L)
    let y = layer.call [| x |]
    assertClose 1e-6 (y[0].flatten 1L) (layer.ToDense().call(x.flatten 1L))

    use nothing = new MultiInputLayer([| a |], [| a |], [| Block.Skip edges |])
    assertClose 0.0 (torch.eye 8L) (nothing.ToDense().weight)

[<Fact>]
let ``members of a family cannot be exchanged where a factor of one moves what is outside`` () =
    let member' name factor =
        Port(name, AxisAction(PermutationAction.Natural c4, -1), [| 4L |], factor, "v")

    let outside =
        Port("x", AxisAction(PermutationAction.Natural c4, -1), [| 4L |], "first")

    let apart = [| member' "v1" "first"; member' "v2" "second"; outside |]
    refused [ "'first'"; "family 'v'"; "'x'" ] (fun () -> Block.AllLinear(apart, apart))

    let together = [| member' "v1" "first"; member' "v2" "first"; outside |]
    Assert.NotEmpty(Block.AllLinear(together, together))
