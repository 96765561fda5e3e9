/// Declared models: values that are compared, printed, transformed, checked and compiled.
module Equivariant.Tests.Dsl.ModelTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Layers
open Equivariant.Core.Designs
open Equivariant.Tests

let private d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let private front = image 2 6 6 |> under d4 (rotations >< reflections)
let private side = image 2 6 6 |> under (cyclic 4) rotations

let private twoViews =
    network {
        input "front" front
        input "side" side
        eq "front" (convNet 4) quotient
        eq "side" (convNet 4)
        is ("side" --> "front") (convNet 4)
        apply relu
        readout (invariant (classes 5))
    }

let private problemsOf model = Model.problems model |> List.map string

/// A problem whose text has these parts, at this place.
let private has place (parts: string list) problems =
    let found =
        problems
        |> List.filter (fun (problem: string) -> problem.StartsWith($"{place}: ", StringComparison.Ordinal))

    Assert.True(
        found |> List.exists (fun problem -> parts |> List.forall problem.Contains),
        $"""no problem at {place} with {parts}; there are: {String.concat " | " problems}"""
    )

[<Fact>]
let ``the expression and plain functions make the same value`` () =
    let piped =
        Model.empty
        |> Model.input "front" front
        |> Model.input "side" side
        |> Model.eqBy quotient "front" (convNet 4)
        |> Model.eq "side" (convNet 4)
        |> Model.is ("side" --> "front") (convNet 4)
        |> Model.apply relu
        |> Model.readout (invariant (classes 5))

    Assert.Equal(piped, twoViews)
    Assert.NotEqual(piped |> Model.withDesign equitune, twoViews)

[<Fact>]
let ``a model prints as its table`` () =
    let lines = (string twoViews).Split '\n'
    Assert.Equal(7, lines.Length)
    Assert.Matches("^input +\"front\" +2 × 6 × 6 +C4 ⋊ C2, order 8 +rotations × reflections$", lines[0])
    Assert.Matches("^is +\"side\" --> \"front\" +convNet 4$", lines[4])
    Assert.Matches("^readout +invariant +5$", lines[6])

[<Fact>]
let ``transformations change what they say and nothing else`` () =
    let plain = Model.withoutIS twoViews
    Assert.Equal(2, (Model.blocks plain).Length)
    let renamed = Model.rename "side" "left" twoViews
    Assert.Empty(Model.problems renamed)
    Assert.Equal(twoViews, Model.rename "left" "side" renamed)
    let wide = twoViews |> Model.mapNetworks (fun _ -> convNet 6)
    Assert.Empty(Model.problems wide)
    Assert.All(Model.blocks wide, (fun block -> Assert.Equal(convNet 6, block.Network)))
    let turned = twoViews |> Model.withInput "front" side
    Assert.Equal(side, turned.Inputs.Head.Signal)

[<Fact>]
let ``all errors of a declaration are reported together, each with its place`` () =
    let wrong =
        network {
            input "front" (image 2 6 4 |> under d4 (rotations >< reflections))
            input "side" side
            input "side" side
            input "set" (tensor [ 3; 5 ] |> under (symmetric 3) points)
            input "idle" (vector 3 |> under (cyclic 3) circle)
            input "big" (vector 12 |> under (symmetric 12) points)
            eq "frnt" (convNet 4)
            eq "side" (convNet 4)
            eq "side" (convNet 4)
            is ("side" --> "side") (convNet 4)
            is ("side" --> "nowhere") (convNet 4)
            is ("idle" --> "side") (mlp [ 3 ])
            is ("idle" --> "side") (convNet 3)
            eq "big" (mlp [ 8 ])
            output "sides" (image 4 6 6)
            readout (invariant (sentence [ "a" ] 2))
        }

    let problems = problemsOf wrong
    problems |> has "input \"front\"" [ "square"; "6 × 4" ]
    problems |> has "input \"front\"" [ "no block reads it" ]
    problems |> has "input \"side\"" [ "declared 2 times" ]
    problems |> has "input \"set\"" [ "axis -1"; "onAxis" ]
    problems |> has "eq block \"frnt\"" [ "did you mean \"front\"?" ]
    problems |> has "eq block \"side\"" [ "declared 2 times" ]
    problems |> has "is block \"side\" --> \"side\"" [ "itself" ]

    problems
    |> has "is block \"side\" --> \"nowhere\"" [ "no input called \"nowhere\"" ]

    problems |> has "is block \"idle\" --> \"side\"" [ "needs images" ]
    problems |> has "is block \"idle\" --> \"side\"" [ "declared 2 times" ]
    problems |> has "eq block \"big\"" [ "479001600 evaluations" ]
    problems |> has "output \"sides\"" [ "no input called \"sides\"" ]
    problems |> has "readout" [ "numbers" ]

    let raised =
        Assert.Throws<DeclarationException>(fun () -> Model.compile Target.cpu wrong |> ignore)

    Assert.Equal<string list>(problems, raised.Problems |> List.map string)
    Assert.Equal(problems.Length, raised.Message.Split('\n').Length)

