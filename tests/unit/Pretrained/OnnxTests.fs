module Equivariant.Tests.Pretrained.OnnxTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Pretrained
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

/// ONNX files, field by field of protocol buffers.
module private Proto =
    let rec varint (value: uint64) =
        if value < 0x80UL then
            [| byte value |]
        else
            Array.append [| byte (value ||| 0x80UL) |] (varint (value >>> 7))

    let number field (value: int64) =
        Array.append (varint (uint64 field <<< 3)) (varint (uint64 value))

    let bytes field (value: byte[]) =
        Array.concat [ varint (uint64 field <<< 3 ||| 2UL); varint (uint64 value.Length); value ]

    let text field (value: string) =
        bytes field (Encoding.UTF8.GetBytes value)

    /// An axis: fixed, or free by a name.
    let axis (length: Choice<int64, string>) =
        match length with
        | Choice1Of2 n -> number 1 n
        | Choice2Of2 name -> text 2 name

    let port name (kind: int) axes =
        let shape = axes |> List.map (axis >> bytes 1) |> Array.concat
        Array.append (text 1 name) (bytes 2 (bytes 1 (Array.append (number 1 (int64 kind)) (bytes 2 shape))))

    let node kind inputs outputs attributes =
        Array.concat (
            List.map (text 1) inputs
            @ List.map (text 2) outputs
            @ [ text 4 kind ]
            @ List.map (bytes 5) attributes
        )

    let whole name (value: int64) =
        Array.concat [ text 1 name; number 3 value; number 20 2L ]

    let initial name (kind: int) (shape: int64 list) (raw: byte[]) =
        Array.concat (List.map (number 1) shape @ [ number 2 (int64 kind); text 8 name; bytes 9 raw ])

    let model nodes initials inputs outputs =
        let graph =
            Array.concat (
                List.map (bytes 1) nodes
                @ [ text 2 "g" ]
                @ List.map (bytes 5) initials
                @ List.map (bytes 11) inputs
                @ List.map (bytes 12) outputs
            )

        Array.concat [ number 1 8L; bytes 7 graph; bytes 8 (number 2 13L) ]

open Proto

let private float32Type, int64Type = 1, 7
let private fixedAxes = List.map Choice1Of2

/// x ↦ 2 x + 1, for one row of n numbers.
let private affine (rows: Choice<int64, string>) n =
    model
        [ node "Mul" [ "x"; "two" ] [ "t" ] []; node "Add" [ "t"; "one" ] [ "y" ] [] ]
        [
            initial "two" float32Type [] (bytesOf [ 2f ])
            initial "one" float32Type [] (bytesOf [ 1f ])
        ] [ port "x" float32Type [ rows; Choice1Of2 n ] ] [ port "y" float32Type [ rows; Choice1Of2 n ] ]

let private load bytes =
    OnnxModel.Load((bytes: byte[]), "made.onnx")

[<RuntimeFact>]
let ``a file with free rows runs them all`` () =
    use scope = torch.NewDisposeScope()
    use net = load (affine (Choice2Of2 "rows") 3L)
    let x = torch.randn (5L, 3L)
    Assert.True(net.HasFreeBatch)
    assertClose 1e-6 (x * 2.0.ToScalar() + 1.0.ToScalar()) (net.call x)
    // Not contiguous, of another type of floats.
    let turned = torch.randn(3L, 5L).t().``to`` torch.float64
    assertClose 1e-6 (turned.``to`` torch.float32 * 2.0.ToScalar() + 1.0.ToScalar()) (net.call turned)

[<RuntimeFact>]
let ``an axis fixed at one is freed where the graph allows`` () =
    use scope = torch.NewDisposeScope()
    use net = load (affine (Choice1Of2 1L) 3L)
    Assert.True(net.HasFreeBatch)
    Assert.Equal<int64>([ -1L; 3L ], net.Inputs[0].Shape)
    let x = torch.randn (4L, 3L)
    assertClose 1e-6 (x * 2.0.ToScalar() + 1.0.ToScalar()) (net.call x)

