/// A TorchScript module, written as PyTorch writes one: a stored zip with the code and a pickled object.
module Equivariant.Tests.TorchScript

open System.IO
open System.IO.Compression
open System.Text

let private code =
    "class M(Module):\n\
     \x20 __parameters__ = []\n\
     \x20 __buffers__ = []\n\
     \x20 training : bool\n\
     \x20 def forward(self: __torch__.M,\n\
     \x20   x: Tensor) -> Tensor:\n\
     \x20   return torch.add(torch.sin(x), torch.cumsum(x, 1))\n"

/// Protocol 2: an object of class __torch__.M whose only attribute says that it is not in train mode.
let private pickledObject =
    Array.concat [
        [| 0x80uy; 2uy |]
        Encoding.ASCII.GetBytes "c__torch__\nM\n"
        [| byte ')'; 0x81uy; byte '}'; byte '('; byte 'X'; 8uy; 0uy; 0uy; 0uy |]
        Encoding.ASCII.GetBytes "training"
        [| 0x89uy; byte 'u'; byte 'b'; byte '.' |]
    ]

let private pickledEmptyTuple = [| 0x80uy; 2uy; byte ')'; byte '.' |]

/// Saves the module x ↦ sin x + cumsum x, for inputs of two axes: it has no symmetry.
let save (path: string) =
    use zip = new ZipArchive(File.Create path, ZipArchiveMode.Create)

    for name, content in
        [
            "data.pkl", pickledObject
            "code/__torch__.py", Encoding.ASCII.GetBytes code
            "constants.pkl", pickledEmptyTuple
            "version", Encoding.ASCII.GetBytes "3\n"
        ] do
        use stream = zip.CreateEntry($"m/{name}", CompressionLevel.NoCompression).Open()
        stream.Write(content, 0, content.Length)
