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

    /// <inheritdoc/>
    public override string Name => nameof(Checkpoint);

    /// <summary>Runs a model, now without its graph and once more in the backward pass.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">The inputs.</param>
    public static Tensor Run(WrappedModel model, Tensor[] inputs)
    {
        if (!is_grad_enabled())
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
        Device[] devices = [CPU, .. inputs.Concat(parameters).Select(x => x.device).Where(device => device.type != DeviceType.CPU).DistinctBy(device => (device.type, device.index))];
        return apply([new Segment(model, devices, inputs.Length, parameters), anchor, .. inputs, .. parameters]);
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var segment = (Segment)vars[0];
        Tensor[] inputs = [.. vars.Skip(2).Take(segment.Inputs).Cast<Tensor>()];
        ctx.save_data(RunKey, segment);
        ctx.set_materialize_grads(false);
        // Dropout has to draw the same masks when the model runs again.
        ctx.save_for_backward([.. segment.Devices.Select(device => RandomStates.Get(device)!), .. inputs]);
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
            Replay(segment, saved[..segment.Devices.Length], saved[segment.Devices.Length..], grad_output, gradients);
        }

        t_returned = [.. gradients.Select(gradient => gradient?.MoveToOuterDisposeScope()!)];
        return [null!, null!, .. t_returned];
    }

    /// <summary>Runs the model again and the gradient back through it, with the random state and the buffers of the first time.</summary>
    private static void Replay(Segment segment, List<Tensor> states, List<Tensor> inputs, Tensor slope, Tensor?[] gradients)
    {
        Tensor?[] now = [.. segment.Devices.Select(RandomStates.Get)];
        Tensor[] buffers = segment.Model.ChangingBuffers();
        Tensor[] values = [.. buffers.Select(buffer => buffer.clone())];
        SetStates(segment.Devices, states);
        try
        {
            GoBack(segment, inputs, slope, gradients);
        }
        finally
        {
            SetStates(segment.Devices, now);
            foreach ((Tensor buffer, Tensor value) in buffers.Zip(values))
            {
                Restore(buffer, value);
            }
        }
    }

    /// <summary>
    /// Gives a buffer its value back. A graph that is kept for a second derivative must not notice, though it holds the
    /// buffer too: normalisation does not read its running means in train mode. Only the CPU's memory can be written
    /// behind its back.
    /// </summary>
    private static void Restore(Tensor buffer, Tensor value)
    {
        if (buffer.device_type == DeviceType.CPU && buffer.is_contiguous() && buffer.numel() * buffer.element_size() <= int.MaxValue)
        {
            value.bytes.CopyTo(buffer.bytes);
        }
        else if (!is_grad_enabled())
        {
            buffer.copy_(value);
        }
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

    private static void SetStates(Device[] devices, IReadOnlyList<Tensor?> states)
    {
        for (int i = 0; i < devices.Length; i++)
        {
            if (states[i] is { IsInvalid: false } state)
            {
                RandomStates.Set(devices[i], state);
            }
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
