/// Prompts and language models as declared inputs: exchanges of words, their errors, and what a compiled model continues.
module Equivariant.Tests.Dsl.PromptTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Tests

let private size = 12

let private toy () =
    new ToyModels.ToySequenceModel(size, size, torch.float64)

let private gender = words size [ [ 1; 2 ]; [ 5; 4 ] ]
let private race = words size [ [ 7; 8; 9 ] ]
let private exchanged = prompt size 4 |> under (gender >< race) exchanges
let private tokens (rows: int64[,]) = torch.tensor rows

let private model design =
    Model.empty
    |> Model.input "prompt" exchanged
    |> Model.eqBy design "prompt" (languageModel "toy" toy)

let private target = {
    Target.cpu with
        DType = torch.float64
}

let private compiled design =
    let made = Model.compile target (model design)
    made.eval ()
    made

/// An energy that tells prompts apart: the first place counts most.
let private first (ids: torch.Tensor) =
    let places =
        (torch.arange (ids.shape[1], dtype = torch.float64) * (-3.0).ToScalar()).exp()

    (ids.``to`` torch.float64 * places).sum 1L

[<Fact>]
let ``words of all sets are exchanged at once, in prompts and in logits`` () =
    let product = (gender >< race).Core
    let images group = Group.generators group |> List.head
    let element = (gender >< race).Element(images gender, images race)
    let x = tokens (array2D [ [ 1L; 5L; 8L; 0L ] ])
    let moved = (Signal.core exchanged).Apply(element, x)
    Assert.Equal<int64 list>([ 2L; 4L; 9L; 0L ], List.ofSeq (moved.data<int64>()))
    Assert.Equal("C2 × C3", product.Name)
    Assert.Equal(6I, product.Order)

    let scored = logits size 1 |> under (gender >< race) exchanges
    let y = torch.arange(int64 size).reshape(1L, 1L, -1L)
    let after = (Signal.core scored).Apply(element, y)
    // What stood for 1 stands for 2 now, what for 9 for 7.
    Assert.Equal<int64 list>(
        [ 0L; 2L; 1L; 3L; 5L; 4L; 6L; 9L; 7L; 8L; 10L; 11L ],
        List.ofSeq (after.data<int64>())
    )

[<Fact>]
let ``what cannot be exchanged is refused with the words`` () =
    Expect.refused [ "[1; 2] are 2"; "[3; 4; 5] are 3" ] (fun () -> words 9 [ [ 1; 2 ]; [ 3; 4; 5 ] ])
    Expect.refused [ "word 2 is there 2 times" ] (fun () -> words 9 [ [ 1; 2 ]; [ 2; 3 ] ])
    Expect.refused [ "no word 9"; "0 to 8" ] (fun () -> words 9 [ [ 1; 9 ] ])
    Expect.refused [ "no word -1" ] (fun () -> words 9 [ [ 1; -1 ] ])
    Expect.refused [ "[1] are exchanged with nothing" ] (fun () -> words 9 [ [ 1 ] ])
    Expect.refused [ "no words" ] (fun () -> words 9 [])

    let problem signal =
        Signal.problem signal |> Option.defaultValue ""

    Assert.Contains(
        "both move point 2",
        problem (prompt size 4 |> under (gender >< words size [ [ 2; 3 ] ]) exchanges)
    )

    Assert.Contains(
        "a vocabulary of 12, but that of sentences of 4 from 13 tokens has 13",
        problem (prompt 13 4 |> under gender exchanges)
    )

    Assert.Contains("needs words", problem (vector size |> under gender exchanges))
    Assert.Contains("no points of its own", problem (prompt size 4 |> under quaternion exchanges))
    Assert.Contains("at least one token", problem (prompt 0 4 |> Signal.still))
    // By name, in a vocabulary of names.
    let named = sentence [ "he"; "she"; "it" ] 2

    Assert.Contains(
        "\"she\" is there 2 times",
        problem (named |> under (cyclic 2) (cycling [ [ "he"; "she" ]; [ "she"; "it" ] ]))
    )

