/// The laws catch what breaks symmetry, and say with what in the fewest words.
module Equivariant.Tests.Dsl.LawTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests

let private d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let private square = image 1 6 6
let private signal = square |> under d4 symmetries
let private action = Signal.core signal
let private sampling = Sampling.normal [ 1L; 6L; 6L ] |> Sampling.named "front"

/// A network from a function of tensors.
let private net (f: torch.Tensor -> torch.Tensor) = {
    new torch.nn.Module<torch.Tensor, torch.Tensor>("net") with
        override _.forward x =
            use scope = torch.NewDisposeScope()
            (f x).MoveToOuterDisposeScope()
}

let private small =
    network {
        input "x" (image 1 4 4 |> under (cyclic 4) rotations)
        eq "x" (convNet 2)
    }

let private verdict law = Law.judge 60 11UL law

let private holds law =
    match verdict law with
    | Verdict.Held trials -> Assert.Equal(60, trials)
    | Verdict.Broken counterexample -> Assert.Fail counterexample

/// Fails unless a law breaks with a counterexample that has these parts.
let private caught (parts: string list) law =
    match verdict law with
    | Verdict.Held _ -> Assert.Fail $"{law} was not caught"
    | Verdict.Broken counterexample ->
        for part in parts do
            Assert.Contains(part, counterexample)

let private toy () =
    torch.manual_seed 1L |> ignore
    new ToyModels.Perceptron(36L, [ 1L; 6L; 6L ], torch.float32)

[<Fact>]
let ``an equitune design obeys its laws, and the bare model is caught`` () =
    let toy = toy ()
    let design = new Equitune(toy, action, action)
    holds (Laws.equivariant design action action sampling)
    Laws.require (Laws.design design sampling)

    toy
    |> fun bare ->
        Laws.equivariant bare action action sampling
        |> caught [ "f(gx) = g f(x) fails: " ]

[<Fact>]
let ``shrinking reaches the smallest failing word and one row`` () =
    // Equivariant under turns only: the least that shows it is a reflection, alone.
    let turns = Signal.core (square |> under (cyclic 4) rotations)
    let model = new Equitune(toy (), turns, turns)

    let law = {
        Laws.equivariant model action action sampling with
            Show = List.map (Signal.word signal) >> String.concat ", "
    }

    law
    |> caught [
        "f(gx) = g f(x) fails: f on input \"front\" [1,1,6,6]: max |f(gx) − g f(x)| = "
        "(tolerance "
    ]

[<Fact>]
let ``a model's law names input, word and shape`` () =
    let broken =
        network {
            input "front" signal
            input "side" (square |> under (cyclic 4) rotations)
            eq "front" (convNet 1)
            eq "side" (convNet 1)
            apply (pointwise "ramp" (fun x -> x * torch.arange 6.0f))
        }

    let counterexample = Assert.Throws<LawBrokenException>(fun () -> Laws.check broken)

    Assert.Matches(
        "^f\\(gx\\) = g f\\(x\\) fails: (r|r²|f) on input \"front\" \\[1,1,6,6\\]: output \"front\": max \\|f\\(gx\\) − g f\\(x\\)\\| = [0-9.]+ \\(tolerance [0-9.e-]+\\), at \\[0,\\d,\\d,\\d\\]: -?[0-9.e-]+ and -?[0-9.e-]+$",
        counterexample.Message
    )

[<Fact>]
let ``an action that is not one is caught`` () =
    let wrong (g: GroupElement) (x: torch.Tensor) = if g.IsIdentity then x else x.flip -1L
    let laws = Laws.actionOf (cyclic 4).Core wrong sampling
    holds laws[0]
    laws[1] |> caught [ "(gh)·x = g·(h·x) fails: "; "max |" ]
    let shifted = Laws.actionOf (cyclic 2).Core (fun _ x -> x.roll (1L, -1L)) sampling
    shifted[0] |> caught [ "1·x = x fails: on input \"front\" [1,1,6,6]" ]

[<Fact>]
let ``a map that is no homomorphism is caught`` () =
    let source, target = (cyclic 4).Core, (cyclic 8).Core
    let map factor (g: GroupElement) = target.Element(factor * g.Code[0] % 8)
    holds (Laws.homomorphism source target (map 2))

    Laws.homomorphism source target (map 1)
    |> caught [ "f(gh) = f(g) f(h) fails: "; "from C4 to C8" ]

