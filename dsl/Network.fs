namespace Equivariant

open TorchSharp
open Equivariant.Core
open Equivariant.Core.Sequences

/// <summary>What evaluates a tensor: a module, a TorchScript module, or anything else that can be called. Designs wrap it.</summary>
type Callable = torch.nn.IModule<torch.Tensor, torch.Tensor>

/// <summary>A module from one tensor to one tensor, as most networks are.</summary>
type Net = torch.nn.Module<torch.Tensor, torch.Tensor>

/// <summary>
/// A network as a value: it is built, with fresh weights, when the model around it is compiled. Nothing about it
/// has to know the group.
/// </summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type Network =
    /// <summary>Two 3 × 3 convolutions with a ReLU between, of a width; pooled where the sizes of images differ.</summary>
    | ConvNet of width: int
    /// <summary>A perceptron on all components, with hidden layers of some widths.</summary>
    | Perceptron of hidden: int list
    /// <summary>Any equivariant linear map (of an Eq block) or invariant-symmetric one (of an IS block), to some channels.</summary>
    | LinearMaps of channels: int
    /// <summary>A module of the user's; its name stands for it in comparisons.</summary>
    | Wrapped of Named<unit -> Callable> * output: Space option
    /// <summary>The input itself: a residual connection.</summary>
    | Unchanged
    /// <summary>A network whose weights all blocks share that name it so.</summary>
    | Shared of name: string * Network

    /// <summary>Reads like <c>convNet 32</c>.</summary>
    member this.Text =
        match this with
        | ConvNet width -> $"convNet {width}"
        | Perceptron hidden -> $"""mlp [{hidden |> List.map string |> joined "; "}]"""
        | LinearMaps channels -> $"linear {channels}"
        | Wrapped(make, _) -> make.Name
        | Unchanged -> "unchanged"
        | Shared(name, network) -> $"{network.Text} shared as {name}"

    override this.ToString() = this.Text

