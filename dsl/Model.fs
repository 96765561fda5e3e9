namespace Equivariant

open TorchSharp

/// <summary>From which input to which output a block leads; outputs have the names of inputs, and families count as their members.</summary>
type Edge =
    /// <summary>From an input to its own output; in a family, from each member to itself.</summary>
    | Own of name: string
    /// <summary>From an input to an output, written <c>"side" --> "front"</c>; within a family, from each member to all others.</summary>
    | Between of from: string * into: string

    /// <summary>The input, or family of inputs, that it reads.</summary>
    member this.From =
        match this with
        | Own name -> name
        | Between(from, _) -> from

    /// <summary>The output that it adds to.</summary>
    member this.To =
        match this with
        | Own name -> name
        | Between(_, into) -> into

    /// <summary>Reads like <c>"front"</c>, or <c>"side" --> "front"</c>.</summary>
    member this.Text =
        match this with
        | Own name -> $"\"{name}\""
        | Between(from, into) -> $"\"{from}\" --> \"{into}\""

    override this.ToString() = this.Text

/// <summary>What a block does about symmetry.</summary>
[<RequireQualifiedAccess>]
type Kind =
    /// <summary>Equivariant.</summary>
    | Eq
    /// <summary>Invariant to the group of what it reads, and symmetric under that of what it adds to.</summary>
    | IS

    /// <summary>As declarations write it: <c>eq</c> or <c>is</c>.</summary>
    override this.ToString() =
        match this with
        | Eq -> "eq"
        | IS -> "is"

/// <summary>A network from inputs to outputs; the members of a family share its weights.</summary>
[<NoComparison>]
type Block = {
    /// <summary>From where to where it leads.</summary>
    Edge: Edge
    /// <summary>What it does about symmetry.</summary>
    Kind: Kind
    /// <summary>The network.</summary>
    Network: Network
    /// <summary>How the network gets its symmetry; equituning if none, and for linear maps there is nothing to do.</summary>
    Design: Design option
} with

    /// <summary>Reads like <c>is block "side" --> "front"</c>.</summary>
    member this.Place = $"{this.Kind} block {this.Edge}"

    /// <summary>Reads like <c>quotient</c>, or <c>exact</c> where there is nothing to do.</summary>
    member this.Symmetry =
        match this.Design, this.Network with
        | Some design, _ -> string design
        | None, (LinearMaps _ | Unchanged) -> "exact"
        | None, _ -> string equitune

