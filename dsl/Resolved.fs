namespace Equivariant

open System.Numerics
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Core.Representations

type internal Port = Equivariant.Core.Layers.Port

/// How a block gets its symmetry, worked out for its groups.
[<NoEquality; NoComparison>]
type internal Plan =
    /// It has it by itself.
    | Exact
    | Quotient of QuotientTerm list * Weighing * Representative
    | Pose of Energy
    | Frames of Framing
    | Samples of int
    | Symmetries of int
    /// A plan for each factor, the first innermost.
    | Nested of (Subgroup * Plan) list

    /// Evaluations of the network for one input.
    member this.Evaluations =
        match this with
        | Exact
        | Pose _
        | Frames _ -> BigInteger.One
        | Quotient(terms, _, _) -> terms |> List.sumBy (fun term -> BigInteger term.Evaluations)
        | Samples count
        | Symmetries count -> BigInteger count
        | Nested parts ->
            parts
            |> List.fold (fun product (_, plan) -> product * plan.Evaluations) BigInteger.One

    /// Over how many elements drawn for each input the mean is; none where nothing is drawn.
    member this.Drawn =
        match this with
        | Samples count
        | Symmetries count -> Some count
        | Nested parts ->
            parts
            |> List.choose (fun (_, plan) -> plan.Drawn)
            |> List.sortDescending
            |> List.tryHead
        | Exact
        | Quotient _
        | Pose _
        | Frames _ -> None

    /// Whether one input may have another value the next time.
    member this.IsRandom =
        match this with
        | Frames(Sorting | Colours | Spectrum) -> true
        | Nested parts -> parts |> List.exists (fun (_, plan) -> plan.IsRandom)
        | plan -> plan.Drawn.IsSome

/// A block with everything known that compiling needs.
[<NoEquality; NoComparison>]
type internal ResolvedBlock = {
    Block: Block
    /// Where it stands, in sentences.
    Place: string
    /// From which inputs to which outputs it leads.
    Edges: (string * string) list
    /// What it reads: the same for all its inputs.
    From: Signal
    /// What it adds to: the same for all its outputs.
    To: Signal
    Input: TensorAction
    /// How the group acts on what the network gives: trivially, in an IS block.
    Output: TensorAction
    Plan: Plan
    /// The module of the user's, where there is one.
    Made: Callable option
} with

    /// Whether each of its inputs leads to its own output only.
    member this.IsOwn = this.Edges |> List.forall (fun (from, into) -> from = into)

    /// The family of kernels; none for what is not averaged over cosets.
    member this.Terms =
        match this.Plan with
        | Quotient(terms, _, _) -> terms
        | _ -> []

    /// Evaluations of the network for one set of inputs.
    member this.Evaluations =
        let sources = this.Edges |> List.distinctBy fst |> List.length
        this.Plan.Evaluations * BigInteger sources

/// What averaging costs that is worth a word before it runs.
module internal Cost =

    /// More evaluations of a network for one input than go without saying.
    let usual = BigInteger 1000

    /// Warns of evaluations beyond the usual.
    let warning (network: string) evaluations =
        if evaluations > usual then
            Some
                $"it evaluates {network} {evaluations} times for one input; a quotient design with larger kernels, linear maps or a smaller group cost less."
        else
            None

/// A layer with the ports that it reads and gives.
[<NoEquality; NoComparison>]
type internal ResolvedLayer = {
    Inputs: Port list
    Blocks: ResolvedBlock list
    Outputs: (string * Signal) list
    Ports: Port list
    Steps: Step list
}

/// A model without problems.
[<NoEquality; NoComparison>]
type internal ResolvedModel = {
    Inputs: (string * Signal) list
    /// The factor that moves each input.
    MovedBy: Map<string, string>
    Layers: ResolvedLayer list
    Readout: Readout
} with

    member this.Outputs = (List.last this.Layers).Outputs

