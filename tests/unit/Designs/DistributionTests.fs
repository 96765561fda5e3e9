/// Elements drawn from distributions that the input decides.
module Equivariant.Tests.Designs.DistributionTests

open System
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>
type private Scores = torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor>

let private n = 5
let private sn = Group.Symmetric n
let private points = PermutationAction.Natural sn
let private onSets = AxisAction(points, -2)
let private onGraphs = AxisAction(PermutationAction.OnGraphs(sn, 2), -2, -1)
let private c4 = Group.Cyclic 4
let private onFour = AxisAction(PermutationAction.Natural c4, -1)

let private perceptron shape outputs =
    torch.manual_seed 1L |> ignore
    new Perceptron(List.fold (*) 1L shape, outputs, torch.float64)

let private random (shape: int64 list) (seed: int) =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn (Array.ofList shape, dtype = torch.float64)

let private graphs seed =
    let x = random [ 3L; int64 n; int64 n + 2L ] seed

    let upper =
        x.narrow(2L, 0L, int64 n).gt(0.0.ToScalar()).``to``(torch.float64).triu 1L

    torch.cat ([| upper + upper.transpose (1L, 2L); x.narrow (2L, int64 n, 2L) |], 2L)

let private scoring (f: torch.Tensor -> torch.Tensor -> torch.Tensor) = {
    new Scores("given") with
        member _.forward(x, noise) = f x noise
}

let private pointScores (action: TensorAction) features =
    torch.manual_seed 5L |> ignore
    (new PointScores(action, features, 1, 8, 2)).``to`` torch.float64

/// How far means of many draws of two random tensors are apart, in standard errors of each component: the largest.
let private apart draws (left: unit -> torch.Tensor) (right: unit -> torch.Tensor) =
    let all draw =
        torch.stack [| for _ in 1..draws -> draw () |]

    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let a, b = all left, all right

    let error =
        ((a.var 0L + b.var 0L) / (float draws).ToScalar()).sqrt() + 1e-12.ToScalar()

    ((a.mean [| 0L |] - b.mean [| 0L |]).abs() / error).max().item<double>()

[<Fact>]
let ``noise that is moved along picks the elements that go with it: exactly equivariant`` () =
    for name, action, features, x in
        [
            "sets", onSets, 2, random [ 4L; int64 n; 2L ] 1
            "graphs", onGraphs, 2, graphs 1
        ] do
        let distribution = ElementDistribution.Sorted(pointScores action features)
        let noise = random [ x.shape[0]; int64 n; int64 distribution.NoisePerPoint ] 2

        for seed in 1..20 do
            let h = sn.Random(Random seed)
            let here = distribution.Elements(action, x, noise)

            let there =
                distribution.Elements(action, action.Apply(h, x), onSets.Apply(h, noise))

            for row in 0L .. x.shape[0] - 1L do
                Assert.Equal(here[row] * h.Inverse(), there[row])

        // Equal scores are decided by chance, not by place.
        let flat =
            ElementDistribution.Sorted(scoring (fun _ noise -> noise.select (2L, 0L) * 0.0.ToScalar()))

        let here = flat.Elements(action, x, noise)
        let h = sn.Element(1, 2, 3, 4, 0)

        Assert.Equal(
            here[0L] * h.Inverse(),
            (flat.Elements(action, action.Apply(h, x), onSets.Apply(h, noise)))[0L]
        )

        Assert.False(here[0L].IsIdentity && here[1L].IsIdentity, name)

[<Fact>]
let ``scores that are noise alone are the uniform distribution`` () =
    let distribution = ElementDistribution.Sorted(scoring (fun _ noise -> noise))
    let x = random [ 2L; 3L; 1L ] 1
    let s3 = AxisAction(PermutationAction.Natural(Group.Symmetric 3), -2)
    let picks = distribution.Draw(s3, x, 3000, Random 1)
    Assert.Equal(6000L, picks.Count)
    let struct (elements, _) = picks.Listed torch.CPU

    let struct (_, _, counts) =
        ((elements.Codes * torch.tensor [| 9L; 3L; 1L |]).sum 1L).unique(return_counts = true)

    Assert.Equal<int64[]>([| 6L |], counts.shape)
    // Each of the six is expected a thousand times; 150 is more than five standard deviations.
    Assert.True((counts - 1000L.ToScalar()).abs().max().item<int64>() < 150L)

let private symmetrised (net: Model) action output distribution samples seed =
    new ProbabilisticSymmetrise(net, action, output, distribution, samples, Random seed)

