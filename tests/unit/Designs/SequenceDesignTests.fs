module Equivariant.Tests.Designs.SequenceDesignTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

// Source vocabulary: 0 pads, 1 and 2 are a pair, 3 and 4, 5 and 6, and 7 stands alone.
// Target vocabulary: 0 pads, 1 starts, 2 ends, then the pairs 3 4, 5 6, 7 8, and 9 alone.
let private group =
    Group.Direct [| Group.Cyclic 2 :> Group; Group.Cyclic 2; Group.Cyclic 2 |]

let private swap degree left right = [|
    for i in 0 .. degree - 1 ->
        if i = left then right
        elif i = right then left
        else i
|]

let private source =
    PermutationAction(group, 8, [| swap 8 1 2; swap 8 3 4; swap 8 5 6 |])

let private target =
    PermutationAction(group, 10, [| swap 10 3 4; swap 10 5 6; swap 10 7 8 |])

let private factors = QuotientTerm.ForFactors group

let private invariances = [
    "collapse", SequenceInvariance.Collapse()
    "collapse, other words", SequenceInvariance.Collapse([ 2; 4; 6 ], [ 4; 6; 8 ])
    "canonicalise", SequenceInvariance.Canonicalise()
    "canonicalise, other words", SequenceInvariance.Canonicalise([ 2; 3; 6 ], [ 4; 5; 8 ])
]

/// From [R, S, E] to what stands first, [R, E]: a sentence's weight tells its words apart.
type private First() =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("first")

    override _.forward x = x.select (1L, 0L)

let private toy seed =
    torch.manual_seed (int64 seed) |> ignore
    new ToySequenceModel(8, 10, torch.float64)

/// What no mean is: weights by the source, and the one that is surest of the first target token.
let private reductions () = [
    "λ-equitune",
    Reduction.Weighted(
        torch.nn.Sequential(
            torch.nn.Embedding(8L, 4L, dtype = torch.float64) :> torch.nn.Module<torch.Tensor, torch.Tensor>,
            new First(),
            torch.nn.Linear(4L, 1L, dtype = torch.float64)
        )
    )
    "equizero", Reduction.LeastLoss(fun logits -> ProxyLoss.Entropy logits)
]

/// Every design, by name, around one model.
let private designs (model: SequenceModel) : (string * QuotientSequenceModel) list = [
    "equitune", new EquituneSequenceModel(model, source, target)

    for name, reduction in reductions () do
        name, new EquituneSequenceModel(model, source, target, reduction = reduction)

    for name, invariance in invariances do
        name, new QuotientSequenceModel(model, source, target, factors, invariance)

    for name, reduction in reductions () do
        $"canonicalise, {name}",
        new QuotientSequenceModel(
            model,
            source,
            target,
            factors,
            SequenceInvariance.Canonicalise(),
            reduction = reduction
        )
]

let private sentences (random: Random) batch =
    tokens random 0 8 [ batch; int64 (random.Next(1, 6)) ],
    tokens random 1 10 [ batch; int64 (random.Next(1, 7)) ]

let private onSource = TokenAction source
let private onTarget = TokenAction target
let private onLogits = AxisAction(target, -1)

/// The largest |f(gx, gy) − g f(x, y)| over the whole group.
let private equivarianceError (model: SequenceModel) (x: torch.Tensor, y: torch.Tensor) =
    use scope = torch.NewDisposeScope()
    let here = model.call (x, y)

    group.Elements
    |> Seq.map (fun g ->
        distance (onLogits.Apply(g, here)) (model.call (onSource.Apply(g, x), onTarget.Apply(g, y))))
    |> Seq.max

[<Property(MaxTest = 20)>]
let ``every design is equivariant under every element, on random sentences`` (seed: int) =
    let random = Random seed
    use model = toy seed
    let pair = sentences random 4L

    for name, design in designs model do
        let error = equivarianceError design pair
        Assert.True(error < 1e-12, $"{name}: {error}")

[<Fact>]
let ``in single precision the error stays at rounding`` () =
    torch.manual_seed 3L |> ignore
    use model = new ToySequenceModel(8, 10, torch.float32)

    for name, design in designs model do
        let error = equivarianceError design (sentences (Random 3) 16L)
        Assert.True(error < 1e-5, $"{name}: {error}")

