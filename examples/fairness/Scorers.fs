namespace Equivariant.Fairness

open TorchSharp
open Equivariant.Pretrained

/// <summary>Says what sentences make one think of the person in them.</summary>
[<NoEquality; NoComparison>]
type Scorer = {
    Name: string
    /// <summary>The regard of sentences in which XYZ is the person.</summary>
    Score: string list -> Regard list
}

/// <summary>A share with its interval of 95 %.</summary>
type Share = {
    Value: float
    From: float
    To: float
    Count: int
}

/// <summary>Scorers of regard.</summary>
[<RequireQualifiedAccess>]
module Scorer =

    let private batchSize = 64

    /// <summary>The scorer of the templates' own words, which knows.</summary>
    let ofTemplates = {
        Name = "the templates' own words"
        Score = List.map Templates.regard
    }

    let private miniLM = lazy (PackagedModels.MiniLM())

    let private encode (sentences: string list) =
        sentences
        |> List.chunkBySize batchSize
        |> List.map (fun batch -> miniLM.Value.Encode(Array.ofList batch))
        |> fun parts -> torch.cat (Array.ofList parts, 0L)

    /// The inverse strength of the penalty on weights, as usual for unit vectors.
    let private softness = 10.0

    let private steps = 600

    /// A linear head that makes classes likely, with a penalty on its weights: logistic regression.
    let private fit (features: torch.Tensor) (classes: int list) (count: int) =
        let head = torch.nn.Linear(features.shape[1], int64 count, dtype = torch.float64)

        (use _ = torch.no_grad ()

         for parameter in head.parameters () do
             parameter.zero_ () |> ignore)

        let features = features.``to`` torch.float64
        let classes = torch.tensor [| for kind in classes -> int64 kind |]
        let penalty = 0.5 / (softness * float classes.shape[0])
        use optimiser = torch.optim.Adam(head.parameters (), 0.05)

        for _ in 1..steps do
            use scope = torch.NewDisposeScope()
            optimiser.zero_grad ()

            let loss =
                torch.nn.functional.cross_entropy (head.call features, classes)
                + head.weight.square().sum() * penalty.ToScalar()

            loss.backward ()
            optimiser.step () |> ignore

        head

    let private probabilities (head: torch.nn.Module<torch.Tensor, torch.Tensor>) sentences =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let scores = head.call ((encode sentences).``to`` torch.float64)

        scores.softmax(-1L).data<float>().ToArray()
        |> Array.chunkBySize (int scores.shape[1])

    let private best (probabilities: float[]) =
        let likeliest = Array.max probabilities
        System.Array.IndexOf(probabilities, likeliest)

    /// <summary>MiniLM's view of sentences with a linear head, trained on labelled sentences.</summary>
    /// <param name="path">The labelled sentences.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">They are none, or of one regard only.</exception>
    let trained path =
        let labelled = Regard.read path

        let missing =
            Regard.all
            |> List.filter (fun regard -> labelled |> List.forall (fun known -> known.Regard <> regard))

        if not missing.IsEmpty then
            TextFile.refuse
                $"'%s{path}' has no %s{Regard.name missing.Head} sentence: a scorer is trained on all three regards."

        use scope = torch.NewDisposeScope()

        let classes =
            labelled |> List.map (fun known -> List.findIndex ((=) known.Regard) Regard.all)

        let head = fit (encode (labelled |> List.map _.Sentence)) classes Regard.all.Length

        {
            Name = $"MiniLM, trained on %d{labelled.Length} labelled sentences"
            Score = fun sentences -> [ for row in probabilities head sentences -> Regard.all[best row] ]
        }

    /// Nearer to even than this, a sentence says neither.
    let private margin = 0.15

    /// <summary>MiniLM's view of sentences, between two small lists of our own: for those who have no labels.</summary>
    let ofLists () =
        use scope = torch.NewDisposeScope()

        let classes =
            [ for _ in Sentences.negative -> 0 ] @ [ for _ in Sentences.positive -> 1 ]

        let head = fit (encode (Sentences.negative @ Sentences.positive)) classes 2

        {
            Name = $"MiniLM, between {classes.Length} sentences of our own"
            Score =
                fun sentences -> [
                    for row in probabilities head sentences ->
                        if abs (row[1] - 0.5) < margin then Neutral
                        elif row[1] > 0.5 then Positive
                        else Negative
                ]
        }

    /// <summary>A text classifier of the user's, in ONNX.</summary>
    /// <param name="folder">A folder with model.onnx, vocab.txt and config.json.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is none, or its classes are no regards.</exception>
    let classifier folder =
        let classifier = SentenceClassifier.Load folder

        let regardOf (label: string) =
            let label = label.ToLowerInvariant()

            if label.StartsWith "neg" || label = "-1" then
                Some Negative
            elif label.StartsWith "neu" || label = "0" then
                Some Neutral
            elif label.StartsWith "pos" || label = "1" then
                Some Positive
            else
                None

        let regards = classifier.Labels |> Seq.map regardOf |> List.ofSeq

        if List.distinct (List.choose id regards) |> List.length < Regard.all.Length then
            let labels = String.concat ", " classifier.Labels

            TextFile.refuse
                $"The classifier in '%s{folder}' has the classes %s{labels}: they need to be named negative, neutral and positive."

        /// The best of the classes that are regards.
        let score (row: float32[]) =
            List.zip regards (List.ofArray row)
            |> List.choose (fun (regard, score) -> regard |> Option.map (fun regard -> regard, score))
            |> List.maxBy snd
            |> fst

        {
            Name = $"the classifier in %s{folder}"
            Score =
                List.chunkBySize batchSize
                >> List.collect (fun batch ->
                    use scope = torch.NewDisposeScope()
                    let scores = (classifier.Scores(Array.ofList batch)).``to`` torch.float32

                    scores.data<float32>().ToArray()
                    |> Array.chunkBySize classifier.Labels.Count
                    |> Array.map score
                    |> List.ofArray)
        }

    /// <summary>How many sentences a scorer sees as people do, by the interval of Wilson.</summary>
    let agreement (scorer: Scorer) (labelled: Labelled list) : Share =
        let scored = scorer.Score(labelled |> List.map _.Sentence)

        let right =
            List.zip scored labelled
            |> List.filter (fun (regard, known) -> regard = known.Regard)
            |> List.length

        let n, z = float labelled.Length, 1.96
        let share = float right / n
        let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)

        let reach =
            z / (1.0 + z * z / n) * sqrt (share * (1.0 - share) / n + z * z / (4.0 * n * n))

        {
            Value = share
            From = middle - reach
            To = middle + reach
            Count = labelled.Length
        }
