namespace Equivariant

open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Distributed
open Equivariant.Core.Native
open Equivariant.Core.Sequences
open Equivariant.Core.Serialization

/// <summary>A declaration has problems; the message lists all of them, one a line.</summary>
type DeclarationException(problems: Problem list) =
    inherit EquivariantException(problems |> List.map string |> joined "\n")

    /// <summary>The problems.</summary>
    member _.Problems = problems

/// <summary>Where a model is to run, in what numbers, and from what seed its weights come.</summary>
[<NoComparison>]
type Target = {
    /// <summary>The device, such as <c>cpu</c> or <c>cuda:0</c>.</summary>
    Device: string
    /// <summary>The type of parameters and numbers.</summary>
    DType: torch.ScalarType
    /// <summary>Seeds the fresh weights.</summary>
    Seed: int64
    /// <summary>The ranks that share what designs evaluate; this process alone, as a rule.</summary>
    Ranks: Ranks
}

/// <summary>Targets.</summary>
[<RequireQualifiedAccess>]
module Target =

    /// <summary>The CPU, single precision, seed 0.</summary>
    let cpu = {
        Device = "cpu"
        DType = torch.float32
        Seed = 0L
        Ranks = Ranks.Alone
    }

    /// <summary>The GPU if there is one, single precision, seed 0.</summary>
    let best () =
        if torch.cuda.is_available () then
            { cpu with Device = "cuda" }
        else
            cpu

    /// <summary>
    /// Ranks share what designs evaluate: <c>Target.cpu |&gt; Target.across (Ranks.Join())</c>. Each gets all outputs and gradients.
    /// </summary>
    let across (ranks: Ranks) target = { target with Ranks = ranks }

    /// How designs give rows to networks.
    let internal evaluation target = Orbits.Evaluation(Ranks = target.Ranks)

    /// The device itself; refuses one that is not there.
    let internal device target =
        LibTorch.Load()
        let name = target.Device

        let gpu (number: string) =
            let count =
                if torch.cuda.is_available () then
                    torch.cuda.device_count ()
                else
                    0

            match System.Int32.TryParse number with
            | false, _ -> refuse $"There is no device \"{name}\"; give cpu, cuda or cuda:0."
            | true, _ when count = 0 ->
                refuse $"There is no device \"{name}\" here: this libtorch sees no GPU. Give cpu."
            | true, number when number < 0 || number >= count ->
                refuse $"There is no device \"{name}\" here: the GPUs are cuda:0 to cuda:{count - 1}."
            | true, number -> torch.device (DeviceType.CUDA, number)

        match name.Split ':' with
        | [| "cpu" |] -> torch.CPU
        | [| "cuda" |] -> gpu "0"
        | [| "cuda"; number |] -> gpu number
        | _ -> refuse $"There is no device \"{name}\"; give cpu, cuda or cuda:0."

/// A module of the user's, looked at only: it keeps its own device and type of numbers, whatever those around it have.
type private Borrowed(net: Callable, dtype: torch.ScalarType) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("borrowed")

    do
        match AsFound.moduleOf net with
        | Some inner -> this.register_module ("net", inner)
        | None -> ()

    override _.forward x =
        use scope = torch.NewDisposeScope()

        match AsFound.numbersOf net with
        | None -> (net.call x).MoveToOuterDisposeScope()
        | Some(own, device) ->
            let there =
                if x.is_floating_point () then
                    x.``to`` (own, device)
                else
                    x.``to`` device

            let y = net.call there

            let back =
                if y.is_floating_point () then
                    y.``to`` (dtype, x.device)
                else
                    y.``to`` x.device

            back.MoveToOuterDisposeScope()

    override this._to(_: torch.Device, _: torch.ScalarType, _: bool) : torch.nn.Module = this
    override this._to(_: DeviceType, _: int, _: bool) : torch.nn.Module = this
    override this._to(_: torch.ScalarType, _: bool) : torch.nn.Module = this

