namespace Equivariant.Bench

open System
open TorchSharp
open TorchSharp.Modules
open Equivariant.Core

/// <summary>How a model is trained: everything but the loop, the checkpoints and the progress, which are the bench's.</summary>
[<NoEquality; NoComparison>]
type Training<'Batch> = {
    /// <summary>What is trained; its parameters and buffers are what a checkpoint holds.</summary>
    Model: torch.nn.Module
    /// <summary>Takes the steps; its memory of earlier ones is in the checkpoints too. Disposed after the last step.</summary>
    Optimiser: torch.optim.Optimizer
    Epochs: int
    /// <summary>The batches of an epoch, in an order (and with augmentations) drawn from the random numbers.</summary>
    Batches: Random -> 'Batch[]
    /// <summary>The rows of a batch, for progress and speed.</summary>
    Rows: 'Batch -> int
    /// <summary>The mean loss of a batch, a tensor of one number. What it makes on the way is disposed.</summary>
    Loss: 'Batch -> torch.Tensor
    /// <summary>The step size when a fraction of all steps is done; the optimiser's own, if nothing.</summary>
    LearningRate: (float -> float) option
    /// <summary>The largest norm of a gradient, to which longer ones are shortened; any, if nothing.</summary>
    ClipNorm: float option
    /// <summary>Measures after each epoch, by name, such as the accuracy on images held out.</summary>
    AfterEpoch: unit -> (string * float) list
}

/// <summary>What a measure was after an epoch.</summary>
type Measure = { Name: string; Value: float }

/// <summary>What a training came to.</summary>
type History = {
    /// <summary>The mean loss of each epoch.</summary>
    Losses: float list
    /// <summary>What was measured after each epoch.</summary>
    Measures: Measure list list
    /// <summary>Rows trained on.</summary>
    Rows: int64
    /// <summary>The time that training took, measuring left out.</summary>
    Seconds: float
} with

    /// <summary>Rows trained on per second.</summary>
    member this.RowsPerSecond = float this.Rows / this.Seconds

    /// <summary>Lists the values of a measure, epoch by epoch.</summary>
    member this.Measured name =
        this.Measures
        |> List.choose (List.tryFind (fun measure -> measure.Name = name) >> Option.map _.Value)

