/// Small helpers for tests about tensors.
module Equivariant.Tests.Tensors

open System
open TorchSharp
open Xunit

/// The largest difference between two tensors of one shape.
let distance (left: torch.Tensor) (right: torch.Tensor) =
    Assert.Equal<int64[]>(left.shape, right.shape)

    if left.numel () = 0L then
        0.0
    else
        use difference = (left - right).abs().max().``to`` torch.float64
        difference.item<double>()

/// Fails unless two tensors agree and the first says something: no NaN, not all zero.
let assertClose tolerance (expected: torch.Tensor) (actual: torch.Tensor) =
    let gap = distance expected actual
    Assert.True(gap <= tolerance, $"expected a difference of at most {tolerance}, found {gap}")

    if expected.numel () > 0L then
        let size = expected.abs().max().``to``(torch.float64).item<double>()

        Assert.True(
            size > 0.0 && Double.IsFinite size,
            $"the expected values say nothing: their largest is {size}"
        )

/// Random tokens in [low, high).
let tokens (random: Random) low high (shape: int64 list) =
    let count = List.fold (*) 1L shape

    torch.tensor([| for _ in 1L .. count -> int64 (random.Next(low, high)) |]).reshape(Array.ofList shape)

/// The state of the default random generator.
let randomState () =
    use generator = torch.Generator.Default
    use state = generator.get_state ()
    state.data<byte>().ToArray()

/// The number of tensors alive, after what earlier tests left to the garbage collector is gone.
let liveTensors () =
    for _ in 1..2 do
        GC.Collect()
        GC.WaitForPendingFinalizers()

    torch.Tensor.TotalCount

/// Fails if work that has been done once leaves more tensors alive any of so many times, counted without a
/// collection: what only the collector would free is left behind. Fewer are no fault, since garbage of earlier
/// tests may go at any moment.
let leavesNoTensors times (work: unit -> unit) =
    work ()
    let mutable alive = liveTensors ()

    for time in 1..times do
        work ()
        let now = torch.Tensor.TotalCount
        Assert.True(now <= alive, $"{alive} tensors became {now} at time {time}")
        alive <- now
