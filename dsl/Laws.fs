namespace Equivariant

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups

/// <summary>How the inputs of a law are drawn, and how far its two sides may be apart.</summary>
[<NoEquality; NoComparison>]
type Sampling = {
    /// <summary>What to call the input in sentences.</summary>
    Name: string
    /// <summary>Draws a batch of so many rows from a seed.</summary>
    Draw: int64 -> int -> torch.Tensor
    /// <summary>The largest difference allowed; none for one that follows from dtype and depth.</summary>
    Tolerance: float option
}

/// <summary>Ways to draw inputs.</summary>
[<RequireQualifiedAccess>]
module Sampling =

    let private seeded seed draw =
        use state = torch.random.get_rng_state ()
        torch.manual_seed (int64 seed) |> ignore
        let sample: torch.Tensor = draw ()
        torch.random.set_rng_state state
        sample

    /// <summary>Normally distributed numbers of a shape (without the batch).</summary>
    let normalOf (dtype: torch.ScalarType) (device: torch.Device) (shape: int64 list) = {
        Name = "input"
        Draw =
            fun batch seed ->
                seeded seed (fun () ->
                    torch.randn ([| batch; yield! shape |], dtype = dtype, device = device))
        Tolerance = None
    }

    /// <summary>Normally distributed numbers of a shape (without the batch), in single precision on the CPU.</summary>
    let normal shape = normalOf torch.float32 torch.CPU shape

    /// <summary>Uniformly distributed tokens below a bound, of a shape (without the batch).</summary>
    let tokens (bound: int64) (shape: int64 list) = {
        Name = "input"
        Draw =
            fun batch seed ->
                seeded seed (fun () -> torch.randint (bound, [| batch; yield! shape |], dtype = torch.int64))
        Tolerance = None
    }

    /// <summary>Gives the input a name for sentences.</summary>
    let named name (sampling: Sampling) = {
        sampling with
            Sampling.Name = $"input \"{name}\""
    }

    /// <summary>Declares how far the two sides of a law may be apart.</summary>
    let within tolerance sampling = {
        sampling with
            Tolerance = Some tolerance
    }

