using System.Runtime.CompilerServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <inheritdoc cref="Frame.Wreath"/>
internal sealed class WreathFrame : Frame
{
    private readonly Frame _inner;
    private readonly Frame _outer;
    private readonly TieBreaks _ties;

    public WreathFrame(Frame inner, Frame outer, TieBreaks ties)
        : base("wreath frame")
    {
        _inner = inner;
        _outer = outer;
        _ties = ties;
        register_module("inner", inner);
        register_module("outer", outer);
    }

    public override void Require(TensorAction input)
    {
        Blocks blocks = Blocks.Of(input);
        _inner.Require(blocks.Inner);
        _outer.Require(blocks.Outer);
    }

    public override Picks Pick(TensorAction action, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Blocks blocks = Blocks.Of(action);
        Tensor contents = blocks.Contents(x);
        Picks inner = _inner.Pick(blocks.Inner, contents);
        (ElementBatch turns, PickedRows ofBlocks) = inner.Listed(x.device);
        Tensor turned = inner.Transform(blocks.Inner, contents);

        // One pick for each block of an input, in every way that there is.
        (Tensor chosen, PickedRows rows) = Choices(ofBlocks, x.shape[0], blocks.Count, x.device);
        Tensor flat = chosen.flatten();
        Tensor set = turned.index_select(0, flat).flatten(1).unflatten(0, chosen.shape[0], blocks.Count);
        (ElementBatch moves, PickedRows within) = _outer.Pick(blocks.Outer, set).Listed(x.device);
        Tensor from = within.Explicit(x.device).Input;
        Tensor to = moves.Codes.unsqueeze(2);
        Tensor entries = turns.Codes.index_select(0, flat).unflatten(0, chosen.shape[0], blocks.Count).index_select(0, from);
        Tensor codes = cat([zeros_like(entries).scatter_(1, to.expand_as(entries), entries).flatten(1), moves.Codes], 1);
        (Tensor input, Tensor weights) = rows.Then(within, x.device).Explicit(x.device);
        return Picks.Of(
            ElementBatch.Trusted(action.Group, codes.MoveToOuterDisposeScope()),
            input.MoveToOuterDisposeScope(),
            weights.MoveToOuterDisposeScope(),
            x.shape[0]);
    }

    /// <summary>For each way to take one pick of every block: the rows of the picks, <c>[C, m]</c>, and the input whose blocks they are.</summary>
    private (Tensor Chosen, PickedRows Rows) Choices(PickedRows picks, long batch, int blocks, Device device)
    {
        if (picks.PerInput == 1)
        {
            return (arange(batch * blocks, device: device).view(batch, blocks), PickedRows.Each(1, batch));
        }

        (Tensor input, Tensor weights) = picks.Explicit(device);
        long[] block = input.cpu().data<long>().ToArray();
        double[] weight = weights.to(ScalarType.Float64).cpu().data<double>().ToArray();
        ILookup<long, int> ofBlock = Enumerable.Range(0, block.Length).ToLookup(row => block[row]);
        List<int> chosen = [];
        List<long> inputs = [];
        List<double> counts = [];
        for (long row = 0; row < batch; row++)
        {
            int[][] each = [.. Enumerable.Range(0, blocks).Select(copy => ofBlock[(row * blocks) + copy].ToArray())];
            foreach ((int[] way, double count) in _ties.Combine(each, pick => weight[pick]))
            {
                chosen.AddRange(way);
                inputs.Add(row);
                counts.Add(count);
            }
        }

        return (
            tensor([.. chosen.Select(row => (long)row)], [inputs.Count, blocks], device: device),
            PickedRows.Of(tensor([.. inputs], device: device), tensor([.. counts], device: device), batch));
    }

    /// <summary>The blocks that a wreath product moves, and how its two groups act on them: found once for each action.</summary>
    private sealed class Blocks(AxisAction action, PermutationAction inner, int count)
    {
        private static readonly ConditionalWeakTable<TensorAction, Blocks> s_found = [];

        /// <summary>How many blocks there are, <c>m</c>.</summary>
        public int Count => count;

        /// <summary>How K acts on one block, <c>[…, d, within]</c>.</summary>
        public AxisAction Inner { get; } = new(inner, -2);

        /// <summary>How S acts on the blocks as points, <c>[…, m, features]</c>.</summary>
        public AxisAction Outer { get; } = new(PermutationAction.Natural(((WreathProduct)action.Group).Outer), -2);

        public static Blocks Of(TensorAction action) => s_found.GetValue(action, Find);

        private static Blocks Find(TensorAction action)
        {
            if (action is AxisAction { Group: WreathProduct wreath } axis)
            {
                PermutationAction inner = wreath.Inner is PermutationGroup permutations
                    ? PermutationAction.Natural(permutations)
                    : PermutationAction.FromFormula(
                        wreath.Inner, Math.Max(1, wreath.Inner.PointCount), (g, point) => wreath.Inner.Image(g.Code, point), $"the points of {wreath.Inner.Name}");
                if (axis.Indices.ActsAs(PermutationAction.Imprimitive(wreath, inner)))
                {
                    return new Blocks(axis, inner, wreath.Outer.Degree);
                }
            }

            throw new EquivariantException(
                $"A wreath frame is for a wreath product K ≀ S that moves blocks of coordinates, and those of each block by K, but here acts {action}.");
        }

        /// <summary>The blocks of all inputs one after the other, <c>[B·m, before, d, within]</c>.</summary>
        public Tensor Contents(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor flat = action.Flatten(x);
            return flat.reshape(flat.shape[0], flat.shape[1], count, inner.Degree, -1).transpose(1, 2).flatten(0, 1).MoveToOuterDisposeScope();
        }
    }
}
