/// Inputs of a batch in parts: as many at a time as a call may have rows, or as a processor's caches hold.
module Equivariant.Tests.Designs.InputPartsTests

open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests.Representations.SmallGroups
open Equivariant.Tests.Tensors

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

/// A network that remembers how many rows each call had.
type private Recording(network: Net) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("recording")
    do this.register_module ("network", network)
    member val Rows = ResizeArray<int64>()

    override this.forward x =
        this.Rows.Add x.shape[0]
        network.call x

let private perceptron seed : Recording =
    torch.manual_seed seed |> ignore

    new Recording(
        torch.nn.Sequential(
            torch.nn.Linear(4L, 6L, dtype = torch.float64) :> Net,
            torch.nn.Tanh(),
            torch.nn.Linear(6L, 4L, dtype = torch.float64)
        )
    )

let private c4 = Group.Cyclic 4
let private onFour = AxisAction(PermutationAction.Natural c4, -1)
let private whole = QuotientTerm.Equitune c4
let private half = QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])

let private reductions: (string * (unit -> Reduction)) list = [
    "mean", Reduction.Mean
    "learned",
    (fun () ->
        Reduction.Weighted(
            perceptron 8L
            |> fun net -> torch.nn.Sequential(net, torch.nn.Linear(4L, 1L, dtype = torch.float64))
        ))
    "given", (fun () -> Reduction.Fixed _.select(1L, 0L).exp())
    "least loss", (fun () -> Reduction.LeastLoss(fun values -> values.select (1L, 1L)))
    "largest", (fun () -> Reduction.Largest())
]

[<Fact>]
let ``as many inputs at a time as a call holds give the values and the gradients of all at once`` () =
    for terms, models, sizes in
        [
            [ whole ], 1, [ 12L; 8L ]
            [ half; whole ], 1, [ 12L; 12L; 6L ]
            [ half; whole ], 2, [ 4L; 8L; 4L; 8L; 2L; 4L ]
        ] do
        for name, reduction in reductions do
            for checkpoint in [ false; true ] do
                let run evaluation =
                    let networks = [ for i in 1..models -> perceptron (int64 i) ]
                    let rows = ResizeArray<int64>()
                    torch.manual_seed 5L |> ignore

                    let design =
                        new QuotientDesign(
                            [| for network in networks -> network :> torch.nn.IModule<_, _> |],
                            onFour,
                            onFour,
                            Array.ofList terms,
                            reduction (),
                            evaluation = evaluation
                        )

                    torch.manual_seed 7L |> ignore
                    let x = torch.randn([| 5L; 4L |], dtype = torch.float64).requires_grad_()
                    let y = design.call x

                    if models = 1 then
                        rows.AddRange networks[0].Rows
                    else
                        for first, second in Seq.zip networks[0].Rows networks[1].Rows do
                            rows.AddRange [ first; second ]

                    let slope =
                        torch.autograd.grad(
                            [| y.sin().sum() |],
                            [| x |],
                            retain_graph = true,
                            create_graph = true
                        )[0]

                    (slope.square().sum() + y.cos().sum()).backward()

                    let gradients = [ for parameter in design.parameters () -> parameter.grad ]
                    List.ofSeq rows, [ y; slope; x.grad ] @ gradients

                let atOnce, expected = run Evaluation.Plain
                let inParts, found = run (Evaluation(ChunkRows = 13, Checkpoint = checkpoint))
                Assert.Equal(models, atOnce.Length)
                Assert.Equal<int64 list>(sizes, inParts)

                for expected, found in List.zip expected found do
                    Assert.True(
                        distance expected found < 1e-10,
                        $"{name}, {terms.Length} terms of {models} models, checkpoints {checkpoint}"
                    )

[<Fact>]
let ``what is only evaluated, on a processor, is so in parts that its caches hold`` () =
    let d4 = Group.Dihedral 4
    let onImages = AxisAction(GridActions.Symmetries(d4, 64, 64), -2, -1)
    torch.manual_seed 1L |> ignore
    use x = torch.randn (20L, 1L, 64L, 64L)

    let network (parameters: int64) =
        let convolution = torch.nn.Conv2d(1L, 1L, 3L, padding = 1L)
        convolution.register_parameter ("unused", torch.nn.Parameter(torch.zeros parameters))
        new Recording(torch.nn.Sequential(convolution, torch.nn.Dropout 0.0))

    let rowsOf (network: Recording) evaluation (prepare: Equitune -> unit) (learning: bool) =
        use scope = torch.NewDisposeScope()
        use _ = torch.set_grad_enabled learning
        let design = new Equitune(network, onImages, onImages, evaluation = evaluation)
        design.eval ()
        prepare design
        let y = design.call x
        let rows = List.ofSeq network.Rows
        design.train ()
        assertClose 1e-6 (design.call x) y
        rows

    let asTheyAre (_: Equitune) = ()

    onOneThread (fun () ->
        // A row has 16 KiB, an input eight rows, and the caches of a thread room for 256 KiB.
        Assert.Equal<int64 list>(List.replicate 10 16L, rowsOf (network 1L) Evaluation.Plain asTheyAre false)
        // A mebibyte of parameters is read again for each mebibyte of rows.
        Assert.Equal<int64 list>(
            [ 56L; 56L; 48L ],
            rowsOf (network (1L <<< 18)) Evaluation.Plain asTheyAre false
        )

        for name, evaluation, prepare, learning in
            [
                "a gradient may be asked for", Evaluation.Plain, asTheyAre, true
                "the design learns", Evaluation.Plain, (fun design -> design.train ()), false
                "a layer draws",
                Evaluation.Plain,
                (fun (design: Equitune) ->
                    for layer in design.modules () do
                        if layer :? TorchSharp.Modules.Dropout then
                            layer.train ()),
                false
                "equal rows are looked for", Evaluation(Distinct = true), asTheyAre, false
                "calls may have more rows", Evaluation(ChunkRows = 1000), asTheyAre, false
            ] do
            Assert.True(([ 160L ] = rowsOf (network 1L) evaluation prepare learning), name))