/// <summary>The laws of groups, actions and networks, as values, and ways to check them.</summary>
[<RequireQualifiedAccess>]
module Laws =

    type private Callable = torch.nn.IModule<torch.Tensor, torch.Tensor>

    /// The number of modules without children: a bound on how many roundings a value goes through.
    let private depthOf (model: torch.nn.Module) =
        model.modules ()
        |> Seq.filter (fun part -> Seq.isEmpty (part.children ()))
        |> Seq.length

    let private depth (model: Callable) =
        match model with
        | :? torch.nn.Module as model -> depthOf model
        | _ -> 10

    /// A law about tensors: both sides from the elements and a drawn input.
    let private onInputs statement what depth (sampling: Sampling) show groups sides : Law = {
        Statement = statement
        Subject = sampling.Name
        Show = show
        Trials = Law.trials groups
        Try =
            fun trial ->
                use scope = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                let x = sampling.Draw trial.Batch trial.Seed

                match sides trial.Elements x with
                | Ok(left, right) -> Numbers.compare x what sampling.Tolerance depth left right
                | Error finding -> Outcome.Disagree(Numbers.shape x, finding)
    }

    /// Runs a model twice: what differs between the runs is not the group's doing.
    let private settled (model: Callable) (x: torch.Tensor) =
        let first, second = model.call x, model.call x

        if first.shape = second.shape && Numbers.largest (first - second) > 0.0 then
            Error
                $"two runs on one input differ by {Numbers.show (Numbers.largest (first - second))}: the model is not deterministic (is it in train mode?)"
        else
            Ok first

    /// <summary>The group's axioms: identity, inverse, associativity.</summary>
    let group (group: Group) : Law = {
        Statement = "group axioms"
        Subject = group.Name
        Show = Law.show
        Trials = Law.trials [ group; group; group ]
        Try =
            fun trial ->
                match trial.Elements with
                | [ a; b; c ] ->
                    if group.Identity * a <> a || a * group.Identity <> a then
                        Outcome.Disagree("", "the identity changes an element")
                    elif not (a * a.Inverse()).IsIdentity then
                        Outcome.Disagree("", "an element times its inverse is not the identity")
                    elif a * (b * c) <> (a * b) * c then
                        Outcome.Disagree("", "a(bc) ≠ (ab)c")
                    elif not (group.Contains(a * b)) then
                        Outcome.Disagree("", "a product leaves the group")
                    else
                        Outcome.Agree
                | _ -> Outcome.Disagree("", "three elements are needed")
    }

    /// <summary>A map between groups is a homomorphism: <c>f(gh) = f(g) f(h)</c>.</summary>
    let homomorphism (source: Group) (target: Group) (map: GroupElement -> GroupElement) : Law = {
        Statement = "f(gh) = f(g) f(h)"
        Subject = $"the map from {source.Name} to {target.Name}"
        Show = Law.show
        Trials = Law.trials [ source; source ]
        Try =
            fun trial ->
                match trial.Elements with
                | [ g; h ] ->
                    if map (g * h) = map g * map h then
                        Outcome.Agree
                    else
                        Outcome.Disagree("", $"f(gh) = {map (g * h)}, but f(g) f(h) = {map g * map h}")
                | _ -> Outcome.Disagree("", "two elements are needed")
    }

    /// <summary>
    /// <c>φ</c> is a homomorphism from H into the automorphisms of N: what makes N ⋊ H a group.
    /// </summary>
    let automorphisms
        (normal: Group)
        (acting: Group)
        (phi: GroupElement -> GroupElement -> GroupElement)
        : Law = {
        Statement = "φ_gh = φ_g φ_h, and φ_g(ab) = φ_g(a) φ_g(b)"
        Subject = $"φ from {acting.Name} on {normal.Name}"
        Show = Law.show
        Trials = Law.trials [ acting; acting; normal; normal ]
        Try =
            fun trial ->
                match trial.Elements with
                | [ g; h; a; b ] ->
                    if phi (g * h) a <> phi g (phi h a) then
                        Outcome.Disagree(
                            "",
                            $"φ_gh(a) = {phi (g * h) a}, but φ_g(φ_h(a)) = {phi g (phi h a)}"
                        )
                    elif phi g (a * b) <> phi g a * phi g b then
                        Outcome.Disagree(
                            "",
                            $"φ_g(ab) = {phi g (a * b)}, but φ_g(a) φ_g(b) = {phi g a * phi g b}"
                        )
                    else
                        Outcome.Agree
                | _ -> Outcome.Disagree("", "four elements are needed")
    }

    /// <summary>A subgroup is normal: <c>g k g⁻¹</c> stays in it.</summary>
    let normal (group: Group) (subgroup: Group) : Law = {
        Statement = "g k g⁻¹ ∈ K"
        Subject = $"{subgroup.Name} in {group.Name}"
        Show = Law.show
        Trials = Law.trials [ group; subgroup ]
        Try =
            fun trial ->
                match trial.Elements with
                | [ g; k ] ->
                    if subgroup.Contains(k.ConjugateBy g) then
                        Outcome.Agree
                    else
                        Outcome.Disagree("", $"g k g⁻¹ = {k.ConjugateBy g}")
                | _ -> Outcome.Disagree("", "two elements are needed")
    }

    /// <summary>A map of elements and tensors is an action: the identity does nothing, and <c>(gh)x = g(hx)</c>.</summary>
    let actionOf
        (group: Group)
        (act: GroupElement -> torch.Tensor -> torch.Tensor)
        (sampling: Sampling)
        : Law list = [
        onInputs "1·x = x" "1·x − x" 0 sampling Law.show [] (fun _ x -> Ok(act group.Identity x, x))

        onInputs "(gh)·x = g·(h·x)" "(gh)·x − g·(h·x)" 0 sampling Law.show [ group; group ] (fun elements x ->
            match elements with
            | [ g; h ] -> Ok(act (g * h) x, act g (act h x))
            | _ -> Error "two elements are needed")
    ]

    /// <summary>A tensor action is one, and is linear where it says so.</summary>
    let action (action: TensorAction) (sampling: Sampling) : Law list = [
        yield! actionOf action.Group (fun g x -> action.Apply(g, x)) sampling

        if action.IsLinear then
            onInputs
                "g·(x + 2y) = g·x + 2 g·y"
                "g·(x + 2y) − g·x − 2 g·y"
                1
                sampling
                Law.show
                [ action.Group ]
                (fun elements x ->
                    let y = x.flip 0L + 1.0.ToScalar()
                    let g = elements.Head

                    Ok(
                        action.Apply(g, x + y * 2.0.ToScalar()),
                        action.Apply(g, x) + action.Apply(g, y) * 2.0.ToScalar()
                    ))
    ]

    /// <summary>
    /// A network is equivariant under any two maps of elements and tensors: for actions that only nearly are ones, such
    /// as rotations that interpolate between pixels, with a tolerance declared by <c>Sampling.within</c>.
    /// </summary>
    let equivariantBy (model: Callable) (group: Group) onInput onOutput (sampling: Sampling) : Law =
        onInputs
            "f(gx) = g f(x)"
            "f(gx) − g f(x)"
            (depth model)
            sampling
            Law.show
            [ group ]
            (fun elements x ->
                let g = elements.Head
                settled model x |> Result.map (fun y -> model.call (onInput g x), onOutput g y))

    /// <summary>A network is equivariant: <c>f(gx) = g f(x)</c>.</summary>
    let equivariant
        (model: Callable)
        (input: TensorAction)
        (output: TensorAction)
        (sampling: Sampling)
        : Law =
        equivariantBy
            model
            input.Group
            (fun g x -> input.Apply(g, x))
            (fun g y -> output.Apply(g, y))
            sampling

    /// <summary>A network is invariant: <c>f(gx) = f(x)</c>.</summary>
    let invariant (model: Callable) (input: TensorAction) (sampling: Sampling) : Law =
        onInputs
            "f(gx) = f(x)"
            "f(gx) − f(x)"
            (depth model)
            sampling
            Law.show
            [ input.Group ]
            (fun elements x ->
                settled model x
                |> Result.map (fun y -> model.call (input.Apply(elements.Head, x)), y))

    /// <summary>A network is symmetric: <c>g f(x) = f(x)</c>.</summary>
    let symmetric (model: Callable) (output: TensorAction) (sampling: Sampling) : Law =
        onInputs
            "g f(x) = f(x)"
            "g f(x) − f(x)"
            (depth model)
            sampling
            Law.show
            [ output.Group ]
            (fun elements x -> settled model x |> Result.map (fun y -> output.Apply(elements.Head, y), y))

    /// <summary>A network is invariant-symmetric: unchanged by one group on its input, and fixed by another on its output.</summary>
    let invariantSymmetric
        (model: Callable)
        (input: TensorAction)
        (output: TensorAction)
        (sampling: Sampling)
        : Law list = [ invariant model input sampling; symmetric model output sampling ]

    /// <summary>
    /// A map meets the conditions on <c>Inv_K</c> that a term of the quotient design needs (see
    /// <see cref="T:Equivariant.Core.Designs.Invariance"/>).
    /// </summary>
    let invariance (map: Invariance) (term: QuotientTerm) (action: TensorAction) (sampling: Sampling) : Law = {
        Statement = "Inv(kx) = Inv(x), k Inv(x) = Inv(x), Inv(gx) = g Inv(x)"
        Subject = sampling.Name
        Show = Law.show
        Trials = Law.trials []
        Try =
            fun trial ->
                use x = sampling.Draw trial.Batch trial.Seed

                let tolerance =
                    sampling.Tolerance |> Option.defaultValue (Numbers.tolerance x.dtype 1)

                match InvarianceLaw.Find(map, term, action, x, Random trial.Seed, tolerance) with
                | null -> Outcome.Agree
                | violation -> Outcome.Disagree(Numbers.shape x, string violation)
    }

    /// <summary>A design is equivariant, and each of its terms rests on what it needs.</summary>
    let design (design: QuotientDesign) (sampling: Sampling) : Law list = [
        equivariant design design.Input design.Output sampling

        for term in design.Terms do
            normal term.Group term.Kernel

            if not term.Kernel.Order.IsOne then
                invariance design.Invariance term design.Input sampling
    ]

    /// Draws a tensor of a space.
    let private drawn (target: Target) (space: Space) =
        let shape = space.Shape |> List.map int64

        match space with
        | Sentences(vocabulary, _) ->
            let sampling = Sampling.tokens (int64 vocabulary.Length) shape

            {
                sampling with
                    Draw = fun batch seed -> (sampling.Draw batch seed).``to``(Target.device target)
            }
        | Numbers _
        | Scores _ -> Sampling.normalOf target.DType (Target.device target) shape

    /// <summary>Inputs like those that an input of a compiled model takes.</summary>
    let sampling (model: CompiledModel) name : Sampling =
        match model.Resolved.Inputs |> List.tryFind (fun (known, _) -> known = name) with
        | Some(_, signal) -> drawn model.Target signal.Space |> Sampling.named name
        | None -> refuse $"there is no input \"{name}\"; there are {quoted model.InputNames}."

    /// Some inputs of a model move, and all its outputs move as they should.
    let private moving (model: CompiledModel) subject show (factors: string list) : Law =
        let inputs = model.Resolved.Inputs
        let movedBy name = model.Resolved.MovedBy[name]
        let isMoved name = List.contains (movedBy name) factors

        let actions =
            inputs
            |> List.filter (fst >> isMoved)
            |> List.map (fun (name, signal) -> name, Signal.core signal)
            |> Map.ofList

        let groups = [
            for factor in factors ->
                (inputs |> List.find (fun (name, _) -> movedBy name = factor) |> snd).Group
        ]

        let outputs = [
            match model.Resolved.Readout with
            | Invariant _ -> "readout", None
            | Equivariant ->
                for name, signal in model.Resolved.Outputs do
                    name, (if isMoved name then Some(Signal.core signal) else None)
        ]

        let statement, what =
            match model.Resolved.Readout with
            | Invariant _ -> "f(gx) = f(x)", "f(gx) − f(x)"
            | Equivariant -> "f(gx) = g f(x)", "f(gx) − g f(x)"

        let leaves = depthOf model

        let attempt trial =
            use scope = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            let elements = Map.ofList (List.zip factors trial.Elements)

            let x =
                inputs
                |> List.mapi (fun i (name, signal) ->
                    name, (drawn model.Target signal.Space).Draw trial.Batch (trial.Seed + i))

            let gx =
                x
                |> List.map (fun (name, x) ->
                    match elements.TryFind(movedBy name) with
                    | Some g -> actions[name].Apply(g, x)
                    | None -> x)

            let shown = x |> List.find (fst >> isMoved) |> snd
            let run (x: torch.Tensor list) = model.call (Array.ofList x)
            let y, again = run (List.map snd x), run (List.map snd x)

            let unsettled =
                Seq.zip y again
                |> Seq.map (fun (first, second) -> Numbers.largest (first - second))
                |> Seq.tryFind (fun difference -> difference > 0.0)

            match unsettled with
            | Some difference ->
                Outcome.Disagree(
                    Numbers.shape shown,
                    $"two runs on one input differ by {Numbers.show difference}: the model is not deterministic (is it in train mode?)"
                )
            | None ->
                Seq.zip3 outputs y (run gx)
                |> Seq.map (fun ((name, action), y, moved) ->
                    let gy =
                        match action with
                        | Some action -> action.Apply(elements[movedBy name], y)
                        | None -> y

                    match Numbers.compare shown what None leaves moved gy with
                    | Outcome.Disagree(shape, finding) when outputs.Length > 1 ->
                        Outcome.Disagree(shape, $"output \"{name}\": {finding}")
                    | outcome -> outcome)
                |> Seq.tryFind _.IsDisagree
                |> Option.defaultValue Outcome.Agree

        {
            Statement = statement
            Subject = subject
            Show = show
            Trials = Law.trials groups
            Try = attempt
        }

    /// The members of a family are exchanged, and the outputs of the same names with them.
    let private exchanging (model: CompiledModel) family : Law =
        let members =
            model.Declaration.Inputs
            |> List.filter (fun (input: Input) -> input.Family = Some family)
            |> List.map _.Name

        let group = GroupAlgebra.symmetric members.Length

        let exchange (images: int[]) names (tensors: torch.Tensor list) =
            let byName = List.zip names tensors |> Map.ofList

            [
                for name in names do
                    match List.tryFindIndex ((=) name) members with
                    | Some place -> byName[members[images[place]]]
                    | None -> byName[name]
            ]

        {
            Statement = "exchanging inputs exchanges outputs"
            Subject = $"family \"{family}\""
            Show = Law.show
            Trials = Law.trials [ group.Core ]
            Try =
                fun trial ->
                    use scope = torch.NewDisposeScope()
                    use _ = torch.no_grad ()
                    let images = group.Value trial.Elements.Head

                    let x =
                        model.Resolved.Inputs
                        |> List.mapi (fun i (_, signal) ->
                            (drawn model.Target signal.Space).Draw trial.Batch (trial.Seed + i))

                    let run (x: torch.Tensor list) =
                        List.ofArray (model.call (Array.ofList x))

                    let moved = run (exchange images model.InputNames x)
                    let expected = exchange images model.OutputNames (run x)

                    List.map2 (Numbers.compare x.Head "f(πx) − π f(x)" None (depthOf model)) moved expected
                    |> List.tryFind _.IsDisagree
                    |> Option.defaultValue Outcome.Agree
        }

    /// The laws of one block, apart from the network that it is part of.
    let private ofBlock
        (model: CompiledModel)
        (block: ResolvedBlock, placed: Equivariant.Core.Layers.PlacedBlock, _)
        : Law list =
        let sampling = {
            drawn model.Target block.From.Space with
                Sampling.Name = block.Place
        }

        match placed.Module, block.Block.Kind with
        | null, _ -> []
        | :? QuotientDesign as design, kind -> [
            for term in design.Terms do
                if not term.Kernel.Order.IsOne then
                    {
                        normal term.Group term.Kernel with
                            Subject = $"kernel {term.Kernel.Name} of {block.Place}"
                    }

                    invariance design.Invariance term design.Input sampling

            if kind.IsIS then
                {
                    invariant design block.Input sampling with
                        Show = List.map (Signal.word block.From) >> joined ", "
                }
          ]
        | _ -> []

    /// <summary>
    /// The laws of a compiled model: its groups are groups, its actions are actions, kernels are normal and their
    /// invariants right, IS blocks are invariant and symmetric, and the whole commutes with the group of each input and
    /// with all of them together.
    /// </summary>
    let ofCompiled (model: CompiledModel) : Law list = [
        let inputs = model.Resolved.Inputs

        for core in inputs |> List.map (fun (_, signal) -> signal.Group) |> List.distinct do
            group core

        for name, signal in inputs do
            let words = List.map (Signal.word signal) >> joined ", "

            for law in action (Signal.core signal) (sampling model name) do
                { law with Show = words }

        for block in model.Blocks do
            yield! ofBlock model block

        // One element of each factor; what it moves together is named by its first input.
        let factors =
            inputs
            |> List.groupBy (fun (name, _) -> model.Resolved.MovedBy[name])
            |> List.map (fun (factor, moved) -> factor, List.map fst moved, snd moved.Head)

        for factor, names, signal in factors do
            let subject =
                match names with
                | [ name ] -> $"input \"{name}\""
                | names -> $"inputs {quoted names} together"

            moving model subject (List.map (Signal.word signal) >> joined ", ") [ factor ]

        if factors.Length > 1 then
            let show elements =
                List.zip factors elements
                |> List.map (fun ((_, names, signal), element) ->
                    $"{Signal.word signal element} on {quoted names}")
                |> joined ", "

            moving model "all inputs together" (fun elements -> $"{show elements},") [
                for factor, _, _ in factors -> factor
            ]

        for family in
            model.Declaration.Inputs
            |> List.choose (fun (input: Input) -> input.Family)
            |> List.distinct do
            exchanging model family
    ]

    /// <summary>The laws of a declared model, compiled for a target.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let ofModelOn (target: Target) (model: Model) : Law list = ofCompiled (Compile.model target model)

    /// <summary>The laws of a declared model, on the CPU in single precision.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let ofModel (model: Model) : Law list = ofModelOn Target.cpu model

    /// <summary>Laws as the rows of an xUnit theory.</summary>
    let rows (laws: Law seq) : obj[] seq =
        laws |> Seq.map (fun law -> [| law :> obj |])

    /// <summary>Tries laws, in order, with the default number of trials each.</summary>
    let judge (seed: uint64) (laws: Law seq) : (Law * Verdict) list = [
        for law in laws -> law, Law.judge Law.defaultTrials seed law
    ]

    /// <summary>Tries laws and raises the first counterexample.</summary>
    /// <exception cref="T:Equivariant.LawBrokenException">A law does not hold.</exception>
    let require (laws: Law seq) = Seq.iter Law.require laws

    /// <summary>Tries the laws of a declared model and raises the first counterexample.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    /// <exception cref="T:Equivariant.LawBrokenException">A law does not hold.</exception>
    let check (model: Model) = require (ofModel model)

    /// <summary>Tries the laws of a compiled model, with the weights that it has now, and raises the first counterexample.</summary>
    /// <exception cref="T:Equivariant.LawBrokenException">A law does not hold.</exception>
    let checkCompiled (model: CompiledModel) = require (ofCompiled model)
