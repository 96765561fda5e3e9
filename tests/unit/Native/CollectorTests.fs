/// The garbage collector beside libtorch.
module Equivariant.Tests.Native.CollectorTests

open System
open System.Runtime
open System.Threading
open Xunit
open Equivariant.Core.Native

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
