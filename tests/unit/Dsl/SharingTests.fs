/// Declared models whose inputs share groups, weights and places, and groups that act by matrices: each compiles, obeys its
/// laws and trains.
module Equivariant.Tests.Dsl.SharingTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests

let private side = image 2 4 4 |> under (cyclic 4) rotations

/// C4 turns vectors of the plane.
let private directions =
    byMatrices "directions" (fun turn ->
        let cos, sin = [| 1.0; 0.0; -1.0; 0.0 |][turn], [| 0.0; 1.0; 0.0; -1.0 |][turn]
        array2D [ [ cos; -sin ]; [ sin; cos ] ])

/// C3 turns them by thirds.
let private thirds =
    byMatrices "thirds" (fun turn ->
        let angle = Math.PI * 2.0 / 3.0 * float turn
        array2D [ [ cos angle; -(sin angle) ]; [ sin angle; cos angle ] ])

/// C2 changes signs.
let private negation =
    byMatrices "negation" (fun sign ->
        let value = if sign = 1 then -1.0 else 1.0
        array2D [ [ value; 0.0 ]; [ 0.0; value ] ])

/// C2 mirrors the second coordinate.
let private mirror =
    byMatrices "mirror" (fun sign -> array2D [ [ 1.0; 0.0 ]; [ 0.0; (if sign = 1 then -1.0 else 1.0) ] ])

/// The ink in one corner, which moves with turns.
let private ink (x: torch.Tensor) =
    x.select(-1, 0L).select(-1, 0L).flatten(1L).sum 1L

let private toy () =
    new ToyModels.ToySequenceModel(12, 12, torch.float32)

/// 1 is exchanged with 2 as 5 is with 4, and 7, 8 and 9 in turn.
let private gender, race = words 12 [ [ 1; 2 ]; [ 5; 4 ] ], words 12 [ [ 7; 8; 9 ] ]

let private prompted design =
    Model.empty
    |> Model.input "prompt" (prompt 12 4 |> under (gender >< race) exchanges)
    |> Model.eqBy design "prompt" (languageModel "toy" toy)

/// An energy that tells prompts apart: the first place counts most.
let private first (ids: torch.Tensor) =
    let places =
        (torch.arange (ids.shape[1], dtype = torch.float64) * (-3.0).ToScalar()).exp()

    (ids.``to`` torch.float64 * places).sum 1L

