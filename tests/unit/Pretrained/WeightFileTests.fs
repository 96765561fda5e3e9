module Equivariant.Tests.Pretrained.WeightFileTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp
open type TorchSharp.torch.nn
open Xunit
open Equivariant.Core
open Equivariant.Core.Serialization
open Equivariant.Pretrained
open Equivariant.Pretrained.Weights
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private write folder name (bytes: byte[]) =
    let file = Path.Combine(folder, name)
    File.WriteAllBytes(file, bytes)
    file

let private save folder name (tensors: (string * torch.Tensor) list) =
    let file = Path.Combine(folder, name)
    Safetensors.Save(file, Dictionary(dict tensors))
    file

[<Fact>]
let ``tensors read one by one are those read at once`` () =
    use scope = torch.NewDisposeScope()

    for name in [ "gpt2_tiny/model.safetensors"; "clip_vit_tiny/huggingface.safetensors" ] do
        use file = WeightFiles.Open(path name)
        let all = read name
        Assert.Equal<Set<string>>(set all.Keys, set file.Tensors.Keys)

        for KeyValue(name, tensor) in all do
            let one = file.Tensors[name].Read()
            Assert.Equal(tensor.dtype, one.dtype)
            Assert.True(same tensor one, name)
            Assert.Equal(torch.float64, (file.Tensors[name].Read torch.float64).dtype)

/// One tensor of each type that torch lacks, the values that it has, and one that torch knows.
let private foreign = [
    "F8_E4M3",
    [| 0x38uy; 0x7Euy; 0x01uy; 0xB8uy; 0x00uy; 0x08uy |],
    [ 1.0; 448.0; 0.001953125; -1.0; 0.0; 0.015625 ]
    "F8_E5M2",
    [| 0x3Cuy; 0x7Buy; 0x01uy; 0xBCuy; 0x7Cuy; 0x04uy |],
    [ 1.0; 57344.0; 2.0 ** -16.0; -1.0; infinity; 2.0 ** -14.0 ]
    "U16", [| 0xFFuy; 0xFFuy; 1uy; 0uy |], [ 65535.0; 1.0 ]
    "U32", [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy |], [ 4294967295.0 ]
    "U64", BitConverter.GetBytes(1UL <<< 40), [ 1099511627776.0 ]
]

let private mixed folder =
    let data = foreign |> List.map (fun (_, bytes, _) -> bytes)
    let starts = data |> List.scan (fun at (bytes: byte[]) -> at + bytes.Length) 0

    let entries = [
        for (name, bytes, values), start in List.zip foreign (List.take foreign.Length starts) ->
            $"\"{name}\":{{\"dtype\":\"{name}\",\"shape\":[{List.length values}],\"data_offsets\":[{start},{start + bytes.Length}]}}"
    ]

    let last = List.last starts

    let known =
        $"\"known\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{last},{last + 4}]}}"

    let unknown =
        $"\"unknown\":{{\"dtype\":\"F6_E3M2\",\"shape\":[4],\"data_offsets\":[{last + 4},{last + 7}]}}"

    let header = String.concat "," (entries @ [ known; unknown ])

    write
        folder
        "mixed.safetensors"
        (SafetensorsBytes.raw
            $"{{{header}}}"
            (Array.concat (data @ [ BitConverter.GetBytes 2.5f; [| 1uy; 2uy; 3uy |] ])))

[<Fact>]
let ``types that torch lacks are converted by request, and the rest of the file reads without`` () =
    Program.inFolder (fun folder ->
        use file = WeightFiles.Open(mixed folder)
        Assert.Equal(2.5f, (file.Tensors["known"].Read()).item<float32>())

        for name, _, values in foreign do
            refused [ folder; $"'{name}'"; "torch lacks" ] (fun () -> file.Tensors[name].Read())
            use read = file.Tensors[name].Read(torch.float64, true)
            Assert.Equal<float[]>(Array.ofList values, read.data<float>().ToArray())

        use nan = file.Tensors["F8_E4M3"].Read(convert = true)
        Assert.Equal(torch.float32, nan.dtype)

        refused [ "'unknown'"; "F6_E3M2"; "not known" ] (fun () ->
            file.Tensors["unknown"].Read(convert = true)))

[<Fact>]
let ``floats of eight bits have their NaN and the largest U64 is refused`` () =
    Program.inFolder (fun folder ->
        let header =
            """{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U64","shape":[1],"data_offsets":[2,10]}}"""

        use file =
            WeightFiles.Open(
                write
                    folder
                    "x.safetensors"
                    (SafetensorsBytes.raw
                        header
                        (Array.append [| 0x7Fuy; 0xFFuy |] (BitConverter.GetBytes UInt64.MaxValue)))
            )

        use a = file.Tensors["a"].Read(convert = true)
        Assert.All(a.data<float32>().ToArray(), fun value -> Assert.True(Single.IsNaN value))
        refused [ "2^63" ] (fun () -> file.Tensors["b"].Read(convert = true)))

