using System.Buffers.Binary;
using System.Security.Cryptography;
using Equivariant.Core.Distributed;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>
/// A function of inputs and of a model's parameters that are the same on every rank, of which each rank computes a part; the
/// value is the sum of the parts.
/// </summary>
/// <remarks>
/// The gradient that comes back is the same on every rank too. It goes to this rank's part, and the gradients of the inputs
/// and of the parameters are added over ranks, in one message: then every rank has that of the whole. That sum is itself such
/// a function, so that gradients of every order are right. The graph of a part hangs on saved tensors, which libtorch frees.
/// </remarks>
internal sealed class RankRegion : autograd.MultiTensorFunction<RankRegion>
{
    private const string SegmentKey = "segment";

    /// <summary>See <see cref="Checkpoint"/>: the engine copies them later.</summary>
    [ThreadStatic]
    private static List<Tensor>? t_returned;

    /// <inheritdoc/>
    public override string Name => nameof(RankRegion);

    /// <summary>Computes the function. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="model">The model.</param>
    /// <param name="inputs">The inputs; those of whole numbers have no gradient.</param>
    /// <param name="part">This rank's part, of tensors like the inputs; it keeps no tensor that has a gradient, nor one of a dispose scope.</param>
    public static Tensor[] Run(Ranks ranks, WrappedModel model, Tensor[] inputs, Func<Tensor[], Tensor[]> part)
    {
        Tensor[] parameters = model.TrainedParameters();
        var segment = new Segment(ranks, model, part, Replay.Devices(inputs.Concat(parameters)), inputs.Length, parameters);
        return is_grad_enabled() && inputs.Concat(parameters).Any(x => x.requires_grad)
            ? [.. apply([segment, .. inputs, .. parameters])]
            : Sum(segment, () => part(inputs)).Sums;
    }

    /// <inheritdoc/>
    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var segment = (Segment)vars[0];
        Tensor[] inputs = [.. vars.Skip(1).Take(segment.Inputs).Cast<Tensor>()];
        ctx.save_data(SegmentKey, segment);
        ctx.set_materialize_grads(false);
        Tensor[] starts = [.. inputs.Select(x => x.requires_grad ? x.detach().requires_grad_() : x.detach())];
        (Tensor[] sums, Tensor[] parts, Tensor[] states) = Sum(segment, () =>
        {
            using IDisposable grad = enable_grad();
            return segment.Part(starts);
        });
        ctx.save_for_backward([.. states, .. inputs, .. starts, .. parts]);
        return [.. sums];
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        using DisposeScope scope = NewDisposeScope();
        var segment = (Segment)ctx.get_data(SegmentKey);
        var gradients = new Tensor?[segment.Inputs + segment.Parameters.Length];
        int[] given = [.. Enumerable.Range(0, grad_outputs.Count).Where(i => !grad_outputs[i].IsInvalid)];
        if (given.Length > 0)
        {
            List<Tensor> saved = ctx.get_saved_variables();
            List<Tensor> Next(int count)
            {
                List<Tensor> next = saved[..count];
                saved = saved[count..];
                return next;
            }

            List<Tensor> states = Next(segment.Devices.Length);
            List<Tensor> inputs = Next(segment.Inputs);
            List<Tensor> starts = Next(segment.Inputs);
            int[] wanted = [.. Enumerable.Range(0, segment.Inputs).Where(i => starts[i].requires_grad)];
            int[] places = [.. wanted, .. Enumerable.Range(segment.Inputs, segment.Parameters.Length)];
            Tensor?[] sums;
            if (is_grad_enabled())
            {
                sums = GoBackAgain(segment, [.. states.Select(state => state.DetachFromDisposeScope())], inputs, wanted, given, grad_outputs);
            }
            else
            {
                Tensor[] targets = [.. wanted.Select(i => starts[i]), .. segment.Parameters];
                Tensor[] parts = [.. given.Select(i => saved[i])];
                Tensor?[] own = segment.Ranks.Apart(() => GoBack(parts, targets, [.. given.Select(i => grad_outputs[i])], again: false));
                sums = FlatSum.Of(segment.Ranks, own, targets);
            }

            for (int k = 0; k < places.Length; k++)
            {
                gradients[places[k]] = sums[k];
            }
        }

