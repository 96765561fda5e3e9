namespace Equivariant.Views

open Equivariant

/// <summary>What may happen to an image: a group, and how it moves pixels.</summary>
[<NoComparison; NoEquality>]
type Motion = {
    /// <summary>How it is called.</summary>
    Name: string
    /// <summary>Images that the group moves.</summary>
    On: Space -> Signal
    /// <summary>Features that the group leaves as they are.</summary>
    Unmoved: Space -> Signal
    /// <summary>The design that averages over the whole group at once: right, and cheapest, for what is unmoved.</summary>
    Whole: Design
}

/// <summary>The motions of the experiment.</summary>
[<RequireQualifiedAccess>]
module Motion =

    let private by (group: Group<'e>) (action: Action<'e>) name = {
        Name = name
        On = under group action
        Unmoved = under group unmoved
        Whole = quotientBy [ group ]
    }

    /// <summary>Quarter turns.</summary>
    let turns = by (cyclic 4) rotations "C4"

    /// <summary>Left and right exchanged.</summary>
    let mirror = by (cyclic 2) reflections "mirror"

    /// <summary>All symmetries of the square.</summary>
    let square = by squareSymmetries symmetries "D4"

    /// <summary>Nothing happens.</summary>
    let none = by trivial unmoved "none"

/// <summary>Which group moves which view.</summary>
[<RequireQualifiedAccess>]
type Groups =
    /// <summary>Quarter turns of each view, as in the paper.</summary>
    | Turns
    /// <summary>A group of its own for each view: quarter turns, the mirror, both, and none.</summary>
    | Mixed
    /// <summary>None moves any.</summary>
    | None

    /// <summary>How it is called in tables and on the command line.</summary>
    member this.Name =
        match this with
        | Turns -> "C4"
        | Mixed -> "mixed"
        | None -> "none"

    /// <summary>What may happen to each of some views.</summary>
    member this.Motions count =
        match this with
        | Turns -> List.replicate count Motion.turns
        | None -> List.replicate count Motion.none
        | Mixed ->
            [ Motion.turns; Motion.mirror; Motion.square; Motion.none ]
            |> List.truncate count
