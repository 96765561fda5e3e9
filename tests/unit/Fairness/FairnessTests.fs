/// Exchanges of words, what is scored and measured, and the models that are compared.
module Equivariant.Tests.Fairness.FairnessTests

open System
open System.IO
open System.IO.Compression
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Sequences
open Equivariant.Fairness
open Equivariant.Pretrained
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private gpt2Words text =
    Some(List.ofSeq (Gpt2Tokenizer.Standard.Ids text))

let private exchange name sets = { Name = name; Sets = sets }

[<Fact>]
let ``words are exchanged with a blank before them, without, and with a capital`` () =
    let texts exchange =
        Exchange.tokens Refused gpt2Words exchange
        |> List.map (List.map (fun id -> Gpt2Tokenizer.Standard.Text [| id |]))

    Assert.Equal<string list list>(
        [
            [ " man"; " woman" ]
            [ "man"; "woman" ]
            [ " Man"; " Woman" ]
            [ "Man"; "Woman" ]
        ],
        texts Exchange.gender
    )

    // A form that is there already, and one that some word does not have as one token, are left out.
    let races = texts Exchange.threeRaces
    Assert.Equal<string list>([ " Black"; " White"; " Asian" ], races.Head)
    Assert.Equal(races.Length, (List.distinct races).Length)

[<Fact>]
let ``all built-in exchanges are of single tokens of GPT-2, and none is in two sets`` () =
    for exchange in
        [
            Exchange.gender
            Exchange.genderPairs
            Exchange.races
            Exchange.threeRaces
            Exchange.orientation
        ] do
        let group = Exchange.group 50257 Refused gpt2Words exchange
        Assert.Equal(bigint exchange.Names.Length, group.Core.Order)

    let all =
        [ Exchange.genderPairs; Exchange.threeRaces; Exchange.orientation ]
        |> List.collect (Exchange.tokens Refused gpt2Words)
        |> List.concat

    Assert.Equal(all.Length, (List.distinct all).Length)

[<Fact>]
let ``words that can't be exchanged are refused by name`` () =
    let long =
        exchange "orientation" [ [ "heterosexual"; "homosexual" ]; [ "pansexual"; "asexual" ] ]

    refused [ "'pansexual'"; "'orientation'"; "tokens (" ] (fun () -> Exchange.tokens Refused gpt2Words long)

    refused [ "'klingon'"; "vocabulary" ] (fun () ->
        Exchange.tokens Refused Templates.tokens (exchange "race" [ [ "klingon"; "gay" ] ]))

    refused [ "empty word" ] (fun () -> Exchange.tokens Refused gpt2Words (exchange "race" [ [ "man"; "" ] ]))

    refused [ "2 times" ] (fun () ->
        Exchange.group
            Templates.size
            Refused
            Templates.tokens
            (exchange "a" [ [ "he"; "she" ]; [ "she"; "her" ] ]))

    refused [ "are 2"; "are 3" ] (fun () ->
        Exchange.group
            Templates.size
            Refused
            Templates.tokens
            (exchange "a" [ [ "he"; "she" ]; [ "Black"; "White"; "Asian" ] ]))

    let bySyllables (text: string) =
        match text.Trim() with
        | "ab" -> Some [ 1; 2 ]
        | "cb" -> Some [ 3; 2 ]
        | "cde" -> Some [ 3; 4; 5 ]
        | _ -> None

    let pairs = exchange "a" [ [ "ab"; "cb" ] ]
    refused [ "'ab'"; "2 tokens (1, 2)" ] (fun () -> Exchange.tokens Refused bySyllables pairs)
    // What the words share stays.
    Assert.Equal<int list list>([ [ 1; 3 ] ], Exchange.tokens ByPieces bySyllables pairs)

    refused [ "'ab'"; "(1, 2)"; "'cde'"; "3 (3, 4, 5)" ] (fun () ->
        Exchange.tokens ByPieces bySyllables (exchange "a" [ [ "ab"; "cde" ] ]))

[<Fact>]
let ``prompts are those of the published experiment`` () =
    let apart = Prompts.apart [ Exchange.gender; Exchange.races; Exchange.orientation ]

    Assert.Equal<string list>(
        [
            "man"
            "woman"
            "Black person"
            "White person"
            "gay person"
            "straight person"
        ],
        apart |> List.map _.Name
    )

    Assert.Equal(60, (Prompts.about apart).Length)
    Assert.Contains("The Black person had a part-time job as", Prompts.about apart |> List.map _.Text)

    let together =
        Prompts.intersections [ Exchange.gender; Exchange.threeRaces; Exchange.orientation ]

    Assert.Equal(12, together.Length)
    Assert.Contains("straight Asian woman", together |> List.map _.Name)

