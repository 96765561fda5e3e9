/// What is built at first use is built once, or harmlessly twice: sixteen threads that use a thing for the first time at
/// the same moment find what one thread finds.
module Equivariant.Tests.Layers.ThreadTests

open System
open System.Threading
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Representations.SmallGroups

let private threads = 16

/// Starts all threads at once and gives what each found.
let private atOnce (work: int -> torch.Tensor) =
    use barrier = new Barrier(threads)
    let found = Array.create threads (Error "did not run")

    let run i () =
        barrier.SignalAndWait()

        found[i] <-
            try
                Ok(work i)
            with error ->
                Error(string error)

    let all = Array.init threads (fun i -> Thread(run i))
    all |> Array.iter _.Start()
    all |> Array.iter _.Join()

    found
    |> Array.map (function
        | Ok tensor -> tensor
        | Error text -> failwith text)

/// Each case makes a fresh thing and gives a use of it that is the same every time.
let private cases: (string * (unit -> (int -> torch.Tensor))) list =
    let group = Group.Symmetric 4
    let double = torch.float64

    let input (shape: int64 list) i =
        use generator = new torch.Generator(uint64 i, torch.CPU)
        torch.randn (Array.ofList shape, dtype = double, generator = generator)

    let action () =
        PermutationAction(group, 4, [| for g in group.Generators -> g.Code.ToArray() |])

    let skewed () = skewed (Random 1) group
    let elements = Seq.toArray group.Elements

    let invariants make () =
        let representation: Representation = make ()

        fun i ->
            let x = input [ 2L; int64 representation.Dimension ] i
            representation.Invariants.Expand(representation.Invariants.Pool x)

    /// The value and the gradients of a layer, which keep the values of one input apart from those of others.
    let layer (make: unit -> EquivariantModule) () =
        let layer = make ()

        fun i ->
            let x =
                (input [ 2L; layer.InputChannels; int64 layer.Input.Dimension ] i).requires_grad_()

            let y = layer.call x
            let arguments = [| x; yield! layer.parameters () |> Seq.map (fun p -> p :> torch.Tensor) |]

            let slopes =
                torch.autograd.grad (
                    [| y.square().sum() |],
                    arguments,
                    retain_graph = true,
                    create_graph = true
                )

            let again = torch.autograd.grad ([| slopes[0].square().sum() |], arguments)

            torch.cat (
                ResizeArray [
                    for tensor in [ y; yield! slopes; yield! again ] -> tensor.detach().flatten()
                ]
            )

    let acting (make: unit -> TensorAction) (x: int -> torch.Tensor) () =
        let action = make ()
        let map = action.Over elements
        fun i -> map.PullBack(map.Expand(x i)) + map.Expand(x i)

    let average (make: unit -> TensorAction) () =
        let action = make ()
        fun i -> (action.Average group).Apply(input [ 2L; 4L ] i)

    [
        "orbits",
        (fun () ->
            let action = action ()

            fun _ ->
                torch.tensor [|
                    for orbit in action.Orbits do
                        yield! orbit
                |]
                + action.OrbitCount.ToScalar())
        "invariants of points",
        invariants (fun () -> Representation.Of(action ()) + Representation.Of(action ()))
        "invariants of matrices", invariants skewed
        "invariants of a sum", invariants (fun () -> skewed () + Representation.Of(action ()))
        "maps",
        (fun () ->
            let v, w = skewed (), skewed () * skewed ()
            fun _ -> (EquivariantBasis.Between(v, w)).Matrices())
        "maps of points",
        (fun () ->
            let basis =
                EquivariantBasis.Between(Representation.Of(action ()), Representation.Of(action ()))

            fun _ -> basis.Matrices())
        "linear layer",
        layer (fun () ->
            let points = Representation.Of(action ())
            new EquivariantLinear(points.Power 2, points, 30L, 40L, dtype = double))
        "linear layer on matrices",
        layer (fun () -> new EquivariantLinear(skewed (), skewed (), 3L, 4L, dtype = double))
        "invariant-symmetric layer",
        layer (fun () ->
            new InvariantSymmetricLinear(skewed (), Representation.Of(action ()), 3L, 4L, dtype = double))
        "norm, gates and readout",
        layer (fun () ->
            let mixed = skewed () + Representation.Of(action ())

            new EquivariantSequential(
                new EquivariantLayerNorm(mixed, 3L, dtype = double),
                new EquivariantNonlinearity(mixed, 3L, (fun x -> torch.tanh x), dtype = double),
                new InvariantReadout(mixed, 3L)
            ))
        "action on an axis", acting (fun () -> AxisAction(action (), -1)) (input [ 2L; 4L ])
        "action of matrices", acting (fun () -> MatrixAction(skewed ())) (input [ 2L; 4L ])
        "action on tokens",
        acting (fun () -> TokenAction(action ())) (fun i -> tokens (Random i) 0 4 [ 2L; 5L ])
        "average on an axis", average (fun () -> AxisAction(action (), -1))
        "average by matrices", average (fun () -> MatrixAction(skewed ()))
    ]

[<Fact>]
let ``sixteen threads that use a fresh thing at once find what one thread finds`` () =
    for name, make in cases do
        for round in 1..5 do
            torch.manual_seed 1L |> ignore
            let expected = Array.init threads (make ())
            torch.manual_seed 1L |> ignore
            let found = atOnce (make ())

            for i in 0 .. threads - 1 do
                let gap = distance expected[i] found[i]
                Assert.True(gap < 1e-9, $"{name}, round {round}, thread {i}: off by {gap}")
