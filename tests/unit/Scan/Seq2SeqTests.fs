module Equivariant.Tests.Scan.Seq2SeqTests

open System
open System.IO
open TorchSharp
open Xunit
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Scan
open Equivariant.Tests.Tensors

let private cellOf name =
    List.find (fun cell -> Settings.cellName cell = name) [ Gru; Lstm; Rnn ]

let private networkWith dropout cell (seed: int) =
    torch.set_num_threads 1
    torch.manual_seed (int64 seed) |> ignore

    new Seq2Seq(
        {
            Cell = cellOf cell
            Hidden = 16L
            Dropout = dropout
        },
        Vocabularies.input.Count,
        Vocabularies.output.Count
    )

let private network = networkWith 0.0

let private sentences (seed: int) count =
    let random = Random seed
    Array.init count (fun _ -> Vocabularies.example Grammar.all[random.Next Grammar.all.Length])

/// A whole test's tensors, and no gradients.
let private quietly (test: unit -> unit) =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    test ()

let private cells = [ "gru"; "lstm"; "rnn" ]
let private allCells = TheoryData<string> cells

/// The cells, as test data.
let theCells = allCells

[<Theory>]
[<MemberData(nameof theCells)>]
let ``padding changes nothing`` (cell: string) =
    quietly (fun () ->
        use model = network cell 1
        model.eval ()
        let examples = sentences 2 12
        let together = Batches.create torch.CPU examples
        let logits = model.call (together.Source, together.Prefix)

        for row, example in Seq.indexed examples do
            let alone = Batches.create torch.CPU [| example |]
            let length = int64 example.Target.Length + 1L

            assertClose
                1e-5
                (model.call (alone.Source, alone.Prefix))
                (logits.narrow(0L, row, 1L).narrow(1L, 0L, length)))

[<Theory>]
[<MemberData(nameof theCells)>]
let ``step by step gives the logits of teacher forcing`` (cell: string) =
    quietly (fun () ->
        use model = network cell 3
        model.eval ()
        let batch = Batches.create torch.CPU (sentences 4 5)
        let logits = model.call (batch.Source, batch.Prefix)
        use state = model.Start batch.Source

        for place in 0L .. batch.Prefix.shape[1] - 1L do
            let step = model.Step(state, batch.Prefix.select (1L, place))
            assertClose 1e-5 (logits.select (1L, place)) step)

[<Theory>]
[<MemberData(nameof theCells)>]
let ``a state keeps the rows that are selected`` (cell: string) =
    quietly (fun () ->
        use model = network cell 5
        model.eval ()
        let batch = Batches.create torch.CPU (sentences 6 5)
        let logits = model.call (batch.Source, batch.Prefix)
        let rows = torch.tensor [| 4L; 1L |]
        use state = model.Start batch.Source
        let token place = batch.Prefix.select (1L, place)
        model.Step(state, token 0L) |> ignore
        state.Select rows
        let step = model.Step(state, (token 1L).index_select(0L, rows))
        assertClose 1e-5 (logits.select(1L, 1L).index_select(0L, rows)) step)

[<Theory>]
[<MemberData(nameof theCells)>]
let ``the source matters, and so does the prefix`` (cell: string) =
    quietly (fun () ->
        use model = network cell 7
        model.eval ()
        let batch = Batches.create torch.CPU (sentences 8 4)
        let logits = model.call (batch.Source, batch.Prefix)
        let otherSource = model.call (batch.Source.roll (1L, 0L), batch.Prefix)
        let otherPrefix = model.call (batch.Source, batch.Prefix.roll (1L, 0L))
        Assert.True(distance logits otherSource > 1e-3)
        Assert.True(distance logits otherPrefix > 1e-3))

[<Theory>]
[<MemberData(nameof theCells)>]
let ``every weight learns`` (cell: string) =
    use scope = torch.NewDisposeScope()
    use model = network cell 9
    let loss = Schedule.loss model (Batches.create torch.CPU (sentences 10 16))
    loss.backward ()

    for struct (name, weight) in model.named_parameters () do
        match weight.grad with
        | null -> Assert.Fail $"{name} has no gradient"
        | gradient ->
            Assert.True(gradient.abs().sum().item<float32>() > 0f, $"the gradient of {name} is zero")

[<Theory>]
[<MemberData(nameof theCells)>]
let ``the same seed gives the same weights and the same dropout`` (cell: string) =
    quietly (fun () ->
        let batch = Batches.create torch.CPU (sentences 11 6)

        let logits seed =
            use model = networkWith 0.3 cell seed
            model.train ()
            model.call (batch.Source, batch.Prefix)

        Assert.Equal(0.0, distance (logits 12) (logits 12))
        Assert.True(distance (logits 12) (logits 13) > 1e-3))

[<Theory>]
[<MemberData(nameof theCells)>]
let ``a network that was wrapped still saves and loads`` (cell: string) =
    quietly (fun () ->
        use model = network cell 14
        Symmetry.equitune (Reduction.Mean()) model |> ignore
        use stream = new MemoryStream()
        use writer = new BinaryWriter(stream)
        model.save writer |> ignore
        stream.Position <- 0L
        use other = network cell 15
        use reader = new BinaryReader(stream)
        other.load reader |> ignore
        let batch = Batches.create torch.CPU (sentences 16 3)
        let logits (model: SequenceModel) = model.call (batch.Source, batch.Prefix)
        Assert.Equal(0.0, distance (logits model) (logits other)))

[<Fact>]
let ``designs around the network are equivariant`` () =
    quietly (fun () ->
        use model = network "gru" 17
        model.eval ()
        let batch = Batches.create torch.CPU (sentences 18 6)

        let acted (action: Equivariant.Core.Actions.PermutationAction) element (tokens: torch.Tensor) =
            let images =
                torch.tensor (
                    action.Permutation(element: Equivariant.Core.Groups.GroupElement)
                    |> Array.map int64
                )

            images.index_select(0L, tokens.flatten ()).view tokens.shape

        let error design =
            let wrapped = Design.wrap design model
            let logits = wrapped.call (batch.Source, batch.Prefix)

            Symmetry.group.Elements
            |> Seq.map (fun element ->
                let moved =
                    wrapped.call (
                        acted Symmetry.onWords element batch.Source,
                        acted Symmetry.onActions element batch.Prefix
                    )

                let images =
                    Symmetry.onActions.Permutation element |> Array.map int64 |> torch.tensor

                distance logits (moved.index_select (2L, images)))
            |> Seq.max

        for design in Design.all do
            if design = Design.Plain then
                Assert.True(error design > 1e-3, "a plain network must not pass")
            else
                Assert.True(error design < 1e-5, $"{Design.name design} is off by {error design}"))
