(**
---
title: On a GPU
category: How to
categoryindex: 2
index: 8
description: Build with CUDA, choose the device, and what travels.
---

# On a GPU

Which libtorch comes with the build is a property of it:

```text
dotnet build -c Release -p:LibTorch=cuda     TorchSharp-cuda-linux, some gigabytes
dotnet build -c Release -p:LibTorch=none     your own: EQUIVARIANT_LIBTORCH names a folder such as PyTorch 2.10.0's torch/lib
```

The code is the same on any device. `Target.best ()` is the GPU if this libtorch sees one:
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

let target = Target.best ()

let model =
    network {
        input "x" (image 1 8 8 |> under (cyclic 4) rotations)
        eq "x" (convNet 4)
    }
    |> Model.compile target

let x = torch.randn ([| 2L; 1L; 8L; 8L |], device = torch.device target.Device)
let y = model.Predict x
printfn $"this page was made on {target.Device}; the output is on {y.device_type}"

(*** include-output ***)

(**
What is asked for and not there is refused, before anything runs:
*)

try
    Report.ofModelOn
        { Target.cpu with Device = "cuda:7" }
        (network {
            input "x" (vector 4 |> under (cyclic 4) circle)
            eq "x" (mlp [ 4 ])
        })
    |> ignore
with error ->
    printfn $"refused: {error.Message}"

(*** include-output ***)

(**
Index tensors of the actions are made once and stay on the device; elements of groups are drawn on the CPU. Experiments take
`--device cuda`. From C#, move a design like any module: `design.to(CUDA)`.

## Older systems, odd processors

The CPU version needs nothing. On systems whose libstdc++ is older than GCC 13's (Debian 12, Ubuntu 22.04, RHEL 9) the build adapts its own copy of
TorchSharp's native library so that it loads, and F# Interactive a copy in your folder of application data. On some processors the oneDNN inside
libtorch computes wrong convolutions: when Equivariant loads libtorch it tries a few, and where one is wrong it switches oneDNN off and says so.
`EQUIVARIANT_ONEDNN=on` or `off` decides instead.
*)
