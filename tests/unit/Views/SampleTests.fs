module Equivariant.Tests.Views.SampleTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Images
open Equivariant.Views
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors

/// Images of one pixel value each, their number, of given classes.
let private flat side (labels: int[]) : ImageSet = {
    Classes = [| for label in 0 .. Array.max labels -> string label |]
    Labels = labels
    Channels = 1
    Height = side
    Width = side
    Pixels = fun row -> ReadOnlyMemory(Array.create (side * side) (byte row))
}

/// One image that no move but the identity leaves as it is, often.
let private odd side count : ImageSet = {
    flat side (Array.create count 0) with
        Pixels = fun _ -> ReadOnlyMemory(Array.init (side * side) (fun i -> byte (1 + i)))
}

let private still: Change = {
    IsAugmented = false
    Moves = [
        Signal.core (Motion.none.On(image 1 8 8))
        Signal.core (Motion.none.On(image 1 8 8))
    ]
}

let private pixels (views: torch.Tensor) =
    ((views * 0.3081 + 0.1307) * 255.0).round().``to``(torch.int64)

[<Fact>]
let ``the order of the split is NumPy's`` () =
    // numpy.random.RandomState(seed).permutation(count)
    Assert.Equal<int[]>([| 7; 2; 9; 1; 0; 8; 4; 5; 6; 3 |], Split.permutation 1234 10)
    Assert.Equal<int[]>([| 8; 5; 0; 2; 1; 9; 7; 3; 6; 4 |], Split.permutation 7 10)
    let long = Split.permutation 1234 1000

    Assert.Equal<int[]>(
        [| 681; 990; 155; 768; 438; 363; 688; 555; 620; 99; 756; 428 |],
        Array.truncate 12 long
    )

    Assert.Equal(251398022, long |> Array.mapi (*) |> Array.sum)

[<Fact>]
let ``the paper's split tests on a fifth, rounded up, that comes first in the order`` () =
    let train, test = Split.paper 11
    let order = Split.permutation 1234 11
    Assert.Equal<int[]>(order[..2], test)
    Assert.Equal<int[]>(order[3..], train)
    Assert.Equal((4, 1), Split.paper 5 |> fun (train, test) -> train.Length, test.Length)

[<Fact>]
let ``samples are images of one class in their order, and none is in two`` () =
    let samples = Samples.tuples 2 (flat 8 [| 0; 1; 0; 1; 0; 1; 1; 2 |])
    Assert.Equal<int[][]>([| [| 0; 2 |]; [| 1; 3 |]; [| 5; 6 |] |], samples.Rows)
    Assert.Equal<int[]>([| 0; 1; 1 |], samples.Labels)

[<Fact>]
let ``views are the samples' images, normalised, in their places`` () =
    use scope = torch.NewDisposeScope()
    let samples = Samples.tuples 2 (flat 8 [| 0; 0; 1; 1 |])

    let views =
        Samples.views still torch.CPU samples (Samples.drawn (Random 1) [| 1; 0 |])

    Assert.Equal(2, views.Length)
    Assert.Equal<int64[]>([| 2L; 1L; 8L; 8L |], views[0].shape)

    let given = [
        for view in views -> (pixels view).select(3L, 0L).select(2L, 0L).view(-1L).data<int64>().ToArray()
    ]

    Assert.Equal<int64[] list>([ [| 2L; 0L |]; [| 3L; 1L |] ], given)

    let colour =
        Samples.views
            {
                still with
                    Moves = [ still.Moves.Head ]
            }
            torch.CPU

    let grey, red =
        let image channels value = {
            flat 8 [| 0 |] with
                Channels = channels
                Pixels = fun _ -> ReadOnlyMemory(Array.create (channels * 64) value)
        }

        let first channels =
            let views =
                colour (Samples.tuples 1 (image channels 255uy)) (Samples.drawn (Random 1) [| 0 |])

            views[0][0L, 0L, 0L, 0L]

        (first 1).item<float32>(), (first 3).item<float32>()

    Assert.Equal((1.0f - 0.1307f) / 0.3081f, grey, 4)
    Assert.Equal((1.0f - 0.485f) / 0.229f, red, 4)

