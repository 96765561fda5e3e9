using System.Numerics;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

public sealed partial class PermutationAction
{
    private const int ListedPoints = 1 << 20;

    /// <summary>Lets a group act on points that nothing moves.</summary>
    /// <param name="group">The group.</param>
    /// <param name="degree">The number of points.</param>
    /// <exception cref="EquivariantException">There is no point, or there are too many.</exception>
    public static PermutationAction Trivial(Group group, int degree)
    {
        RequireDegree(degree);
        return new PermutationAction(
            group, degree, [.. group.Generators.Select(_ => Permutations.Identity(degree))], $"{degree} fixed points", new FixedEvaluator(degree));
    }

    /// <summary>Lets a permutation group act on its points.</summary>
    public static PermutationAction Natural(PermutationGroup group) => new(
        group, group.Degree, [.. group.Generators.Select(g => g.Code.ToArray())], $"{group.Degree} points", new CopyEvaluator());

    /// <summary>Lets a subgroup of a permutation group act on the points.</summary>
    /// <exception cref="EquivariantException">The subgroup is not of a permutation group.</exception>
    public static PermutationAction Natural(Subgroup subgroup) => subgroup.Ambient is PermutationGroup ambient
        ? new PermutationAction(
            subgroup, ambient.Degree, [.. subgroup.Generators.Select(g => g.Code.ToArray())], $"{ambient.Degree} points", new CopyEvaluator())
        : throw new EquivariantException($"{subgroup.Name} is not a group of permutations, so it has no points of its own.");

    /// <summary>Lets a cyclic group C_n act on n points in a circle: k takes point i to i + k mod n.</summary>
    public static PermutationAction Natural(CyclicGroup group)
    {
        RequireDegree(group.Modulus);
        return FromFormula(group, group.Modulus, (g, point) => (int)(((long)point + g.Code[0]) % group.Modulus), $"{group.Modulus} points");
    }

    /// <summary>
    /// Lets a dihedral group act on the n corners of its polygon: the turn takes corner i to i + 1, the reflection takes i to −i.
    /// It is not faithful for n below 3.
    /// </summary>
    public static PermutationAction Natural(DihedralGroup group)
    {
        int n = (int)group.Normal.Order;
        return FromFormula(
            group, n, (g, point) => (int)(((long)g.Code[0] + (g.Code[1] == 0 ? point : n - point)) % n), $"{n} corners");
    }

    /// <summary>Lets a wreath product K ≀ S act on S's points, once for each point of an action of K: (copy, x) is point copy · degree + x.</summary>
    /// <exception cref="EquivariantException">The action is of another group.</exception>
    public static PermutationAction Imprimitive(WreathProduct group, PermutationAction inner)
    {
        if (!Groups.Group.SameGroup(inner.Group, group.Inner))
        {
            throw new EquivariantException($"{group.Name} needs an action of {group.Inner.Name}, not of {inner.Group.Name}.");
        }

        int m = group.Outer.Degree, d = inner.Degree;
        RequireDegree((long)m * d);
        ImprimitiveEvaluator evaluator = new(group, inner._evaluator, d);
        return new PermutationAction(group, m * d, Tabulate(group, m * d, evaluator), $"{m} copies of {inner.Name}", evaluator);
    }

    /// <summary>Lets a group act on its own elements by multiplication from the left, numbered in the order of enumeration.</summary>
    /// <exception cref="EquivariantException">The group has too many elements to list.</exception>
    public static PermutationAction Regular(Group group)
    {
        if (group.Order > ListedPoints)
        {
            throw new EquivariantException(
                $"The regular action of {group.Name} has {group.Order} points, one for each element; at most {ListedPoints} are possible.");
        }

        int degree = (int)group.Order;
        RegularEvaluator evaluator = new(group);
        return new PermutationAction(group, degree, Tabulate(group, degree, evaluator), $"the {degree} elements", evaluator);
    }