/// <summary>What is done to each sum of a layer.</summary>
[<NoComparison>]
type Step =
    /// <summary>max(0, x).</summary>
    | Relu
    /// <summary>x Φ(x).</summary>
    | Gelu
    /// <summary>x σ(x).</summary>
    | Silu
    /// <summary>A function of the user's, of each component.</summary>
    | Pointwise of Named<torch.Tensor -> torch.Tensor>
    /// <summary>Layer normalisation that commutes with the group.</summary>
    | Norm
    /// <summary>Dropout of whole orbits, with a probability.</summary>
    | Dropout of float

    override this.ToString() =
        match this with
        | Relu -> "relu"
        | Gelu -> "gelu"
        | Silu -> "silu"
        | Pointwise f -> f.Name
        | Norm -> "norm"
        | Dropout probability -> $"dropout {probability}"

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
    /// <summary>What is done to the sums, in order: nonlinearities, norms, dropout.</summary>
    Steps: Step list
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
    /// <summary>The family whose members may be exchanged for each other; none for none.</summary>
    Family: string option
} with

    /// Whether it, or its family, is among some names.
    member internal this.IsAmong names =
        List.contains this.Name names
        || this.Family |> Option.exists (fun family -> List.contains family names)

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
    /// <summary>Inputs, or families, that one element of one group moves together; each other input has a factor of its own.</summary>
    Together: string list list
    /// <summary>The layers, the first of which reads the inputs.</summary>
    Layers: Layer list
    /// <summary>What it gives in the end.</summary>
    Readout: Readout
} with

    /// The factor that moves an input.
    member internal this.MovedBy(input: Input) =
        match this.Together |> List.tryFind input.IsAmong with
        | Some names -> $"""together {joined "+" names}"""
        | None -> input.Name

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

            for names in this.Together do
                [ "together"; quoted names; ""; ""; "" ]

            for family, inputs in this.Inputs |> List.groupBy _.Family do
                match family with
                | Some family -> [ "family"; $"\"{family}\""; quoted (inputs |> List.map _.Name); ""; "" ]
                | None -> ()
        ]

        let blocks = [
            for number, layer in List.indexed this.Layers do
                for block in layer.Blocks do
                    let design =
                        match block.Kind, block.Design with
                        | Kind.IS, None -> ""
                        | _ -> block.Symmetry

                    [
                        string block.Kind
                        string block.Edge
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

                for step in layer.Steps do
                    [ "apply"; string step; ""; ""; "" ]
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
    let (-->) from into : Edge = Between(from, into)

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

    /// <summary>Layer normalisation that commutes with the group.</summary>
    let norm = Norm

    /// <summary>Dropout of whole orbits of coordinates, with a probability below 1.</summary>
    let dropout probability = Dropout probability

/// <summary>
/// Making models by plain functions, and transforming them:
/// <c>Model.empty |&gt; Model.input "x" signal |&gt; Model.eq "x" (convNet 32)</c>.
/// </summary>
[<RequireQualifiedAccess>]
module Model =

    /// <summary>A model without inputs or blocks.</summary>
    let empty = {
        Inputs = []
        Together = []
        Layers = []
        Readout = Equivariant
    }

    /// <summary>Adds an input, with a factor of the whole group of its own.</summary>
    let input name signal model =
        let input = {
            Name = name
            Signal = signal
            Family = None
        }

        {
            model with
                Model.Inputs = model.Inputs @ [ input ]
        }

    /// <summary>
    /// Adds inputs that are alike and may be exchanged for each other, called <c>"name 1"</c>, <c>"name 2"</c> and so on:
    /// blocks that name the family treat its members alike. Each has a factor of its own, so that the whole is equivariant
    /// under the wreath product of the group and the exchanges; after <c>together</c>, under their direct product.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no member.</exception>
    let family name count signal model =
        if count < 1 then
            refuse $"family \"{name}\" has {count} members; it needs at least one."

        {
            model with
                Model.Inputs =
                    model.Inputs
                    @ [
                        for member' in 1..count ->
                            {
                                Name = $"{name} {member'}"
                                Signal = signal
                                Family = Some name
                            }
                    ]
        }

    /// <summary>
    /// Lets one element of one group move several inputs (or all members of a family) together: then Eq blocks may lead
    /// from one to another.
    /// </summary>
    let together names model = {
        model with
            Together = model.Together @ [ names ]
    }

    /// The last layer changes; after a step there is a new one.
    let private inLayer change model =
        let fresh = {
            Blocks = []
            Outputs = []
            Steps = []
        }

        match List.tryLast model.Layers with
        | Some layer when layer.Steps.IsEmpty -> {
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

    let private adding kind edge design network model =
        model
        |> block {
            Edge = edge
            Kind = kind
            Network = network
            Design = design
        }

    /// <summary>Adds an equivariant block on an input, or on each member of a family, equituned (or exact, for linear maps).</summary>
    let eq name network model =
        adding Kind.Eq (Own name) None network model

    /// <summary>Adds an equivariant block on an input, by a design.</summary>
    let eqBy design name network model =
        adding Kind.Eq (Own name) (Some design) network model

    /// <summary>
    /// Adds an equivariant block between inputs that are moved together, by a design or equituned; from a family to itself, between
    /// different members.
    /// </summary>
    let eqBetween edge design network model =
        adding Kind.Eq edge design network model

    /// <summary>
    /// Adds an invariant-symmetric block, averaged over the group of what it reads; from a family to itself, between
    /// different members.
    /// </summary>
    let is edge network model = adding Kind.IS edge None network model

    /// <summary>Adds an invariant-symmetric block, by a design.</summary>
    let isBy design edge network model =
        adding Kind.IS edge (Some design) network model

    /// <summary>Adds an input to the output of the same name: a residual connection.</summary>
    let skip name model =
        adding Kind.Eq (Own name) None Unchanged model

    /// <summary>
    /// Says in which space an output of the current layer is, or all outputs of a family; the group acts as on the input
    /// of that name.
    /// </summary>
    let output name space model =
        model
        |> inLayer (fun layer -> {
            layer with
                Outputs = layer.Outputs @ [ name, On space ]
        })

    /// <summary>Says in which space an output of the current layer is, or all outputs of a family, and how the group acts there.</summary>
    let outputAs name signal model =
        model
        |> inLayer (fun layer -> {
            layer with
                Outputs = layer.Outputs @ [ name, As signal ]
        })

    /// <summary>Does something to the sums of the last layer; blocks that follow make a new one.</summary>
    let apply step model = {
        model with
            Layers =
                match List.rev model.Layers with
                | last :: before ->
                    List.rev (
                        {
                            last with
                                Steps = last.Steps @ [ step ]
                        }
                        :: before
                    )
                | [] -> [
                    {
                        Blocks = []
                        Outputs = []
                        Steps = [ step ]
                    }
                  ]
    }

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
            | _, (LinearMaps _ | Unchanged) -> block
            | Kind.Eq, _ -> { block with Design = Some design })

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

    /// <summary>Gives an input, and the output of the same name, another name; or a family, whose members keep theirs.</summary>
    let rename before after model =
        let changed name = if name = before then after else name

        let led edge =
            match edge with
            | Own name -> Own(changed name)
            | Between(from, into) -> changed from --> changed into

        {
            model with
                Model.Inputs = [
                    for input in model.Inputs ->
                        {
                            input with
                                Name = changed input.Name
                                Family = Option.map changed input.Family
                        }
                ]
                Together = model.Together |> List.map (List.map changed)
                Layers = [
                    for layer in model.Layers do
                        {
                            layer with
                                Blocks = [
                                    for block in layer.Blocks do
                                        { block with Edge = led block.Edge }
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

    /// <summary>Inputs that are alike and may be exchanged: their common name, how many, their space and group.</summary>
    [<CustomOperation "family">]
    member _.Family(model, name, count, signal) = Model.family name count signal model

    /// <summary>Inputs, or families, that one element of one group moves together.</summary>
    [<CustomOperation "together">]
    member _.Together(model, names) = Model.together names model

    /// <summary>An equivariant block on an input, equituned.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, name: string, network) = Model.eq name network model

    /// <summary>An equivariant block on an input, by a design.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, name: string, network, design) = Model.eqBy design name network model

    /// <summary>An equivariant block between inputs that are moved together, equituned.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, edge: Edge, network) = Model.eqBetween edge None network model

    /// <summary>An equivariant block between inputs that are moved together, by a design.</summary>
    [<CustomOperation "eq">]
    member _.Eq(model, edge: Edge, network, design) =
        Model.eqBetween edge (Some design) network model

    /// <summary>An invariant-symmetric block.</summary>
    [<CustomOperation "is">]
    member _.IS(model, edge, network) = Model.is edge network model

    /// <summary>An invariant-symmetric block, by a design.</summary>
    [<CustomOperation "is">]
    member _.IS(model, edge, network, design) = Model.isBy design edge network model

    /// <summary>A residual connection: an input is added to the output of the same name.</summary>
    [<CustomOperation "skip">]
    member _.Skip(model, name) = Model.skip name model

    /// <summary>The space of an output.</summary>
    [<CustomOperation "output">]
    member _.Output(model, name, space: Space) = Model.output name space model

    /// <summary>The space of an output and how its group acts there.</summary>
    [<CustomOperation "output">]
    member _.Output(model, name, signal: Signal) = Model.outputAs name signal model

    /// <summary>What is done to the sums: a nonlinearity, a norm, dropout. Blocks that follow make a new layer.</summary>
    [<CustomOperation "apply">]
    member _.Apply(model, step) = Model.apply step model

    /// <summary>What the network gives in the end.</summary>
    [<CustomOperation "readout">]
    member _.Readout(model, readout) = Model.readout readout model

/// <summary>The expression <c>network { … }</c>.</summary>
[<AutoOpen>]
module NetworkExpression =

    /// <summary>Declares a network: inputs, eq and is blocks, nonlinearities, readout.</summary>
    let network = NetworkBuilder()