[<Fact>]
let ``a tokenizer gives the numbers of words, each of one token`` () =
    let tokenize word =
        match word with
        | " man" -> [ 1 ]
        | " woman" -> [ 2 ]
        | "nurse" -> [ 3; 4 ]
        | _ -> failwith "no such text"

    Assert.Equal(words 9 [ [ 1; 2 ] ], wordsBy tokenize 9 [ [ " man"; " woman" ] ])

    Expect.refused [ "\"nurse\" is 2 tokens ([3; 4])" ] (fun () -> wordsBy tokenize 9 [ [ " man"; "nurse" ] ])

    Expect.refused [ "the tokenizer raises"; "no such text" ] (fun () -> wordsBy tokenize 9 [ [ "x"; "y" ] ])

[<Fact>]
let ``a prompt is given words that its group exchanges, in a vocabulary of any size`` () =
    let size = 50257

    let signal =
        prompt size 8
        |> under
            (words size [ [ 582; 2415 ]; [ 339; 673 ] ]
             >< words size [ [ 2042; 2635; 7740 ] ])
            exchanges

    let action = Signal.core signal :?> TokenAction
    let drawn = (Sampling.words action [ 8L ]).Draw 64 3
    let moved = set [ 582L; 2415L; 339L; 673L; 2042L; 2635L; 7740L ]
    let share = drawn.data<int64>() |> Seq.filter moved.Contains |> Seq.length
    Assert.InRange(share, 150, 362)

    Assert.Equal(
        64 * 8,
        drawn.data<int64>()
        |> Seq.filter (fun id -> id >= 0L && id < int64 size)
        |> Seq.length
    )

[<Fact>]
let ``groups of a large vocabulary stay small`` () =
    let size = 262144

    let pair i =
        words size [ [ 10 * i; 10 * i + 1 ]; [ 10 * i + 2; 10 * i + 3 ] ]

    let before = GC.GetAllocatedBytesForCurrentThread()
    let group = pair 1 >< pair 2 >< pair 3
    let action = Signal.core (prompt size 4 |> under group exchanges) :?> TokenAction
    let terms = QuotientTerm.Default group.Core
    let allocated = GC.GetAllocatedBytesForCurrentThread() - before
    Assert.Equal(3, terms.Count)
    let x = torch.tensor (array2D [ [ 10L; 22L; 31L; 5L ] ])

    let moved = [
        for g in group.Core.Elements -> List.ofSeq ((action.Apply(g, x)).data<int64>())
    ]

    Assert.Equal(8, List.length (List.distinct moved))
    // Tables of the vocabulary by the hundred, where its square would be two hundred thousand.
    Assert.InRange(allocated, 0L, 1000L * int64 size * int64 sizeof<int>)

