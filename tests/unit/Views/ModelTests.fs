module Equivariant.Tests.Views.ModelTests

open System
open System.IO
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Serialization
open Equivariant.Views
open Equivariant.Tests.Tensors

let private small = {
    Channels = 1
    Side = 12
    Classes = 3
    Width = 4
    Features = 6
}

/// A compiled model whose norms have seen something, ready to evaluate.
let private compiled (declared: Model) =
    let model = Model.compile Target.cpu declared
    use _ = torch.no_grad ()

    for KeyValue(name, value) in model.state_dict () do
        if name.EndsWith "running_mean" then
            value.normal_ (0.0, 0.3) |> ignore
        elif name.EndsWith "running_var" then
            value.uniform_ (0.5, 1.5) |> ignore

    model.eval ()
    model

let private scores (model: CompiledModel) (views: torch.Tensor[]) = (model.call views)[0]

let private images count =
    Array.init count (fun _ -> torch.randn (5L, 1L, 12L, 12L))

let private motions = [ Groups.Turns; Groups.Mixed; Groups.None ]

[<Fact>]
let ``the paper's network gives what the published code gives`` () =
    use scope = torch.NewDisposeScope()

    let struct (fixture, _) =
        Safetensors.Read(Path.Combine(AppContext.BaseDirectory, "Views", "data", "multi_image.safetensors"))

    let sizes = {
        Channels = 1
        Side = 64
        Classes = 5
        Width = 4
        Features = 8
    }

    let views = Models.views [ Motion.turns; Motion.mirror ]
    let x = fixture["x"].``to`` torch.float32
    use _ = torch.no_grad ()

    /// Puts a trunk's weights where they belong; in the published code those of the second one end in _fusion.
    let fill (prefix: string) suffix (model: CompiledModel) =
        let state = model.state_dict ()

        let put name (source: string) =
            for kind in [ "weight"; "bias"; "running_mean"; "running_var" ] do
                match state.TryGetValue $"{prefix}{name}.{kind}" with
                | true, target -> target.copy_ fixture[$"w.{source}{suffix}.{kind}"] |> ignore
                | _ -> ()

        for name, source in
            [
                "first", "conv1"
                "further", "conv2"
                "norms.0", "bn1"
                "norms.1", "bn2"
                "norms.2", "bn64"
                "linear", "fc1"
                "norm", "bn3"
            ] do
            put name source

    let fillEnd layer (model: CompiledModel) =
        let state = model.state_dict ()

        let put (name: string) (value: torch.Tensor) =
            state[name].copy_(value.reshape state[name].shape) |> ignore

        let halves = fixture["w.fc0.weight"].chunk(2L, 1L)
        put $"{layer}.eq_view 1.weight" halves[0]
        put $"{layer}.is_view 2_view 1.weight" halves[1]
        put $"{layer}.bias_view 1.value" fixture["w.fc0.bias"]
        put "readout.is_view 1_readout.weight" fixture["w.fc3.weight"]
        put "readout.bias_readout.value" fixture["w.fc3.bias"]

    let agree (expected: string) (model: CompiledModel) =
        model.eval ()
        let given = scores model [| x.select (1L, 0L); x.select (1L, 1L) |]
        assertClose 1e-4 fixture[expected] given

    use plain = Model.compile Target.cpu (Models.paper sizes views)
    fill "layer1.eq_view 1.model." "" plain
    fillEnd "layer2" plain
    agree "logits_no_fusion" plain

    use fused = Model.compile Target.cpu (Models.paperWithFusion sizes views)
    fill "layer1.eq_view 1.model.own." "" fused
    fill "layer1.eq_view 1.model.fused." "_fusion" fused
    fillEnd "layer3" fused

    let state = fused.state_dict ()

    state["layer1.eq_view 1.model.coefficient"].copy_ fixture["w.fusion_coeff"]
    |> ignore

    agree "logits_fusion" fused

[<Fact>]
let ``every model of the grid is declared without problems`` () =
    for contender in Contenders.all do
        for groups in motions do
            for views in [ 2; 3; 4 ] do
                let model = contender.Declare small (Models.views (groups.Motions views))
                Assert.Equal<Problem list>([], Model.problems model)