    /// <summary>Lets a group act on the cosets of a subgroup by multiplication from the left; coset 0 is the subgroup.</summary>
    /// <exception cref="EquivariantException">The subgroup is not inside the group, or has too many cosets to list.</exception>
    public static PermutationAction OnCosets(Group group, Subgroup subgroup)
    {
        foreach (GroupElement generator in subgroup.Generators)
        {
            group.RequireMember(generator, $"{subgroup.Name} is not a subgroup of {group.Name}: its generator");
        }

        CosetTable table = new(group, subgroup);
        CosetEvaluator evaluator = new(table);
        return new PermutationAction(
            group, table.Count, Tabulate(group, table.Count, evaluator), $"the {table.Count} cosets of {subgroup.Name}", evaluator);
    }

    /// <summary>Lets a direct product act on the points of actions of its factors side by side, each factor on its own points only.</summary>
    /// <exception cref="EquivariantException">There is not one action for each factor, or one is of another group.</exception>
    public static PermutationAction OnTuple(DirectProduct group, params IReadOnlyList<PermutationAction> actions)
    {
        if (actions.Count != group.Factors.Count)
        {
            throw new EquivariantException($"{group.Name} has {group.Factors.Count} factors, but {actions.Count} actions were given.");
        }

        PermutationAction[] lifted = [.. actions.Select((action, i) => OfFactor(group, i, action))];
        return lifted[0].Plus(lifted[1..]);
    }

    /// <summary>Lets a direct product act through one of its factors; the others move nothing.</summary>
    /// <exception cref="EquivariantException">There is no such factor, or the action is of another group.</exception>
    public static PermutationAction OfFactor(DirectProduct group, int factor, PermutationAction action)
    {
        group.RequireFactor(factor);
        if (!Groups.Group.SameGroup(action.Group, group.Factors[factor]))
        {
            throw new EquivariantException(
                $"Factor {factor} of {group.Name} is {group.Factors[factor].Name}, but the action given is of {action.Group.Name}.");
        }

        FactorEvaluator evaluator = new(group, factor, action._evaluator, action.Degree);
        return new PermutationAction(group, action.Degree, Tabulate(group, action.Degree, evaluator), action.Name, evaluator);
    }

    /// <summary>Induces an action along a homomorphism: g acts as its image does.</summary>
    /// <param name="homomorphism">A homomorphism to the group that acts here.</param>
    /// <exception cref="EquivariantException">The homomorphism leads to a group that does not act here.</exception>
    public PermutationAction Pullback(GroupHomomorphism homomorphism)
    {
        foreach (GroupElement image in homomorphism.GeneratorImages)
        {
            if (!Group.Contains(image))
            {
                throw new EquivariantException(
                    $"The homomorphism leads to {homomorphism.Target.Name}, where {image} does not act on {Name}; {Group.Name} acts there.");
            }
        }

        PulledEvaluator evaluator = new(homomorphism, _evaluator);
        return new PermutationAction(
            homomorphism.Source, Degree, [.. homomorphism.GeneratorImages.Select(Permutation)], Name, evaluator);
    }

    /// <summary>Finds the elements that fix a point, as a subgroup.</summary>
    /// <exception cref="EquivariantException">The point is out of range.</exception>
    public Subgroup Stabiliser(int point)
    {
        if ((uint)point >= (uint)Degree)
        {
            throw new EquivariantException($"{Name} has points 0 to {Degree - 1}; there is no point {point}.");
        }

        // In the group of pairs (permutation, g), the chain with this point as its first base point has the stabiliser as its second step.
        PermutationGroup target = Groups.Group.SymmetricOn(Degree);
        DirectProduct pairs = new([target, Group.Ambient]);
        int[][] generators = [.. _images.Zip(Group.GeneratorCodes, (image, g) => (int[])[.. image, .. g])];
        StabiliserChain chain = StabiliserChain.Build(pairs, generators, point);
        return new Subgroup(Group, [.. chain.StabiliserGenerators(1).Select(pair => pair[Degree..]).Where(g => !Group.IsIdentity(g))]);
    }

    /// <summary>Finds the elements that move nothing, as a subgroup.</summary>
    public Subgroup Kernel() => GroupHomomorphism.Trusted(Group, Groups.Group.SymmetricOn(Degree), _images, _evaluator).Kernel;

