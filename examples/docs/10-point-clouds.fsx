(**
---
title: 10. Point clouds
category: Tutorials
categoryindex: 1
index: 10
description: Bodies in space, in any order and however they are turned: an infinite group and a finite one together.
---

# Point clouds

Four bodies attract each other. Where they are a while later does not depend on how they are numbered, nor on how space is
turned: O(3) is infinite, so it is averaged over a *frame*, the few elements that an input picks itself.
*)

#load "../equivariant.fsx"

open System
open TorchSharp
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Compact
open Equivariant.Core.Designs
open Equivariant.Core.Groups

let bodies = 4

(**
## Bodies

How each of [B, n, 3] is pulled by the others; near ones softly, so that steps may be long.
*)

let pulls (x: torch.Tensor) =
    let apart = x.unsqueeze 1L - x.unsqueeze 2L
    let softened = apart.square().sum(-1L, true) + 0.1.ToScalar()
    (apart / softened.pow (1.5.ToScalar())).sum 2L

(**
Leapfrog steps: positions and velocities a while later.
*)

let simulate steps (x: torch.Tensor, v: torch.Tensor) =
    let step = 0.05.ToScalar()

    ((x, v), seq { 1..steps })
    ||> Seq.fold (fun (x, v) _ ->
        let half = v + pulls x * step * 0.5.ToScalar()
        let x = x + half * step
        x, half + pulls x * step * 0.5.ToScalar())

(**
Flat clouds that lie in one plane, more or less: a network that saw no others knows nothing about turned ones.
*)

let draw seed count =
    torch.manual_seed seed |> ignore
    let flat = torch.tensor [| 1.0f; 0.6f; 0.1f |]
    let x = torch.randn (count, int64 bodies, 3L) * flat
    let v = torch.randn (count, int64 bodies, 3L) * flat * 0.3.ToScalar()
    let later, _ = simulate 10 (x, v)
    torch.cat ([| x; v |], 2L), later - x

let seen, moved = draw 1L 256L
let unseen, movedThere = draw 2L 256L

(**
## The group

O(3) can be drawn from, but not listed. It turns positions and velocities, and how far bodies move.
*)

let o3 = CompactGroup.Orthogonal 3
let onInput = CompactAction(o3, [| VectorKind.Vector; VectorKind.Vector |])
let onOutput = CompactAction(o3, [| VectorKind.Vector |])
let turns = o3.Random(256L, Random 1)

let turned, movedTurned =
    onInput.ApplyEach(turns, unseen), onOutput.ApplyEach(turns, movedThere)

let perceptron () =
    torch.nn.Sequential(
        torch.nn.Flatten 1L :> Net,
        torch.nn.Linear(int64 (6 * bodies), 64L) :> Net,
        torch.nn.ReLU() :> Net,
        torch.nn.Linear(64L, int64 (3 * bodies)) :> Net,
        torch.nn.Unflatten(1L, [| int64 bodies; 3L |]) :> Net
    )

(**
The axes of each cloud, both senses of each: eight turns. In them its bodies are sorted, so that their order does not matter either.
*)

let framed () =
    let anyOrder = AxisAction(PermutationAction.Natural(Group.Symmetric bodies), -2)

    let sorted =
        new FrameAverage(perceptron (), anyOrder, anyOrder, Frame.Sorting(TieBreaks(Random 1)))

    new CompactFrameAverage(sorted, onInput, onOutput, CompactFrame.PrincipalAxes(Random 1))

let error (model: Net) (x: torch.Tensor) (y: torch.Tensor) =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    (model.call x - y).square().mean().sqrt().item<float32>()

let train (model: Net) augment =
    let optimiser = torch.optim.Adam(model.parameters (), 0.003)
    let random = Random 3

    for _ in 1..150 do
        use scope = torch.NewDisposeScope()

        let x, y =
            if augment then
                let g = o3.Random(256L, random)
                onInput.ApplyEach(g, seen), onOutput.ApplyEach(g, moved)
            else
                seen, moved

        optimiser.zero_grad ()
        (model.call x - y).square().mean().backward()
        optimiser.step () |> ignore

    $"{error model unseen movedThere:F3} as in training, {error model turned movedTurned:F3} turned"

torch.manual_seed 5L |> ignore
printfn $"plain:        {train (perceptron ()) false}"
printfn $"augmentation: {train (perceptron ()) true}"
printfn $"frames:       {train (framed ()) false}"

(*** include-output ***)