let private models: (string * Model) list = [
    let one network design =
        Model.empty |> Model.input "x" side |> Model.eqBy design "x" network

    "inputs moved together",
    network {
        input "left" side
        input "right" side
        together [ "left"; "right" ]
        eq "left" (convNet 3)
        eq "right" (convNet 2)
        eq ("left" --> "right") (convNet 2)
        eq ("right" --> "left") (convNet 3) quotient
        apply relu
        eq "left" (linear 2)
        eq ("right" --> "left") (linear 2)
    }

    "a family, by the wreath product",
    network {
        family "view" 3 side
        eq "view" (convNet 2)
        is ("view" --> "view") (convNet 2)
    }

    "a family, by the direct product",
    network {
        family "view" 3 side
        together [ "view" ]
        eq "view" (linear 2)
        is ("view" --> "view") (linear 2)
        apply gelu
        eq "view" (convNet 3)
        readout (invariant (classes 2))
    }

    "a family moved together, whose members learn from each other",
    network {
        family "view" 3 side
        together [ "view" ]
        eq "view" (convNet 2)
        eq ("view" --> "view") (convNet 2) quotient
        apply relu
        eq "view" (linear 2)
        eq ("view" --> "view") (linear 2)
    }

    "families moved together, between each other and within",
    network {
        family "view" 2 side
        family "ring" 3 (vector 4 |> under (cyclic 4) circle)
        together [ "view"; "ring" ]
        eq ("view" --> "ring") (mlp [ 4 ])
        eq ("ring" --> "ring") (linear 1)
        eq "view" (convNet 2)
        is ("ring" --> "view") (mlp [ 4 ])
    }

    "a family whose members gate and norm alike",
    network {
        family "arrow" 2 (tensor [ 2; 2 ] |> under (cyclic 4) directions)
        input "x" side
        eq "arrow" (linear 2)
        is ("arrow" --> "x") (linear 2)
        eq "x" (linear 2)
        apply norm
        apply relu
        eq "arrow" (linear 2)
        is ("x" --> "arrow") (mlp [ 3 ])
        eq "x" (linear 2)
    }

    "a family beside an input",
    network {
        family "view" 2 side
        input "whole" (vector 4 |> under (cyclic 4) circle)
        is ("view" --> "whole") (mlp [ 5 ])
        is ("whole" --> "view") (mlp [ 5 ])
        eq "whole" (mlp [ 5 ])
        output "view" (vector 3 |> under (cyclic 4) unmoved)
    }

    "vectors to vectors ⊗ vectors",
    network {
        input "v" (tensor [ 2; 2 ] |> under (cyclic 3) thirds)
        eq "v" (linear 3)
        output "v" (tensor [ 3; 4 ] |> under (cyclic 3) (thirds * thirds))
    }

    "vectors, gated and normed",
    network {
        input "v" (tensor [ 2; 2 ] |> under (cyclic 4) directions)
        eq "v" (linear 4)
        apply norm
        apply relu
        eq "v" (linear 3)
        output "v" (tensor [ 3; 7 ] |> under (cyclic 4) (directions + circle + unmoved))
        readout (invariant (classes 2))
    }

    "matrices beside pixels, in a direct product",
    network {
        input "x" (image 2 3 3 |> under (cyclic 4 >< cyclic 4) (rotations >< channels directions))
        eq "x" (linear 2)
        apply norm
        apply relu
        eq "x" (mlp [ 4 ]) quotient
    }

    "matrices on both sides of a direct product, on one axis",
    network {
        input "x" (tensor [ 2; 2 ] |> under (cyclic 4 >< cyclic 2) (directions >< negation))
        eq "x" (mlp [ 4 ])
        is ("y" --> "x") (linear 2)
        input "y" (vector 4 |> under (cyclic 4) circle)
        eq "y" (linear 1)
        is ("x" --> "y") (mlp [ 3 ])
    }

    "matrices in a semidirect product",
    network {
        input "x" (tensor [ 3; 2 ] |> under (dihedral 4) (directions >< mirror))
        eq "x" (linear 2)
        apply relu
        eq "x" (mlp [ 4 ])
    }

    "matrices and places, each a factor of many",
    network {
        input
            "x"
            (tensor [ 2; 4 ]
             |> under (direct [ cyclic 4; cyclic 4 ]) (each [ circle; onAxis -2 directions ]))

        eq "x" (linear 1)
        apply norm
        eq "x" (mlp [ 4 ]) (byFactor [ equitune; quotient ])

        output
            "x"
            (tensor [ 2; 4 ]
             |> under (direct [ cyclic 4; cyclic 4 ]) (each [ circle; onAxis -2 directions ]))
    }

    "a field of vectors, which turn with their places",
    network {
        input "flow" (image 2 4 4 |> under (cyclic 4) (rotations |> alongside (channels directions)))
        eq "flow" (linear 2)
        apply norm
        skip "flow"
        apply relu
        eq "flow" (mlp [ 3 ])

        output
            "flow"
            (image 3 4 4
             |> under (cyclic 4) (rotations |> alongside (channels (directions + unmoved))))

        readout (invariant (classes 2))
    }

    "matrices, through a homomorphism and in a product",
    network {
        input
            "x"
            (image 2 4 4
             |> under (cyclic 8 >< cyclic 4) (along "mod 4" id (cyclic 4) (channels directions) >< rotations))

        eq "x" (mlp [ 3 ]) quotient
    }

    "a network on vectors",
    network {
        input "v" (tensor [ 2; 2 ] |> under (cyclic 4) directions)
        eq "v" (mlp [ 6 ])
    }

    "residual, normed, dropped",
    network {
        input "x" side
        eq "x" (convNet 2)
        skip "x"
        apply norm
        apply relu
        apply (dropout 0.25)
        eq "x" (convNet 2)
        skip "x"
    }

    "one network for two blocks",
    network {
        input "a" side
        input "b" side
        eq "a" (convNet 2 |> shared "trunk")
        eq "b" (convNet 2 |> shared "trunk")
        is ("a" --> "b") (convNet 2 |> shared "trunk")
    }

    "designs on invariant-symmetric blocks",
    network {
        input "a" side
        input "b" (image 2 4 4 |> under (cyclic 4 >< cyclic 2) (rotations >< channels circle))
        is ("a" --> "b") (mlp [ 5 ]) (equitune |> weighted 4)
        is ("b" --> "a") (mlp [ 5 ]) quotient
    }

    "least of a loss of one's own",
    one
        (mlp [ 5 ])
        (equitune
         |> leastLoss (proxyLoss "size" (fun y -> y.square().flatten(1L).sum 1L)))

    "framed", one (convNet 2) (framed "least ink" (fun () -> Frame.LeastEnergy(Func<_, _> ink)))
    "canonical by a network", one (convNet 2) (canonicalBy (mlp [ 4 ]))

    "canonical by a module of the user's",
    one
        (convNet 2)
        (canonicalBy (
            wrapping "pose" (fun () ->
                torch.nn.Sequential(torch.nn.Flatten 1L :> Net, torch.nn.Linear(32L, 1L) :> Net))
        ))

    "weighted by a network", one (convNet 2) (equitune |> weightedBy (mlp [ 3; 3 ]))

    "a design for each factor",
    network {
        input "x" (image 2 4 4 |> under (cyclic 4 >< cyclic 2) (rotations >< channels circle))

        eq
            "x"
            (mlp [ 6 ])
            (byFactor [
                equitune
                canonical "first channel" (fun x -> x.select(1, 0L).flatten(1L).sum 1L)
            ])
    }

    "learned weights and poses of one factor around another",
    network {
        input "x" (image 2 4 4 |> under (cyclic 4 >< cyclic 2) (rotations >< channels circle))
        input "y" side
        eq "x" (mlp [ 4 ]) (byFactor [ equitune; equitune ] |> weighted 3)
        is ("x" --> "y") (mlp [ 4 ]) (byFactor [ equitune; canonicalBy (mlp [ 4 ]) ])
        is ("y" --> "x") (mlp [ 4 ])
    }

    "names that joined or without dots are one",
    network {
        input "a" side
        input "a_b" side
        input "a.b" side
        input "b_c" side
        input "c" side
        input "readout" side
        eq "a.b" (linear 1)
        skip "a.b"
        eq "a_b" (linear 2)
        is ("a_b" --> "c") (convNet 2)
        is ("a" --> "b_c") (convNet 2)
        is ("c" --> "a") (mlp [ 2 ])
        is ("b_c" --> "readout") (linear 2)
        is ("readout" --> "a") (linear 2)
        output "a.b" (image 2 4 4)
        apply norm
        eq "a" (linear 1)
        eq "a_b" (linear 1)
        eq "a.b" (linear 1)
        eq "b_c" (linear 1)
        eq "c" (linear 1)
        eq "readout" (linear 1)
        readout (invariant (classes 2))
    }

    "a prompt, equituned", prompted equitune
    "a prompt, by quotient", prompted quotient
    "a prompt, by a chosen kernel", prompted (quotientBy [ Group.subgroup [] (gender >< race) ])
    "a prompt, by a canonical pose", prompted (canonical "first" first)
    "a prompt, weighted", prompted (equitune |> weightedBy (mlp [ 3 ]))
    "a prompt, the surest", prompted (equitune |> leastLoss Confidence)
    "a prompt, a design for each set of words", prompted (byFactor [ equitune; quotient ])

    "a prompt beside an image",
    network {
        input "prompt" (prompt 12 3 |> under (gender >< race) exchanges)
        input "x" side
        eq "prompt" (languageModel "toy" toy)
        is ("x" --> "prompt") (mlp [ 4 ])
        is ("prompt" --> "x") (mlp [ 4 ]) quotient
        eq "x" (convNet 2)
        apply relu
        readout (invariant (classes 2))
    }

    "a sentence that no group moves",
    network {
        input "words" (sentence [ "a"; "b"; "c" ] 4 |> Signal.still)
        input "x" side
        eq "x" (convNet 2)
        is ("words" --> "x") (mlp [ 4 ])
    }
]