    private static int[][] Tabulate(Group group, int degree, Evaluator evaluator) => [.. group.Generators.Select(g =>
    {
        int[] image = new int[degree];
        evaluator.Evaluate(g.Code, image);
        return image;
    })];

    /// <summary>Whether elements move points as the lists of images that they are.</summary>
    internal static bool IsNatural(Evaluator evaluator) => evaluator is CopyEvaluator;

    private sealed class FixedEvaluator(int degree) : BatchEvaluator
    {
        public override Tensor ImagesOf(Tensor codes) => arange(degree, device: codes.device).expand(codes.shape[0], degree);

        public override Tensor Mix(RelaxedElements elements, Tensor x) => x;

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image) => Permutations.WriteIdentity(image);
    }

    private sealed class CopyEvaluator : BatchEvaluator
    {
        public override Tensor ImagesOf(Tensor codes) => codes;

        public override Tensor Mix(RelaxedElements elements, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            return Multiply(elements.Matrices(this, (int)x.shape[Coordinates.Axis]), x).MoveToOuterDisposeScope();
        }

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image) => code.CopyTo(image);
    }

    private sealed class RegularEvaluator(Group group) : Evaluator
    {
        private readonly RankTable _table = new(group);

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
        {
            using Scratch scratch = new(group.Width, stackalloc int[Scratch.StackSize(group.Width)]);
            for (int rank = 0; rank < image.Length; rank++)
            {
                group.Multiply(code, _table.Code(rank), scratch.Span);
                image[rank] = _table.Rank(scratch.Span);
            }
        }
    }

    private sealed class CosetEvaluator(CosetTable table) : Evaluator
    {
        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
        {
            for (int coset = 0; coset < image.Length; coset++)
            {
                image[coset] = table.Image(code, coset);
            }
        }
    }

    private sealed class ImprimitiveEvaluator(WreathProduct group, Evaluator inner, int degree) : BatchEvaluator
    {
        private readonly int _width = group.Inner.Width;
        private readonly int _copies = group.Outer.Degree;

        public override Tensor ImagesOf(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            long rows = codes.shape[0];
            Tensor to = codes.narrow(1, _copies * _width, _copies).unsqueeze(2);
            Tensor within = Images(inner, group.Inner, degree, codes.narrow(1, 0, _copies * _width).reshape(rows * _copies, _width))
                .view(rows, _copies, degree);
            return (within.gather(1, to.expand(rows, _copies, degree)) + (to * (long)degree)).flatten(1).MoveToOuterDisposeScope();
        }

        public override Tensor Mix(RelaxedElements elements, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            return Multiply(elements.Matrices(this, _copies * degree), x).MoveToOuterDisposeScope();
        }

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
        {
            for (int copy = 0; copy < _copies; copy++)
            {
                int to = code[(_copies * _width) + copy];
                Span<int> block = image.Slice(copy * degree, degree);
                inner.Evaluate(code.Slice(to * _width, _width), block);
                for (int x = 0; x < degree; x++)
                {
                    block[x] += to * degree;
                }
            }
        }
    }

    private sealed class FactorEvaluator(DirectProduct group, int factor, Evaluator inner, int degree) : BatchEvaluator
    {
        private readonly int _offset = group.Factors.Take(factor).Sum(part => part.Width);

        public override Tensor ImagesOf(Tensor codes)
        {
            using DisposeScope scope = NewDisposeScope();
            Group part = group.Factors[factor];
            return Images(inner, part, degree, codes.narrow(1, _offset, part.Width)).MoveToOuterDisposeScope();
        }

        public override Tensor Mix(RelaxedElements elements, Tensor x) => Mix(inner, degree, elements.Part(group, factor), x);

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image) => inner.Evaluate(group.Part(factor, code), image);
    }

    private sealed class PulledEvaluator(GroupHomomorphism homomorphism, Evaluator inner) : Evaluator
    {
        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
        {
            int width = homomorphism.Target.Width;
            using Scratch scratch = new(width, stackalloc int[Scratch.StackSize(width)]);
            homomorphism.Apply(code, scratch.Span);
            inner.Evaluate(scratch.Span, image);
        }
    }
}
