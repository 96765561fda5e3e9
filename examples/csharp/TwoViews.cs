using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.CSharp;

/// <summary>
/// A classifier of scenes seen from the front and from the side: the front may be turned and mirrored, the side may be
/// turned, and the answer stays. The same model as in <c>examples/docs/3-two-views.fsx</c>, from the core alone.
/// </summary>
public sealed class TwoViews : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Channels = 8;

    private readonly MultiInputNetwork network;

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="side">The height and width of the images.</param>
    /// <param name="classes">The number of classes.</param>
    public TwoViews(int side, int classes)
        : base(nameof(TwoViews))
    {
        // C4 ⋊ C2, in which a reflection turns turns around; that φ is a homomorphism is checked.
        CyclicGroup turns = Group.Cyclic(4);
        CyclicGroup flips = Group.Cyclic(2);
        FrontGroup = Group.Semidirect(turns, flips, (flip, turn) => flip.IsIdentity ? turn : turn.Inverse());
        SideGroup = Group.Cyclic(4);

        FrontAction = new AxisAction(GridActions.Of(FrontGroup, side, side, GridMove.QuarterTurn, GridMove.FlipLeftRight), -2, -1);
        SideAction = new AxisAction(GridActions.Rotations(SideGroup, side, side), -2, -1);

        Port[] inputs = [new("front", FrontAction, [3, side, side]), new("side", SideAction, [3, side, side])];
        Port[] maps = [new("front", FrontAction, [Channels, side, side]), new("side", SideAction, [Channels, side, side])];
        Port[] scores = [new("scores", new TrivialAction(Group.Trivial()), [classes])];
        network = new MultiInputNetwork(
            new MultiInputLayer(
                inputs,
                maps,
                [
                    Block.Equivariant("front", "front", ConvNet()),
                    Block.Equivariant("side", "side", ConvNet()),
                    Block.InvariantSymmetric("side", "front", ConvNet()),
                    Block.InvariantSymmetric("front", "side", ConvNet()),
                ]),
            new PerPort(maps, [.. maps.Select(port => new EquivariantNonlinearity(port.Representation, port.Channels))]),
            // All linear maps to what no group moves: the invariants of both, mixed.
            MultiInputLayer.Linear(maps, scores));
        RegisterComponents();
    }

    /// <summary>Gets the group of the front.</summary>
    public SemidirectProduct FrontGroup { get; }

    /// <summary>Gets the group of the side.</summary>
    public CyclicGroup SideGroup { get; }

    /// <summary>Gets how the front's pixels move.</summary>
    public TensorAction FrontAction { get; }

    /// <summary>Gets how the side's pixels move.</summary>
    public TensorAction SideAction { get; }

    /// <summary>Gets the evaluations of networks for one pair of images.</summary>
    public long EvaluationsPerInput => network.EvaluationsPerInput;

    /// <summary>Scores the classes.</summary>
    /// <param name="front">Images from the front, <c>[B, 3, side, side]</c>.</param>
    /// <param name="side">Images from the side, <c>[B, 3, side, side]</c>.</param>
    /// <returns>Scores, <c>[B, classes]</c>.</returns>
    public override Tensor forward(Tensor front, Tensor side) => network.call([front, side])[0];

    private static Sequential ConvNet() => nn.Sequential(
        nn.Conv2d(3, Channels, 3, padding: 1), nn.ReLU(), nn.Conv2d(Channels, Channels, 3, padding: 1));
}