[<Fact>]
let ``damaged safetensors files are refused before anything is read`` () =
    Program.inFolder (fun folder ->
        for bytes, reason in SafetensorsBytes.damaged do
            let file = write folder "x.safetensors" bytes
            refused [ file; reason ] (fun () -> WeightFiles.Open file))

let private shards folder =
    let tensors = read "gpt2_tiny/model.safetensors" |> Seq.sortBy _.Key |> List.ofSeq
    let first, second = List.splitAt 17 tensors

    for name, part in
        [
            "model-00001-of-00002.safetensors", first
            "model-00002-of-00002.safetensors", second
        ] do
        save folder name [ for KeyValue(name, tensor) in part -> name, tensor ]
        |> ignore

    let entries = [
        for KeyValue(name, _) in first -> $"\"{name}\":\"model-00001-of-00002.safetensors\""
        for KeyValue(name, _) in second -> $"\"{name}\":\"model-00002-of-00002.safetensors\""
    ]

    let joined = String.concat "," entries

    File.WriteAllText(
        Path.Combine(folder, "model.safetensors.index.json"),
        $"{{\"metadata\":{{\"total_size\":1}},\"weight_map\":{{{joined}}}}}"
    )

    copyInto folder [ "gpt2_tiny/config.json", "config.json" ]

[<Fact>]
let ``a model in shards is the model in one file`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        shards folder
        let expected = read "gpt2_tiny/expected.safetensors"
        use model = Gpt2.Load folder
        assertClose 1e-4 expected["logits"] (model.Logits expected["input_ids"]))

[<Fact>]
let ``a shard that is not there, or has not what the index says, is named`` () =
    Program.inFolder (fun folder ->
        shards folder
        let index = Path.Combine(folder, "model.safetensors.index.json")
        let text = File.ReadAllText index

        File.WriteAllText(
            index,
            text.Replace("\"wte.weight\":\"model-00002", "\"wte.weight\":\"model-00001")
        )

        refused [ "model-00001-of-00002.safetensors"; "'wte.weight'" ] (fun () -> Gpt2.Load folder)
        File.WriteAllText(index, text)
        File.Delete(Path.Combine(folder, "model-00002-of-00002.safetensors"))
        refused [ index; "model-00002-of-00002.safetensors"; "not there" ] (fun () -> Gpt2.Load folder)
        File.WriteAllText(index, """{"weight_map":{"wte.weight":"../other.safetensors"}}""")
        refused [ "../other.safetensors"; "plain name" ] (fun () -> Gpt2.Load folder)
        File.WriteAllText(index, """{"weight_map":{"wte.weight":3}}""")
        refused [ index; "wte.weight" ] (fun () -> Gpt2.Load folder)
        File.WriteAllText(index, """{"x":1}""")
        refused [ index; "weight_map" ] (fun () -> Gpt2.Load folder))

[<Fact>]
let ``maps of names are data`` () =
    let found (map: WeightMap) name =
        match map.Find name with
        | null -> "?"
        | rule -> if isNull rule.To then "-" else $"{rule.To} {rule.Part}"

    for name, expected in
        [
            "wte.weight", "wte.weight Whole"
            "transformer.wte.weight", "wte.weight Whole"
            "module.transformer.h.11.attn.c_attn.bias", "h.11.attn.c_attn.bias Whole"
            "h.0.attn.bias", "-"
            "transformer.h.0.attn.masked_bias", "-"
            "lm_head.weight", "lm_head.weight Whole"
            "score.weight", "?"
            "h.0.attn", "?"
        ] do
        Assert.Equal(expected, found Gpt2.Names name)

    for name, expected in
        [
            "text_model.encoder.layers.7.self_attn.k_proj.weight",
            "transformer.resblocks.7.attn.in_proj_weight SecondThird"
            "vision_model.pre_layrnorm.bias", "visual.ln_pre.bias Whole"
            "visual_projection.weight", "visual.proj Transposed"
            "transformer.resblocks.3.attn.in_proj_weight", "transformer.resblocks.3.attn.in_proj_weight Whole"
            "visual.layer2.0.downsample.1.running_mean", "visual.layer2.0.downsample.1.running_mean Whole"
            "input_resolution", "-"
            "vision_model.embeddings.position_ids", "-"
        ] do
        Assert.Equal(expected, found Clip.Names name)

    let own = WeightMap([ "old." ], [ WeightRule("*.w", "layers.*.weight") ])
    Assert.Equal("layers.2.weight Whole", found own "old.2.w")

[<Fact>]
let ``loading says what was missing and what was left over`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        use layer = Linear(2L, 3L)
        use bias = layer.bias.clone ()

        let file =
            save folder "x.safetensors" [ "weight", torch.arange(6L).view(3L, 2L); "other", torch.zeros 1L ]

        use weights = WeightFiles.Open file
        refused [ file; "'bias'" ] (fun () -> WeightLoader.Load(layer, weights))

        refused [ file; "'other'" ] (fun () ->
            WeightLoader.Load(layer, weights, null, LoadOptions(AllowMissing = true)))

        let report = WeightLoader.Load(layer, weights, null, LoadOptions.Partial)
        Assert.Equal<string>([ "weight" ], report.Loaded)
        Assert.Equal<string>([ "bias" ], report.Missing)
        Assert.Equal<string>([ "other" ], report.LeftOver)
        Assert.Equal<float32[]>([| 0f; 1f; 2f; 3f; 4f; 5f |], layer.weight.data<float32>().ToArray())
        Assert.True(same bias layer.bias)

        let wrong =
            save folder "y.safetensors" [ "weight", torch.zeros (2L, 3L); "bias", torch.zeros 3L ]

        use wrong = WeightFiles.Open wrong

        refused [ "y.safetensors"; "'weight'"; "[2, 3]"; "[3, 2]" ] (fun () ->
            WeightLoader.Load(layer, wrong))

        Assert.Equal(5f, layer.weight[2, 1].item<float32>()))

