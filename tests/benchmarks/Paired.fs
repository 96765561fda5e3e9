/// Timings side by side: what is compared takes turns in one process, so that a noisy machine disturbs all alike.
module Equivariant.Benchmarks.Paired

open System
open System.Diagnostics
open System.Runtime.InteropServices

[<DllImport "libc">]
extern int private mallopt(int parameter, int value)

/// Sets options of glibc's allocator, where it is the one.
let private allocate options =
    try
        if OperatingSystem.IsLinux() then
            for option, value in options do
                mallopt (option, value) |> ignore
    with :? EntryPointNotFoundException ->
        ()

/// How much may be free before some goes back to the system.
let private trimThreshold = -1

/// How large a block has to be to come from the system and to go back to it alone.
let private mmapThreshold = -3

/// How many such blocks there may be.
let private mmapMax = -4

/// For timings: what is freed is kept. By default large blocks go back to the system, and the next call finds them page by page: a
/// network on images then takes up to four times as long, and which of two that are compared is luck.
let keepFreedMemory () =
    allocate [ mmapMax, 0; trimThreshold, Int32.MaxValue ]

/// For peaks of memory: what is freed goes back at once, so that they are those of what is alive.
let returnFreedMemory () =
    allocate [ mmapThreshold, 1 <<< 17; trimThreshold, 1 <<< 17 ]

/// A ratio of times, over all rounds.
type Ratio = {
    Median: float
    LowerQuartile: float
    UpperQuartile: float
}

let private quantile share (sorted: float[]) =
    let place = share * float (sorted.Length - 1)
    let below = int place
    let above = min (below + 1) (sorted.Length - 1)
    sorted[below] + (place - float below) * (sorted[above] - sorted[below])

/// A turn lasts at least this long: a single call of a small network says more about the memory allocator, which the
/// other's turn left behind, than about the network.
let private turn = 0.05

let private time repeats (work: unit -> unit) =
    let clock = Stopwatch.StartNew()

    for _ in 1..repeats do
        work ()

    clock.Elapsed.TotalSeconds / float repeats

/// How often to do some work in a turn; the first call compiles it and does not count.
let private repeats (work: unit -> unit) =
    work ()
    int (Math.Ceiling(turn / time 1 work)) |> max 1

/// Times some works in turn, round after round after a warm-up: a list of seconds for each, in the order of rounds.
let measure rounds (works: (unit -> unit) list) =
    let works = works |> List.map (fun work -> repeats work, work)

    [
        for _ in 0..rounds -> works |> List.map (fun (repeats, work) -> time repeats work)
    ]
    |> List.tail
    |> List.transpose

/// The ratio of two lists of seconds, round by round.
let ratio (over: float list) (under: float list) =
    let sorted = List.map2 (/) over under |> Array.ofList |> Array.sort

    {
        Median = quantile 0.5 sorted
        LowerQuartile = quantile 0.25 sorted
        UpperQuartile = quantile 0.75 sorted
    }

/// A ratio as text: the median, and the quartiles behind it.
let format ratio =
    $"{ratio.Median:F3} ({ratio.LowerQuartile:F3} … {ratio.UpperQuartile:F3})"
