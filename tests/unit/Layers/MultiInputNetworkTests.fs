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

let private image = NetworkPort("image", AxisAction(turn, -2, -1))
let private set = NetworkPort("set", AxisAction(PermutationAction.Natural s3, -2))

let private words =
    NetworkPort("words", TokenAction(PermutationAction(c2, 5, [| [| 1; 0; 3; 2; 4 |] |])))

let private logits =
    NetworkPort("logits", AxisAction((words.Action :?> TokenAction).Vocabulary, -1), "words")

let private vector = NetworkPort("vector", TrivialAction(Group.Trivial()))

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

let private actOn (elements: GroupElement[]) (ports: NetworkPort[]) (tensors: torch.Tensor[]) =
    Array.map3 (fun g (port: NetworkPort) x -> port.Action.Apply(g, x)) elements ports tensors

/// Equivariant blocks on the diagonal and invariant-symmetric ones off it.
let private network () =
    let models = Array2D.init 4 4 (fun i j -> new OnAnything(sizes[j], shapes[i]))

    let blocks = [|
        for i in 0..3 do
            for j in 0..3 do
                if i = j then
                    NetworkBlock.Equivariant(inputs[j].Name, outputs[i].Name, models[i, j])
                else
                    NetworkBlock.InvariantSymmetric(inputs[j].Name, outputs[i].Name, models[i, j])
    |]

    models, new MultiInputNetwork(inputs, outputs, blocks)

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
    Assert.Equal(4 * List.sum orders, network.EvaluationsPerInput)

    for i in 0..3 do
        for j in 0..3 do
            Assert.Equal((1, int64 (5 * orders[j])), (models[i, j].Meter.Calls, models[i, j].Meter.Rows))

[<Fact>]
let ``an invariant-symmetric block is what its formula says, at the input's order`` () =
    use scope = torch.NewDisposeScope()
    let model = new OnAnything(6L, [ 1L; 3L; 3L ])
    use block = new InvariantSymmetricBlock(model, set.Action, image.Action)
    let x = (sample (Random 5) 2L)[1]

    let mean =
        Seq.reduce (+) [ for g in s3.Elements -> model.call (set.Action.Apply(g, x)) ]
        / 6.0.ToScalar()

    let expected =
        Seq.reduce (+) [ for g in c4.Elements -> image.Action.Apply(g, mean) ]
        / 4.0.ToScalar()

    let before = model.Meter.Rows
    assertClose 1e-12 expected (block.call x)
    Assert.Equal(6L * 2L, model.Meter.Rows - before)
    Assert.Equal(6, block.EvaluationsPerInput)

    // In distinct rows, a set of three equal members costs one evaluation.
    block.Evaluation <- Evaluation(Distinct = true)
    let before = model.Meter.Rows
    block.call (torch.ones ([| 2L; 3L; 2L |], dtype = torch.float64)) |> ignore
    Assert.Equal(1L, model.Meter.Rows - before)

[<Fact>]
let ``an equivariant block can be a quotient design`` () =
    use scope = torch.NewDisposeScope()
    let half = c4.Subgroup [| c4.Element 2 |]
    let model = new OnAnything(9L, [ 1L; 3L; 3L ])

    use network =
        new MultiInputNetwork(
            [| image |],
            [| image |],
            [|
                NetworkBlock.Equivariant("image", "image", model, [| QuotientTerm.Of(c4, half) |])
            |]
        )

    Assert.Equal(2, network.EvaluationsPerInput)
    let x = [| (sample (Random 6) 2L)[0] |]
    let y = network.call x

    for g in c4.Elements do
        assertClose
            1e-9
            (image.Action.Apply(g, y[0]))
            (Array.head (network.call [| image.Action.Apply(g, x[0]) |]))

