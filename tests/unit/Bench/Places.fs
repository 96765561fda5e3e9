/// Places for runs to work in, without a command line.
module internal Equivariant.Tests.Bench.Places

open TorchSharp
open Equivariant.Bench
open Equivariant.Tests

/// Gives some work an empty place, which goes afterwards.
let inPlace (work: Workplace -> 'T) : 'T =
    Program.inFolder (fun folder ->
        torch.set_num_threads 1

        work {
            Folder = folder
            Settings = Json.element {| Width = 3 |}
            Device = torch.CPU
            Show = ignore
            Stopped = fun () -> None
            Scalar = fun _ _ _ -> ()
            Endurance = None
        })

/// The context of a run with seed 1 there.
let context place = Context(place, 1, [], Collected())

/// The same for a run with labels.
let labelled labels place = Context(place, 1, labels, Collected())
