/// Methods of zero-shot classification: as published, and as designs whose laws hold.
module Equivariant.Tests.ZeroShot.MethodTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Bench
open Equivariant.Core.Distributed
open Equivariant.Images
open Equivariant.Pretrained
open Equivariant.ZeroShot
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private reference = lazy (read "equi/clip_equitune.safetensors")

// Loaded in no test's scope, which would dispose it.
let private tiny =
    lazy
        (let model = Clip.Load(path "clip_vit_tiny/openai.safetensors")

         for parameter in model.parameters () do
             parameter.DetachFromDisposeScope() |> ignore

         model)

let private classifier factor : Classifier = {
    Name = "tiny CLIP"
    Images = image 3 32 32
    Net = tiny.Value.Images()
    Weights = reference.Value["class_weights"]
    Factor = factor
}

let private images () =
    reference.Value["images"].``to`` torch.float32

let private aids averaging : Aids = {
    Target = Target.cpu
    Averaging = averaging
    Direction = fun _ -> reference.Value["W"].alias()
    Weights = None
}

/// The published code's names; its flip exchanges top and bottom.
let private groups = [
    "rot90", Symmetry.rot90
    "flip", Symmetry.topBottom
    "rot90_flip", Symmetry.rot90Flip
]

let private methods = [
    "equitune", Equitune
    "equizero", Equizero
    "multi_equitune", MultiEquitune
    "multi_equizero", MultiEquizero
]

[<Fact>]
let ``every score of the published code is reproduced`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()

    let expected = [
        for factor, tolerance in [ 1, 1e-5; 100, 1e-3 ] do
            $"vanilla.logit{factor}", factor, tolerance, Symmetry.rot90, Plain

            for method, known in methods do
                for group, symmetry in groups do
                    if Method.fits symmetry known then
                        $"{method}.{group}.logit{factor}", factor, tolerance, symmetry, known
    ]

    let names = [
        for name in reference.Value.Keys do
            if name.Contains ".logit" then
                name
    ]

    Assert.Equal<Set<string>>(set names, set [ for name, _, _, _, _ in expected -> name ])

    for name, factor, tolerance, symmetry, method in expected do
        let net =
            Method.network (aids Probabilities) (classifier (float factor)) symmetry method

        assertClose tolerance reference.Value[name] (net.call (images ()))

[<Fact>]
let ``the pose along a direction is the published one`` () =
    use scope = torch.NewDisposeScope()
    let x, direction = images (), reference.Value["W"]
    let group = Symmetry.group Symmetry.rot90Flip

    for row in 0L .. x.shape[0] - 1L do
        let chosen =
            (reference.Value["canon_indices"].select(0L, row)).data<int64>().ToArray()

        let here = x.narrow (0, row, 1L)
        // Flipped first, then turned.
        let flipped = if chosen[1] = 1L then here.flip (-2L) else here
        let pose = flipped.rot90 (chosen[0], struct (-2L, -1L))

        let along (image: torch.Tensor) =
            (image * direction).sum().item<float32>()

        let action = Signal.core (Symmetry.rot90Flip.Moved(image 3 32 32))
        let all = [ for element in group.Elements -> along (action.Apply(element, here)) ]
        Assert.Equal(float (List.max all), float (along pose), 2)

[<Fact>]
let ``the paper's designs see five different images, and do not change what they say`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let remembered = new Remembered(tiny.Value.Images(), 64)
    let net = { classifier 1.0 with Net = remembered }
    let group = Symmetry.group Symmetry.rot90Flip
    let action = Signal.core (Symmetry.rot90Flip.Moved(image 3 32 32))

    for method in [ MultiEquitune; MultiEquizero ] do
        let model = Method.network (aids Probabilities) net Symmetry.rot90Flip method
        remembered.CountAsked Ranks.Alone |> ignore
        let here = model.call (images ())
        Assert.Equal(5 * 3, remembered.CountAsked Ranks.Alone)

        for element in group.Elements do
            assertClose 1e-7 here (model.call (action.Apply(element, images ())))

/// Some trials of each law: networks as these take their time.
let private lawful (model: CompiledModel) =
    for law in Laws.ofCompiled model do
        let verdict = Law.judge 12 1UL law
        Assert.True(verdict.IsHeld, $"{law}: {verdict}")

/// Each method with each thing to average.
let everyMethod: obj[] seq = [
    for method in Method.all do
        for averaging in [ Features; Logits; Probabilities ] do
            [| box (Method.name method); box (string averaging) |]
]

[<Theory; MemberData(nameof everyMethod)>]
let ``the laws hold on an encoder under every method`` (name: string) (what: string) =
    let method = Method.all |> List.find (Method.name >> (=) name)

    let averaging =
        [ Features; Logits; Probabilities ] |> List.find (string >> (=) what)

    torch.manual_seed 1L |> ignore
    // A small encoder, as sensitive to how an image is turned as any.
    let net =
        torch.nn.Sequential(torch.nn.Flatten 1L :> Net, torch.nn.Linear(3L * 8L * 8L, 12L), torch.nn.Tanh())

    let direction = torch.rand (3L, 8L, 8L)

    let aids = {
        Target = Target.cpu
        Averaging = averaging
        Direction = fun _ -> direction.alias ()
        Weights = Some(Weighing.ofImages net (Weighing.fresh 12L))
    }

    let small = {
        Name = "a small encoder"
        Images = image 3 8 8
        Net = net
        Weights = ClassWeights.unit(torch.randn (5L, 12L)).t()
        Factor = 3.0
    }

    let model =
        Method.model aids small Symmetry.rot90Flip method |> Model.compile Target.cpu

    model.eval ()
    lawful model

