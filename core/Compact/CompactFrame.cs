using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <summary>Which members of a compact group an input picks: an equivariant frame <c>F(hx) = F(x)h⁻¹</c>, perhaps in distribution only.</summary>
public abstract class CompactFrame : nn.Module
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected CompactFrame(string name)
        : base(name)
    {
    }

    /// <summary>Members drawn uniformly, whatever the input: an average right in expectation.</summary>
    /// <param name="samples">How many for each input, at least 1.</param>
    /// <param name="random">Draws them.</param>
    public static CompactFrame Uniform(int samples, Random random) => new UniformFrame(samples, random);

    /// <summary>
    /// The turns that lay the principal axes of a cloud of points along the axes of space: <c>2^d</c> of them, for the two senses of each
    /// axis, half as many without reflections.
    /// </summary>
    /// <param name="random">Turns axes that are degenerate, such as those of a sphere, and of which no choice is better than another.</param>
    /// <param name="tolerance">Principal moments whose difference is at most this part of the largest are degenerate.</param>
    /// <remarks>
    /// For inputs <c>[B, n, D]</c> whose first vectors are the positions; where their centre is, is not looked at. The axes do not depend
    /// on the order of the points, so a frame of <c>S_n</c> can follow.
    /// </remarks>
    public static PrincipalAxes PrincipalAxes(Random random, double tolerance = 1e-6) => new(random, tolerance);

    /// <summary>Picks members for every input.</summary>
    /// <param name="action">How the group acts.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[K·B, d, d]</c>: pick <c>k</c> of input <c>b</c> at <c>k·B + b</c>.</returns>
    public abstract Tensor Pick(CompactAction action, Tensor x);

    /// <summary>How many members are drawn for each input, where what it picks is a sample; null where it is not.</summary>
    internal virtual int? Samples => null;

    /// <summary>Refuses what the frame is not for, before there is an input.</summary>
    /// <param name="input">How the group acts on the inputs.</param>
    public virtual void Require(CompactAction input)
    {
    }

    private sealed class UniformFrame : CompactFrame
    {
        private readonly int _samples;
        private readonly Random _random;

        public UniformFrame(int samples, Random random)
            : base("uniform")
        {
            if (samples < 1)
            {
                throw new EquivariantException($"A mean over {samples} samples says nothing: draw at least 1.");
            }

            _samples = samples;
            _random = random;
        }

        internal override int? Samples => _samples;

        public override Tensor Pick(CompactAction action, Tensor x) => action.Group.Random(_samples * x.shape[0], _random, x.device);
    }
}
