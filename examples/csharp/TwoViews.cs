using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Layers;
using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.CSharp;

/// <summary>
/// A classifier of scenes seen from the front and from the side: the front may be turned and mirrored, the side may be
/// turned, and the answer stays. The same model as in <c>examples/3-two-views.fsx</c>, from the core alone.
/// </summary>
public sealed class TwoViews : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Channels = 8;

    private readonly MultiInputNetwork _network;
    private readonly InvariantReadout _frontReadout;
    private readonly InvariantReadout _sideReadout;
    private readonly Linear _head;

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

        PermutationAction frontPixels = GridActions.Of(FrontGroup, side, side, GridMove.QuarterTurn, GridMove.FlipLeftRight);
        PermutationAction sidePixels = GridActions.Rotations(SideGroup, side, side);
        FrontAction = new AxisAction(frontPixels, -2, -1);
        SideAction = new AxisAction(sidePixels, -2, -1);

        NetworkPort[] ports = [new("front", FrontAction), new("side", SideAction)];
        _network = new MultiInputNetwork(
            ports,
            ports,
            [
                NetworkBlock.Equivariant("front", "front", ConvNet()),
                NetworkBlock.Equivariant("side", "side", ConvNet()),
                NetworkBlock.InvariantSymmetric("side", "front", ConvNet()),
                NetworkBlock.InvariantSymmetric("front", "side", ConvNet()),
            ]);
        _frontReadout = new InvariantReadout(Representation.Of(frontPixels), Channels);
        _sideReadout = new InvariantReadout(Representation.Of(sidePixels), Channels);
        _head = nn.Linear(Channels * (frontPixels.OrbitCount + sidePixels.OrbitCount), classes);
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
    public int EvaluationsPerInput => _network.EvaluationsPerInput;

    /// <summary>Scores the classes.</summary>
    /// <param name="front">Images from the front, <c>[B, 3, side, side]</c>.</param>
    /// <param name="side">Images from the side, <c>[B, 3, side, side]</c>.</param>
    /// <returns>Scores, <c>[B, classes]</c>.</returns>
    public override Tensor forward(Tensor front, Tensor side)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] maps = [.. _network.call([front, side]).Select(map => nn.functional.relu(map).flatten(2))];
        Tensor features = cat([_frontReadout.call(maps[0]).flatten(1), _sideReadout.call(maps[1]).flatten(1)], 1);
        return _head.call(features).MoveToOuterDisposeScope();
    }

    private static Sequential ConvNet() => nn.Sequential(
        nn.Conv2d(3, Channels, 3, padding: 1), nn.ReLU(), nn.Conv2d(Channels, Channels, 3, padding: 1));
}
