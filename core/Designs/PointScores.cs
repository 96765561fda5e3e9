using Equivariant.Core.Actions;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// A small equivariant network that gives each point of a set, or node of a graph, a score: features and noise, exchanged with the mean
/// of all points and, in graphs, along the edges.
/// </summary>
/// <remarks>
/// The scores of an input have mean 0 and deviation 1, whatever the weights, so that a temperature means the same for all. The nodes of
/// graphs may also know how likely random walks return to them, which tells more apart than exchanging along edges does: Dwivedi et al.,
/// "Graph Neural Networks with Learnable Structural and Positional Representations" (ICLR 2022).
/// </remarks>
public sealed class PointScores : nn.Module<Tensor, Tensor, Tensor>
{
    /// <summary>Below this scores do not differ, and nodes have no edges.</summary>
    private const double Smallest = 1e-6;

    private readonly PointSignal _points;
    private readonly Linear _read;
    private readonly Linear[] _mix;
    private readonly Linear _score;
    private readonly int _walks;

    /// <summary>Makes the network.</summary>
    /// <param name="action">How the symmetric group acts on the sets or graphs.</param>
    /// <param name="features">The features of a point; for graphs, those behind the adjacency matrix.</param>
    /// <param name="noise">Random numbers of each point.</param>
    /// <param name="hidden">The width of the hidden layers.</param>
    /// <param name="layers">How often points exchange what they know.</param>
    /// <param name="walks">For graphs: up to which length random walks are followed; 0 for none.</param>
    /// <exception cref="EquivariantException">The action is not of a symmetric group on sets or graphs.</exception>
    public PointScores(TensorAction action, int features, int noise = 1, int hidden = 32, int layers = 2, int walks = 0)
        : base(nameof(PointScores))
    {
        _points = PointSignal.Of(action, "A network of scores");
        int sources = _points.IsGraph ? 3 : 2;
        _walks = _points.IsGraph ? walks : 0;
        _read = nn.Linear(features + noise + _walks, hidden);
        _mix = [.. Enumerable.Range(0, layers).Select(_ => nn.Linear(sources * hidden, hidden))];
        _score = nn.Linear(hidden, 1);
        register_module("read", _read);
        for (int i = 0; i < layers; i++)
        {
            register_module($"mix{i}", _mix[i]);
        }

        register_module("score", _score);
    }

    /// <summary>Scores the points.</summary>
    /// <param name="x">The batch, <c>[R, …]</c>.</param>
    /// <param name="noise">Random numbers, <c>[R, n, d]</c>.</param>
    /// <returns>The scores, <c>[R, n]</c>.</returns>
    public override Tensor forward(Tensor x, Tensor noise)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? edges = _points.IsGraph ? _points.Adjacency(x).to(noise.dtype) : null;
        // Channels first, [c, R, n]: of products as narrow as these those with many columns are fast, and those with many rows are not.
        Tensor h = Apply(_read, cat([ChannelsFirst(_points.Features(x).to(noise.dtype)), ChannelsFirst(noise), .. Returns(edges).Select(ChannelsFirst)], 0)).relu_();
        foreach (Linear mix in _mix)
        {
            // What points know of themselves, of the mean and of their neighbours, side by side, is never made.
            Tensor[] weights = mix.weight.split(h.shape[0], 1);
            Tensor shared = mix.bias!.unsqueeze(1).addmm(weights[1], h.mean([2L]), 1, 1);
            Tensor seen = Product(weights[0], h).add_(shared.unsqueeze(2));
            if (edges is not null)
            {
                seen.add_(Product(weights[2], h.transpose(0, 1).matmul(edges.transpose(1, 2)).transpose(0, 1)));
            }

            h = h + seen.relu_();
        }

        Tensor scores = Apply(_score, h).squeeze(0);
        Tensor centred = scores - scores.mean([1L], keepdim: true);
        return (centred / (centred.square().mean([1L], keepdim: true).sqrt() + Smallest)).MoveToOuterDisposeScope();
    }

    private static Tensor ChannelsFirst(Tensor x) => x.permute(2, 0, 1);

    /// <summary>Weights <c>[d, c]</c> on channels, <c>[c, R, n] → [d, R, n]</c>.</summary>
    private static Tensor Product(Tensor weights, Tensor h) => weights.mm(h.flatten(1)).view(weights.shape[0], h.shape[1], h.shape[2]);

    private static Tensor Apply(Linear linear, Tensor h) => Product(linear.weight, h).add_(linear.bias!.view(-1, 1, 1));

    /// <summary>How likely walks of each length, by edges of which heavier ones are likelier, come back to where they started, <c>[R, n, 1]</c> each.</summary>
    private IEnumerable<Tensor> Returns(Tensor? edges)
    {
        if (edges is null || _walks == 0)
        {
            yield break;
        }

        Tensor step = edges.abs() / edges.abs().sum([2L], keepdim: true).clamp_min(Smallest);
        Tensor walk = step;
        for (int length = 1; length <= _walks; length++)
        {
            yield return walk.diagonal(0, 1, 2).unsqueeze(2);
            walk = walk.matmul(step);
        }
    }
}
