namespace Equivariant

open System.Numerics
open TorchSharp
open Equivariant.Core.Designs
open Equivariant.Core.Layers

/// <summary>What a block of a model costs and gives up.</summary>
[<NoComparison>]
type BlockReport = {
    /// <summary>Which block.</summary>
    Place: string
    /// <summary>Its network.</summary>
    Network: string
    /// <summary>How it is made equivariant or invariant-symmetric.</summary>
    Design: string
    /// <summary>The group of what it reads, with its order.</summary>
    Group: string
    /// <summary>How its family of kernels was chosen, and whether that is proved best; none for kernels that the declaration names.</summary>
    Family: string option
    /// <summary>Evaluations of the network for one input.</summary>
    Evaluations: BigInteger
    /// <summary>The number of its parameters.</summary>
    Parameters: int64
    /// <summary>
    /// Of the equivariant linear maps, how many the design reaches and how many there are, for each pair of channels;
    /// none where it is not computed.
    /// </summary>
    Expressivity: (int64 * int64) option
}

/// <summary>What a model costs and gives up, before anything is trained: a value to look into or to print.</summary>
[<NoComparison; StructuredFormatDisplay("{Display}")>]
type Report = {
    /// <summary>The declaration.</summary>
    Model: Model
    /// <summary>A row for each block.</summary>
    Blocks: BlockReport list
    /// <summary>Evaluations of networks for one set of inputs, over all blocks.</summary>
    Evaluations: BigInteger
    /// <summary>
    /// What averaging would take over the product of all groups that meet in a layer, one network for each layer.
    /// </summary>
    Naive: BigInteger
    /// <summary>The number of parameters of the whole model.</summary>
    Parameters: int64
} with

    /// <summary>The report as lines of text.</summary>
    member this.Text =
        let rows = [
            [
                "block"
                "network"
                "design"
                "group"
                "evaluations"
                "parameters"
                "linear maps reached"
            ]
            for block in this.Blocks do
                let reached =
                    match block.Expressivity with
                    | Some(captured, total) -> $"{captured} of {total} ({100L * captured / total} %%)"
                    | None -> "not computed"

                [
                    block.Place
                    block.Network
                    block.Design
                    block.Group
                    string block.Evaluations
                    string block.Parameters
                    reached
                ]
        ]

        let warnings = [
            for block in this.Blocks do
                match Cost.warning block.Network block.Evaluations with
                | Some sentence -> $"warning      {block.Place}: {sentence}"
                | None -> ()
        ]

        joined "\n" [
            this.Model.Table
            ""
            columns rows
            for block in this.Blocks do
                match block.Family with
                | Some family -> $"{block.Place}: kernels are {family}"
                | None -> ()
            ""
            $"evaluations  {this.Evaluations} for one set of inputs, {this.Naive} for the naive average over the product of the groups"
            $"parameters   {this.Parameters}"
            yield! warnings
        ]

    /// <summary>The report, beginning on a line of its own, as F# Interactive shows it.</summary>
    member this.Display = $"\n{this.Text}"

    override this.ToString() = this.Text

/// <summary>Reports on models.</summary>
[<RequireQualifiedAccess>]
module Report =

    let private design (block: ResolvedBlock) =
        match block.Block.Kind, block.Block.Network, block.Block.Design with
        | Kind.IS, LinearMaps _, _ -> "exact, by orbits"
        | Kind.IS, _, None -> "invariant-symmetric"
        | Kind.IS, _, Some design -> $"invariant-symmetric, {design}"
        | Kind.Eq, _, _ -> block.Block.Symmetry

    let private family (block: ResolvedBlock) =
        block.Terms
        |> List.tryHead
        |> Option.bind (fun term -> Option.ofObj term.Family)
        |> Option.map _.Origin

    let private expressivity (block: ResolvedBlock) =
        match block.Block.Kind, block.Plan with
        | Kind.Eq, Quotient(terms, _, _) ->
            match (DesignReport.Of(Array.ofList terms, block.Input, block.Output)).Expressivity with
            | null -> None
            | reached -> Some(reached.Captured, reached.Total)
        | _ -> None

    /// One network for the layer, averaged over the product of the groups of what it reads and gives.
    let private naive (movedBy: string -> string) (layer: ResolvedLayer) =
        layer.Blocks
        |> List.collect (fun block ->
            block.Edges
            |> List.collect (fun (from, into) -> [ movedBy from, block.From; movedBy into, block.To ]))
        |> List.distinctBy fst
        |> List.fold (fun product (_, signal) -> product * signal.Group.Order) BigInteger.One


    /// The biases that linear maps add to an output together.
    let private biases (model: CompiledModel) = [
        let layers =
            model.Modules
            |> List.choose (fun (name, part) ->
                match part with
                | :? MultiInputLayer as layer when name <> "readout" -> Some layer
                | _ -> None)

        for number, layer in List.indexed layers do
            for block in layer.Blocks do
                if block.Block.Kind = BlockKind.Bias then
                    let struct (_, output) = block.Block.Edges[0]
                    let port = layer.Outputs |> Seq.find (fun port -> port.Name = output)
                    let whose = port.Family |> Option.ofObj |> Option.defaultValue output

                    {
                        Place = Resolve.placed number $"bias of \"{whose}\""
                        Network = "bias"
                        Design = "exact"
                        Group = string port.Group
                        Family = None
                        Evaluations = BigInteger.Zero
                        Parameters = block.FreeParameters
                        Expressivity = None
                    }
    ]

    /// <summary>Reports on a compiled model.</summary>
    let ofCompiled (model: CompiledModel) : Report =
        let blocks = [
            for block, placed, _ in model.Blocks do
                {
                    Place = block.Place
                    Network = string block.Block.Network
                    Design = design block
                    Group = string block.From.Group
                    Family = family block
                    Evaluations = block.Evaluations
                    Parameters = placed.FreeParameters
                    Expressivity = expressivity block
                }

            yield! biases model
        ]

        {
            Model = model.Declaration
            Blocks = blocks
            Evaluations = blocks |> List.sumBy _.Evaluations
            Naive =
                model.Resolved.Layers
                |> List.sumBy (naive (fun name -> model.Resolved.MovedBy[name]))
            Parameters = model.ParameterCount
        }

    /// <summary>
    /// Reports on a declared model, for a target; its networks are built to count their parameters. Modules of the
    /// user's are left as they are.
    /// </summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let ofModelOn target (model: Model) : Report =
        // Not disposed: a wrapped module belongs to whoever wrapped it.
        ofCompiled (Compile.look target model)

    /// <summary>Reports on a declared model, as a value.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let of' (model: Model) : Report = ofModelOn Target.cpu model

    /// <summary>Reports on a declared model, as text.</summary>
    /// <exception cref="T:Equivariant.DeclarationException">The declaration has problems; all are listed.</exception>
    let text (model: Model) : string = string (of' model)
