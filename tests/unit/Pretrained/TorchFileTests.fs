module Equivariant.Tests.Pretrained.TorchFileTests

open System
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Pretrained.Weights
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Pretrained.Fixture
open Equivariant.Tests.Pretrained.Fixture.Pickle

/// A file of torch's with one pickle, and storages.
let private archive folder (body: byte[]) (storages: (string * byte[]) list) =
    let file = Path.Combine(folder, "x.pt")

    writeZip
        file
        (("data.pkl", program body)
         :: [ for key, bytes in storages -> $"data/{key}", bytes ])

    file

[<Fact>]
let ``pytorch_model.bin has what the safetensors file has`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "gpt2_prefixed_fp16/model.safetensors"
    use file = WeightFiles.Open(path "gpt2_prefixed_fp16/pytorch_model.bin")
    Assert.IsType<TorchFile> file |> ignore
    Assert.Equal<Set<string>>(set expected.Keys, set file.Tensors.Keys)

    for KeyValue(name, tensor) in expected do
        let found = file.Tensors[name].Read()
        Assert.Equal(tensor.dtype, found.dtype)
        Assert.True(same tensor found, name)

[<Fact>]
let ``a TorchScript archive is read byte by byte`` () =
    use scope = torch.NewDisposeScope()

    use json =
        JsonDocument.Parse(File.ReadAllText(path "clip_torchscript/state_dict.json"))

    use file = WeightFiles.Open(path "clip_torchscript/micro_fp16_device_constants.pt")
    let expected = json.RootElement.EnumerateObject() |> List.ofSeq
    Assert.Equal<Set<string>>(set [ for tensor in expected -> tensor.Name ], set file.Tensors.Keys)

    for tensor in expected do
        let found = file.Tensors[tensor.Name]
        let shape = [ for n in tensor.Value.GetProperty("shape").EnumerateArray() -> n.GetInt64() ]
        Assert.Equal(tensor.Value.GetProperty("dtype").GetString(), found.TypeName)
        Assert.Equal<int64>(shape, found.Shape)
        use read = found.Read()
        let hash = Convert.ToHexStringLower(SHA256.HashData(read.bytes.ToArray()))
        Assert.Equal(tensor.Value.GetProperty("sha256").GetString(), hash)
        let sum = read.``to``(torch.float64).sum().item<float>()
        Assert.Equal(tensor.Value.GetProperty("sum_f64").GetDouble(), sum, 9)

let private storage = "0", bytesOf [ 0f; 1f; 2f; 3f; 4f; 5f ]

[<Fact>]
let ``views of one storage are read as such`` () =
    Program.inFolder (fun folder ->
        let body =
            dictionary [
                "rows", tensor "FloatStorage" "0" 6L 0L [ 2L; 3L ] [ 3L; 1L ]
                "columns", tensor "FloatStorage" "0" 6L 0L [ 3L; 2L ] [ 1L; 3L ]
                "part", tensor "FloatStorage" "0" 6L 1L [ 2L ] [ 3L ]
                "scalar", tensor "FloatStorage" "0" 6L 5L [] []
                "same", tensor "FloatStorage" "0" 6L 2L [ 3L ] [ 0L ]
            ]

        use file = WeightFiles.Open(archive folder body [ storage ])

        let values name =
            use tensor = file.Tensors[name].Read() in tensor.contiguous().data<float32>().ToArray()

        Assert.Equal<float32[]>([| 0f; 1f; 2f; 3f; 4f; 5f |], values "rows")
        Assert.Equal<float32[]>([| 0f; 3f; 1f; 4f; 2f; 5f |], values "columns")
        Assert.Equal<float32[]>([| 1f; 4f |], values "part")
        Assert.Equal<float32[]>([| 5f |], values "scalar")
        Assert.Equal<float32[]>([| 2f; 2f; 2f |], values "same"))

[<Fact>]
let ``containers, parameters, attributes of dictionaries and newer tensors are known`` () =
    Program.inFolder (fun folder ->
        let one = tensor "FloatStorage" "0" 6L 1L [ 1L ] [ 1L ]
        let metadata = Array.concat [ dictionary [ "_metadata", emptyOrdered ]; ascii "b" ]

        let body =
            dictionary [
                "state_dict", Array.concat [ emptyOrdered; ascii "("; text "w"; one; ascii "u"; metadata ]
                "list", Array.concat [ ascii "]("; one; one; ascii "e" ]
                "pair", tuple [ one; number 3L ]
                "parameter", call "torch._utils" "_rebuild_parameter" [ one; [| 0x88uy |]; emptyOrdered ]
                "byte",
                call "torch._utils" "_rebuild_tensor_v3" [
                    Array.concat [
                        tuple [
                            text "storage"
                            named "torch.storage" "UntypedStorage"
                            text "1"
                            text "cpu"
                            number 2L
                        ]
                        ascii "Q"
                    ]
                    number 1L
                    tuple [ number 1L ]
                    tuple [ number 1L ]
                    [| 0x89uy |]
                    emptyOrdered
                    named "torch" "float8_e4m3fn"
                ]
                "epoch", number 7L
                "rate", Array.concat [ ascii "G"; Array.rev (BitConverter.GetBytes 0.5) ]
                "size", call "torch" "Size" [ tuple [ number 1L ] ]
            ]

        use file = WeightFiles.Open(archive folder body [ storage; "1", [| 0uy; 0x38uy |] ])

        let names =
            set [ "state_dict.w"; "list.0"; "list.1"; "pair.0"; "parameter"; "byte" ]

        Assert.Equal<Set<string>>(names, set file.Tensors.Keys)
        use byte = file.Tensors["byte"].Read(convert = true)
        Assert.Equal(1f, byte.item<float32>()))

[<Fact>]
let ``files of before version 1.6 are read`` () =
    Program.inFolder (fun folder ->
        let magic =
            Numerics.BigInteger
                .Parse("01950a86a20f9469cfc6c", Globalization.NumberStyles.HexNumber)
                .ToByteArray()

        let legacy kind key count view =
            Array.concat [
                tuple [
                    text "storage"
                    named "torch.cuda" kind
                    text key
                    text "cuda:0"
                    number count
                    view
                ]
                ascii "Q"
            ]

        let tensor key (view: byte[]) offset =
            call "torch._utils" "_rebuild_tensor_v2" [
                legacy "FloatStorage" key 3L view
                number offset
                tuple [ number 2L ]
                tuple [ number 1L ]
                [| 0x89uy |]
                emptyOrdered
            ]

        let file = Path.Combine(folder, "pytorch_model.bin")

        let whole =
            Array.concat [
                program (Array.concat [ [| 0x8Auy; byte magic.Length |]; magic ])
                program (number 1001L)
                program (dictionary [ "little_endian", [| 0x88uy |] ])
                program (
                    dictionary [
                        "a", tensor "77" (ascii "N") 1L
                        "b", tensor "99" (tuple [ text "v"; number 1L; number 2L ]) 0L
                    ]
                )
                program (Array.concat [ ascii "]("; text "77"; text "99"; ascii "e" ])
                BitConverter.GetBytes 3L
                bytesOf [ 1f; 2f; 3f ]
                BitConverter.GetBytes 3L
                bytesOf [ 4f; 5f; 6f ]
            ]

        File.WriteAllBytes(file, whole)

        do
            use weights = WeightFiles.Open file
            use a = weights.Tensors["a"].Read()
            use b = weights.Tensors["b"].Read()
            Assert.Equal<float32[]>([| 2f; 3f |], a.data<float32>().ToArray())
            Assert.Equal<float32[]>([| 5f; 6f |], b.data<float32>().ToArray())

        for cut in 1 .. whole.Length - 1 do
            File.WriteAllBytes(file, whole[.. cut - 1])
            refused [ file ] (fun () -> WeightFiles.Open file))

[<Fact>]
let ``a pickle that names anything else is refused by that name`` () =
    Program.inFolder (fun folder ->
        for body, name in
            [
                Array.concat [ named "os" "system"; tuple [ text "touch x" ]; ascii "R" ], "os.system"
                Array.concat [ ascii "cposix\nsystem\n(S'touch x'\ntR" ], "posix.system"
                Array.concat [
                    [| 0x8Cuy; 8uy |]
                    ascii "builtins"
                    [| 0x8Cuy; 4uy |]
                    ascii "eval"
                    [| 0x93uy |]
                ],
                "builtins.eval"
                ascii "(S'x'\nios\nsystem\n", "os.system"
                dictionary [
                    "w", tensor "FloatStorage" "0" 6L 0L [ 6L ] [ 1L ]
                    "x", named "__builtin__" "exec"
                ],
                "__builtin__.exec"
                named "torch._utils" "_rebuild_sparse_tensor", "torch._utils._rebuild_sparse_tensor"
                named "torch" "load", "torch.load"
                named "torch.nn.modules.linear" "Linear", "torch.nn.modules.linear.Linear"
                named "numpy.core.multiarray" "_reconstruct", "numpy.core.multiarray._reconstruct"
                named "collections" "Counter", "collections.Counter"
                named "__torch__evil" "X", "__torch__evil.X"
            ] do
            let file = archive folder body [ storage ]
            refused [ file; $"its pickle names '{name}'" ] (fun () -> WeightFiles.Open file))

[<Fact>]
let ``pickles that are no list of tensors are refused`` () =
    let deep = Array.concat [ Array.create 400 (byte ']'); Array.create 399 (byte 'a') ]
    // Each dictionary holds the one before twice: as names they are 2^40.
    let doubling =
        Array.concat [
            dictionary [ "w", tensor "FloatStorage" "0" 6L 0L [ 6L ] [ 1L ] ]
            for i in 0..39 do
                [| byte 'q'; byte i; byte '0'; byte '}'; byte '(' |]
                text "a"
                [| byte 'h'; byte i |]
                text "b"
                [| byte 'h'; byte i; byte 'u' |]
        ]

    Program.inFolder (fun folder ->
        for body, reason in
            [
                ascii "]q\000h\000a", "each other"
                Array.concat [ ascii "}q\000("; text "self"; ascii "h\000u" ], "each other"
                deep, "each other"
                doubling, "each other"
                Array.concat [ [| 0x8Duy |]; BitConverter.GetBytes(1L <<< 60) ], "ends before"
                Array.concat [ [| 0x8Duy |]; BitConverter.GetBytes -1L ], "ends before"
                Array.concat [ [| byte 'B' |]; BitConverter.GetBytes Int32.MaxValue ], "ends before"
                ascii "h\007", "never stored"
                ascii "0", "empty stack"
                ascii "t", "mark"
                ascii "(R", "empty stack"
                [| 0x82uy; 1uy |], "0x82"
                [| 0x80uy; 9uy |], "protocol 9"
                ascii "NNNs", "no dictionary"
                Array.concat [ text "x"; ascii ")R" ], "no function"
                Array.concat [ named "torch" "FloatStorage"; ascii ")R" ], "calls 'torch.FloatStorage'"
                tensor "FloatStorage" "0" 5L 0L [ 5L ] [ 1L ], "5 numbers"
                tensor "FloatStorage" "0" (1L <<< 62) 0L [ 5L ] [ 1L ], "numbers of type F32"
                tensor "FloatStorage" "1" 6L 0L [ 5L ] [ 1L ], "'archive/data/1'"
                tensor "FloatStorage" "0" 6L 2L [ 5L ] [ 1L ], "needs bytes"
                tensor "FloatStorage" "0" 6L 0L [ 1L <<< 40; 1L <<< 40 ] [ 1L <<< 40; 1L ], "no tensor has"
                tensor "FloatStorage" "0" 6L 0L [ 2L; 2L ] [ Int64.MaxValue; 1L ], "needs bytes"
                tensor "FloatStorage" "0" 6L 0L [ -2L ] [ 1L ], "no tensor has"
                tensor "FloatStorage" "0" 6L 0L [ 2L ] [ -1L ], "strides"
                tensor "FloatStorage" "0" 6L -1L [ 2L ] [ 1L ], "begins at"
                tensor "FloatStorage" "0" 6L Int64.MaxValue [ 2L ] [ 1L ], "begins at"
                Array.concat [ text "x"; ascii "Q" ], "no storage"
            ] do
            let file = archive folder body [ storage ]
            refused [ file; reason ] (fun () -> WeightFiles.Open file)

        // A view of one number may look like a tensor of any size; nothing of that size is made.
        use file =
            WeightFiles.Open(
                archive folder (dictionary [ "w", tensor "FloatStorage" "0" 6L 0L [ 1L <<< 40 ] [ 0L ] ]) [
                    storage
                ]
            )

        refused [ "'w'"; "repeats its numbers" ] (fun () -> file.Tensors["w"].Read()))

[<Fact>]
let ``archives that are none are refused before memory is taken`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "x.pt")

        let packed (bytes: byte[]) =
            use zip = new ZipArchive(File.Create file, ZipArchiveMode.Create)
            use stream = zip.CreateEntry("x/data.pkl", CompressionLevel.SmallestSize).Open()
            stream.Write(bytes, 0, bytes.Length)

        // A small one may be packed: it is unpacked and read.
        packed (program (Array.concat [ named "os" "system" ]))
        refused [ file; "'os.system'" ] (fun () -> WeightFiles.Open file)
        packed (Array.zeroCreate (64 <<< 20))
        refused [ file; "as only a bomb does" ] (fun () -> WeightFiles.Open file)

        let good =
            File.ReadAllBytes(
                archive folder (dictionary [ "w", tensor "FloatStorage" "0" 6L 0L [ 6L ] [ 1L ] ]) [
                    storage
                ]
            )

        let directory = good.AsSpan().LastIndexOf(ReadOnlySpan "PK\001\002"B)

        for at, value, reason in
            [
                directory + 20, 0xFFFFFFF0u, "bytes from byte"
                directory + 24, 0x7FFFFFFFu, "should be"
                directory + 42, 0xFFFFFFF0u, "bytes from byte"
                directory + 42, 1u, "not where its directory says"
                good.Length - 22 + 12, 0x7FFFFFFFu, "can't be"
                good.Length - 22 + 8, 0xFFFFFFFFu, "elsewhere"
            ] do
            let bytes = Array.copy good
            BitConverter.TryWriteBytes(bytes.AsSpan at, (value: uint32)) |> ignore
            File.WriteAllBytes(file, bytes)
            refused [ file; reason ] (fun () -> WeightFiles.Open file)

        writeZip file [ "data.pkl", program (dictionary []); "byteorder", ascii "big" ]
        refused [ file; "'big'" ] (fun () -> WeightFiles.Open file)
        writeZip file [ "other.pkl", program (dictionary []) ]
        refused [ file; "data.pkl" ] (fun () -> WeightFiles.Open file)
        File.WriteAllText(file, "hello, I am a text and no archive")
        refused [ file ] (fun () -> WeightFiles.Open file)
        refused [ "nowhere.pt" ] (fun () -> WeightFiles.Open(Path.Combine(folder, "nowhere.pt"))))

