/// Stages: computed once, whatever stops the program in between.
module Equivariant.Tests.Bench.StageTests

open System
open System.Collections.Generic
open System.IO
open System.Runtime.InteropServices
open TorchSharp
open TorchSharp.Modules
open Xunit
open Equivariant.Core
open Equivariant.Core.Serialization
open Equivariant.Bench
open Equivariant.Tests

let private rows =
    lazy
        (let random = Random 5
         let x = torch.tensor(Array.init 72 (fun _ -> random.NextSingle())).reshape(18L, 4L)
         x, x.sum(1L, keepdim = true).sin())

/// A network with buffers and dropout: whatever a checkpoint forgets shows.
let private network (seed: int64) =
    torch.manual_seed seed |> ignore

    torch.nn.Sequential(
        torch.nn.Linear(4L, 6L) :> torch.nn.Module<torch.Tensor, torch.Tensor>,
        torch.nn.BatchNorm1d 6L,
        torch.nn.Dropout 0.3,
        torch.nn.Linear(6L, 1L)
    )

let private epochs = 3

let private trainingOf (optimiser: Parameter seq -> torch.optim.Optimizer) (model: Sequential) =
    let x, y = rows.Value

    Training.plain
        model
        (optimiser (model.parameters ()))
        epochs
        (Training.shuffled 18 6)
        Array.length
        (fun rows ->
            let rows = torch.tensor rows
            torch.nn.functional.mse_loss (model.call x[rows], y[rows]))

let private adam (parameters: Parameter seq) : torch.optim.Optimizer = torch.optim.Adam(parameters, 0.05)

let private weights (model: torch.nn.Module) = [
    for KeyValue(name, tensor) in model.state_dict () ->
        name, tensor.``to``(torch.float64).data<float>().ToArray() |> List.ofArray
]

/// Stops a run, politely, after some steps.
type private Stopper(after: int) =
    let mutable steps = 0

    member _.At(place: Workplace) = {
        place with
            Scalar =
                fun name _ _ ->
                    if name.EndsWith "/loss" then
                        steps <- steps + 1
            Stopped = fun () -> if steps >= after then Some PosixSignal.SIGINT else None
    }

let private optimisers: (string * (Parameter seq -> torch.optim.Optimizer)) list = [
    "SGD", (fun all -> torch.optim.SGD(all, 0.05, momentum = 0.9))
    "Adam", adam
    "AdamW", (fun all -> torch.optim.AdamW(all, 0.05, amsgrad = true))
    "RMSProp", (fun all -> torch.optim.RMSProp(all, 0.01, momentum = 0.5, centered = true))
    "Adagrad", (fun all -> torch.optim.Adagrad(all, 0.05))
    "Adadelta", (fun all -> torch.optim.Adadelta all)
    "Adamax", (fun all -> torch.optim.Adamax(all, 0.05))
    "NAdam", (fun all -> torch.optim.NAdam(all, 0.05))
    "RAdam", (fun all -> torch.optim.RAdam(all, 0.05))
    "ASGD", (fun all -> torch.optim.ASGD(all, 0.05))
    "Rprop", (fun all -> torch.optim.Rprop(all, 0.05))
]

let optimiserNames: obj[] seq = [ for name, _ in optimisers -> [| box name |] ]

let private optimiserOf name =
    optimisers |> List.find (fun (known, _) -> known = name) |> snd

[<Theory>]
[<MemberData(nameof optimiserNames)>]
let ``a training that is stopped after every step comes to the same end`` (name: string) =
    let optimiser = optimiserOf name

    let unbroken, history =
        Places.inPlace (fun place ->
            use model = network 1L
            let history = (Places.context place).Train("training", trainingOf optimiser model)
            weights model, history)

    Places.inPlace (fun place ->
        let mutable stops = 0
        let mutable finished = None

        while finished.IsNone && stops < 50 do
            // Another network each time: all that goes on is in the checkpoint.
            use model = network (if stops = 0 then 1L else 100L + int64 stops)

            try
                let place = Stopper(2).At place
                let history = (Places.context place).Train("training", trainingOf optimiser model)
                finished <- Some(weights model, history)
            with Signals.Stopped PosixSignal.SIGINT ->
                stops <- stops + 1

        let ends, found = finished.Value
        Assert.True(stops >= 4, $"stopped {stops} times")
        Assert.Equal<(string * float list) list>(unbroken, ends)
        Assert.Equal<float list>(history.Losses, found.Losses)
        Assert.Equal(history.Rows, found.Rows))

exception private Killed

[<Fact>]
let ``a training that is killed at any moment comes to the same end`` () =
    let unbroken =
        Places.inPlace (fun place ->
            use model = network 1L
            (Places.context place).Train("training", trainingOf adam model) |> ignore
            weights model)

    Places.inPlace (fun place ->
        let mutable kills = 0
        let mutable finished = None

        while finished.IsNone && kills < 50 do
            use model = network 1L
            let moment = 4 + kills % 3
            let counted = ref 0

            let dying = {
                place with
                    Show =
                        fun _ ->
                            counted.Value <- counted.Value + 1

                            if counted.Value = moment then
                                raise Killed
            }

            try
                (Places.context dying).Train("training", trainingOf adam model) |> ignore
                finished <- Some(weights model)
            with Killed ->
                kills <- kills + 1

        Assert.InRange(kills, 1, 20)
        Assert.Equal<(string * float list) list>(unbroken, finished.Value))

