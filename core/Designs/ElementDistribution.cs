using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A distribution of group elements that an input decides, <c>p(g|x)</c>, equivariant: <c>p(gh⁻¹|hx) = p(g|x)</c>.</summary>
/// <remarks>A module, for the parameters that it may have: registered, saved and trained with the design that draws from it.</remarks>
public abstract class ElementDistribution : nn.Module
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected ElementDistribution(string name)
        : base(name)
    {
    }

    /// <summary>Every element as likely as the others, whatever the input; one drawing serves a whole batch.</summary>
    public static ElementDistribution Uniform() => new UniformDistribution();

    /// <summary>For a symmetric group on sets or graphs: the points are sorted by noisy scores that a network gives them.</summary>
    /// <param name="scores">
    /// From a batch <c>[R, …]</c> and noise <c>[R, n, d]</c> to one score a point, <c>[R, n]</c> or <c>[R, n, 1]</c>; equivariant, such as
    /// <see cref="PointScores"/>.
    /// </param>
    /// <param name="noise">The number <c>d</c> of normal random numbers that each point gets.</param>
    /// <param name="temperature">How soft the sort is that the gradient sees in train mode.</param>
    /// <param name="spread">The standard deviation of the noise: the smaller, the more the order is the input's.</param>
    public static SortedScores Sorted(
        nn.Module<Tensor, Tensor, Tensor> scores, int noise = 1, double temperature = 0.01, double spread = 1) => new(scores, noise, temperature, spread);

    /// <summary>For a group that is listed: <c>p(g|x)</c> in proportion to the exponential of a score of the transform <c>g·x</c>.</summary>
    /// <param name="scores">From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>; any network.</param>
    /// <param name="temperature">How soft the choice is that the gradient sees in train mode.</param>
    /// <remarks>Drawn by the Gumbel-max trick, with the gradient of the Gumbel softmax, straight through.</remarks>
    public static ElementDistribution Scored(nn.Module<Tensor, Tensor> scores, double temperature = 1) => new ScoredTransforms(scores, temperature);

    /// <summary>For a direct product: a distribution for each factor, the first drawn first.</summary>
    /// <param name="parts">
    /// One for each factor, in order; each looks at what those before it have made of the input, and must not change when those after it act.
    /// </param>
    public static ElementDistribution Product(params IReadOnlyList<ElementDistribution> parts) => new ProductDistribution(parts);

    /// <summary>
    /// A distribution to be learned, with a network that fits the action: noisy scores of the points of sets and graphs, or scores of the
    /// transforms of a group that is small enough to list.
    /// </summary>
    /// <param name="action">How the group acts on the inputs.</param>
    /// <param name="shape">The shape of an input, without the batch.</param>
    /// <param name="hidden">The width of the network's hidden layers.</param>
    /// <exception cref="EquivariantException">The group is neither; for a direct product of such, name a distribution for each factor.</exception>
    public static ElementDistribution Learned(TensorAction action, IReadOnlyList<long> shape, int hidden = 32)
    {
        if (PointSignal.TryFind(action) is { } points)
        {
            using DisposeScope scope = NewDisposeScope();
            int features = (int)points.Features(zeros([1, .. shape])).shape[2];
            // Returns of walks up to this length tell most nodes apart that can be.
            const int Walks = 8;
            return Sorted(new PointScores(action, features, 1, hidden, walks: Walks));
        }

        var distribution = new ScoredTransforms(
            nn.Sequential(nn.Flatten(1), nn.Linear(shape.Aggregate(1L, (size, length) => size * length), hidden), nn.Tanh(), nn.Linear(hidden, 1)), 1);
        distribution.Require(action);
        return distribution;
    }

    /// <summary>Whether an action is of a symmetric group on the points of sets or graphs, which is never listed.</summary>
    /// <param name="action">The action.</param>
    public static bool HasPoints(TensorAction action) => PointSignal.TryFind(action) is not null;

    /// <summary>Draws elements for every input.</summary>
    /// <param name="action">How the group acts on the inputs.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <param name="samples">How many for each input, <c>K</c>.</param>
    /// <param name="random">Draws all that is drawn.</param>
    /// <returns>As many picks for each input.</returns>
    public abstract Picks Draw(TensorAction action, Tensor x, int samples, Random random);

    /// <summary>Refuses what the distribution is not for, before there is an input.</summary>
    /// <param name="input">How the group acts on the inputs.</param>
    /// <exception cref="EquivariantException">The distribution is for other groups or actions.</exception>
    public virtual void Require(TensorAction input)
    {
    }

    /// <summary>Refuses temperatures that make no sense.</summary>
    private protected static double Checked(double temperature) => temperature > 0 && double.IsFinite(temperature)
        ? temperature
        : throw new EquivariantException($"A temperature has to be positive, but {temperature} was given: the smaller, the closer to a hard choice.");

    private sealed class UniformDistribution() : ElementDistribution("uniform")
    {
        public override Picks Draw(TensorAction action, Tensor x, int samples, Random random)
        {
            GroupElement[] elements;
            // A generator of random numbers serves one thread at a time, and may be shared with other designs.
            lock (random)
            {
                elements = [.. Enumerable.Range(0, samples).Select(_ => action.Group.Random(random))];
            }

            return Picks.Shared(new ElementList(action.Group, elements), x.shape[0]);
        }
    }

    private sealed class ProductDistribution : ElementDistribution
    {
        private readonly IReadOnlyList<ElementDistribution> _parts;

        public ProductDistribution(IReadOnlyList<ElementDistribution> parts)
            : base("product")
        {
            _parts = parts;
            for (int i = 0; i < parts.Count; i++)
            {
                register_module($"part{i}", parts[i]);
            }
        }

        public override void Require(TensorAction input) => Split(input).Require(_parts, (part, own) => part.Require(own));

        public override Picks Draw(TensorAction action, Tensor x, int samples, Random random) =>
            Split(action).Pick(x, (factor, own, rows) => _parts[factor].Draw(own, rows, factor == 0 ? samples : 1, random));

        private FactorWise Split(TensorAction action) => FactorWise.Of(action, _parts.Count, "A product of distributions");
    }
}
