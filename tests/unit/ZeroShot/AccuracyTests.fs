/// How often classifiers are right, and by what images are moved.
module Equivariant.Tests.ZeroShot.AccuracyTests

open TorchSharp
open Xunit
open Equivariant
open Equivariant.ZeroShot

[<Fact>]
let ``hits count the class among the greatest scores`` () =
    use scope = torch.NewDisposeScope()

    let scores =
        torch.tensor (array2D [ [ 0.1; 0.7; 0.2 ]; [ 0.5; 0.1; 0.4 ]; [ 0.2; 0.3; 0.5 ] ])

    let labels = [| 1; 2; 0 |]
    Assert.Equal(1, Accuracy.hits 1 labels scores)
    Assert.Equal(2, Accuracy.hits 2 labels scores)
    Assert.Equal(3, Accuracy.hits 3 labels scores)
    Assert.Equal(3, Accuracy.hits 5 labels scores)

[<Theory>]
[<InlineData(0.753, 150, 0.6781, 0.8153)>]
[<InlineData(0.0, 10, 0.0, 0.2775)>]
[<InlineData(1.0, 10, 0.7225, 1.0)>]
[<InlineData(0.5, 1000, 0.4691, 0.5309)>]
let ``intervals are Wilson's`` (share: float) count (low: float) (high: float) =
    let from, until = Accuracy.interval share count
    Assert.Equal(low, from, 3)
    Assert.Equal(high, until, 3)

[<Fact>]
let ``each image is moved by an element of its own, or a batch by one`` () =
    let group = Symmetry.group Symmetry.rot90Flip
    let sizes = [| 40; 40; 7 |]
    let alone = Measuring.draws false 5 group sizes
    let together = Measuring.draws true 5 group sizes
    Assert.Equal<int>(sizes, alone |> Array.map Array.length)
    Assert.Equal<int>(sizes, together |> Array.map Array.length)
    Assert.Equal(8, alone |> Array.concat |> Array.distinct |> Array.length)
    Assert.All(together, fun batch -> Assert.Single(Array.distinct batch) |> ignore)
    Assert.Equal<int[]>(alone, Measuring.draws false 5 group sizes)
    Assert.NotEqual<int[]>(alone, Measuring.draws false 6 group sizes)

[<Fact>]
let ``images are moved by the elements that are drawn`` () =
    use scope = torch.NewDisposeScope()
    let x = torch.arange(18.0f).view(2L, 1L, 3L, 3L)
    let space = image 1 3 3
    let elements = Array.ofSeq (Symmetry.group Symmetry.rot90Flip).Elements
    let action = Signal.core (Symmetry.rot90Flip.Moved space)
    let moved = Measuring.move Symmetry.rot90Flip space [| 3; 5 |] x

    for row, place in [ 0, 3; 1, 5 ] do
        let expected = action.Apply(elements[place], x.narrow (0, int64 row, 1L))
        Assert.True(expected.eq(moved.narrow (0, int64 row, 1L)).all().item<bool>())

    // The published flip reverses the rows.
    let flipped = Measuring.move Symmetry.topBottom space [| 1; 1 |] x
    Assert.True((x.flip -2L).eq(flipped).all().item<bool>())
    let mirrored = Measuring.move Symmetry.leftRight space [| 1; 1 |] x
    Assert.True((x.flip -1L).eq(mirrored).all().item<bool>())

[<Fact>]
let ``parts of a run add up`` () =
    let part (images: int) first : Counted = {
        Symmetry = "rot90"
        Method = "plain"
        Moved = true
        Images = images
        First = first
        Five = images
        Asked = images
        Own = 0.5
    }

    let other = { part 1 1 with Moved = false }
    let total = Measuring.total [ [ part 3 1; other ]; [ part 4 2 ] ]
    Assert.Equal<Counted list>([ { part 7 3 with Own = 1.0 }; other ], total)
