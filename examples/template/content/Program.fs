/// Trains the model and says how it does on images that were moved.
module EquivariantModel.Program

open TorchSharp
open Equivariant

let private accuracy (model: CompiledModel) (examples: Examples) (move: torch.Tensor -> torch.Tensor) =
    use _ = torch.no_grad ()
    let images, kinds = snd examples.Inputs.Head, snd examples.Targets.Head
    (Train.accuracy (model.Predict(move images)) kinds).item<float32>()

[<EntryPoint>]
let main _ =
    printfn $"{Report.text Model.declared}\n"

    let model = Model.declared |> Model.compile (Target.best ())

    let training = {
        Train.classification with
            Epochs = 12
            Optimiser = fun parameters -> torch.optim.Adam(parameters, 0.01)
    }

    // Spots lie in the upper half only; turned images show them elsewhere.
    let seen, unseen = Data.draw 1 512 (1, 6), Data.draw 2 256 (1, 6)
    model |> Train.fit (Train.printing training) seen |> ignore
    model.eval ()

    let upright = accuracy model unseen id

    let turned =
        accuracy model unseen (fun images -> torch.rot90 (images, 1L, struct (-2L, -1L)))

    printfn $"\nright: {upright:P0} upright, {turned:P0} turned by a quarter"

    Model.save "model.safetensors" model
    0
