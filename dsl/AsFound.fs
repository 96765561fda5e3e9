namespace Equivariant

open TorchSharp

/// Looking at a module: running it, and leaving it and torch's random numbers as they were found.
module internal AsFound =

    type private Module = torch.nn.Module

    /// Draws from a seed, and leaves torch's generator as it was. The generators of GPUs are not touched at all.
    let seeded (seed: int64) (work: unit -> 'a) : 'a =
        let generator = torch.Generator.Default
        use state = generator.get_state ()

        try
            generator.manual_seed seed |> ignore
            work ()
        finally
            generator.set_state state

    /// Puts each submodule back into its mode. A module sets those below it too, so they come after it.
    let rec private setModes (modes: Map<int, bool>) (numbers: Module -> int) (part: Module) =
        let training = modes[numbers part]

        if part.training <> training then
            part.train training

        for child in part.children () do
            setModes modes numbers child

    /// The module behind what evaluates tensors, where there is one.
    let moduleOf (net: torch.nn.IModule<torch.Tensor, torch.Tensor>) : Module option =
        match net with
        | :? Module as found -> Some found
        | _ -> None

    /// Runs some work that may change modes, buffers and random numbers, and undoes those changes.
    let leaving (model: Module) (work: unit -> 'a) : 'a =
        let parts = model.modules () |> Seq.append [ model ] |> Seq.distinct |> Array.ofSeq
        let places = System.Collections.Generic.Dictionary(HashIdentity.Reference)

        for i, part in Seq.indexed parts do
            places[part] <- i

        let modes = parts |> Seq.mapi (fun i part -> i, part.training) |> Map.ofSeq
        let generator = torch.Generator.Default
        use state = generator.get_state ()

        let buffers = [
            for buffer in model.buffers () ->
                struct (buffer, buffer.detach().clone().DetachFromDisposeScope())
        ]

        try
            work ()
        finally
            generator.set_state state
            setModes modes (fun part -> places[part]) model
            use _ = torch.no_grad ()
            use _ = torch.NewDisposeScope()

            for struct (buffer, before) in buffers do
                // Only what has changed is written: a graph that waits for its gradients may hold the buffer.
                if not (buffer.eq(before).all().item<bool>()) then
                    buffer.copy_ before |> ignore

                before.Dispose()

    /// The same in evaluation mode: what a model computes when it is used.
    let evaluating (model: Module) (work: unit -> 'a) : 'a =
        leaving model (fun () ->
            if model.modules () |> Seq.append [ model ] |> Seq.exists _.training then
                model.eval ()

            work ())

    /// The type and the device of the numbers that a module computes with, by the first that it holds.
    let numbersIn (model: Module) : (torch.ScalarType * torch.Device) option =
        Seq.append
            (model.parameters () |> Seq.map (fun parameter -> parameter :> torch.Tensor))
            (model.buffers ())
        |> Seq.tryFind (fun held -> held.is_floating_point ())
        |> Option.map (fun held -> held.dtype, held.device)

    /// The same of what evaluates tensors; none where it holds nothing.
    let numbersOf (net: torch.nn.IModule<torch.Tensor, torch.Tensor>) = moduleOf net |> Option.bind numbersIn