[<Fact>]
let ``cut and changed files are read or refused with a sentence`` () =
    Program.inFolder (fun folder ->
        let random = Random 5
        let file = Path.Combine(folder, "x")

        let attempt () =
            try
                use weights = WeightFiles.Open file

                for tensor in weights.Tensors.Values do
                    use read = tensor.Read(convert = true)
                    ()
            with :? EquivariantException as error ->
                Assert.Contains(file, error.Message)

        for name in
            [
                "gpt2_prefixed_fp16/pytorch_model.bin"
                "gpt2_prefixed_fp16/model.safetensors"
                "clip_torchscript/micro_fp16_device_constants.pt"
            ] do
            let bytes = File.ReadAllBytes(path name)

            for _ in 1..12 do
                File.WriteAllBytes(file, bytes[.. random.Next bytes.Length - 1])
                refused [ file ] (fun () -> WeightFiles.Open file)

            let interesting = // the pickle or header, and the directory
                [| 0 .. bytes.Length - 1 |]
                |> Array.filter (fun i -> i < 3100 || i > bytes.Length - 4000)

            for _ in 1..250 do
                let changed = Array.copy bytes

                for _ in 0 .. random.Next 3 do
                    changed[interesting[random.Next interesting.Length]] <- byte (random.Next 256)

                File.WriteAllBytes(file, changed)
                attempt ())
