/// What the sequence designs cost beside the bare model on as many rows.
module Equivariant.Benchmarks.SequenceDesigns

open System
open Spectre.Console
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Scan

/// C2^k swaps the words of k pairs, on the input and on the output; marks and one more word stand still.
type private Swaps = {
    Group: DirectProduct
    Source: PermutationAction
    Target: PermutationAction
}

let private marks = 3

let private swaps count =
    let group = Group.Direct(List.replicate count (Group.Cyclic 2 :> Group))
    let degree = marks + 1 + 2 * count

    let permutation pair = [|
        for token in 0 .. degree - 1 ->
            let first = marks + 1 + 2 * pair

            if token = first then first + 1
            elif token = first + 1 then first
            else token
    |]

    let images = [| for pair in 0 .. count - 1 -> permutation pair |]

    {
        Group = group
        Source = PermutationAction(group, degree, images)
        Target = PermutationAction(group, degree, images)
    }

/// Sentences of SCAN-II's longest kind: 9 words in, some more out; each word is of a random pair.
let private sentences (random: Random) swaps batch outputLength =
    let draw length =
        torch.tensor (Array2D.init batch length (fun _ _ -> int64 (random.Next(marks, swaps.Source.Degree))))

    draw 9, draw outputLength

let private model swaps =
    torch.manual_seed 1L |> ignore

    let architecture = {
        Cell = Gru
        Hidden = 64L
        Dropout = 0.0
    }

    new Seq2Seq(architecture, swaps.Source.Degree, swaps.Target.Degree)

let private equitune swaps (inner: SequenceModel) =
    new EquituneSequenceModel(inner, swaps.Source, swaps.Target) :> SequenceModel

let private quotient swaps invariance (inner: SequenceModel) =
    new QuotientSequenceModel(
        inner,
        swaps.Source,
        swaps.Target,
        QuotientTerm.ForFactors swaps.Group,
        invariance
    )
    :> SequenceModel

let private forward (model: SequenceModel) (source, prefix) () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    model.call (source, prefix) |> ignore

let private trainingStep (model: SequenceModel) =
    let optimiser = torch.optim.Adam(model.parameters (), 1e-4)

    fun (source: torch.Tensor, prefix: torch.Tensor) () ->
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        let logits = model.call (source, prefix)

        let loss =
            torch.nn.functional.cross_entropy (logits.flatten (0L, 1L), prefix.flatten ())

        loss.backward ()
        optimiser.step () |> ignore

/// Rows for the bare model: as many as a design evaluates, with the same words.
let private repeated copies (source: torch.Tensor, prefix: torch.Tensor) =
    source.repeat ([| copies; 1L |]), prefix.repeat ([| copies; 1L |])

/// Each design on a batch of sentences beside the bare model on a batch of as many rows.
let overhead rounds =
    let swaps = swaps 3
    let batch = sentences (Random 1) swaps 64 24

    let designs = [
        "equitune", 8L, equitune swaps
        "multi-equitune, collapse", 6L, quotient swaps (SequenceInvariance.Collapse())
        "multi-equitune, canonicalise", 6L, quotient swaps (SequenceInvariance.Canonicalise())
    ]

    let table =
        Table()
            .Title(
                "Time over that of the bare model on the same number of rows (C2³, batch 64, 9 words to 24)"
            )
            .AddColumns("design", "rows", "forward", "training step")

    let bareModel = model swaps

    let measureBoth (work: SequenceModel -> torch.Tensor * torch.Tensor -> unit -> unit) =
        let works = [
            for _, copies, wrap in designs do
                work (wrap (model swaps)) batch
                work bareModel (repeated copies batch)
        ]

        Paired.measure rounds works

    let forwards = measureBoth forward
    let steps = measureBoth trainingStep

    for index, (name, copies, _) in List.indexed designs do
        let over (times: float list list) =
            Paired.ratio times[2 * index] times[2 * index + 1]

        table.AddRow(name, string (64L * copies), Paired.format (over forwards), Paired.format (over steps))
        |> ignore

    let multiOverEquitune (times: float list list) =
        Paired.format (Paired.ratio times[2] times[0])

    AnsiConsole.Write table

    AnsiConsole.MarkupLine(
        $"multi-equitune over equitune: forward {multiOverEquitune forwards}, training step {multiOverEquitune steps}"
    )

/// The price of the quotient design over that of equitune, as the group grows.
let scaling rounds =
    let table =
        Table()
            .Title("multi-equitune over equitune for C2^k, forward (batch 32, 9 words to 12)")
            .AddColumns("k", "evaluations", "2k / 2^k", "measured")

    for k in 1..8 do
        let swaps = swaps k
        let batch = sentences (Random k) swaps 32 12
        let inner = model swaps

        let times =
            Paired.measure rounds [
                forward (quotient swaps (SequenceInvariance.Collapse()) inner) batch
                forward (equitune swaps inner) batch
            ]

        let expected = float (2 * k) / float (pown 2 k)

        table.AddRow(
            string k,
            $"{2 * k} : {pown 2 k}",
            $"{expected:F3}",
            Paired.format (Paired.ratio times[0] times[1])
        )
        |> ignore

    AnsiConsole.Write table
