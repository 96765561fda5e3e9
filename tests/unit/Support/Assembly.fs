namespace Equivariant.Tests

open Xunit

// Torch has one random generator and one thread pool for the whole process, and the tests of flat memory count its
// tensors: tests take turns.
[<assembly: CollectionBehavior(DisableTestParallelization = true)>]
do ()
