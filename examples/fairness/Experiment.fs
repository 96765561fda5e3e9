namespace Equivariant.Fairness

open System
open TorchSharp
open Equivariant
open Equivariant.Bench
open Equivariant.Pretrained

/// <summary>Fair generation as an experiment: language models, made fair, are asked about demographics.</summary>
[<RequireQualifiedAccess>]
module Fairness =

    let private modelLabel, demographicLabel, familyLabel, fileLabel =
        "model", "demographic", "family", "file"

    let private meanRegard = "mean regard"

    let private difference, differenceFrom, differenceTo, totalVariation =
        "largest difference", "from", "to", "total variation"

    let private perplexity, evaluations, tokensPerSecond =
        "perplexity", "evaluations", "tokens a second"

    let private truth = "the text itself"

    // Texts of our own.

    let private sentences (settings: Settings) (context: Context) purpose count =
        let random = Random(context.SeedFor purpose)

        [|
            for _ in 1..count ->
                Templates.sentence settings.Own.Bias random
                |> Templates.tokens
                |> Option.get
                |> fun ids -> Array.append (Array.map int64 (Array.ofList ids)) [| int64 Templates.stop |]
        |]

    let private longest = 32

    let private padded (texts: int64[][]) =
        let length = texts |> Seq.map _.Length |> Seq.max

        texts
        |> Array.map (fun text ->
            Array.append text (Array.create (length - text.Length) (int64 Templates.padding)))
        |> fun rows -> torch.tensor(Array.concat rows).reshape(int64 texts.Length, int64 length)

    let private batchSize = 64

    /// Our own model, trained; all runs of a seed share it.
    let private own (settings: Settings) (context: Context) : Language =
        use generator = new torch.Generator(uint64 (context.SeedFor "weights"))

        let config =
            Gpt2Config(
                VocabularySize = Templates.size,
                ContextLength = longest,
                Width = settings.Own.Width,
                Layers = settings.Own.Layers,
                Heads = settings.Own.Heads,
                InitialDeviation = 0.1,
                EmbeddingDropout = 0.0,
                AttentionDropout = 0.0,
                ResidualDropout = 0.0
            )

        let model = new Gpt2(config, generator)
        model.``to`` context.Device |> ignore
        let language = Language.ofTemplates model
        let texts = sentences settings context "text" settings.Own.Sentences

        let loss (rows: int64[]) =
            model.Loss((padded [| for row in rows -> texts[int row] |]).``to`` context.Device)

        let training = {
            Training.plain
                model
                (torch.optim.Adam(model.parameters (), 3e-3))
                settings.Own.Epochs
                (Training.shuffled texts.Length batchSize)
                Array.length
                loss with
                LearningRate = Some(Training.cosine 3e-3 1e-4)
                ClipNorm = Some 1.0
        }

        context.Shared.Train("language model", training) |> ignore
        language

    let private language (settings: Settings) (context: Context) =
        match settings.Model with
        | Some folder -> Language.load folder context.Device
        | None -> own settings context

    let private exchanges (settings: Settings) =
        match settings.Model with
        | None -> Templates.exchanges
        | Some _ -> [
            Exchange.genderPairs
            (if settings.Races = 3 then
                 Exchange.threeRaces
             else
                 Exchange.races)
            Exchange.orientation
          ]

    let private demographics (settings: Settings) =
        match settings.Model with
        | None -> Templates.demographics
        | Some _ when settings.Intersections -> Prompts.intersections (exchanges settings)
        | Some _ -> Prompts.apart (exchanges settings)

    /// What scores the samples of a run.
    let private scorer (settings: Settings) =
        match settings.Classifier, settings.Train with
        | Some folder, _ -> Scorer.classifier folder
        | None, Some file -> Scorer.trained file
        | None, None when settings.Model.IsNone && settings.Samples.IsNone -> Scorer.ofTemplates
        | None, None -> Scorer.ofLists ()

    let private ofRegards paired seed (samples: Sample list) (regards: Regard list) = [
        let scored = List.zip samples regards

        for (family, demographic), scored in
            scored |> List.groupBy (fun (sample, _) -> sample.Family, sample.Demographic) do
            let regards = List.map snd scored
            let labels = [ demographicLabel, demographic; familyLabel, family ]

            for regard in Regard.all do
                Figure.labelled labels (Regard.name regard) (Regard.share regard regards)

            Figure.labelled labels meanRegard (Regard.mean regards)

        for family, scored in scored |> List.groupBy (fun (sample, _) -> sample.Family) do
            let byDemographic =
                scored
                |> List.groupBy (fun (sample, _) -> sample.Demographic)
                |> List.map (snd >> List.map snd)

            if byDemographic.Length > 1 then
                let disparity = Disparity.measure paired seed byDemographic
                let labels = [ familyLabel, family ]
                Figure.labelled labels difference disparity.Difference
                Figure.labelled labels differenceFrom disparity.From
                Figure.labelled labels differenceTo disparity.To
                Figure.labelled labels totalVariation disparity.TotalVariation
    ]

    let private score (settings: Settings) (context: Context) (samples: Sample list) : Regard list =
        let numbers =
            context.Once(
                "regard",
                fun () ->
                    let scorer = scorer settings

                    samples
                    |> List.map (fun sample -> Regard.masked $"The %s{sample.Demographic}" sample.Sentence)
                    |> scorer.Score
                    |> List.map (fun regard -> List.findIndex ((=) regard) Regard.all)
            )

        [ for number in numbers -> Regard.all[number] ]

    /// The mean loss of a token, over blocks of a text.
    let private meanLoss (settings: Settings) (context: Context) (language: Language) (fair: FairModel) =
        let texts =
            match settings.Model, settings.Text with
            | None, _ -> Some(sentences settings context "text held back" settings.Own.HeldBack)
            | Some _, Some file ->
                match Language.blocks settings.Block (language.Encode(TextFile.read file)) with
                | [||] ->
                    TextFile.refuse
                        $"'%s{file}' has no block of %d{settings.Block} tokens: take smaller ones (--block)."
                | blocks -> Some blocks
            | Some _, None -> None

        texts
        |> Option.map (fun texts ->
            context.Once(
                "perplexity",
                fun () ->
                    let losses =
                        context.Map(
                            "reading",
                            Array.length,
                            texts,
                            fun text -> Language.loss fair.Sequence context.Device text
                        )

                    let tokens = texts |> Array.map (fun text -> float (text.Length - 1))
                    Array.sum (Array.map2 (*) losses tokens) / Array.sum tokens
            ))

    /// The laws of a declaration, on logits of random prompts.
    let private checkLaws (context: Context) (fair: FairModel) =
        fair.Declaration
        |> Option.iter (fun declaration ->
            let count =
                context.Once(
                    "laws",
                    fun () ->
                        Laws.check declaration
                        1
                )

            if count > 0 then
                context.Note
                    $"""The laws of {snd context.Labels.Head} hold: what is said of exchanged prompts is exchanged.""")

    let private variantRun settings seed name =
        Experiment.run seed [ modelLabel, name ] (fun context ->
            let language = language settings context
            use _model = language.Model
            let long = if settings.ByPieces then ByPieces else Refused

            let fair =
                Variant.make
                    (context.Target "variant")
                    language
                    long
                    (exchanges settings)
                    (List.find (fst >> (=) name) Variant.all |> snd)

            if settings.Model.IsNone then
                checkLaws context fair

            let generated =
                context.Once(
                    "samples",
                    fun () ->
                        Samples.draw
                            (fun work items -> context.Map("drawing", (fun _ -> 1), items, work))
                            language
                            fair
                            (context.SeedFor "samples")
                            settings.TopK
                            settings.NewTokens
                            settings.Count
                            (demographics settings)
                )

            let file = name.Replace(",", "").Replace(' ', '-')
            context.Write($"samples-seed-{seed}-{file}.tsv", Samples.write generated.Samples)
            let regards = score settings context generated.Samples

            [
                yield! ofRegards true (context.SeedFor "bootstrap") generated.Samples regards
                Figure.named evaluations (float fair.Evaluations)
                Figure.named tokensPerSecond (float generated.Tokens / generated.Seconds)

                match meanLoss settings context language fair with
                | Some loss -> Figure.named perplexity (exp loss)
                | None -> ()
            ])

    /// What the templates say, which a model can only learn.
    let private truthRun (settings: Settings) seed =
        Experiment.run seed [ modelLabel, truth ] (fun _ ->
            let means =
                Templates.demographics |> List.map (Templates.meanRegard settings.Own.Bias)

            let family = [ familyLabel, Templates.demographics.Head.Family ]

            [
                for demographic, mean in List.zip Templates.demographics means do
                    let labels = [ demographicLabel, demographic.Name; familyLabel, demographic.Family ]
                    Figure.labelled labels (Regard.name Negative) (1.0 / 3.0 - mean / 2.0)
                    Figure.labelled labels (Regard.name Neutral) (1.0 / 3.0)
                    Figure.labelled labels (Regard.name Positive) (1.0 / 3.0 + mean / 2.0)
                    Figure.labelled labels meanRegard mean

                Figure.labelled family difference (List.max means - List.min means)
                Figure.labelled family totalVariation ((List.max means - List.min means) / 2.0)
            ])

    let private samplesRun settings (path: string) seed =
        Experiment.run seed [ modelLabel, IO.FileInfo(path).Name ] (fun context ->
            let samples = Samples.read path
            let regards = score settings context samples
            ofRegards false (context.SeedFor "bootstrap") samples regards)

    let private agreed, agreedFrom, agreedTo, agreedCount =
        "agreement", "agreement from", "agreement to", "sentences"

    let private scorerRun (settings: Settings) seed =
        Experiment.run seed [ "part", "scorer" ] (fun context ->
            let shares =
                context.Once(
                    "agreement",
                    fun () ->
                        let scorer = scorer settings

                        [
                            for file in settings.Evaluate ->
                                $"{scorer.Name}: {IO.FileInfo(file).Name}",
                                Scorer.agreement scorer (Regard.read file)
                        ]
                )

            [
                for file, share in shares do
                    let labels = [ fileLabel, file ]
                    Figure.labelled labels agreed share.Value
                    Figure.labelled labels agreedFrom share.From
                    Figure.labelled labels agreedTo share.To
                    Figure.labelled labels agreedCount (float share.Count)
            ])

    /// <summary>Lists the runs: what the text says, every model of every seed; or the samples given; and the scorer, if it is tried.</summary>
    let runs (settings: Settings) (seeds: int list) = [
        match settings.Samples with
        | Some path -> samplesRun settings path seeds.Head
        | None ->
            if settings.Model.IsNone then
                truthRun settings seeds.Head

            for seed in seeds do
                for name in settings.Variants do
                    variantRun settings seed name

        if not settings.Evaluate.IsEmpty then
            scorerRun settings seeds.Head
    ]

    let private cell labels show name findings =
        Findings.tryFind labels name findings
        |> Option.map show
        |> Option.defaultValue ""

    let private two = Findings.show 1.0 2

    /// The share that is left of the plain model's disparity.
    let private left family (ours: Finding list) (findings: Finding list) =
        let plain =
            Findings.tryFind [ modelLabel, Variant.name Plain; familyLabel, family ] difference findings

        match plain, Findings.tryFind [ familyLabel, family ] difference ours with
        | Some plain, Some own when plain.Mean > 0.0 -> $"%.0f{100.0 * own.Mean / plain.Mean}"
        | _ -> ""

    let private tables (settings: Settings) (findings: Finding list) =
        let models = Findings.values modelLabel findings

        let measured name =
            findings |> List.exists (fun finding -> finding.Name = name)

        [
            if measured difference then
                {
                    Title = "Disparity of regard"
                    Columns = [
                        modelLabel
                        "between"
                        difference
                        "95 % interval"
                        totalVariation
                        "left of plain's, %"
                    ]
                    Rows = [
                        for model in models do
                            let ours = findings |> Findings.where modelLabel model

                            for family in
                                ours
                                |> List.filter (fun finding -> finding.Name = difference)
                                |> Findings.values familyLabel do
                                let labels = [ familyLabel, family ]

                                [
                                    model
                                    family
                                    cell labels two difference ours
                                    (match
                                        Findings.tryFind labels differenceFrom ours,
                                        Findings.tryFind labels differenceTo ours
                                     with
                                     | Some low, Some high -> $"%.2f{low.Mean} … %.2f{high.Mean}"
                                     | _ -> "")
                                    cell labels two totalVariation ours
                                    left family ours findings
                                ]
                    ]
                    Notes = [
                        "The largest difference is that of two demographics' mean regard, from 0 to 2; total variation compares their shares of negative, neutral and positive."
                        if settings.Samples.IsNone then
                            "All demographics' sentences are drawn from the same states of the generator: those of a fair model are each other's, with the words exchanged."
                    ]
                }

            if measured evaluations then
                let plain =
                    Findings.tryFind [ modelLabel, Variant.name Plain ] tokensPerSecond findings

                {
                    Title = "What it costs"
                    Columns = [ modelLabel; evaluations; tokensPerSecond; "time over plain"; perplexity ]
                    Rows = [
                        for model in models do
                            let labels = [ modelLabel, model ]

                            if (Findings.tryFind labels evaluations findings).IsSome then
                                [
                                    model
                                    cell labels (Findings.show 1.0 0) evaluations findings
                                    cell labels (Findings.show 1.0 0) tokensPerSecond findings
                                    (match plain, Findings.tryFind labels tokensPerSecond findings with
                                     | Some plain, Some own -> $"%.1f{plain.Mean / own.Mean}"
                                     | _ -> "")
                                    cell labels two perplexity findings
                                ]
                    ]
                    Notes = [
                        "Evaluations are of the language model, for each token."
                        "EquizeroLM chooses by what it has read when it starts; where perplexity is measured that is nothing, and all transforms count."
                    ]
                }

            if measured meanRegard then
                {
                    Title = "Regard of each demographic's sentences, in %"
                    Columns = [
                        modelLabel
                        demographicLabel
                        for regard in Regard.all do
                            Regard.name regard

                        meanRegard
                    ]
                    Rows = [
                        for model in models do
                            let ours = findings |> Findings.where modelLabel model

                            for demographic in Findings.values demographicLabel ours do
                                let labels = [ demographicLabel, demographic ]

                                [
                                    model
                                    demographic
                                    for regard in Regard.all do
                                        cell labels Findings.percent (Regard.name regard) ours

                                    cell labels two meanRegard ours
                                ]
                    ]
                    Notes = []
                }

            if measured agreed then
                {
                    Title = "The scorer's agreement with people, in %"
                    Columns = [ "scorer and file"; agreedCount; agreed; "95 % interval" ]
                    Rows = [
                        for file in Findings.values fileLabel findings do
                            let labels = [ fileLabel, file ]

                            [
                                file
                                cell labels (Findings.show 1.0 0) agreedCount findings
                                cell labels Findings.percent agreed findings
                                (match
                                    Findings.tryFind labels agreedFrom findings,
                                    Findings.tryFind labels agreedTo findings
                                 with
                                 | Some low, Some high -> $"%.1f{100.0 * low.Mean} … %.1f{100.0 * high.Mean}"
                                 | _ -> "")
                            ]
                    ]
                    Notes = []
                }
        ]

    let private plots (_settings: Settings) (findings: Finding list) = [
        for model in Findings.values modelLabel findings do
            let ours = findings |> Findings.where modelLabel model
            let demographics = Findings.values demographicLabel ours

            if not demographics.IsEmpty then
                Stacks {
                    Name = $"regard-{model}"
                    Title = $"Regard, {model}"
                    Axis = "sentences, %"
                    Places = demographics
                    Series = [
                        for regard in Regard.all ->
                            Regard.name regard,
                            [
                                for demographic in demographics ->
                                    match
                                        Findings.tryFind
                                            [ demographicLabel, demographic ]
                                            (Regard.name regard)
                                            ours
                                    with
                                    | Some finding -> 100.0 * finding.Mean, 0.0
                                    | None -> nan, nan
                            ]
                    ]
                    Top = Some 105.0
                }
    ]

    let private differences (settings: Settings) = [
        match settings.Samples, settings.Model with
        | Some _, _ -> ()
        | None, None ->
            "No weights were given: a small GPT-2 of our own learns a text made from templates, whose bias is known; its sentences are scored by the words that only one regard has."
        | None, Some _ ->
            $"Perplexity is of blocks of {settings.Block} tokens; the published one is of 1024."

            "The pairs of words by gender are our own list of words that are one token; the published list has names too."

        match settings.Classifier, settings.Train, settings.Samples, settings.Model with
        | None, None, None, None -> ()
        | Some _, _, _, _ -> "Regard is by the classifier given."
        | None, Some _, _, _ ->
            "Regard is by MiniLM's view of sentences with a linear head trained on the labelled sentences given; the published one is by three BERTs."
        | None, None, _, _ ->
            "Regard is by MiniLM's view of sentences between two small lists of our own; the published one is by three BERTs trained on labelled sentences."

        "EquizeroLM has no published code: here the transform of a prompt counts after which the model is surest of the next token."
        "The multi-group model has no published code: it is the quotient design over the product of the exchanges."
    ]

    /// <summary>The experiment.</summary>
    let experiment: Experiment<Settings> = {
        Name = "fairness"
        Title = "Fair generation"
        Description =
            "see how fairly language models speak of demographics. Example: fairness --quick; fairness --model gpt2 --train regard.tsv"
        Settings = Settings.ofPreset
        Seeds = Experiment.usualSeeds
        Arguments = Settings.arguments
        Runs = runs
        Tables = tables
        Plots = plots
        Differences = differences
        Afterwards = fun _ _ -> []
    }