[<Theory;
  InlineData "equitune";
  InlineData "equizero";
  InlineData "multi-equitune";
  InlineData "quotient";
  InlineData "bright half">]
let ``the laws hold on CLIP`` (name: string) =
    let method = Method.all |> List.find (Method.name >> (=) name)
    let direction = reference.Value["W"]

    let model =
        Method.model (aids Probabilities) (classifier 1.0) Symmetry.rot90Flip method
        |> Model.compile Target.cpu

    model.eval ()
    Assert.Equal<int64[]>([| 3L; 32L; 32L |], direction.shape)
    lawful model

[<Fact>]
let ``what is averaged is what is said`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let x, weights = images (), reference.Value["class_weights"]
    let factor = 20.0
    let turns = [ for i in 0L .. 3L -> x.rot90 (i, struct (-2L, -1L)) ]
    let unit (features: torch.Tensor) = features / features.norm (-1, true, 2f)
    let features = [ for turned in turns -> unit (tiny.Value.EncodeImage turned) ]
    let mean (parts: torch.Tensor list) = (torch.stack parts).mean [| 0L |]

    let scores (features: torch.Tensor) =
        (unit features).matmul weights * factor.ToScalar()

    let softmax (logits: torch.Tensor) = logits.softmax -1L

    for averaging, expected in
        [
            Features, softmax (scores (mean features))
            Logits, softmax (mean (List.map scores features))
            Probabilities, mean (List.map (scores >> softmax) features)
        ] do
        let net =
            Method.network (aids averaging) (classifier factor) Symmetry.rot90 Equitune

        assertClose 1e-5 expected (net.call x)

[<Fact>]
let ``the surest transform is the one with the least entropy`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let count = 40L
    use generator = new torch.Generator(1UL)

    let x = torch.randn ([| count; 3L; 32L; 32L |], generator = generator)

    let plain =
        Method.network (aids Probabilities) (classifier 20.0) Symmetry.rot90 Plain

    let each =
        torch.stack [| for i in 0L .. 3L -> plain.call (x.rot90 (i, struct (-2L, -1L))) |]

    let surest = (each * each.log ()).sum(-1L).argmax 0L
    // Which is not always the one with the largest probability.
    Assert.True(surest.ne((each.amax [| -1L |]).argmax 0L).any().item<bool>())

    let expected =
        torch.stack [| for row in 0L .. count - 1L -> each[surest[row].item<int64>(), row] |]

    for averaging in [ Features; Logits; Probabilities ] do
        let net = Method.network (aids averaging) (classifier 20.0) Symmetry.rot90 Surest

        assertClose 1e-5 expected (net.call x)

[<Fact>]
let ``a remembered encoder computes each image once, and gives what it gave`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let x = images ()
    let remembered = new Remembered(tiny.Value.Images(), 2)
    let twice = remembered.call (torch.cat [| x; x.flip 0L |])
    Assert.Equal(3L, remembered.Computed)
    assertClose 1e-6 (tiny.Value.EncodeImage x) (twice.narrow (0, 0L, 3L))
    Assert.True(same (twice.narrow (0, 0L, 3L)) ((twice.narrow (0, 3L, 3L)).flip 0L))
    remembered.call x |> ignore
    Assert.Equal(3L, remembered.Computed)
    // One bit makes another image.
    let other = x.clone ()
    other[0, 0, 0, 0].add_(1e-3.ToScalar()) |> ignore
    remembered.call other |> ignore
    Assert.Equal(4L, remembered.Computed)
    remembered.Forget()
    remembered.call x |> ignore
    Assert.Equal(7L, remembered.Computed)
    Assert.Equal<int64[]>([| 0L; 0L |], (remembered.call (x.narrow (0, 0L, 0L))).shape)

[<Fact>]
let ``weights learn which pose to trust`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 3L |> ignore
    let random = Random 4
    let classes, side = 6, 4
    // Upright images have a bright corner, and are otherwise noise that only their prototypes explain.
    let prototypes =
        Array.init classes (fun _ ->
            Array.init (side * side) (fun place -> if place = 0 then 250 else random.Next 120))

    let images: ImageSet = {
        Classes = [| for number in 1..classes -> string number |]
        Labels = [| for row in 0 .. 4 * classes - 1 -> row % classes |]
        Channels = 1
        Height = side
        Width = side
        Pixels =
            fun row ->
                let noise = Random row

                prototypes[row % classes]
                |> Array.map (fun shade -> byte (shade + noise.Next 5))
                |> ReadOnlyMemory
    }

    let classifier = {
        Name = "pixels"
        Images = image 1 side side
        Net = torch.nn.Flatten 1L
        Weights = ClassWeights.unit(torch.tensor (array2D (prototypes |> Array.map (Array.map float32)))).t()
        Factor = 1.0
    }

    let weights = Weighing.fresh (int64 (side * side))

    let training =
        Weighing.training Target.cpu 1 8 classifier Symmetry.rot90 images weights

    let fixedBatch = Array.init images.Count (fun row -> struct (row, row % 4))

    let loss () =
        weights.eval ()
        (training.Loss fixedBatch).item<float32>()

    let before = loss ()

    for epoch in 1..60 do
        weights.train ()

        for batch in training.Batches(Random epoch) do
            Training.step training 0.0 (fun value -> failwith $"{value}") batch |> ignore

    let after = loss ()
    Assert.True(after < 0.5f * before, $"{before} became {after}")
