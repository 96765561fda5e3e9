namespace Equivariant

open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Native
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
}

/// <summary>Targets.</summary>
[<RequireQualifiedAccess>]
module Target =

    /// <summary>The CPU, single precision, seed 0.</summary>
    let cpu = {
        Device = "cpu"
        DType = torch.float32
        Seed = 0L
    }

    /// <summary>The GPU if there is one, single precision, seed 0.</summary>
    let best () =
        if torch.cuda.is_available () then
            { cpu with Device = "cuda" }
        else
            cpu

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

/// Turns what is resolved into modules of the core.
module private Modules =

    let private moduleOf what (net: Net) =
        match net with
        | :? torch.nn.Module<torch.Tensor, torch.Tensor> as net -> net
        | _ -> refuse $"{what} has to be a module of TorchSharp's."

    /// A network that gives each row one number.
    let private scorer network (input: Space) =
        Network.build network input (vector 1) |> moduleOf $"{network}"

    let private reduction (space: Space) weighing =
        match weighing with
        | Equal -> Reduction.Mean()
        | Learned network -> Reduction.Weighted(scorer network space)
        | Least Entropy -> Reduction.LeastLoss(fun values -> ProxyLoss.Entropy values)
        | Least Confidence -> Reduction.LeastLoss(fun values -> ProxyLoss.Confidence values)
        | Least(Proxy loss) -> Reduction.LeastLoss(fun values -> loss.Value values)

    let private invariance (space: Space) representative =
        match representative, space with
        | OfLeastEnergy energy, _ -> Invariance.LeastEnergy(fun x -> energy.Value x)
        | Natural, Sentences _ -> Invariance.Tokens()
        | Natural, (Numbers _ | Scores _) -> Invariance.Average

    /// Gives a network its symmetry.
    let rec private wrapped seed (space: Space) (plan: Plan) (net: Net) input output : Net =
        match plan with
        | Exact -> net
        | Quotient(terms, weighing, representative) ->
            new QuotientDesign(
                net,
                input,
                output,
                Array.ofList terms,
                reduction space weighing,
                invariance space representative
            )
        | Pose(Given energy) -> new Canonicalise(net, input, output, energy.Value)
        | Pose(Trained network) -> new Canonicalise(net, input, output, scorer network space)
        | Frames frame -> new FrameAverage(net, input, output, frame.Value())
        | Samples count -> new MonteCarloEquitune(net, input, output, count, System.Random(int seed))
        | Nested parts ->
            parts
            |> List.fold
                (fun inner (factor, plan) ->
                    wrapped seed space plan inner (input.Restrict factor) (output.Restrict factor))
                net

    /// The core's block, and its network before it got its symmetry.
    let private block seed (networkOf: ResolvedBlock -> Net) (resolved: ResolvedBlock) =
        let edges = [| for from, into in resolved.Edges -> struct (from, into) |]
        let edge = resolved.Block.Edge

        let name =
            match resolved.Block.Kind with
            | Kind.Eq when edge.From = edge.To -> $"eq_{edge.To}"
            | Kind.Eq -> $"eq_{edge.From}_{edge.To}"
            | Kind.IS -> $"is_{edge.From}_{edge.To}"
            |> _.Replace('.', '_')

        match resolved.Block.Network, resolved.Block.Kind with
        | LinearMaps _, Kind.Eq -> Layers.Block.EquivariantLinear(edges, name), None
        | LinearMaps _, Kind.IS -> Layers.Block.InvariantSymmetricLinear(edges, name), None
        | Unchanged, _ -> Layers.Block.Skip edges, None
        | _, kind ->
            let net = networkOf resolved

            let wrap =
                Layers.WrapModel(fun input output ->
                    wrapped seed resolved.From.Space resolved.Plan net input output
                    |> moduleOf resolved.Place)

            (match kind with
             | Kind.Eq -> Layers.Block.Equivariant(edges, wrap, name)
             | Kind.IS -> Layers.Block.InvariantSymmetric(edges, wrap, name)),
            Some net

    let private steps (layer: ResolvedLayer) (step: Step) : Layers.MultiInputModule =
        let each (make: Port -> Layers.EquivariantModule) =
            new Layers.PerPort(Array.ofList layer.Ports, [| for port in layer.Ports -> make port |])

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

    /// The modules of a layer by name, and its blocks with their networks.
    let layer seed networkOf number (layer: ResolvedLayer) =
        let made =
            layer.Blocks
            |> List.map (fun resolved -> resolved, block seed networkOf resolved)

        // One bias for each output that linear maps lead to.
        let biased =
            layer.Blocks
            |> List.filter _.Block.Network.IsLinearMaps
            |> List.collect (fun resolved -> List.map snd resolved.Edges)
            |> List.distinct

        let blocks = [|
            for _, (block, _) in made do
                block

            for output in biased do
                Layers.Block.Bias [| output |]
        |]

        let sums =
            new Layers.MultiInputLayer(Array.ofList layer.Inputs, Array.ofList layer.Ports, blocks)

        let modules = [
            $"layer{number}", sums :> Layers.MultiInputModule

            for i, step in List.indexed layer.Steps do
                $"layer{number}_step{i + 1}", steps layer step
        ]

        let evaluated = [
            for i, (resolved, (_, net)) in List.indexed made do
                resolved, sums.Blocks[i], net
        ]

        modules, evaluated

    /// Numbers that no group changes: all linear maps of the invariants of what the last layer gives.
    let readout (layer: ResolvedLayer) (space: Space) : (string * Layers.MultiInputModule) list =
        let into =
            Port(
                "readout",
                Actions.TrivialAction(Groups.Group.Trivial()),
                [| for length in space.Shape -> int64 length |]
            )

        // What is not permuted may have no invariants but its lengths.
        let isPermuted (port: Port) =
            port.Representation.Summands |> Seq.forall _.IsPermutation

        let lengths =
            if layer.Ports |> List.forall isPermuted then
                []
            else
                let read = [|
                    for port in layer.Ports ->
                        new Layers.InvariantReadout(port.Representation, port.Channels)
                        :> Layers.EquivariantModule
                |]

                [
                    "invariants",
                    new Layers.PerPort(Array.ofList layer.Ports, read) :> Layers.MultiInputModule
                ]

        let from =
            match lengths with
            | [ _, read ] -> read.Outputs
            | _ -> Array.ofList layer.Ports

        lengths @ [ "readout", Layers.MultiInputLayer.Linear(from, [| into |]) ]

