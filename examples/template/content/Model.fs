/// The model: what goes in, how it may be moved, and which networks work on it.
module EquivariantModel.Model

open Equivariant

/// The height and width of images.
let side = 12

/// The number of classes.
let kinds = 2

/// Images that may be turned and mirrored; the answer stays.
let declared =
    network {
        input "image" (image 1 side side |> under (dihedral 4) symmetries)
        eq "image" (convNet 8)
        apply relu
        readout (invariant (classes kinds))
    }