[<Fact>]
let ``an empty declaration says what is missing`` () =
    let problems = problemsOf (network { readout equivariant })
    problems |> has "network" [ "no inputs" ]
    problems |> has "network" [ "no blocks" ]

[<Fact>]
let ``shapes that cannot meet are named`` () =
    let problems =
        network {
            input "front" front
            input "side" side
            eq "front" (convNet 4)
            is ("side" --> "front") (convNet 3)
        }
        |> problemsOf

    problems
    |> has "is block \"side\" --> \"front\"" [ "convNet 3 gives 3 channels"; "4 × 6 × 6" ]

[<Fact>]
let ``kernels have to be normal subgroups of the input's group`` () =
    let one kernels =
        network {
            input "x" front
            eq "x" (convNet 2) (quotientBy kernels)
        }

    one [ Group.subgroup [ (0, 1) ] d4 ]
    |> problemsOf
    |> has "eq block \"x\"" [ "normal" ]

    one [ dihedral 3 ] |> problemsOf |> has "eq block \"x\"" [ "no subgroup" ]
    one [] |> problemsOf |> has "eq block \"x\"" [ "at least one kernel" ]
    Assert.Empty(problemsOf (one [ Group.normalClosure [ (0, 1) ] d4 ]))

[<Fact>]
let ``the group of a declared output is that of the input`` () =
    let problems =
        network {
            input "x" front
            eq "x" (mlp [ 8 ])
            output "x" (vector 4 |> under (cyclic 4) circle)
        }
        |> problemsOf

    problems |> has "output \"x\"" [ "C4"; "C4 ⋊ C2" ]

[<Fact>]
let ``layers after the first read what the one before gives`` () =
    let problems =
        network {
            input "front" front
            input "side" side
            eq "front" (convNet 4)
            is ("side" --> "front") (convNet 4)
            apply relu
            eq "side" (convNet 4)
        }
        |> problemsOf

    problems
    |> has "layer 2, eq block \"side\"" [ "no block of the layer before leads to \"side\"" ]

    problems |> has "layer 2, \"front\"" [ "no block reads it" ]

let private run (model: CompiledModel) : torch.Tensor =
    let x = torch.ones ([| 3L; 2L; 6L; 6L |], dtype = model.Target.DType)
    (model.Run [ "front", x; "side", x * 0.5.ToScalar() ])["readout"]

[<Fact>]
let ``a model compiles to a module with named inputs and outputs, from a seed`` () =
    let first = Model.compile { Target.cpu with Seed = 3L } twoViews
    let again = Model.compile { Target.cpu with Seed = 3L } twoViews
    let other = Model.compile { Target.cpu with Seed = 4L } twoViews
    Assert.Equal<string list>([ "front"; "side" ], first.InputNames)
    Assert.Equal<string list>([ "readout" ], first.OutputNames)
    let y = run first
    Assert.Equal<int64[]>([| 3L; 5L |], y.shape)
    Tensors.assertClose 0.0 y (run again)
    Assert.True(Tensors.distance y (run other) > 0.0)
    Assert.Equal(first.ParameterCount, first.parameters () |> Seq.sumBy _.numel())

[<Fact>]
let ``compiling leaves torch's generator as it was`` () =
    torch.manual_seed 5L |> ignore
    let expected = torch.rand 4L
    torch.manual_seed 5L |> ignore
    Model.compile Target.cpu twoViews |> ignore
    Tensors.assertClose 0.0 expected (torch.rand 4L)