[<RuntimeFact>]
let ``and rows run one by one where it does not`` () =
    use scope = torch.NewDisposeScope()
    let one = fixedAxes [ 1L; 4L ]
    let reshape = node "Reshape" [ "x"; "shape" ] [ "r" ] []

    let shape =
        initial
            "shape"
            int64Type
            [ 3L ]
            ([| 1L; 2L; 2L |] |> Array.collect (fun (n: int64) -> BitConverter.GetBytes n))
    // The sum over all that is there: two rows at once would be added up.
    let sum = node "ReduceSum" [ "x" ] [ "y" ] [ whole "keepdims" 1L ]

    for bytes, expected in
        [
            model [ reshape; node "Relu" [ "r" ] [ "y" ] [] ] [ shape ] [ port "x" float32Type one ] [
                port "y" float32Type (fixedAxes [ 1L; 2L; 2L ])
            ],
            fun (x: torch.Tensor) -> x.relu().view(3L, 2L, 2L)
            model [ sum ] [] [ port "x" float32Type one ] [ port "y" float32Type (fixedAxes [ 1L; 1L ]) ],
            (fun x -> x.sum (1L, keepdim = true))
        ] do
        use net = load bytes
        Assert.False net.HasFreeBatch
        let x = torch.randn (3L, 4L)
        assertClose 1e-6 (expected x) (net.call x)

[<RuntimeFact>]
let ``inputs and outputs go by name`` () =
    use scope = torch.NewDisposeScope()
    let rows = Choice2Of2 "rows"

    let bytes =
        model
            [
                node "Add" [ "a"; "b" ] [ "sum" ] []
                node "Sub" [ "a"; "b" ] [ "difference" ] []
            ]
            [] [
                port "a" int64Type [ rows; Choice2Of2 "n" ]
                port "b" int64Type [ rows; Choice2Of2 "n" ]
            ] [
                port "sum" int64Type [ rows; Choice2Of2 "n" ]
                port "difference" int64Type [ rows; Choice2Of2 "n" ]
            ]

    use net = load bytes
    let a, b = torch.arange(6L).view(2L, 3L), torch.ones ([| 2L; 3L |], torch.int64)
    let inputs (pairs: (string * torch.Tensor) list) = Dictionary(dict pairs)
    let results = net.Run(inputs [ "a", a; "b", b ])
    Assert.True(same (a + b) results["sum"])
    Assert.True(same (a - b) results["difference"])
    Assert.Equal<string>([ "difference" ], net.Run(inputs [ "a", a; "b", b ], [| "difference" |]).Keys)
    refused [ "2 inputs"; "a"; "b" ] (fun () -> net.call a)
    refused [ "'b'" ] (fun () -> net.Run(inputs [ "a", a ]))
    refused [ "'c'" ] (fun () -> net.Run(inputs [ "a", a; "b", b; "c", b ]))
    refused [ "'product'"; "sum" ] (fun () -> net.Run(inputs [ "a", a; "b", b ], [| "product" |]))
    refused [ "Float32"; "a Int64" ] (fun () -> net.Run(inputs [ "a", a.``to`` torch.float32; "b", b ]))
    refused [ "'nothing'" ] (fun () -> OnnxModel.Load(bytes, "made.onnx", output = "nothing"))
    use second = OnnxModel.Load(bytes, "made.onnx", output = "difference")
    Assert.Equal("difference", second.Output)

