/// Sums, broadcasts and splits.
module Equivariant.RankChecks.Messages

open System.Text
open TorchSharp
open Equivariant.Core.Distributed
open Equivariant.RankChecks.Check

let private types = [
    torch.float32
    torch.float64
    torch.int64
    torch.bfloat16
    torch.float16
    torch.complex64
    torch.complex128
]

/// 1 + 2 + … over ranks.
let private triangle (ranks: Ranks) =
    float (ranks.Count * (ranks.Count + 1) / 2)

let private sums (ranks: Ranks) =
    for dtype in types do
        let start =
            torch.arange(6L, dtype = torch.float32).reshape(2L, 3L) + 1.0f.ToScalar()

        let factor = ranks.Rank + 1
        let numbers = (start * factor.ToScalar()).``to`` dtype
        let expected = (start * (triangle ranks).ToScalar()).``to`` dtype

        let layouts = [
            numbers.clone ()
            numbers.t().contiguous().t()
            torch.zeros([| 2L; 6L |], dtype = dtype).narrow(1L, 3L, 3L)
        ]

        layouts[2].copy_ numbers |> ignore

        for layout in layouts do
            ranks.Sum layout
            close 0.0 $"the sum of {dtype}" expected layout

    let scalar = torch.tensor (float (ranks.Rank + 1))
    ranks.Sum scalar
    require (scalar.item<float>() = triangle ranks) "the sum of a number"
    ranks.Sum(torch.zeros 0L)

    for dtype in [ torch.int32; torch.bool; torch.uint8 ] do
        refused [ string dtype; "Int64" ] (fun () -> ranks.Sum(torch.zeros (3L, dtype = dtype)))

    let trained = torch.ones(2L).requires_grad_ true
    refused [ "detach" ] (fun () -> ranks.Sum(trained * 2.0.ToScalar()))

let private broadcasts (ranks: Ranks) =
    for dtype in [ torch.bool; torch.int32; torch.uint8 ] @ types do
        let numbers = (torch.arange 5L - (int64 ranks.Rank).ToScalar()).``to`` dtype
        ranks.Broadcast(numbers, ranks.Count - 1)

        let expected = (torch.arange 5L - (int64 ranks.Count - 1L).ToScalar()).``to`` dtype

        require (numbers.eq(expected).all().item<bool>()) $"the broadcast of {dtype}"

    refused [ "no rank 7" ] (fun () -> ranks.Broadcast(torch.ones 1L, 7))

let private splits (ranks: Ranks) =
    let alone = ranks.Split ranks.Rank
    require (alone.Count = 1 && alone.Rank = 0) "ranks of different colours are apart"
    let together = ranks.Split 0
    require (together.Count = ranks.Count && together.Rank = ranks.Rank) "ranks of one colour are together"
    let one = torch.ones (1L, dtype = torch.float64)
    alone.Sum one
    together.Sum one
    require (one.item<float>() = float ranks.Count) "sums over the parts of a split"
    refused [ "-1" ] (fun () -> ranks.Split -1 |> ignore)
    ranks.Barrier()

let private differences (ranks: Ranks) =
    let bytes (text: string) = Encoding.UTF8.GetBytes text

    ranks.RequireSame("settings", bytes "seed 1")

    refused [ "settings"; "given to rank"; $"of {ranks.Count}"; "same command" ] (fun () ->
        ranks.RequireSame("settings", bytes $"seed {min 1 ranks.Rank}"))

    ranks.RequireSame("data", [ torch.ones 3L ])

    refused [ "data"; "given to rank" ] (fun () ->
        ranks.RequireSame("data", [ torch.ones (if ranks.Rank = 1 then 4L else 3L) ]))

    refused [ "data"; "given to rank" ] (fun () ->
        ranks.RequireSame("data", [ torch.ones 3L * (1.0 + float (min 1 ranks.Rank)).ToScalar() ]))

let checks: Check list = [
    "sums of every type and layout", sums
    "broadcasts of every type", broadcasts
    "splits by colour", splits
    "ranks that were given something else are named", differences
]
