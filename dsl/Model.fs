namespace Equivariant

open TorchSharp

/// <summary>From which input to which output a block leads; written <c>"side" --> "front"</c>.</summary>
type Edge = {
    /// <summary>The input that it reads.</summary>
    From: string
    /// <summary>The output that it adds to: outputs have the names of inputs.</summary>
    To: string
}

/// <summary>What a block does about symmetry.</summary>
[<NoComparison; RequireQualifiedAccess>]
type Kind =
    /// <summary>Equivariant, by a design; none stands for equituning, and for linear maps there is nothing to do.</summary>
    | Eq of Design option
    /// <summary>Invariant to the group of what it reads, and symmetric under that of what it adds to.</summary>
    | IS

/// <summary>A network from an input to an output.</summary>
[<NoComparison>]
type Block = {
    /// <summary>From where to where it leads.</summary>
    Edge: Edge
    /// <summary>What it does about symmetry.</summary>
    Kind: Kind
    /// <summary>The network.</summary>
    Network: Network
} with

    /// <summary>Reads like <c>is block "side" --> "front"</c>.</summary>
    member this.Place =
        match this.Kind with
        | Kind.Eq _ -> $"eq block \"{this.Edge.To}\""
        | Kind.IS -> $"is block \"{this.Edge.From}\" --> \"{this.Edge.To}\""

/// <summary>A function of each component.</summary>
[<NoComparison>]
type Nonlinearity =
    /// <summary>max(0, x).</summary>
    | Relu
    /// <summary>x Φ(x).</summary>
    | Gelu
    /// <summary>x σ(x).</summary>
    | Silu
    /// <summary>A function of the user's.</summary>
    | Pointwise of Named<torch.Tensor -> torch.Tensor>

    override this.ToString() =
        match this with
        | Relu -> "relu"
        | Gelu -> "gelu"
        | Silu -> "silu"
        | Pointwise f -> f.Name

/// <summary>What was said about an output of a layer.</summary>
[<NoComparison>]
type DeclaredOutput =
    /// <summary>Its space; the group acts as on the input of that name.</summary>
    | On of Space
    /// <summary>Its space and how the group acts there.</summary>
    | As of Signal

/// <summary>Blocks, whose values are added for each output, and what is done to the sums.</summary>
[<NoComparison>]
type Layer = {
    /// <summary>The blocks.</summary>
    Blocks: Block list
    /// <summary>Outputs whose space does not follow from the networks.</summary>
    Outputs: (string * DeclaredOutput) list
    /// <summary>The nonlinearity after the sums.</summary>
    Nonlinearity: Nonlinearity option
}

/// <summary>What a network gives in the end.</summary>
type Readout =
    /// <summary>The outputs of the last layer, which move with the inputs.</summary>
    | Equivariant
    /// <summary>Numbers that no group changes, from the means over all orbits of the last layer's outputs.</summary>
    | Invariant of Space

/// <summary>An input of a network.</summary>
[<NoComparison>]
type Input = {
    /// <summary>Its name.</summary>
    Name: string
    /// <summary>Its space and group.</summary>
    Signal: Signal
}

/// <summary>Something wrong with a declaration, and where; or something to know, with which it compiles all the same.</summary>
[<StructuredFormatDisplay("{Text}")>]
type Problem = {
    /// <summary>Where, such as <c>input "front"</c>.</summary>
    Place: string
    /// <summary>What.</summary>
    Sentence: string
    /// <summary>Whether the model compiles in spite of it.</summary>
    IsWarning: bool
} with

    /// <summary>Place and sentence.</summary>
    member this.Text =
        if this.IsWarning then
            $"{this.Place}: warning: {this.Sentence}"
        else
            $"{this.Place}: {this.Sentence}"

    override this.ToString() = this.Text