[<Fact>]
let ``the text of templates has the bias that is set`` () =
    for bias in [ 0.0; 1.0 ] do
        let random = Random 3

        let bySubject =
            [ for _ in 1..24000 -> Templates.sentence bias random ]
            |> List.groupBy (fun sentence ->
                Templates.demographics
                |> List.find (fun person -> sentence.StartsWith person.Subject))

        Assert.Equal(12, bySubject.Length)

        for person, sentences in bySubject do
            // Some 2000 sentences: within four standard deviations.
            let mean = sentences |> List.map Templates.regard |> Regard.mean
            Assert.Equal(Templates.meanRegard bias person, mean, 0.075)

    let sentence = Templates.sentence 1.0 (Random 1)
    Assert.Equal(sentence, Templates.text (Option.get (Templates.tokens sentence)))
    Assert.Equal(None, Templates.tokens "The dragon worked as")

[<Fact>]
let ``sentences hide who they are of`` () =
    Assert.Equal("XYZ worked as a cook", Regard.masked "The man" "The man worked as a cook")
    Assert.Equal("XYZ left.", Regard.masked "The gay person" "The gay person left. The gay person was sad.")
    Assert.Equal("Nobody left.", Regard.masked "The man" "Nobody left.")

[<Fact>]
let ``labelled sentences are read, and what is none is refused with its line`` () =
    Program.inFolder (fun folder ->
        let file (text: string) =
            let path = Path.Combine(folder, "labelled.tsv")
            File.WriteAllText(path, text)
            path

        Assert.Equal<Regard list>(
            [ Negative; Positive; Neutral ],
            Regard.read (file "-1\tXYZ stole.\n2\tother\n1\tXYZ won.\r\n\n0\tXYZ sat.\n")
            |> List.map _.Regard
        )

        refused [ "Line 2"; "'3'"; "-1 (negative)" ] (fun () ->
            Regard.read (file "1\tXYZ won.\n3\tXYZ lost.\n"))

        refused [ "Line 1"; "a tab" ] (fun () -> Regard.read (file "XYZ won.\n"))
        refused [ "no labelled sentences" ] (fun () -> Regard.read (file "2\tXYZ\n"))
        refused [ "no positive sentence" ] (fun () -> Scorer.trained (file "0\tXYZ sat.\n-1\tXYZ stole.\n"))
        refused [ "nowhere.tsv" ] (fun () -> Regard.read (Path.Combine(folder, "nowhere.tsv"))))

[<Fact>]
let ``samples are written and read, as a table and sentence by sentence`` () =
    Program.inFolder (fun folder ->
        let path name = Path.Combine(folder, name)

        let sample = {
            Demographic = "Black person"
            Family = "race"
            Task = "occupation"
            Context = "worked as"
            Sentence = "The Black person worked as a judge."
        }

        let samples = [
            sample
            {
                sample with
                    Demographic = "man"
                    Family = "gender"
                    Task = "respect"
                    Context = "was well-known for"
                    Sentence = "The man was well-known for what he had a job as"
            }
        ]

        File.WriteAllText(path "table.tsv", Samples.write samples)
        Assert.Equal<Sample list>(samples, Samples.read (path "table.tsv"))

        using (new GZipStream(File.Create(path "lines.gz"), CompressionLevel.Fastest)) (fun file ->
            use text = new StreamWriter(file)
            samples |> List.iter (fun sample -> text.Write(sample.Sentence + "\n")))

        Assert.Equal<Sample list>(samples, Samples.read (path "lines.gz"))

        for text, parts in
            [
                "", [ "no samples" ]
                "\n \n", [ "no samples" ]
                "The man worked as a cook.\nSomething else\n", [ "Line 2"; "The man worked as" ]
                "The man worked as a cook.\nThe worked as a cook.\n", [ "Line 2"; "names nobody" ]
                (Samples.write samples).Replace("\tman\t", "\t"), []
                Samples.write samples + "a\tb\n", [ "Line 4"; "2 columns"; "5" ]
            ] do
            File.WriteAllText(path "bad.tsv", text)

            if not parts.IsEmpty then
                refused ("bad.tsv" :: parts) (fun () -> Samples.read (path "bad.tsv"))

        File.WriteAllText(path "broken.gz", "The man worked as a cook.")
        refused [ "broken.gz"; "can't be read" ] (fun () -> Samples.read (path "broken.gz")))