/// The names of the models, for the theories.
let names: obj[] seq = models |> Seq.map (fun (name, _) -> [| name :> obj |])

let private draw (compiled: CompiledModel) batch = [|
    for name in compiled.InputNames -> (Laws.sampling compiled name).Draw batch 1
|]

let private inDouble model =
    Model.compile
        {
            Target.cpu with
                DType = torch.float64
        }
        model

[<Theory; MemberData(nameof names)>]
let ``each compiles, obeys its laws and trains`` (name: string) =
    let model = models |> List.find (fst >> (=) name) |> snd
    Assert.Empty(Model.problems model)
    let compiled = inDouble model
    compiled.eval ()

    for law in Laws.ofCompiled compiled do
        match Law.judge 10 7UL law with
        | Verdict.Held _ -> ()
        | Verdict.Broken counterexample -> Assert.Fail counterexample

    compiled.train ()

    let loss =
        compiled.call (draw compiled 3L)
        |> Seq.map _.pow(2.0.ToScalar()).sum()
        |> Seq.reduce (+)

    loss.backward ()

    let gradients =
        compiled.parameters () |> Seq.map _.grad |> Seq.filter (isNull >> not)

    Assert.True(
        gradients
        |> Seq.exists (fun gradient -> gradient.abs().max().item<double>() > 0.0)
    )

    let evaluations = (Report.ofCompiled compiled).Evaluations
    Assert.True(evaluations > 0I)

