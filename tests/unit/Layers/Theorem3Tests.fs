module Equivariant.Tests.Layers.Theorem3Tests

open Xunit
open Xunit.Abstractions
open Equivariant.Linear

type Theorem3Tests(output: ITestOutputHelper) =
    [<Fact>]
    member _.``IS networks fit continuous IS functions on whole orbits, and a plain network does not``() =
        for outcome in Theorem3.runAll 800 1 do
            let name = outcome.Target.Name

            let text (errors: Theorem3.Errors) =
                $"{errors.OnRepresentatives:F3} on representatives, {errors.OnWholeOrbits:F3} on orbits"

            output.WriteLine $"{name}: IS {text outcome.Symmetric}; plain {text outcome.Plain}"
            Assert.True(outcome.Symmetric.OnWholeOrbits < 0.15, $"{name}: {text outcome.Symmetric}")
            Assert.Equal(outcome.Symmetric.OnRepresentatives, outcome.Symmetric.OnWholeOrbits, 3)
            Assert.True(outcome.Plain.OnWholeOrbits > 0.3, $"{name}: {text outcome.Plain}")
            Assert.True(outcome.Plain.OnRepresentatives < 0.3, $"{name}: {text outcome.Plain}")
