/// Data to start with: put your own in its place.
module EquivariantModel.Data

open System
open TorchSharp
open Equivariant

/// Noise with one bright spot (class 0) or two (class 1), within the rows of a band of the image.
let draw seed rows (from: int, until: int) : Examples =
    let random = Random seed

    let pixels =
        Array.init (rows * Model.side * Model.side) (fun _ -> random.NextSingle())

    let classes = [| for row in 0 .. rows - 1 -> int64 (row % Model.kinds) |]

    for row, kind in Array.indexed classes do
        for spot in 0 .. int kind do
            let down, right = random.Next(from, until), 1 + 5 * spot + random.Next 4
            pixels[(row * Model.side + down) * Model.side + right] <- 4.0f

    {
        Inputs = [
            "image", torch.tensor(pixels).reshape(-1L, 1L, int64 Model.side, int64 Model.side)
        ]
        Targets = [ "readout", torch.tensor classes ]
    }
