namespace Equivariant.ZeroShot

open TorchSharp

/// <summary>How often a classifier is right, and how sure that is.</summary>
[<RequireQualifiedAccess>]
module Accuracy =

    /// <summary>How many images have their class among the classes of the greatest scores.</summary>
    /// <param name="among">How many classes count.</param>
    /// <param name="labels">The classes of the images.</param>
    /// <param name="scores">The scores, <c>[images, classes]</c>.</param>
    let hits (among: int) (labels: int[]) (scores: torch.Tensor) : int =
        use scope = torch.NewDisposeScope()
        let count = min among (int scores.shape[1])
        let struct (_, best) = scores.topk (count, -1)

        let right =
            torch.tensor(Array.map int64 labels, device = scores.device).unsqueeze -1

        int (best.eq(right).any(-1L).sum().item<int64>())

    /// The quantile of the normal distribution for intervals of 95 %.
    let private z = 1.959964

    /// <summary>Wilson's interval of 95 % for a share.</summary>
    /// <param name="share">The share found.</param>
    /// <param name="count">Among how many.</param>
    /// <remarks>Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).</remarks>
    let interval (share: float) (count: int) : float * float =
        if count = 0 then
            0.0, 1.0
        else
            let n = float count
            let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)

            let half =
                z / (1.0 + z * z / n) * sqrt (share * (1.0 - share) / n + z * z / (4.0 * n * n))

            max 0.0 (centre - half), min 1.0 (centre + half)
