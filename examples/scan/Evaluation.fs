namespace Equivariant.Scan

open System.Diagnostics
open TorchSharp
open Equivariant.Core.Sequences

/// <summary>Measures how many sentences a model translates without any mistake, and how long it takes.</summary>
[<RequireQualifiedAccess>]
module Evaluation =

    let private batchSize = 512

    /// The longest target of SCAN-II and the end token.
    let private longest =
        1 + (Grammar.all |> Array.map (Grammar.interpret >> List.length) |> Array.max)

    let private expected (examples: Example[]) =
        let rows =
            examples
            |> Array.collect (fun example ->
                Array.append
                    example.Target
                    (Array.create (longest - example.Target.Length) Vocabularies.finish))

        torch.tensor(rows).reshape(int64 examples.Length, int64 longest)

    let private decode model source =
        Decoding.Decode(
            model,
            source,
            Vocabularies.start,
            TokenChoice.Greedy,
            longest,
            [| Vocabularies.finish |]
        )

    /// Says of some sentences whether greedy decoding translates them right.
    let private areRight (model: SequenceModel) device (examples: Example[]) =
        use scope = torch.NewDisposeScope()
        let decoded = decode model (Batches.sources device examples)
        decoded.cpu().eq(expected examples).all(1L).data<bool>().ToArray()

    /// <summary>Translates some sentences by greedy decoding and says of each whether it is right, in their order.</summary>
    /// <param name="map">Maps over batches, in their order.</param>
    /// <param name="model">The model.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="examples">The sentences.</param>
    let correct
        (map: (Example[] -> bool[]) -> Example[][] -> bool[][])
        (model: SequenceModel)
        device
        (examples: Example[])
        =
        model.eval ()
        // Sentences of like length leave the batch together.
        let byLength =
            Array.indexed examples
            |> Array.sortBy (fun (_, example) -> example.Target.Length)

        let results =
            byLength
            |> Array.map snd
            |> Array.chunkBySize batchSize
            |> map (areRight model device)
            |> Array.concat

        Array.zip (Array.map fst byLength) results |> Array.sortBy fst |> Array.map snd

    /// <summary>Translates one sentence.</summary>
    let translate (model: SequenceModel) device words =
        use scope = torch.NewDisposeScope()
        model.eval ()

        let source =
            Batches.sources device [|
                {
                    Source = Vocabularies.input.Encode words
                    Target = [||]
                }
            |]

        (decode model source).cpu().data<int64>().ToArray()
        |> Seq.takeWhile (fun token -> token <> Vocabularies.finish)
        |> Vocabularies.output.Decode

    /// <summary>Measures how long some work takes, in seconds.</summary>
    let seconds (action: unit -> unit) =
        let watch = Stopwatch.StartNew()
        action ()
        watch.Elapsed.TotalSeconds

    let private median (values: float list) =
        let sorted = List.sort values
        (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0

    /// <summary>
    /// Measures how many times as long some pieces of work take as the first of them: the medians over some rounds,
    /// in each of which all take their turn, so that a busy machine slows them alike. A first round warms up.
    /// </summary>
    /// <param name="measure">Does some work and gives the time that it took.</param>
    /// <param name="rounds">How many rounds count.</param>
    /// <param name="work">The pieces of work.</param>
    let relativeTimes (measure: (unit -> unit) -> float) rounds (work: (unit -> unit) list) =
        let round () = List.map measure work
        round () |> ignore
        let all = [ for _ in 1..rounds -> round () ]

        let ratios =
            all |> List.map (fun times -> times |> List.map (fun time -> time / times.Head))

        List.transpose ratios |> List.map median
