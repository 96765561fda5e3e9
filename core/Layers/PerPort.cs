using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>One layer on each of several inputs, such as its nonlinearity or norm.</summary>
public sealed class PerPort : MultiInputModule
{
    private readonly EquivariantModule[] _layers;

    /// <summary>Puts a layer on each port.</summary>
    /// <param name="inputs">The ports that come in.</param>
    /// <param name="layers">One layer for each, whose output keeps the group; they become child modules, saved under the ports' names.</param>
    /// <exception cref="EquivariantException">Their numbers differ, or a layer does not fit its port.</exception>
    public PerPort(IReadOnlyList<Port> inputs, IReadOnlyList<EquivariantModule> layers)
        : base(nameof(PerPort), inputs, Following(inputs, layers))
    {
        _layers = [.. layers];
        for (int i = 0; i < layers.Count; i++)
        {
            register_module(inputs[i].Name.Replace('.', '_'), layers[i]);
        }
    }

    /// <inheritdoc/>
    public override long EvaluationsPerInput => 0;

    /// <summary>Applies each layer to its input.</summary>
    /// <param name="input">One batch for each input.</param>
    /// <returns>One batch for each output.</returns>
    public override Tensor[] forward(Tensor[] input)
    {
        RequireInputs(input);
        using DisposeScope scope = NewDisposeScope();
        return [.. Enumerable.Range(0, input.Length).Select(i =>
            _layers[i].ApplyTo(input[i], Inputs[i].Layout, Outputs[i].Layout).MoveToOuterDisposeScope())];
    }

    private static Port[] Following(IReadOnlyList<Port> inputs, IReadOnlyList<EquivariantModule> layers)
    {
        if (inputs.Count != layers.Count)
        {
            throw new EquivariantException($"{nameof(PerPort)} needs one layer for each of its {inputs.Count} inputs; {layers.Count} were given.");
        }

        return [.. inputs.Zip(layers, Following)];
    }

    private static Port Following(Port port, EquivariantModule layer)
    {
        LayerChecks.RequireSame(
            $"{nameof(PerPort)}, {layer.GetName()},", layer.Input, layer.InputChannels, port.Representation, port.Channels, $"input '{port.Name}'");
        if (layer.Output.Group != port.Group)
        {
            throw new EquivariantException(
                $"{nameof(PerPort)}, {layer.GetName()}, leads from {port.Group} to {layer.Output.Group}; the group of a port has to stay.");
        }

        // Where nothing changes, the tensors keep their shape.
        return layer.OutputChannels == port.Channels && layer.Output.ActsAs(port.Representation)
            ? port
            : new Port(port.Name, layer.Output, layer.OutputChannels, port.Factor, port.Family);
    }
}
