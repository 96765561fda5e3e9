/// What the checks of several ranks share: each compares with one process, on every rank.
module Equivariant.RankChecks.Check

open System
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Distributed

/// A check by name, collective.
type Check = string * (Ranks -> unit)

/// Fails unless something holds.
let require holds what =
    if not holds then
        failwith what

let private gap (expected: torch.Tensor) (actual: torch.Tensor) what =
    require
        (expected.shape.AsSpan().SequenceEqual(actual.shape.AsSpan()))
        $"{what}: the shapes differ, {expected} and {actual}"

    if expected.numel () = 0L then
        0.0
    else
        (expected.detach () - actual.detach ()).abs().max().``to``(torch.float64).item<double>()

/// Fails unless tensors agree, of which both lists may lack the same ones, and the first list says something.
let allClose tolerance what (expected: torch.Tensor list) (actual: torch.Tensor list) =
    require (expected.Length = actual.Length) $"{what}: {expected.Length} and {actual.Length} tensors"

    for i, (left, right) in List.indexed (List.zip expected actual) do
        require (isNull left = isNull right) $"{what}, tensor {i}: only one of the two is there"

        if not (isNull left) then
            let gap = gap left right $"{what}, tensor {i}"
            require (gap <= tolerance) $"{what}, tensor {i}: a difference of {gap}, above {tolerance}"

    let largest =
        expected
        |> List.filter (fun x -> not (isNull x) && x.numel () > 0L)
        |> List.map (fun x -> x.detach().abs().max().``to``(torch.float64).item<double>())
        |> List.fold max 0.0

    require
        (largest > 0.0 && Double.IsFinite largest)
        $"{what}: the expected values say nothing, their largest is {largest}"

/// Like allClose, for one tensor.
let close tolerance what expected actual =
    allClose tolerance what [ expected ] [ actual ]

/// Fails unless a tensor is the same to the bit on every rank.
let common (ranks: Ranks) what (x: torch.Tensor) =
    use first = x.detach().clone()
    ranks.Broadcast first

    let bytes (x: torch.Tensor) = x.detach().contiguous().bytes.ToArray()
    require (bytes first = bytes x) $"{what}: other numbers than on rank 0"

/// Fails unless something is refused with a sentence that has all the parts.
let refused (parts: string list) (attempt: unit -> unit) =
    let message =
        try
            attempt ()
            None
        with :? EquivariantException as error ->
            Some error.Message

    match message with
    | None -> failwith $"was not refused, though the sentence should say {parts}"
    | Some text ->
        for part in parts do
            require (text.Contains part) $"the sentence '{text}' does not say '{part}'"