[<Fact>]
let ``exchangeable inputs may also be exchanged, with the models shared`` () =
    use scope = torch.NewDisposeScope()
    let ports = [| for i in 0..2 -> NetworkPort($"view {i}", image.Action) |]

    let equivariant, invariant =
        new OnAnything(9L, [ 1L; 3L; 3L ]), new OnAnything(9L, [ 1L; 3L; 3L ])

    use network = MultiInputNetwork.Exchangeable(ports, equivariant, invariant)
    let random = Random 7
    let x = [| for _ in ports -> (sample random 2L)[0] |]
    let y = network.call x
    Assert.Equal(3 * 4 + 3 * 4, network.EvaluationsPerInput)

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
        NetworkPort($"view {i}", AxisAction(GridActions.Symmetries(d4, 3, 3), -2, -1))

    let ports = Array.init 10 view

    let equivariant, invariant =
        new OnAnything(9L, [ 1L; 3L; 3L ]), new OnAnything(9L, [ 1L; 3L; 3L ])

    use network = MultiInputNetwork.Exchangeable(ports, equivariant, invariant)
    let random = Random 8
    let x = [| for _ in ports -> (sample random 2L)[0] |]
    let y = network.call x
    Assert.Equal(10 * 8 + 10 * 8, network.EvaluationsPerInput)
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

    // Blocks of one model are shared where they read one input, with outputs of any kind; other models are not.
    let wide = new OnAnything(9L, [ 1L; 3L; 3L ])

    use fan =
        new MultiInputNetwork(
            [| image |],
            [|
                image
                NetworkPort("other", image.Action)
                NetworkPort("plain", TrivialAction c4, "image")
            |],
            [|
                NetworkBlock.InvariantSymmetric("image", "image", wide)
                NetworkBlock.InvariantSymmetric("image", "other", wide)
                NetworkBlock.InvariantSymmetric("image", "plain", wide)
                NetworkBlock.Equivariant("image", "plain", wide)
                NetworkBlock.InvariantSymmetric("image", "other", equivariant)
            |]
        )

    let x = [| (sample random 2L)[0] |]
    let before = wide.Meter.Rows
    fan.call x |> ignore
    Assert.Equal(3 * 4, fan.EvaluationsPerInput)
    Assert.Equal(2L * 2L * 4L, wide.Meter.Rows - before)

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
        NetworkPort("direction", MatrixAction(Representation.Of(c4, [| quarter |])), "image")

    let model = new OnAnything(9L, [ 2L ])
    let from = NetworkPort("image", image.Action, "image")

    use network =
        new MultiInputNetwork(
            [| from |],
            [| direction |],
            [| NetworkBlock.Equivariant("image", "direction", model) |]
        )

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
        new MultiInputNetwork(inputs, outputs, blocks)

    refused [ "no block"; "'image'" ] (fun () -> make [| image |] [| image |] [||])

    refused [ "no input called 'imgae'"; "'image'" ] (fun () ->
        make [| image |] [| image |] [| NetworkBlock.Equivariant("imgae", "image", model) |])

    refused [ "'image'"; "'set'"; "moved independently" ] (fun () ->
        make [| image |] [| set |] [| NetworkBlock.Equivariant("image", "set", model) |])

    refused [ "share the factor"; "C4"; "S3" ] (fun () ->
        make [| NetworkPort("a", image.Action, "f") |] [| NetworkPort("b", set.Action, "f") |] [|
            NetworkBlock.Equivariant("a", "b", model)
        |])

    refused [ "called 'image'" ] (fun () ->
        make [| image; image |] [| image |] [| NetworkBlock.Equivariant("image", "image", model) |])

    refused [ "not linear" ] (fun () -> new InvariantSymmetricBlock(model, image.Action, words.Action))

    refused [ "more than 1048576" ] (fun () ->
        let large = Group.Symmetric 12
        new InvariantSymmetricBlock(model, AxisAction(PermutationAction.Natural large, -1), image.Action))

    let _, network = network ()
    let x = sample (Random 9) 2L
    refused [ "4 inputs"; "1 tensors" ] (fun () -> network.call [| x[0] |])
    refused [ "'set'"; "batch axis" ] (fun () -> network.call (Array.updateAt 1 (torch.tensor 1.0) x))
    refused [ "'image'"; "dense" ] (fun () -> network.call (Array.updateAt 0 (x[0].to_sparse()) x))
    refused [ "one batch size" ] (fun () -> network.call (Array.updateAt 1 (torch.zeros (3L, 3L, 2L)) x))
