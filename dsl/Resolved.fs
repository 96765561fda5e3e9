namespace Equivariant

open System.Numerics
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits

/// A block with everything known that compiling needs.
[<NoEquality; NoComparison>]
type internal ResolvedBlock = {
    Block: Block
    /// Where it stands, in sentences.
    Place: string
    From: Signal
    To: Signal
    Input: TensorAction
    Output: TensorAction
    /// The family of kernels; none for what is not averaged.
    Terms: QuotientTerm list
} with

    /// Evaluations of the network for one input.
    member this.Evaluations =
        match this.Block.Kind, this.Block.Network with
        | _, LinearMaps _ -> BigInteger.One
        | Kind.IS, _ -> this.From.Group.Order
        | Kind.Eq(Some(Canonical _)), _ -> BigInteger.One
        | Kind.Eq _, _ -> this.Terms |> List.sumBy (fun term -> BigInteger term.Evaluations)

/// A layer with the signals that leave it.
[<NoEquality; NoComparison>]
type internal ResolvedLayer = {
    Blocks: ResolvedBlock list
    Outputs: (string * Signal) list
    Nonlinearity: Nonlinearity option
}

/// A model without problems.
[<NoEquality; NoComparison>]
type internal ResolvedModel = {
    Inputs: (string * Signal) list
    Layers: ResolvedLayer list
    Readout: Readout
} with

    member this.Outputs = (List.last this.Layers).Outputs

