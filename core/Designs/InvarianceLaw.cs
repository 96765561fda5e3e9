using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Checks, on samples, that an <see cref="Invariance"/> meets the conditions that a term of the quotient design needs.</summary>
public static class InvarianceLaw
{
    /// <summary>Random elements tried beside the generators.</summary>
    private const int Draws = 8;

    /// <summary>Looks for an element with which a condition fails.</summary>
    /// <param name="invariance">The map <c>Inv_K</c>.</param>
    /// <param name="term">The kernel and its transversal.</param>
    /// <param name="action">How the group acts on inputs.</param>
    /// <param name="samples">Inputs to try, <c>[B, …]</c>.</param>
    /// <param name="random">Draws further elements than the generators.</param>
    /// <param name="tolerance">The largest difference that counts as none.</param>
    /// <returns>What fails, or null.</returns>
    public static InvarianceViolation? Find(
        Invariance invariance, QuotientTerm term, TensorAction action, Tensor samples, Random random, double tolerance = 1e-5)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Func<Tensor, Tensor> map = invariance.Over(term.Kernel, action);
        Tensor image = map(samples);

        InvarianceViolation? Fails(string condition, Group elements, Func<GroupElement, Tensor> left, Func<GroupElement, Tensor> right)
        {
            foreach (GroupElement element in elements.Generators.Concat(Enumerable.Range(0, Draws).Select(_ => elements.Random(random))))
            {
                Tensor one = left(element);
                Tensor other = right(element);
                double error = samples.numel() == 0 ? 0 : (one - other).abs().max().to(ScalarType.Float64).item<double>();
                // Written so that NaN fails.
                if (!(error <= tolerance))
                {
                    return new InvarianceViolation(invariance, condition, element, error, Worst(one, other));
                }
            }

            return null;
        }

        if (Fails("Inv(kx) = Inv(x)", term.Kernel, k => map(action.Apply(k, samples)), _ => image) is { } moved)
        {
            return moved;
        }

        InvarianceViolation? notFixed = Fails("k·Inv(x) = Inv(x)", term.Kernel, k => action.Apply(k, image), _ => image);
        if (notFixed is not null && term.Complement is null)
        {
            return notFixed;
        }

        // With a complement as transversal, only its elements act on representatives.
        Group rest = notFixed is null ? term.Group : term.Complement!;
        return Fails("Inv(gx) = g·Inv(x)", rest, g => map(action.Apply(g, samples)), g => action.Apply(g, image));
    }

    /// <summary>The entry where two tensors differ most, and their values there.</summary>
    private static string Worst(Tensor one, Tensor other)
    {
        long place = (one - other).abs().argmax().item<long>();
        long rest = place;
        long[] index = [.. one.shape.Reverse().Select(length => (rest % length, rest /= length).Item1).Reverse()];
        double Value(Tensor x) => x.flatten()[place].to(ScalarType.Float64).item<double>();
        return $"at [{string.Join(",", index)}]: {Value(one):G3} and {Value(other):G3}";
    }

    /// <summary>Refuses a map that fails a condition.</summary>
    /// <exception cref="EquivariantException">A condition fails; the message names it and the element.</exception>
    /// <inheritdoc cref="Find"/>
    public static void Require(
        Invariance invariance, QuotientTerm term, TensorAction action, Tensor samples, Random random, double tolerance = 1e-5)
    {
        if (Find(invariance, term, action, samples, random, tolerance) is { } violation)
        {
            throw new EquivariantException($"{violation} Use the average, another map, or another kernel than {term.Kernel}.");
        }
    }
}

/// <summary>A condition on <c>Inv_K</c> that fails.</summary>
/// <param name="Invariance">The map.</param>
/// <param name="Condition">The condition, written out.</param>
/// <param name="Element">An element with which it fails.</param>
/// <param name="Error">The largest difference between the two sides.</param>
/// <param name="Worst">Where it is, and the values of both sides there.</param>
public sealed record InvarianceViolation(Invariance Invariance, string Condition, GroupElement Element, double Error, string Worst)
{
    /// <summary>Says what fails, with which element and by how much.</summary>
    public override string ToString() => $"For {Invariance}, {Condition} fails with {Element}: the sides differ by {Error:G3} {Worst}.";
}