[<Fact>]
let ``bad tensors and devices are refused by name`` () =
    let model = Model.compile Target.cpu twoViews
    let x = torch.ones [| 1L; 2L; 6L; 6L |]

    let refusal (work: unit -> unit) =
        (Assert.ThrowsAny<Equivariant.Core.EquivariantException> work).Message

    Assert.Contains("input \"side\" is missing", refusal (fun () -> model.Run [ "front", x ] |> ignore))

    Assert.Contains(
        "no input \"back\"",
        refusal (fun () -> model.Run [ "front", x; "side", x; "back", x ] |> ignore)
    )

    Assert.Contains(
        "input \"side\" has to be [B, 2, 6, 6], but is [1, 2, 5, 6]",
        refusal (fun () -> model.Run [ "front", x; "side", torch.ones [| 1L; 2L; 5L; 6L |] ] |> ignore)
    )

    Assert.Contains("2 inputs", refusal (fun () -> model.call [| x |] |> ignore))

    let elsewhere device =
        refusal (fun () -> Model.compile { Target.cpu with Device = device } twoViews |> ignore)

    Assert.Contains("no device \"nonsense\"", elsewhere "nonsense")
    Assert.Contains("no device \"cuda:77\"", elsewhere "cuda:77")

let private words = [ "walk"; "jump"; "run"; "left"; "right" ]

let private phrases =
    sentence words 3
    |> under (cyclic 2 >< cyclic 2) (exchange "jump" "run" >< exchange "left" "right")

let private ink (x: torch.Tensor) =
    x.select(-1, 0L).select(-1, 0L).flatten(1L).sum 1L

/// Energy along a ramp that no move of a square image leaves as it is.
let private ramp (space: Space) =
    let shape = [| for length in space.Shape -> int64 length |]
    torch.arange((Array.fold (*) 1L shape).ToScalar(), dtype = torch.float32).view shape

[<Fact>]
let ``a pose along weights is the pose of the energy that is their inner product`` () =
    let weights = ramp front.Space

    let turned design =
        let model =
            Model.empty
            |> Model.input "x" front
            |> Model.eqBy design "x" (mlp [ 5 ])
            |> Model.compile Target.cpu

        use generator = new torch.Generator(1uL)
        model.Predict(torch.randn ([| 3L; yield! weights.shape |], generator = generator))

    let along = turned (canonicalAlong "ramp" weights)
    let energy (x: torch.Tensor) = x.flatten(1L).mv(weights.flatten ())
    Tensors.assertClose 1e-6 (turned (canonical "ramp" energy)) along
    Assert.True(Tensors.distance (turned equitune) along > 1e-3)

/// Every way to make a block, each in the smallest model that has it.
let designs: (string * Model) list = [
    let one network design =
        Model.empty |> Model.input "x" front |> Model.eqBy design "x" network

    "equitune", one (convNet 3) equitune
    "quotient", one (convNet 3) quotient
    "quotient by the trivial subgroup", one (convNet 3) (quotientBy [ Group.subgroup [] d4 ])
    "within", one (mlp [ 5 ]) (quotientWithin 4)
    "weighted", one (convNet 3) (equitune |> weighted 4)
    "weighted quotient", one (convNet 3) (quotient |> weighted 4)
    "least entropy", one (mlp [ 5 ]) (equitune |> leastLoss Entropy)
    "most confident", one (mlp [ 5 ]) (equitune |> leastLoss Confidence)
    "largest", one (mlp [ 5 ]) (quotient |> largest)
    // Each part of the energy orders the moves of one factor and is blind to the other, so they commute.
    "represented",
    network {
        input "x" (image 2 4 4 |> under (cyclic 4 >< cyclic 2) (rotations >< channels circle))

        eq
            "x"
            (mlp [ 6 ])
            (quotient
             |> represented "corner and first channel" (fun x ->
                 let corner = x.sum(1L).select(-1, 0L).select(-1, 0L)
                 corner + x.select(1, 0L).flatten(1L).sum(1L)))
    }

    "canonical", one (mlp [ 5 ]) (canonical "ink in the corner" ink)
    "canonical along", one (mlp [ 5 ]) (canonicalAlong "ramp" (ramp front.Space))
    "linear", Model.empty |> Model.input "x" front |> Model.eq "x" (linear 3)

    "linear layers",
    network {
        input "front" front
        input "side" side
        eq "front" (linear 3)
        eq "side" (linear 2)
        is ("side" --> "front") (linear 3)
        is ("front" --> "side") (linear 2)
        apply (pointwise "tanh" torch.tanh)
        eq "front" (linear 2)
        is ("side" --> "front") (linear 2)
        readout (invariant (classes 3))
    }

    "moved channels",
    network {
        input "x" (image 3 4 4 |> under (cyclic 4 >< symmetric 3) (rotations >< channels points))
        eq "x" (linear 1)
    }

    "invariant output",
    network {
        input "x" side
        eq "x" (mlp [ 6 ])
        output "x" (vector 4 |> under (cyclic 4) unmoved)
    }

    "regular output",
    network {
        input "x" front
        eq "x" (mlp [ 6 ])
        output "x" (tensor [ 2; 8 ] |> under d4 regular)
        apply gelu
        eq "x" (mlp [ 4 ])
        readout (invariant (classes 2))
    }

    "sentences",
    network {
        input "words" phrases
        eq "words" (mlp [ 8 ]) quotient
    }

    "sentences, weighted",
    network {
        input "words" phrases
        eq "words" (mlp [ 8 ]) (equitune |> weighted 4)
    }

    "sentences beside images",
    network {
        input "words" phrases
        input "front" front
        eq "words" (mlp [ 8 ])
        is ("front" --> "words") (mlp [ 6 ])
        apply silu
        readout (invariant (classes 4))
    }
]