/// <summary>Networks, as they are named in declarations.</summary>
[<AutoOpen>]
module Networks =

    /// <summary>Two 3 × 3 convolutions with a ReLU between; its output has as many channels as it is wide.</summary>
    let convNet width = ConvNet width

    /// <summary>A perceptron on all components, with hidden layers of some widths and tanh between.</summary>
    let mlp hidden = Perceptron hidden

    /// <summary>
    /// Linear maps: all equivariant ones in an Eq block, all invariant-symmetric ones in an IS block, to some channels.
    /// They need no averaging, and have no more parameters than there are such maps.
    /// </summary>
    let linear channels = LinearMaps channels

    /// <summary>
    /// A module of the user's, pretrained or not: <c>wrapping "resnet" (fun () -> resnet)</c>. Its output is taken to be
    /// in the space of its input (scores of words, for sentences); otherwise say <c>giving</c>.
    /// </summary>
    /// <remarks>
    /// It is not copied: compiling moves it to the target's device and type of numbers. Reports, laws and
    /// <c>Model.problems</c> only look at it, and leave it as it was. A function that gives the same module each time
    /// shares its weights.
    /// </remarks>
    let wrapping name (make: unit -> #Callable) =
        Wrapped(
            {
                Name = name
                Value = fun () -> make () :> Callable
            },
            None
        )

    /// <summary>
    /// A language model, which scores the token that follows after each token of a prompt:
    /// <c>languageModel "gpt2" (fun () -> gpt2)</c>. Whole prompts are read at once; <c>CompiledModel.Sequence</c> generates from it.
    /// </summary>
    /// <remarks>It is not copied, as with <c>wrapping</c>.</remarks>
    let languageModel name (make: unit -> #SequenceModel) =
        wrapping name (fun () -> new TextScores(make ()))

    /// <summary>
    /// One network for all blocks that share it under a name: <c>convNet 8 |&gt; shared "trunk"</c>. They need inputs
    /// and outputs of the same spaces.
    /// </summary>
    let shared name network = Shared(name, network)

    /// <summary>Says in which space the output of a wrapped module is.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The network is not a wrapped module.</exception>
    let rec giving space network =
        match network with
        | Wrapped(make, _) -> Wrapped(make, Some space)
        | Shared(name, inner) -> Shared(name, giving space inner)
        | other ->
            refuse
                $"The output of {other} follows from its input; only a wrapped module can be said to give {space}."

/// <summary>What networks need and give.</summary>
[<RequireQualifiedAccess>]
module Network =

    /// What a network gives that does not say so: scores of words for sentences, and else what it takes.
    let private unsaid (input: Space) =
        match input with
        | Sentences(vocabulary, length) -> Scores([ length ], vocabulary)
        | Numbers _
        | Scores _ -> input

    /// <summary>The space of a network's output, if nothing else is declared.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The network does not fit the input.</exception>
    let rec output (network: Network) (input: Signal) : Space =
        match network, input.Space with
        | Shared(_, inner), _ -> output inner input
        | Unchanged, space -> space
        | ConvNet width, Numbers [ _; height; columns ] -> image width height columns
        | ConvNet _, other ->
            refuse $"{network} needs images (channels × height × width), but its input has {other}."
        | LinearMaps _, Sentences _ -> refuse $"{network} needs numbers, but its input has {input.Space}."
        | LinearMaps channels, Numbers(_ :: (_ :: _ as rest)) when Realised.hasChannels input ->
            Numbers(channels :: rest)
        | LinearMaps _, space -> space
        | Wrapped(_, Some space), _ -> space
        | (Perceptron _ | Wrapped(_, None)), space -> unsaid space

    /// Refuses widths that no network has.
    let rec internal requireWidths (network: Network) =
        let widths =
            match network with
            | ConvNet width -> [ width ]
            | Perceptron hidden -> hidden
            | LinearMaps channels -> [ channels ]
            | Wrapped _
            | Unchanged
            | Shared _ -> []

        match network with
        | Shared(_, inner) -> requireWidths inner
        | _ -> ()

        for width in widths do
            if width < 1 then
                refuse $"{network} has a width of {width}; widths start at 1."

    /// Zeros of a space: rows of numbers, or of the first word.
    let internal zeros (rows: int64) (dtype: torch.ScalarType) (device: torch.Device) (space: Space) =
        let shape = [| rows; yield! List.map int64 space.Shape |]

        match space with
        | Sentences _ -> torch.zeros (shape, dtype = torch.int64, device = device)
        | Numbers _
        | Scores _ -> torch.zeros (shape, dtype = dtype, device = device)

    /// Tries a module of the user's on one row, where it is and in its own numbers, and refuses what it should not give.
    let internal tryOnRow (network: Network) (net: Callable) (input: Space) =
        let dtype, device =
            AsFound.numbersOf net |> Option.defaultValue (torch.float32, torch.CPU)

        let shape =
            let asFound work =
                match AsFound.moduleOf net with
                | Some found -> AsFound.evaluating found work
                | None -> work ()

            asFound (fun () ->
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()

                try
                    (net.call (zeros 1L dtype device input)).shape
                with error ->
                    let cause = error.GetBaseException()

                    refuse
                        $"{network} does not run on {input}: {cause.GetType().Name}: {cause.Message.Split('\n')[0]}")

        let text (shape: int64 seq) = shape |> Seq.map string |> joined " × "

        match List.ofArray shape, network with
        | rows :: given, Wrapped(_, declared) when rows = 1L ->
            let usual = unsaid input
            let expected = defaultArg declared usual

            if given <> List.map int64 expected.Shape then
                let what =
                    match given with
                    | [] -> "one number a row, without an axis for it"
                    | given -> text given

                match declared with
                | Some space -> refuse $"{network} gives {what}, but giving says {space}."
                | None ->
                    let shape = given |> Seq.map string |> joined "; "

                    refuse
                        $"{network} gives {what}, but is taken to give {usual}, as its input is: say what it gives with giving, here giving (tensor [ {shape} ])."
        | shape, _ ->
            let given = shape |> Seq.map string |> joined ", "

            refuse
                $"{network} gives a tensor of shape [{given}] for one row; it has to give one row for each."

    /// Makes a module of the user's and tries it on one row.
    let rec internal made (network: Network) (input: Space) : Callable option =
        match network with
        | Shared(_, inner) -> made inner input
        | Wrapped(make, declared) ->
            Option.iter Space.require declared

            match box (calling make.Name make.Value) with
            | null -> refuse $"{network} makes no module: its function gives null."
            | net ->
                let net = net :?> Callable
                tryOnRow network net input
                Some net
        | ConvNet _
        | Perceptron _
        | LinearMaps _
        | Unchanged -> None

    /// A module of the user's that scores inputs gives one number, without saying so.
    let rec internal scoring (network: Network) : Network =
        match network with
        | Wrapped(make, None) -> Wrapped(make, Some(vector 1))
        | Shared(name, inner) -> Shared(name, scoring inner)
        | other -> other

    /// Refuses a network from one space to another that it cannot join.
    let rec internal requireMeeting (network: Network) (input: Space) (output: Space) =
        let apart what =
            refuse $"the shapes cannot meet: {network} gives {what}, but {output} is needed."

        match network, input, output with
        | Shared(_, inner), _, _ -> requireMeeting inner input output
        | Unchanged, input, output when input.Shape <> output.Shape -> apart (string input)
        | _, _, Sentences _ -> refuse $"an output has to be numbers, but it is {output}."
        | ConvNet width, Numbers [ _; _; _ ], Numbers [ channels; _; _ ] ->
            if width <> channels then
                apart $"{width} channels"
        | ConvNet _, Numbers [ _; _; _ ], _ -> apart "images"
        | ConvNet _, other, _ ->
            refuse $"{network} needs images (channels × height × width), but its input has {other}."
        | LinearMaps _, Sentences _, _ -> refuse $"{network} needs numbers, but its input has {input}."
        | Wrapped(_, Some given), _, _ when given.Shape <> output.Shape -> apart (string given)
        | Wrapped(_, None), _, _ when (unsaid input).Shape <> output.Shape -> apart (string (unsaid input))
        | _ -> ()

    let private perceptron (hidden: int list) (input: Space) (output: Space) : Net list =
        let embedded, features =
            match input with
            | Sentences(vocabulary, length) ->
                let width = 16
                [ torch.nn.Embedding(int64 vocabulary.Size, int64 width) :> Net ], length * width
            | Numbers _
            | Scores _ -> [], input.Size

        let widths = features :: hidden @ [ output.Size ]

        let layers =
            List.pairwise widths
            |> List.mapi (fun i (before, after) -> [
                if i > 0 then
                    torch.nn.Tanh() :> Net
                torch.nn.Linear(int64 before, int64 after) :> Net
            ])
            |> List.concat

        [
            yield! embedded
            torch.nn.Flatten 1L :> Net
            yield! layers
            torch.nn.Unflatten(1L, [| for length in output.Shape -> int64 length |]) :> Net
        ]

    let private sequence (parts: Net list) : Callable =
        torch.nn.Sequential(Array.ofList parts) :> Callable

    /// Builds a network with fresh weights from torch's generator; modules of the user's are made elsewhere.
    let rec internal build (network: Network) (input: Space) (output: Space) : Callable =
        match network, input.Shape, output.Shape with
        | Shared(_, inner), _, _ -> build inner input output
        | ConvNet width, [ channels; height; columns ], [ given; outHeight; outColumns ] ->
            sequence [
                torch.nn.Conv2d(int64 channels, int64 width, 3L, padding = 1L) :> Net
                torch.nn.ReLU() :> Net
                torch.nn.Conv2d(int64 width, int64 given, 3L, padding = 1L) :> Net
                if (height, columns) <> (outHeight, outColumns) then
                    torch.nn.AdaptiveAvgPool2d [| int64 outHeight; int64 outColumns |] :> Net
            ]
        | Perceptron hidden, _, _ -> sequence (perceptron hidden input output)
        | _ -> refuse $"{network} does not lead from {input} to {output}."