[<Fact>]
let ``symmetrised networks are equivariant in distribution, and a biased sampler is caught`` () =
    // 300 draws of each, up to 120 components: beyond six standard errors is one false alarm in four million seeds.
    let draws, alarm = 300, 6.0
    let net = perceptron [ int64 n; 2L ] [ int64 n; 1L ]
    let x = random [ 2L; int64 n; 2L ] 1
    let h = sn.Element(1, 2, 3, 4, 0)

    let law (distribution: ElementDistribution) =
        let here = symmetrised net onSets onSets distribution 2 1
        let there = symmetrised net onSets onSets distribution 2 2
        apart draws (fun () -> onSets.Apply(h, here.call x)) (fun () -> there.call (onSets.Apply(h, x)))

    let learned = ElementDistribution.Sorted(pointScores onSets 2)
    let gap = law learned
    Assert.True(gap < alarm, $"learned: {gap}")
    Assert.True(law (ElementDistribution.Uniform()) < alarm)
    // Scores that know the places of points are not equivariant.
    let placed =
        scoring (fun _ noise -> noise.select (2L, 0L) + torch.arange (int64 n, dtype = torch.float64))

    let biased = law (ElementDistribution.Sorted placed)
    Assert.True(biased > 2.0 * alarm, $"biased: {biased}")

[<Fact>]
let ``transforms that a network scores are drawn in proportion to the exponentials of the scores`` () =
    let score = {
        new Model("score") with
            member _.forward rows = rows.select (1L, 0L)
    }

    let distribution = ElementDistribution.Scored score
    let x = torch.tensor([| 0.3; -1.0; 0.8; 0.1 |]).unsqueeze 0L
    let draws = 8000
    let picks = distribution.Draw(onFour, x, draws, Random 2)
    let struct (elements, _) = picks.Listed torch.CPU
    // g takes place i to i + g, so that the place of g's inverse comes first.
    let expected = x[0L].softmax 0L

    let actual =
        torch.bincount (
            (elements.Codes.squeeze(1L).neg() + (4L).ToScalar()).remainder((4L).ToScalar()),
            minlength = 4L
        )

    let share = actual.``to`` torch.float64 / (float draws).ToScalar()
    // Standard deviations are below 0.0057.
    Assert.True(distance expected share < 0.03, $"{share.ToString true}")
    let net = perceptron [ 4L ] [ 4L ]
    let h = c4.Element 1
    let here = symmetrised net onFour onFour distribution 2 1
    let there = symmetrised net onFour onFour distribution 2 2

    let gap =
        apart 500 (fun () -> onFour.Apply(h, here.call x)) (fun () -> there.call (onFour.Apply(h, x)))

    Assert.True(gap < 6.0, $"{gap}")

[<Fact>]
let ``a product of distributions is one of the direct product`` () =
    let pair = Group.Direct [| sn :> Group; Group.Cyclic 2 |]
    let flip = PermutationAction(Group.Cyclic 2, 2, [| [| 1; 0 |] |])

    let indices =
        (PermutationAction.OfFactor(pair, 0, points)).Times(PermutationAction.OfFactor(pair, 1, flip))

    let action = AxisAction(indices, -2, -1)
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]
    let sums = scoring (fun x noise -> x.sum 2L + noise.select (2L, 0L))

    let score = {
        new Model("score") with
            member _.forward rows =
                (rows * torch.tensor [| 1.0; 2.0 |]).sum [| 1L; 2L |]
    }

    let distribution =
        ElementDistribution.Product [|
            ElementDistribution.Sorted sums :> ElementDistribution
            ElementDistribution.Scored score
        |]

    let x = random [ 2L; int64 n; 2L ] 1
    let h = pair.Random(Random 7)
    let here = symmetrised net action action distribution 3 1
    let there = symmetrised net action action distribution 3 2

    let gap =
        apart 500 (fun () -> action.Apply(h, here.call x)) (fun () -> there.call (action.Apply(h, x)))

    Assert.True(gap < 6.0, $"{gap}")
    Assert.Equal(3.0, here.EvaluationsPerInput)

[<Fact>]
let ``special cases agree: one order for sure is the sorting frame, uniform is Monte Carlo`` () =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]
    let x = random [ 3L; int64 n; 2L ] 1
    let sure = ElementDistribution.Sorted(scoring (fun x _ -> x.select (2L, 0L)))

    let frame =
        new FrameAverage(net, onSets, onSets, Frame.Sorting(TieBreaks(Random 1)))

    let symmetrised1 = symmetrised net onSets onSets sure 1 1
    assertClose 1e-12 (frame.call x) (symmetrised1.call x)
    Assert.True(Double.IsNaN symmetrised1.StandardError)
    let several = symmetrised net onSets onSets sure 4 1
    assertClose 1e-12 (frame.call x) (several.call x)
    Assert.True(several.StandardError < 1e-12)
    let uniform = symmetrised net onSets onSets (ElementDistribution.Uniform()) 4 9
    let monteCarlo = new MonteCarloEquitune(net, onSets, onSets, 4, Random 9)
    assertClose 0.0 (monteCarlo.call x) (uniform.call x)
    Assert.Equal(monteCarlo.StandardError, uniform.StandardError)
    // The report is what the spread of repeated runs is.
    let runs = torch.stack [| for _ in 1..300 -> uniform.call x |]
    let spread = Math.Sqrt((runs.var 0L).mean().item<double>())

    let reported =
        [
            for _ in 1..50 ->
                (uniform.call x |> ignore
                 uniform.StandardError)
        ]
        |> List.average

    Assert.InRange(reported / spread, 0.85, 1.15)