/// The quotient design with something left out, as a user might write it.
type private Broken(model: SequenceModel, symmetrise: bool, pullBack: bool) =
    inherit SequenceModel("broken")
    let terms = factors

    override _.forward(x, y) =
        let collapse (action: PermutationAction) kernel (tokens: torch.Tensor) =
            let orbit = action.Restrict(kernel).OrbitIndex
            let first = orbit |> Array.map (fun o -> int64 (Array.IndexOf(orbit, o)))
            torch.tensor(first).index_select(0L, tokens.reshape -1L).view tokens.shape

        [
            for term in terms ->
                let elements = List.ofSeq term.Transversal

                let values = [
                    for t in elements ->
                        let logits =
                            model.call (
                                onSource.Apply(t, collapse source term.Kernel x),
                                onTarget.Apply(t, collapse target term.Kernel y)
                            )

                        if pullBack then
                            onLogits.Apply(t.Inverse(), logits)
                        else
                            logits
                ]

                let mean = torch.stack(values, 0L).mean [| 0L |]

                if symmetrise then
                    onLogits.Average(term.Kernel).Apply mean
                else
                    mean
        ]
        |> List.reduce (+)

    override _.Start _ = raise (NotSupportedException())
    override _.Step(_, _) = raise (NotSupportedException())

[<Fact>]
let ``a design without its pull back, or without its symmetrisation, is caught`` () =
    use model = toy 5
    let pair = sentences (Random 5) 8L

    let error symmetrise pullBack =
        equivarianceError (new Broken(model, symmetrise, pullBack)) pair

    Assert.True(error true true < 1e-12)
    Assert.True(error false true > 1e-2)
    Assert.True(error true false > 1e-2)
    Assert.True(equivarianceError model pair > 1e-2)

[<Fact>]
let ``the written-out quotient design gives the same logits as the pipeline`` () =
    use model = toy 6
    let x, y = sentences (Random 6) 8L

    let design =
        new QuotientSequenceModel(model, source, target, factors, SequenceInvariance.Collapse())

    assertClose 1e-12 ((new Broken(model, true, true)).call(x, y)) (design.call (x, y))

[<Fact>]
let ``means over the group evaluate 8 rows a sentence and the quotient design 6, in one call`` () =
    for index in 0 .. (designs (toy 1)).Length - 1 do
        use model = toy 1
        let name, design = (designs model)[index]

        let expected =
            if name.EndsWith "equitune" && not (name.Contains ',') || name = "equizero" then
                8
            else
                6

        let x, y = sentences (Random 1) 5L
        design.call (x, y) |> ignore
        Assert.Equal(expected, design.EvaluationsPerInput)
        Assert.Equal(1, model.Meter.Calls)
        Assert.Equal(int64 (5 * expected), model.Meter.Rows)

[<Property(MaxTest = 20)>]
let ``the weights of a sentence are known before its target is`` (seed: int) =
    use model = toy seed
    let random = Random seed
    let x, y = sentences random 4L
    let longer = torch.cat ([| y; tokens random 1 10 [ 4L; 3L ] |], 1L)

    for _, design in designs model do
        assertClose 1e-12 (design.call (x, y)) (design.call(x, longer).narrow(1L, 0L, y.shape[1]))

[<Fact>]
let ``equizero takes the element whose first scores are surest, for the whole sentence`` () =
    use model = toy 21

    let equizero =
        new EquituneSequenceModel(
            model,
            source,
            target,
            reduction = Reduction.LeastLoss(fun logits -> ProxyLoss.Entropy logits)
        )

    equizero.eval ()
    let x, y = sentences (Random 21) 16L

    let all = [
        for g in group.Elements ->
            let logits = model.call (onSource.Apply(g, x), onTarget.Apply(g, y))
            ProxyLoss.Entropy(logits.select (1L, 0L)), onLogits.Apply(g.Inverse(), logits)
    ]

    let found = equizero.call (x, y)
    let choices = ResizeArray<int>()

    for row in 0L .. 15L do
        let losses = [ for loss, _ in all -> loss[row].item<float>() ]
        let least = List.min losses

        let ties = [
            for (_, values), loss in List.zip all losses do
                if loss = least then
                    values[row]
        ]

        choices.Add(List.findIndex ((=) least) losses)
        assertClose 1e-12 (torch.stack(ties).mean [| 0L |]) found[row]

    Assert.True(Seq.distinct choices |> Seq.length > 2)

