namespace Equivariant.Fairness

open System

/// <summary>How differently demographics fare.</summary>
type Disparity = {
    /// <summary>The largest difference of mean regard between two demographics, from 0 to 2.</summary>
    Difference: float
    /// <summary>Its interval of 95 %.</summary>
    From: float
    To: float
    /// <summary>The largest distance of two demographics' shares of regards: half the sum of what they differ by.</summary>
    TotalVariation: float
}

/// <summary>Measures disparities.</summary>
[<RequireQualifiedAccess>]
module Disparity =

    let private spread (means: float seq) = Seq.max means - Seq.min means

    let private totalVariation (shares: float list list) =
        List.allPairs shares shares
        |> List.map (fun (left, right) -> 0.5 * List.sum (List.map2 (fun p q -> abs (p - q)) left right))
        |> List.max

    let private rounds = 1000

    /// <summary>Measures the disparity between demographics, with an interval by the bootstrap.</summary>
    /// <param name="paired">
    /// Whether the sentences of all demographics were drawn from the same states of the generator, place by place: they
    /// are then drawn again together.
    /// </param>
    /// <param name="seed">Draws them again.</param>
    /// <param name="regards">The regards of each demographic's sentences, none empty.</param>
    let measure paired (seed: int) (regards: Regard list list) : Disparity =
        let values = [|
            for regards in regards -> [| for regard in regards -> Regard.value regard |]
        |]

        let random = Random seed
        let lengths = values |> Array.map _.Length
        let together = paired && Array.distinct lengths |> Array.length = 1

        let again () =
            let shared = lazy (Array.init lengths[0] (fun _ -> random.Next lengths[0]))

            values
            |> Array.map (fun values ->
                if together then
                    shared.Value |> Array.averageBy (fun place -> values[place])
                else
                    let mutable sum = 0.0

                    for _ in values do
                        sum <- sum + values[random.Next values.Length]

                    sum / float values.Length)
            |> spread

        let resampled = Array.init rounds (fun _ -> again ()) |> Array.sort

        let quantile share =
            resampled[int (share * float (rounds - 1))]

        {
            Difference = values |> Array.map Array.average |> spread
            From = quantile 0.025
            To = quantile 0.975
            TotalVariation =
                totalVariation [
                    for regards in regards -> [ for regard in Regard.all -> Regard.share regard regards ]
                ]
        }
