namespace Equivariant

open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Layers
open Equivariant.Core.Representations
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

/// Reshapes tensors for a linear layer of the core, which works on [B, channels, n].
type private FlatLinear(layer: LinearModule, shape: int64 list) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("linear")

    do this.register_module ("layer", layer)

    override _.forward x =
        use scope = torch.NewDisposeScope()
        let flat = x.reshape (x.shape[0], layer.InputChannels, int64 layer.Input.Dimension)
        (layer.call flat).reshape([| x.shape[0]; yield! shape |]).MoveToOuterDisposeScope()

/// The invariants of all outputs, and a linear map on them.
type private PooledReadout(readouts: InvariantReadout list, shape: int64 list) as this =
    inherit torch.nn.Module<torch.Tensor[], torch.Tensor>("readout")

    let features =
        readouts
        |> List.sumBy (fun readout -> readout.OutputChannels * int64 readout.Output.Dimension)

    let head = torch.nn.Linear(features, List.fold (*) 1L shape)
    do this.register_module ("head", head)

    override _.forward outputs =
        use scope = torch.NewDisposeScope()

        let pooled = [|
            for readout, x in Seq.zip readouts outputs do
                let flat =
                    x.reshape (x.shape[0], readout.InputChannels, int64 readout.Input.Dimension)

                (readout.call flat).flatten 1L
        |]

        (head.call (torch.cat (pooled, 1L))).reshape([| -1L; yield! shape |]).MoveToOuterDisposeScope()

/// <summary>
/// A compiled model: a TorchSharp module from one tensor for each input, in the order of their declaration, to one
/// tensor for each output. It trains, moves, saves and loads like any other.
/// </summary>
[<Sealed>]
type CompiledModel internal (declaration: Model, resolved: ResolvedModel, target: Target) as this =
    inherit SavedModule<torch.Tensor[], torch.Tensor[]>("equivariant network")

    let shapeOf (space: Space) = space.Shape |> List.map int64

    let flat (signal: Signal) =
        let channels, action = Realised.onFlat signal
        int64 channels, Representation.Of action

    let linearBlock (block: ResolvedBlock) : Net =
        let inputChannels, input = flat block.From
        let outputChannels, output = flat block.To

        let layer: LinearModule =
            match block.Block.Kind with
            | Kind.Eq _ -> new EquivariantLinear(input, output, inputChannels, outputChannels)
            | Kind.IS -> new InvariantSymmetricLinear(input, output, inputChannels, outputChannels)

        new FlatLinear(layer, shapeOf block.To.Space)

    let reduction (block: ResolvedBlock) weighing =
        match weighing with
        | Equal -> Reduction.Mean()
        | Learned hidden -> Reduction.Weighted(Network.scorer hidden block.From.Space)
        | Least Entropy -> Reduction.LeastLoss(fun values -> ProxyLoss.Entropy values)
        | Least Confidence -> Reduction.LeastLoss(fun values -> ProxyLoss.Confidence values)

    let averaged (block: ResolvedBlock) net weighing representative : Net =
        let invariance =
            match representative, block.From.Space with
            | OfLeastEnergy energy, _ -> Invariance.LeastEnergy(fun x -> energy.Value x)
            | Natural, Sentences _ -> Invariance.Tokens()
            | Natural, (Numbers _ | Scores _) -> Invariance.Average

        new QuotientDesign(
            (net: Net),
            block.Input,
            block.Output,
            Array.ofList block.Terms,
            reduction block weighing,
            invariance
        )

    let build (block: ResolvedBlock) : Net =
        let net () =
            Network.build block.Block.Network block.From.Space block.To.Space

        match block.Block.Network, block.Block.Kind with
        | LinearMaps _, _ -> linearBlock block
        | _, Kind.IS -> new InvariantSymmetricBlock(net (), block.Input, block.Output)
        | _, Kind.Eq(Some(Canonical energy)) ->
            new Canonicalise(net (), block.Input, block.Output, energy.Value)
        | _, Kind.Eq(Some(Averaged(_, weighing, representative))) ->
            averaged block (net ()) weighing representative
        | _, Kind.Eq None -> averaged block (net ()) Equal Natural

    let layers = [
        for layer in resolved.Layers -> [ for block in layer.Blocks -> block, build block ]
    ]

    let readout =
        match resolved.Readout with
        | Equivariant -> None
        | Invariant space ->
            let pools = [
                for _, signal in resolved.Outputs do
                    let channels, representation = flat signal
                    new InvariantReadout(representation, channels)
            ]

            Some(new PooledReadout(pools, shapeOf space))

    let device = Target.device target

    do
        for number, layer in List.indexed layers do
            for block, net in layer do
                let edge = $"{block.Block.Edge.From}_{block.Block.Edge.To}".Replace('.', '_')
                this.register_module ($"layer{number}_{edge}", net)

        readout
        |> Option.iter (fun readout -> this.register_module ("readout", readout))

        this.``to`` (device, target.DType) |> ignore
        this.eval ()

    let applied nonlinearity (x: torch.Tensor) =
        match nonlinearity with
        | None -> x
        | Some Relu -> torch.nn.functional.relu x
        | Some Gelu -> torch.nn.functional.gelu x
        | Some Silu -> torch.nn.functional.silu x
        | Some(Pointwise f) -> f.Value x

    /// The sums over the blocks that lead to each output.
    let layerOf
        (layer: ResolvedLayer)
        (nets: (ResolvedBlock * Net) list)
        (values: Map<string, torch.Tensor>)
        =
        Map.ofList [
            for name, _ in layer.Outputs do
                let sum =
                    nets
                    |> List.filter (fun (block, _) -> block.Block.Edge.To = name)
                    |> List.map (fun (block, net) -> net.call values[block.Block.Edge.From])
                    |> List.reduce (fun sum value -> sum + value)

                name, applied layer.Nonlinearity sum
        ]

    let requireInput (name: string, signal: Signal) (x: torch.Tensor) =
        let shape = x.shape |> Seq.map string |> joined ", "

        if x.shape.Length = 0 || List.ofArray x.shape[1..] <> shapeOf signal.Space then
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

    member internal _.Resolved = resolved
    member internal _.Blocks = List.concat layers
    member internal _.Target = target

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
        let first = Map.ofSeq (Seq.zip (List.map fst resolved.Inputs) inputs)

        let last =
            List.zip resolved.Layers layers
            |> List.fold (fun values (layer, nets) -> layerOf layer nets values) first

        let outputs = [| for name, _ in resolved.Outputs -> last[name] |]

        match readout with
        | None -> outputs |> Array.map _.MoveToOuterDisposeScope()
        | Some readout -> [| (readout.call outputs).MoveToOuterDisposeScope() |]

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

        let problemOf (block: ResolvedBlock) (net: Net) =
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
            for block, net in compiled.Blocks do
                match block.Block.Network with
                | Wrapped _ ->
                    match problemOf block net with
                    | Some sentence -> {
                        Place = block.Place
                        Sentence = sentence
                      }
                    | None -> ()
                | ConvNet _
                | Perceptron _
                | LinearMaps _ -> ()
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
