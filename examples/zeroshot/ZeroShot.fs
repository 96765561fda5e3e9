namespace Equivariant.ZeroShot

open System.Diagnostics
open TorchSharp
open Equivariant
open Equivariant.Bench
open Equivariant.Images

/// <summary>The experiment: a pretrained classifier, moved images, and methods that should not mind.</summary>
[<RequireQualifiedAccess>]
module ZeroShot =

    let private group, method, images = "group", "method", "images"
    let private asTheyAre, movedImages = "as they are", "moved"

    let private first, five, evaluations, speed =
        "top-1", "top-5", "evaluations", "images per second"

    let private count, share, perImage =
        "images tested", "encoder's share of the time", "encoder's milliseconds an image"

    /// Batches of a checkpoint.
    let private perPart = 10

    /// Images in the picture of samples.
    let private shown = 6

    /// λ-equitune's weights, trained on images moved by all groups at once; the first group, where D4 is not asked for.
    let private weights (context: Context) (settings: Settings) (subject: Subject) : Net option =
        let symmetries = Settings.symmetries settings

        if List.contains LambdaEquitune (Settings.methods settings) then
            context.SeedTorch "weights of poses"
            let weights = Weighing.fresh subject.Classifier.Weights.shape[0]

            weights.``to`` context.Device |> ignore

            Weighing.training
                (context.Target "weights of poses")
                settings.Epochs
                settings.Batch
                subject.Classifier
                (List.last symmetries)
                subject.Taught
                weights
            |> fun training -> context.Train("weights of poses", training)
            |> ignore

            subject.Encoder.Forget()
            Some(Weighing.ofImages subject.Classifier.Net weights)
        else
            None

    /// A picture of the first images, with what was said of them.
    let private drawSamples (context: Context) (subject: Subject) drawn (contestants: Contestant list) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let set = subject.Tested

        // One of each class, as far as they go.
        let rows =
            ImageSet.byClass set |> Array.choose Array.tryHead |> Array.truncate shown

        let x = Pictures.pixels context.Device rows set

        for symmetry, moved in contestants |> List.filter _.Moved |> List.groupBy _.Symmetry.Name do
            let which = rows |> Array.map (Array.get (Map.find symmetry drawn))
            let turned = Measuring.move moved.Head.Symmetry subject.Classifier.Images which x

            let said = [
                for contestant in moved ->
                    Method.name contestant.Method,
                    (contestant.Net.call turned).argmax(1L).cpu().data<int64>().ToArray()
                    |> Array.map int
            ]

            let bytes (x: torch.Tensor) = x.``to``(torch.uint8).cpu()
            let labels = rows |> Array.map (Array.get set.Labels)
            let svg = Samples.svg set.Classes (bytes x) (bytes turned) labels said
            let file = $"samples-{symmetry.Replace(' ', '-')}.svg"
            context.Write(file, svg)
            context.Note $"{file} shows images moved by {symmetry}, and what each method says of them."

        subject.Encoder.Forget()

    let private work (settings: Settings) (context: Context) : Figure list =
        let whole = Stopwatch.StartNew()

        let subject =
            Subject.load context.Device context.Note (Subject.encoder settings) settings

        let symmetries = Settings.symmetries settings

        // Anew for each batch, and the same however often the run was stopped.
        let chance = ref (new torch.Generator(0UL))

        let seedDirections (batch: int) =
            chance.Value <- new torch.Generator(uint64 (context.SeedFor $"directions, batch {batch}"))

        let aids = {
            Target = context.Target "methods"
            Averaging = Settings.averaging settings
            Direction = fun shape -> torch.rand (shape, generator = chance.Value)
            Weights = weights context settings subject
        }

        let contestants =
            Measuring.contestants aids subject.Classifier symmetries (Settings.methods settings)

        let batches =
            [| 0 .. subject.Tested.Count - 1 |] |> Array.chunkBySize settings.Batch

        let draws =
            Map [
                for symmetry in symmetries ->
                    symmetry.Name,
                    batches
                    |> Array.map Array.length
                    |> Measuring.draws
                        settings.Together
                        (context.SeedFor $"moves, {symmetry.Name}")
                        (Symmetry.group symmetry)
            ]

        let measure (batch: int) =
            use scope = torch.NewDisposeScope()
            seedDirections batch
            subject.Encoder.Forget()
            let rows = batches[batch]

            Pictures.pixels context.Device rows subject.Tested
            |> Measuring.batch
                aids.Target.Ranks
                subject.Encoder
                (draws |> Map.map (fun _ each -> each[batch]))
                subject.Classifier.Images
                contestants
                (rows |> Array.map (Array.get subject.Tested.Labels))

        let part (numbers: int[]) =
            context.Once(
                $"batches {numbers[0] + 1} to {Array.last numbers + 1} of {batches.Length}",
                fun () ->
                    let computed, seconds = subject.Encoder.Computed, subject.Encoder.Seconds
                    let watch = Stopwatch.StartNew()
                    let size = Array.get batches >> Array.length

                    {
                        Counted = Measuring.total (context.Map("classifying", size, numbers, measure))
                        Computed = subject.Encoder.Computed - computed
                        Encoding = subject.Encoder.Seconds - seconds
                        Seconds = watch.Elapsed.TotalSeconds
                    }
            )

        let parts =
            [| 0 .. batches.Length - 1 |] |> Array.chunkBySize perPart |> Array.map part

        drawSamples context subject (draws |> Map.map (fun _ each -> Array.concat each)) contestants
        let encoding = parts |> Array.sumBy _.Encoding
        let seconds = encoding / float (parts |> Array.sumBy _.Computed)

        [
            for counted in Measuring.total (parts |> Seq.map _.Counted) do
                let labelled name value =
                    Figure.labelled
                        [
                            group, counted.Symmetry
                            images, (if counted.Moved then movedImages else asTheyAre)
                            method, counted.Method
                        ]
                        name
                        value

                let number = float counted.Images
                labelled first (float counted.First / number)
                labelled five (float counted.Five / number)
                labelled evaluations (float counted.Asked / number)
                labelled speed (number / (counted.Own + float counted.Asked * seconds))

            Figure.named count (float subject.Tested.Count)
            Figure.named perImage (1000.0 * seconds)
            // What was read from checkpoints took its time earlier.
            let earlier = (parts |> Array.sumBy _.Seconds) |> max whole.Elapsed.TotalSeconds
            Figure.named share (max encoding subject.Encoder.Seconds / earlier)
        ]

    let private find name symmetry (isMoved: bool) methodName (findings: Finding list) =
        Findings.tryFind
            [
                group, symmetry
                images, (if isMoved then movedImages else asTheyAre)
                method, methodName
            ]
            name
            findings

    let private tested (findings: Finding list) =
        Findings.tryFind [] count findings
        |> Option.map (_.Mean >> int)
        |> Option.defaultValue 0

    let private cell findings (finding: Finding option) =
        match finding with
        | None -> ""
        | Some finding ->
            let low, high = Accuracy.interval finding.Mean (tested findings)
            let percent (share: float) = $"%.1f{100.0 * share}"
            $"{percent finding.Mean} ({percent low} … {percent high})"

    /// Whether the published order came out: plain below equitune below equizero.
    let private order findings symmetry =
        match
            [ Plain; Equitune; Equizero ]
            |> List.choose (fun known -> find first symmetry true (Method.name known) findings)
            |> List.map _.Mean
        with
        | [ plain; equitune; equizero ] when plain < equitune && equitune < equizero ->
            "Plain, equitune and equizero come in the published order."
        | [ _; _; _ ] ->
            $"Plain, equitune and equizero do not come in the published order here; with {tested findings} images, differences within the intervals are chance."
        | _ -> ""

    let private tables (settings: Settings) (findings: Finding list) : Table list = [
        for symmetry in Settings.symmetries settings do
            let row (name: string) isMoved known = [
                name
                cell findings (find first symmetry.Name isMoved known findings)
                cell findings (find five symmetry.Name isMoved known findings)
                for measure, decimals in [ evaluations, 1; speed, 1 ] do
                    find measure symmetry.Name isMoved known findings
                    |> Option.map (Findings.show 1.0 decimals)
                    |> Option.defaultValue ""
            ]

            {
                Title = $"Images under {symmetry.Name}: {symmetry.Description}"
                Columns = [ "method"; "top-1, %"; "top-5, %"; evaluations; speed ]
                Rows = [
                    if List.contains Plain (Settings.methods settings) then
                        row "plain, images as they are" false (Method.name Plain)
                    for method in Settings.methods settings do
                        if Method.fits symmetry method then
                            row (Method.name method) true (Method.name method)
                ]
                Notes = [ order findings symmetry.Name ] |> List.filter ((<>) "")
            }

        {
            Title = "The run"
            Columns = [ "measure"; "value" ]
            Rows = [
                for name, decimals, factor, unit in
                    [ count, 0, 1.0, ""; perImage, 1, 1.0, ""; share, 1, 100.0, " %" ] do
                    match Findings.tryFind [] name findings with
                    | Some finding -> [ name; Findings.show factor decimals finding + unit ]
                    | None -> ()
            ]
            Notes = [
                "Intervals are Wilson's, of 95 %."
                "Evaluations are different images that the encoder sees for one image; images per second follow from the encoder's time for those and the method's own, as if each method ran alone."
                for method in Settings.methods settings do
                    $"{Method.name method}: {Method.describe method}."
            ]
        }
    ]

    let private plots (settings: Settings) (findings: Finding list) : Plot list =
        let symmetries = Settings.symmetries settings

        let height isMoved name symmetry =
            match find first symmetry isMoved name findings with
            | Some finding ->
                let low, high = Accuracy.interval finding.Mean (tested findings)
                100.0 * finding.Mean, 50.0 * (high - low)
            | None -> nan, 0.0

        let series title isMoved name =
            title, symmetries |> List.map (_.Name >> height isMoved name)

        [
            Bars {
                Name = "accuracy"
                Title = "Zero-shot classification of moved images"
                Axis = "right at the first guess, %"
                Places = symmetries |> List.map _.Name
                Series = [
                    series "plain, as they are" false (Method.name Plain)
                    for method in Settings.methods settings do
                        series (Method.name method) true (Method.name method)
                ]
                Top = Some 100.0
            }
        ]

    let private differences (settings: Settings) = [
        if settings.Model.IsNone then
            "ResNet-18 with prototypes stands for CLIP, whose weights no package has: --model takes a CLIP of one's own."
        if settings.Data.IsNone then
            "The images are clothes of Fashion-MNIST, 28 × 28 and grey; groups move them before they are enlarged."
        if not settings.Together then
            "Each image is moved by an element of its own; the published code moves a batch by one (--together)."
        if settings.Averaging <> "probabilities" then
            $"What is averaged are {settings.Averaging}; the published code averages probabilities."
        if settings.Factor <> Some 1.0 then
            "Cosines are multiplied before the softmax; the published code leaves them as they are."
        "λ-equitune's weights are positive and add up to one over a group; one network of them serves all groups."
        "Of the six images of the multi-group designs two are the same one, which is encoded once."
    ]

    let private names symmetriesOrMethods =
        symmetriesOrMethods |> List.map (fun name -> name, name)

    /// <summary>The experiment, for the bench.</summary>
    let experiment: Experiment<Settings> = {
        Name = "zeroshot"
        Title = "Robust zero-shot classification"
        Description =
            "classify moved images by a pretrained encoder, alone and within designs. Example: zeroshot --quick"
        Settings = Settings.preset
        Seeds = fun _ -> [ 1 ]
        Arguments = [
            Argument.text
                "data"
                "directory"
                "images to classify: a directory for each class (of names or numbers), CIFAR-100's binary files, or IDX files."
                (fun path settings -> { settings with Data = Some path })
            Argument.text
                "model"
                "path"
                "a CLIP, file or folder; without one ResNet-18 is fetched, and prototypes stand for names."
                (fun path settings -> { settings with Model = Some path })
            Argument.text
                "vocabulary"
                "file"
                "CLIP's vocabulary, if it is not beside the model."
                (fun path settings -> { settings with Vocabulary = Some path })
            Argument.text
                "prompts"
                "file"
                "JSON with \"classes\" and \"templates\", or several such sets."
                (fun path settings -> { settings with Prompts = Some path })
            Argument.text
                "names"
                "set"
                "which of several sets of names and templates, such as cifar100."
                (fun name settings -> { settings with Names = Some name })
            Argument.number
                "shots"
                (1, 10_000)
                "images of each class that make its prototype (default: 10)."
                (fun shots settings -> { settings with Shots = shots })
            Argument.number
                "images"
                (1, 1_000_000)
                "the most images of each class to classify."
                (fun count settings -> { settings with PerClass = count })
            Argument.choice
                "average"
                "thing to average"
                (names (List.map fst Settings.averagings))
                "what designs average: features, logits or probabilities (the default)."
                (fun averaging settings -> { settings with Averaging = averaging })
            Argument.text
                "factor"
                "number"
                "what cosines are multiplied by before the softmax: a number (default: 1, as published), or model for the model's own."
                (fun text settings ->
                    match
                        System.Double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture)
                    with
                    | true, factor when factor > 0.0 && System.Double.IsFinite factor -> {
                        settings with
                            Factor = Some factor
                      }
                    | _ when text = "model" -> { settings with Factor = None }
                    | _ -> refuse $"--factor {text} makes no sense: give a positive number, or model.")
            Argument.switch
                "together"
                "move all images of a batch alike, as the published code does."
                (fun settings -> { settings with Together = true })
            Argument.number "batch" (1, 4096) "images of a batch (default: 32)." (fun batch settings -> {
                settings with
                    Batch = batch
            })
            Argument.choices
                "groups"
                "group"
                (names (Symmetry.all |> List.map _.Name))
                "groups that move the images (default: all)."
                (fun chosen settings -> { settings with Symmetries = chosen })
            Argument.choices
                "methods"
                "method"
                (names (Method.all |> List.map Method.name))
                "methods to compare (default: all)."
                (fun chosen settings -> { settings with Methods = chosen })
        ]
        Runs = fun settings seeds -> [ for seed in seeds -> Experiment.run seed [] (work settings) ]
        Tables = tables
        Plots = plots
        Differences = differences
        Afterwards = fun _ _ -> []
    }
