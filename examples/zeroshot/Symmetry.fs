namespace Equivariant.ZeroShot

open Equivariant
open Equivariant.Core.Groups

/// <summary>A group that moves images and should not change what is said of them.</summary>
[<NoEquality; NoComparison>]
type Symmetry = {
    /// <summary>Its name in tables.</summary>
    Name: string
    /// <summary>What it does to images.</summary>
    Description: string
    /// <summary>Images that it moves.</summary>
    Moved: Space -> Signal
    /// <summary>Scores that it does not.</summary>
    Kept: Space -> Signal
    /// <summary>
    /// The elements of its two factors one after the other, the identity twice, where it has two: what the paper's
    /// multi-group designs look at.
    /// </summary>
    Factors: GroupElement list
}

/// <summary>The groups of the experiment.</summary>
[<RequireQualifiedAccess>]
module Symmetry =

    let private acting name description (group: Group<'e>) (action: Action<'e>) factors = {
        Name = name
        Description = description
        Moved = fun space -> space |> under group action
        Kept = fun space -> space |> under group unmoved
        Factors = factors |> List.map group.Element
    }

    let private mirrors = mirrored Mirror.TopBottom

    /// <summary>Turns by quarters.</summary>
    let rot90 = acting "rot90" "turns by quarters" (cyclic 4) rotations []

    /// <summary>Left and right exchanged.</summary>
    let leftRight =
        acting "flip left-right" "left and right exchanged" (cyclic 2) reflections []

    /// <summary>Top and bottom exchanged: the published code's "flip".</summary>
    let topBottom =
        acting "flip up-down" "top and bottom exchanged" (cyclic 2) mirrors []

    /// <summary>Turns and reflections: D4, of four turns and two reflections.</summary>
    let rot90Flip =
        let d4 =
            semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

        acting "rot90 flip" "turns by quarters and reflections" d4 (rotations >< mirrors) [
            for turn in 0..3 -> turn, 0
            for flip in 0..1 -> 0, flip
        ]

    /// <summary>All of them.</summary>
    let all = [ rot90; leftRight; topBottom; rot90Flip ]

    /// <summary>The group of the images that it moves.</summary>
    let group (symmetry: Symmetry) : Group =
        (Signal.core (symmetry.Moved(image 1 2 2))).Group
