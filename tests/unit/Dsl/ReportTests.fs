/// What is printed and drawn of models: figures, names and pictures.
module Equivariant.Tests.Dsl.ReportTests

open System
open System.Xml.Linq
open Xunit
open Equivariant
open Equivariant.Core.Groups
open Equivariant.Tests

let private d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let private views =
    network {
        input "front" (image 2 6 6 |> under d4 symmetries)
        input "side" (vector 4 |> under (cyclic 4) circle)
        eq "front" (convNet 3) quotient
        eq "side" (linear 1)
        is ("side" --> "front") (mlp [ 5 ])
        is ("front" --> "side") (mlp [ 2 ])
        apply relu
        eq "front" (mlp [ 2 ]) (equitune |> weighted 4)
        is ("side" --> "front") (linear 3)
        readout (invariant (classes 5))
    }

[<Fact>]
let ``the figures of a report are those of the model`` () =
    let report = Report.of' views
    let compiled = Model.compile Target.cpu views

    let rows =
        report.Blocks
        |> List.map (fun block -> block.Place, block.Design, block.Evaluations, block.Parameters)

    // Convolutions: 2·3·9 + 3 and 3·3·9 + 3; perceptrons: inputs · width + width, and so on to the outputs; and log λ.
    let convolutions = 2L * 3L * 9L + 3L + 3L * 3L * 9L + 3L

    let perceptron inputs hidden outputs : int64 =
        inputs * hidden + hidden + hidden * outputs + outputs

    Assert.Equal<(string * string * bigint * int64) list>(
        [
            "eq block \"front\"", "quotient", 4I, convolutions
            // Maps between circles: one for each turn.
            "eq block \"side\"", "exact", 1I, 4L
            "is block \"side\" --> \"front\"", "invariant-symmetric", 4I, perceptron 4L 5L 108L
            "is block \"front\" --> \"side\"", "invariant-symmetric", 8I, perceptron 72L 2L 4L
            "layer 2, eq block \"front\"", "λ-equitune 4", 8I, perceptron 108L 2L 108L + perceptron 108L 4L 1L
            // One orbit on the circle, six on the square under its symmetries.
            "layer 2, is block \"side\" --> \"front\"", "exact, by orbits", 1I, 3L * 6L
            "bias of \"side\"", "exact", 0I, 1L
            // On each of the six, for each of three channels.
            "layer 2, bias of \"front\"", "exact", 0I, 3L * 6L
        ],
        rows
    )

    // Six orbits of each of three channels, to five classes.
    let readout = 18L * 5L + 5L
    Assert.Equal(compiled.ParameterCount, report.Parameters)
    Assert.Equal(report.Parameters, readout + (report.Blocks |> List.sumBy _.Parameters))
    Assert.Equal(26I, report.Evaluations)
    Assert.Equal(64I, report.Naive)
    Assert.Equal("C4 ⋊ C2, order 8", report.Blocks[3].Group)
    Assert.Equal("C4, order 4", report.Blocks[2].Group)
    let captured, total = report.Blocks.Head.Expressivity.Value
    Assert.Contains($"{captured} of {total} ({100L * captured / total} %%)", report.Text)
    Assert.Equal(None, report.Blocks[2].Expressivity)
    Assert.Contains("not computed", report.Text)
    Assert.EndsWith($"parameters   {report.Parameters}", report.Text)

[<Fact>]
let ``elements read as words`` () =
    let signal = image 1 6 6 |> under d4 symmetries

    let word (turn, flip) =
        Signal.word signal (d4.Element(turn, flip))

    Assert.Equal<string list>(
        [ "1"; "r"; "r²"; "r³"; "f"; "r · f"; "r² · f"; "r³ · f" ],
        [
            for flip in 0..1 do
                for turn in 0..3 -> word (turn, flip)
        ]
    )

    // By generators, positive powers; where there are no letters, as the group writes them.
    let circle = vector 12 |> under (cyclic 12) circle
    Assert.Equal(Element.text ((cyclic 12).Element 11), Signal.word circle ((cyclic 12).Element 11))
    Assert.Equal("a¹¹", Element.word [ "a" ] (cyclic 12).Core ((cyclic 12).Element 11))

    Assert.Equal(
        "(left↔right)",
        Signal.word
            (sentence [ "left"; "right" ] 1 |> under (cyclic 2) (exchange "left" "right"))
            ((cyclic 2).Element 1)
    )

[<Fact>]
let ``designs and actions have names that say what they are`` () =
    let energy (x: TorchSharp.torch.Tensor) = x

    let names = [
        "equitune", equitune
        "quotient", quotient
        "quotient within 9 evaluations", quotientWithin 9
        "λ-equitune 8", equitune |> weighted 8
        "λ-quotient 3", quotient |> weighted 3
        "equitune, least entropy", equitune |> leastLoss Entropy
        "quotient, most confident", quotient |> leastLoss Confidence
        "equitune, largest of each", equitune |> largest
        "quotient, represented by ink", quotient |> represented "ink" energy
        "canonical by ink", canonical "ink" energy
        "canonical by ramp", canonicalAlong "ramp" (TorchSharp.torch.zeros 1L)
        "quotient by C4", quotientBy [ cyclic 4 ]
    ]

    for name, design in names do
        Assert.Equal(name, string design)

    Expect.refused [ "canonical by ink has no values to weigh" ] (fun () ->
        canonical "ink" energy |> weighted 3)

    Expect.refused [ "canonical by ink has no kernel" ] (fun () ->
        canonical "ink" energy |> represented "ink" energy)

    Assert.Equal("rotations × (shifts down × shifts right)", string (rotations >< shifts))
    Assert.Equal("left↔right", string (exchange "left" "right"))

    Assert.Equal(
        "points on axis -3 along sign",
        string (points |> channels |> along "sign" (fun (n: int) -> [| n |]) (symmetric 1))
    )

[<Fact>]
let ``names that are nearly right are suggested, others are listed`` () =
    let told name =
        Model.empty
        |> Model.input "front" (vector 3 |> under (cyclic 3) circle)
        |> Model.input "side" (vector 3 |> under (cyclic 3) circle)
        |> Model.eq "front" (mlp [ 2 ])
        |> Model.eq "side" (mlp [ 2 ])
        |> Model.eq name (mlp [ 2 ])
        |> Model.problems
        |> List.map string
        |> List.exactlyOne

    Assert.EndsWith("did you mean \"front\"?", told "frnt")
    Assert.EndsWith("did you mean \"front\"?", told "fronnnt")
    Assert.EndsWith("there are \"front\", \"side\".", told "fronnnnt")
    Assert.EndsWith("did you mean \"side\"?", told "sdie")

[<Fact>]
let ``a law is tried fifty times unless told otherwise, and says how often`` () =
    Assert.Equal(50, Law.defaultTrials)
    let law = Laws.group d4.Core
    let verdict = Laws.judge 3UL [ law ] |> List.exactlyOne |> snd
    Assert.Equal("held in 50 trials", string verdict)
    Assert.Equal("group axioms on C4 ⋊ C2", string law)