/// <summary>Describes trainings, and takes their steps.</summary>
[<RequireQualifiedAccess>]
module Training =

    /// <summary>A training with nothing special: constant step size, gradients as they are, nothing measured.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="optimiser">Takes the steps.</param>
    /// <param name="epochs">How often <c>batches</c> is asked for.</param>
    /// <param name="batches">The batches of an epoch, drawn from the random numbers.</param>
    /// <param name="rows">The rows of a batch.</param>
    /// <param name="loss">The mean loss of a batch.</param>
    let plain model optimiser epochs batches rows loss : Training<'Batch> = {
        Model = model
        Optimiser = optimiser
        Epochs = epochs
        Batches = batches
        Rows = rows
        Loss = loss
        LearningRate = None
        ClipNorm = None
        AfterEpoch = fun () -> []
    }

    /// <summary>Divides rows 0 … count − 1 into batches, in an order drawn from the random numbers.</summary>
    let shuffled count size (random: Random) : int64[][] =
        let order = [| 0L .. int64 count - 1L |]
        random.Shuffle order
        Array.chunkBySize size order

    /// <summary>A step size that falls from one to another along half a cosine.</summary>
    let cosine (first: float) (last: float) fraction =
        last + (first - last) * 0.5 * (1.0 + cos (Math.PI * fraction))

    let private setLearningRate rate (optimiser: torch.optim.Optimizer) =
        for group in optimiser.ParamGroups do
            group.LearningRate <- rate

    /// <summary>Takes one step of the optimiser and gives the loss before it.</summary>
    /// <param name="training">The training.</param>
    /// <param name="fraction">How much of all steps is done.</param>
    /// <param name="broken">The exception where the loss is no number, or infinite; no step is taken then.</param>
    /// <param name="batch">The batch.</param>
    let step (training: Training<'Batch>) fraction (broken: float -> exn) batch =
        use scope = torch.NewDisposeScope()

        training.LearningRate
        |> Option.iter (fun rate -> setLearningRate (rate fraction) training.Optimiser)

        training.Optimiser.zero_grad ()
        let loss = training.Loss batch
        let value = loss.``to``(torch.float64).item<double>()

        if not (Double.IsFinite value) then
            raise (broken value)

        loss.backward ()

        training.ClipNorm
        |> Option.iter (fun norm ->
            torch.nn.utils.clip_grad_norm_ (training.Model.parameters (), norm) |> ignore)

        training.Optimiser.step () |> ignore
        value

/// The state of a training as tensors by name: the model's, and what the optimiser remembers.
module internal TrainingState =

    open System.Reflection

    let private modelPrefix, optimiserPrefix = "model.", "optimiser."

    /// What each kind of optimiser remembers of a parameter: tensors, numbers of steps, factors.
    let private fields (state: OptimizerState) =
        state.GetType().GetFields(BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic)
        |> Array.filter (fun field ->
            List.contains field.FieldType [ typeof<torch.Tensor>; typeof<int64>; typeof<double> ])

    let private states (optimiser: torch.optim.Optimizer) =
        match optimiser with
        | :? OptimizerHelper as optimiser -> List.ofSeq (optimiser.state_dict().State)
        | _ ->
            raise (
                EquivariantException
                    $"%s{optimiser.GetType().Name} does not show its state, so no checkpoint can hold it: use one of TorchSharp's own optimisers."
            )

    let private named (optimiser: torch.optim.Optimizer) = [
        for index, state in List.indexed (states optimiser) do
            for field in fields state -> $"{optimiserPrefix}{index}.{field.Name}", state, field
    ]

    let private model (training: Training<'Batch>) = [
        for KeyValue(name, tensor) in training.Model.state_dict () -> modelPrefix + name, tensor
    ]

    /// The weights alone, as they are when a training is finished.
    let weights (training: Training<'Batch>) = model training

    /// The weights and what the optimiser remembers.
    let whole (training: Training<'Batch>) = [
        yield! model training

        for name, state, field in named training.Optimiser do
            match field.GetValue state with
            | :? torch.Tensor as tensor -> name, tensor
            | :? int64 as number -> name, torch.tensor number
            | :? double as number -> name, torch.tensor number
            | _ -> ()
    ]

    /// Whether all numbers are: a step may have spoilt the weights though its loss was fine.
    let isFinite (tensors: (string * torch.Tensor) list) =
        use scope = torch.NewDisposeScope()

        tensors
        |> List.forall (fun (_, tensor) ->
            not (tensor.is_floating_point ()) || tensor.isfinite().all().item<bool>())

    let private copy path (name: string) (source: torch.Tensor) (target: torch.Tensor) =
        if
            source.shape.AsSpan().SequenceEqual(target.shape.AsSpan())
            && source.dtype = target.dtype
        then
            target.copy_ source |> ignore
        else
            let shape (tensor: torch.Tensor) =
                let lengths = tensor.shape |> Seq.map string |> String.concat ", "
                $"{tensor.dtype} [{lengths}]"

            raise (
                EquivariantException
                    $"'%s{path}' has '%s{name}' as %s{shape source}, but the model of this version has %s{shape target}: move it away."
            )

    /// Puts a state back, the optimiser's too if it is there.
    let restore
        path
        (tensors: Collections.Generic.IReadOnlyDictionary<string, torch.Tensor>)
        (training: Training<'Batch>)
        =
        use _ = torch.no_grad ()

        for name, target in model training do
            match tensors.TryGetValue name with
            | true, source -> copy path name source target
            | false, _ ->
                raise (
                    EquivariantException
                        $"'%s{path}' lacks '%s{name}', which the model of this version has: move it away."
                )

        for name, state, field in named training.Optimiser do
            match tensors.TryGetValue name, field.GetValue state with
            | (true, source), (:? torch.Tensor as target) -> copy path name source target
            | (true, source), null ->
                let device = (training.Model.parameters () |> Seq.head).device
                field.SetValue(state, source.clone().``to``(device).DetachFromDisposeScope())
            | (true, source), (:? int64) -> field.SetValue(state, source.item<int64>())
            | (true, source), (:? double) -> field.SetValue(state, source.item<double>())
            | _ -> ()
