namespace Equivariant.Tests

open Xunit
open Xunit.Abstractions
open Xunit.Sdk
open Equivariant.Core.Native

/// Loads libtorch before any test computes, so that bare networks are right too (see Equivariant.Core.Native.OneDnn).
type LoadedFramework(sink: IMessageSink) =
    inherit XunitTestFramework(sink)
    do LibTorch.Load()

// Torch has one random generator and one thread pool for the whole process, and the tests of flat memory count its
// tensors: tests take turns.
[<assembly: CollectionBehavior(DisableTestParallelization = true)>]
[<assembly: TestFramework("Equivariant.Tests.LoadedFramework", "Equivariant.Tests")>]
do ()