/// Turns what is resolved into modules of the core.
module internal Modules =

    let private moduleOf what (net: Callable) =
        match net with
        | :? torch.nn.Module<torch.Tensor, torch.Tensor> as net -> net
        | _ -> refuse $"{what} has to be a module of TorchSharp's."

    let private reduction (scorer: Network -> Net) weighing =
        match weighing with
        | Equal -> Reduction.Mean()
        | Learned network -> Reduction.Weighted(scorer network)
        | Least Entropy -> Reduction.LeastLoss(fun values -> ProxyLoss.Entropy values)
        | Least Confidence -> Reduction.LeastLoss(fun values -> ProxyLoss.Confidence values)
        | Least(Proxy loss) -> Reduction.LeastLoss(fun values -> loss.Value values)
        | Largest -> Reduction.Largest()

    let private invariance (space: Space) representative =
        match representative, space with
        | OfLeastEnergy energy, _ -> Invariance.LeastEnergy(fun x -> energy.Value x)
        | Natural, Sentences _ -> Invariance.Tokens()
        | Natural, (Numbers _ | Scores _) -> Invariance.Average

    /// Gives a network its symmetry.
    let rec private wrapped
        (target: Target)
        space
        scorer
        (plan: Plan)
        (net: Callable)
        input
        output
        : Callable =
        let evaluation = Target.evaluation target

        match plan with
        | Exact -> net
        | Quotient(terms, weighing, representative) ->
            new QuotientDesign(
                net,
                input,
                output,
                Array.ofList terms,
                reduction scorer weighing,
                invariance space representative,
                evaluation
            )
        | Pose(Given energy) -> new Canonicalise(net, input, output, energy.Value, evaluation)
        | Pose(Along weights) ->
            new Canonicalise(net, input, output, TransformEnergy.Linear weights.Value, evaluation)
        | Pose(Trained network) -> new Canonicalise(net, input, output, scorer network, evaluation)
        | Frames framing ->
            new FrameAverage(
                net,
                input,
                output,
                framing.Frame input.Group (System.Random(int target.Seed)),
                evaluation
            )
        | Symmetries samples ->
            let shape = [| for length in (space: Space).Shape -> int64 length |]
            let distribution = ElementDistribution.Learned(input, shape)

            new ProbabilisticSymmetrise(
                net,
                input,
                output,
                distribution,
                samples,
                System.Random(int target.Seed),
                evaluation
            )
        | Samples count ->
            new MonteCarloEquitune(net, input, output, count, System.Random(int target.Seed), evaluation)
        | Nested parts ->
            // By what a factor weighs or poses must not change under those within, so networks that learn it are averaged over them.
            let within (net: Callable, scorer) (factor, plan) =
                let x, y = input.Restrict factor, output.Restrict factor

                wrapped target space scorer plan net x y,
                fun network -> new Equitune(scorer network, x, Actions.TrivialAction x.Group) :> Net

            parts |> List.fold within (net, scorer) |> fst

    /// A block's part of a layer: the core's block, and its network before it got its symmetry.
    let block
        (target: Target)
        (networkOf: ResolvedBlock -> Callable)
        (scorerOf: Network -> Space -> Callable)
        (resolved: ResolvedBlock)
        : Layers.Block * Callable option =
        let edges = [| for from, into in resolved.Edges -> struct (from, into) |]
        let edge = resolved.Block.Edge

        let name =
            (if resolved.IsOwn then
                 $"{resolved.Block.Kind}_{edge.To}"
             else
                 $"{resolved.Block.Kind}_{edge.From}_{edge.To}")
                .Replace('.', '_')

        match resolved.Block.Network, resolved.Block.Kind with
        | LinearMaps _, Kind.Eq -> Layers.Block.EquivariantLinear(edges, name), None
        | LinearMaps _, Kind.IS -> Layers.Block.InvariantSymmetricLinear(edges, name), None
        | Unchanged, _ -> Layers.Block.Skip edges, None
        | _, kind ->
            let net = networkOf resolved

            let scorer network =
                scorerOf network resolved.From.Space |> moduleOf $"{network}"

            let made =
                wrapped target resolved.From.Space scorer resolved.Plan net resolved.Input resolved.Output
                |> moduleOf resolved.Place

            let wrap = Layers.WrapModel(fun _ _ -> made)

            (match kind with
             | Kind.Eq -> Layers.Block.Equivariant(edges, wrap, name)
             | Kind.IS -> Layers.Block.InvariantSymmetric(edges, wrap, name)),
            Some net

    let private steps (layer: ResolvedLayer) (step: Step) : Layers.MultiInputModule =
        let each (make: Port -> Layers.EquivariantModule) =
            Layers.PerPort.Of(Array.ofList layer.Ports, make)

        let pointwise (f: torch.Tensor -> torch.Tensor) =
            each (fun port ->
                new Layers.EquivariantNonlinearity(port.Representation, port.Channels, pointwise = f))

        match step with
        | Relu -> pointwise torch.nn.functional.relu
        | Gelu -> pointwise torch.nn.functional.gelu
        | Silu -> pointwise torch.nn.functional.silu
        | Pointwise f -> pointwise f.Value
        | Norm -> each (fun port -> new Layers.EquivariantLayerNorm(port.Representation, port.Channels))
        | Dropout probability ->
            each (fun port -> new Layers.EquivariantDropout(port.Representation, port.Channels, probability))

    /// The modules of a layer by name, and its blocks in their places.
    let layer number (layer: ResolvedLayer) (made: (ResolvedBlock * (Layers.Block * Callable option)) list) =
        let isLinearInto (port: Port) =
            layer.Blocks
            |> List.exists (fun resolved ->
                resolved.Block.Network.IsLinearMaps
                && resolved.Edges |> List.exists (fun (_, into) -> into = port.Name))

        // One bias for each output that linear maps lead to, which the members of a family share.
        let biased =
            layer.Ports
            |> List.filter isLinearInto
            |> List.groupBy (fun port -> port.Family |> Option.ofObj |> Option.defaultValue port.Name)

        let blocks = [|
            for _, (block, _) in made do
                block

            for name, ports in biased do
                Layers.Block.Bias([| for port in ports -> port.Name |], "bias_" + name.Replace('.', '_'))
        |]

        let sums =
            new Layers.MultiInputLayer(Array.ofList layer.Inputs, Array.ofList layer.Ports, blocks)

        let modules = [
            $"layer{number}", sums :> Layers.MultiInputModule

            for i, step in List.indexed layer.Steps do
                $"layer{number}_step{i + 1}", steps layer step
        ]

        let placed = [
            for i, (resolved, (_, net)) in List.indexed made do
                resolved, sums.Blocks[i], net
        ]

        modules, placed

    /// Numbers that no group changes: all linear maps of the invariants of what the last layer gives.
    let readout (layer: ResolvedLayer) (space: Space) : (string * Layers.MultiInputModule) list =
        let into =
            Port(
                "readout",
                Actions.TrivialAction(Groups.Group.Trivial()),
                [| for length in space.Shape -> int64 length |],
                // No input's factor: an input may be called readout too.
                ""
            )

        // What is not permuted may have no invariants but its lengths.
        let isPermuted (port: Port) =
            port.Representation.Summands |> Seq.forall _.IsPermutation

        let lengths =
            if layer.Ports |> List.forall isPermuted then
                []
            else
                let read (port: Port) : Layers.EquivariantModule =
                    new Layers.InvariantReadout(port.Representation, port.Channels)

                [
                    "invariants", Layers.PerPort.Of(Array.ofList layer.Ports, read) :> Layers.MultiInputModule
                ]

        let from =
            match lengths with
            | [ _, read ] -> read.Outputs
            | _ -> Array.ofList layer.Ports

        lengths @ [ "readout", Layers.MultiInputLayer.Linear(from, [| into |]) ]