/// The names of the models, for the theories.
let names: obj[] seq = designs |> Seq.map (fun (name, _) -> [| name :> obj |])

[<Theory; MemberData(nameof names)>]
let ``every design compiles, trains and obeys the laws`` (name: string) =
    let model = designs |> List.find (fst >> (=) name) |> snd
    Assert.Empty(Model.problems model)

    let compiled =
        Model.compile
            {
                Target.cpu with
                    DType = torch.float64
            }
            model

    for law in Laws.ofCompiled compiled do
        match Law.judge 12 7UL law with
        | Verdict.Held _ -> ()
        | Verdict.Broken counterexample -> Assert.Fail counterexample

    let inputs =
        compiled.InputNames
        |> List.map (fun name -> (Laws.sampling compiled name).Draw 2L 1)

    compiled.train ()

    let loss =
        compiled.call (Array.ofList inputs)
        |> Seq.map _.pow(2.0.ToScalar()).sum()
        |> Seq.reduce (+)

    loss.backward ()

    let gradients =
        compiled.parameters () |> Seq.map _.grad |> Seq.filter (fun g -> not (isNull g))

    Assert.True(gradients |> Seq.exists (fun g -> Numbers.largest g > 0.0), "nothing would train")

[<Fact>]
let ``a wrapped module is the user's own, compared by name`` () =
    let net = new ToyModels.Perceptron(72L, [ 2L; 6L; 6L ], torch.float32)

    let model =
        network {
            input "x" front
            eq "x" (wrapping "perceptron" (fun () -> net))
        }

    let compiled = Model.compile Target.cpu model
    Assert.Equal(net.parameters () |> Seq.length, compiled.parameters () |> Seq.length)

    let same =
        wrapping "perceptron" (fun () -> new ToyModels.Perceptron(1L, [ 1L ], torch.float32))

    Assert.Equal(model, model |> Model.mapNetworks (fun _ -> same))
    Laws.checkCompiled compiled

[<Fact>]
let ``a wrapped module that gives another shape than was said is refused with its place`` () =
    let broken giving =
        network {
            input "x" front

            eq
                "x"
                (wrapping "perceptron" (fun () -> new ToyModels.Perceptron(72L, [ 5L ], torch.float32))
                 |> giving)
        }

    let messageOf model =
        (Assert.Throws<DeclarationException>(fun () -> Model.compile Target.cpu model |> ignore)).Message

    Assert.StartsWith("eq block \"x\": perceptron", messageOf (broken id))
    Assert.StartsWith("eq block \"x\": perceptron", messageOf (broken (giving (image 2 6 6))))

[<Fact>]
let ``a report counts evaluations against the naive product, and parameters`` () =
    let report = Report.of' twoViews
    Assert.Equal(12I, report.Evaluations)
    Assert.Equal(32I, report.Naive)
    Assert.Equal(3, report.Blocks.Length)
    Assert.Equal((Model.compile Target.cpu twoViews).ParameterCount, report.Parameters)
    let reached = report.Blocks.Head.Expressivity.Value
    Assert.True(fst reached < snd reached, "the quotient design gives something up")
    Assert.Equal(Some(324L, 324L), report.Blocks[1].Expressivity)
    Assert.Contains("12 for one set of inputs, 32 for the naive average", Report.text twoViews)

