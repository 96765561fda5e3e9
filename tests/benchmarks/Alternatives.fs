/// What a user would pick instead of a design: data augmentation over the group, or linear layers that have the symmetry by themselves.
/// All learn to tell the class of two photographs, each of which may be turned.
module Equivariant.Benchmarks.Alternatives

open System
open System.Diagnostics
open TorchSharp
open Equivariant
open Equivariant.Images
open Equivariant.Views

/// The share of turned test samples told right at which steps and times are compared.
let private target = 0.75

let private imagesPerClass = 200
let private batchSize = 64
let private steps = 480
let private tested = 24

let private sizes (images: ImageSet) = {
    Channels = images.Channels
    Side = images.Height
    Classes = images.Classes.Length
    Width = 16
    Features = 64
}

let private views = Models.views [ Motion.turns; Motion.turns ]

/// All linear maps that commute with the views' turns, nonlinearities between them, and what no turn changes read out.
let private linearNetwork (sizes: Sizes) =
    let each (add: View -> Model -> Model) model =
        views |> List.fold (fun model view -> add view model) model

    let between channels =
        each (fun from ->
            each (fun into ->
                if from.Name = into.Name then
                    Model.eq from.Name (linear channels)
                else
                    Model.is (from.Name --> into.Name) (linear channels)))

    Model.empty
    |> each (fun view -> Model.input view.Name (view.Motion.On(image sizes.Channels sizes.Side sizes.Side)))
    |> between 4
    |> Model.apply relu
    |> between 4
    |> Model.apply relu
    |> Model.readout (invariant (classes sizes.Classes))

/// A way to learn: its name, what it trains, and whether the views that it trains on are turned at random.
type private Way = {
    Name: string
    Declared: Sizes -> Model
    IsAugmented: bool
}

let private ways = [
    {
        Name = "plain network"
        Declared = fun sizes -> (Contenders.named "concatenation").Declare sizes views
        IsAugmented = false
    }
    {
        Name = "plain network, augmented over the group"
        Declared = fun sizes -> (Contenders.named "concatenation").Declare sizes views
        IsAugmented = true
    }
    {
        Name = "the same networks under the design, Eq + IS"
        Declared = fun sizes -> (Contenders.named "eq-is").Declare sizes views
        IsAugmented = false
    }
    {
        Name = "equivariant linear layers, Eq + IS"
        Declared = linearNetwork
        IsAugmented = false
    }
]

let private change isMoved (sizes: Sizes) : Change = {
    IsAugmented = false
    Moves = [
        for view in views do
            let motion = if isMoved then view.Motion else Motion.none
            Signal.core (motion.On(image sizes.Channels sizes.Side sizes.Side))
    ]
}

/// The classes that a model gives all samples, their views moved or not.
let private answers (model: CompiledModel) change (samples: Samples) =
    use _ = torch.no_grad ()
    model.eval ()

    let found =
        Samples.drawn (Random 7) [| 0 .. samples.Count - 1 |]
        |> Array.chunkBySize 256
        |> Array.collect (fun drawn ->
            use scope = torch.NewDisposeScope()

            let scores = (model.call (Samples.views change torch.CPU samples drawn))[0]

            scores.argmax(1L).data<int64>().ToArray() |> Array.map int)

    model.train ()
    found

let private shareOf (left: int[]) (right: int[]) =
    Array.map2 (fun l r -> if l = r then 1.0 else 0.0) left right |> Array.average

/// What became of one way: accuracies after some steps, with the seconds of training until then.
type private Course = {
    Way: Way
    Parameters: int64
    Tests: (int * float * float) list
    SameAnswer: float
}

let private train (train: Samples) (test: Samples) (sizes: Sizes) (way: Way) : Course =
    use model = Model.compile { Target.cpu with Seed = 1L } (way.Declared sizes)
    use optimiser = torch.optim.Adam(model.parameters (), 1e-3)
    let random = Random 1
    let turned = change true sizes
    let seen = change way.IsAugmented sizes
    let clock = Stopwatch()

    let step () =
        use scope = torch.NewDisposeScope()

        let drawn =
            Array.init batchSize (fun _ -> random.Next train.Count) |> Samples.drawn random

        let views = Samples.views seen torch.CPU train drawn
        let labels = Samples.labels torch.CPU train drawn
        clock.Start()
        optimiser.zero_grad ()
        let loss = torch.nn.functional.cross_entropy ((model.call views)[0], labels)
        loss.backward ()
        optimiser.step () |> ignore
        clock.Stop()

    let tests = [
        for number in 1..steps do
            step ()

            if number % tested = 0 then
                number, shareOf (answers model turned test) test.Labels, clock.Elapsed.TotalSeconds
    ]

    {
        Way = way
        Parameters = model.ParameterCount
        Tests = tests
        SameAnswer = shareOf (answers model turned test) (answers model (change false sizes) test)
    }

/// Where a course first reaches the target: steps and seconds.
let private reached course =
    course.Tests
    |> List.tryPick (fun (step, share, seconds) -> if share >= target then Some(step, seconds) else None)

let private best course =
    course.Tests |> List.map (fun (_, share, _) -> share) |> List.max

/// In what each way is ahead of the others; nothing, where another is ahead in everything.
let private choices (courses: Course list) : string list =
    let arrived =
        courses
        |> List.choose (fun course -> reached course |> Option.map (fun found -> course, found))

    let first (title: string) (candidates: (Course * 'key) list) =
        match candidates with
        | [] -> []
        | _ -> [ (fst (List.minBy snd candidates)).Way.Name, title ]

    let exact =
        courses
        |> List.filter (fun course -> course.SameAnswer > 0.999)
        |> List.map (fun course -> course.Way.Name, "the answer must not change")

    let ahead = [
        yield! first "training time counts" [ for course, (_, seconds) in arrived -> course, seconds ]
        yield! first "steps count" [ for course, (steps, _) in arrived -> course, steps ]
        yield! first "accuracy counts" [ for course in courses -> course, -(best course) ]
        yield! first "parameters count" [ for course, _ in arrived -> course, course.Parameters ]
        yield! exact
    ]

    [
        for course in courses do
            match ahead |> List.filter (fun (name, _) -> name = course.Way.Name) with
            | [] -> "not here: another is ahead in everything"
            | reasons -> reasons |> List.map snd |> String.concat "; "
    ]

/// Trains each way on the part of Fashion-MNIST that comes with the library; gives the table as Markdown.
let run (_: int) : string list =
    let trainImages, testImages = FashionMnist.subset ()
    let trainImages = ImageSet.firstOfEach imagesPerClass trainImages
    let sizes = sizes trainImages
    let training, testing = Samples.tuples 2 trainImages, Samples.tuples 2 testImages
    let courses = ways |> List.map (train training testing sizes)

    List.zip courses (choices courses)
    |> List.map (fun (course, choice) ->
        let steps, seconds =
            match reached course with
            | Some(steps, seconds) -> string steps, $"{seconds:F1}"
            | None -> $"not in {steps}", "–"

        let _, last, _ = List.last course.Tests

        [
            course.Way.Name
            string course.Parameters
            steps
            seconds
            $"{100.0 * best course:F1}"
            $"{100.0 * last:F1}"
            $"{100.0 * course.SameAnswer:F1}"
            choice
        ])
    |> Tables.show
        $"Two photographs of one class, each turned by quarters, {imagesPerClass} images a class to train on: steps and training seconds until {100.0 * target:F0} %% of turned test samples are told right"
        [
            "way"
            "parameters"
            "steps"
            "seconds"
            "best, %"
            "last, %"
            "same answer when turned, %"
            "the better choice when"
        ]