[<Fact>]
let ``a φ that is no homomorphism into automorphisms is caught, and refused`` () =
    let normal, acting = (cyclic 5).Core, (cyclic 2).Core

    let phi factor (h: GroupElement) (n: GroupElement) =
        if h.IsIdentity then
            n
        else
            normal.Element(factor * n.Code[0] % 5)

    holds (Laws.automorphisms normal acting (phi 4))

    Laws.automorphisms normal acting (phi 2)
    |> caught [ "φ_gh = φ_g φ_h"; "φ from C2 on C5" ]

    let refusal =
        Assert.Throws<EquivariantException>(fun () ->
            semidirect (cyclic 5) (cyclic 2) (fun h n -> if h = 0 then n else 2 * n)
            |> ignore)

    Assert.Contains("C2", refusal.Message)

[<Fact>]
let ``a subgroup that is not normal is caught`` () =
    let flips = d4 |> Group.subgroup [ (0, 1) ]
    Laws.normal d4.Core flips.Core |> caught [ "g k g⁻¹ ∈ K fails: " ]
    holds (Laws.normal d4.Core (Group.subgroup [ (1, 0) ] d4).Core)

[<Fact>]
let ``the wrong design for a semidirect product is caught`` () =
    // Eq over N of the H-invariant input, symmetrised over H, is not equivariant: H is not normal.
    let toy = toy ()
    let group = d4.Core :?> SemidirectProduct
    let average = action.Average group.ActingSubgroup
    let turns = group.NormalSubgroup.Elements |> Array.ofSeq
    let orbit = action.Over turns

    let wrong =
        net (fun x ->
            let values = orbit.PullBack(toy.call (orbit.Expand(average.Apply x)))
            average.Apply(values.unflatten(0L, int64 turns.Length, x.shape[0]).mean [| 0L |]))

    Laws.equivariant wrong action action sampling
    |> caught [ "f(gx) = g f(x) fails: " ]

    let right = new QuotientDesign(toy, action, action, QuotientTerm.Default d4.Core)
    holds (Laws.equivariant right action action sampling)

[<Fact>]
let ``an Inv that does not commute with the group is caught`` () =
    let group = cyclic 6 >< cyclic 6
    let shifting = Signal.core (square |> under group shifts)
    let term = (QuotientTerm.Default group.Core)[0]

    let corner (x: torch.Tensor) =
        x.select(-1, 0L).select(-1, 0L).flatten()

    let wrong = Invariance.LeastEnergy corner

    Laws.invariance wrong term shifting sampling
    |> caught [ "Inv(gx) = g·Inv(x) fails" ]

    holds (Laws.invariance Invariance.Average term shifting sampling)

    let design =
        new QuotientDesign(toy (), shifting, shifting, [| term |], invariance = wrong)

    Laws.equivariant design shifting shifting sampling
    |> caught [ "f(gx) = g f(x) fails: " ]

[<Fact>]
let ``a declared representative that does not commute with the group is caught`` () =
    let corner (x: torch.Tensor) =
        x.select(-1, 0L).select(-1, 0L).flatten()

    let model =
        network {
            input "front" (square |> under (cyclic 6 >< cyclic 6) shifts)
            eq "front" (convNet 2) (quotient |> represented "the corner" corner)
        }

    let broken = Assert.Throws<LawBrokenException>(fun () -> Laws.check model)
    Assert.Contains("Inv(gx) = g·Inv(x) fails", broken.Message)
    Assert.Contains("eq block \"front\"", broken.Message)

[<Fact>]
let ``a bias that breaks the symmetry of a layer is caught`` () =
    let circle =
        Representation.Of(PermutationAction.Natural((cyclic 5).Core :?> CyclicGroup))

    let layer = new EquivariantLinear(circle, circle)
    let turning = AxisAction(circle.Permutation, -1)
    let sampling = Sampling.normal [ 1L; 5L ]
    holds (Laws.equivariant layer turning turning sampling)
    let bias = torch.arange 5.0f
    let broken = net (fun x -> layer.call x + bias)

    Laws.equivariant broken turning turning sampling
    |> caught [ "f(gx) = g f(x) fails: 1 on input [1,1,5]: max |" ]

