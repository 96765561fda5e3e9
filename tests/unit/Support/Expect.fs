/// Expectations that many tests share.
module Equivariant.Tests.Expect

open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Tests.Tensors

/// Fails unless something is refused with a sentence that has all the parts.
let refused (parts: string list) (attempt: unit -> 'result) =
    let error = Assert.Throws<EquivariantException>(fun () -> attempt () |> ignore)

    for part in parts do
        Assert.Contains(part, error.Message)

/// The largest |f(gx) − g f(x)| over the first sixty elements of the group.
let equivarianceError
    (input: TensorAction)
    (output: TensorAction)
    (model: torch.nn.Module<torch.Tensor, torch.Tensor>)
    (x: torch.Tensor)
    =
    use scope = torch.NewDisposeScope()
    let here = model.call x

    input.Group.Elements
    |> Seq.truncate 60
    |> Seq.map (fun g -> distance (output.Apply(g, here)) (model.call (input.Apply(g, x))))
    |> Seq.max
