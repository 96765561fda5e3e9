/// How rows are given to a model: once each, in chunks, and only to models that give one value a row.
module Equivariant.Tests.Designs.EvaluationTests

open System
open System.Numerics
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c2 = Group.Cyclic 2
let private swap = AxisAction(PermutationAction.Natural c2, -1)

let private model (f: torch.Tensor -> torch.Tensor) = {
    new Model("given") with
        member _.forward x = f x
}

/// The value with distinct rows, which has to be that of plain evaluation, and the number of rows evaluated.
let private distinctly (f: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
    let meter = Meter()

    let counted =
        model (fun rows ->
            meter.Count rows.shape[0]
            f rows)

    let expected = (new Equitune(counted, swap, swap)).call x
    let plainly = meter.Rows

    let actual =
        (new Equitune(counted, swap, swap, evaluation = Evaluation(Distinct = true))).call x

    expected, actual, meter.Rows - plainly

[<Fact>]
let ``distinct rows of complex numbers differ by imaginary parts`` () =
    let x =
        torch
            .tensor(
                [|
                    Complex(1.0, 2.0)
                    Complex(1.0, -2.0)
                    Complex(1.0, 5.0)
                    Complex(1.0, 5.0)
                |]
            )
            .view(2L, 2L)

    let expected, actual, rows =
        distinctly (fun z -> z * z * torch.tensor [| 1.0; 3.0 |]) x

    Assert.True((expected - actual).abs().max().item<double>() < 1e-12)
    Assert.Equal(3L, rows)

[<Fact>]
let ``distinct rows of large integers`` () =
    let large = 1L <<< 60
    let x = torch.tensor([| large; large + 1L; large; large |]).view(2L, 2L)

    let expected, actual, rows =
        distinctly
            (fun rows -> (rows - torch.tensor (large)).``to`` torch.float64 * torch.tensor [| 1.0; 3.0 |])
            x

    assertClose 0.0 expected actual
    Assert.Equal(3L, rows)

[<Fact>]
let ``distinct rows keep the sign of zero, and rows with NaN stay apart from others`` () =
    let x = torch.tensor([| 0.0; -0.0; 0.0; 0.0 |]).view(2L, 2L)

    let expected, actual, _ =
        distinctly (fun rows -> (1.0.ToScalar() / rows).sign() * torch.tensor [| 1.0; 3.0 |]) x

    assertClose 0.0 expected actual
    let x = torch.tensor([| nan; 1.0; nan; 1.0; 0.0; 1.0; -0.0; 1.0 |]).view(4L, 2L)

    let expected, actual, rows =
        distinctly (fun rows -> rows * 2.0.ToScalar() + 1.0.ToScalar()) x

    assertClose 0.0 (expected.nan_to_num 7.0) (actual.nan_to_num 7.0)
    Assert.Equal(6L, rows)

[<Fact>]
let ``equal rows have gradients of their own`` () =
    // The first input is symmetric, and the second and the third are equal.
    let start = torch.tensor([| 1.0; 1.0; 2.0; 3.0; 2.0; 3.0 |]).view(3L, 2L)
    let weights = torch.tensor([| 1.0; 5.0; 7.0; 11.0; 13.0; 17.0 |]).view(3L, 2L)

    let slope evaluation =
        let x = start.clone().requires_grad_ true

        let design =
            new Equitune(
                model (fun rows -> rows.exp () * torch.tensor [| 1.0; 3.0 |]),
                swap,
                swap,
                evaluation = evaluation
            )

        (design.call x * weights).sum().backward()
        x.grad

    assertClose 1e-12 (slope (Evaluation())) (slope (Evaluation(Distinct = true)))

[<Fact>]
let ``chunks of no rows are refused when they are asked for`` () =
    refused [ "0 rows"; "at least 1" ] (fun () -> Evaluation(ChunkRows = 0))
    refused [ "-3 rows" ] (fun () -> Evaluation(ChunkRows = -3))

[<Fact>]
let ``chunks do not change a value, whatever their size`` () =
    let x = torch.randn ([| 5L; 2L |], dtype = torch.float64)

    let f (rows: torch.Tensor) =
        rows.exp () * torch.tensor [| 1.0; 3.0 |]

    let expected = (new Equitune(model f, swap, swap)).call x

    for size in [ 1; 3; 9; 10; 11 ] do
        let sizes = ResizeArray<int64>()

        let seen =
            model (fun rows ->
                sizes.Add rows.shape[0]
                f rows)

        assertClose
            1e-12
            expected
            ((new Equitune(seen, swap, swap, evaluation = Evaluation(ChunkRows = size))).call x)

        Assert.True(Seq.forall (fun rows -> rows <= int64 size) sizes)
        Assert.Equal(10L, Seq.sum sizes)

[<Fact>]
let ``a mean over many elements takes as many at a time as a call may have rows`` () =
    let group = Group.Symmetric 4
    let action = AxisAction(PermutationAction.Natural group, -1)

    let kleins =
        QuotientTerm.Of(group, group.Subgroup(group.DerivedSubgroup().DerivedSubgroup()))

    let f (rows: torch.Tensor) =
        rows.exp () * torch.tensor [| 1.0; 3.0; -2.0; 0.5 |]

    let calls = ResizeArray<int64>()

    let seen =
        model (fun rows ->
            calls.Add rows.shape[0]
            f rows)

    let whole = QuotientTerm.Equitune group

    for term, batch, size, expected in
        [
            whole, 3L, 16, [ 15L; 15L; 15L; 15L; 12L ]
            whole, 1L, 16, [ 16L; 8L ]
            whole, 16L, 16, [ for _ in 1..24 -> 16L ]
            // All in one call, two whole orbits a call, and more inputs than a call may have rows.
            whole, 3L, 72, [ 72L ]
            whole, 5L, 50, [ 48L; 48L; 24L ]
            whole, 5L, 4, List.replicate 24 3L @ List.replicate 24 2L
            kleins, 2L, 5, [ 4L; 4L; 4L ]
        ] do
        let design =
            new QuotientDesign(seen, action, action, [| term |], evaluation = Evaluation(ChunkRows = size))

        // The second time with parts that are there.
        for seed in 1..2 do
            torch.manual_seed (int64 seed) |> ignore
            let x = torch.randn ([| batch; 4L |], dtype = torch.float64)
            calls.Clear()
            let y = design.call x
            Assert.Equal<int64 list>(expected, List.ofSeq calls)
            assertClose 1e-12 ((new QuotientDesign(model f, action, action, [| term |])).call x) y

[<Fact>]
let ``parts of a mean serve batches of other sizes`` () =
    let group = Group.Symmetric 4
    let action = AxisAction(PermutationAction.Natural group, -1)

    let f (rows: torch.Tensor) =
        rows.exp () * torch.tensor [| 1.0; 3.0; -2.0; 0.5 |]

    let design =
        new Equitune(model f, action, action, evaluation = Evaluation(ChunkRows = 12))

    for batch in [ 3L; 2L; 1L; 12L; 3L; 13L; 0L ] do
        let x = torch.randn ([| batch; 4L |], dtype = torch.float64)
        assertClose 1e-12 ((new Equitune(model f, action, action)).call x) (design.call x)

[<Fact>]
let ``nothing of a part outlives it but its sum`` () =
    let action = AxisAction(PermutationAction.Natural(Group.Cyclic 64), -1)
    let living = ResizeArray<int64>()

    let counting (f: torch.Tensor -> torch.Tensor) =
        model (fun rows ->
            living.Add torch.Tensor.TotalCount
            f rows)

    let weights = counting (fun rows -> rows.select (1L, 0L))

    for reduction in [ Reduction.Mean(); Reduction.Weighted weights ] do
        for checkpoint in [ false; true ] do
            let design =
                new Equitune(
                    counting _.sin(),
                    action,
                    action,
                    reduction,
                    Evaluation(ChunkRows = 8, Checkpoint = checkpoint)
                )

            let run () =
                use scope = torch.NewDisposeScope()
                use _ = torch.set_grad_enabled checkpoint
                design.call ((torch.randn ([| 4L; 64L |])).requires_grad_ checkpoint) |> ignore

            // The first time, parts are made.
            run ()
            living.Clear()
            run ()
            // Of 32 parts, or twice as many calls with weights, none adds to what is there; numbers of weights are kept.
            let kept = if reduction.GetName() = "mean" then 0L else 32L
            Assert.InRange(Seq.max living - living[1], 0L, kept + 8L)