[<Theory; MemberData(nameof names)>]
let ``each obeys its laws with any weights`` (name: string) =
    let compiled = models |> List.find (fst >> (=) name) |> snd |> inDouble
    compiled.eval ()
    torch.manual_seed 5L |> ignore

    using (torch.no_grad ()) (fun _ ->
        for parameter in compiled.parameters () do
            torch.nn.init.normal_ (parameter, 0.0, 0.5) |> ignore)

    for law in Laws.ofCompiled compiled do
        match Law.judge 5 11UL law with
        | Verdict.Held _ -> ()
        | Verdict.Broken counterexample -> Assert.Fail counterexample

[<Fact>]
let ``inputs that move together have all equivariant maps between them, not the invariant-symmetric ones alone``
    ()
    =
    let model =
        network {
            input "left" side
            input "right" side
            together [ "left"; "right" ]
            eq ("left" --> "right") (linear 1)
            eq ("right" --> "left") (linear 1)
        }

    use scope = torch.NewDisposeScope()
    let compiled = inDouble model
    let x = draw compiled 1L
    let y = compiled.call x
    // What an invariant-symmetric map gave would be the same at all places of an orbit.
    Assert.True(y[0].std().item<double>() > 1e-3)
    // 16 pixels in 4 orbits: 16·16/4 maps, and a bias for each orbit; twice, from 2 channels to 1.
    Assert.Equal(2L * (64L * 2L + 4L), compiled.ParameterCount)

