module Equivariant.Tests.Layers.SafetensorsTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp
open Xunit
open Equivariant.Tests
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Serialization
open Equivariant.Tests.Expect
open Equivariant.Tests.Program
open Equivariant.Tests.Tensors
open Equivariant.Tests.ToyModels
open Equivariant.Tests.Representations.SmallGroups

let private withFile (work: string -> unit) =
    let path =
        Path.Combine(Path.GetTempPath(), $"equivariant-{Guid.NewGuid():N}.safetensors")

    try
        work path
    finally
        File.Delete path

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
            SafetensorsBytes.raw
                """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}  """
                [| yield! BitConverter.GetBytes 1.5f; yield! BitConverter.GetBytes -2.0f |]
        )

        let struct (loaded, metadata) = Safetensors.Read path
        Assert.Equal<float32[]>([| 1.5f; -2.0f |], loaded["w"].data<float32>().ToArray())
        Assert.Equal("b", metadata["a"]))

[<Fact>]
let ``damaged files are refused with the reason`` () =
    let unknown =
        SafetensorsBytes.raw """{"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""" (Array.zeroCreate 8)

    for bytes, reason in (unknown, "'F31'") :: SafetensorsBytes.damaged do
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

let private one (value: float32) =
    Dictionary(dict [ "w", torch.ones 3L * value.ToScalar() ])

let private first (path: string) =
    let struct (tensors, _) = Safetensors.Read path
    (tensors["w"].sum() / 3f.ToScalar()).item<float32>()

let private names folder =
    Directory.GetFileSystemEntries folder
    |> Array.map (fun path -> string (Path.GetFileName path))
    |> Array.sort

/// Fails to hand over its numbers, as a tensor of a device that is gone does.
let private unreadable () =
    torch.zeros ([| 3L |], device = torch.META)

[<Fact>]
let ``a save that fails leaves the old file and nothing else`` () =
    use scope = torch.NewDisposeScope()

    inFolder (fun folder ->
        let path = Path.Combine(folder, "w.safetensors")
        Safetensors.Save(path, one 1f)

        // The first tensor is written before the second fails.
        let broken = one 2f
        broken.Add("z", unreadable ())
        Assert.ThrowsAny<exn>(fun () -> Safetensors.Save(path, broken)) |> ignore
        Assert.Equal(1f, first path)
        Assert.Equal<string[]>([| "w.safetensors" |], names folder)
        let complex = one 2f
        complex.Add("z", torch.zeros (3L, dtype = torch.complex64))
        refused [ "'z'"; "ComplexFloat32"; "lacks that type" ] (fun () -> Safetensors.Save(path, complex))
        Assert.Equal(1f, first path)
        Assert.Equal<string[]>([| "w.safetensors" |], names folder)

        // A folder in the place of the file, and a folder that is not there.
        let taken = Path.Combine(folder, "taken")
        Directory.CreateDirectory taken |> ignore
        refused [ "taken"; "can't be written" ] (fun () -> Safetensors.Save(taken, one 2f))

        refused [ "nowhere"; "can't be written" ] (fun () ->
            Safetensors.Save(Path.Combine(folder, "nowhere", "w"), one 2f))

        Assert.Equal<string[]>([| "taken"; "w.safetensors" |], names folder)
        refused [ "can't be read" ] (fun () -> Safetensors.Read(Path.Combine(folder, "nothing")))
        refused [ "can't be read" ] (fun () -> Safetensors.Read taken)
        refused [ "'' can't be read" ] (fun () -> Safetensors.Read "")
        refused [ "can't be written"; "a\\0b" ] (fun () -> Safetensors.Save("a\000b", one 2f)))

[<Fact>]
let ``the old file is whole until the new one is`` () =
    use scope = torch.NewDisposeScope()

    inFolder (fun folder ->
        let path = Path.Combine(folder, "w.safetensors")
        Safetensors.Save(path, one 1f)
        let old = File.ReadAllBytes path
        use reader = File.OpenRead path
        Safetensors.Save(path, one 2f)

        // Who had the old file open still reads all of it: it was replaced, not written over.
        let seen = Array.zeroCreate old.Length
        reader.ReadExactly(Span<byte> seen)
        Assert.Equal<byte[]>(old, seen)
        Assert.Equal(2f, first path)
        Assert.Equal<string[]>([| "w.safetensors" |], names folder))