let private checkpoints (place: Workplace) =
    Directory.GetFiles(place.Folder, "*.safetensors") |> Array.sort

[<Fact>]
let ``a checkpoint is safetensors with the model's own names`` () =
    Places.inPlace (fun place ->
        use model = network 1L
        (Places.context place).Train("training", trainingOf adam model) |> ignore
        let path = checkpoints place |> Array.exactlyOne
        Assert.Equal("seed-1-training.safetensors", Path.GetFileName path)
        let struct (tensors, texts) = Safetensors.Read path
        Assert.Equal("training", texts["stage"])
        Assert.Contains("\"width\"", texts["settings"])

        for KeyValue(name, tensor) in model.state_dict () do
            Assert.Equal(0.0, Equivariant.Tests.Tensors.distance tensor tensors[$"model.{name}"]))

[<Fact>]
let ``a loss that is no number ends the training at its step, and the last checkpoint stays`` () =
    Places.inPlace (fun place ->
        use model = network 1L
        let training = trainingOf adam model
        let steps = ref 0

        let spoilt = {
            training with
                Loss =
                    fun batch ->
                        steps.Value <- steps.Value + 1
                        let loss = training.Loss batch
                        if steps.Value = 5 then loss * nan.ToScalar() else loss
        }

        let states = ResizeArray<byte[]>()

        let noting = {
            place with
                Show = fun _ -> states.AddRange [ for path in checkpoints place -> File.ReadAllBytes path ]
        }

        let error =
            Assert.Throws<EquivariantException>(fun () ->
                (Places.context noting).Train("training", spoilt) |> ignore)

        Assert.StartsWith("The loss of training became NaN at step 2 of epoch 2", error.Message)
        let path = checkpoints place |> Array.exactlyOne
        Assert.Equal<byte[]>(Seq.last states, File.ReadAllBytes path))

[<Fact>]
let ``weights that are no numbers any more are not written, though the loss was one`` () =
    Places.inPlace (fun place ->
        use model = network 1L
        let training = trainingOf adam model

        // The square root of nothing is nothing, but its slope is infinite.
        let spoilt = {
            training with
                Loss =
                    fun batch ->
                        let weight = Seq.head (model.parameters ())
                        training.Loss batch + (weight - weight).sqrt().sum()
        }

        let error =
            Assert.Throws<EquivariantException>(fun () ->
                (Places.context place)
                    .Train(
                        "training",
                        {
                            spoilt with
                                Batches = fun random -> (training.Batches random)[..0]
                                Epochs = 1
                        }
                    )
                |> ignore)

        Assert.Contains("The weights of training are no numbers any more", error.Message)
        Assert.Empty(checkpoints place))

[<Fact>]
let ``what was computed once is read, not computed again`` () =
    Places.inPlace (fun place ->
        let mutable count = 0

        let compute () =
            count <- count + 1

            {|
                Name = "é"
                Values = [ 0.1; nan; infinity ]
                Best = Some 3
            |}

        let once () =
            (Places.context place).Once("found", compute)

        let first = once ()
        let second = once ()
        Assert.Equal(1, count)
        Assert.Equal((first.Name, first.Best), (second.Name, second.Best))
        Assert.Equal<float list>([ 0.1; nan; infinity ], second.Values))

type private Hidden = { Inside: int }

[<Fact>]
let ``what JSON can't bring back fails when it is computed`` () =
    Places.inPlace (fun place ->
        Assert.ThrowsAny<Exception>(fun () ->
            (Places.context place).Once("found", (fun () -> { Inside = 1 })) |> ignore)
        |> ignore

        Assert.Empty(checkpoints place))

[<Fact>]
let ``a stage is its own: labels, seeds and names that look alike do not mix`` () =
    Places.inPlace (fun place ->
        let found = [
            for name in [ "C4 × C2"; "C4 + C2"; "c4 c2"; "C4 C2"; "c4-c2" ] do
                for seed in [ 1; 2 ] ->
                    let context = Context(place, seed, [ "group", name ], Collected())
                    context.Once("found", (fun () -> $"{name} {seed}")) = $"{name} {seed}"
        ]

        Assert.All(found, Assert.True)
        Assert.Equal(found.Length, (checkpoints place).Length))

[<Fact>]
let ``two stages of one run have two names`` () =
    Places.inPlace (fun place ->
        let context = Places.labelled [ "design", "plain" ] place
        context.Once("found", (fun () -> 1)) |> ignore

        let error =
            Assert.Throws<EquivariantException>(fun () -> context.Once("found", (fun () -> 2)) |> ignore)

        Assert.Contains("'found plain' is there twice", error.Message))