[<Fact>]
let ``the report counts what is evaluated`` () =
    let report design =
        (Report.of' (model design)).Blocks |> List.exactlyOne

    Assert.Equal(6I, (report equitune).Evaluations)
    Assert.Equal(5I, (report quotient).Evaluations)
    Assert.Equal(1I, (report (canonical "first" first)).Evaluations)
    Assert.Equal("C2 × C3, order 6", (report quotient).Group)
    Assert.Contains("sentences of 4 from 12 tokens", Report.text (model equitune))
    Assert.Equal<Problem list>([], Model.problems (model quotient))

/// Scores of whole texts, place after place, as decoding gets them.
let private stepped (sequence: SequenceModel) (ids: torch.Tensor) =
    use state = sequence.Start(ids.narrow (1L, 0L, 1L))

    torch.stack (
        [
            for place in 1L .. ids.shape[1] - 1L -> sequence.Step(state, ids.select (1L, place))
        ],
        1L
    )

let designs: obj[] seq = [
    [| "equitune"; false |]
    [| "quotient"; false |]
    [| "canonical"; true |]
    [| "weighted"; true |]
    [| "by factor"; true |]
]

let private designOf name =
    match name with
    | "equitune" -> equitune
    | "quotient" -> quotient
    | "canonical" -> canonical "first" first
    | "weighted" -> equitune |> weightedBy (mlp [ 3 ])
    | _ -> byFactor [ equitune; quotient ]

[<Theory; MemberData(nameof designs)>]
let ``a declared language model continues texts with the scores that it gives``
    (name: string, rereads: bool)
    =
    use scope = torch.NewDisposeScope()

    // A perceptron weighs prompts of one length only.
    if name <> "weighted" then
        let model = compiled (designOf name)
        let sequence = model.Sequence "prompt"
        sequence.eval ()
        Assert.Equal(rereads, (sequence :? RereadingModel))
        let ids = tokens (array2D [ [ 1L; 8L; 0L; 4L ]; [ 3L; 3L; 7L; 2L ] ])
        let scores = model.Predict ids
        let none = ids.narrow (1L, 0L, 0L)
        let whole = sequence.call (none, ids)

        // A pose of the whole text is not one of its beginning, which is all that may be looked at.
        if name <> "canonical" then
            Tensors.assertClose 1e-12 scores whole
        else
            Assert.True(Tensors.distance scores whole > 1e-3)

        Tensors.assertClose 1e-12 (scores.select (1L, -1L)) (whole.select (1L, -1L))
        // The first token alone is a source here; the toy model reads sources in another way, as no language model does.
        let known, rest = ids.narrow (1L, 0L, 1L), ids.narrow (1L, 1L, 3L)
        Tensors.assertClose 1e-12 (sequence.call (known, rest)) (stepped sequence ids)

        if rereads then
            Tensors.assertClose 1e-12 (whole.narrow (1L, 1L, 3L)) (stepped sequence ids)

        // Texts of another length are continued too.
        Assert.Equal<int64 list>(
            [ 2L; 9L; 12L ],
            List.ofSeq (sequence.call (none, torch.zeros (2L, 9L, dtype = torch.int64))).shape
        )

        let decoded = Decoding.Decode(sequence, known, 3L, TokenChoice.Greedy, 5, [| 0L |])

        let moved =
            let element = exchanged.Group.Generators[0]
            let action = Signal.core exchanged
            // The start token is none that moves.
            action.Apply(
                element,
                Decoding.Decode(sequence, action.Apply(element, known), 3L, TokenChoice.Greedy, 5, [| 0L |])
            )

        Assert.Equal<int64 list>(List.ofSeq (decoded.data<int64>()), List.ofSeq (moved.data<int64>()))
    else
        Assert.IsType<RereadingModel>((compiled (designOf name)).Sequence "prompt")
        |> ignore

[<Fact>]
let ``what continues no text is refused`` () =
    let refused parts (model: Model) =
        let compiled = Model.compile target model
        Expect.refused parts (fun () -> compiled.Sequence(List.head compiled.InputNames))

    network {
        input "prompt" exchanged
        eq "prompt" (languageModel "toy" toy)
        apply relu
    }
    |> refused [ "continued by one network"; "declare eq \"prompt\"" ]

    network {
        input "prompt" exchanged
        eq "prompt" (languageModel "toy" toy)
        readout (invariant (classes 2))
    }
    |> refused [ "continued by one network" ]

    network {
        input "x" (vector 4 |> under (cyclic 4) circle)
        eq "x" (mlp [ 2 ])
    }
    |> refused [ "\"x\" is 4"; "prompts" ]

    network {
        input "prompt" exchanged
        eq "prompt" (mlp [ 2 ])
        output "prompt" (vector 3 |> under (gender >< race) unmoved)
    }
    |> refused [ "scores of their own 12 tokens" ]

    Expect.refused [ "no input \"words\"" ] (fun () -> (compiled equitune).Sequence "words")

[<Fact>]
let ``a module from texts to scores continues them too, reading them again`` () =
    use scope = torch.NewDisposeScope()
    let inner = toy ()

    let declared =
        Model.empty
        |> Model.input "prompt" exchanged
        |> Model.eq "prompt" (wrapping "scores" (fun () -> new TextScores(inner)))

    let known = Model.compile target declared
    let ids = tokens (array2D [ [ 1L; 8L; 0L; 4L ] ])
    let again = new RereadingModel(new TextScores(inner))

    Tensors.assertClose
        1e-12
        (inner.call (ids.narrow (1L, 0L, 0L), ids))
        (again.call (ids.narrow (1L, 0L, 0L), ids))

    Assert.IsNotType<RereadingModel>(known.Sequence "prompt") |> ignore

    // What does not score every token is refused.
    let pooled =
        new RereadingModel(
            torch.nn.Sequential(torch.nn.Embedding(12L, 12L) :> Net, torch.nn.Flatten 1L :> Net)
        )

    Expect.refused [ "score every token of 1" ] (fun () -> pooled.call (ids.narrow (1L, 0L, 0L), ids))