[<Fact>]
let ``a link stays a link, and access rights stay`` () =
    use scope = torch.NewDisposeScope()

    if not (OperatingSystem.IsWindows()) then
        inFolder (fun folder ->
            let target = Path.Combine(folder, "real", "w.safetensors")
            Directory.CreateDirectory(Path.Combine(folder, "real")) |> ignore
            let link, second = Path.Combine(folder, "link"), Path.Combine(folder, "second")
            File.CreateSymbolicLink(link, target) |> ignore
            File.CreateSymbolicLink(second, "link") |> ignore

            // At first the link leads nowhere.
            for value in [ 1f; 2f ] do
                Safetensors.Save(second, one value)
                Assert.Equal(value, first target)
                Assert.Equal(target, FileInfo(link).LinkTarget)
                Assert.Equal("link", FileInfo(second).LinkTarget)
                Assert.Equal<string[]>([| "w.safetensors" |], names (Path.Combine(folder, "real")))

                if value = 1f then
                    File.SetUnixFileMode(target, UnixFileMode.UserRead ||| UnixFileMode.UserWrite)

            Assert.Equal(UnixFileMode.UserRead ||| UnixFileMode.UserWrite, File.GetUnixFileMode target)
            Assert.Equal<string[]>([| "link"; "real"; "second" |], names folder))

[<Fact>]
let ``halves of characters are refused before anything is written`` () =
    use scope = torch.NewDisposeScope()

    inFolder (fun folder ->
        let path = Path.Combine(folder, "w")
        let half = String('\uD83D', 1)
        let named = one 1f
        named.Add("w" + half, torch.zeros 1L)
        refused [ "name of a tensor"; "U+D83D"; "position 1" ] (fun () -> Safetensors.Save(path, named))
        let note key value = Dictionary(dict [ key, value ])
        refused [ "metadata"; "U+D83D" ] (fun () -> Safetensors.Save(path, one 1f, note half "a"))
        refused [ "metadata"; "U+D83D" ] (fun () -> Safetensors.Save(path, one 1f, note "a" half))
        Assert.Empty(names folder)
        Safetensors.Save(path, one 1f, note "whole" "😀")
        let struct (_, metadata) = Safetensors.Read path
        Assert.Equal("😀", metadata["whole"]))

[<Fact>]
let ``tensors larger than what a span holds are saved and read`` () =
    use scope = torch.NewDisposeScope()

    withFile (fun path ->
        // Spread out of one number, it takes no memory to save.
        let size = (1L <<< 31) + 5L
        let large = (torch.tensor ([| 7uy |])).expand size
        let after = torch.arange (5L, dtype = torch.float32)
        Safetensors.Save(path, Dictionary(dict [ "large", large; "then", after ]))
        let struct (loaded, _) = Safetensors.Read path
        Assert.Equal<int64[]>([| size |], loaded["large"].shape)
        Assert.Equal(7uy, loaded["large"].min().item<byte>())
        Assert.Equal(7uy, loaded["large"].max().item<byte>())
        Assert.True(after.equal(loaded["then"]).all().item<bool>()))

module private Compiled =
    open Equivariant

    let model channels =
        network {
            input "x" (image 1 4 4 |> under (cyclic 4) rotations)
            eq "x" (linear channels)
            readout (invariant (classes 2))
        }
        |> Model.compile Target.cpu

let private same (left: torch.Tensor list) (right: torch.Tensor list) =
    List.forall2 (fun (x: torch.Tensor) (y: torch.Tensor) -> x.eq(y).all().item<bool>()) left right