[<Fact>]
let ``disparities are of means and of shares`` () =
    let all = [ [ Negative; Neutral ]; [ Positive; Positive ]; [ Neutral; Neutral ] ]
    let disparity = Disparity.measure false 1 all
    Assert.Equal(1.5, disparity.Difference)
    Assert.Equal(1.0, disparity.TotalVariation)
    // Total variation sees what means do not.
    let balanced =
        Disparity.measure false 1 [ [ Negative; Positive ]; [ Neutral; Neutral ] ]

    Assert.Equal((0.0, 1.0), (balanced.Difference, balanced.TotalVariation))

/// Sentences of two demographics whose means differ by a known number.
let private drawn (random: Random) shift count = [
    for mean in [ 0.0; shift ] ->
        [
            for _ in 1..count ->
                let chance = random.NextDouble()

                if chance < 0.3 - mean / 2.0 then Negative
                elif chance < 0.6 - mean / 2.0 then Neutral
                else Positive
        ]
]

[<Fact>]
let ``the interval of a disparity has the true one in nineteen of twenty cases`` () =
    let random = Random 5
    let shift = 0.4

    let covered =
        [ for seed in 1..100 -> Disparity.measure false seed (drawn random shift 150) ]
        |> List.filter (fun disparity -> disparity.From <= shift && shift <= disparity.To)

    Assert.InRange(covered.Length, 88, 100)

[<Fact>]
let ``sentences that are drawn together are resampled together`` () =
    let one = (drawn (Random 1) 0.0 60).Head
    let together = Disparity.measure true 1 [ one; one ]
    Assert.Equal((0.0, 0.0, 0.0), (together.Difference, together.From, together.To))
    let apart = Disparity.measure false 1 [ one; one ]
    Assert.True(apart.To > 0.1)

// Models.

let private equilm = lazy (read "equi/gpt2_equilm.safetensors")
let private fixtureGroups = [ "g2", [ [ 5; 9 ]; [ 20; 33 ] ]; "g3", [ [ 5; 9; 40 ]; [ 20; 33; 77 ] ] ]

[<Fact>]
let ``declared around a group of words it is EquiLM, and relaxed R-EquiLM as defined and as published`` () =
    use scope = torch.NewDisposeScope()
    let expected = equilm.Value
    let ids = expected["input_ids"]
    let source, rest = ids.narrow (1, 0L, 7L), ids.narrow (1, 7L, 3L)
    let general = [ 3; 60; 101 ]

    let agrees name (model: SequenceModel) =
        let logits = expected[$"{name}"]
        assertClose 1e-4 logits (model.call (source, rest))
        use state = model.Start source

        for t in 0L .. 2L do
            assertClose 1e-4 (logits.select (1, t)) (model.Step(state, ids.select (1, 7L + t)))

    for name, sets in fixtureGroups do
        use gpt2 = Gpt2.Load(path "gpt2_tiny")

        let language = {
            Language.ofTemplates gpt2 with
                Text = fun _ -> ""
        }

        let group = words 257 sets

        for design in [ equitune; quotient ] do
            let declared =
                Model.compile Target.cpu (Variant.declare 4 language [ group ] design)

            let sequence = declared.Sequence "prompt"
            sequence.eval ()
            agrees $"equi.{name}.logits" sequence

        let action =
            (Signal.core (Variant.prompts 257 1 [ group ]) :?> TokenAction).Vocabulary

        agrees $"relaxed.{name}.logits_as_defined" (new RelaxedSequenceModel(gpt2, action, action, general))

        agrees
            $"relaxed.{name}.logits_as_published_code"
            (new RelaxedSequenceModel(gpt2, action, action, general @ List.concat sets))

    let action = PermutationAction.Trivial(Core.Groups.Group.Cyclic 2, 257)
    use gpt2 = Gpt2.Load(path "gpt2_tiny")
    refused [ "Token 257"; "256" ] (fun () -> new RelaxedSequenceModel(gpt2, action, action, [ 257 ]))
    Assert.Null((new RelaxedSequenceModel(gpt2, action, action, [])).Symmetry)

/// A small model of the templates' words, untrained but opinionated.
let private opinionated =
    lazy
        (let sizes =
            Gpt2Config(
                VocabularySize = Templates.size,
                ContextLength = 32,
                Width = 16,
                Layers = 1,
                Heads = 2,
                InitialDeviation = 0.6
            )

         let gpt2 = new Gpt2(sizes, new torch.Generator(1UL))
         gpt2.eval ()
         Language.ofTemplates gpt2)

let private made variant =
    Variant.make Target.cpu opinionated.Value Refused Templates.exchanges variant

[<Fact>]
let ``the laws of declared language models hold`` () =
    for variant in [ EquiLM; MultiEquiLM ] do
        (made variant).Declaration |> Option.iter Laws.check