[<Fact>]
let ``every element of a view's group moves it, about as often, and nothing else happens`` () =
    use scope = torch.NewDisposeScope()
    let samples = Samples.tuples 1 (odd 8 400)

    for motion, order in [ Motion.turns, 4; Motion.mirror, 2; Motion.square, 8; Motion.none, 1 ] do
        let action = Signal.core (motion.On(image 1 8 8))
        let change = { still with Moves = [ action ] }

        let given =
            Samples.views change torch.CPU samples (Samples.drawn (Random 3) [| 0..399 |])
            |> Array.head
            |> pixels

        let image = torch.arange(1L, 65L).view(1L, 1L, 8L, 8L)

        let counts = [
            for element in action.Group.Elements ->
                let moved = action.Apply(element, image)
                given.eq(moved).flatten(1L).all(1L).sum().item<int64>()
        ]

        Assert.Equal(400L, List.sum counts)
        Assert.Equal(order, counts.Length)

        for count in counts do
            Assert.InRange(count, 400L / int64 order / 2L, 400L / int64 order * 2L)

[<Fact>]
let ``augmented images are shifted by up to the margin and mirrored, with zeros coming in`` () =
    use scope = torch.NewDisposeScope()
    let samples = Samples.tuples 1 (odd 28 300)
    let action = Signal.core (Motion.none.On(image 1 28 28))

    let change = {
        IsAugmented = true
        Moves = [ action ]
    }

    let given =
        Samples.views change torch.CPU samples (Samples.drawn (Random 5) [| 0..299 |])
        |> Array.head
        |> pixels

    let image =
        torch.tensor([| for i in 0..783 -> int64 (byte (1 + i)) |]).view(1L, 1L, 28L, 28L)

    let framed = torch.nn.functional.pad (image, [| 2L; 2L; 2L; 2L |])

    let counts = [
        for isMirrored in [ false; true ] do
            for down in 0L .. 4L do
                for right in 0L .. 4L ->
                    let cut = framed.narrow(2L, down, 28L).narrow(3L, right, 28L)
                    let expected = if isMirrored then cut.flip 3L else cut
                    given.eq(expected).flatten(1L).all(1L).sum().item<int64>()
    ]

    Assert.Equal(300L, List.sum counts)
    // All fifty ways are taken, or nearly all.
    Assert.True((counts |> List.filter (fun count -> count > 0L)).Length > 45)

[<Fact>]
let ``the same chance gives the same views`` () =
    use scope = torch.NewDisposeScope()
    let samples = Samples.tuples 1 (odd 8 20)

    let change = {
        IsAugmented = true
        Moves = [ Signal.core (Motion.square.On(image 1 8 8)) ]
    }

    let views seed =
        (Samples.views change torch.CPU samples (Samples.drawn (Random seed) [| 0..19 |]))[0]

    Assert.Equal(0.0, distance (views 1) (views 1))
    Assert.NotEqual(0.0, distance (views 1) (views 2))

[<Fact>]
let ``what happens to a sample does not depend on the batch that it is in`` () =
    use scope = torch.NewDisposeScope()
    let samples = Samples.tuples 2 (odd 8 40)

    let change = {
        IsAugmented = true
        Moves = List.replicate 2 (Signal.core (Motion.square.On(image 1 8 8)))
    }

    let drawn = Samples.drawn (Random 1) [| 0..19 |]
    let whole = Samples.views change torch.CPU samples drawn
    let part = Samples.views change torch.CPU samples drawn[7..11]

    for all, some in Array.zip whole part do
        Assert.Equal(0.0, distance (all.narrow (0L, 7L, 5L)) some)
