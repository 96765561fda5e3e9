/// Models declared in the language, on a target that ranks share.
module Equivariant.RankChecks.Declared

open TorchSharp
open Equivariant
open Equivariant.Core.Distributed
open Equivariant.RankChecks.Check

let private declared (ranks: Ranks) =
    let model =
        network {
            input "x" (image 1 4 4 |> under (cyclic 4) rotations)
            input "y" (image 1 4 4 |> under (cyclic 2) rotations)
            eq "x" (mlp [ 6 ])
            eq "y" (mlp [ 6 ])
            is ("y" --> "x") (mlp [ 6 ])
            apply relu
            readout (invariant (classes 3))
        }

    let images = [|
        torch.randn ([| 3L; 1L; 4L; 4L |], dtype = torch.float64)
        torch.randn ([| 3L; 1L; 4L; 4L |], dtype = torch.float64)
    |]

    images |> Array.iter (fun x -> ranks.Broadcast x)

    for name, design in
        [
            "equitune", equitune
            "quotient", quotient
            "weighted", weighted 4 equitune
            "canonical", canonical "first" (fun x -> x.flatten(1L).select(1L, 0L))
            "sampled", sampled 5
        ] do
        let measure target =
            let compiled = Model.compile target (Model.withDesign design model)
            let outputs = compiled.call images |> List.ofArray

            for y in outputs do
                y.square().sum().backward(retain_graph = true)

            outputs @ [ for p in compiled.parameters () -> p.grad ]

        let alone = {
            Target.cpu with
                DType = torch.float64
        }

        allClose 1e-12 name (measure alone) (measure (alone |> Target.across ranks))

let checks: Check list = [ "declared models", declared ]