/// <summary>
/// A compiled model: a TorchSharp module from one tensor for each input, in the order of their declaration, to one
/// tensor for each output. It trains, moves, saves and loads like any other.
/// </summary>
/// <remarks>
/// It is the core's <see cref="T:Equivariant.Core.Layers.MultiInputNetwork"/>; its parameters are called by what was
/// declared, such as <c>layer1.eq_front.model.0.weight</c>.
/// </remarks>
[<Sealed>]
type CompiledModel internal (declaration: Model, resolved: ResolvedModel, target: Target) as this =
    inherit SavedModule<torch.Tensor[], torch.Tensor[]>("equivariant network")

    let device = Target.device target

    let shared = System.Collections.Generic.Dictionary<string, Net>()

    let networkOf (block: ResolvedBlock) =
        let build network =
            Network.build network block.From.Space block.To.Space

        match block.Block.Network with
        | Shared(name, network) ->
            match shared.TryGetValue name with
            | true, known -> known
            | _ ->
                let net = build network
                shared.Add(name, net)
                net
        | network -> build network

    let layers =
        resolved.Layers
        |> List.mapi (fun i layer -> Modules.layer target.Seed networkOf (i + 1) layer)

    let parts =
        List.collect fst layers
        @ match resolved.Readout with
          | Equivariant -> []
          | Invariant space -> Modules.readout (List.last resolved.Layers) space

    let network = new Layers.MultiInputNetwork([| for _, part in parts -> part |])

    do
        for name, part in parts do
            this.register_module (name, part)

        this.``to`` (device, target.DType) |> ignore
        this.eval ()

    let requireInput (name: string, signal: Signal) (x: torch.Tensor) =
        let shape = x.shape |> Seq.map string |> joined ", "

        if
            x.shape.Length = 0
            || List.ofArray x.shape[1..]
               <> [ for length in signal.Space.Shape -> int64 length ]
        then
            let needed = "B" :: (signal.Space.Shape |> List.map string) |> joined ", "
            refuse $"input \"{name}\" has to be [{needed}], but is [{shape}]."

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
    member this.Inner(block: string) : Net =
        let names (resolved: ResolvedBlock) = [
            let edge = resolved.Block.Edge
            $"{edge.From} --> {edge.To}"

            if resolved.Block.Kind.IsEq && edge.From = edge.To then
                edge.To
        ]

        let nets =
            this.Blocks
            |> List.choose (fun (resolved, _, net) -> net |> Option.map (fun net -> names resolved, net))

        match nets |> List.tryFind (fst >> List.contains block) with
        | Some(_, net) -> net
        | None ->
            refuse
                $"there is no network at \"{block}\"; there are networks at {quoted (nets |> List.map (fst >> List.last))}."

    member internal _.Resolved = resolved

    /// The blocks, with what evaluates them and the networks inside.
    member internal _.Blocks = List.collect snd layers
    member internal _.Target = target

    /// <summary>Evaluates a model of one input and one output.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It has several.</exception>
    member this.Predict(x: torch.Tensor) : torch.Tensor =
        match this.InputNames, this.OutputNames with
        | [ _ ], [ _ ] -> (this.call [| x |])[0]
        | inputs, outputs ->
            refuse
                $"Predict takes one input and gives one output, but there are {quoted inputs} and {quoted outputs}; say which with Run."

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

        Seq.iter2 requireInput resolved.Inputs inputs
        network.call inputs |> Array.map _.MoveToOuterDisposeScope()

    /// <summary>Evaluates the model on inputs by name.</summary>
    /// <returns>The outputs by name.</returns>
    member this.Run(inputs: (string * torch.Tensor) seq) : Map<string, torch.Tensor> =
        let given = Map.ofSeq inputs

        for name in given.Keys do
            if not (List.contains name this.InputNames) then
                refuse $"there is no input \"{name}\"; there are {quoted this.InputNames}."

        let ordered = [|
            for name in this.InputNames do
                match given.TryFind name with
                | Some x -> x
                | None -> refuse $"input \"{name}\" is missing."
        |]

        Map.ofSeq (Seq.zip this.OutputNames (this.call ordered))