[<Fact>]
let ``linear blocks have exactly the parameters that the theory gives`` () =
    let set = tensor [ 1; 5 ] |> under (symmetric 5) points

    let compiled =
        Model.compile Target.cpu (Model.empty |> Model.input "set" set |> Model.eq "set" (linear 1))
    // Two orbits on pairs, and one invariant vector for the bias.
    Assert.Equal(3L, compiled.ParameterCount)

/// What is wrong, as the list says it before compiling and the exception when compiling: both the same.
let private refusedAs place (parts: string list) model =
    let problems = problemsOf model
    problems |> has place parts

    let raised =
        Assert.Throws<DeclarationException>(fun () -> Model.compile Target.cpu model |> ignore)

    Assert.Equal<string list>(problems, raised.Problems |> List.map string)

/// The input and one equituned block on it.
let private only network =
    Model.empty |> Model.input "x" front |> Model.eq "x" network

let private fives () : Net =
    new ToyModels.Perceptron(72L, [ 5L ], torch.float32)

/// A module from a function of tensors.
let private net (f: torch.Tensor -> torch.Tensor) : Net = {
    new torch.nn.Module<torch.Tensor, torch.Tensor>("net") with
        override _.forward x = f x
}

[<Fact>]
let ``a module of the user's is tried on one row, and a forgotten giving is named as the cause`` () =
    only (wrapping "fives" fives)
    |> refusedAs "eq block \"x\"" [ "fives gives 5, but is taken to give 2 × 6 × 6"; "giving (tensor [ 5 ])" ]

    // What follows from it is not told, such as that the declared output does not fit.
    let declared =
        only (wrapping "fives" fives)
        |> Model.outputAs "x" (classes 5 |> under d4 unmoved)

    Assert.Single(Model.problems declared) |> ignore
    declared |> refusedAs "eq block \"x\"" [ "giving (tensor [ 5 ])" ]

    only (wrapping "fives" fives |> giving (classes 4))
    |> refusedAs "eq block \"x\"" [ "fives gives 5, but giving says 4" ]

    let perceptron = new ToyModels.Perceptron(72L, [ 2L; 6L; 6L ], torch.float64)
    Assert.Empty(Model.problems (only (wrapping "fine" (fun () -> perceptron))))
    Assert.Equal(1L, perceptron.Meter.Rows)

[<Fact>]
let ``modules that do not serve are problems with a place`` () =
    let one name make parts =
        only (wrapping name make) |> refusedAs "eq block \"x\"" parts

    one "halving" (fun () -> net (fun x -> torch.cat ([| x; x |], 1L))) [ "halving gives 4 × 6 × 6" ]

    one "doubling" (fun () -> net (fun x -> torch.cat [| x; x |])) [
        "doubling gives a tensor of shape [2, 2, 6, 6] for one row"
    ]

    one "nothing" (fun () -> Unchecked.defaultof<Net>) [ "nothing makes no module" ]

    one "unlucky" (fun () -> raise (Collections.Generic.KeyNotFoundException "weights.bin")) [
        "unlucky raises KeyNotFoundException: weights.bin"
    ]

    one "narrow" (fun () -> torch.nn.Linear(7L, 7L)) [ "narrow does not run on 2 × 6 × 6" ]
    one "failing" (fun () -> net (fun _ -> failwith "no licence")) [ "failing does not run"; "no licence" ]

