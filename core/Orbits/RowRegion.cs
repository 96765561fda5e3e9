using System.Runtime.CompilerServices;
using Equivariant.Core.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>Rows that ranks share: each evaluates its part of them, and all get what is made of all values.</summary>
internal static class RowRegion
{
    /// <summary>The networks that were found to register all that they train.</summary>
    private static readonly ConditionalWeakTable<object, object> s_registered = [];

    /// <summary>Evaluates a model on rows that are the same on every rank. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="model">The model.</param>
    /// <param name="rows">The model's inputs, each <c>[R, …]</c>.</param>
    /// <param name="inverse">Which row's value each of all rows has; null where each has its own.</param>
    /// <param name="evaluate">Evaluates the model on some rows.</param>
    /// <param name="collect">A linear map of all values; null for the identity.</param>
    /// <param name="chunkRows">The most rows of one call.</param>
    public static Tensor Evaluate(
        Ranks ranks, WrappedModel model, Tensor[] rows, Tensor? inverse, Func<Tensor[], Tensor> evaluate, Func<Tensor, Tensor>? collect, int? chunkRows)
    {
        long count = rows[0].shape[0];
        (long from, long length) = ranks.Share(count);
        // A rank without rows looks at the first one: it has to know what a value is to add nothing to it.
        bool idle = length == 0 && count > 0;
        Tensor[] Share(Tensor[] inputs) => [.. inputs.Take(rows.Length).Select(x => x.narrow(0, idle ? 0 : from, idle ? 1 : length).clone())];

        Tensor[] whole = inverse is null ? rows : [.. rows, inverse];
        ranks.RequireSameCall(model.Network, whole, model.State);
        if (is_grad_enabled() && !s_registered.TryGetValue(model.Network, out _))
        {
            Tensor[] some = [.. Share(rows).Select(x => x.narrow(0, 0, Math.Min(x.shape[0], chunkRows ?? x.shape[0])))];
            RequireRegistered(ranks, model, some);
            s_registered.TryAdd(model.Network, model.Network);
        }

        Tensor Part(Tensor[] inputs)
        {
            Tensor values = evaluate(Share(inputs));
            return Evaluation.Collect(Padded(values, idle, from, count), inverse is null ? null : inputs[^1], collect);
        }

        Tensor[] sums = RankRegion.Run(ranks, model, whole, inputs => [Part(inputs)]);
        ShareBuffers(ranks, model, idle ? 0 : length);
        return sums[0];
    }

    /// <summary>The values of some rows among all, where the others are zero.</summary>
    internal static Tensor Padded(Tensor values, bool idle, long from, long count)
    {
        Tensor Nothing(long rows) => zeros([rows, .. values.shape[1..]], values.dtype, values.device);
        return idle ? Nothing(count) : cat([Nothing(from), values, Nothing(count - from - values.shape[0])], 0);
    }

    /// <summary>
    /// Refuses a model with trained parameters that it does not register: this rank's part of their gradient would be taken for all
    /// of it. They show as a gradient that the values have without all others.
    /// </summary>
    private static void RequireRegistered(Ranks ranks, WrappedModel model, Tensor[] rows)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parameters = model.TrainedParameters();
        Device[] devices = Replay.Devices(rows.Concat(parameters));
        SetTrained(parameters, false);
        try
        {
            Replay.Run(model, devices, Replay.States(devices), () =>
            {
                Tensor values = ranks.Apart(() => Checkpoint.Without(() => model.Call([.. rows.Select(x => x.detach())])));
                if (values.requires_grad)
                {
                    throw new EquivariantException(
                        $"{model.Name} has parameters that it does not register, so ranks can't add up their gradients: make it an nn.Module that registers all it trains, or evaluate it on one rank.");
                }
            });
        }
        finally
        {
            SetTrained(parameters, true);
        }
    }

    private static void SetTrained(Tensor[] parameters, bool trained)
    {
        foreach (Tensor parameter in parameters)
        {
            parameter.requires_grad = trained;
        }
    }

    /// <summary>What layers in train mode keep, such as running means, becomes the mean over ranks.</summary>
    private static void ShareBuffers(Ranks ranks, WrappedModel model, long weight)
    {
        Tensor[] buffers = model.ChangingBuffers();
        if (buffers.Length == 0)
        {
            return;
        }

        if (!buffers.All(Replay.CanOverwrite))
        {
            throw new EquivariantException(
                $"{model.Name} keeps running means on a GPU, which ranks can't bring together behind the gradient's back: put its normalisation layers in eval mode.");
        }

        using DisposeScope scope = NewDisposeScope();
        foreach ((Tensor buffer, Tensor mean) in buffers.Zip(Buffers.Mean(ranks, buffers, weight)))
        {
            Replay.Overwrite(buffer, mean);
        }
    }
}