[<RuntimeFact>]
let ``no number is copied, neither in nor out`` () =
    let n = 1L <<< 22 // 16 MB
    use net = load (affine (Choice2Of2 "rows") n)
    use x = torch.ones (1L, n)

    // The runtime sees the tensor's own memory: what is written there later is what it reads.
    use borrowed = OnnxRuntime.Borrow x
    x.fill_ (3.0.ToScalar()) |> ignore
    Assert.Equal(3f, borrowed.GetTensorDataAsSpan<float32>()[int n - 1])

    // The tensor has the runtime's own memory, and keeps it for as long as it lives.
    let allocated =
        Microsoft.ML.OnnxRuntime.OrtValue.CreateAllocatedTensorValue(
            Microsoft.ML.OnnxRuntime.OrtAllocator.DefaultInstance,
            Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float,
            [| 2L; 3L |]
        )

    let adopted = OnnxRuntime.Adopt(allocated, "y")
    allocated.GetTensorMutableDataAsSpan<float32>().Fill 7f
    Assert.Equal<float32[]>(Array.create 6 7f, adopted.data<float32>().ToArray())
    adopted.Dispose()

    Assert.ThrowsAny<Exception>(fun () -> allocated.GetTensorSizeInBytes() |> ignore)
    |> ignore

    // And in use: the managed heap gets no array of that size.
    use first = net.call x
    let before = GC.GetAllocatedBytesForCurrentThread()
    use second = net.call x
    Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000L)
    Assert.Equal(7f, second[0, n - 1L].item<float32>())

[<RuntimeFact>]
let ``memory stays flat`` () =
    use net = load (affine (Choice2Of2 "rows") 8L)
    use x = torch.ones (2L, 8L)
    Tensors.leavesNoTensors 50 (fun () -> net.call(x).Dispose())

[<RuntimeFact>]
let ``gradients are refused with a sentence`` () =
    use scope = torch.NewDisposeScope()
    use net = load (affine (Choice2Of2 "rows") 3L)
    let x = torch.randn ([| 2L; 3L |], requires_grad = true)
    refused [ "made.onnx"; "no gradients" ] (fun () -> net.call x)
    use noGradient = torch.no_grad ()
    Assert.False((net.call x).requires_grad)

[<RuntimeFact>]
let ``designs wrap it like any other`` () =
    use scope = torch.NewDisposeScope()
    let weights = [ 1f; 2f; 3f; 4f ]

    let bytes =
        model [ node "Mul" [ "x"; "w" ] [ "y" ] [] ] [ initial "w" float32Type [ 4L ] (bytesOf weights) ] [
            port "x" float32Type (fixedAxes [ 1L; 4L ])
        ] [ port "y" float32Type (fixedAxes [ 1L; 4L ]) ]

    use net = load bytes
    let rotations = PermutationAction.Natural(Group.Cyclic 4)
    use design = new Equitune(net, AxisAction(rotations, -1), AxisAction(rotations, -1))
    let x = torch.randn (2L, 4L)
    assertClose 1e-5 (x * 2.5.ToScalar()) (design.call x)

