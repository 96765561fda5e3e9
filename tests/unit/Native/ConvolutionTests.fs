/// Convolutions are right on every machine: either oneDNN computes them right, or it is switched off.
module Equivariant.Tests.Native.ConvolutionTests

open System
open System.Collections.Generic
open TorchSharp
open Xunit
open Equivariant.Core.Native
open Equivariant.Tests

/// Leaves NaN in the memory that the next tensors come from.
let private dirtyMemory () =
    let blocks = [
        for i in 8..15 -> torch.full ([| 1L <<< i |], Scalar.op_Implicit nanf, Nullable torch.float32)
    ]

    blocks |> List.iter _.Dispose()

/// A convolution's output and both gradients, in some type of numbers.
let private valueAndGradients
    (x: torch.Tensor)
    (weight: torch.Tensor)
    (upstream: torch.Tensor)
    (dtype: torch.ScalarType)
    =
    let copy (t: torch.Tensor) =
        t.``to``(dtype).clone().detach().requires_grad_()

    let x, weight = copy x, copy weight
    let padding = weight.shape[2] / 2L
    dirtyMemory ()
    let y = torch.nn.functional.conv2d (x, weight, padding = [| padding; padding |])
    dirtyMemory ()

    let gradients =
        torch.autograd.grad ([| y |] :> IList<_>, [| x; weight |], [| upstream.``to`` dtype |])

    [ y.detach (); gradients[0]; gradients[1] ]
    |> List.map (fun t -> t.``to`` torch.float64)

let private widths = [ 1; 3; 4; 8; 12; 16; 20; 24; 32; 40; 65; 130 ]

let cases: TheoryData<int, int> =
    let cases = TheoryData<int, int>()

    for kernel in [ 1; 3; 5 ] do
        for width in widths do
            cases.Add(kernel, width)

    cases

[<Theory; MemberData(nameof cases)>]
let ``this process computes convolutions and their gradients right`` (kernel: int, width: int) =
    use scope = torch.NewDisposeScope()
    use generator = new torch.Generator(uint64 (100 * kernel + width))

    for other in [ 3; 16; 20 ] do
        for inputs, outputs in [ width, other; other, width ] do
            let random (shape: int64 list) =
                torch.randn (Array.ofList shape, torch.float64, generator = generator)

            let x = random [ 4L; inputs; 9L; 9L ]
            let weight = random [ outputs; inputs; kernel; kernel ]
            let upstream = random [ 4L; outputs; 9L; 9L ]
            let right = valueAndGradients x weight upstream torch.float64

            for _ in 1..2 do
                for given, expected in List.zip (valueAndGradients x weight upstream torch.float32) right do
                    let size = expected.abs().max().item<double>()
                    Tensors.assertClose (1e-5 * size) expected given

// What the probe has to notice: each an error that a convolution could have.

let private plain (x: torch.Tensor) (weight: torch.Tensor) =
    torch.nn.functional.conv2d (x, weight, padding = [| 1L; 1L |])

let private fault convolution =
    ConvolutionProbe.FindFault(ConvolutionProbe.Convolution convolution)

/// Nothing forward, something in the gradient.
let private unseen (t: torch.Tensor) = t - t.detach ()

[<Fact>]
let ``the probe finds nothing wrong with what this process computes`` () = Assert.Null(fault plain)

[<Fact>]
let ``the probe says which part of which convolutions is wrong`` () =
    let says (part: string) (channels: string) convolution =
        let found = fault convolution
        Assert.StartsWith($"the {part} of ", found)
        Assert.EndsWith(channels, found)

    let hasTail (t: torch.Tensor) = t.shape[1] % 16L <> 0L

    let wrongWhere condition (error: torch.Tensor -> torch.Tensor) x weight : torch.Tensor =
        let y: torch.Tensor = plain x weight
        if condition x y then y + error y else y

    let slightly (y: torch.Tensor) = 0.1 * y.detach ()
    says "output" "channels that fill vectors, 32 to 16" (wrongWhere (fun _ _ -> true) slightly)
    says "output" "channels that leave a tail, 20 to 12" (wrongWhere (fun x _ -> hasTail x) slightly)
    says "output" "channels that leave a tail, 24 to 40" (wrongWhere (fun x _ -> x.shape[1] = 24L) slightly)
    says "output" "20 to 12" (wrongWhere (fun _ y -> hasTail y) (fun y -> y.detach () * nan))

    says "output" "20 to 12" (fun x weight ->
        let y = plain x weight

        if
            hasTail x && torch.get_num_threads () > 1
            || hasTail x && Environment.ProcessorCount = 1
        then
            y + slightly y
        else
            y)

    says "input gradient" "20 to 12" (fun x weight ->
        let y = plain x weight
        if hasTail y then y + unseen(x).sum() * y.detach () else y)

    says "weight gradient" "20 to 12" (fun x weight ->
        let y = plain x weight

        if hasTail x then
            y + unseen(weight).sum() * y.detach ()
        else
            y)

    says "output" "32 to 16" (fun x weight ->
        let y = plain x weight
        if x.dtype = torch.bfloat16 then y + slightly y else y)

[<Fact>]
let ``the probe leaves threads and the random state as they were`` () =
    let threads = torch.get_num_threads ()
    let state = torch.random.get_rng_state ()
    fault plain |> ignore
    Assert.Equal(threads, torch.get_num_threads ())
    Assert.Equal<byte[]>(state.data<byte>().ToArray(), torch.random.get_rng_state().data<byte>().ToArray())

/// Runs some work and puts oneDNN's switch back.
let private restoring work =
    let before = OneDnn.IsOn

    try
        work ()
    finally
        TorchContext.TrySetOneDnn before |> ignore

let private decide wish found =
    OneDnn.Decide(wish, Func<string>(fun () -> found))

[<Fact>]
let ``oneDNN is switched off where it is wrong, and one sentence says so`` () =
    restoring (fun () ->
        TorchContext.TrySetOneDnn true |> ignore
        Assert.Null(decide null null)
        Assert.True OneDnn.IsOn
        let notice = decide null "the output of some channels"
        Assert.False OneDnn.IsOn
        Assert.Contains("the output of some channels", notice)
        Assert.Contains("EQUIVARIANT_ONEDNN", notice)
        Assert.Equal(1, notice.Split('\n').Length)
        // Convolutions are right without it.
        Assert.Null(fault plain))

[<Fact>]
let ``the environment variable decides instead of the probe`` () =
    restoring (fun () ->
        TorchContext.TrySetOneDnn true |> ignore
        Assert.Null(decide "on" "not asked")
        Assert.True OneDnn.IsOn
        Assert.Null(decide "OFF" "not asked")
        Assert.False OneDnn.IsOn
        // Where it is off already there is nothing to find.
        Assert.Null(decide "" "not asked")
        Assert.Null(decide "on" "not asked")
        Assert.True OneDnn.IsOn

        Expect.refused [ "EQUIVARIANT_ONEDNN"; "'maybe'"; "on or off" ] (fun () -> decide "maybe" null))

[<Fact>]
let ``silencing NNPACK leaves the log as it was`` () =
    let level = TorchContext.LogLevel
    Assert.True level.HasValue
    NnPack.Silence()
    Assert.Equal(level, TorchContext.LogLevel)