/// Finds everything that is wrong with a model, and everything that compiling needs if nothing is.
module internal Resolve =

    let private problem place sentence = { Place = place; Sentence = sentence }

    /// What a computation gives, or the problem that it finds.
    let private attempt place (work: unit -> 'a) : Result<'a, Problem> =
        try
            Ok(work ())
        with :? EquivariantException as error ->
            Error(problem place error.Message)

    let private partition results =
        results |> List.choose Result.toOption,
        results
        |> List.choose (function
            | Error problem -> Some problem
            | Ok _ -> None)

    let private placed number (place: string) =
        if number = 0 then place else $"layer {number + 1}, {place}"

    /// The number of single edits between two names.
    let private edits (left: string) (right: string) =
        let first = [ 0 .. right.Length ]

        left
        |> Seq.fold
            (fun (previous: int list) letter ->
                List.scan
                    (fun before (column, (diagonal, above)) ->
                        List.min [
                            before + 1
                            above + 1
                            (diagonal + if right[column] = letter then 0 else 1)
                        ])
                    (previous.Head + 1)
                    (List.indexed (List.pairwise previous)))
            first
        |> List.last

    let private unknown what name known =
        let near = known |> List.filter (fun other -> edits name other <= 2)

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

    let private terms design representative (input: TensorAction) (output: TensorAction) =
        let group = input.Group

        match design with
        | NoKernel -> [ QuotientTerm.Equitune group ]
        | FromStructure ->
            match representative, input, output with
            | Natural, (:? AxisAction as input), (:? AxisAction as output) ->
                List.ofSeq (QuotientTerm.Default(input, output))
            // A representative needs transversals that are subgroups, which the structure gives.
            | _ -> List.ofSeq (QuotientTerm.Default group)
        | Given [] ->
            refuse "a quotient design needs at least one kernel; the trivial subgroup makes it equitune."
        | Given kernels -> [
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

    /// The terms of a block, after what would not fit has been refused.
    let private termsOf (block: Block) (input: TensorAction) (output: TensorAction) =
        match block.Kind, block.Network with
        | Kind.Eq(Some design), LinearMaps _ ->
            refuse
                $"{block.Network} is equivariant by itself, so there is nothing for {design} to do; leave the design out."
        | _, LinearMaps _ -> []
        | Kind.IS, _ ->
            requireListable input.Group
            []
        | Kind.Eq(Some(Canonical _)), _ ->
            requireListable input.Group
            []
        | Kind.Eq None, _ -> terms NoKernel Natural input output
        | Kind.Eq(Some(Averaged(kernels, _, representative))), _ -> terms kernels representative input output

    /// The signal that leaves a layer under a name.
    let private outgoing
        (layer: Layer)
        (blocks: Block list)
        (ports: Map<string, Signal>)
        (inputs: Map<string, Signal>)
        name
        =
        // As it acted when it came in: on what the layer before gave under this name, or else on the input.
        let own = ports.TryFind name |> Option.defaultValue inputs[name]

        match layer.Outputs |> List.tryFind (fun (declared, _) -> declared = name) with
        | Some(_, On space) -> { own with Space = space }
        | Some(_, As signal) ->
            if signal.Group <> own.Group then
                refuse
                    $"{signal.Group} acts on the output, but {own.Group} on the input of the same name; it has to be one group."

            signal
        | None ->
            let sources =
                blocks
                |> List.filter (fun block -> block.Edge.To = name && ports.ContainsKey block.Edge.From)

            let first =
                sources |> List.tryFind _.Kind.IsEq |> Option.orElse (List.tryHead sources)

            match first with
            | Some block -> {
                own with
                    Space = Network.output block.Network ports[block.Edge.From]
              }
            | None -> refuse "no block leads to it whose input is right."

    /// Works through a layer: from the signals that enter to those that leave.
    let private layer
        number
        (inputs: Map<string, Signal>)
        names
        (ports: Map<string, Signal>)
        (given: string list)
        (layer: Layer)
        =
        let known = Map.toList inputs |> List.map fst

        let endpoints = [
            for block in layer.Blocks do
                let place = placed number block.Place

                if not (inputs.ContainsKey block.Edge.From) then
                    problem place (unknown "input" block.Edge.From known)
                elif not (List.contains block.Edge.From given) then
                    problem place $"no block of the layer before leads to \"{block.Edge.From}\"."

                match block.Kind with
                | Kind.Eq _ -> ()
                | Kind.IS when block.Edge.From = block.Edge.To ->
                    problem
                        place
                        "it leads from an input to itself, where eq says more: every invariant-symmetric map is equivariant there."
                | Kind.IS ->
                    if not (inputs.ContainsKey block.Edge.To) then
                        problem place (unknown "input" block.Edge.To known)
        ]

        let repeated = [
            for block, copies in List.countBy (fun (block: Block) -> block.Place) layer.Blocks do
                if copies > 1 then
                    problem
                        (placed number block)
                        $"it is declared {copies} times; one network can do what their sum does."
        ]

        let unread = [
            for name in given do
                if layer.Blocks |> List.forall (fun block -> block.Edge.From <> name) then
                    let place =
                        if number = 0 then
                            $"input \"{name}\""
                        else
                            placed number $"\"{name}\""

                    problem place $"no block reads it; add eq \"{name}\" or is (\"{name}\" --> …)."
        ]

        let declaredFor = [
            for name, _ in layer.Outputs do
                if not (inputs.ContainsKey name) then
                    problem (placed number $"output \"{name}\"") (unknown "input" name known)
                elif layer.Blocks |> List.forall (fun block -> block.Edge.To <> name) then
                    problem (placed number $"output \"{name}\"") "no block leads to it."
        ]

        // Problems of what a signal comes from are told there; what follows from them is not.
        let targets =
            names
            |> List.filter (fun name ->
                layer.Blocks
                |> List.exists (fun block -> block.Edge.To = name && inputs.ContainsKey name))

        let outputs, outputProblems =
            targets
            |> List.filter (fun name ->
                layer.Blocks
                |> List.exists (fun block -> block.Edge.To = name && ports.ContainsKey block.Edge.From))
            |> List.map (fun name ->
                let place = placed number $"output \"{name}\""

                attempt place (fun () ->
                    let signal = outgoing layer layer.Blocks ports inputs name

                    match signal.Space with
                    | Sentences _ -> refuse $"an output has to be numbers, but it is {signal.Space}."
                    | Numbers _
                    | Scores _ -> ()

                    Signal.core signal |> ignore
                    name, signal))
            |> partition

        let leaving = Map.ofList outputs

        let blocks, blockProblems =
            layer.Blocks
            |> List.filter (fun block ->
                ports.ContainsKey block.Edge.From && leaving.ContainsKey block.Edge.To)
            |> List.map (fun block ->
                let place = placed number block.Place

                attempt place (fun () ->
                    let from, into = ports[block.Edge.From], leaving[block.Edge.To]
                    Network.requireMeeting block.Network from.Space into.Space
                    let input, output = Signal.core from, Signal.core into

                    {
                        Block = block
                        Place = place
                        From = from
                        To = into
                        Input = input
                        Output = output
                        Terms = termsOf block input output
                    }))
            |> partition

        {
            Blocks = blocks
            Outputs = outputs
            Nonlinearity = layer.Nonlinearity
        },
        endpoints @ repeated @ unread @ declaredFor @ outputProblems @ blockProblems,
        targets

    /// The model, resolved, and all its problems. The first is whole only if there are none of the second.
    let model (model: Model) : ResolvedModel * Problem list =
        let names = model.Inputs |> List.map _.Name |> List.distinct

        let twice =
            duplicates (fun name -> $"input \"{name}\"") "the input" (model.Inputs |> List.map _.Name)

        let actions = [
            for input in model.Inputs do
                match Signal.problem input.Signal with
                | Some sentence -> problem $"input \"{input.Name}\"" sentence
                | None -> ()
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
                        layer number (Map.ofList inputs) names ports given declared

                    resolved, (Map.ofList resolved.Outputs, targets, problems @ found))
                (Map.ofList sound, names, [])

        let readout = [
            match model.Readout with
            | Invariant(Sentences _ as space) -> problem "readout" $"it has to be numbers, but it is {space}."
            | Invariant _
            | Equivariant -> ()
        ]

        {
            Inputs = inputs
            Layers = layers
            Readout = model.Readout
        },
        nothing @ twice @ actions @ problems @ readout