[<Fact>]
let ``a stage that is shared is computed by the first run`` () =
    Places.inPlace (fun place ->
        let found = [
            for design in [ "plain"; "equitune" ] ->
                (Places.labelled [ "design", design ] place).Shared.Once("data", (fun () -> design))
        ]

        Assert.Equal<string list>([ "plain"; "plain" ], found))

/// Spoils the checkpoint of a training that was stopped; going on is refused with a sentence, and the file stays.
let private refused (sentence: string) (spoil: string -> unit) (change: Workplace -> Workplace) =
    Places.inPlace (fun place ->
        let train place =
            use model = network 1L
            (Places.context place).Train("training", trainingOf adam model) |> ignore

        Assert.Throws<Signals.Stopped>(fun () -> train (Stopper(2).At place)) |> ignore
        let path = checkpoints place |> Array.exactlyOne
        spoil path
        let content = File.ReadAllBytes path
        let error = Assert.Throws<EquivariantException>(fun () -> train (change place))
        Assert.Contains(sentence, error.Message)
        Assert.Contains(path, error.Message)
        Assert.DoesNotContain("\n", error.Message)
        Assert.Equal<byte[]>(content, File.ReadAllBytes path)
        Assert.Single(Directory.GetFiles place.Folder) |> ignore)

let private flip at (path: string) =
    let content = File.ReadAllBytes path
    let place = at content.Length
    content[place] <- content[place] ^^^ 1uy
    File.WriteAllBytes(path, content)

[<Fact>]
let ``a checkpoint of other settings is not gone on with`` () =
    let other (place: Workplace) = {
        place with
            Settings = Json.element {| Width = 4 |}
    }

    refused "other settings (width was 3 and is now 4)" ignore other

    refused "settings (depth was not known then)" ignore (fun place -> {
        place with
            Settings = Json.element {| Width = 3; Depth = 1 |}
    })

    refused "settings (width is not known any more)" ignore (fun place -> {
        place with
            Settings = Json.element (obj ())
    })

[<Fact>]
let ``a damaged checkpoint is named`` () =
    // In the numbers, in the texts, and the whole end.
    refused "is damaged" (flip (fun length -> length - 9)) id
    refused "is damaged" (flip (fun _ -> 60)) id
    refused "damaged" (fun path -> File.WriteAllBytes(path, (File.ReadAllBytes path)[..2000])) id

[<Fact>]
let ``a file of another program is named`` () =
    refused
        "is not a checkpoint of this experiment"
        (fun path -> File.WriteAllText(path, "PK and much more"))
        id

    refused
        "is not a checkpoint of this experiment"
        (fun path ->
            use one = torch.ones 1L
            Safetensors.Save(path, dict [ "one", one ] |> Dictionary))
        id

[<Fact>]
let ``a checkpoint under a wrong name is named`` () =
    refused
        "holds other with seed 1, not what its name says"
        (fun path ->
            Places.inPlace (fun place ->
                (Places.context place).Once("other", (fun () -> 1)) |> ignore
                File.Copy(checkpoints place |> Array.exactlyOne, path, overwrite = true)))
        id

[<Fact>]
let ``a checkpoint of another network is refused`` () =
    Places.inPlace (fun place ->
        use model = network 1L
        (Places.context place).Train("training", trainingOf adam model) |> ignore
        use other = torch.nn.Sequential(torch.nn.Linear(4L, 1L))

        let error =
            Assert.Throws<EquivariantException>(fun () ->
                (Places.context place).Train("training", trainingOf adam other) |> ignore)

        Assert.Contains("'model.0.weight' as Float32 [6, 4]", error.Message))

[<Fact>]
let ``epochs are measured, and the model learns in training mode only`` () =
    Places.inPlace (fun place ->
        use model = network 1L
        let training = trainingOf adam model

        let history =
            (Places.context place)
                .Train(
                    "training",
                    {
                        training with
                            Loss =
                                fun batch ->
                                    Assert.True model.training
                                    training.Loss batch
                            AfterEpoch = fun () -> [ "mode", (if model.training then 1.0 else 0.0) ]
                    }
                )

        Assert.False model.training
        Assert.Equal<float list>([ 0.0; 0.0; 0.0 ], history.Measured "mode"))

[<Fact>]
let ``TensorBoard gets every loss`` () =
    Places.inPlace (fun place ->
        let found = ResizeArray<string * int>()

        let noting = {
            place with
                Scalar = fun name step _ -> found.Add(name, step)
        }

        use model = network 1L
        (Places.context noting).Train("training", trainingOf adam model) |> ignore

        let steps name = [
            for known, step in found do
                if known = $"seed 1/training/{name}" then
                    step
        ]

        Assert.Equal<int list>([ 0..8 ], steps "loss")
        Assert.Equal<int list>([ 0..2 ], steps "mean loss"))

[<Fact>]
let ``stages leave no tensors behind`` () =
    use model = network 1L

    Tensors.leavesNoTensors 3 (fun () ->
        Places.inPlace (fun place ->
            let context = Places.context place
            context.Train("training", trainingOf adam model) |> ignore
            context.Once("found", (fun () -> 1)) |> ignore
            (Places.context place).Train("training", trainingOf adam model) |> ignore))
