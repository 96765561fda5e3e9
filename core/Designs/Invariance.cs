using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Native;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// <c>Inv_K</c>: what a term of the quotient design replaces its input by. It must not change when the kernel acts,
/// and it must commute with the rest of the group.
/// </summary>
/// <remarks>
/// The three conditions are (1) <c>Inv(kx) = Inv(x)</c>, (2) <c>k·Inv(x) = Inv(x)</c> and (3)
/// <c>Inv(gx) = g·Inv(x)</c> for all <c>k ∈ K</c>, <c>g ∈ G</c>. The average meets them always. A representative meets
/// (1); where it fails (2), the term needs a complement of <c>K</c> as its transversal and (3) on that complement.
/// That (3) holds is for the user to know and for <see cref="InvarianceLaw"/> to check.
/// </remarks>
public abstract class Invariance
{
    /// <summary>The average over the kernel, which meets all three conditions; for linear actions.</summary>
    public static Invariance Average { get; } = new KernelAverage();

    /// <summary>
    /// The member of the kernel's orbit with the least energy, such as a canonical pose of an image. Members that tie
    /// are told apart by their place in the kernel's order of elements, so ties between different members break (1).
    /// </summary>
    /// <param name="energy">From a batch <c>[R, …]</c> to <c>[R]</c>.</param>
    public static Invariance LeastEnergy(Func<Tensor, Tensor> energy) => new LeastEnergyMember(energy);

    /// <summary>For token inputs: every token becomes the preferred one of its orbit under the kernel.</summary>
    /// <param name="preferred">Tokens that represent their orbits; elsewhere the lowest number does.</param>
    public static Invariance Tokens(params int[] preferred) => new TokenMember(preferred);

    /// <summary>A map of the user's own.</summary>
    /// <param name="map">From a batch <c>[B, …]</c> and the kernel to a batch <c>[B, …]</c>.</param>
    public static Invariance Of(Func<Tensor, Subgroup, Tensor> map) => new OwnMap(map);

    /// <summary>Prepares the map for one kernel.</summary>
    internal abstract Func<Tensor, Tensor> Over(Subgroup kernel, TensorAction action);

    private sealed class KernelAverage : Invariance
    {
        internal override Func<Tensor, Tensor> Over(Subgroup kernel, TensorAction action) => action.Average(kernel).Apply;

        public override string ToString() => "the average over the kernel";
    }

    private sealed class OwnMap(Func<Tensor, Subgroup, Tensor> map) : Invariance
    {
        internal override Func<Tensor, Tensor> Over(Subgroup kernel, TensorAction action) => x => map(x, kernel);

        public override string ToString() => "the given invariant map";
    }

    private sealed class LeastEnergyMember(Func<Tensor, Tensor> energy) : Invariance
    {
        internal override Func<Tensor, Tensor> Over(Subgroup kernel, TensorAction action)
        {
            OrbitMap orbit = action.Over(OrbitLimit.ListKernel(kernel));
            return x =>
            {
                using DisposeScope scope = NewDisposeScope();
                Tensor rows = orbit.Expand(x);
                Tensor energies = TorchErrors.Explain(
                    () => energy(rows), () => $"The energy can't be computed on {rows.dtype} rows of shape {DesignChecks.Shape(rows)}");
                Tensor place = DesignChecks.ComparablePerRow(energies, rows.shape[0], "The energy").view(orbit.Count, x.shape[0]).argmin(0);
                Tensor row = place * x.shape[0] + arange(x.shape[0], device: x.device);
                return rows.index_select(0, row).MoveToOuterDisposeScope();
            };
        }

        public override string ToString() => "the member of least energy";
    }

    private sealed class TokenMember(int[] preferred) : Invariance
    {
        internal override Func<Tensor, Tensor> Over(Subgroup kernel, TensorAction action)
        {
            if (action is not TokenAction tokens)
            {
                throw new EquivariantException($"Tokens can't represent their orbits where {action}: use another invariance.");
            }

            TokenTable table = new(tokens.Vocabulary.Restrict(kernel), preferred);
            return x =>
            {
                TensorChecks.RequireTokens(tokens.Vocabulary, x);
                return table.Lookup(x);
            };
        }

        public override string ToString() => "the preferred token of each orbit";
    }
}
