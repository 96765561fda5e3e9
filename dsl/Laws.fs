namespace Equivariant

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups

/// <summary>The laws of groups, actions and networks, as values, and ways to check them.</summary>
[<RequireQualifiedAccess>]
module Laws =

    /// The number of modules without children: a bound on how many roundings a value goes through.
    let private depthOf (model: torch.nn.Module) =
        model.modules ()
        |> Seq.filter (fun part -> Seq.isEmpty (part.children ()))
        |> Seq.length

    let private depth (model: Callable) =
        match model with
        | :? torch.nn.Module as model -> depthOf model
        | _ -> 10

    /// What it takes to try a law about tensors.
    [<NoEquality; NoComparison>]
    type private Setting = {
        /// What is run, to be left as it is found; none for maps of the user's.
        Model: torch.nn.Module option
        /// How many roundings a value goes through.
        Depth: int
        /// The two sides' difference, for sentences.
        What: string
        /// The largest difference allowed, where one is declared.
        Tolerance: float option
        /// Draws the inputs of a trial.
        Draw: Trial -> torch.Tensor list
        /// The number of the input to show in sentences.
        Shown: int
        /// Both sides from elements and inputs, for each output with its name; or what else is wrong.
        Sides:
            GroupElement list
                -> torch.Tensor list
                -> Result<(string * torch.Tensor * torch.Tensor) list, string>
    }

    /// Runs some work while every part of a model rounds a little differently.
    let private shaking roundings (model: torch.nn.Module option) (work: unit -> 'a) =
        let parts =
            model
            |> Option.map (fun model -> Seq.append [ model ] (model.modules ()) |> Seq.distinct)
            |> Option.defaultValue Seq.empty

        let hooks = [
            for part in parts do
                match part with
                | :? Net as net when Seq.isEmpty (net.children ()) ->
                    net.register_forward_hook (fun _ _ y -> Numbers.shaken roundings y)
                | _ -> ()
        ]

        try
            work ()
        finally
            for hook in hooks do
                hook.remove ()

    /// How far rounding errors move the sides of a law. Where a model jumps, as one does that picks the least of some
    /// values that tie, that is far.
    let private noise setting trial inputs before =
        let moved roundings =
            shaking roundings setting.Model (fun () ->
                match setting.Sides trial.Elements (inputs |> List.map (Numbers.shaken roundings)) with
                | Ok after ->
                    List.zip before after
                    |> List.map (fun ((_, left, right), (_, left', right')) ->
                        max (Numbers.distance left left') (Numbers.distance right right'))
                | Error _ -> List.map (fun _ -> 0.0) before)

        [ 1; 2; 4; 8 ]
        |> List.map moved
        |> List.reduce (List.map2 max)
        |> List.map (fun distance -> if Double.IsFinite distance then distance else 0.0)

    /// Tries a law about tensors.
    let private tryOn (setting: Setting) (trial: Trial) : Outcome =
        let attempt () =
            use scope = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            let inputs = setting.Draw trial
            let shown = Sampling.described trial.Seed inputs[setting.Shown]

            match setting.Sides trial.Elements inputs with
            | Error finding -> Outcome.Disagree(shown, finding)
            | Ok sides ->
                let moved = lazy (noise setting trial inputs sides)

                let coarsest =
                    setting.Model
                    |> Option.map (fun model ->
                        model.parameters () |> Seq.map (fun p -> p.dtype) |> List.ofSeq)
                    |> Option.defaultValue []

                let compare i (name, left: torch.Tensor, right: torch.Tensor) =
                    let relative =
                        left.dtype :: coarsest
                        |> Seq.map (fun dtype -> Numbers.tolerance dtype setting.Depth)
                        |> Seq.max

                    let outcome =
                        Numbers.compare
                            shown
                            setting.What
                            setting.Tolerance
                            relative
                            (fun () -> moved.Value[i])
                            left
                            right

                    match outcome with
                    | Outcome.Disagree(shape, finding) when sides.Length > 1 ->
                        Outcome.Disagree(shape, $"output \"{name}\": {finding}")
                    | Outcome.Disagree(shape, finding) when
                        InputKind.ofSeed trial.Seed = InputKind.Large
                        && not (Double.IsFinite(max (Numbers.largest left) (Numbers.largest right)))
                        ->
                        // Whoever computes an exponential may overflow here.
                        Outcome.Inconclusive(shape, finding)
                    | outcome -> outcome

                let outcomes = List.mapi compare sides

                outcomes
                |> List.tryFind _.IsDisagree
                |> Option.orElse (outcomes |> List.tryFind _.IsInconclusive)
                |> Option.defaultValue Outcome.Agree

        match setting.Model with
        | Some model -> AsFound.leaving model attempt
        | None -> attempt ()

    /// A law about tensors: both sides from the elements and a drawn input, which may be symmetric under an action.
    let private onInputs
        statement
        what
        (model: Callable option)
        (sampling: Sampling)
        (symmetries: TensorAction option)
        groups
        sides
        : Law = {
        Statement = statement
        Subject = sampling.Name
        Show = Law.show
        Trials = Law.trials groups
        Try =
            tryOn {
                Model =
                    match model with
                    | Some(:? torch.nn.Module as model) -> Some model
                    | _ -> None
                Depth = model |> Option.map depth |> Option.defaultValue 1
                What = what
                Tolerance = sampling.Tolerance
                Draw = fun trial -> [ Sampling.draw sampling symmetries trial.Batch trial.Seed ]
                Shown = 0
                Sides =
                    fun elements inputs ->
                        sides elements (List.head inputs)
                        |> Result.map (fun (left, right) -> [ "", left, right ])
            }
    }

    /// Whether two runs on one input differ: that is not the group's doing.
    let private unsettled (first: torch.Tensor seq) (second: torch.Tensor seq) =
        Seq.zip first second
        |> Seq.filter (fun (first, second) -> first.shape = second.shape)
        |> Seq.map (fun (first, second) -> Numbers.distance first second)
        |> Seq.tryFind (fun difference -> difference > 0.0)
        |> Option.map (fun difference ->
            $"two runs on one input differ by {Numbers.show difference}: the model is not deterministic (is it in train mode?)")

    /// Runs a model twice.
    let private settled (model: Callable) (x: torch.Tensor) =
        let first, second = model.call x, model.call x

        match unsettled [ first ] [ second ] with
        | Some finding -> Error finding
        | None -> Ok first

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
        onInputs "1·x = x" "1·x − x" None sampling None [] (fun _ x -> Ok(act group.Identity x, x))

        onInputs "(gh)·x = g·(h·x)" "(gh)·x − g·(h·x)" None sampling None [ group; group ] (fun elements x ->
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
                None
                sampling
                (Some action)
                [ action.Group ]
                (fun elements x ->
                    let y = x.flip 0L + 1.0.ToScalar()
                    let g = elements.Head

                    Ok(
                        action.Apply(g, x + y * 2.0.ToScalar()),
                        action.Apply(g, x) + action.Apply(g, y) * 2.0.ToScalar()
                    ))
    ]

    /// f(gx) = g f(x), where inputs may be symmetric under an action.
    let private commuting
        (model: Callable)
        (group: Group)
        symmetries
        onInput
        onOutput
        (sampling: Sampling)
        : Law =
        onInputs
            "f(gx) = g f(x)"
            "f(gx) − g f(x)"
            (Some model)
            sampling
            symmetries
            [ group ]
            (fun elements x ->
                let g = elements.Head
                settled model x |> Result.map (fun y -> model.call (onInput g x), onOutput g y))

    /// <summary>
    /// A network is equivariant under any two maps of elements and tensors: for actions that only nearly are ones, such
    /// as rotations that interpolate between pixels, with a tolerance declared by <c>Sampling.within</c>.
    /// </summary>
    let equivariantBy (model: Callable) (group: Group) onInput onOutput (sampling: Sampling) : Law =
        commuting model group None onInput onOutput sampling

    /// <summary>A network is equivariant: <c>f(gx) = g f(x)</c>.</summary>
    let equivariant
        (model: Callable)
        (input: TensorAction)
        (output: TensorAction)
        (sampling: Sampling)
        : Law =
        commuting
            model
            input.Group
            (Some input)
            (fun g x -> input.Apply(g, x))
            (fun g y -> output.Apply(g, y))
            sampling

    /// Each side of a law about chance is run so often.
    let private runs = 64

    /// A law about chance fails a model that is right in about one of so many trials.
    let private falseAlarms = 1e6

    /// The means of both sides over many runs, in units of what chance and roundings explain.
    let private inExpectation depth (left: unit -> torch.Tensor) (right: unit -> torch.Tensor) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()

        let mean side =
            let all: torch.Tensor = torch.stack [| for _ in 1..runs -> side () |]
            let wide = all.``to`` torch.float64
            all.dtype, wide.mean [| 0L |], wide.var 0L / (float runs).ToScalar()

        let dtype, l, variance = mean left
        let _, r, variance' = mean right
        let size = max (Numbers.largest l) (Numbers.largest r)
        // A normal number is beyond z, on one side, with a chance below exp(−z²/2) / 2.
        let deviations = sqrt (2.0 * log (falseAlarms * float (max 1L (l.numel ()))))

        let unit =
            (variance + variance').sqrt() * deviations.ToScalar()
            + (Numbers.tolerance dtype depth * size + Double.Epsilon).ToScalar()

        (l / unit).MoveToOuterDisposeScope(), (r / unit).MoveToOuterDisposeScope()

    let private chance = 1.0

    /// <summary>
    /// A network that draws, such as one that is symmetrised by samples, is equivariant in expectation: over many runs the means of
    /// <c>f(gx)</c> and <c>g f(x)</c> are as near as chance explains. One that is right fails about one trial in a million.
    /// </summary>
    let equivariantInExpectation
        (model: Callable)
        (input: TensorAction)
        (output: TensorAction)
        (sampling: Sampling)
        : Law =
        onInputs
            "E f(gx) = g E f(x)"
            "E f(gx) − g E f(x), as a multiple of what chance explains,"
            (Some model)
            {
                sampling with
                    Tolerance = Some chance
            }
            (Some input)
            [ input.Group ]
            (fun elements x ->
                let g = elements.Head
                let gx = input.Apply(g, x)

                Ok(
                    inExpectation (depth model) (fun () -> model.call gx) (fun () ->
                        output.Apply(g, model.call x))
                ))

    /// <summary>A network is invariant: <c>f(gx) = f(x)</c>.</summary>
    let invariant (model: Callable) (input: TensorAction) (sampling: Sampling) : Law =
        onInputs
            "f(gx) = f(x)"
            "f(gx) − f(x)"
            (Some model)
            sampling
            (Some input)
            [ input.Group ]
            (fun elements x ->
                settled model x
                |> Result.map (fun y -> model.call (input.Apply(elements.Head, x)), y))

    /// <summary>A network is symmetric: <c>g f(x) = f(x)</c>.</summary>
    let symmetric (model: Callable) (output: TensorAction) (sampling: Sampling) : Law =
        onInputs
            "g f(x) = f(x)"
            "g f(x) − f(x)"
            (Some model)
            sampling
            None
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
                // Not symmetric ones: there members of an orbit tie, which a representative may not decide.
                use x = Sampling.draw sampling None trial.Batch trial.Seed

                let tolerance =
                    sampling.Tolerance
                    |> Option.defaultValue (Numbers.tolerance x.dtype 1 * Numbers.largest x)

                let find x =
                    InvarianceLaw.Find(map, term, action, x, Random trial.Seed, tolerance)

                let passesNearby () =
                    [ 1; 2; 4; 8 ]
                    |> List.exists (fun roundings ->
                        use near = Numbers.shaken roundings x
                        isNull (find near))

                match find x with
                | null -> Outcome.Agree
                | violation when passesNearby () ->
                    Outcome.Inconclusive(
                        Sampling.described trial.Seed x,
                        $"{violation} Rounding errors decide whether it does."
                    )
                | violation -> Outcome.Disagree(Sampling.described trial.Seed x, string violation)
    }

    /// <summary>A design is equivariant, and each of its terms rests on what it needs.</summary>
    let design (design: QuotientDesign) (sampling: Sampling) : Law list = [
        equivariant design design.Input design.Output sampling

        for term in design.Terms do
            normal term.Group term.Kernel

            if not term.Kernel.Order.IsOne then
                invariance design.Invariance term design.Input sampling
    ]

    /// Draws tensors of a signal, in a model's numbers.
    let private drawn (model: CompiledModel) (signal: Signal) =
        let shape = signal.Space.Shape |> List.map int64
        let dtype, device = model.Numbers

        match signal.Space with
        | Sentences(vocabulary, _) ->
            let sampling =
                match Signal.core signal with
                | :? TokenAction as action -> Sampling.words action shape
                | _ -> Sampling.tokens (int64 vocabulary.Size) shape

            {
                sampling with
                    Draw = fun batch seed -> (sampling.Draw batch seed).``to`` device
            }
        | Numbers _
        | Scores _ -> Sampling.normalOf dtype device shape

    /// <summary>Inputs like those that an input of a compiled model takes.</summary>
    let sampling (model: CompiledModel) name : Sampling =
        match model.Resolved.Inputs |> List.tryFind (fun (known, _) -> known = name) with
        | Some(_, signal) -> drawn model signal |> Sampling.named name
        | None -> refuse $"there is no input \"{name}\"; there are {quoted model.InputNames}."

    /// The inputs of a model of a seed's kind, each symmetric under its action where that is asked for.
    let private drawInputs (model: CompiledModel) symmetries trial =
        model.Resolved.Inputs
        |> List.mapi (fun i (name, signal) ->
            let seed = InputKind.sibling i trial.Seed
            Sampling.draw (drawn model signal) (symmetries name) trial.Batch seed)

    /// Some factors of a model's group move their inputs, and all outputs move as they should.
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

        let isRandom =
            model.Blocks |> List.exists (fun (block, _, _) -> block.Plan.IsRandom)

        let statement, what =
            match model.Resolved.Readout, isRandom with
            | Invariant _, false -> "f(gx) = f(x)", "f(gx) − f(x)"
            | Equivariant, false -> "f(gx) = g f(x)", "f(gx) − g f(x)"
            | Invariant _, true ->
                "E f(gx) = E f(x)", "E f(gx) − E f(x), as a multiple of what chance explains,"
            | Equivariant, true ->
                "E f(gx) = g E f(x)", "E f(gx) − g E f(x), as a multiple of what chance explains,"

        // Where members of an orbit tie, as they do on symmetric inputs, a representative is not asked to decide.
        let decides (block: ResolvedBlock, _, _) =
            match block.Plan with
            | Quotient(_, _, OfLeastEnergy _) -> false
            | _ -> true

        let symmetries name =
            if model.Blocks |> List.forall decides then
                actions.TryFind name
            else
                None

        let sides elements x =
            let elements = Map.ofList (List.zip factors elements)

            let gx =
                List.zip inputs x
                |> List.map (fun ((name, _), x) ->
                    match elements.TryFind(movedBy name) with
                    | Some g -> actions[name].Apply(g, x)
                    | None -> x)

            let run (x: torch.Tensor list) = model.call (Array.ofList x)

            let turned (name, action: TensorAction option) y =
                match action with
                | Some action -> action.Apply(elements[movedBy name], y)
                | None -> y

            if isRandom then
                outputs
                |> List.mapi (fun i output ->
                    let left, right =
                        inExpectation (depthOf model) (fun () -> (run gx)[i]) (fun () ->
                            run x |> Array.item i |> turned output)

                    fst output, left, right)
                |> Ok
            else
                let y, again = run x, run x

                match unsettled y again with
                | Some finding -> Error finding
                | None ->
                    Seq.zip3 outputs (run gx) y
                    |> Seq.map (fun (output, moved, y) -> fst output, moved, turned output y)
                    |> List.ofSeq
                    |> Ok

        {
            Statement = statement
            Subject = subject
            Show = show
            Trials = Law.trials groups
            Try =
                tryOn {
                    Model = Some model
                    Depth = depthOf model
                    What = what
                    Tolerance = if isRandom then Some chance else None
                    Draw = drawInputs model symmetries
                    Shown = inputs |> List.findIndex (fst >> isMoved)
                    Sides = sides
                }
        }

    /// The members of a family are exchanged, and the outputs of the same names with them.
    let private exchanging (model: CompiledModel) family : Law =
        let members =
            model.Declaration.Inputs
            |> List.filter (fun (input: Input) -> input.Family = Some family)
            |> List.map _.Name

        let group = Groups.symmetric members.Length

        let exchange (images: int[]) names (tensors: torch.Tensor list) =
            let byName = List.zip names tensors |> Map.ofList

            [
                for name in names do
                    match List.tryFindIndex ((=) name) members with
                    | Some place -> byName[members[images[place]]]
                    | None -> byName[name]
            ]

        let sides elements x =
            let images = group.Value(List.head elements)

            let run (x: torch.Tensor list) =
                List.ofArray (model.call (Array.ofList x))

            let moved = run (exchange images model.InputNames x)

            List.zip3 model.OutputNames moved (exchange images model.OutputNames (run x))
            |> Ok

        {
            Statement = "f(πx) = π f(x)"
            Subject = $"family \"{family}\""
            Show = Law.show
            Trials = Law.trials [ group.Core ]
            Try =
                tryOn {
                    Model = Some model
                    Depth = depthOf model
                    What = "f(πx) − π f(x)"
                    Tolerance = None
                    Draw = drawInputs model (fun _ -> None)
                    Shown = model.InputNames |> List.findIndex ((=) members.Head)
                    Sides = sides
                }
        }

    /// The laws of one block, apart from the network that it is part of.
    let private ofBlock
        (model: CompiledModel)
        (block: ResolvedBlock, placed: Equivariant.Core.Layers.PlacedBlock, _)
        : Law list =
        let sampling = {
            drawn model block.From with
                Sampling.Name = block.Place
        }

        let isInvariant (net: Callable) = {
            invariant net block.Input sampling with
                Show = List.map (Signal.word block.From) >> joined ", "
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
                isInvariant design
          ]
        | _ -> []

    /// A law about a model as it is used, in evaluation mode, which leaves it as it was.
    let private used (model: CompiledModel) (law: Law) = {
        law with
            Try = fun trial -> AsFound.evaluating model (fun () -> law.Try trial)
    }

    /// <summary>
    /// The laws of a compiled model: its groups are groups, its actions are actions, kernels are normal and their
    /// invariants right, IS blocks are invariant, the whole commutes with each factor of the group and with all of them
    /// together, and with exchanging the members of families. They are about the model in evaluation mode; trying them
    /// leaves its modes, its parameters, their gradients, its buffers and torch's random numbers as they were.
    /// </summary>
    let ofCompiled (model: CompiledModel) : Law list =
        let inputs = model.Resolved.Inputs

        let factors =
            inputs
            |> List.groupBy (fun (name, _) -> model.Resolved.MovedBy[name])
            |> List.map (fun (factor, moved) -> factor, List.map fst moved, snd moved.Head)

        [
            for core in inputs |> List.map (fun (_, signal) -> signal.Group) |> List.distinct do
                group core

            for name, signal in inputs do
                let words = List.map (Signal.word signal) >> joined ", "

                for law in action (Signal.core signal) (sampling model name) do
                    { law with Show = words }

            for block in model.Blocks do
                yield! ofBlock model block

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
        |> List.map (used model)

    /// <summary>The laws of a declared model, as compiled for a target; modules of the user's stay as they are.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let ofModelOn (target: Target) (model: Model) : Law list = ofCompiled (Compile.look target model)

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