[<Fact>]
let ``an approximately equivariant model is measured against the declared tolerance`` () =
    // Turns by 45° interpolate between pixels: not an action, and blurring commutes with it only nearly.
    let turn (g: GroupElement) (x: torch.Tensor) =
        let angle = 2.0 * Math.PI * float g.Code[0] / 8.0
        let c, s = float32 (cos angle), float32 (sin angle)

        let matrix =
            torch.tensor([| c; -s; 0.0f; s; c; 0.0f |]).view(1L, 2L, 3L).expand(x.shape[0], 2L, 3L)

        let grid = torch.nn.functional.affine_grid (matrix, x.shape, align_corners = true)
        torch.nn.functional.grid_sample (x, grid, align_corners = true)

    let blur =
        net (fun x -> torch.nn.functional.avg_pool2d (x, 3L, stride = 1L, padding = 1L))

    let law tolerance =
        Laws.equivariantBy blur (cyclic 8).Core turn turn (Sampling.within tolerance sampling)

    law 0.01 |> caught [ "max |f(gx) − g f(x)| = "; "(tolerance 0.01)" ]
    holds (law 5.0)

[<Fact>]
let ``values that are not finite, or all zero, never pass`` () =
    Laws.equivariant (net (fun x -> x * Single.NaN.ToScalar())) action action sampling
    |> caught [ "not finite" ]

    Laws.equivariant (net (fun x -> x / 0.0f.ToScalar())) action action sampling
    |> caught [ "not finite" ]

    Laws.equivariant (net (fun x -> x * 0.0f.ToScalar())) action action sampling
    |> caught [ "all values are zero" ]

    Laws.invariant (net (fun x -> torch.zeros_like x)) action sampling
    |> caught [ "all values are zero" ]

[<Fact>]
let ``a model that is not deterministic is caught, as such`` () =
    let dropout = torch.nn.Dropout 0.5
    dropout.train ()

    let noisy =
        new Equitune(torch.nn.Sequential(dropout :> torch.nn.Module<_, _>), action, action)

    noisy.train ()
    Laws.equivariant noisy action action sampling |> caught [ "not deterministic" ]

    let model =
        network {
            input "front" signal
            eq "front" (wrapping "noisy" (fun () -> net (fun x -> x + torch.randn_like x)))
        }

    let broken = Assert.Throws<LawBrokenException>(fun () -> Laws.check model)
    Assert.Contains("not deterministic", broken.Message)

[<Fact>]
let ``an invariant-symmetric block that is not symmetric is caught`` () =
    let pooled = net (fun x -> x.mean([| -1L; -2L |], keepdim = true).expand_as x)
    Laws.require (Laws.invariantSymmetric pooled action action sampling)
    let marked = net (fun x -> pooled.call x * torch.arange(6.0f).view(1L, 1L, 1L, 6L))
    let laws = Laws.invariantSymmetric marked action action sampling
    holds laws[0]
    laws[1] |> caught [ "g f(x) = f(x) fails: " ]