[<Fact>]
let ``functions of the user's that raise are problems with a place`` () =
    let boom () : 'a = raise (DivideByZeroException "boom")

    let told name =
        $"{name} raises DivideByZeroException: boom"

    let onInput (signal: Signal) network =
        Model.empty |> Model.input "x" signal |> Model.eq "x" network

    onInput (vector 4 |> under (cyclic 4) (moving "shoving" (fun _ _ -> boom ()))) (mlp [ 3 ])
    |> refusedAs "input \"x\"" [ told "shoving" ]

    onInput
        (sentence [ "a"; "b" ] 2
         |> under (cyclic 2) (renaming "naming" (fun _ _ -> boom ())))
        (mlp [ 3 ])
    |> refusedAs "input \"x\"" [ told "naming" ]

    onInput
        (vector 4
         |> under (cyclic 8) (circle |> along "halving" (fun _ -> boom ()) (cyclic 4)))
        (mlp [ 3 ])
    |> refusedAs "input \"x\"" [ told "halving" ]

    only (convNet 2)
    |> Model.withDesign (canonical "ink" (fun _ -> boom ()))
    |> refusedAs "eq block \"x\"" [ told "ink" ]

    only (convNet 2)
    |> Model.withDesign (quotient |> represented "ink" (fun _ -> boom ()))
    |> refusedAs "eq block \"x\"" [ told "ink" ]

    only (convNet 2)
    |> Model.withDesign (canonical "sum" _.sum())
    |> refusedAs "eq block \"x\"" [ "sum has to give one number for each input"; "[]" ]

    only (convNet 2)
    |> Model.withDesign (canonicalAlong "ramp" (torch.zeros (6L, 6L)))
    |> refusedAs "eq block \"x\"" [ "ramp has to have the shape of an input, [2, 6, 6], but is"; "[6, 6]" ]

    onInput (sentence [ "a"; "b" ] 2 |> under (cyclic 2) (exchange "a" "b")) (mlp [ 3 ])
    |> Model.withDesign (canonicalAlong "ramp" (torch.zeros 2L))
    |> refusedAs "eq block \"x\"" [ "ramp"; "tokens have no inner product" ]

    only (convNet 2)
    |> Model.apply (pointwise "bump" (fun _ -> boom ()))
    |> refusedAs "output \"x\"" [ told "bump" ]

    only (convNet 2)
    |> Model.apply (pointwise "pool" _.mean([| -1L |]))
    |> refusedAs "output \"x\"" [ "pool has to give a number for each component"; "[2, 2, 6, 6]" ]

[<Fact>]
let ``spaces and widths that cannot be are problems with a place`` () =
    let still space network =
        Model.empty |> Model.input "x" (Signal.still space) |> Model.eq "x" network

    still (sentence [ "a"; "b"; "a" ] 3) (mlp [ 2 ])
    |> refusedAs "input \"x\"" [ "\"a\" 2 times" ]

    still (scores 2 [ "a"; "a" ]) (mlp [ 2 ])
    |> refusedAs "input \"x\"" [ "\"a\" 2 times" ]

    still (vector 0) (mlp [ 2 ]) |> refusedAs "input \"x\"" [ "axis of length 0" ]

    still (image 1 -2 3) (mlp [ 2 ])
    |> refusedAs "input \"x\"" [ "axis of length -2" ]

    still (tensor [ 100000; 100000 ]) (mlp [ 2 ])
    |> refusedAs "input \"x\"" [ "10000000000 components" ]

    only (convNet 0) |> refusedAs "eq block \"x\"" [ "convNet 0 has a width of 0" ]
    only (mlp [ 3; 0 ]) |> refusedAs "eq block \"x\"" [ "width of 0" ]
    only (linear -1) |> refusedAs "eq block \"x\"" [ "width of -1" ]

    only (convNet 2)
    |> Model.withDesign (equitune |> weighted 0)
    |> refusedAs "eq block \"x\"" [ "width of 0" ]

    only (convNet 2)
    |> Model.readout (invariant (vector 0))
    |> refusedAs "readout" [ "axis of length 0" ]

    still (vector 4) (mlp [ 2 ])
    |> Model.withInput "x" (sentence [ "a"; "b" ] 2 |> under (cyclic 2) (cycling [ [] ]))
    |> Model.problems
    |> Assert.Empty

[<Fact>]
let ``many evaluations are warned of, and the model compiles all the same`` () =
    let set n =
        Model.empty
        |> Model.input "set" (vector n |> under (symmetric n) points)
        |> Model.eq "set" (mlp [ 2 ])

    Assert.Empty(Model.problems (set 6))
    let warning = Assert.Single(Model.problems (set 7))
    Assert.True warning.IsWarning

    Assert.StartsWith(
        "eq block \"set\": warning: it evaluates mlp [2] 5040 times for one input",
        string warning
    )

    Assert.Contains("warning      eq block \"set\": it evaluates mlp [2] 5040 times", Report.text (set 7))
    Assert.DoesNotContain("warning", Report.text (set 6))
    use compiled = Model.compile Target.cpu (set 7)
    Assert.Equal<int64[]>([| 2L; 7L |], (compiled.Predict(torch.randn (2L, 7L))).shape)