[<Fact>]
let ``the distribution learns: what sorts well is found by its gradient`` () =
    // Only the first point counts after sorting, so scores have to find the point that is wanted.
    torch.manual_seed 3L |> ignore

    let first = {
        new Model("first") with
            member _.forward rows =
                rows.select(1L, 0L).select(1L, 0L).unsqueeze 1L
    }

    let train (distribution: ElementDistribution) action x (net: Model) steps =
        let design = symmetrised net action (TrivialAction action.Group) distribution 4 5
        design.train ()
        let optimiser = torch.optim.Adam(design.parameters (), 0.02)

        let losses = [
            for _ in 1..steps ->
                use scope = torch.NewDisposeScope()
                optimiser.zero_grad ()
                let loss = (design.call x).mean()
                loss.backward ()
                optimiser.step () |> ignore
                loss.item<double>()
        ]

        List.average (List.take 10 losses), List.average (List.skip (steps - 10) losses)

    let x = random [ 16L; int64 n; 2L ] 1
    let scores = pointScores onSets 2

    let before, after =
        train (ElementDistribution.Sorted(scores, 1, 0.3)) onSets x first 60

    let least = (x.select (2L, 0L)).amin([| 1L |]).mean().item<double>()
    Assert.True(after < before - 0.5 * (before - least), $"{before} to {after}, best {least}")
    let linear = torch.nn.Linear(4L, 1L, dtype = torch.float64)

    let firstOf = {
        new Model("first") with
            member _.forward rows = rows.select(1L, 0L).unsqueeze 1L
    }

    let rows = random [ 16L; 4L ] 2
    let before, after = train (ElementDistribution.Scored linear) onFour rows firstOf 60
    let least = rows.amin([| 1L |]).mean().item<double>()
    Assert.True(after < before - 0.5 * (before - least), $"{before} to {after}, best {least}")

[<Fact>]
let ``training draws hard permutations: the values are those of evaluation`` () =
    let net = perceptron [ int64 n; int64 n + 2L ] [ int64 n; 1L ]
    let x = graphs 4

    let run train =
        let distribution = ElementDistribution.Sorted(pointScores onGraphs 2)
        let design = symmetrised net onGraphs onSets distribution 3 11
        design.train train
        let y = design.call x

        if train then
            y.square().sum().backward()
            let slopes = [ for p in distribution.parameters () -> p.grad.abs().sum().item<double>() ]
            Assert.True(List.sum slopes > 0.0)

        y.detach ()

    assertClose 0.0 (run false) (run true)

[<Fact>]
let ``distributions refuse what they are not for, in a sentence`` () =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]
    let x = random [ 3L; int64 n; 2L ] 1

    let over f =
        fun () -> (symmetrised net onSets onSets (ElementDistribution.Sorted(scoring f)) 2 1).call x

    refused [ "one number for each of 5 points"; "[6, 5, 2]" ] (over (fun x _ -> x))
    refused [ "one number for each of 5 points"; "[6]" ] (over (fun _ noise -> noise.sum [| 1L; 2L |]))
    refused [ "scores"; "NaN" ] (over (fun _ noise -> noise * nan.ToScalar()))

    refused
        [ "scores can't be computed"; "libtorch says" ]
        (over (fun x noise -> torch.cat ([| x; noise |], 1L)))

    let noisy = scoring (fun _ noise -> noise)

    refused [ "0 samples"; "at least 1" ] (fun () ->
        symmetrised net onSets onSets (ElementDistribution.Sorted noisy) 0 1)

    refused [ "1 sample"; "at least 2" ] (fun () -> new MonteCarloEquitune(net, onSets, onSets, 1, Random 1))
    refused [ "0 random numbers" ] (fun () -> ElementDistribution.Sorted(noisy, 0))
    refused [ "temperature"; "0" ] (fun () -> ElementDistribution.Sorted(noisy, 1, 0.0))

    refused [ "symmetric group"; "C4" ] (fun () ->
        symmetrised net onFour onFour (ElementDistribution.Sorted noisy) 2 1)

    refused [ "symmetric group" ] (fun () -> new PointScores(onFour, 1))
    let large = AxisAction(PermutationAction.Natural(Group.Symmetric 12), -1)

    refused [ "479001600" ] (fun () ->
        symmetrised net large large (ElementDistribution.Scored(torch.nn.Linear(12L, 1L))) 2 1)

    refused [ "2 parts"; "S5" ] (fun () ->
        symmetrised
            net
            onSets
            onSets
            (ElementDistribution.Product [| ElementDistribution.Uniform(); ElementDistribution.Uniform() |])
            2
            1)