/// What a law's network was given.
let private given count law' =
    let inputs = ResizeArray<torch.Tensor>()

    let watched =
        net (fun x ->
            inputs.Add(x.detach().clone().DetachFromDisposeScope())
            x.alias ())

    match Law.judge count 3UL (law' watched) with
    | Verdict.Held _ -> List.ofSeq inputs
    | Verdict.Broken counterexample -> failwith counterexample

[<Fact>]
let ``inputs are drawn of every kind`` () =
    let inputs =
        given 150 (fun watched -> Laws.equivariant watched action action sampling)

    let some what kind =
        Assert.True(inputs |> List.exists kind, $"no input was {what}")

    let alike (x: torch.Tensor) =
        Tensors.distance x (x.narrow(0L, 0L, 1L).expand_as x) = 0.0

    let kept (g: int * int) (x: torch.Tensor) =
        Tensors.distance x (action.Apply(d4.Element g, x)) = 0.0

    some "a single row" (fun x -> x.shape[0] = 1L)
    some "a batch of equal rows" (fun x -> x.shape[0] > 1L && alike x)
    some "a batch of different rows" (fun x -> x.shape[0] > 1L && not (alike x))
    some "kept by the whole group" (fun x -> kept (1, 0) x && kept (0, 1) x)
    some "kept by a part of the group" (fun x -> kept (0, 1) x && not (kept (1, 0) x))
    some "large" (fun x -> Numbers.largest x > 1000.0)
    some "small" (fun x -> Numbers.largest x < 0.01)
    some "usual" (fun x -> Numbers.largest x > 1.0 && Numbers.largest x < 10.0)

    let spoken = sentence [ "left"; "right"; "walk" ] 3
    let exchanging = Signal.core (spoken |> under (cyclic 2) (exchange "left" "right"))

    let sentences =
        given 100 (fun watched -> Laws.equivariant watched exchanging exchanging (Sampling.tokens 3L [ 3L ]))

    Assert.Contains(sentences, (fun x -> x.eq(torch.tensor 2L).all().item<bool>()))
    Assert.Contains(sentences, (fun x -> not (x.eq(torch.tensor 2L).any().item<bool>())))

/// Multiplies pixels by where they are.
let private ramped (x: torch.Tensor) = x * torch.arange 6.0f

[<Fact>]
let ``what is wrong on one kind of input only is caught, and the input described`` () =
    let wrongWhere (kind: torch.Tensor -> bool) parts =
        Laws.equivariant (net (fun x -> if kind x then ramped x else x.alias ())) action action sampling
        |> caught ("f(gx) = g f(x) fails: " :: parts)

    wrongWhere (fun x -> x.shape[0] = 1L) [ "[1,1,6,6]: max" ]

    wrongWhere (fun x -> x.shape[0] > 1L && Tensors.distance x (x.narrow(0L, 0L, 1L).expand_as x) = 0.0) [
        ",1,6,6], rows alike: max"
    ]

    wrongWhere (fun x -> Tensors.distance x (x.flip -1L) = 0.0) [ "[1,1,6,6], symmetric: max" ]
    wrongWhere (fun x -> Numbers.largest x > 100.0) [ "[1,1,6,6], up to "; ": max" ]
    wrongWhere (fun x -> Numbers.largest x < 0.01) [ "[1,1,6,6], up to "; ": max" ]

[<Fact>]
let ``a pose that is picked first among several is caught on symmetric inputs`` () =
    // Right for images without symmetries of their own: each has one darkest pose.
    let orbit = action.Over(Array.ofSeq d4.Core.Elements)

    let picking =
        net (fun x ->
            let rows = orbit.Expand(x).unflatten(0L, 8L, x.shape[0])
            let dark = (rows * torch.arange(36.0f).sqrt().view(6L, 6L)).flatten(2L).sum 2L
            // As numbers of one precision, so that poses that are equal tie.
            let first = dark.round(3L).argmin 0L

            let pulled =
                orbit.PullBack(ramped (rows.flatten (0L, 1L))).unflatten(0L, 8L, x.shape[0])

            torch.stack [| for row in 0L .. x.shape[0] - 1L -> pulled[first[row].item<int64>(), row] |])

    Law.judge 400 2UL (Laws.equivariant picking action action (Sampling.within 1e-4 sampling))
    |> string
    |> fun verdict -> Assert.Contains(", symmetric: max", verdict)

[<Fact>]
let ``tolerances follow the size of the values`` () =
    let right scale =
        net (fun x -> torch.tanh (x * 0.3.ToScalar()) * (scale: float).ToScalar())

    let wrong scale =
        net (fun x -> (x + torch.arange 6.0f * 0.01.ToScalar()) * (scale: float).ToScalar())

    for scale in [ 1e-12; 1e-6; 1.0; 1e6; 1e12 ] do
        holds (Laws.equivariant (right scale) action action sampling)
        Laws.equivariant (wrong scale) action action sampling |> caught [ "max |" ]

    // An error that single precision hides among numbers of size one shows among small ones.
    let hidden = net (fun x -> x + torch.arange 6.0f * 1e-7.ToScalar())
    Laws.equivariant hidden action action sampling |> caught [ "up to "; "max |" ]

[<Fact>]
let ``tolerances follow the type of the numbers`` () =
    for dtype in [ torch.bfloat16; torch.float16; torch.float32; torch.float64 ] do
        let drawn = Sampling.normalOf dtype torch.CPU [ 1L; 6L; 6L ]
        let right = net (fun x -> torch.tanh (x * 0.3.ToScalar()))

        let wrong =
            net (fun x -> x * (1.0.ToScalar() + torch.arange(6.0f).``to`` dtype * 0.1.ToScalar()))

        holds (Laws.equivariant right action action drawn)
        Laws.equivariant wrong action action drawn |> caught [ "max |" ]

    // What single precision would never see.
    let fine =
        net (fun x -> x * (1.0 + 1e-9 * 1.0).ToScalar() + ramped x * 1e-9.ToScalar())

    holds (Laws.equivariant fine action action sampling)

    Laws.equivariant fine action action (Sampling.normalOf torch.float64 torch.CPU [ 1L; 6L; 6L ])
    |> caught [ "max |" ]

[<Fact>]
let ``the first word is a word, and short sentences are sentences`` () =
    for length in [ 1; 2 ] do
        for weights in 0L .. 4L do
            let words = sentence [ "left"; "right" ] length

            let model =
                network {
                    input "x" (words |> under (cyclic 2) (exchange "left" "right"))
                    eq "x" (mlp [ 4 ]) quotient
                }

            Laws.require (Laws.ofModelOn { Target.cpu with Seed = weights } model)

    let spoken =
        Signal.core (sentence [ "a"; "b" ] 2 |> under (cyclic 2) (exchange "a" "b"))

    Laws.require (Laws.action spoken (Sampling.tokens 1L [ 2L ]))
    // Wrong words are caught all the same.
    let wrong (g: GroupElement) (x: torch.Tensor) =
        if g.IsIdentity then x * 0L.ToScalar() else x.alias ()

    (Laws.actionOf (cyclic 2).Core wrong (Sampling.tokens 2L [ 2L ]))[0]
    |> caught [
        "1·x = x fails: on input ["
        ",2]: max |1·x − x| = 1 (tolerance 0), at ["
        ": 0 and 1"
    ]

[<Fact>]
let ``an output that is zero now and then is compared when it is not`` () =
    let model =
        network {
            input "x" (vector 4 |> under (cyclic 4) circle)
            eq "x" (mlp [ 6 ])
            output "x" (vector 1 |> under (cyclic 4) unmoved)
            apply relu
        }

    for weights in 0L .. 7L do
        Laws.require (Laws.ofModelOn { Target.cpu with Seed = weights } model)

    let dead = small |> Model.apply (pointwise "nothing" (fun x -> x * 0.0f.ToScalar()))

    let broken = Assert.Throws<LawBrokenException>(fun () -> Laws.check dead)
    Assert.Contains("all values are zero, so nothing was compared", broken.Message)

    // Half of the trials do not count, and are made up for.
    let half = {
        Laws.group d4.Core with
            Try =
                fun trial ->
                    if trial.Seed % 2 = 0 then
                        Outcome.Agree
                    else
                        Outcome.Inconclusive("", "odd")
    }

    holds half

[<Fact>]
let ``a counterexample names the entry and its two values`` () =
    let spot = torch.arange(36.0f).eq(torch.tensor 2.0f).view(6L, 6L)
    let mark = net (fun x -> torch.zeros_like(x).masked_fill(spot, 1.5.ToScalar()))

    let flips = Signal.core (square |> under (cyclic 2) reflections)

    Laws.symmetric mark flips sampling
    |> caught [ "max |g f(x) − f(x)| = 1.5 (tolerance "; "), at [0,0,0,2]: 0 and 1.5" ]

    let turns = Signal.core (square |> under (cyclic 4) rotations)
    let law = Laws.equivariant (net ramped) turns turns sampling

    match verdict law with
    | Verdict.Held _ -> Assert.Fail "not caught"
    | Verdict.Broken counterexample ->
        let found =
            Text.RegularExpressions.Regex.Match(
                counterexample,
                @"= ([0-9.e+-]+) \(tolerance .*\), at \[0,0,([0-5]),([0-5])\]: ([0-9.e+-]+) and ([0-9.e+-]+)$"
            )

        Assert.True(found.Success, counterexample)
        let number (i: int) = Double.Parse found.Groups[i].Value
        Assert.InRange(abs (number 4 - number 5), number 1 - 0.01, number 1 + 0.01)

    let corner (x: torch.Tensor) =
        x.select(-1, 0L).select(-1, 0L).flatten()

    let shifting = Signal.core (square |> under (cyclic 6 >< cyclic 6) shifts)
    let term = (QuotientTerm.Default (cyclic 6 >< cyclic 6).Core)[0]

    Laws.invariance (Invariance.LeastEnergy corner) term shifting sampling
    |> caught [ "the sides differ by "; " at [0,0,"; " and " ]

[<Fact>]
let ``shrinking tries the identity, then each factor alone, then one factor less`` () =
    let group = direct [ for _ in 1..4 -> cyclic 3 ]

    let factors (g: GroupElement) =
        group.Core.Factorise g |> Seq.filter ((<>) 0) |> Seq.length

    let tried g =
        Element.shrink group.Core (group.Element g) |> Seq.map factors |> List.ofSeq

    Assert.Equal<int list>([ 0; 1; 1; 1; 1; 3; 3; 3; 3; 4; 4; 4; 4 ], tried [ 2; 2; 2; 2 ])
    Assert.Equal<int list>([ 0; 1; 1; 1; 2; 2; 2 ], tried [ 1; 1; 0; 1 ])

[<Fact>]
let ``no trial is no judgement`` () =
    for count in [ 0; -3 ] do
        Expect.refused [ $"in {count} trials"; "at least one" ] (fun () ->
            Law.judge count 1UL (Laws.group d4.Core))

    Assert.Equal(Verdict.Held 1, Law.judge 1 1UL (Laws.group d4.Core))

[<Fact>]
let ``what a user's function raises in a law is its counterexample`` () =
    Laws.equivariant (net (fun _ -> raise (InvalidOperationException "out of stock"))) action action sampling
    |> caught [ " on input \"front\": it raises InvalidOperationException: out of stock" ]

    Laws.homomorphism d4.Core d4.Core (fun g -> if g.IsIdentity then g else failwith "no idea")
    |> caught [ "no idea" ]

[<Fact>]
let ``where rounding decides, nothing is claimed`` () =
    // It picks a sign from a sum that is zero but for rounding.
    let torn =
        net (fun x ->
            let sum =
                x.flatten(1L).sum(1L, keepdim = true)
                - x.flip(-1L).flatten(1L).flip(1L).sum(1L, keepdim = true)

            let balance =
                sum
                + (x.mean ([| -1L; -2L |]) - x.transpose(-1L, -2L).contiguous().mean [| -1L; -2L |])

            x * balance.sign().view(-1L, 1L, 1L, 1L))

    match Law.judge 40 5UL (Laws.equivariant torn action action sampling) with
    | Verdict.Held _ -> ()
    | Verdict.Broken counterexample -> Assert.Contains("rounding errors alone", counterexample)

let private everyDesign = ModelTests.designs |> Seq.map fst

let designs: obj[] seq = everyDesign |> Seq.map (fun name -> [| name :> obj |])

[<Theory; MemberData(nameof designs)>]
let ``no law of a right model ever fails`` (name: string) =
    let model = ModelTests.designs |> List.find (fst >> (=) name) |> snd

    for seed in 1UL .. 3UL do
        let target = {
            Target.cpu with
                Seed = int64 seed
                DType = if seed = 3UL then torch.float64 else torch.float32
        }

        for law in Laws.ofModelOn target model do
            match Law.judge 20 (seed * 104729UL) law with
            | Verdict.Held _ -> ()
            | Verdict.Broken counterexample -> Assert.Fail counterexample

[<Fact>]
let ``the same seed finds the same counterexample`` () =
    let law = Laws.equivariant (toy ()) action action sampling
    Assert.Equal(verdict law, verdict law)

[<Fact>]
let ``group axioms hold for groups and fail for what is none`` () =
    holds (Laws.group d4.Core)

    let notOne = {
        Laws.group d4.Core with
            Try =
                fun trial ->
                    if trial.Elements.Head.IsIdentity then
                        Outcome.Agree
                    else
                        Outcome.Disagree("", "it moves")
    }

    notOne |> caught [ "group axioms fails: "; ": it moves" ]

/// Laws as theories, as a test project of a user's has them.
let laws: obj[] seq = Laws.rows (Laws.ofModel small)

[<Theory; MemberData(nameof laws)>]
let ``every law of the small model holds`` (law: Law) = Law.require law

type Square() =
    interface IGroupSource with
        member _.Group = d4.Core

/// Properties with ready-made arbitraries, as a test project of a user's has them.
[<Properties(Arbitrary = [| typeof<LawArbitraries> |], MaxTest = 40)>]
module ``With the arbitraries registered`` =

    [<Property>]
    let ``elements of a group are drawn`` (ElementOf(g: GroupElement): ElementOf<Square>) =
        Assert.Equal(d4.Core, g.Group)

    [<Property>]
    let ``groups of all families are drawn`` (group: Group) (seed: int) =
        let g = group.Random(Random seed)
        Assert.True((g * g.Inverse()).IsIdentity)

    [<Property>]
    let ``every step of shrinking is simpler, down to the identity`` (group: Group) (seed: int) =
        let weight (g: GroupElement) =
            let indices = group.Factorise g
            indices |> Seq.filter ((<>) 0) |> Seq.length, Seq.sum indices

        let g = group.Random(Random seed)
        let simpler = Element.shrink group g |> List.ofSeq
        Assert.Equal(g.IsIdentity, simpler.IsEmpty)

        Assert.All(
            simpler,
            (fun step -> Assert.True(weight step < weight g, $"{step} is not simpler than {g}"))
        )

    [<Property>]
    let ``a law is a property`` () = Law.property (Laws.group d4.Core)
