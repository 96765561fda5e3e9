/// Actions in the language: what they are made of, what the core makes of them, and what is refused.
module Equivariant.Tests.Dsl.ActionTests

open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Tests

let private d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let private numbers (shape: int64 list) =
    let size = List.fold (*) 1L shape
    torch.arange((size: int64).ToScalar(), dtype = torch.float32).reshape(Array.ofList (1L :: shape))

/// Moves a tensor by an element, written as an F# value.
let private move (group: Group<'e>) (action: Action<'e>) space (element: 'e) (x: torch.Tensor) =
    (Signal.core (space |> under group action)).Apply(group.Element element, x)

let private refused space signalOf (parts: string list) =
    match Signal.problem (signalOf space) with
    | None -> Assert.Fail $"nothing was refused on {space}"
    | Some sentence ->
        for part in parts do
            Assert.Contains(part, sentence)

[<Fact>]
let ``a product of actions moves by the left part after the right one`` () =
    let space = image 1 4 4
    let x = numbers [ 1L; 4L; 4L ]
    let turned = move (cyclic 4) rotations space 1
    let flipped = move (cyclic 2) reflections space 1
    let both = move d4 (rotations >< reflections) space (1, 1) x
    Tensors.assertClose 0.0 (turned (flipped x)) both
    Assert.True(Tensors.distance (flipped (turned x)) both > 0.0, "the order makes no difference")

[<Fact>]
let ``a quarter turn takes the top left corner to the top right`` () =
    let y = move (cyclic 4) rotations (image 1 3 3) 1 (numbers [ 1L; 3L; 3L ])
    Assert.Equal(0.0f, y[0, 0, 0, 2].item<float32>())

[<Fact>]
let ``a subgroup acts as its group does`` () =
    let turns = d4 |> Group.subgroup [ (1, 0) ]
    let x = numbers [ 1L; 4L; 4L ]
    let action = rotations >< reflections
    Tensors.assertClose 0.0 (move d4 action (image 1 4 4) (3, 0) x) (move turns action (image 1 4 4) (3, 0) x)

[<Fact>]
let ``parts that move different axes act together`` () =
    let group = cyclic 4 >< symmetric 3
    let x = numbers [ 3L; 4L; 4L ]
    let swap = [| 1; 0; 2 |]
    let together = move group (rotations >< channels points) (image 3 4 4) (1, swap) x

    let apart =
        x
        |> move (symmetric 3) (channels points) (image 3 4 4) swap
        |> move (cyclic 4) rotations (image 3 4 4) 1

    Tensors.assertClose 0.0 apart together

[<Fact>]
let ``shifts of a nested product know their factors`` () =
    let group = (cyclic 2 >< cyclic 3) >< cyclic 2
    let action = (shiftsDown >< shiftsRight) >< reflections
    let signal = image 1 4 6 |> under group action

    // Shifts to the right and reflections do not commute: this is no action of a direct product.
    refused (image 1 4 6) (under group action) [ "C2 × C3 × C2" ]
    Assert.Equal("shifts down × shifts right × reflections", ActionExpression.text signal.Action)

[<Fact>]
let ``words are exchanged by name, in sentences and in scores`` () =
    let vocabulary = [ "walk"; "jump"; "run"; "left"; "right" ]
    let group = cyclic 2 >< cyclic 2
    let action = exchange "jump" "run" >< exchange "left" "right"
    let tokens = torch.tensor [| 0L; 1L; 2L; 3L; 4L |] |> fun x -> x.reshape (1L, 5L)
    let moved = move group action (sentence vocabulary 5) (1, 0) tokens
    Assert.Equal<int64[]>([| 0L; 2L; 1L; 3L; 4L |], moved.data<int64>().ToArray())
    let scored = move group action (scores 1 vocabulary) (0, 1) (numbers [ 1L; 5L ])
    Assert.Equal<float32[]>([| 0.0f; 1.0f; 2.0f; 4.0f; 3.0f |], scored.data<float32>().ToArray())

[<Fact>]
let ``a formula on words is checked to be an action`` () =
    let vocabulary = [ "a"; "b"; "c" ]

    let next word =
        if word = "a" then "b"
        elif word = "b" then "c"
        else "a"

    let rec times n word =
        if n = 0 then word else times (n - 1) (next word)

    let cycle = renaming "cycle" (fun (n: int) word -> times n word)
    Assert.Equal(None, Signal.problem (sentence vocabulary 4 |> under (cyclic 3) cycle))
    refused (sentence vocabulary 4) (under (cyclic 2) cycle) [ "C2" ]
    refused (sentence [ "a"; "b" ] 4) (under (cyclic 3) cycle) [ "\"c\" is not in the vocabulary" ]

[<Fact>]
let ``an action along a homomorphism is that of the image`` () =
    let parity = along "parity" (fun (n: int) -> n % 2) (cyclic 2) reflections
    let x = numbers [ 1L; 2L; 3L ]
    let space = image 1 2 3
    Tensors.assertClose 0.0 (move (cyclic 2) reflections space 1 x) (move (cyclic 4) parity space 3 x)
    refused space (under (cyclic 3) parity) [ "C3" ]

[<Fact>]
let ``a wreath product moves blocks`` () =
    let group = wreath (cyclic 2) (symmetric 3)
    let x = numbers [ 6L ]
    let moved = move group blocks (vector 6) ([ 1; 0; 0 ], [| 0; 1; 2 |]) x
    Assert.Equal<float32[]>([| 1.0f; 0.0f; 2.0f; 3.0f; 4.0f; 5.0f |], moved.data<float32>().ToArray())

[<Fact>]
let ``the factors of a direct product of like groups act each by its own`` () =
    let group = direct [ cyclic 2; cyclic 2 ]
    let action = each [ exchange "a" "b"; exchange "c" "d" ]
    let tokens = torch.tensor [| 0L; 1L; 2L; 3L |] |> fun x -> x.reshape (1L, 4L)
    let moved = move group action (sentence [ "a"; "b"; "c"; "d" ] 4) [ 0; 1 ] tokens
    Assert.Equal<int64[]>([| 0L; 1L; 3L; 2L |], moved.data<int64>().ToArray())

[<Fact>]
let ``the regular action moves places as the group multiplies`` () =
    let signal = vector 8 |> under d4 regular
    let action = Signal.core signal
    let x = numbers [ 8L ]

    for g in d4.Core.Elements do
        for h in d4.Core.Elements do
            Tensors.assertClose 0.0 (action.Apply(g * h, x)) (action.Apply(g, action.Apply(h, x)))

[<Fact>]
let ``what does not fit is refused with a sentence that says what would`` () =
    refused (image 3 4 6) (under (cyclic 4) rotations) [ "square"; "4 × 6" ]
    refused (image 3 4 4) (under (cyclic 3) rotations) [ "C3"; "Only C1, C2 and C4" ]
    refused (vector 5) (under (cyclic 4) rotations) [ "image"; "5" ]
    refused (image 3 4 4) (under (cyclic 3) reflections) [ "C3"; "C2" ]
    refused (image 3 4 4) (under (cyclic 3) shiftsDown) [ "C3"; "divide 4" ]
    refused (vector 5) (under (symmetric 4) points) [ "4 places"; "has 5" ]
    refused (image 3 4 4) (under (symmetric 4) (onAxis -5 points)) [ "axis -5"; "-3 to -1" ]
    refused (vector 8) (under quaternion (moving "nothing like it" (fun q i -> (q + i) % 8))) [ "Q8" ]
    refused (sentence [ "a"; "b" ] 3) (under (symmetric 3) points) [ "names to exchange" ]
    refused (image 3 4 4) (under (cyclic 2) (exchange "a" "b")) [ "needs words" ]

    refused (sentence [ "a"; "b" ] 3) (under (cyclic 2) (exchange "a" "z")) [
        "\"z\" is not in the vocabulary"
    ]

    refused (sentence [ "a"; "b"; "c" ] 3) (under (cyclic 2) (cycling [ [ "a"; "b"; "c" ] ])) [ "C2" ]

[<Fact>]
let ``actions and signals are compared by what they say`` () =
    Assert.Equal(rotations >< reflections, symmetries)
    Assert.NotEqual(rotations >< reflections, rotations >< mirrored Mirror.TopBottom)
    Assert.Equal(image 3 4 4 |> under d4 symmetries, image 3 4 4 |> under d4 symmetries)

    Assert.NotEqual(
        image 3 4 4 |> under d4 symmetries,
        image 3 4 4 |> under (cyclic 2 >< cyclic 2) symmetries
    )

    Assert.Equal(moving "same" (fun (g: int) i -> g + i), moving "same" (fun (g: int) i -> i))

[<Fact>]
let ``elements are read as words in the letters of the action`` () =
    let signal = image 1 4 4 |> under d4 symmetries
    Assert.Equal("r² · f", Signal.word signal (d4.Element(2, 1)))
    Assert.Equal("1", Signal.word signal (d4.Element(0, 0)))
    Assert.Equal("r³", Signal.word signal (d4.Element(3, 0)))
    Assert.Equal("r² · f", Element.text ((dihedral 4).Element(2, 1)))
    Assert.Equal("(0 1)", Element.text ((symmetric 3).Element [| 1; 0; 2 |]))

[<Fact>]
let ``the core's actions are of the kinds that the spaces need`` () =
    Assert.IsType<TokenAction>(Signal.core (sentence [ "a"; "b" ] 3 |> under (cyclic 2) (exchange "a" "b")))
    |> ignore

    Assert.IsType<AxisAction>(Signal.core (scores 3 [ "a"; "b" ] |> under (cyclic 2) (exchange "a" "b")))
    |> ignore

    Assert.IsType<TrivialAction>(Signal.core (Signal.still (vector 3))) |> ignore

    Assert.Throws<EquivariantException>(fun () ->
        Signal.core (vector 3 |> under (cyclic 4) rotations) |> ignore)
    |> ignore