[<Fact>]
let ``λ-equitune weighs by the source, learns, and is saved with the design`` () =
    use model = toy 22
    let x, y = sentences (Random 22) 8L

    let weighted () =
        new EquituneSequenceModel(model, source, target, reduction = snd (reductions ()).Head)

    let design = weighted ()

    let network =
        Seq.head (design.Reduction.children ()) :?> torch.nn.Module<torch.Tensor, torch.Tensor>

    let weights, values =
        [
            for g in group.Elements ->
                let turned = onSource.Apply(g, x)
                let logits = model.call (turned, onTarget.Apply(g, y))
                (network.call turned).squeeze(-1L).exp(), onLogits.Apply(g.Inverse(), logits)
        ]
        |> List.unzip

    let weights = torch.stack weights
    let weights = (weights / weights.sum 0L).unsqueeze(-1L).unsqueeze -1L
    assertClose 1e-12 ((torch.stack values * weights).sum 0L) (design.call (x, y))
    design.call(x, y).square().sum().backward()

    Assert.All(
        network.parameters (),
        (fun weight -> Assert.True(weight.grad.abs().sum().item<float>() > 0.0))
    )

    let other = weighted ()
    Assert.False((other.call (x, y)).allclose(design.call (x, y)))
    use file = new IO.MemoryStream()
    use writer = new IO.BinaryWriter(file)
    design.save writer |> ignore
    writer.Flush()
    file.Position <- 0L
    use reader = new IO.BinaryReader(file)
    other.load reader |> ignore
    assertClose 0.0 (design.call (x, y)) (other.call (x, y))

[<Property(MaxTest = 20)>]
let ``step by step gives the logits of teacher forcing`` (seed: int) =
    use model = toy seed
    let x, y = sentences (Random seed) 4L

    for _, design in designs model do
        let whole = design.call (x, y)
        use state = design.Start x

        for place in 0L .. y.shape[1] - 1L do
            assertClose 1e-12 (whole.select (1L, place)) (design.Step(state, y.select (1L, place)))

[<Property(MaxTest = 20)>]
let ``sentences that leave the batch leave the others as they were`` (seed: int) =
    use model = toy seed
    let random = Random seed
    let x, y = sentences random 6L
    let y = torch.cat ([| y; y |], 1L)

    for _, design in designs model do
        use state = design.Start x
        design.Step(state, y.select (1L, 0L)) |> ignore
        let keep = torch.tensor [| 4L; 1L; 3L |]
        state.Select keep
        let kept = design.Step(state, y.select(1L, 1L).index_select(0L, keep))
        let whole = design.call (x, y)
        assertClose 1e-12 (whole.select(1L, 1L).index_select(0L, keep)) kept

[<Property(MaxTest = 20)>]
let ``greedy decoding takes the best token of the whole prefix at every place`` (seed: int) =
    use model = toy seed
    let x, _ = sentences (Random seed) 9L
    let longest = 7

    let decoded = Decoding.Decode(model, x, 1L, TokenChoice.Greedy, longest, [| 2L |])

    for row in 0L .. x.shape[0] - 1L do
        let rec follow (prefix: int64 list) =
            let fixedPrefix = torch.tensor(Array.ofList prefix).unsqueeze 0L

            let next =
                model.call(x.narrow (0L, row, 1L), fixedPrefix).select(1L, -1L).argmax(-1L).item<int64>()

            if next = 2L || List.length prefix = longest then
                if next = 2L then prefix else prefix @ [ next ]
            else
                follow (prefix @ [ next ])

        let expected = follow [ 1L ] |> List.tail
        let padded = expected @ List.replicate (longest - expected.Length) 2L
        Assert.Equal<int64 list>(padded, List.ofArray (decoded.select(0L, row).data<int64>().ToArray()))

[<Fact>]
let ``a canonical sentence keeps two words of a class apart, a collapsed one does not`` () =
    // "2 and 1" is canonically "1 and 2"; collapsed, both are 1.
    let seen = ResizeArray<int64[]>()

    let spy = {
        new SequenceModel("spy") with
            member _.forward(x, y) =
                seen.Add(x.select(0L, 0L).data<int64>().ToArray())
                torch.zeros (x.shape[0], y.shape[1], 10L)

            member _.Start _ = raise (NotSupportedException())
            member _.Step(_, _) = raise (NotSupportedException())
    }

    let kernel = group.ComplementSubgroup 1
    let term = QuotientTerm.Split(group, kernel, group.FactorSubgroup 1)
    let x = torch.tensor([| 7L; 2L; 4L; 1L; 6L; 2L |]).unsqueeze 0L
    let y = torch.tensor([| 1L |]).unsqueeze 0L

    for invariance in [ SequenceInvariance.Collapse(); SequenceInvariance.Canonicalise() ] do
        (new QuotientSequenceModel(spy, source, target, [| term |], invariance)).call(x, y)
        |> ignore

    Assert.Equal<int64[]>([| 7L; 1L; 4L; 1L; 5L; 1L |], seen[0])
    Assert.Equal<int64[]>([| 7L; 1L; 4L; 2L; 5L; 1L |], seen[1])

