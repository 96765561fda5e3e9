using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>One layer on each of several inputs, such as its nonlinearity or norm.</summary>
public sealed class PerPort : MultiInputModule
{
    private readonly ModuleList<EquivariantModule> layers;

    /// <summary>Puts a layer on each port.</summary>
    /// <param name="inputs">The ports that come in.</param>
    /// <param name="layers">One layer for each, whose output keeps the group; they become child modules.</param>
    /// <exception cref="EquivariantException">Their numbers differ, or a layer does not fit its port.</exception>
    public PerPort(IReadOnlyList<Port> inputs, IReadOnlyList<EquivariantModule> layers)
        : base(nameof(PerPort), inputs, Following(inputs, layers))
    {
        this.layers = new ModuleList<EquivariantModule>([.. layers]);
        RegisterComponents();
    }

    /// <summary>Applies each layer to its input.</summary>
    /// <param name="input">One batch for each input.</param>
    /// <returns>One batch for each output.</returns>
    public override Tensor[] forward(Tensor[] input)
    {
        RequireInputs(input);
        return [.. layers.Zip(input, (layer, x) => layer.call(x))];
    }

    private static Port[] Following(IReadOnlyList<Port> inputs, IReadOnlyList<EquivariantModule> layers)
    {
        if (inputs.Count != layers.Count)
        {
            throw new EquivariantException($"{nameof(PerPort)} needs one layer for each of its {inputs.Count} inputs; {layers.Count} were given.");
        }

        for (int i = 0; i < layers.Count; i++)
        {
            LayerChecks.RequireSame(
                $"{nameof(PerPort)}, layer {i} ({layers[i].GetName()}),", layers[i].Input, layers[i].InputChannels, inputs[i].Representation, inputs[i].Channels, $"input '{inputs[i].Name}'");
            if (layers[i].Output.Group != inputs[i].Representation.Group)
            {
                throw new EquivariantException(
                    $"{nameof(PerPort)}, layer {i} ({layers[i].GetName()}), leads from {inputs[i].Representation.Group} to {layers[i].Output.Group}; the group of a port has to stay.");
            }
        }

        return [.. inputs.Zip(layers, (port, layer) => port with { Representation = layer.Output, Channels = layer.OutputChannels })];
    }
}
