/// Batches shared by ranks: training follows one process.
module Equivariant.RankChecks.DataParallel

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Distributed
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.RankChecks.Check
open Equivariant.Tests.ToyModels

let private c4 = Group.Cyclic 4
let private onFour = AxisAction(PermutationAction.Natural c4, -1)

let private data =
    lazy
        (torch.manual_seed 3L |> ignore
         torch.randn([| 40L; 4L |], dtype = torch.float64).DetachFromDisposeScope())

/// A model, and one more parameter than is used.
let private network evaluation =
    torch.manual_seed 1L |> ignore

    let design =
        new Equitune(new Perceptron(4L, [ 4L ], torch.float64), onFour, onFour, evaluation = evaluation)

    design.register_module ("unused", torch.nn.Linear(2L, 2L, dtype = torch.float64))
    design

/// One permutation of the data for all ranks, drawn from the seed, of which each batch is a part.
let private batches size steps =
    let random = Random 5
    let order = [| 0L .. 39L |]

    [
        for step in 0 .. steps - 1 do
            let place = step * size % 40

            if place = 0 then
                random.Shuffle order

            order[place .. place + size - 1]
    ]

/// Trains on every batch: clipped, in micro-batches.
let private train (ranks: Ranks) size micro steps optimiserOf evaluation takeAway =
    let model = network evaluation
    use gradients = new SharedGradients(ranks, model, bucketBytes = 400L)
    let optimiser: torch.optim.Optimizer = optimiserOf (model.parameters ())

    for batch in batches size steps do
        use scope = torch.NewDisposeScope()
        gradients.Zero()

        if takeAway then
            for p in model.parameters () do
                p.grad <- null

        let struct (from, length) = ranks.Share size
        let mine = batch[int from .. int (from + length) - 1]

        for part in Array.splitInto micro mine do
            let x = data.Value.index_select (0L, torch.tensor part)
            let target = x.roll (1L, 1L)
            let loss = (model.call x - target).square().sum(1L).mean()
            (loss * (float part.Length / float length).ToScalar()).backward()

        gradients.Average(float length)
        torch.nn.utils.clip_grad_norm_ (model.parameters (), 0.5) |> ignore
        optimiser.step () |> ignore

    [ for p in model.parameters () -> p.detach().clone() ]

let private sgd (parameters: seq<Modules.Parameter>) : torch.optim.Optimizer =
    torch.optim.SGD(parameters, 0.05, momentum = 0.9)

let private adam (parameters: seq<Modules.Parameter>) : torch.optim.Optimizer =
    torch.optim.Adam(parameters, 0.01)

let private trajectories (ranks: Ranks) =
    let alone = Evaluation()

    for name, size, micro, optimiser, takeAway in
        [
            "SGD", 8, 1, sgd, false
            "Adam", 8, 1, adam, false
            "shares of different lengths", 5, 1, adam, false
            "micro-batches", 8, 2, adam, false
            "gradients that were taken away", 8, 1, adam, true
        ] do
        let expected = train Ranks.Alone size 1 60 optimiser alone false
        let actual = train ranks size micro 60 optimiser alone takeAway
        allClose 1e-12 name expected actual

        for x in actual do
            common ranks name x

/// A grid of orbits × data, of which one side has one rank.
let private grids (ranks: Ranks) =
    let expected = train Ranks.Alone 8 1 20 adam (Evaluation()) false

    for columns in [ 1; ranks.Count ] do
        let orbits = ranks.Split(ranks.Rank / columns)
        let data = ranks.Split(ranks.Rank % columns)

        allClose
            1e-12
            $"{columns} columns"
            expected
            (train data 8 1 20 adam (Evaluation(Ranks = orbits)) false)

let private buffers (ranks: Ranks) =
    for isCommon in [ false; true ] do
        torch.manual_seed 1L |> ignore
        let norm = torch.nn.BatchNorm1d(4L, dtype = torch.float64)

        let model =
            torch.nn.Sequential(norm, torch.nn.Linear(4L, 4L, dtype = torch.float64))

        use gradients = new SharedGradients(ranks, model, isCommon)
        model.train ()
        let struct (from, length) = ranks.Share 40L
        (model.call (data.Value.narrow (0L, from, length))).square().mean().backward()
        let local = norm.running_mean.clone ()
        gradients.Average(float length)

        if isCommon then
            common ranks "the common running mean" norm.running_mean
            close 1e-12 "the mean over ranks" (data.Value.mean [| 0L |] * 0.1.ToScalar()) norm.running_mean

            require
                (norm.num_batches_tracked.``to``(torch.float64).item<float>() = 1.0)
                "the number of batches"
        else
            close 0.0 "the rank's own running mean" local norm.running_mean

let private refusals (ranks: Ranks) =
    refused [ "parameters"; "given to rank" ] (fun () ->
        torch.manual_seed (int64 (min 1 ranks.Rank)) |> ignore
        new SharedGradients(ranks, torch.nn.Linear(2L, 2L)) |> ignore)

    torch.manual_seed 1L |> ignore
    use gradients = new SharedGradients(ranks, torch.nn.Linear(2L, 2L))

    for weight in [ -1.0; nan; infinity ] do
        refused [ "count"; "samples" ] (fun () -> gradients.Average weight)

    refused [ "not all 0" ] (fun () -> gradients.Average 0.0)

let checks: Check list = [
    "60 steps of data-parallel training", trajectories
    "grids of orbits and data", grids
    "running means, local or common", buffers
    "other parameters and strange weights are refused", refusals
]