[<Fact>]
let ``tensors that a compiled model cannot take are refused by name`` () =
    let model = Model.compile Target.cpu (only (mlp [ 4 ]))
    let x = torch.ones [| 1L; 2L; 6L; 6L |]

    let refused (parts: string list) (x: torch.Tensor) =
        Expect.refused ("input \"x\" has to be" :: parts) (fun () -> model.Predict x)

    refused [ "Float32 as the model is"; "Float64" ] (x.``to`` torch.float64)
    refused [ "Float32 as the model is"; "Int64" ] (x.``to`` torch.int64)
    refused [ "dense"; "sparse" ] (x.to_sparse ())
    refused [ "[B, 2, 6, 6]"; "[2, 6, 6]" ] (x.squeeze 0L)
    refused [ "a tensor"; "null" ] Unchecked.defaultof<torch.Tensor>

    Expect.refused [ "input \"x\" is given 2 times" ] (fun () -> model.Run [ "x", x; "x", x ])
    Expect.refused [ "there is no input \"y\"" ] (fun () -> model.Run("y", x))
    // Moved by its user, it takes what it has become.
    model.``to`` torch.float64 |> ignore
    refused [ "Float64 as the model is"; "Float32" ] x
    Assert.Equal(torch.float64, (model.Predict(x.``to`` torch.float64)).dtype)

    let spoken =
        Model.compile Target.cpu (Model.empty |> Model.input "words" phrases |> Model.eq "words" (mlp [ 4 ]))

    let sentences (x: torch.Tensor) = fun () -> spoken.Predict x

    let tokens (numbers: int64 list) =
        torch.tensor(Array.ofList numbers).view(1L, -1L)

    Expect.refused [ "from 0 to 4"; "holds -1" ] (sentences (tokens [ 0L; -1L; 2L ]))
    Expect.refused [ "from 0 to 4"; "holds 5" ] (sentences (tokens [ 0L; 5L; 2L ]))
    Expect.refused [ "int64"; "Float32" ] (sentences (torch.ones (1L, 3L)))
    Assert.Equal<int64[]>([| 1L; 3L; 5L |], (spoken.Predict(tokens [ 4L; 0L; 2L ])).shape)

[<Fact>]
let ``a model of one input runs on a tensor, by name or without`` () =
    let model = Model.compile Target.cpu (only (mlp [ 4 ]))
    let x = torch.randn (2L, 2L, 6L, 6L)
    let expected = (model.call [| x |])[0]
    Tensors.assertClose 0.0 expected (model.Predict x)
    Tensors.assertClose 0.0 expected (Map.find "x" (model.Run("x", x)))
    Tensors.assertClose 0.0 expected (Map.find "x" (model.Run [ ("x", x) ]))
    let two = Model.compile Target.cpu twoViews
    Expect.refused [ "one input" ] (fun () -> two.Predict x)
    Expect.refused [ "input \"side\" is missing" ] (fun () -> two.Run("front", x))

[<Fact>]
let ``compiling leaves the whole model in train mode`` () =
    let own =
        torch.nn.Sequential(torch.nn.Linear(6L, 6L) :> Net, torch.nn.Dropout 0.5 :> Net)

    own.eval ()

    let model =
        network {
            input "front" front
            eq "front" (wrapping "own" (fun () -> own))
        }
        |> Model.compile Target.cpu

    Assert.True model.training
    Assert.All(model.modules (), (fun part -> Assert.True part.training))

[<Fact>]
let ``naive and actual cost are counted over the same layers`` () =
    let layered =
        network {
            input "front" front
            input "side" side
            eq "front" (convNet 2) quotient
            is ("side" --> "front") (convNet 2)
            apply relu
            eq "front" (convNet 2) quotient
            apply relu
            eq "front" (linear 2)
        }

    let report = Report.of' layered
    // 4 + 4, then 4, then 1; beside 8 · 4 for both views, then 8 for the front, then 8.
    Assert.Equal(13I, report.Evaluations)
    Assert.Equal(48I, report.Naive)
    let blocks = report.Blocks |> List.filter (fun block -> block.Network <> "bias")
    Assert.Equal<bigint list>([ 4I; 4I; 4I; 1I ], blocks |> List.map _.Evaluations)

    Assert.Equal<string list>(
        [ "quotient"; "invariant-symmetric"; "quotient"; "exact" ],
        blocks |> List.map _.Design
    )

    let plain = Report.of' (layered |> Model.withDesign equitune)
    Assert.Equal(21I, plain.Evaluations)
    Assert.Equal(48I, plain.Naive)