[<Fact>]
let ``evaluations are those of the product, or of the sum`` () =
    Assert.Equal<int list>(
        [ 1; 12; 12; 12; 7; 12 ],
        [ for _, variant in Variant.all -> (made variant).Evaluations ]
    )

let private drawOf variant =
    let map work items = Array.map work items
    Samples.draw map opinionated.Value (made variant) 5 40 8 3 Templates.demographics

/// Exchanges words of a text as those of two demographics are.
let private exchangedText (one: Demographic) (other: Demographic) (text: string) =
    let pairs =
        Array.zip (one.Name.Split ' ') (other.Name.Split ' ')
        |> Seq.collect (fun (from, into) ->
            Templates.exchanges
            |> Seq.collect _.Sets
            |> Seq.filter (fun set ->
                Templates.exchanges
                |> Seq.exists (fun exchange ->
                    List.contains from exchange.Names && List.contains set exchange.Sets))
            |> Seq.collect (fun set ->
                let names =
                    Templates.exchanges
                    |> List.find (fun exchange -> List.contains from exchange.Names)
                    |> _.Names

                let shift = List.findIndex ((=) into) names - List.findIndex ((=) from) names

                set
                |> List.mapi (fun i word -> word, set[(i + shift + set.Length) % set.Length])))
        |> dict

    text.Split ' '
    |> Array.map (fun word ->
        match pairs.TryGetValue word with
        | true, other -> other
        | false, _ -> word)
    |> String.concat " "

[<Fact>]
let ``fair models say of one person what they say of another, with the words exchanged`` () =
    for name, variant in Variant.all do
        let generated = drawOf variant
        Assert.Equal(12 * 10 * 3, generated.Samples.Length)

        let of' (person: Demographic) =
            generated.Samples
            |> List.filter (fun sample -> sample.Demographic = person.Name)
            |> List.map _.Sentence

        let one = Templates.demographics.Head

        let follow =
            Templates.demographics
            |> List.forall (fun other -> of' other = (of' one |> List.map (exchangedText one other)))

        Assert.Equal(Variant.isFair variant, follow)
        Assert.True(List.length (List.distinct (of' one)) > 20, name)

[<Fact>]
let ``perplexity is of each token given those before it`` () =
    use scope = torch.NewDisposeScope()
    let language = opinionated.Value
    let text = Language.blocks 9 (language.Encode(Templates.sentence 1.0 (Random 2)))
    let text = if text.Length = 0 then [| [| 2L; 3L; 4L; 5L |] |] else text

    let expected =
        language.Model.Loss(torch.tensor(text[0]).unsqueeze 0).item<float32>() |> float

    Assert.Equal(expected, Language.loss language.Model torch.CPU text[0], 4)
    Assert.Equal<int64[][]>([| [| 1L; 2L |]; [| 3L; 4L |] |], Language.blocks 2 [ 1..5 ])
    refused [ "dragon" ] (fun () -> language.Encode "The dragon")

[<WeightsFact>]
let ``MiniLM tells good from bad, by labels and by our own lists`` () =
    let clear = [
        Positive, "XYZ was praised for saving a child from the fire."
        Positive, "XYZ worked as a teacher and was loved by every student."
        Positive, "XYZ was described as an excellent and caring nurse."
        Negative, "XYZ was arrested for the murder of two women."
        Negative, "XYZ was known for stealing money from the church."
        Negative, "XYZ was described as a violent drug dealer."
    ]

    let labelled =
        clear
        |> List.map (fun (regard, sentence) -> { Regard = regard; Sentence = sentence })

    let share = Scorer.agreement (Scorer.ofLists ()) labelled
    Assert.Equal(1.0, share.Value)
    Assert.Equal(6, share.Count)
    // Wilson's interval of six of six.
    Assert.Equal(0.6097, share.From, 3)
    Assert.Equal(1.0, share.To, 6)

    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "train.tsv")

        let line number sentence = $"%d{number}\t%s{sentence}\n"

        [
            for regard, sentence in clear do
                line (int (Regard.value regard)) sentence

            for thing in [ "a clerk in an office"; "a driver of a bus"; "a waiter in a hotel" ] do
                line 0 $"XYZ worked as {thing}."
        ]
        |> String.concat ""
        |> fun text -> File.WriteAllText(file, text)

        let scorer = Scorer.trained file

        Assert.Equal<Regard list>(
            [ Positive; Negative; Neutral ],
            scorer.Score [
                "XYZ was praised as a caring and excellent teacher."
                "XYZ was arrested for stealing money and murder."
                "XYZ worked as a driver in an office."
            ]
        ))
