namespace Equivariant

open System
open TorchSharp
open TorchSharp.Modules
open Equivariant.Core

/// <summary>What a model learns from: tensors by the names of inputs and outputs, whose rows belong together.</summary>
[<NoComparison>]
type Examples = {
    /// <summary>A batch <c>[N, …]</c> for each input.</summary>
    Inputs: (string * torch.Tensor) list
    /// <summary>What each output should be, <c>[N, …]</c>: numbers of classes (int64) for cross entropy, else values.</summary>
    Targets: (string * torch.Tensor) list
}

/// <summary>What an epoch came to.</summary>
type Epoch = {
    /// <summary>Its number, from 1.</summary>
    Number: int
    /// <summary>The mean loss over the examples, with the weights as they were at each step.</summary>
    Loss: float
    /// <summary>The mean loss on the examples held out, after the epoch; none without any.</summary>
    HeldOut: float option
    /// <summary>Metrics by name, on the examples held out if there are any, else on those trained on.</summary>
    Metrics: (string * float) list
}

/// <summary>How to train: a value to start from is <c>Train.classification</c> or <c>Train.regression</c>.</summary>
[<NoEquality; NoComparison>]
type Training = {
    /// <summary>From outputs and targets <c>[B, …]</c> to a mean loss, a tensor of one number.</summary>
    Loss: torch.Tensor -> torch.Tensor -> torch.Tensor
    /// <summary>Further figures by name, from outputs and targets to a mean.</summary>
    Metrics: (string * (torch.Tensor -> torch.Tensor -> torch.Tensor)) list
    /// <summary>Makes the optimiser.</summary>
    Optimiser: Parameter seq -> torch.optim.Optimizer
    /// <summary>Rows of a step.</summary>
    BatchSize: int
    /// <summary>The most passes over the examples.</summary>
    Epochs: int
    /// <summary>Orders the examples and draws dropout's masks.</summary>
    Seed: int
    /// <summary>Examples that are not trained on.</summary>
    HeldOut: Examples option
    /// <summary>Stops after so many epochs without a better loss (on the examples held out, if there are any); none for never.</summary>
    Patience: int option
    /// <summary>Called after each epoch: to show progress, or to save.</summary>
    AfterEpoch: Epoch -> unit
}

