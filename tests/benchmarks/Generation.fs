/// Tokens a second of GPT-2, beside the matrix products that it needs, and of its equituned form beside it.
module Equivariant.Benchmarks.Generation


open Spectre.Console
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Sequences
open Equivariant.Pretrained

let private config = Gpt2Config.Small
let private rows = 64L
let private promptLength = 16L
let private newTokens = 16

/// Three exchanges of words.
let private words =
    let group = Group.Direct [| for _ in 1..3 -> Group.Cyclic 2 :> Group |]

    let swap left right = [|
        for i in 0 .. config.VocabularySize - 1 ->
            if i = left then right
            elif i = right then left
            else i
    |]

    PermutationAction(group, config.VocabularySize, [| swap 582 2415; swap 2619 2635; swap 5650 3892 |])

/// Prompts that name a word of every exchange.
let private prompts count =
    torch.manual_seed 1L |> ignore

    let drawn =
        torch.randint (100L, 40000L, [| count; promptLength |], dtype = torch.int64)

    for column, word in [ 1L, 582L; 2L, 2619L; 3L, 5650L ] do
        drawn.select(1L, column).fill_(word.ToScalar()) |> ignore

    drawn

let private generate (model: SequenceModel) (prompts: torch.Tensor) () =
    use scope = torch.NewDisposeScope()
    use generator = new torch.Generator(1UL)

    Decoding.Decode(
        model,
        prompts.narrow (1, 0L, promptLength - 1L),
        prompts.select (1, promptLength - 1L),
        TokenChoice.Sample(generator, topK = 40),
        newTokens,
        [||]
    )
    |> ignore

/// Every matrix product of the same generation, with the same weights, and nothing else.
let private products (model: Gpt2) =
    let weights =
        dict [
            for struct (name, parameter) in model.named_parameters () -> name, parameter :> torch.Tensor
        ]

    let heads, width = int64 config.Heads, int64 config.Width
    let most = promptLength + int64 newTokens
    let random (shape: int64 list) = torch.randn (Array.ofList shape)

    let narrow, wide =
        random [ rows * promptLength; width ], random [ rows * promptLength; 4L * width ]

    let queries = random [ rows * heads; promptLength; width / heads ]
    let keys = random [ rows * heads; most; width / heads ]

    let linear layer name (input: torch.Tensor) =
        torch.addmm (weights[$"h.{layer}.{name}.bias"], input, weights[$"h.{layer}.{name}.weight"], 1f, 1f)
        |> ignore

    /// All blocks on some new tokens a row, which see all that are there by then.
    let blocks length seen =
        let narrow, wide =
            narrow.narrow (0, 0L, rows * length), wide.narrow (0, 0L, rows * length)

        let queries, keys = queries.narrow (1, 0L, length), keys.narrow (1, 0L, seen)

        for layer in 0 .. config.Layers - 1 do
            use _ = torch.NewDisposeScope()
            linear layer "attn.c_attn" narrow
            queries.bmm(keys.transpose (1, 2)).bmm keys |> ignore
            linear layer "attn.c_proj" narrow
            linear layer "mlp.c_fc" narrow
            linear layer "mlp.c_proj" wide

    fun () ->
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        blocks (promptLength - 1L) (promptLength - 1L)

        for i in 0L .. int64 newTokens - 1L do
            use _ = torch.NewDisposeScope()
            blocks 1L (promptLength + i)

            torch.nn.functional.linear (narrow.narrow (0, 0L, rows), weights["wte.weight"])
            |> ignore

/// Measures both ratios.
let run rounds =
    use generator = new torch.Generator(1UL)
    use bare = new Gpt2(config, generator)
    bare.eval ()
    use equitune = new EquituneSequenceModel(bare, words, words)

    let times =
        Paired.measure rounds [
            generate equitune (prompts (rows / 8L))
            generate bare (prompts rows)
            products bare
        ]

    let perSecond (times: float list) =
        float (rows * int64 newTokens)
        / (times |> List.sort |> List.item (times.Length / 2))

    let table =
        Table()
            .Title(
                $"GPT-2 of 124 million parameters, random weights: {rows} rows, prompts of {promptLength} tokens and {newTokens} new ones, top-k 40, {torch.get_num_threads ()} threads"
            )
            .AddColumns("what", "row tokens a second", "time over that of the line below", "goal")

    let line (name: string) index (goal: string) =
        let over =
            if index + 1 < times.Length then
                Paired.format (Paired.ratio times[index] times[index + 1])
            else
                "–"

        table.AddRow(name, $"{perSecond times[index]:F0}", over, goal) |> ignore

    line "equitune over C2³, 8 prompts" 0 "1.05"
    line "bare model, 64 prompts" 1 "1.2"
    line "its matrix products alone" 2 "–"
    AnsiConsole.Write table
