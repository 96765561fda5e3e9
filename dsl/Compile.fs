namespace Equivariant

open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Layers
open Equivariant.Core.Representations

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
type internal PooledReadout(readouts: InvariantReadout list, shape: int64 list) as this =
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

/// A module of the user's, looked at only: it keeps its own device and type of numbers, whatever those around it have.
type private Borrowed(net: Net, dtype: torch.ScalarType) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("borrowed")

    do this.register_module ("net", net)

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

/// Makes modules of resolved blocks.
module internal Build =

    let shapeOf (space: Space) = space.Shape |> List.map int64

    let private flat (signal: Signal) =
        let channels, action = Realised.onFlat signal
        int64 channels, Representation.Of action

    let private linear (block: ResolvedBlock) : Net =
        let inputChannels, input = flat block.From
        let outputChannels, output = flat block.To

        let layer: LinearModule =
            match block.Block.Kind with
            | Kind.Eq _ -> new EquivariantLinear(input, output, inputChannels, outputChannels)
            | Kind.IS -> new InvariantSymmetricLinear(input, output, inputChannels, outputChannels)

        new FlatLinear(layer, shapeOf block.To.Space)

    let private reduction (block: ResolvedBlock) weighing =
        match weighing with
        | Equal -> Reduction.Mean()
        | Learned hidden -> Reduction.Weighted(Network.scorer hidden block.From.Space)
        | Least Entropy -> Reduction.LeastLoss(fun values -> ProxyLoss.Entropy values)
        | Least Confidence -> Reduction.LeastLoss(fun values -> ProxyLoss.Confidence values)

    let private averaged (block: ResolvedBlock) net weighing representative : Net =
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

    /// The block with fresh weights; how a module of the user's is held is for the caller to say.
    let block (holding: Net -> Net) (block: ResolvedBlock) : Net =
        let net () =
            match block.Made with
            | Some net -> holding net
            | None -> Network.build block.Block.Network block.From.Space block.To.Space

        match block.Block.Network, block.Block.Kind with
        | LinearMaps _, _ -> linear block
        | _, Kind.IS -> new InvariantSymmetricBlock(net (), block.Input, block.Output)
        | _, Kind.Eq(Some(Canonical energy)) ->
            new Canonicalise(net (), block.Input, block.Output, energy.Value)
        | _, Kind.Eq(Some(Averaged(_, weighing, representative))) ->
            averaged block (net ()) weighing representative
        | _, Kind.Eq None -> averaged block (net ()) Equal Natural

    let readout (resolved: ResolvedModel) : PooledReadout option =
        match resolved.Readout with
        | Equivariant -> None
        | Invariant space ->
            let pools = [
                for _, signal in resolved.Outputs do
                    let channels, representation = flat signal
                    new InvariantReadout(representation, channels)
            ]

            Some(new PooledReadout(pools, shapeOf space))

/// The modules of a model, in the order of its layers.
[<NoEquality; NoComparison>]
type internal Parts = {
    Layers: (ResolvedBlock * Net) list list
    Readout: PooledReadout option
    /// Whether modules of the user's are only looked at.
    Borrows: bool
}

/// <summary>
/// A compiled model: a TorchSharp module from one tensor for each input, in the order of their declaration, to one
/// tensor for each output. It trains, moves, saves and loads like any other, and is in train mode at first.
/// </summary>
[<Sealed>]
type CompiledModel internal (declaration: Model, resolved: ResolvedModel, target: Target, parts: Parts) as this
    =
    inherit torch.nn.Module<torch.Tensor[], torch.Tensor[]>("equivariant network")

    let device = Target.device target

    do
        for number, layer in List.indexed parts.Layers do
            for block, net in layer do
                let edge = $"{block.Block.Edge.From}_{block.Block.Edge.To}".Replace('.', '_')
                this.register_module ($"layer{number}_{edge}", net)

        parts.Readout
        |> Option.iter (fun readout -> this.register_module ("readout", readout))

        this.``to`` (device, target.DType) |> ignore

        if not parts.Borrows then
            this.train ()

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

    /// The type and the device of the model's numbers; none where it has none of its own.
    let numbers () =
        if parts.Borrows then
            Some(target.DType, device)
        else
            AsFound.numbersOf this

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

        if x.shape.Length = 0 || List.ofArray x.shape[1..] <> Build.shapeOf signal.Space then
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

            if least < 0L || most >= int64 vocabulary.Length then
                let stray = if least < 0L then least else most

                refuse
                    $"input \"{name}\" has to hold numbers of words from 0 to {vocabulary.Length - 1}, but holds {stray}."
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

    member internal _.Resolved = resolved
    member internal _.Blocks = List.concat parts.Layers
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
        let first = Map.ofSeq (Seq.zip (List.map fst resolved.Inputs) inputs)

        let last =
            List.zip resolved.Layers parts.Layers
            |> List.fold (fun values (layer, nets) -> layerOf layer nets values) first

        let outputs = [| for name, _ in resolved.Outputs -> last[name] |]

        match parts.Readout with
        | None -> outputs |> Array.map _.MoveToOuterDisposeScope()
        | Some readout -> [| (readout.call outputs).MoveToOuterDisposeScope() |]

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

    /// <summary>Evaluates a model of one input and one output: <c>model.Run x</c>.</summary>
    /// <returns>The output.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are more of either, or it does not fit.</exception>
    member this.Run(x: torch.Tensor) : torch.Tensor =
        match this.call [| x |] with
        | [| y |] -> y
        | _ ->
            refuse $"the network has several outputs, {quoted this.OutputNames}; give the input by its name."

/// <summary>Checking and compiling models.</summary>
[<RequireQualifiedAccess>]
module Compile =

    /// Whether a module would have to be moved to a target.
    let private moves (target: Target) (net: Net) =
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

            let hold (net: Net) : Net =
                if borrows then new Borrowed(net, target.DType) else net

            let built () =
                let layers, errors =
                    [
                        for layer in resolved.Layers do
                            [
                                for block in layer.Blocks do
                                    Resolve.attempt block.Place (fun () -> block, Build.block hold block)
                            ]
                            |> Resolve.partition
                    ]
                    |> List.unzip

                match List.concat errors, Resolve.attempt "readout" (fun () -> Build.readout resolved) with
                | [], Ok readout ->
                    let moved = [
                        for block in List.collect _.Blocks resolved.Layers do
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
                                Layers = layers
                                Readout = readout
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

            (if errors.IsEmpty then built () else Error errors), warnings)

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