/// How many linear maps there are from a block's inputs to its outputs.
let private maps model =
    (Report.of' model).Blocks
    |> List.filter (fun block -> block.Network <> "bias")
    |> List.sumBy _.Parameters

[<Fact>]
let ``linear maps within a family are all that commute with the group and the exchanges`` () =
    let ring, n = vector 4 |> under (cyclic 4) circle, 3

    let direct =
        network {
            family "v" n ring
            together [ "v" ]
            eq "v" (linear 1)
            eq ("v" --> "v") (linear 1)
        }

    let apart =
        network {
            family "v" n ring
            eq "v" (linear 1)
            is ("v" --> "v") (linear 1)
        }

    let c4 = Group.Cyclic 4
    let exchanges = Group.Symmetric n
    let product = Group.Direct [| c4 :> Group; exchanges |]

    let members =
        PermutationAction
            .OfFactor(product, 1, PermutationAction.Natural exchanges)
            .Times(PermutationAction.OfFactor(product, 0, PermutationAction.Natural c4))

    let copies =
        PermutationAction.Imprimitive(Group.Wreath(c4, exchanges), PermutationAction.Natural c4)

    let dimension (action: PermutationAction) =
        int64 (HomDimension.Between(Representation.Of action, Representation.Of action))

    // One of four turns for a member and itself, and one for it and the others.
    Assert.Equal(8L, dimension members)
    Assert.Equal(dimension members, maps direct)
    // Moved independently, members tell each other their sums only.
    Assert.Equal(5L, dimension copies)
    Assert.Equal(dimension copies, maps apart)

[<Fact>]
let ``linear maps of a product with matrices are counted as the theory says`` () =
    // Pixels of 3 × 3 under quarter turns: three orbits, 21 maps. Vectors of the plane under quarter turns: two maps.
    let apart =
        network {
            input "x" (image 2 3 3 |> under (cyclic 4 >< cyclic 4) (rotations >< channels directions))
            eq "x" (linear 1)
            output "x" (image 2 3 3)
        }

    Assert.Equal(21L * 2L, maps apart)

    // Turned together, characters: the identity 9² · 2², and the half turn 1 · (-2)², the quarter turns 1 · 0.
    let field =
        network {
            input "x" (image 2 3 3 |> under (cyclic 4) (rotations |> alongside (channels directions)))
            eq "x" (linear 1)
            output "x" (image 2 3 3)
        }

    Assert.Equal((81L * 4L + 4L) / 4L, maps field)

[<Fact>]
let ``a factor's matrices act on their own axis, and those of a semidirect product as one`` () =
    let moved signal element (x: torch.Tensor) = (Signal.core signal).Apply(element, x)
    let group = cyclic 4 >< cyclic 4
    let product = image 2 3 3 |> under group (rotations >< channels directions)
    let pixels = image 2 3 3 |> under (cyclic 4) rotations
    let turned = image 2 3 3 |> under (cyclic 4) (channels directions)
    let x = torch.randn (3L, 2L, 3L, 3L, dtype = torch.float64)
    let c4 = cyclic 4

    Tensors.assertClose
        1e-12
        (moved turned (c4.Element 3) (moved pixels (c4.Element 1) x))
        (moved product (group.Element(1, 3)) x)

    let d4 = dihedral 4
    let y = torch.randn (3L, 2L, dtype = torch.float64)
    let axis = vector 2 |> under d4 (directions >< mirror)

    Tensors.assertClose
        1e-12
        (moved
            (vector 2 |> under c4 directions)
            (c4.Element 1)
            (moved (vector 2 |> under (cyclic 2) mirror) ((cyclic 2).Element 1) y))
        (moved axis (d4.Element(1, 1)) y)

    let refused parts signal =
        let sentence = Signal.problem signal |> Option.defaultValue ""

        for part: string in parts do
            Assert.Contains(part, sentence)

    // Turns do not commute with a mirror.
    vector 2
    |> under (cyclic 4 >< cyclic 2) (directions >< mirror)
    |> refused [ "do not represent"; "C4 × C2" ]

    vector 2
    |> under c4 (directions |> alongside directions)
    |> refused [ "one axis twice" ]

    image 2 3 3
    |> under (cyclic 4 >< cyclic 3) (rotations >< channels thirds)
    |> Signal.problem
    |> fun problem -> Assert.Equal(None, problem)

    image 3 3 3
    |> under (cyclic 4 >< cyclic 3) (rotations >< channels thirds)
    |> refused [ "thirds"; "axis -3"; "has 3" ]

    sentence [ "a"; "b" ] 3
    |> under (cyclic 2 >< cyclic 2) (exchange "a" "b" >< negation)
    |> refused [ "names to exchange" ]

[<Fact>]
let ``a family's members lead to themselves or to each other, and have a network for each`` () =
    let model =
        network {
            family "v" 2 side
            together [ "v" ]
            eq "v" (convNet 2)
            eq ("v" --> "v") (convNet 3)
            output "v" (image 2 4 4)
        }

    let compiled =
        Model.compile Target.cpu (model |> Model.mapNetworks (fun _ -> convNet 2))

    Assert.NotSame(compiled.Inner "v", compiled.Inner "v --> v")
    Assert.Contains("eq block \"v\" --> \"v\"", Report.text (model |> Model.mapNetworks (fun _ -> convNet 2)))

    let told part =
        let problems = Model.problems >> List.map string >> String.concat "\n"
        fun model -> Assert.Contains(part, (problems model: string))

    network {
        family "v" 2 side
        eq "v" (convNet 2)
        eq ("v" --> "v") (convNet 2)
    }
    |> told "eq block \"v\" --> \"v\": \"v 2\" and \"v 1\" are moved independently"

    network {
        family "v" 1 side
        together [ "v" ]
        eq "v" (convNet 2)
        eq ("v" --> "v") (convNet 2)
    }
    |> told "the family \"v\" has one member"

    network {
        input "x" side
        eq "x" (convNet 2)
        eq ("x" --> "x") (convNet 2)
    }
    |> told "it is declared 2 times"

[<Fact>]
let ``a family of any size has as many parameters, and each member is evaluated once`` () =
    let sized count =
        network {
            family "view" count side
            eq "view" (convNet 2)
            is ("view" --> "view") (convNet 2)
        }

    let report count = Report.of' (sized count)
    Assert.Equal((report 2).Parameters, (report 5).Parameters)
    // Four turns of each member, for the block on itself and for what it tells the others.
    Assert.Equal(5I * 4I + 5I * 4I, (report 5).Evaluations)

[<Fact>]
let ``a random mean is declared, with its price`` () =
    let model =
        Model.empty |> Model.input "x" side |> Model.eqBy (sampled 3) "x" (convNet 2)

    Assert.Equal(3I, (Report.of' model).Evaluations)
    let first, again = Model.compile Target.cpu model, Model.compile Target.cpu model
    let x = draw first 2L
    Tensors.assertClose 0.0 (first.call(x)[0]) (again.call(x)[0])

[<Fact>]
let ``a model is saved under declared names, and its inner network is at hand`` () =
    let net = torch.nn.Conv2d(2L, 3L, 3L, padding = 1L)

    let model =
        network {
            input "front" side
            input "side" side
            eq "front" (wrapping "mine" (fun () -> net) |> giving (image 3 4 4))
            is ("side" --> "front") (convNet 3)
            readout (invariant (classes 2))
        }

    let compiled = Model.compile Target.cpu model
    let names = compiled.state_dict().Keys |> Set.ofSeq
    Assert.Contains("layer1.eq_front.model.weight", names)
    Assert.Contains("layer1.is_side_front.model.0.weight", names)
    Assert.Contains("readout.is_front_readout.weight", names)
    Assert.Same(net, compiled.Inner "front")

    Assert.IsAssignableFrom<torch.nn.Module>(compiled.Inner "side --> front")
    |> ignore

    Expect.refused [ "\"back\""; "\"side --> front\"" ] (fun () -> compiled.Inner "back")

let private problemsOf model =
    Model.problems model |> List.map string |> String.concat "\n"

[<Fact>]
let ``what cannot be shared is a problem with a place`` () =
    let says (parts: string list) model =
        let problems = problemsOf model

        for part in parts do
            Assert.Contains(part, problems)

    let start =
        Model.empty
        |> Model.input "a" side
        |> Model.input "b" (image 2 4 4 |> under (cyclic 2) rotations)

    start
    |> Model.together [ "a"; "b" ]
    |> Model.eq "a" (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> says [ "together a+b"; "C4"; "C2"; "one group" ]

    start
    |> Model.eqBetween ("a" --> "b") None (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> says [ "eq block \"a\" --> \"b\""; "moved independently"; "together" ]

    start
    |> Model.eq "a" (convNet 2 |> shared "trunk")
    |> Model.eq "b" (convNet 3 |> shared "trunk")
    |> says [ "shares \"trunk\""; "eq block \"a\"" ]

    start
    |> Model.family "a" 2 side
    |> Model.eq "a" (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> says [ "family \"a\""; "same name" ]

    let family =
        Model.empty |> Model.family "view" 2 side |> Model.eq "view" (convNet 2)

    let oneOf = "\"view 1\" is one of the family \"view\""

    family
    |> Model.input "b" side
    |> Model.is ("view 1" --> "b") (convNet 2)
    |> says [ "is block \"view 1\" --> \"b\""; oneOf ]

    family |> Model.together [ "view 1" ] |> says [ "together view 1"; oneOf ]

    family
    |> Model.withInput "view 2" (image 3 4 4 |> under (cyclic 4) rotations)
    |> says [ "family \"view\""; "\"view 2\" is 3 × 4 × 4"; "alike" ]

    family
    |> Model.output "view 2" (image 2 4 3)
    |> says [ "output \"view 2\""; "4 × 3" ]

    Model.empty
    |> Model.family "view" 2 side
    |> Model.eq "view" (mlp [ 2 ])
    |> Model.output "view 1" (image 1 4 4)
    |> Model.output "view 2" (image 3 4 4)
    |> says [ "output \"view 2\""; "alike" ]

    family
    |> Model.output "view" (image 2 4 4)
    |> Model.output "view 1" (image 2 4 4)
    |> says [ "output \"view 1\""; "2 times" ]

    Expect.refused [ "family \"view\""; "0 members" ] (fun () -> Model.empty |> Model.family "view" 0 side)

    start
    |> Model.together [ "a"; "bb" ]
    |> Model.eq "a" (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> says [ "together a+bb"; "\"bb\""; "did you mean \"b\"?" ]

    start
    |> Model.together [ "a" ]
    |> Model.together [ "a"; "b" ]
    |> says [ "input \"a\""; "more than once" ]

    Model.empty
    |> Model.input "" side
    |> Model.eq "" (convNet 2)
    |> says [ "input \"\""; "no name" ]

    start
    |> Model.eq "a" (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> Model.apply (dropout 1.5)
    |> says [ "dropout 1.5"; "probability" ]

    start
    |> Model.eqBy (byFactor [ equitune; equitune ]) "a" (convNet 2)
    |> Model.eq "b" (convNet 2)
    |> says [ "direct product"; "C4" ]

    let broken = byMatrices "broken" (fun turn -> array2D [ [ float turn + 1.0 ] ])

    Model.empty
    |> Model.input "v" (tensor [ 2; 1 ] |> under (cyclic 4) broken)
    |> Model.eq "v" (linear 1)
    |> says [ "input \"v\""; "do not represent" ]

    // A half turn reverses vectors and leaves their products alone: nothing linear leads from one to the other.
    Model.empty
    |> Model.input "v" (tensor [ 2; 2 ] |> under (cyclic 4) directions)
    |> Model.eq "v" (linear 1)
    |> Model.outputAs "v" (tensor [ 1; 4 ] |> under (cyclic 4) (directions * directions))
    |> says [ "eq block \"v\""; "no linear map" ]

    Model.empty
    |> Model.input "v" (tensor [ 2; 3 ] |> under (cyclic 4) directions)
    |> Model.eq "v" (linear 1)
    |> says [ "input \"v\""; "dimension 2"; "has 3" ]

[<Fact>]
let ``weights of a family are few, whatever its size, and named after it`` () =
    let sized count =
        Model.compile
            Target.cpu
            (network {
                family "view" count side
                eq "view" (linear 2)
                apply norm
                eq "view" (linear 2)
            })

    let names (compiled: CompiledModel) =
        compiled.state_dict().Keys |> Seq.sort |> List.ofSeq

    Assert.Equal<string list>(names (sized 1), names (sized 3))
    Assert.Equal((sized 1).ParameterCount, (sized 3).ParameterCount)
    Assert.Contains("layer1.bias_view.value", names (sized 3))
    Assert.Contains("layer1_step1.view.weight", names (sized 3))
    let report = Report.ofCompiled (sized 3)
    Assert.Contains("bias of \"view\"", report.Text)

[<Fact>]
let ``blocks may share the network that weighs or poses`` () =
    let model scorer =
        network {
            input "a" side
            input "b" side
            eq "a" (convNet 2) (equitune |> weightedBy scorer)
            eq "b" (convNet 2) (canonicalBy scorer)
        }

    let count scorer =
        (Model.compile Target.cpu (model scorer)).ParameterCount

    // From 32 numbers to one by two.
    let scorer = int64 (32 * 2 + 2 + 2 + 1)
    Assert.Equal(count (mlp [ 2 ]) - scorer, count (mlp [ 2 ] |> shared "s"))

    let odd = model (wrapping "flat" (fun () -> torch.nn.Flatten 1L))

    Assert.Contains("eq block \"a\": flat gives 32", problemsOf odd)
    Assert.Contains("eq block \"b\": flat gives 32", problemsOf odd)

[<Fact>]
let ``a TorchScript module is wrapped as any other`` () =
    let path = IO.Path.GetTempFileName()

    try
        TorchScript.save path

        let model =
            network {
                input "x" (vector 4 |> under (cyclic 4) circle)
                input "y" (vector 4 |> under (cyclic 4) circle)

                eq "x" (wrapping "scripted" (fun () -> torch.jit.load<torch.Tensor, torch.Tensor> path))

                is
                    ("x" --> "y")
                    (wrapping "scripted" (fun () -> torch.jit.load<torch.Tensor, torch.Tensor> path))
                    quotient

                eq "y" (linear 1)
            }

        Assert.Empty(Model.problems model)
        Laws.check model
        let compiled = inDouble model
        Laws.checkCompiled compiled
        let x = draw compiled 2L
        let y = compiled.call x
        // It is evaluated, not ignored: its part is the mean over turns, back, of sin x + cumsum x.
        use scope = torch.NewDisposeScope()

        let expected =
            [ 0L .. 3L ]
            |> List.map (fun turn ->
                let turned = x[0].roll([| turn |], [| 1L |])
                (turned.sin () + turned.cumsum 1L).roll([| -turn |], [| 1L |]))
            |> List.reduce (+)

        Tensors.assertClose 1e-12 (expected / 4.0.ToScalar()) y[0]
    finally
        IO.File.Delete path
