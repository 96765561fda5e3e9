module Equivariant.Cli.Program
open TorchSharp
[<EntryPoint>]
let main argv =
    printfn "%s" (torch.arange(3).ToString(TorchSharp.TensorStringStyle.Numpy))
    0
