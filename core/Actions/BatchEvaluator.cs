using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>How elements permute points, for a whole batch of them at once, on any device.</summary>
/// <remarks>What an action is built from does this by tensors; for what does not, <see cref="Images"/> goes element by element.</remarks>
internal abstract class BatchEvaluator : Evaluator
{
    /// <summary>The images of all points under packed elements, <c>[R, width] → [R, n]</c>.</summary>
    public abstract Tensor ImagesOf(Tensor codes);

    /// <summary>Applies relaxed elements to the coordinates of a tensor, <c>[R, P, n, Q] → [R, P, n, Q]</c>.</summary>
    public abstract Tensor Mix(RelaxedElements elements, Tensor x);

    /// <summary>The images of all points under packed elements, <c>[R, width] → [R, n]</c>, by any evaluator.</summary>
    /// <param name="evaluator">The evaluator.</param>
    /// <param name="group">The group whose elements they are.</param>
    /// <param name="degree">The number of points, <c>n</c>.</param>
    /// <param name="codes">The packed elements.</param>
    public static Tensor Images(Evaluator evaluator, Group group, int degree, Tensor codes) =>
        evaluator is BatchEvaluator batch ? batch.ImagesOf(codes) : OneByOne(evaluator, group, degree, codes);

    /// <summary>Applies relaxed elements to coordinates, by any evaluator.</summary>
    public static Tensor Mix(Evaluator evaluator, int degree, RelaxedElements elements, Tensor x) => evaluator is BatchEvaluator batch
        ? batch.Mix(elements, x)
        : Multiply(elements.Matrices(evaluator, degree), x);

    /// <summary>Multiplies each row's coordinates by a matrix of its own, <c>[R, n, n]</c> by <c>[R, P, n, Q]</c>.</summary>
    public static Tensor Multiply(Tensor matrices, Tensor x) => matrices.unsqueeze(1).to(x.dtype).matmul(x);

    private static Tensor OneByOne(Evaluator evaluator, Group group, int degree, Tensor codes)
    {
        using DisposeScope scope = NewDisposeScope();
        (ElementList list, Tensor positions) = ElementBatch.Trusted(group, codes).Listed();
        TableLimit.Require(list.Count, degree, sizeof(long), $"{group} on {degree} points");
        var images = new long[(long)list.Count * degree];
        int[] image = new int[degree];
        for (int t = 0; t < list.Count; t++)
        {
            evaluator.Evaluate(list.Elements[t].Code, image);
            for (int i = 0; i < degree; i++)
            {
                images[((long)t * degree) + i] = image[i];
            }
        }

        return tensor(images, [list.Count, degree], dtype: ScalarType.Int64, device: codes.device)
            .index_select(0, positions).MoveToOuterDisposeScope();
    }
}
