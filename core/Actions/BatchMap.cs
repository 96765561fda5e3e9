using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>How an action that is built from others moves points, for a whole batch of elements at once and on any device.</summary>
internal abstract class BatchMap
{
    /// <summary>The images of all points under packed elements, <c>[R, width] → [R, n]</c>.</summary>
    public abstract Tensor Images(Tensor codes);

    /// <summary>Applies relaxed elements to coordinates, <c>[R, P, n, Q] → [R, P, n, Q]</c>: by matrices, where there is no better way.</summary>
    public virtual Tensor Mix(PermutationAction action, RelaxedElements elements, Tensor x) => Multiply(elements.Matrices(action), x);

    /// <summary>Multiplies each row's coordinates by a matrix of its own, <c>[R, n, n]</c> by <c>[R, P, n, Q]</c>.</summary>
    public static Tensor Multiply(Tensor matrices, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return matrices.unsqueeze(1).to(x.dtype).matmul(x).MoveToOuterDisposeScope();
    }

    /// <summary>Nothing moves.</summary>
    public sealed class Fixed(int degree) : BatchMap
    {
        public override Tensor Images(Tensor codes) => arange(degree, device: codes.device).expand(codes.shape[0], degree);

        public override Tensor Mix(PermutationAction action, RelaxedElements elements, Tensor x) => x;
    }

    /// <summary>Elements are the lists of images that they are packed as.</summary>
    public sealed class Copy : BatchMap
    {
        public override Tensor Images(Tensor codes) => codes;
    }

    /// <summary>Several actions side by side.</summary>
    public sealed class SideBySide(PermutationAction[] actions) : BatchMap
    {
        public override Tensor Images(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            var images = new List<Tensor>();
            long offset = 0;
            foreach (PermutationAction action in actions)
            {
                images.Add(action.ImagesOf(codes) + offset);
                offset += action.Degree;
            }

            return cat(images, 1).MoveToOuterDisposeScope();
        }

        public override Tensor Mix(PermutationAction action, RelaxedElements elements, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor[] parts = x.split([.. actions.Select(part => (long)part.Degree)], Coordinates.Axis);
            return cat([.. actions.Zip(parts, (part, coordinates) => part.Mix(elements, coordinates))], Coordinates.Axis).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Two actions on pairs of points.</summary>
    public sealed class Pairs(PermutationAction first, PermutationAction second) : BatchMap
    {
        public override Tensor Images(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor left = first.ImagesOf(codes).unsqueeze(2) * (long)second.Degree;
            return (left + second.ImagesOf(codes).unsqueeze(1)).flatten(1).MoveToOuterDisposeScope();
        }

        public override Tensor Mix(PermutationAction action, RelaxedElements elements, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            (long rows, long before, long after) = (x.shape[0], x.shape[1], x.shape[3]);
            Tensor left = first.Mix(elements, x.reshape(rows, before, first.Degree, second.Degree * after));
            return second.Mix(elements, left.reshape(rows, before * first.Degree, second.Degree, after)).reshape(x.shape).MoveToOuterDisposeScope();
        }
    }

    /// <summary>A direct product acts through one of its factors.</summary>
    public sealed class Factor(DirectProduct product, int factor, PermutationAction inner) : BatchMap
    {
        private readonly int _offset = product.Factors.Take(factor).Sum(part => part.Width);

        public override Tensor Images(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            return inner.ImagesOf(codes.narrow(1, _offset, product.Factors[factor].Width)).MoveToOuterDisposeScope();
        }

        public override Tensor Mix(PermutationAction action, RelaxedElements elements, Tensor x) => inner.Mix(elements.Part(product, factor), x);
    }

    /// <summary>A wreath product acts on copies of the points of its inner group.</summary>
    public sealed class Copies(WreathProduct group, PermutationAction inner) : BatchMap
    {
        public override Tensor Images(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            (long rows, int copies, int width, long degree) = (codes.shape[0], group.Outer.Degree, group.Inner.Width, inner.Degree);
            Tensor to = codes.narrow(1, copies * width, copies).unsqueeze(2);
            Tensor within = inner.ImagesOf(codes.narrow(1, 0, copies * width).reshape(rows * copies, width)).reshape(rows, copies, degree);
            return (within.gather(1, to.expand(rows, copies, degree)) + (to * degree)).flatten(1).MoveToOuterDisposeScope();
        }
    }
}
