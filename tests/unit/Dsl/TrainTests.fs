/// The training loop that comes with the language.
module Equivariant.Tests.Dsl.TrainTests

open System
open System.IO
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Tests

/// Whether the ink is more at the rim or in the middle: what turns do not change.
let private examples seed count : Examples =
    use generator = new torch.Generator(uint64 seed)
    let x = torch.rand ([| count; 1L; 4L; 4L |], torch.float32, generator = generator)
    let middle = x.slice(2, 1L, 3L, 1L).slice(3, 1L, 3L, 1L).mean([| 1L; 2L; 3L |])
    let rows = middle.gt(0.5.ToScalar()).``to`` torch.int64

    {
        Inputs = [ "x", x ]
        Targets = [ "readout", rows ]
    }

let private model =
    network {
        input "x" (image 1 4 4 |> under (cyclic 4) rotations)
        eq "x" (linear 8)
        apply relu
        readout (invariant (classes 2))
    }

let private training = {
    Train.classification with
        BatchSize = 16
        Epochs = 30
        Optimiser = fun parameters -> torch.optim.Adam(parameters, 0.02)
        HeldOut = Some(examples 2 64L)
}

let private compiled () = Model.compile Target.cpu model

[<Fact>]
let ``a model learns, and the history says so`` () =
    let trained = compiled ()
    let history = Train.fit training (examples 1 256L) trained
    Assert.Equal<int list>([ 1..30 ], history |> List.map _.Number)
    let first, last = List.head history, List.last history
    Assert.True(last.Loss < 0.6 * first.Loss, $"{first.Loss} to {last.Loss}")
    let accuracy = last.Metrics |> List.find (fst >> (=) "accuracy") |> snd
    Assert.InRange(accuracy, 0.85, 1.0)
    // The figures are those of the model as it is now.
    let held = training.HeldOut.Value
    let scores = trained.Predict(snd held.Inputs.Head)
    let expected = (Train.crossEntropy scores (snd held.Targets.Head)).item<float32>()
    Assert.Equal(float expected, last.HeldOut.Value, 4)

[<Fact>]
let ``one seed gives one result, and torch's generator and the mode stay`` () =
    let first, again, other = compiled (), compiled (), compiled ()
    first.eval ()
    torch.manual_seed 3L |> ignore
    let expected = torch.rand 3L
    torch.manual_seed 3L |> ignore

    let run seed model =
        Train.fit
            {
                training with
                    Seed = seed
                    Epochs = 2
            }
            (examples 1 64L)
            model

    let history = run 5 first
    Tensors.assertClose 0.0 expected (torch.rand 3L)
    Assert.False first.training
    Assert.Equal<Epoch list>(history, run 5 again)
    Assert.NotEqual<Epoch list>(history, run 6 other)

[<Fact>]
let ``patience stops, and the best weights stay`` () =
    let trained = compiled ()
    // Steps so large that it soon gets worse.
    let wild = {
        training with
            Epochs = 40
            Patience = Some 3
            Optimiser = fun parameters -> torch.optim.SGD(parameters, 8.0)
    }

    let history = Train.fit wild (examples 1 64L) trained
    let best = history |> List.minBy (fun epoch -> epoch.HeldOut.Value)
    Assert.True(history.Length < 40)
    Assert.Equal(best.Number + 3, history.Length)
    let held = training.HeldOut.Value

    let loss =
        (Train.crossEntropy (trained.Predict(snd held.Inputs.Head)) (snd held.Targets.Head)).item<float32>()

    Assert.Equal(best.HeldOut.Value, float loss, 4)

[<Fact>]
let ``what is called after each epoch sees it`` () =
    let seen = ResizeArray()

    let history =
        Train.fit
            {
                training with
                    Epochs = 3
                    AfterEpoch = seen.Add
            }
            (examples 1 32L)
            (compiled ())

    Assert.Equal<Epoch list>(history, List.ofSeq seen)

[<Fact>]
let ``tensors do not pile up`` () =
    let data, trained = examples 1 64L, compiled ()

    let short = {
        training with
            Epochs = 3
            Patience = Some 2
    }

    Train.fit short data trained |> ignore
    let before = Tensors.liveTensors ()

    Train.fit
        {
            short with
                Epochs = 9
                Patience = Some 9
        }
        data
        trained
    |> ignore

    Assert.InRange(Tensors.liveTensors (), 0L, before + 8L)

[<Fact>]
let ``a model is saved and loaded under its declared names`` () =
    Program.inFolder (fun folder ->
        let path = Path.Combine(folder, "model.safetensors")
        let first, second = compiled (), Model.compile { Target.cpu with Seed = 9L } model
        let x = snd (examples 4 3L).Inputs.Head
        Assert.True(Tensors.distance (first.Predict x) (second.Predict x) > 1e-4)
        Model.save path first
        Model.load path second
        Tensors.assertClose 0.0 (first.Predict x) (second.Predict x)
        Assert.Equal(Seq.length (first.parameters ()), Seq.length (Model.parameters first)))

[<Fact>]
let ``examples that do not fit are refused by name`` () =
    let data = examples 1 8L

    let fit examples =
        fun () -> Train.fit training examples (compiled ())

    Expect.refused
        [ "\"x\" has 4"; "\"readout\" has 8" ]
        (fit {
            data with
                Inputs = [ "x", torch.zeros (4L, 1L, 4L, 4L) ]
        })

    Expect.refused
        [ "no output \"y\""; "\"readout\"" ]
        (fit {
            data with
                Targets = [ "y", snd data.Targets.Head ]
        })

    Expect.refused [ "no target" ] (fit { data with Targets = [] })

    let targets = snd data.Targets.Head

    let target tensor = {
        data with
            Targets = [ "readout", tensor ]
    }

    Expect.refused [ "\"readout\""; "no rows" ] (fit (target (torch.tensor 1.0)))
    Expect.refused [ "\"readout\""; "no rows" ] (fit (target null))

    Expect.refused
        [ "more than one target" ]
        (fit {
            data with
                Targets = data.Targets @ data.Targets
        })

    Expect.refused [ "loss of \"readout\""; "raises" ] (fit (target (targets + 5L.ToScalar())))
    Expect.refused [ "loss of \"readout\""; "raises" ] (fit (target (targets.``to`` torch.float32)))

    let losing loss () =
        Train.fit { training with Loss = loss } data (compiled ())

    Expect.refused [ "loss of \"readout\""; "one number" ] (losing (fun scores _ -> scores))
    Expect.refused [ "loss of \"readout\""; "one number" ] (losing (fun _ _ -> null))
    Expect.refused [ "no examples" ] (fit (examples 1 0L))

    let broken = {
        data with
            Inputs = [
                "x", torch.full ([| 8L; 1L; 4L; 4L |], Scalar.op_Implicit nanf, Nullable torch.float32)
            ]
    }

    Expect.refused [ "NaN"; "epoch 1" ] (fit broken)