[<Fact>]
let ``a declaration can be compiled again, with weights of its own`` () =
    for contender in Contenders.all do
        let declared = contender.Declare small (Models.views (Groups.Mixed.Motions 2))
        let first = compiled declared
        use second = compiled declared

        let handles (model: CompiledModel) =
            model.parameters () |> Seq.map _.Handle |> set

        Assert.Empty(Set.intersect (handles first) (handles second))
        first.Dispose()
        use scope = torch.NewDisposeScope()
        Assert.True((scores second (images 2)).isfinite().all().item<bool>())

/// The largest change of the scores when each view is moved by the last element of its group.
let private changeWhenMoved (contender: Contender) (groups: Groups) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore
    let views = Models.views (groups.Motions 3)
    use model = compiled (contender.Declare small views)
    let x = images 3

    let moved =
        Array.map2
            (fun view (x: torch.Tensor) ->
                let action = Signal.core (view.Motion.On(image 1 12 12))
                action.Apply(Seq.last action.Group.Elements, x))
            (Array.ofList views)
            x

    distance (scores model x) (scores model moved)

[<Fact>]
let ``plain models change when views are moved, equivariant ones do not`` () =
    for contender in Contenders.all do
        for groups in [ Groups.Turns; Groups.Mixed ] do
            let change = changeWhenMoved contender groups

            if contender.KnowsGroups then
                Assert.True(change < 1e-4, $"{contender.Name}, {groups.Name}: {change}")
            else
                Assert.True(change > 1e-2, $"{contender.Name}, {groups.Name}: {change}")

[<Fact>]
let ``sums do not see the order of the views, concatenations do`` () =
    use scope = torch.NewDisposeScope()

    for contender in Contenders.all do
        if not contender.KnowsGroups then
            torch.manual_seed 1L |> ignore

            use model =
                compiled (contender.Declare small (Models.views (Groups.None.Motions 3)))

            let x = images 3
            let change = distance (scores model x) (scores model (Array.rev x))

            if List.contains contender.Name [ "siamese"; "deep-sets"; "dss" ] then
                Assert.True(change < 1e-4, $"{contender.Name}: {change}")
            else
                Assert.True(change > 1e-2, $"{contender.Name}: {change}")

[<Fact>]
let ``plain models take an evaluation for each view, equivariant ones a sum over views, not a product`` () =
    let evaluations name (groups: Groups) views =
        let model =
            (Contenders.named name).Declare small (Models.views (groups.Motions views))

        (Report.of' model).Evaluations

    // A stem and a head for each view; others' stems; a map on the sum.
    Assert.Equal(6I, evaluations "siamese" Groups.Turns 3)
    Assert.Equal(6I + 1I, evaluations "deep-sets" Groups.Turns 3)
    Assert.Equal(6I + 6I, evaluations "dss" Groups.Turns 3)
    // A stem and a head for each element; each other view's stem; the paper's trunk, and the linear maps of its end.
    Assert.Equal(2I * 8I, evaluations "eq" Groups.Turns 2)
    Assert.Equal(2I * 8I + 8I, evaluations "eq-is" Groups.Turns 2)
    Assert.Equal(2I * (4I + 2I + 8I + 1I) + 3I * 15I, evaluations "eq-is" Groups.Mixed 4)
    Assert.Equal(12I + 3I, evaluations "multi-gcnn" Groups.Turns 3)
    Assert.Equal(12I + 9I + 3I, evaluations "multi-gcnn-fusion" Groups.Turns 3)

[<Fact>]
let ``laws hold on models with groups of several kinds`` () =
    let views = Models.views (Groups.Mixed.Motions 3)

    for declare in [ Models.eqAndIS; Models.paperWithFusion ] do
        use model = compiled (declare small views)

        for law in Laws.ofCompiled model do
            let verdict = Law.judge 5 1UL law
            Assert.True(verdict.IsHeld, $"{law.Title}: {verdict.Text}")
