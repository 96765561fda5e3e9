/// The garbage collector beside libtorch.
module Equivariant.Tests.Native.CollectorTests

open System
open System.Runtime
open System.Threading
open TorchSharp
open Xunit
open Xunit.Sdk
open Equivariant.Core.Native
open Equivariant.Tests.Tensors

[<Fact>]
let ``collections stay out of the background, where they free numbers that native calls read`` () =
    LibTorch.Load()
    Assert.Equal(GCLatencyMode.Batch, GCSettings.LatencyMode)

    let backgrounds () =
        GC.GetGCMemoryInfo(GCKind.Background).Index

    let before = backgrounds ()
    GC.Collect(2, GCCollectionMode.Forced, blocking = false)
    Thread.Sleep 300
    Assert.Equal(before, backgrounds ())

[<Fact>]
let ``a tensor left behind is seen, and garbage that goes meanwhile is none`` () =
    use scope = torch.NewDisposeScope()
    let garbage = [ for _ in 1..100 -> torch.zeros 1L ]

    /// Work that does one thing more at its fourth time.
    let fourth (extra: unit -> unit) =
        let calls = ref 0

        fun () ->
            torch.zeros(1L).Dispose()
            calls.Value <- calls.Value + 1

            if calls.Value = 4 then
                extra ()

    leavesNoTensors 5 (fourth (fun () -> garbage |> List.iter _.Dispose()))

    Assert.ThrowsAny<XunitException>(fun () ->
        leavesNoTensors 5 (fourth (fun () -> torch.zeros 1L |> ignore)))
    |> ignore