/// Finds everything that is wrong with a model, and everything that compiling needs if nothing is.
module internal Resolve =

    let private problem place sentence = {
        Place = place
        Sentence = sentence
        IsWarning = false
    }

    /// What a computation gives, or the problem that it finds.
    let attempt place (work: unit -> 'a) : Result<'a, Problem> =
        attempted work |> Result.mapError (problem place)

    /// What computations give, and the problems of the others.
    let partition results =
        results |> List.choose Result.toOption,
        results
        |> List.choose (function
            | Error problem -> Some problem
            | Ok _ -> None)

    /// Says in which layer something is, but for the first.
    let placed number (place: string) =
        if number = 0 then place else $"layer {number + 1}, {place}"

    let private unknown what name known =
        // At most two slips, in no more than half the letters.
        let slips = min 2 (String.length name / 2)

        let near = List.ofSeq (Spelling.Near(name, known, slips))

        let advice =
            match near, known with
            | close :: _, _ -> $"did you mean \"{close}\"?"
            | [], [] -> "there are none."
            | [], _ -> $"there are {quoted known}."

        $"there is no {what} called \"{name}\"; {advice}"

    let private duplicates place what (names: string list) = [
        for name, count in List.countBy id names do
            if count > 1 then
                problem (place name) $"{what} is declared {count} times; names have to differ."
    ]

    let private requireListable (group: Group) =
        if group.Order > BigInteger OrbitLimit.MostElements then
            refuse
                $"{group} would take {group.Order} evaluations of the network for one input, above the limit of {OrbitLimit.MostElements}; take a smaller group here, or linear maps."

    let private terms kernels representative (input: TensorAction) (output: TensorAction) =
        let group = input.Group

        match kernels with
        | NoKernel ->
            requireListable group
            [ QuotientTerm.Equitune group ]
        | FromStructure ->
            match representative, input, output with
            | Natural, (:? AxisAction as input), (:? AxisAction as output) ->
                List.ofSeq (QuotientTerm.Default(input, output))
            // A representative needs transversals that are subgroups, which the structure gives.
            | _ -> List.ofSeq (QuotientTerm.Default group)
        | Chosen [] ->
            refuse "a quotient design needs at least one kernel; the trivial subgroup makes it equitune."
        | Chosen kernels -> [
            for kernel in kernels do
                let subgroup = group.Subgroup kernel
                group.RequireNormal subgroup
                QuotientTerm.Of(group, subgroup)
          ]
        | Within evaluations ->
            match input, output with
            | (:? AxisAction as input), (:? AxisAction as output) ->
                List.ofSeq (QuotientTerm.WithinBudget(input, output, evaluations))
            | _ ->
                refuse
                    "a budget needs actions that permute places on both sides; name the kernels, or take quotient."

    /// The lengths of a shape, as messages write them between brackets.
    let private listed lengths =
        lengths |> Seq.map string |> joined ", "

    /// A function of the user's that orders inputs has to give one number for each.
    let private requireEnergy (energy: Named<torch.Tensor -> torch.Tensor>) (space: Space) =
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()

        let given =
            calling energy.Name (fun () ->
                (energy.Value(Network.zeros 2L torch.float32 torch.CPU space)).shape)

        if Array.fold (*) 1L given <> 2L then
            refuse
                $"{energy.Name} has to give one number for each input, but gives a tensor of shape [{listed given}] for two."

    /// Weights along which inputs are turned have to be a number for each of theirs.
    let private requireWeights (weights: Named<torch.Tensor>) (space: Space) =
        match space with
        | Sentences _ ->
            refuse $"{weights.Name} has a number for each place, but tokens have no inner product with them."
        | Numbers _
        | Scores _ ->
            if weights.Value.shape <> [| for length in space.Shape -> int64 length |] then
                refuse
                    $"{weights.Name} has to have the shape of an input, [{listed space.Shape}], but is a tensor of shape [{listed weights.Value.shape}]."

    /// Refuses parts of a design that do not fit the input.
    let rec private requireDesign design (space: Space) =
        match design with
        | Canonical(Given energy) -> requireEnergy energy space
        | Canonical(Along weights) -> requireWeights weights space
        | Canonical(Trained network) -> Network.requireWidths network
        | Averaged(_, weighing, representative) ->
            match representative with
            | OfLeastEnergy energy -> requireEnergy energy space
            | Natural -> ()

            match weighing with
            | Learned(Perceptron [ hidden ]) when hidden < 1 ->
                refuse $"{design} has a width of {hidden}; widths start at 1."
            | Learned network -> Network.requireWidths network
            | Equal
            | Least _
            | Largest -> ()
        | ByFactor designs ->
            for design in designs do
                requireDesign design space
        | Framed _
        | Symmetrised _
        | Sampled _ -> ()

    /// A function of each component has to give as many.
    let private requireStep step (space: Space) =
        match step with
        | Pointwise f ->
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            let x = Network.zeros 2L torch.float32 torch.CPU space
            let given = calling f.Name (fun () -> (f.Value x).shape)

            if given <> x.shape then
                refuse
                    $"{f.Name} has to give a number for each component, but makes [{listed given}] of [{listed x.shape}]."
        | Dropout probability when not (probability >= 0.0 && probability < 1.0) ->
            refuse $"{step} has a probability of {probability}; it is at least 0 and below 1."
        | _ -> ()

    let rec private plan design (input: TensorAction) (output: TensorAction) : Plan =
        match design with
        | Averaged(kernels, weighing, representative) ->
            Quotient(terms kernels representative input output, weighing, representative)
        | Canonical energy ->
            requireListable input.Group
            Pose energy
        | Framed framing ->
            match framing with
            | FrameOf _ -> requireListable input.Group
            | Sorting
            | Colours
            | Spectrum -> (framing.Frame input.Group (System.Random 0)).Require input

            Frames framing
        | Symmetrised samples when samples < 1 ->
            refuse $"a mean over {samples} samples says nothing; take at least 1."
        | Symmetrised samples ->
            if not (ElementDistribution.HasPoints input) then
                requireListable input.Group

            Symmetries samples
        | Sampled count when count < 2 ->
            refuse $"{count} random elements give no mean and no error; take at least 2."
        | Sampled count -> Samples count
        | ByFactor designs ->
            match input.Group with
            | :? DirectProduct as product when product.Factors.Count = designs.Length ->
                Nested [
                    for i, design in List.indexed designs do
                        let factor = product.FactorSubgroup i
                        factor, plan design (input.Restrict factor) (output.Restrict factor)
                ]
            | group ->
                refuse
                    $"{List.length designs} designs, one for each factor, need a direct product of as many groups, but {group} acts."

    /// How a block gets its symmetry, after what would not fit has been refused.
    let private planOf (block: Block) (input: TensorAction) (output: TensorAction) =
        match block.Network, block.Design with
        | (LinearMaps _ | Unchanged), Some design ->
            refuse
                $"{block.Network} is equivariant by itself, so there is nothing for {design} to do; leave the design out."
        | (LinearMaps _ | Unchanged), None -> Exact
        | _, design -> plan (Option.defaultValue equitune design) input output

    /// The inputs that a name stands for: one, or the members of a family.
    let private members (inputs: Input list) name =
        match inputs |> List.filter (fun input -> input.Name = name) with
        | [] -> inputs |> List.filter (fun input -> input.Family = Some name)
        | named -> List.truncate 1 named

    /// The names of all inputs and families.
    let private known (inputs: Input list) =
        (inputs |> List.map _.Name) @ (inputs |> List.choose _.Family |> List.distinct)

    /// Why a name stands for nothing that a block could join or an element move, if it does not: nothing is called so, or
    /// one of a family, whose members are treated alike.
    let private unnamed (inputs: Input list) name =
        match members inputs name with
        | [] -> Some(unknown "input" name (known inputs))
        | input :: _ ->
            match input.Family with
            | Some family when input.Name = name ->
                Some
                    $"\"{name}\" is one of the family \"{family}\", whose members are treated alike; name the family."
            | _ -> None

    /// From which inputs to which outputs a block leads, or why it can't.
    let private edges (model: Model) (block: Block) : Result<(string * string) list, string> =
        let from, into =
            members model.Inputs block.Edge.From, members model.Inputs block.Edge.To

        let pairs condition = [
            for target in into do
                for source in from do
                    if condition source target then
                        source, target
        ]

        let names =
            List.map (fun (source: Input, target: Input) -> source.Name, target.Name)

        let wrong =
            [ block.Edge.From; block.Edge.To ] |> List.tryPick (unnamed model.Inputs)

        let isWithin = block.Edge.From = block.Edge.To

        // A family that meets itself does so in its different members; an input has but one.
        let meeting =
            match from, block.Edge with
            | [ one ], Between _ when isWithin && one.Family.IsSome -> []
            | [ _ ], _
            | _, Own _ when isWithin -> pairs (fun source target -> source.Name = target.Name)
            | _ -> pairs (fun source target -> source.Name <> target.Name)

        let apart =
            meeting
            |> List.tryFind (fun (source, target) -> model.MovedBy source <> model.MovedBy target)

        match meeting, block.Kind, apart with
        | _ when wrong.IsSome -> Error wrong.Value
        | [], _, _ ->
            Error
                $"the family \"{block.Edge.From}\" has one member, which meets no other; leave the block out."
        | _, Kind.Eq, Some(source, target) ->
            Error
                $"\"{source.Name}\" and \"{target.Name}\" are moved independently, so only is (\"{block.Edge.From}\" --> \"{block.Edge.To}\") is equivariant there; say together if one element moves both."
        | [ source, target ], Kind.IS, _ when source.Name = target.Name ->
            Error
                "it leads from an input to itself, where eq says more: every invariant-symmetric map is equivariant there."
        | _ -> Ok(names meeting)

    /// The signal that leaves a layer under a name.
    let private outgoing
        (declared: (string * DeclaredOutput) list)
        (blocks: (Block * (string * string) list) list)
        (ports: Map<string, Signal>)
        (inputs: Map<string, Signal>)
        name
        =
        // As it acted when it came in: on what the layer before gave under this name, or else on the input.
        let own = ports.TryFind name |> Option.defaultValue inputs[name]

        match declared |> List.tryFind (fun (declared, _) -> declared = name) with
        | Some(_, On space) -> { own with Space = space }
        | Some(_, As signal) ->
            if signal.Group <> own.Group then
                refuse
                    $"{signal.Group} acts on the output, but {own.Group} on the input of the same name; it has to be one group."

            signal
        | None ->
            let sources = [
                for block, edges in blocks do
                    match
                        edges
                        |> List.tryFind (fun (from, into) -> into = name && ports.ContainsKey from)
                    with
                    | Some(from, _) -> block, from
                    | None -> ()
            ]

            let decides (block: Block, _) =
                block.Kind.IsEq && not block.Network.IsUnchanged

            match sources |> List.tryFind decides |> Option.orElse (List.tryHead sources) with
            | Some(block, from) -> {
                own with
                    Space = Network.output block.Network ports[from]
              }
            | None -> refuse "no block leads to it whose input is right."

    let private core (model: Model) (name, signal: Signal) =
        let input = model.Inputs |> List.find (fun input -> input.Name = name)
        let family = input.Family |> Option.toObj

        Port(
            name,
            Signal.core signal,
            [| for length in signal.Space.Shape -> int64 length |],
            model.MovedBy input,
            family
        )

    /// Refuses linear maps where there is none but zero, as there may be between actions by matrices.
    let private requireMaps (from: Port) (into: Port) =
        let isPermuted (port: Port) = port.Representation.IsPermutation

        if
            not (isPermuted from && isPermuted into)
            && HomDimension.Between(from.Representation, into.Representation) = 0
        then
            refuse $"no linear map but zero commutes with {from.Group} from {from.Action} to {into.Action}."

    /// Works through a layer: from the signals that enter to those that leave.
    let private layer
        number
        (model: Model)
        (inputs: Map<string, Signal>)
        names
        (ports: Map<string, Signal>)
        (given: string list)
        (layer: Layer)
        =
        let found = [
            for block in layer.Blocks do
                block, edges model block
        ]

        let blocks = [
            for block, edges in found do
                match edges with
                | Ok edges -> block, edges
                | Error _ -> ()
        ]

        let endpoints = [
            for block, edges in found do
                let place = placed number block.Place

                match edges with
                | Error sentence -> problem place sentence
                | Ok edges ->
                    for from in edges |> List.map fst |> List.distinct do
                        if not (List.contains from given) then
                            problem place $"no block of the layer before leads to \"{from}\"."
        ]

        let repeated = [
            for _, copies in
                found
                |> List.groupBy (fun (block, edges) ->
                    block.Kind, block.Edge.From, block.Edge.To, edges, block.Network.IsUnchanged) do
                if copies.Length > 1 then
                    problem
                        (placed number (fst copies.Head).Place)
                        $"it is declared {copies.Length} times; one network can do what their sum does."
        ]

        let reads name =
            blocks
            |> List.exists (fun (_, edges) -> edges |> List.exists (fun (from, _) -> from = name))

        let leadsTo name =
            blocks
            |> List.exists (fun (_, edges) -> edges |> List.exists (fun (_, into) -> into = name))

        let unread = [
            for name in given do
                if not (reads name) then
                    let place =
                        if number = 0 then
                            $"input \"{name}\""
                        else
                            placed number $"\"{name}\""

                    problem place $"no block reads it; add eq \"{name}\" or is (\"{name}\" --> …)."
        ]

        let declared = [
            for name, output in layer.Outputs do
                for input in members model.Inputs name -> input.Name, output
        ]

        let declaredFor = [
            for name, _ in layer.Outputs do
                let place = placed number $"output \"{name}\""

                match members model.Inputs name with
                | [] -> problem place (unknown "input" name (known model.Inputs))
                | outputs when not (outputs |> List.exists (fun output -> leadsTo output.Name)) ->
                    problem place "no block leads to it."
                | _ -> ()

            yield! duplicates (fun name -> placed number $"output \"{name}\"") "it" (List.map fst declared)
        ]

        // What a module of the user's gives shows only when it runs.
        let networks, networkProblems =
            blocks
            |> List.filter (fun (_, edges) -> edges |> List.exists (fun (from, _) -> ports.ContainsKey from))
            |> List.map (fun (block, edges) ->
                attempt (placed number block.Place) (fun () ->
                    let from = edges |> List.pick (fun (from, _) -> Map.tryFind from ports)

                    Network.requireWidths block.Network
                    block, edges, Network.made block.Network from.Space))
            |> partition

        // Problems of what a signal comes from are told there; what follows from them is not.
        let targets = names |> List.filter leadsTo

        let isFed name =
            networks
            |> List.exists (fun (_, edges, _) ->
                edges |> List.exists (fun (from, into) -> into = name && ports.ContainsKey from))

        let outputs, outputProblems =
            targets
            |> List.filter isFed
            |> List.map (fun name ->
                let place = placed number $"output \"{name}\""

                attempt place (fun () ->
                    let signal =
                        outgoing
                            declared
                            [ for block, edges, _ in networks -> block, edges ]
                            ports
                            inputs
                            name

                    match signal.Space with
                    | Sentences _ -> refuse $"an output has to be numbers, but it is {signal.Space}."
                    | Numbers _
                    | Scores _ -> ()

                    for step in layer.Steps do
                        requireStep step signal.Space

                    name, signal, core model (name, signal)))
            |> partition

        let unlike = [
            for _, members in
                outputs
                |> List.filter (fun (_, _, port) -> not (isNull port.Family))
                |> List.groupBy (fun (_, _, port) -> port.Family) do
                let first, signal, _ = members.Head

                for name, other, _ in members.Tail do
                    if other <> signal then
                        problem
                            (placed number $"output \"{name}\"")
                            $"it is {other}, but \"{first}\" of the same family is {signal}; members have to be alike."
        ]

        let leaving =
            Map.ofList [ for name, signal, port in outputs -> name, (signal, port) ]

        let resolved, blockProblems =
            networks
            |> List.filter (fun (_, edges, _) ->
                not edges.IsEmpty
                && edges
                   |> List.forall (fun (from, into) -> ports.ContainsKey from && leaving.ContainsKey into))
            |> List.map (fun (block, edges, made) ->
                let place = placed number block.Place

                attempt place (fun () ->
                    let from, into = ports[fst edges.Head], fst leaving[snd edges.Head]
                    Network.requireMeeting block.Network from.Space into.Space

                    let input = Signal.core from

                    let output: TensorAction =
                        match block.Kind with
                        | Kind.Eq -> Signal.core into
                        | Kind.IS -> TrivialAction from.Group

                    if block.Network.IsLinearMaps && block.Kind.IsEq then
                        requireMaps (core model (fst edges.Head, from)) (snd leaving[snd edges.Head])

                    block.Design |> Option.iter (fun design -> requireDesign design from.Space)

                    {
                        Block = block
                        Place = place
                        Edges = edges
                        From = from
                        To = into
                        Input = input
                        Output = output
                        Plan = planOf block input output
                        Made = made
                    }))
            |> partition

        let costs = [
            for block in resolved do
                match Cost.warning (string block.Block.Network) block.Plan.Evaluations with
                | Some sentence -> {
                    problem block.Place sentence with
                        IsWarning = true
                  }
                | None -> ()
        ]

        let steps = [
            if layer.Blocks.IsEmpty then
                problem
                    (placed number "apply")
                    "there is nothing yet that it could be applied to; add a block first."
        ]

        let entering =
            given
            |> List.filter ports.ContainsKey
            |> List.map (fun name -> core model (name, ports[name]))

        {
            Inputs = entering
            Blocks = resolved
            Outputs = [ for name, signal, _ in outputs -> name, signal ]
            Ports = [ for _, _, port in outputs -> port ]
            Steps = layer.Steps
        },
        endpoints
        @ repeated
        @ unread
        @ declaredFor
        @ networkProblems
        @ outputProblems
        @ unlike
        @ blockProblems
        @ costs
        @ steps,
        targets

    /// Networks that are shared lead between the same spaces.
    let private sharing (blocks: ResolvedBlock list) = [
        let shared =
            blocks
            |> List.choose (fun block ->
                match block.Block.Network with
                | Shared(name, network) -> Some(name, (network, block))
                | _ -> None)
            |> List.groupBy fst

        for name, uses in shared do
            let (network, first) = snd uses.Head

            for _, (other, block) in uses.Tail do
                if block.From.Space <> first.From.Space || block.To.Space <> first.To.Space then
                    problem
                        block.Place
                        $"it shares \"{name}\" with {first.Place}, but leads from {block.From.Space} to {block.To.Space}, and that one from {first.From.Space} to {first.To.Space}."
                elif other <> network then
                    problem
                        block.Place
                        $"it shares \"{name}\" with {first.Place}, but as {other}, and that one as {network}."
    ]

    /// Inputs that one element moves are there, have one group and are moved by no other.
    let private factors (model: Model) = [
        for names in model.Together do
            for name in names do
                match unnamed model.Inputs name with
                | Some sentence -> problem $"""together {joined "+" names}""" sentence
                | None -> ()

        for input in model.Inputs do
            if (model.Together |> List.filter input.IsAmong).Length > 1 then
                problem
                    $"input \"{input.Name}\""
                    "it is moved together with others more than once; say together once, with all that one element moves."

        for factor, moved in model.Inputs |> List.groupBy model.MovedBy do
            for input in moved.Tail do
                if input.Signal.Group <> moved.Head.Signal.Group then
                    problem
                        factor
                        $"{moved.Head.Signal.Group} acts on \"{moved.Head.Name}\", but {input.Signal.Group} on \"{input.Name}\"; it has to be one group."
    ]

    let private families (inputs: Input list) = [
        for family in inputs |> List.choose _.Family |> List.distinct do
            if inputs |> List.exists (fun input -> input.Name = family) then
                problem $"family \"{family}\"" "an input has the same name; names have to differ."

            let members = inputs |> List.filter (fun input -> input.Family = Some family)

            for member' in members.Tail do
                if member'.Signal <> members.Head.Signal then
                    problem
                        $"family \"{family}\""
                        $"\"{member'.Name}\" is {member'.Signal}, but \"{members.Head.Name}\" is {members.Head.Signal}; members have to be alike."
    ]

    /// The model, resolved, and all its problems. The first is whole only if the second are but warnings.
    let model (model: Model) : ResolvedModel * Problem list =
        let names = model.Inputs |> List.map _.Name |> List.distinct

        let twice =
            duplicates (fun name -> $"input \"{name}\"") "the input" (model.Inputs |> List.map _.Name)

        let actions = [
            for input in model.Inputs do
                match Signal.problem input.Signal with
                | Some sentence -> problem $"input \"{input.Name}\"" sentence
                | None -> ()

                if input.Name = "" then
                    problem "input \"\"" "it has no name; give it one."
        ]

        let nothing = [
            if model.Inputs.IsEmpty then
                problem "network" "it has no inputs; add input \"name\" (space |> under group action)."

            if (Model.blocks model).IsEmpty then
                problem "network" "it has no blocks; add eq \"name\" network."
        ]

        let inputs = model.Inputs |> List.map (fun input -> input.Name, input.Signal)

        let sound =
            inputs |> List.filter (fun (_, signal) -> (Signal.problem signal).IsNone)

        let layers, (_, _, problems) =
            List.indexed model.Layers
            |> List.mapFold
                (fun (ports, given, problems) (number, declared) ->
                    let resolved, found, targets =
                        layer number model (Map.ofList inputs) names ports given declared

                    resolved, (Map.ofList resolved.Outputs, targets, problems @ found))
                (Map.ofList sound, names, [])

        let readout = [
            match model.Readout with
            | Invariant(Sentences _ as space) -> problem "readout" $"it has to be numbers, but it is {space}."
            | Invariant space ->
                match attempted (fun () -> Space.require space) with
                | Ok() -> ()
                | Error sentence -> problem "readout" sentence
            | Equivariant -> ()
        ]

        {
            Inputs = inputs
            MovedBy = Map.ofList [ for input in model.Inputs -> input.Name, model.MovedBy input ]
            Layers = layers
            Readout = model.Readout
        },
        nothing
        @ twice
        @ actions
        @ factors model
        @ families model.Inputs
        @ problems
        @ sharing (layers |> List.collect _.Blocks)
        @ readout
