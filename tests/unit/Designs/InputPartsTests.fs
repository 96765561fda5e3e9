/// Inputs of a batch in parts: as many at a time as a call may have rows.
module Equivariant.Tests.Designs.InputPartsTests

open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Tests.Expect
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
            torch.nn.Sequential(perceptron 8L :> Net, torch.nn.Linear(4L, 1L, dtype = torch.float64))
        ))
    "given",
    (fun () ->
        // It may scale weights by the largest of the rows that it is asked of.
        Reduction.Fixed(fun rows ->
            let numbers = rows.select (1L, 0L)
            (numbers - numbers.max ()).exp()))
    "least loss", (fun () -> Reduction.LeastLoss(fun values -> values.select (1L, 1L)))
    "largest", (fun () -> Reduction.Largest())
]

[<Fact>]
let ``as many inputs at a time as a call holds give the values and the gradients of all at once`` () =
    let always sizes _ = sizes

    for terms, models, most, sizes in
        [
            [ whole ], 1, 13, always [ 12L; 8L ]
            [ half; whole ], 1, 13, always [ 12L; 12L; 6L ]
            [ half; whole ], 2, 13, always [ 4L; 8L; 4L; 8L; 2L; 4L ]
            // One orbit is more than a call: elements of many inputs where it becomes one mean, else one input at a time.
            [ whole ],
            1,
            3,
            (function
            | "mean"
            | "learned" -> List.replicate 4 3L @ List.replicate 4 2L
            | _ -> List.replicate 5 [ 3L; 1L ] |> List.concat)
            [ half ], 1, 1, always (List.replicate 10 1L)
            [ half; whole ], 1, 4, always (List.replicate 5 [ 4L; 2L ] |> List.concat)
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
                let inParts, found = run (Evaluation(ChunkRows = most, Checkpoint = checkpoint))
                Assert.Equal(models, atOnce.Length)
                Assert.Equal<int64 list>(sizes name, inParts)

                for expected, found in List.zip expected found do
                    Assert.True(
                        distance expected found < 1e-10,
                        $"{name}, {terms.Length} terms of {models} models, checkpoints {checkpoint}"
                    )

[<Fact>]
let ``with checkpoints inputs are kept and none of their rows: what decides among them is asked again`` () =
    let asked = ref 0

    let loss (values: torch.Tensor) =
        asked.Value <- asked.Value + 1
        values.select (1L, 1L)

    let evaluation = Evaluation(ChunkRows = 13, Checkpoint = true)

    let design =
        new QuotientDesign(
            perceptron 1L,
            onFour,
            onFour,
            [| whole |],
            Reduction.LeastLoss loss,
            evaluation = evaluation
        )

    let y = design.call (torch.randn ([| 5L; 4L |], dtype = torch.float64))
    Assert.Equal(2, asked.Value)
    y.sum().backward()
    Assert.Equal(4, asked.Value)

[<Fact>]
let ``checkpoints leave weight functions outside, whose parameters nobody registers`` () =
    let slopes evaluation =
        torch.manual_seed 5L |> ignore
        let weights = torch.randn([| 4L; 1L |], dtype = torch.float64).requires_grad_()
        let x = torch.randn ([| 5L; 4L |], dtype = torch.float64)

        let design =
            new Equitune(
                perceptron 1L,
                onFour,
                onFour,
                Reduction.Fixed _.matmul(weights).squeeze(1L).exp(),
                evaluation
            )

        torch.autograd.grad([| (design.call x).square().sum() |], [| weights |])[0]

    for rows in [ 3; 8 ] do
        assertClose 1e-10 (slopes Evaluation.Plain) (slopes (Evaluation(ChunkRows = rows, Checkpoint = true)))

[<Fact>]
let ``inputs of a wrong shape are refused by that of the batch`` () =
    use x = torch.randn (100L, 5L, dtype = torch.float64)

    for evaluation in [ Evaluation.Plain; Evaluation(ChunkRows = 3); Evaluation(ChunkRows = 8) ] do
        refused [ "[100, 5]"; "4 coordinates" ] (fun () ->
            (new Equitune(perceptron 1L, onFour, onFour, evaluation = evaluation)).call x)

[<Fact>]
let ``estimates of memory know which rows are there at once`` () =
    use x = torch.zeros (1000L, 4L, dtype = torch.float64)

    let bytes reduction evaluation training =
        let design =
            new QuotientDesign(perceptron 1L, onFour, onFour, [| whole |], reduction, evaluation = evaluation)

        MemoryEstimate.Of(design, x, training)

    let leastLoss = Reduction.LeastLoss _.select(1L, 1L)
    let given = Reduction.Fixed _.select(1L, 0L).exp()
    let inParts = Evaluation(ChunkRows = 13, Checkpoint = true)
    // Of 4000 rows of 32 bytes, or of the twelve of three inputs, of what is given and of what is found.
    let saved = 32L * (4000L - (12L + 2L * 1000L))
    Assert.Equal(saved, bytes given inParts true - bytes leastLoss inParts true)
    Assert.Equal(bytes given inParts false, bytes leastLoss inParts false)
    // The network's widest value and its successor, for the rows of one call.
    let values = 8L * (6L + 6L) * (4000L - 13L)
    Assert.Equal(saved + values, bytes given Evaluation.Plain false - bytes given inParts false)
