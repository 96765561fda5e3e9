using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>One layer on each of several inputs, such as its nonlinearity or norm.</summary>
public sealed class PerPort : MultiInputModule
{
    private readonly EquivariantModule[] _layers;

    /// <summary>Puts a layer on each port.</summary>
    /// <param name="inputs">The ports that come in.</param>
    /// <param name="layers">One layer for each, whose output keeps the group; they become child modules, saved under the ports' names, or the family's.</param>
    /// <exception cref="EquivariantException">Their numbers differ, or a layer does not fit its port.</exception>
    public PerPort(IReadOnlyList<Port> inputs, IReadOnlyList<EquivariantModule> layers)
        : base(nameof(PerPort), inputs, Following(inputs, layers))
    {
        _layers = [.. layers];
        // A layer that several ports share is one child.
        IGrouping<EquivariantModule, Port>[] children = [.. inputs.Zip(layers).GroupBy(pair => pair.Second, pair => pair.First)];
        foreach ((IGrouping<EquivariantModule, Port> child, string name) in children.Zip(ChildNames.Of(children.Select(NameOf))))
        {
            register_module(name, child.Key);
        }

        string NameOf(IEnumerable<Port> sharing) =>
            sharing.First() is { Family: { } family } && sharing.SequenceEqual(inputs.Where(port => port.Family == family)) ? family : sharing.First().Name;
    }

    /// <summary>Makes a layer for each port, and one for all members of a family, so that they may still be exchanged.</summary>
    /// <param name="inputs">The ports that come in.</param>
    /// <param name="make">Makes the layer of a port, or of the first member of a family.</param>
    /// <exception cref="EquivariantException">A layer does not fit its port.</exception>
    public static PerPort Of(IReadOnlyList<Port> inputs, Func<Port, EquivariantModule> make)
    {
        Dictionary<string, EquivariantModule> made = inputs.GroupBy(Families.Role).ToDictionary(role => role.Key, role => make(role.First()));
        return new PerPort(inputs, [.. inputs.Select(port => made[Families.Role(port)])]);
    }

    /// <inheritdoc/>
    public override long EvaluationsPerInput => 0;

    /// <summary>Applies each layer to its input.</summary>
    /// <param name="input">One batch for each input.</param>
    /// <returns>One batch for each output.</returns>
    public override Tensor[] forward(Tensor[] input)
    {
        RequireInputs(input);
        for (int i = 0; i < input.Length; i++)
        {
            RequireNumbers(i, input[i]);
        }

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
