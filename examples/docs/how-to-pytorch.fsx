(**
---
title: I have a PyTorch model
category: How to
categoryindex: 2
index: 1
description: Bring a PyTorch model in as TorchScript, safetensors or ONNX, and make it equivariant.
---

# I have a PyTorch model

Three kinds of files bring it in. All three come to the same: something that evaluates a tensor, which `wrapping` puts into a
declaration and a design makes equivariant.

| you have | take | trains | needs |
| --- | --- | --- | --- |
| a model that `torch.jit.script` or `trace` takes | TorchScript | yes | nothing |
| its weights, and can write its layers down again | safetensors, or `pytorch_model.bin` | yes | the layers in TorchSharp |
| an export to ONNX | ONNX | no | ONNX Runtime, which is fetched |
*)

#load "../equivariant.fsx"

open System.IO
open TorchSharp
open Equivariant
open Equivariant.Core.Serialization
open Equivariant.Pretrained
open Equivariant.Pretrained.Weights

let folder = Directory.CreateTempSubdirectory("equivariant-").FullName
let at name = Path.Combine(folder, name)

(*** hide ***)
#load "../../tests/unit/Support/TorchScript.fs"
Equivariant.Tests.TorchScript.save (at "model.pt")

(**
## TorchScript

In Python: `torch.jit.script(model).save("model.pt")`. Here:
*)

let scripted = torch.jit.load<torch.Tensor, torch.Tensor>(at "model.pt")

let turnedBy (net: torch.nn.IModule<torch.Tensor, torch.Tensor>) =
    network {
        input "x" (vector 6 |> under (cyclic 6) circle)
        eq "x" (wrapping "scripted" (fun () -> net)) equitune
    }

Laws.check (turnedBy scripted)
printfn $"{Report.text (turnedBy scripted)}"

(*** include-output ***)

(**
A file from somebody else is a program: load only what you trust. Weights alone are read without running anything, as the next
section does.

## Weights

In Python: `safetensors.torch.save_file(model.state_dict(), "model.safetensors")`. Here the layers are written down once more,
with PyTorch's names; `WeightFiles.Open` reads safetensors, sharded or whole, `pytorch_model.bin` and `.pt` files.
*)

(*** hide ***)
let written =
    torch.nn.Sequential(
        struct ("body", torch.nn.Linear(6L, 8L) :> Net),
        struct ("head", torch.nn.Linear(8L, 6L) :> Net)
    )

Safetensors.Save(at "model.safetensors", written)

(*** show ***)
let layers =
    torch.nn.Sequential(
        struct ("body", torch.nn.Linear(6L, 8L) :> Net),
        struct ("head", torch.nn.Linear(8L, 6L) :> Net)
    )

let loaded =
    using (WeightFiles.Open(at "model.safetensors")) (fun file -> WeightLoader.Load(layers, file))

printfn $"{loaded.Loaded.Count} tensors loaded, {loaded.Missing.Count} missing"
Laws.check (turnedBy layers)

(*** include-output ***)

(**
Names that differ, transposed matrices and tied heads are a `cref:T:Equivariant.Pretrained.WeightMap`; GPT-2 and CLIP have theirs:
`Gpt2.Load "folder"` and `Clip.Load "folder"` take a folder as Hugging Face lays it out.

## ONNX

`OnnxModel.Load "model.onnx"` takes any ONNX file, for inference. A pretrained ResNet-18 comes as a package:
*)

let encoder = PackagedModels.ResNet18()
printfn $"{encoder.Inputs[0]} to {encoder.Outputs[0]}"

let features =
    network {
        input "photograph" (image 3 224 224 |> under (cyclic 4) rotations)
        eq "photograph" (wrapping "ResNet-18" (fun () -> encoder) |> giving (tensor [ 512; 1; 1 ])) equitune
        output "photograph" (tensor [ 512; 1; 1 ] |> under (cyclic 4) unmoved)
    }
    |> Model.compile Target.cpu

let x = torch.rand (1L, 3L, 224L, 224L)
let turned = torch.rot90 (x, 1L, struct (-2L, -1L))

let change (f: torch.Tensor -> torch.Tensor) =
    use _ = torch.no_grad ()
    (f x - f turned).abs().max().item<float32>()

printfn $"alone, features change by {change encoder.call:F3} when the image is turned"
printfn $"within equitune by {change features.Predict:E0}"

(*** include-output ***)

(*** hide ***)
Directory.Delete(folder, true)