/// <summary>
/// A network, declared: a value to look into, print, compare and transform, and then to compile. Make it with
/// <c>network { … }</c> or with the functions of the module of the same name.
/// </summary>
[<NoComparison; StructuredFormatDisplay("{Display}")>]
type Model = {
    /// <summary>The inputs.</summary>
    Inputs: Input list
    /// <summary>The layers, the first of which reads the inputs.</summary>
    Layers: Layer list
    /// <summary>What it gives in the end.</summary>
    Readout: Readout
} with

    /// <summary>The declaration as a table.</summary>
    member this.Table =
        let inputs = [
            for input in this.Inputs do
                [
                    "input"
                    $"\"{input.Name}\""
                    string input.Signal.Space
                    string input.Signal.Group
                    ActionExpression.text input.Signal.Action
                ]
        ]

        let blocks = [
            for number, layer in List.indexed this.Layers do
                for block in layer.Blocks do
                    let kind, name, design =
                        match block.Kind with
                        | Kind.Eq design ->
                            let design =
                                match design, block.Network with
                                | Some design, _ -> string design
                                | None, LinearMaps _ -> "exact"
                                | None, _ -> string equitune

                            "eq", $"\"{block.Edge.To}\"", design
                        | Kind.IS -> "is", $"\"{block.Edge.From}\" --> \"{block.Edge.To}\"", ""

                    [
                        kind
                        name
                        string block.Network
                        design
                        (if number = 0 then "" else $"layer {number + 1}")
                    ]

                for name, output in layer.Outputs do
                    match output with
                    | On space -> [ "output"; $"\"{name}\""; string space; ""; "" ]
                    | As signal -> [
                        "output"
                        $"\"{name}\""
                        string signal.Space
                        string signal.Group
                        ActionExpression.text signal.Action
                      ]

                match layer.Nonlinearity with
                | Some nonlinearity -> [ "apply"; string nonlinearity; ""; ""; "" ]
                | None -> ()
        ]

        let readout =
            match this.Readout with
            | Equivariant -> [ "readout"; "equivariant"; ""; ""; "" ]
            | Invariant space -> [ "readout"; "invariant"; string space; ""; "" ]

        columns (inputs @ blocks @ [ readout ])

    /// <summary>The table, beginning on a line of its own, as F# Interactive shows it.</summary>
    member this.Display = $"\n{this.Table}"

    override this.ToString() = this.Table

/// <summary>Words of declarations.</summary>
[<AutoOpen>]
module Declarations =

    /// <summary>From an input to an output.</summary>
    let (-->) from into : Edge = { From = from; To = into }

    /// <summary>A readout that no group changes.</summary>
    let invariant space = Invariant space

    /// <summary>A readout that moves with the inputs.</summary>
    let equivariant = Equivariant

    /// <summary>max(0, x).</summary>
    let relu = Relu

    /// <summary>x Φ(x).</summary>
    let gelu = Gelu

    /// <summary>x σ(x).</summary>
    let silu = Silu

    /// <summary>A function of each component; the name stands for it in comparisons.</summary>
    let pointwise name (f: torch.Tensor -> torch.Tensor) = Pointwise { Name = name; Value = f }