/// <summary>A training loop for those who need no other: a convenience that nothing else depends on.</summary>
[<RequireQualifiedAccess>]
module Train =

    /// <summary>The mean cross entropy of scores <c>[B, classes]</c> and numbers of classes <c>[B]</c>.</summary>
    let crossEntropy (scores: torch.Tensor) (classes: torch.Tensor) =
        torch.nn.functional.cross_entropy (scores, classes)

    /// <summary>The mean square of the differences.</summary>
    let meanSquare (values: torch.Tensor) (targets: torch.Tensor) =
        torch.nn.functional.mse_loss (values, targets)

    /// <summary>The share of rows whose largest score is that of the right class.</summary>
    let accuracy (scores: torch.Tensor) (classes: torch.Tensor) =
        scores.argmax(1L).eq(classes).``to``(torch.float32).mean()

    /// <summary>Values to learn by the mean square error, with Adam at 0.001, in batches of 64 for 10 epochs.</summary>
    let regression = {
        Loss = meanSquare
        Metrics = []
        Optimiser = fun parameters -> torch.optim.Adam(parameters, 1e-3)
        BatchSize = 64
        Epochs = 10
        Seed = 0
        HeldOut = None
        Patience = None
        AfterEpoch = ignore
    }

    /// <summary>Classes to learn by cross entropy, with the accuracy as metric; else as <c>regression</c>.</summary>
    let classification = {
        regression with
            Loss = crossEntropy
            Metrics = [ "accuracy", accuracy ]
    }

    /// <summary>Writes each epoch as a line on standard output.</summary>
    let printing (training: Training) =
        let line (epoch: Epoch) =
            let figures = [
                $"loss {Numbers.show epoch.Loss}"
                match epoch.HeldOut with
                | Some loss -> $"held out {Numbers.show loss}"
                | None -> ()
                for name, value in epoch.Metrics do
                    $"{name} {Numbers.show value}"
            ]

            printfn $"""epoch {epoch.Number} of {training.Epochs}: {joined ", " figures}"""

        { training with AfterEpoch = line }

    let private rowsOf (examples: Examples) =
        let tensors = examples.Inputs @ examples.Targets

        for name, x in tensors do
            if isNull (box x) || x.shape.Length = 0 then
                refuse $"\"{name}\" has no rows; give it a tensor [N, …], with a row for each example."

        match tensors |> List.map (fun (_, x) -> x.shape[0]) |> List.distinct with
        | [ 0L ] -> refuse "there are no examples to learn from."
        | [ rows ] -> rows
        | _ ->
            let lengths =
                tensors
                |> List.map (fun (name, x) -> $"\"{name}\" has {x.shape[0]}")
                |> joined ", "

            refuse $"the rows of examples belong together, so all tensors need as many: {lengths}."

    let private require (training: Training) (model: CompiledModel) (examples: Examples) =
        if training.BatchSize < 1 || training.Epochs < 0 then
            refuse
                $"a batch has at least one row and the number of epochs is not negative; {training.BatchSize} and {training.Epochs} were given."

        match
            examples.Targets
            |> List.filter (fun (name, _) -> not (List.contains name model.OutputNames))
        with
        | (name, _) :: _ -> refuse $"there is no output \"{name}\"; there are {quoted model.OutputNames}."
        | [] when (List.distinctBy fst examples.Targets).Length < examples.Targets.Length ->
            refuse "an output has more than one target; give one for each."
        | [] when examples.Targets.IsEmpty -> refuse "there is no target to learn."
        | [] -> rowsOf examples |> ignore

    let private select (rows: torch.Tensor) (tensors: (string * torch.Tensor) list) =
        tensors
        |> List.map (fun (name, x) -> name, x.index_select (0L, rows.``to`` x.device))

    /// The sum of a figure over all targets.
    let private total
        what
        (figure: torch.Tensor -> torch.Tensor -> torch.Tensor)
        (outputs: Map<string, torch.Tensor>)
        targets
        : torch.Tensor =
        targets
        |> List.map (fun (name, target) ->
            let value = calling $"{what} of \"{name}\"" (fun () -> figure outputs[name] target)

            if isNull (box value) || value.numel () <> 1L then
                refuse $"{what} of \"{name}\" has to be a tensor of one number, a mean over the rows."

            value)
        |> List.reduce (fun (sum: torch.Tensor) value -> sum + value)

    let private number (value: torch.Tensor) =
        value.``to``(torch.float64).item<double>()

    /// Batches of row numbers in a given order.
    let private batches size (order: int64[]) =
        order |> Array.chunkBySize size |> Array.map (fun rows -> torch.tensor rows)

    /// Means over all rows of the loss and the metrics, without learning.
    let private evaluate (training: Training) (model: CompiledModel) (examples: Examples) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let rows = rowsOf examples
        let figures = ("loss", training.Loss) :: training.Metrics
        let wasTraining = model.training
        model.eval ()

        let sums =
            batches training.BatchSize [| 0L .. rows - 1L |]
            |> Array.map (fun batch ->
                use scope = torch.NewDisposeScope()
                let outputs = model.Run(select batch examples.Inputs)
                let targets = select batch examples.Targets

                figures
                |> List.map (fun (what, figure) ->
                    number (total what figure outputs targets) * float (batch.numel ())))

        model.train wasTraining

        let means =
            sums |> Array.reduce (List.map2 (+)) |> List.map (fun sum -> sum / float rows)

        List.head means, List.zip (List.map fst training.Metrics) (List.tail means)

    let private step
        (training: Training)
        (model: CompiledModel)
        (optimiser: torch.optim.Optimizer)
        examples
        epoch
        (batch: torch.Tensor)
        =
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        let outputs = model.Run(select batch examples.Inputs)
        let loss = total "loss" training.Loss outputs (select batch examples.Targets)
        let value = number loss

        if not (Double.IsFinite value) then
            refuse
                $"the loss became {value} in epoch {epoch}: lower the learning rate, or look for values that are not finite."

        loss.backward ()
        optimiser.step () |> ignore
        value * float (batch.numel ())

    let private snapshot (model: CompiledModel) =
        Map.ofSeq (
            seq {
                for KeyValue(name, value) in model.state_dict () ->
                    name, value.detach().clone().DetachFromDisposeScope()
            }
        )

    let private discard (weights: Map<string, torch.Tensor>) =
        for weight in weights.Values do
            weight.Dispose()

    /// Epochs from one on; gives the history and the weights of the best.
    let rec private from number training model optimiser examples (shuffler: Random) best =
        if number > training.Epochs then
            [], best
        else
            let order = [| 0L .. rowsOf examples - 1L |]
            shuffler.Shuffle order

            let loss =
                batches training.BatchSize order
                |> Array.sumBy (fun batch ->
                    use batch = batch
                    step training model optimiser examples number batch)

            let heldOut, metrics =
                match training.HeldOut, training.Metrics with
                | Some held, _ -> evaluate training model held |> fun (loss, metrics) -> Some loss, metrics
                | None, [] -> None, []
                | None, _ -> None, snd (evaluate training model examples)

            let epoch = {
                Number = number
                Loss = loss / float order.Length
                HeldOut = heldOut
                Metrics = metrics
            }

            training.AfterEpoch epoch
            let reached = defaultArg epoch.HeldOut epoch.Loss

            let best =
                match best, training.Patience with
                | Some(before, _, _), _ when before <= reached -> best
                | _, None -> None
                | before, Some _ ->
                    before |> Option.iter (fun (_, _, weights) -> discard weights)
                    Some(reached, number, snapshot model)

            match best, training.Patience with
            | Some(_, at, _), Some patience when number - at >= patience -> [ epoch ], best
            | _ ->
                let rest, best = from (number + 1) training model optimiser examples shuffler best
                epoch :: rest, best

    /// <summary>
    /// Trains a compiled model and gives the history, epoch by epoch. With patience, the weights in the end are those of
    /// the best epoch. The mode of the model and torch's generator are left as they were.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// The examples do not fit the model or each other, or the loss is no longer finite.
    /// </exception>
    let fit (training: Training) (examples: Examples) (model: CompiledModel) : Epoch list =
        require training model examples
        training.HeldOut |> Option.iter (require training model)
        use optimiser = training.Optimiser(model.parameters ())
        use state = torch.random.get_rng_state ()
        let wasTraining = model.training

        try
            torch.manual_seed (int64 training.Seed) |> ignore
            model.train ()

            let history, best =
                from 1 training model optimiser examples (Random training.Seed) None

            match best with
            | Some(_, _, weights) ->
                use _ = torch.no_grad ()

                for KeyValue(name, value) in model.state_dict () do
                    value.copy_ weights[name] |> ignore

                discard weights
            | None -> ()

            history
        finally
            model.train wasTraining
            torch.random.set_rng_state state |> ignore
