module Equivariant.Tests.Layers.SafetensorsTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Serialization
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

let private withFile (work: string -> unit) =
    let path =
        Path.Combine(Path.GetTempPath(), $"equivariant-{Guid.NewGuid():N}.safetensors")

    try
        work path
    finally
        File.Delete path

let private raw (header: string) (data: byte[]) =
    let header = Encoding.UTF8.GetBytes header
    Array.concat [ BitConverter.GetBytes(uint64 header.Length); header; data ]

[<Fact>]
let ``tensors of every type come back as they were`` () =
    use scope = torch.NewDisposeScope()

    withFile (fun path ->
        let tensors = Dictionary<string, torch.Tensor>()

        for dtype in
            [
                torch.float64
                torch.float32
                torch.float16
                torch.bfloat16
                torch.int64
                torch.int32
                torch.int16
                torch.int8
                torch.uint8
                torch.bool
            ] do
            tensors.Add(string dtype, (torch.arange(6L).view(2L, 3L) - 2L.ToScalar()).``to`` dtype)

        tensors.Add("empty", torch.zeros (0L, 4L))
        tensors.Add("scalar", torch.tensor 2.5f)
        tensors.Add("strided", (torch.arange (6L, dtype = torch.float32)).view(2L, 3L).t())
        tensors.Add("náme \"quoted\"", torch.ones 1L)
        Safetensors.Save(path, tensors, Dictionary(dict [ "note", "β" ]))
        let struct (loaded, metadata) = Safetensors.Read path
        Assert.Equal("β", metadata["note"])
        Assert.Equal<Set<string>>(set tensors.Keys, set loaded.Keys)

        for KeyValue(name, tensor) in tensors do
            Assert.Equal(tensor.dtype, loaded[name].dtype)
            Assert.Equal<int64[]>(tensor.shape, loaded[name].shape)
            Assert.True(tensor.eq(loaded[name]).all().item<bool>(), name))

[<Fact>]
let ``the file is in the format that others read`` () =
    withFile (fun path ->
        File.WriteAllBytes(
            path,
            raw """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}  """ [|
                yield! BitConverter.GetBytes 1.5f
                yield! BitConverter.GetBytes -2.0f
            |]
        )

        let struct (loaded, metadata) = Safetensors.Read path
        Assert.Equal<float32[]>([| 1.5f; -2.0f |], loaded["w"].data<float32>().ToArray())
        Assert.Equal("b", metadata["a"]))

[<Fact>]
let ``damaged files are refused with the reason`` () =
    let header text data = raw text (Array.zeroCreate data)

    for bytes, reason in
        [
            [| 1uy; 2uy |], "only 2 bytes"
            BitConverter.GetBytes 100UL, "header should have 100 bytes"
            BitConverter.GetBytes UInt64.MaxValue, "header should have"
            header "{" 0, "header is not what the format asks for"
            header "[]" 0, "header is not what the format asks for"
            header """{"w":{"dtype":"F32","shape":[2]}}""" 8, "header is not what the format asks for"
            header """{"w":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}""" 8,
            "header is not what the format asks for"
            header """{"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""" 8, "'F31'"
            header """{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""" 8, "can't be"
            header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""" 8, "can't be"
            header """{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""" 8, "needs 12 bytes and has 8"
            header """{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""" 8,
            "and has 8"
            header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""" 12,
            "begins at byte 4 instead of 0"
            header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 7,
            "need 8 bytes, and it has 7"
            header """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" 9,
            "need 8 bytes, and it has 9"
            header
                """{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"""
                12,
            "begins at byte 4 instead of 8"
            header
                """{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"""
                8,
            "twice"
        ] do
        withFile (fun path ->
            File.WriteAllBytes(path, bytes)

            let error =
                Assert.Throws<EquivariantException>(fun () -> Safetensors.Read path |> ignore)

            Assert.Contains("damaged", error.Message)
            Assert.Contains(reason, error.Message))

[<Fact>]
let ``a module is left alone unless everything fits`` () =
    let points = natural (Group.Symmetric 3)

    withFile (fun path ->
        use narrow = new EquivariantLinear(points, points)
        use wide = new EquivariantLinear(points, points, 2L)
        use plain = new EquivariantLinear(points, points, bias = false)
        use precise = new EquivariantLinear(points, points, dtype = torch.float64)
        let before = wide.Weight.clone ()
        Safetensors.Save(path, narrow)
        refused [ "'weight'"; "[1, 2, 1]"; "[1, 2, 2]" ] (fun () -> Safetensors.Load(path, wide))
        refused [ "'bias'"; "EquivariantLinear does not" ] (fun () -> Safetensors.Load(path, plain))
        refused [ "Float32"; "Float64" ] (fun () -> Safetensors.Load(path, precise))
        Assert.True(before.eq(wide.Weight).all().item<bool>())
        Safetensors.Save(path, plain)
        refused [ "no tensor 'bias'" ] (fun () -> Safetensors.Load(path, narrow)))