/// <summary>
/// Making models by plain functions, and transforming them:
/// <c>Model.empty |&gt; Model.input "x" signal |&gt; Model.eq "x" (convNet 32)</c>.
/// </summary>
[<RequireQualifiedAccess>]
module Model =

    /// <summary>A model without inputs or blocks.</summary>
    let empty = {
        Inputs = []
        Layers = []
        Readout = Equivariant
    }

    /// <summary>Adds an input.</summary>
    let input name signal model = {
        model with
            Model.Inputs = model.Inputs @ [ { Name = name; Signal = signal } ]
    }

    /// The last layer changes; after a nonlinearity there is a new one.
    let private inLayer change model =
        let fresh = {
            Blocks = []
            Outputs = []
            Nonlinearity = None
        }

        match List.tryLast model.Layers with
        | Some layer when layer.Nonlinearity.IsNone -> {
            model with
                Layers = List.updateAt (model.Layers.Length - 1) (change layer) model.Layers
          }
        | Some _
        | None -> {
            model with
                Layers = model.Layers @ [ change fresh ]
          }

    /// <summary>Adds a block.</summary>
    let block block model =
        model
        |> inLayer (fun layer -> {
            layer with
                Blocks = layer.Blocks @ [ block ]
        })

    /// <summary>Adds an equivariant block on an input, equituned (or exact, for linear maps).</summary>
    let eq name network model =
        model
        |> block {
            Edge = name --> name
            Kind = Kind.Eq None
            Network = network
        }

    /// <summary>Adds an equivariant block on an input, by a design.</summary>
    let eqBy design name network model =
        model
        |> block {
            Edge = name --> name
            Kind = Kind.Eq(Some design)
            Network = network
        }

    /// <summary>Adds an invariant-symmetric block.</summary>
    let is edge network model =
        model
        |> block {
            Edge = edge
            Kind = Kind.IS
            Network = network
        }

    /// <summary>Says in which space an output of the current layer is; the group acts as on the input of that name.</summary>
    let output name space model =
        model
        |> inLayer (fun layer -> {
            layer with
                Outputs = layer.Outputs @ [ name, On space ]
        })

    /// <summary>Says in which space an output of the current layer is and how the group acts there.</summary>
    let outputAs name signal model =
        model
        |> inLayer (fun layer -> {
            layer with
                Outputs = layer.Outputs @ [ name, As signal ]
        })

    /// <summary>Ends a layer with a nonlinearity.</summary>
    let apply nonlinearity model =
        model
        |> inLayer (fun layer -> {
            layer with
                Nonlinearity = Some nonlinearity
        })

    /// <summary>Says what the model gives in the end.</summary>
    let readout readout model = { model with Readout = readout }

    /// <summary>All blocks, layer after layer.</summary>
    let blocks model = model.Layers |> List.collect _.Blocks

    /// <summary>Changes every block.</summary>
    let mapBlocks change model = {
        model with
            Layers = [
                for layer in model.Layers ->
                    {
                        layer with
                            Blocks = List.map change layer.Blocks
                    }
            ]
    }

    /// <summary>Changes every network.</summary>
    let mapNetworks change model =
        model
        |> mapBlocks (fun block -> {
            block with
                Network = change block.Network
        })

    /// <summary>Uses one design in all Eq blocks, but for linear maps, which need none.</summary>
    let withDesign design model =
        model
        |> mapBlocks (fun block ->
            match block.Kind, block.Network with
            | Kind.IS, _
            | _, LinearMaps _ -> block
            | Kind.Eq _, _ -> {
                block with
                    Kind = Kind.Eq(Some design)
              })

    /// <summary>Leaves out all IS blocks: what remains are separate networks.</summary>
    let withoutIS model = {
        model with
            Layers = [
                for layer in model.Layers do
                    {
                        layer with
                            Blocks = layer.Blocks |> List.filter (fun block -> not block.Kind.IsIS)
                    }
            ]
    }

    /// <summary>Gives an input another space and group.</summary>
    let withInput name signal model = {
        model with
            Model.Inputs = [
                for input in model.Inputs ->
                    if input.Name = name then
                        { input with Signal = signal }
                    else
                        input
            ]
    }

    /// <summary>Gives an input, and the output of the same name, another name.</summary>
    let rename before after model =
        let changed name = if name = before then after else name

        {
            model with
                Model.Inputs = [ for input in model.Inputs -> { input with Name = changed input.Name } ]
                Layers = [
                    for layer in model.Layers do
                        {
                            layer with
                                Blocks = [
                                    for block in layer.Blocks do
                                        {
                                            block with
                                                Edge = changed block.Edge.From --> changed block.Edge.To
                                        }
                                ]
                                Outputs = [ for name, output in layer.Outputs -> changed name, output ]
                        }
                ]
        }

/// <summary>Builds models line by line.</summary>
[<Sealed>]
type NetworkBuilder() =

    /// A model without inputs.
    member _.Yield(_: unit) = Model.empty

    /// <summary>An input: its name, its space and how a group acts on it.</summary>
    [<CustomOperation "input">]
    member _.Input(model, name, signal) = Model.input name signal model

    /// <summary>An equivariant block on an input, equituned.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, name, network) = Model.eq name network model

    /// <summary>An equivariant block on an input, by a design.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, name, network, design) = Model.eqBy design name network model

    /// <summary>An invariant-symmetric block.</summary>
    [<CustomOperation "is">]
    member _.IS(model, edge, network) = Model.is edge network model

    /// <summary>The space of an output.</summary>
    [<CustomOperation "output">]
    member _.Output(model, name, space: Space) = Model.output name space model

    /// <summary>The space of an output and how its group acts there.</summary>
    [<CustomOperation "output">]
    member _.Output(model, name, signal: Signal) = Model.outputAs name signal model

    /// <summary>A nonlinearity, after which a new layer begins.</summary>
    [<CustomOperation "apply">]
    member _.Apply(model, nonlinearity) = Model.apply nonlinearity model

    /// <summary>What the network gives in the end.</summary>
    [<CustomOperation "readout">]
    member _.Readout(model, readout) = Model.readout readout model

/// <summary>The expression <c>network { … }</c>.</summary>
[<AutoOpen>]
module NetworkExpression =

    /// <summary>Declares a network: inputs, eq and is blocks, nonlinearities, readout.</summary>
    let network = NetworkBuilder()
