namespace Equivariant.Views

open Equivariant

/// <summary>A view: its name and what may happen to it.</summary>
[<NoComparison; NoEquality>]
type View = {
    /// <summary>Its name.</summary>
    Name: string
    /// <summary>What may happen to it.</summary>
    Motion: Motion
}

/// <summary>The models of the comparison, as declarations: for views that may be moved, with networks of some sizes.</summary>
[<RequireQualifiedAccess>]
module Models =

    /// <summary>Some views of which each may be moved by its group.</summary>
    let views (motions: Motion list) = [
        for i, motion in List.indexed motions ->
            {
                Name = $"view {i + 1}"
                Motion = motion
            }
    ]

    /// <summary>The same views for networks that know of no group.</summary>
    let unmoved views : View list =
        views |> List.map (fun view -> { view with Motion = Motion.none })

    let private each (views: View list) (add: View -> Model -> Model) model =
        views |> List.fold (fun model view -> add view model) model

    /// From each view to each other one.
    let private between views (add: View -> Edge -> Model -> Model) model =
        model
        |> each views (fun from ->
            each views (fun into ->
                if from.Name = into.Name then
                    id
                else
                    add from (from.Name --> into.Name)))

    let private inputs sizes views =
        let pixels = image sizes.Channels sizes.Side sizes.Side

        Model.empty
        |> each views (fun view -> Model.input view.Name (view.Motion.On pixels))

    /// Features of a view, which its group leaves as they are.
    let private features length view =
        Model.outputAs view.Name (view.Motion.Unmoved(vector length))

    /// Adds up what a network gives for each view, at the first one.
    let private sum views network length =
        let first = List.head views

        Model.eq first.Name network
        >> each views.Tail (fun view -> Model.is (view.Name --> first.Name) network)
        >> features length first

    let private scores sizes =
        Model.readout (invariant (classes sizes.Classes))

    /// What each view is described by, and all of it together in the end.
    let private read sizes views =
        Model.apply relu
        >> each views (fun view -> Model.eq view.Name (Networks.head sizes) >> features sizes.Features view)
        >> scores sizes

    /// <summary>
    /// Networks side by side, each equivariant under the group of its view; plain ones, where there is none.
    /// </summary>
    let eqOnly sizes views =
        inputs sizes views
        |> each views (fun view -> Model.eq view.Name (Networks.stem sizes))
        |> read sizes views

    /// <summary>The same, where each view also gets what is invariant in the others, as in every equivariant linear layer.</summary>
    /// <remarks>Theorem 1 of the paper, and its first design.</remarks>
    let eqAndIS sizes views =
        inputs sizes views
        |> each views (fun view -> Model.eq view.Name (Networks.stem sizes))
        |> between views (fun _ edge -> Model.is edge (Networks.stem sizes))
        |> read sizes views

    /// <summary>One network for all views, its features added up.</summary>
    let siamese sizes views =
        let stem, head =
            Networks.stem sizes |> shared "stem", Networks.head sizes |> shared "head"

        inputs sizes views
        |> each views (fun view -> Model.eq view.Name stem)
        |> Model.apply relu
        |> sum views head sizes.Features
        |> scores sizes

    /// <summary>Deep sets: as the Siamese sum, with a network on the sum.</summary>
    /// <remarks>Zaheer et al., "Deep Sets", NeurIPS 2017.</remarks>
    let deepSets sizes views =
        let first = (List.head views).Name

        siamese sizes views
        |> Model.readout equivariant
        |> Model.apply relu
        |> Model.eq first (linear sizes.Features)
        |> Model.apply relu
        |> scores sizes

    /// <summary>
    /// Deep sets of symmetric elements: one network for what a view gives itself, one for what it gives the others, the
    /// same for all views; then the Siamese sum.
    /// </summary>
    /// <remarks>Maron et al., "On Learning Sets of Symmetric Elements", ICML 2020.</remarks>
    let dss sizes views =
        let own, others =
            Networks.stem sizes |> shared "own", Networks.stem sizes |> shared "others"

        inputs sizes views
        |> each views (fun view -> Model.eq view.Name own)
        |> between views (fun _ edge -> Model.is edge others)
        |> Model.apply relu
        |> sum views (Networks.head sizes |> shared "head") sizes.Features
        |> scores sizes

    /// Begins a layer without doing anything between.
    let private next = Model.apply (pointwise "as it is" id)

    /// All linear maps of all views' features, to the first one; then what the paper's network ends with.
    let private paperEnd sizes views =
        sum views (linear sizes.Features) sizes.Features
        >> Model.apply relu
        >> Model.apply (dropout 0.5)
        >> scores sizes

    /// <summary>The paper's network without fusion: one trunk for all views, its features one after the other.</summary>
    let paper sizes views =
        inputs sizes views
        |> each views (fun view ->
            Model.eq view.Name (Networks.trunk sizes |> shared "trunk")
            >> features sizes.Features view)
        |> next
        |> paperEnd sizes views

    /// <summary>The paper's network: a second trunk, whose mean over all views each view takes on by a learned coefficient.</summary>
    let paperWithFusion sizes (views: View list) =
        inputs sizes views
        |> each views (fun view ->
            Model.eq view.Name (Networks.fusedTrunks sizes views.Length |> shared "trunks")
            >> features (2 * sizes.Features) view)
        |> next
        |> each views (fun view ->
            Model.eqBy view.Motion.Whole view.Name (Networks.ownShare sizes)
            >> features sizes.Features view)
        |> between views (fun from edge -> Model.isBy from.Motion.Whole edge (Networks.othersShare sizes))
        |> next
        |> paperEnd sizes views

/// <summary>A model of the comparison.</summary>
[<NoEquality; NoComparison>]
type Contender = {
    /// <summary>How it is called in tables and on the command line.</summary>
    Name: string
    /// <summary>Whether it is made for the groups that move its views.</summary>
    KnowsGroups: bool
    /// <summary>Declares it for some views.</summary>
    Declare: Sizes -> View list -> Model
}

/// <summary>Who is compared.</summary>
[<RequireQualifiedAccess>]
module Contenders =

    let private plain name declare = {
        Name = name
        KnowsGroups = false
        Declare = fun sizes views -> declare sizes (Models.unmoved views)
    }

    let private equivariant name declare = {
        Name = name
        KnowsGroups = true
        Declare = declare
    }

    /// <summary>All of them, the plain ones first. The paper's network stands in all four versions of its code.</summary>
    let all = [
        plain "concatenation" Models.eqOnly
        plain "siamese" Models.siamese
        plain "deep-sets" Models.deepSets
        plain "dss" Models.dss
        plain "cnn" Models.paper
        plain "cnn-fusion" Models.paperWithFusion
        equivariant "eq" Models.eqOnly
        equivariant "eq-is" Models.eqAndIS
        equivariant "multi-gcnn" Models.paper
        equivariant "multi-gcnn-fusion" Models.paperWithFusion
    ]

    /// <summary>Finds one by its name.</summary>
    let named name =
        all |> List.find (fun contender -> contender.Name = name)
