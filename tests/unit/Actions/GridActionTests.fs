module Equivariant.Tests.Actions.GridActionTests

open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect

let private image (height: int64) (width: int64) =
    torch.arange(height * width |> Scalar.op_Implicit, dtype = torch.float32).view(1L, 1L, height, width)

let private onPixels action = AxisAction(action, -2, -1)

[<Fact>]
let ``quarter turns, reflections and shifts move pixels as torch does`` () =
    let c4 = Group.Cyclic 4
    let turns = onPixels (GridActions.Rotations(c4, 5, 5))
    let x = image 5L 5L
    // torch's rot90 from rows to columns turns counterclockwise; a generator turns clockwise.
    let expected = torch.rot90 (x, -1L, struct (2L, 3L))
    Assert.Equal(0.0, distance expected (turns.Apply(c4.Generators[0], x)))

    let flip = Group.Cyclic 2
    let mirrored = onPixels (GridActions.Reflections(flip, 3, 4))
    Assert.Equal(0.0, distance ((image 3L 4L).flip 3L) (mirrored.Apply(flip.Generators[0], image 3L 4L)))

    let torus = Group.Direct [| Group.Cyclic 3 :> Group; Group.Cyclic 4 |]
    let shifts = onPixels (GridActions.Shifts(torus, 3, 4))
    let rolled = (image 3L 4L).roll([| 2L; 3L |], [| 2L; 3L |])
    Assert.Equal(0.0, distance rolled (shifts.Apply(torus.Element(2, 3), image 3L 4L)))

[<Fact>]
let ``the dihedral group acts on squares; half turns act on rectangles`` () =
    let d4 = Group.Dihedral 4
    let action = GridActions.Symmetries(d4, 4, 4)
    Assert.True action.IsFaithful
    Assert.Equal(3, action.OrbitCount)
    let half = GridActions.Rotations(Group.Cyclic 2, 3, 5)
    Assert.Equal(8, half.OrbitCount)

[<Fact>]
let ``what is not defined on a grid is refused`` () =
    refused [ "3 × 4" ] (fun () -> GridActions.Rotations(Group.Cyclic 4, 3, 4))
    refused [ "C3" ] (fun () -> GridActions.Rotations(Group.Cyclic 3, 4, 4))

    refused [ "C5" ] (fun () ->
        GridActions.Shifts(Group.Direct [| Group.Cyclic 5 :> Group; Group.Cyclic 4 |], 4, 4))

[<Fact>]
let ``moves come back on the other side, also by a negative shift`` () =
    let x = image 3L 4L

    for rows, columns in [ -1, 0; 0, -5; -7, 6; 2, 3 ] do
        let group = Group.Cyclic 12

        let action =
            onPixels (GridActions.Of(group, 3, 4, [| GridMove.Shift(rows, columns) |]))

        let rolled = x.roll ([| int64 rows; int64 columns |], [| 2L; 3L |])
        Assert.Equal(0.0, distance rolled (action.Apply(group.Generators[0], x)))

    refused [ "divide" ] (fun () ->
        GridActions.Shifts(Group.Direct [| Group.Cyclic 3 :> Group; Group.Cyclic 3 |], 3, 4))