/// <summary>Checking and compiling models.</summary>
[<RequireQualifiedAccess>]
module Compile =

    /// Draws fresh weights from a seed, and leaves torch's generator as it was.
    let private seeded (seed: int64) (work: unit -> 'a) =
        use state = torch.random.get_rng_state ()

        try
            torch.manual_seed seed |> ignore
            work ()
        finally
            torch.random.set_rng_state state |> ignore

    /// A wrapped module shows only when it runs what it gives.
    let private probe (compiled: CompiledModel) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let device = Target.device compiled.Target

        let problemOf (block: ResolvedBlock) (net: torch.nn.Module<torch.Tensor, torch.Tensor>) =
            let shape = [| 1L; yield! List.map int64 block.From.Space.Shape |]

            let x =
                match block.From.Space with
                | Sentences _ -> torch.zeros (shape, dtype = torch.int64, device = device)
                | Numbers _
                | Scores _ -> torch.zeros (shape, dtype = compiled.Target.DType, device = device)

            let expected = block.To.Space.Shape |> List.map int64

            try
                let given = List.ofArray (net.call x).shape[1..]

                if given = expected then
                    None
                else
                    let text = given |> List.map string |> joined " × "

                    Some
                        $"{block.Block.Network} gives {text}, but {block.To.Space} is needed; say what it gives with giving."
            with error ->
                let line = error.Message.Split('\n')[0]
                Some $"{block.Block.Network} does not run on {block.From.Space}: {line}"

        [
            for block, placed, net in compiled.Blocks do
                match block.Block.Network, net with
                | (Wrapped _ | Shared(_, Wrapped _)), Some _ ->
                    match Option.ofObj placed.Module |> Option.bind (problemOf block) with
                    | Some sentence -> {
                        Place = block.Place
                        Sentence = sentence
                      }
                    | None -> ()
                | _ -> ()
        ]

    /// <summary>Everything that is wrong with a declaration, each with its place; nothing if it compiles.</summary>
    let problems (model: Model) : Problem list = snd (Resolve.model model)

    /// <summary>Compiles a model for a target.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let model (target: Target) (model: Model) : CompiledModel =
        match Resolve.model model with
        | resolved, [] ->
            let compiled =
                seeded target.Seed (fun () -> new CompiledModel(model, resolved, target))

            match probe compiled with
            | [] -> compiled
            | problems -> raise (DeclarationException problems)
        | _, problems -> raise (DeclarationException problems)

/// <summary>Checking and compiling, where models are made.</summary>
[<AutoOpen>]
module ModelExtensions =

    /// <summary>What can be done with declared models.</summary>
    [<RequireQualifiedAccess>]
    module Model =

        /// <summary>Everything that is wrong with a declaration, each with its place; nothing if it compiles.</summary>
        let problems model = Compile.problems model

        /// <summary>Compiles a model for a target: a device, a type of numbers and a seed.</summary>
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
