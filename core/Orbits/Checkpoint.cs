using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>
/// Gradient checkpointing: a model runs without keeping its intermediate values and runs again when the gradient
/// comes back, which trades time for memory.
/// </summary>
/// <remarks>
/// To the engine this is a function of the inputs and of the model's registered parameters, whose gradients it returns,
/// to any order. <c>backward()</c> also reaches the leaves that a model uses and does not register;
/// <c>autograd.grad</c> does not.
/// </remarks>
internal sealed class Checkpoint : autograd.SingleTensorFunction<Checkpoint>
{
    private const string RunKey = "run";

    /// <summary>
    /// The gradients that this thread returned last. The engine copies them after the function that returns them has
    /// ended, and without this the collector might be faster.
    /// </summary>
    [ThreadStatic]
    private static List<Tensor>? t_returned;

    /// <summary>Whether this thread evaluates without checkpoints for now.</summary>
    [ThreadStatic]
    private static bool t_isOff;

    /// <inheritdoc/>
    public override string Name => nameof(Checkpoint);

    /// <summary>Does some work in which models run as if they were not checkpointed: their values show what they depend on.</summary>
    public static T Without<T>(Func<T> work)
    {
        bool before = t_isOff;
        t_isOff = true;
        try
        {
            return work();
        }
        finally
        {
            t_isOff = before;
        }
    }

    /// <summary>Runs a model, now without its graph and once more in the backward pass.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">The inputs.</param>
    public static Tensor Run(WrappedModel model, Tensor[] inputs)
    {
        if (!is_grad_enabled() || t_isOff)
        {
            return model.Call(inputs);
        }

        if (!model.IsModule && !AutogradEngine.Answers)
        {
            throw new EquivariantException(
                "A model whose parameters are not known can't be checkpointed on this system: make it an nn.Module that registers them, or evaluate in chunks without checkpoints.");
        }

        // The engine comes back only to what has an input that requires a gradient: leaves that are not registered
        // are none.
        using Tensor anchor = zeros(1).requires_grad_();
        Tensor[] parameters = model.TrainedParameters();
        return apply([new Segment(model, Replay.Devices(inputs.Concat(parameters)), inputs.Length, parameters), anchor, .. inputs, .. parameters]);
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var segment = (Segment)vars[0];
        Tensor[] inputs = [.. vars.Skip(2).Take(segment.Inputs).Cast<Tensor>()];
        ctx.save_data(RunKey, segment);
        ctx.set_materialize_grads(false);
        // Dropout has to draw the same masks when the model runs again.
        ctx.save_for_backward([.. Replay.States(segment.Devices), .. inputs]);
        // A model that works in place must not spoil what it gets the second time.
        return segment.Model.Call([.. inputs.Select(x => x.clone())]);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using DisposeScope scope = NewDisposeScope();
        var segment = (Segment)ctx.get_data(RunKey);
        var gradients = new Tensor?[segment.Inputs + segment.Parameters.Length];
        if (!grad_output.IsInvalid)
        {
            List<Tensor> saved = ctx.get_saved_variables();
            List<Tensor> inputs = saved[segment.Devices.Length..];
            Replay.Run(segment.Model, segment.Devices, saved[..segment.Devices.Length], () => GoBack(segment, inputs, grad_output, gradients));
        }

        t_returned = [.. gradients.Select(gradient => gradient?.MoveToOuterDisposeScope()!)];
        return [null!, null!, .. t_returned];
    }

    private static void GoBack(Segment segment, List<Tensor> inputs, Tensor slope, Tensor?[] gradients)
    {
        bool allLeaves = AutogradEngine.ReachesAllLeaves;
        bool again = is_grad_enabled();
        using IDisposable grad = enable_grad();
        Barrier.Gate?[] gates = [.. inputs.Select(x => x.requires_grad ? new Barrier.Gate() : null)];
        // Only a second derivative has to find its way from here to where the inputs come from.
        Tensor[] starts = [.. inputs.Select((x, i) => gates[i] is { } gate ? Barrier.apply(gate, again ? x : x.detach().requires_grad_()) : x.clone())];
        // The model may write to what it is given.
        Tensor output = segment.Model.Call([.. starts.Select((x, i) => gates[i] is null ? x : x.clone())]);
        int[] wanted = [.. Enumerable.Range(0, inputs.Count).Where(i => gates[i] is not null)];
        if (!output.requires_grad)
        {
            return;
        }

        if (allLeaves)
        {
            // Parameters get theirs here, those that are not registered too.
            autograd.backward(output, slope, retain_graph: again, create_graph: again);
            foreach (int i in wanted)
            {
                gradients[i] = gates[i]!.Take();
            }
        }
        else if (wanted.Length + segment.Parameters.Length > 0)
        {
            IList<Tensor> found = autograd.grad(
                [output], [.. wanted.Select(i => starts[i]), .. segment.Parameters], [slope], again, again, allow_unused: true);
            int[] places = [.. wanted, .. Enumerable.Range(inputs.Count, segment.Parameters.Length)];
            for (int k = 0; k < places.Length; k++)
            {
                gradients[places[k]] = found[k].IsInvalid ? null : found[k];
            }
        }

        foreach (Barrier.Gate? gate in gates)
        {
            gate?.Open();
        }
    }

    /// <summary>What the backward pass needs to run the model again.</summary>
    private sealed record Segment(WrappedModel Model, Device[] Devices, int Inputs, Tensor[] Parameters);

    /// <summary>
    /// The identity, through which no gradient passes while its gate is shut: what the inputs come from may depend on
    /// the model's parameters itself, and its gradients are not this function's to compute. Open, it lets second
    /// derivatives through.
    /// </summary>
    private sealed class Barrier : autograd.SingleTensorFunction<Barrier>
    {
        private const string GateKey = "gate";

        public override string Name => nameof(Barrier);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data(GateKey, vars[0]);
            ctx.set_materialize_grads(false);
            return ((Tensor)vars[1]).alias();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            [null!, ((Gate)ctx.get_data(GateKey)).Pass(grad_output)!];

        /// <summary>Shut at first; it keeps the gradient that it stops until that is taken.</summary>
        public sealed class Gate
        {
            private bool _isOpen;
            private Tensor? _stopped;

            public Tensor? Pass(Tensor gradient)
            {
                if (gradient.IsInvalid || _isOpen)
                {
                    return gradient.IsInvalid ? null : gradient;
                }

                _stopped = gradient;
                return null;
            }

            /// <summary>The gradient, which the gate forgets: its graph leads back to the gate.</summary>
            public Tensor? Take() => Interlocked.Exchange(ref _stopped, null);

            public void Open() => _isOpen = true;
        }
    }
}