[<RuntimeFact>]
let ``what is no ONNX file is refused with its name`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "x.onnx")
        refused [ file ] (fun () -> OnnxModel.Load file)
        let good = affine (Choice1Of2 1L) 3L

        for bytes in [ [||]; Encoding.UTF8.GetBytes "no model"; good[.. good.Length / 2] ] do
            File.WriteAllBytes(file, bytes)
            refused [ file ] (fun () -> OnnxModel.Load file)

        use net = load good
        refused [ "[2, 4]"; "x Float32 [any, 3]" ] (fun () -> net.call (torch.zeros (2L, 4L)))

        if not (torch.cuda.is_available ()) then
            let gpu = torch.Device(DeviceType.CUDA, 0)

            refused [ "CUDA"; "Microsoft.ML.OnnxRuntime.Gpu" ] (fun () ->
                OnnxModel.Load(good, "made.onnx", gpu)))

/// A classifier of three words: the mean over a sentence's tokens of a score for each.
let private classifier (outputs: int64) =
    let rows, length = Choice2Of2 "rows", Choice2Of2 "length"
    let pieces = 8

    let scores = [
        for piece in 0 .. pieces - 1 do
            for kind in 0L .. outputs - 1L -> if piece = 5 + int kind then 1f else 0f
    ]

    model
        [
            node "Gather" [ "table"; "input_ids" ] [ "each" ] []
            node "ReduceMean" [ "each" ] [ "scores" ] [
                Array.concat [ text 1 "axes"; number 8 1L; number 20 7L ]
                whole "keepdims" 0L
            ]
        ]
        [ initial "table" float32Type [ int64 pieces; outputs ] (bytesOf scores) ] [
            port "input_ids" int64Type [ rows; length ]
            port "attention_mask" int64Type [ rows; length ]
        ] [ port "scores" float32Type [ rows; Choice1Of2 outputs ] ]

[<RuntimeFact>]
let ``a classifier of a folder scores sentences by the names of its classes`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        let file name = Path.Combine(folder, name)

        let load () =
            use loaded = SentenceClassifier.Load folder
            List.ofSeq loaded.Labels, loaded.Scores [| "bad bad"; "good" |]

        refused [ "model.onnx"; folder ] load
        File.WriteAllBytes(file "model.onnx", classifier 3L)
        refused [ "vocab.txt" ] load
        File.WriteAllText(file "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbad\nfine\ngood\n")
        refused [ "config.json" ] load
        File.WriteAllText(file "config.json", "{}")
        refused [ "config.json"; "id2label" ] load
        File.WriteAllText(file "config.json", """{"id2label": {"0": "negative", "2": "neutral"}}""")
        refused [ "2 classes"; "number 1" ] load
        File.WriteAllText(file "config.json", """{"id2label": {"0": "negative", "1": "positive"}}""")
        refused [ "[2, 3]"; "2 classes: negative, positive" ] load

        File.WriteAllText(
            file "config.json",
            """{"id2label": {"0": "negative", "1": "neutral", "2": "positive"}}"""
        )

        let labels, scores = load ()
        Assert.Equal<string list>([ "negative"; "neutral"; "positive" ], labels)
        Assert.Equal<int64 list>([ 0L; 2L ], List.ofSeq (scores.argmax(-1L).data<int64>())))

[<WeightsFact>]
let ``MiniLM finds the sentences alike that are`` () =
    use scope = torch.NewDisposeScope()
    use encoder = PackagedModels.MiniLM()

    Assert.Equal<string>(
        [ "input_ids"; "attention_mask"; "token_type_ids" ] |> List.sort,
        [ for port in encoder.Model.Inputs -> port.Name ] |> List.sort
    )

    let features =
        encoder.Encode [|
            "A man is eating food."
            "A man is eating a piece of bread."
            "The girl is carrying a baby."
        |]

    Assert.Equal<int64[]>([| 3L; 384L |], features.shape)
    let cosines = features.matmul (features.t ())
    Assert.Equal(0.7553, float (cosines[0, 1].item<float32>()), 3)
    Assert.True(cosines[0, 2].item<float32>() < 0.1f)
    // A sentence alone, without the padding that others bring.
    let alone = encoder.Encode [| "A man is eating food." |]
    assertClose 1e-4 alone (features.narrow (0, 0L, 1L))

[<WeightsFact>]
let ``ResNet-18 takes any number of images, though its file says one`` () =
    use scope = torch.NewDisposeScope()
    use net = PackagedModels.ResNet18()
    Assert.Equal("Input247", net.Inputs[0].Name)
    Assert.Equal("Pooling395_Output_0", net.Output)
    Assert.True net.HasFreeBatch
    use generator = new torch.Generator(1UL)

    let x =
        torch.randn ([| 2L; 3L; 224L; 224L |], generator = generator) * 60.0.ToScalar()

    let both = net.call x
    Assert.Equal<int64[]>([| 2L; 512L; 1L; 1L |], both.shape)

    for i in 0L .. 1L do
        assertClose 1e-3 (net.call (x.narrow (0, i, 1L))) (both.narrow (0, i, 1L))