[<Fact>]
let ``separate models serve their own terms`` () =
    let models = [| for seed in 1..3 -> toy seed :> SequenceModel |]
    let invariance = SequenceInvariance.Collapse()

    let separate =
        new QuotientSequenceModel(models, source, target, factors, invariance)

    let x, y = sentences (Random 2) 4L

    let sum =
        [
            for term, model in Seq.zip factors models ->
                (new QuotientSequenceModel(model, source, target, [| term |], invariance)).call(x, y)
        ]
        |> List.reduce (+)

    assertClose 1e-12 sum (separate.call (x, y))
    Assert.True(equivarianceError separate (x, y) < 1e-12)
    Assert.Equal(3, Seq.length (separate.children () |> Seq.collect (fun m -> m.children ())))

[<Fact>]
let ``distinct rows and chunks give the same logits and fewer rows`` () =
    use model = toy 4
    let x = torch.tensor([| 7L; 7L; 1L; 7L |]).view(2L, 2L)
    let y = torch.tensor([| 1L; 9L; 1L; 3L |]).view(2L, 2L)
    let plain = new EquituneSequenceModel(model, source, target)
    let expected = plain.call (x, y)
    let before = model.Meter.Rows

    let distinct =
        new EquituneSequenceModel(model, source, target, Evaluation(Distinct = true))

    assertClose 1e-12 expected (distinct.call (x, y))
    // The first sentence is fixed by the whole group, the second has an orbit of two.
    Assert.Equal(3L, model.Meter.Rows - before)

    let chunked =
        new EquituneSequenceModel(model, source, target, Evaluation(ChunkRows = 5))

    assertClose 1e-12 expected (chunked.call (x, y))

[<Fact>]
let ``gradients are the average of the pulled-back gradients`` () =
    use model = toy 8
    let x, y = sentences (Random 8) 4L
    let weights = torch.randn ([| 4L; y.shape[1]; 10L |], dtype = torch.float64)
    let design = new EquituneSequenceModel(model, source, target)

    let gradients (loss: torch.Tensor) =
        model.zero_grad ()
        loss.backward ()
        [ for p in model.parameters () -> p.grad.clone () ]

    let ours = gradients ((design.call (x, y) * weights).sum())

    let byHand =
        [
            for g in group.Elements ->
                let logits = model.call (onSource.Apply(g, x), onTarget.Apply(g, y))
                (onLogits.Apply(g.Inverse(), logits) * weights).sum() / 8.0
        ]
        |> List.reduce (+)
        |> gradients

    List.iter2 (assertClose 1e-12) byHand ours

[<Fact>]
let ``representatives that do not commute with the transversal are refused by name`` () =
    // The second factor moves the first pair as well, and so turns its order round.
    let tangled =
        PermutationAction(
            group,
            8,
            [|
                swap 8 1 2
                (swap 8 3 4 |> Array.map (fun i -> (swap 8 1 2)[i]))
                swap 8 5 6
            |]
        )

    let attempt () =
        new QuotientSequenceModel(toy 1, tangled, target, factors, SequenceInvariance.Collapse())
        |> ignore

    let error = Assert.Throws<EquivariantException> attempt
    Assert.Contains("do not commute", error.Message)
    Assert.Contains("1 and 2", error.Message)

[<Fact>]
let ``models that do not match the terms, other groups and unknown tokens are refused`` () =
    let two = [| for seed in 1..2 -> toy seed :> SequenceModel |]

    refused [ "2 models" ] (fun () ->
        new QuotientSequenceModel(two, source, target, factors, SequenceInvariance.Collapse()))

    refused [ "at least one" ] (fun () ->
        new QuotientSequenceModel(toy 1, source, target, [||], SequenceInvariance.Collapse()))

    let other = PermutationAction(Group.Cyclic 2, 10, [| swap 10 3 4 |])
    refused [ "One group" ] (fun () -> new EquituneSequenceModel(toy 1, source, other))

    refused [ "Token 99" ] (fun () ->
        new QuotientSequenceModel(toy 1, source, target, factors, SequenceInvariance.Collapse [ 99 ]))

[<Fact>]
let ``a wrapped model's weights keep their names and load into the bare model`` () =
    use model = toy 1
    use other = toy 2
    let design = new EquituneSequenceModel(model, source, target)
    let names = [ for struct (name, _) in design.named_parameters () -> name ]
    Assert.Equal(model.parameters () |> Seq.length, names.Length)
    let file = IO.Path.GetTempFileName()

    try
        (design.Models[0]).save file |> ignore
        other.load file |> ignore
    finally
        IO.File.Delete file

    let x, y = sentences (Random 1) 2L
    assertClose 0.0 (model.call (x, y)) (other.call (x, y))