        t_returned = [.. gradients.Select(gradient => gradient?.MoveToOuterDisposeScope()!)];
        return [null!, .. t_returned];
    }

    /// <summary>This rank's part of the gradients; null where it has none.</summary>
    private static Tensor?[] GoBack(Tensor[] parts, Tensor[] targets, Tensor[] slopes, bool again)
    {
        // A rank without rows has no graph.
        int[] open = [.. Enumerable.Range(0, parts.Length).Where(i => parts[i].requires_grad)];
        return open.Length == 0 || targets.Length == 0
            ? new Tensor?[targets.Length]
            : [.. autograd.grad([.. open.Select(i => parts[i])], targets, [.. open.Select(i => slopes[i])], retain_graph: true, create_graph: again, allow_unused: true)
                .Select(found => found.IsInvalid ? null : found)];
    }

    /// <summary>The gradients as a function that has gradients itself: of the inputs, the parameters, and what comes back.</summary>
    private static Tensor[] GoBackAgain(Segment segment, Tensor[] states, List<Tensor> inputs, int[] wanted, int[] given, List<Tensor> slopes)
    {
        Tensor[] Part(Tensor[] all)
        {
            Tensor[] xs = all[..segment.Inputs];
            Tensor[] found = [];
            Replay.Run(segment.Model, segment.Devices, states, () =>
            {
                using IDisposable grad = enable_grad();
                Tensor[] starts = [.. xs.Select((x, i) => wanted.Contains(i) && !x.requires_grad ? x.detach().requires_grad_() : x)];
                Tensor[] parts = segment.Part(starts);
                Tensor[] targets = [.. wanted.Select(i => starts[i]), .. segment.Parameters];
                found = [.. GoBack([.. given.Select(i => parts[i])], targets, all[segment.Inputs..], again: true).Zip(targets, (own, target) => own ?? zeros_like(target))];
            });
            return found;
        }

        return Run(segment.Ranks, segment.Model, [.. inputs, .. given.Select(i => slopes[i])], Part);
    }

    /// <summary>
    /// Adds the parts of all ranks. Each rank draws its own random numbers for its part, so that no two ranks drop the same; afterwards
    /// the generators are in one state on all ranks, and where nothing was drawn in the one in which they were.
    /// </summary>
    private static (Tensor[] Sums, Tensor[] Parts, Tensor[] States) Sum(Segment segment, Func<Tensor[]> part)
    {
        Tensor[] before = Replay.States(segment.Devices);
        for (int i = 0; i < before.Length; i++)
        {
            if (before[i] is { IsInvalid: false } state)
            {
                RandomStates.Seed(segment.Devices[i], BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(state.bytes)) + segment.Ranks.Rank);
            }
        }

        Tensor[] states = Replay.States(segment.Devices);
        Tensor[] parts;
        bool drew;
        try
        {
            parts = segment.Ranks.Apart(part);
            drew = states.Zip(Replay.States(segment.Devices)).Any(pair => pair.First is not null && !pair.First.bytes.SequenceEqual(pair.Second.bytes));
        }
        finally
        {
            Replay.SetStates(segment.Devices, before);
        }

        using Tensor mark = parts[0].detach().new_zeros(1);
        Tensor?[] sums = FlatSum.Of(segment.Ranks, [.. parts, drew ? mark : null], [.. parts, mark]);
        if (sums[^1] is { } anybody)
        {
            anybody.Dispose();
            foreach (Device device in segment.Devices)
            {
                rand(1, device: device).Dispose();
            }
        }

        return ([.. sums[..^1].Select(sum => sum!)], parts, states);
    }

    /// <summary>What the backward pass needs.</summary>
    private sealed record Segment(Ranks Ranks, WrappedModel Model, Func<Tensor[], Tensor[]> Part, Device[] Devices, int Inputs, Tensor[] Parameters);
}