/// The modules of a model, in order.
[<NoEquality; NoComparison>]
type internal Parts = {
    Modules: (string * Layers.MultiInputModule) list
    Blocks: (ResolvedBlock * Layers.PlacedBlock * Callable option) list
    /// Whether modules of the user's are only looked at.
    Borrows: bool
}

/// <summary>
/// A compiled model: a TorchSharp module from one tensor for each input, in the order of their declaration, to one
/// tensor for each output. It trains, moves, saves and loads like any other, and is in train mode at first.
/// </summary>
/// <remarks>
/// It is the core's <see cref="T:Equivariant.Core.Layers.MultiInputNetwork"/>; its parameters are called by what was
/// declared, such as <c>layer1.eq_front.model.0.weight</c>.
/// </remarks>
[<Sealed>]
type CompiledModel internal (declaration: Model, resolved: ResolvedModel, target: Target, parts: Parts) as this
    =
    inherit SavedModule<torch.Tensor[], torch.Tensor[]>("equivariant network")

    let device = Target.device target

    let network =
        new Layers.MultiInputNetwork([| for _, part in parts.Modules -> part |])

    do
        for name, part in parts.Modules do
            this.register_module (name, part)

        this.``to`` (device, target.DType) |> ignore

        if not parts.Borrows then
            this.train ()

    /// The type and the device of the model's numbers; none where it has none of its own.
    let numbers () =
        if parts.Borrows then
            Some(target.DType, device)
        else
            AsFound.numbersIn this

    let place (device: torch.Device) =
        if device.``type`` = DeviceType.CPU then
            "cpu"
        else
            string device

    let requireInput numbers (name: string, signal: Signal) (x: torch.Tensor) =
        let refuseInput needed given =
            refuse $"input \"{name}\" has to be {needed}, but is {given}."

        if isNull (box x) then
            refuseInput "a tensor" "null"

        if x.is_sparse then
            refuseInput "dense" "sparse; convert it with to_dense()"

        if
            x.shape.Length = 0
            || List.ofArray x.shape[1..]
               <> [ for length in signal.Space.Shape -> int64 length ]
        then
            let needed = "B" :: (signal.Space.Shape |> List.map string) |> joined ", "
            let shape = x.shape |> Seq.map string |> joined ", "
            refuseInput $"[{needed}]" $"[{shape}]"

        match signal.Space, numbers with
        | Sentences _, _ when x.dtype <> torch.int64 -> refuseInput "int64, numbers of words" $"{x.dtype}"
        | (Numbers _ | Scores _), Some(dtype, _) when x.dtype <> dtype ->
            refuseInput $"{dtype} as the model is" $"{x.dtype}; convert one of them with .to(…)"
        | (Numbers _ | Scores _), None when not (x.is_floating_point ()) ->
            refuseInput "of floating-point numbers" $"{x.dtype}; convert it with .to(…)"
        | _, Some(_, device) when place device <> place x.device ->
            refuseInput
                $"on {place device} as the model is"
                $"on {place x.device}; move one of them with .to(…)"
        | Sentences(vocabulary, _), _ when x.numel () > 0L ->
            let least, most = x.min().item<int64>(), x.max().item<int64>()

            if least < 0L || most >= int64 vocabulary.Size then
                let stray = if least < 0L then least else most

                refuse
                    $"input \"{name}\" has to hold numbers of words from 0 to {vocabulary.Size - 1}, but holds {stray}."
        | _ -> ()

    /// <summary>The declaration that was compiled.</summary>
    member _.Declaration = declaration

    /// <summary>The names of the inputs, in order.</summary>
    member _.InputNames = resolved.Inputs |> List.map fst

    /// <summary>The names of the outputs, in order: those of inputs, or <c>readout</c>.</summary>
    member _.OutputNames =
        match resolved.Readout with
        | Equivariant -> resolved.Outputs |> List.map fst
        | Invariant _ -> [ "readout" ]

    /// <summary>The number of parameters.</summary>
    member this.ParameterCount =
        this.parameters () |> Seq.sumBy (fun parameter -> parameter.numel ())

    /// <summary>The network inside a block, as it is without symmetry: of <c>"front"</c>, or of <c>"side --> front"</c>.</summary>
    /// <param name="block">The name of an Eq block's input, or of an edge, with <c>--></c> between.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such block, or it has no network.</exception>
    member this.Inner(block: string) : Callable =
        let _, _, net = this.At block
        net

    /// <summary>
    /// A declared language model, with its design, as what reads and continues texts of any length: for decoding and generation. It shares
    /// the weights. Means over cosets (<c>equitune</c>, <c>quotient</c>) of a <c>languageModel</c> keep what they have read, as the
    /// model does; other designs, which look at whole texts, and other networks read them again at every step.
    /// </summary>
    /// <param name="input">The name of the prompt.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// There is no such input, it holds no words, or the scores of what follows are not those of one network.
    /// </exception>
    member this.Sequence(input: string) : SequenceModel =
        let signal =
            match resolved.Inputs |> List.tryFind (fun (name, _) -> name = input) with
            | Some(_, signal) -> signal
            | None -> refuse $"there is no input \"{input}\"; there are {quoted this.InputNames}."

        let leadsThere (block: ResolvedBlock) =
            block.Edges |> List.exists (fun (_, into) -> into = input)

        let alone =
            match resolved.Layers, resolved.Readout with
            | [ layer ], Equivariant when layer.Steps.IsEmpty ->
                match layer.Blocks |> List.filter leadsThere with
                | [ block ] when block.IsOwn -> Some block
                | _ -> None
            | _ -> None

        match signal.Space, alone with
        | (Numbers _ | Scores _), _ ->
            refuse $"\"{input}\" is {signal.Space}; texts are continued from prompts and sentences."
        | Sentences _, None ->
            refuse
                $"texts are continued by one network, but \"{input}\" is scored by several blocks, layers, steps or a readout; declare eq \"{input}\" (languageModel …) alone."
        | Sentences(vocabulary, length), Some block ->
            if
                block.To.Space.Shape <> [ length; vocabulary.Size ]
                || block.To.Action <> signal.Action
            then
                refuse
                    $"texts are continued by scores of their own {vocabulary} at each place, moved alike, but \"{input}\" gives {block.To}."

            let tokens =
                match block.Input with
                | :? Actions.TokenAction as action -> action.Vocabulary
                | still -> Actions.PermutationAction.Trivial(still.Group, vocabulary.Size)

            let _, placed, net = this.At input

            match block.Plan, net with
            | Quotient(terms, Equal, Natural), (:? TextScores as scores) ->
                new QuotientSequenceModel(
                    scores.Model,
                    tokens,
                    tokens,
                    Array.ofList terms,
                    SequenceInvariance.Collapse(),
                    Target.evaluation target
                )
            | _ -> new RereadingModel(nonNull placed.Module, SequenceSymmetry(tokens, tokens))

    /// <summary>Continues texts by a declared language model, with its design: those of a transformed text are the transformed ones.</summary>
    /// <param name="prompts">The texts, of one length or of a model with a padding token (see <c>Sequence</c>).</param>
    /// <param name="choice">The rule that chooses tokens, such as <c>TokenChoice.Greedy</c>, or <c>TokenChoice.Sample generator</c>.</param>
    /// <param name="most">The most tokens to add to a text.</param>
    /// <param name="stops">Tokens that end a text, of which they are no part; none if left out.</param>
    /// <param name="continuations">How many continuations of each text; one if left out.</param>
    /// <param name="input">The name of the prompt; needed only where there are several.</param>
    /// <returns>What was added, the continuations of a text one after the other.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// It is not said which input is continued, it cannot be (see <c>Sequence</c>), or a text does not fit.
    /// </exception>
    member this.Generate
        (
            prompts: int64 list list,
            choice: TokenChoice,
            most: int,
            ?stops: int64 list,
            ?continuations: int,
            ?input: string
        ) : int64 list list =
        let spoken = [
            for name, signal in resolved.Inputs do
                match signal.Space with
                | Sentences _ -> name
                | Numbers _
                | Scores _ -> ()
        ]

        let input =
            match input, spoken with
            | Some name, _
            | None, [ name ] -> name
            | None, [] -> refuse $"there is no prompt to continue; there are {quoted this.InputNames}."
            | None, several -> refuse $"say which of {quoted several} is continued, by input."

        let sequence = this.Sequence input

        let texts = [|
            for prompt in prompts -> Array.ofList prompt :> System.Collections.Generic.IReadOnlyList<int64>
        |]

        [
            for added in
                Decoding.Continue(
                    sequence,
                    texts,
                    choice,
                    most,
                    Array.ofList (defaultArg stops []),
                    defaultArg continuations 1
                ) -> List.ofArray added
        ]

    /// The block of a name with a network inside: its part of the model, and the network.
    member private this.At(block: string) : ResolvedBlock * Layers.PlacedBlock * Callable =
        let names (resolved: ResolvedBlock) = [
            let edge = resolved.Block.Edge

            if not resolved.IsOwn || resolved.Edges = [ edge.To, edge.To ] then
                $"{edge.From} --> {edge.To}"

            if resolved.IsOwn then
                edge.To
        ]

        let nets =
            this.Blocks
            |> List.choose (fun (resolved, placed, net) ->
                net |> Option.map (fun net -> names resolved, (resolved, placed, net)))

        match nets |> List.tryFind (fst >> List.contains block) with
        | Some(_, found) -> found
        | None ->
            refuse
                $"there is no network at \"{block}\"; there are networks at {quoted (nets |> List.map (fst >> List.last))}."

    member internal _.Resolved = resolved

    /// The modules of the layers, by name, and the readout.
    member internal _.Modules = parts.Modules

    /// The blocks, with what evaluates them and the networks inside.
    member internal _.Blocks = parts.Blocks
    member internal _.Target = target

    /// The type and the device of the numbers that it takes.
    member internal _.Numbers = numbers () |> Option.defaultValue (target.DType, device)

    /// Prints as the declaration, and where it runs.
    override this.ToString() =
        $"{declaration.Table}\ncompiled for {target.Device}, {target.DType}: {this.ParameterCount} parameters"

    /// <summary>Evaluates the model.</summary>
    override _.forward inputs =
        use scope = torch.NewDisposeScope()

        if inputs.Length <> resolved.Inputs.Length then
            let inputsText = counted resolved.Inputs.Length "input"

            refuse
                $"the network has {inputsText}, {quoted (List.map fst resolved.Inputs)}; {inputs.Length} tensors were given."

        Seq.iter2 (requireInput (numbers ())) resolved.Inputs inputs
        network.call inputs |> Array.map _.MoveToOuterDisposeScope()

    /// <summary>Evaluates the model on inputs by name.</summary>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">An input is missing, unknown or does not fit.</exception>
    member this.Run(inputs: (string * torch.Tensor) seq) : Map<string, torch.Tensor> =
        for name, times in Seq.countBy fst inputs do
            if not (List.contains name this.InputNames) then
                refuse $"there is no input \"{name}\"; there are {quoted this.InputNames}."

            if times > 1 then
                refuse $"input \"{name}\" is given {times} times."

        let given = Map.ofSeq inputs

        let ordered = [|
            for name in this.InputNames do
                match given.TryFind name with
                | Some x -> x
                | None -> refuse $"input \"{name}\" is missing."
        |]

        Map.ofSeq (Seq.zip this.OutputNames (this.call ordered))

    /// <summary>Evaluates a model of one input, by its name: <c>model.Run("x", x)</c>.</summary>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are more inputs, or it does not fit.</exception>
    member this.Run(name: string, x: torch.Tensor) : Map<string, torch.Tensor> =
        this.Run(Seq.singleton (name, x))

    /// <summary>Evaluates a model of one input and one output.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are more of either, or it does not fit.</exception>
    member this.Predict(x: torch.Tensor) : torch.Tensor =
        match this.InputNames, this.OutputNames with
        | [ _ ], [ _ ] -> (this.call [| x |])[0]
        | inputs, outputs ->
            refuse
                $"Predict takes one input and gives one output, but there are {quoted inputs} and {quoted outputs}; say which with Run."