[<Fact>]
let ``a tensor of a type that torch lacks is refused, skipped or converted`` () =
    Program.inFolder (fun folder ->
        let header =
            """{"weight":{"dtype":"F8_E4M3","shape":[1,2],"data_offsets":[0,2]},"bias":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}"""

        let file =
            write folder "x.safetensors" (SafetensorsBytes.raw header [| 0x38uy; 0xB8uy; 0uy; 0x3Cuy |])

        use weights = WeightFiles.Open file
        use layer = Linear(2L, 1L)
        refused [ file; "'weight'"; "F8_E4M3" ] (fun () -> WeightLoader.Load(layer, weights))

        let skipped =
            WeightLoader.Load(
                layer,
                weights,
                null,
                LoadOptions(AllowMissing = true, Foreign = ForeignTypes.Skip)
            )

        Assert.Equal<string>([ "weight" ], skipped.Skipped)
        Assert.Equal<string>([ "weight" ], skipped.Missing)
        Assert.Equal(1f, layer.bias.item<float32>())

        WeightLoader.Load(layer, weights, null, LoadOptions(Foreign = ForeignTypes.Convert))
        |> ignore

        Assert.Equal<float32[]>([| 1f; -1f |], layer.weight.data<float32>().ToArray()))

/// What the system says of this process's memory, in bytes.
let private memory (what: string) =
    File.ReadLines "/proc/self/status"
    |> Seq.find _.StartsWith($"{what}:")
    |> fun line ->
        1024L
        * Int64.Parse(line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)[1])

[<Fact>]
let ``loading needs the memory of the model and one tensor`` () =
    let count, size = 6L, 8L <<< 20 // 16 MB a tensor in the file, 32 MB in the module

    Program.inFolder (fun folder ->
        use model = Sequential()

        do
            use scope = torch.NewDisposeScope()
            let half = torch.full ([| size |], 0.5.ToScalar(), torch.float16)

            let file =
                save folder "big.safetensors" [ for i in 0L .. count - 1L -> $"{i}.weight", half ]

            ignore file

        for i in 0L .. count - 1L do
            let layer = LayerNorm([| size |], bias = false)
            model.append (string i, layer) |> ignore

        use weights = WeightFiles.Open(Path.Combine(folder, "big.safetensors"))
        GC.Collect()
        // Linux forgets the peak so far.
        File.WriteAllText("/proc/self/clear_refs", "5")
        let before = memory "VmRSS"
        WeightLoader.Load(model, weights) |> ignore
        let extra = memory "VmHWM" - before

        Assert.True(
            extra < (64L <<< 20),
            $"{extra >>> 20} MB on top of the model; a tensor has 16 and the file {count * 16L}"
        )

        Assert.Equal(0.5f, (Seq.last (model.parameters ())).[size - 1L].item<float32>()))

[<Fact>]
let ``places beyond two gigabytes are read`` () =
    Program.inFolder (fun folder ->
        let name = Path.Combine(folder, "long")
        let place = 5L <<< 29

        do
            use file = File.Create name
            file.SetLength(place + 8L)
            file.Position <- place
            file.Write(ReadOnlySpan(bytesOf [ 1.5f; -2f ]))

        use mapped = new MappedFile(name)
        use tensor = StoredTensor(name, "x", "F32", [| 2L |], mapped, place).Read()
        Assert.Equal<float32[]>([| 1.5f; -2f |], tensor.data<float32>().ToArray())
        refused [ "needs bytes" ] (fun () -> StoredTensor(name, "x", "F32", [| 3L |], mapped, place)))