[<Fact>]
let ``TorchSharp's load leaves a network as it was where the file is another's`` () =
    use scope = torch.NewDisposeScope()
    let s3 = Group.Symmetric 3
    let points = natural s3
    let action = AxisAction(PermutationAction.Natural s3, -1)

    let perceptron () =
        new Perceptron(3L, [ 3L ], torch.float32)

    let networks: torch.nn.Module list = [
        new EquivariantLinear(points, points)
        new EquivariantLinear(points, points, 2L)
        new InvariantSymmetricLinear(points, points, 1L, 3L)
        new EquivariantSequential(new EquivariantLinear(points, points), new EquivariantLayerNorm(points))
        MultiInputLayer.Linear([| Port("a", points) |], [| Port("a", points) |])
        new MultiInputLayer(
            [| Port("a", action) |],
            [| Port("a", action) |],
            [| Block.Equivariant("a", "a", perceptron ()) |]
        )
        new Equitune(perceptron (), action, action)
        new Canonicalise(perceptron (), action, action, (fun x -> x.sum [| 1L |]))
        new MonteCarloEquitune(perceptron (), action, action, 2, Random 1)
        new ToySequenceModel(3, 3, torch.float32)
        Compiled.model 2
        Compiled.model 3
    ]

    let valuesOf (network: torch.nn.Module) = [
        for KeyValue(_, tensor) in network.state_dict () -> tensor.detach().clone()
    ]

    inFolder (fun folder ->
        let file i = Path.Combine(folder, $"{i}.dat")
        networks |> List.iteri (fun i network -> network.save (file i) |> ignore)
        File.WriteAllBytes(file "noise", Array.init 300 (fun i -> byte (37 * i)))
        File.WriteAllBytes(file "empty", [||])
        let whole = File.ReadAllBytes(file 0)
        File.WriteAllBytes(file "cut", whole[.. whole.Length - 3])

        for i, network in List.indexed networks do
            let saved = valuesOf network

            do
                use _ = torch.no_grad ()

                for parameter in network.parameters () do
                    parameter.copy_ (torch.randn_like parameter) |> ignore

            let name = network.GetName()
            let before = valuesOf network

            let shapes (network: torch.nn.Module) = [
                for KeyValue(name, t) in network.state_dict () -> name, List.ofArray t.shape
            ]

            let others =
                [
                    for j, other in List.indexed networks do
                        if shapes other <> shapes network then
                            file j
                ]
                @ [
                    file "noise"
                    file "empty"
                    if i = 0 then
                        file "cut"
                ]

            for other in others do
                refused [ name; "left as it was"; "saved from another network, or is damaged" ] (fun () ->
                    network.load other)

                Assert.True(same before (valuesOf network))

            network.load (file i) |> ignore
            Assert.True(same saved (valuesOf network)))

[<Fact>]
let ``numbers begin at multiples of eight, and files do not depend on the order of names`` () =
    use scope = torch.NewDisposeScope()

    inFolder (fun folder ->
        for length in 1..9 do
            let name = String.replicate length "n"
            let tensors = [ name, torch.arange 3L; "a", torch.ones 2L ]

            let saved (tensors: (string * torch.Tensor) list) =
                let path = Path.Combine(folder, "w")
                Safetensors.Save(path, Dictionary(dict tensors))
                File.ReadAllBytes path

            let bytes = saved tensors
            Assert.Equal(0UL, (8UL + BitConverter.ToUInt64(bytes, 0)) % 8UL)
            Assert.Equal<byte[]>(bytes, saved (List.rev tensors)))

[<Fact>]
let ``what does not fit is found before the first tensor is loaded`` () =
    use scope = torch.NewDisposeScope()

    inFolder (fun folder ->
        let path = Path.Combine(folder, "w")
        let points = natural (Group.Symmetric 3)
        use layer = new EquivariantLinear(points, points)
        let state = Dictionary(layer.state_dict ())
        let before = layer.Weight.detach().clone()
        state["weight"] <- torch.ones_like layer.Weight

        // Everything that the layer needs, and one tensor more.
        state.Add("zzz", torch.ones 1L)
        Safetensors.Save(path, state)
        refused [ "'zzz'" ] (fun () -> Safetensors.Load(path, layer))
        Assert.True(before.eq(layer.Weight).all().item<bool>()))