/// <summary>Checking and compiling models.</summary>
[<RequireQualifiedAccess>]
module Compile =

    /// Whether a module would have to be moved to a target.
    let private moves (target: Target) (net: Callable) =
        match AsFound.numbersOf net with
        | None -> false
        | Some(dtype, device) -> dtype <> target.DType || device.``type`` <> (Target.device target).``type``

    /// Everything that a model becomes, or everything that is wrong with it; and what there is to know in any case.
    let private assembled
        borrows
        (target: Target)
        (model: Model)
        : Result<CompiledModel, Problem list> * Problem list =
        AsFound.seeded target.Seed (fun () ->
            let resolved, problems = Resolve.model model
            let warnings, errors = List.partition _.IsWarning problems

            let shared =
                System.Collections.Generic.Dictionary<string * Space * Space, Callable>()

            let fresh network (made: Callable option) input output =
                match made with
                | Some net when borrows -> new Borrowed(net, target.DType) :> Callable
                | Some net -> net
                | None -> Network.build network input output

            let built network made input output =
                match network with
                | Shared(name, _) ->
                    match shared.TryGetValue((name, input, output)) with
                    | true, known -> known
                    | _ ->
                        let net = fresh network made input output
                        shared.Add((name, input, output), net)
                        net
                | _ -> fresh network made input output

            let networkOf (block: ResolvedBlock) =
                built block.Block.Network block.Made block.From.Space block.To.Space

            // A network that gives each row one number.
            let scorerOf network input =
                built network (Network.made (Network.scoring network) input) input (vector 1)

            let layer i (resolved: ResolvedLayer) =
                let made, errors =
                    [
                        for block in resolved.Blocks do
                            Resolve.attempt block.Place (fun () ->
                                block, Modules.block target networkOf scorerOf block)
                    ]
                    |> Resolve.partition

                match errors with
                | [] ->
                    Resolve.attempt $"layer {i + 1}" (fun () -> Modules.layer (i + 1) resolved made)
                    |> Result.mapError List.singleton
                | errors -> Error errors

            let readout () =
                match resolved.Readout with
                | Equivariant -> []
                | Invariant space -> Modules.readout (List.last resolved.Layers) space

            let whole () =
                let layers = resolved.Layers |> List.mapi layer

                let errors =
                    layers
                    |> List.collect (function
                        | Ok _ -> []
                        | Error errors -> errors)

                match errors, Resolve.attempt "readout" readout with
                | [], Ok readout ->
                    let layers = layers |> List.choose Result.toOption

                    let moved = [
                        for block in
                            resolved.Layers |> List.collect (fun (layer: ResolvedLayer) -> layer.Blocks) do
                            match block.Made with
                            | Some net when not borrows && moves target net -> block, net
                            | _ -> ()
                    ]

                    let compiled =
                        new CompiledModel(
                            model,
                            resolved,
                            target,
                            {
                                Modules = List.collect fst layers @ readout
                                Blocks = List.collect snd layers
                                Borrows = borrows
                            }
                        )

                    // In other numbers than its own, a module of the user's may not run.
                    let _, errors =
                        moved
                        |> List.map (fun (block, net) ->
                            Resolve.attempt block.Place (fun () ->
                                Network.tryOnRow block.Block.Network net block.From.Space))
                        |> Resolve.partition

                    if errors.IsEmpty then Ok compiled else Error errors
                | errors, Ok _ -> Error errors
                | errors, Error problem -> Error(errors @ [ problem ])

            (if errors.IsEmpty then whole () else Error errors), warnings)

    let private orRaise (result, warnings) : CompiledModel =
        match result with
        | Ok compiled -> compiled
        | Error problems -> raise (DeclarationException(problems @ warnings))

    /// <summary>
    /// Everything that is wrong with a declaration, each with its place, and warnings of what costs much. If there are
    /// but warnings, it compiles. Modules of the user's are tried on one row, and left as they were.
    /// </summary>
    let problems (model: Model) : Problem list =
        match assembled true Target.cpu model with
        | Ok _, warnings -> warnings
        | Error problems, warnings -> problems @ warnings

    /// <summary>Compiles a model for a target. It is in train mode, as fresh modules are: call <c>eval()</c> before use.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let model (target: Target) (model: Model) : CompiledModel = orRaise (assembled false target model)

    /// Makes what a model would compile to, to look at only: modules of the user's stay as they are.
    let internal look (target: Target) (model: Model) : CompiledModel = orRaise (assembled true target model)

/// <summary>Checking and compiling, where models are made.</summary>
[<AutoOpen>]
module ModelExtensions =

    /// <summary>What can be done with declared models.</summary>
    [<RequireQualifiedAccess>]
    module Model =

        /// <summary>
        /// Everything that is wrong with a declaration, each with its place, and warnings of what costs much. If there
        /// are but warnings, it compiles.
        /// </summary>
        let problems model = Compile.problems model

        /// <summary>
        /// Compiles a model for a target: a device, a type of numbers and a seed. It is in train mode, as fresh modules
        /// are: call <c>eval()</c> before use.
        /// </summary>
        /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
        let compile target model = Compile.model target model

        /// <summary>The parameters of a compiled model, for an optimiser.</summary>
        let parameters (compiled: CompiledModel) = compiled.parameters ()

        /// <summary>Saves the parameters and buffers of a compiled model, under declared names, as safetensors.</summary>
        let save (path: string) (compiled: CompiledModel) = Safetensors.Save(path, compiled)

        /// <summary>Loads into a compiled model what a model of the same declaration saved.</summary>
        /// <exception cref="T:Equivariant.Core.EquivariantException">The file does not fit; nothing of it is loaded.</exception>
        let load (path: string) (compiled: CompiledModel) =
            Safetensors.Load(path, compiled) |> ignore
