using Equivariant.Core.Native;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A layer with several inputs and outputs that knows how groups act on each.</summary>
/// <remarks>Every tensor is <c>[B, channels, n]</c>, all of one batch size, in the order of the ports.</remarks>
public abstract class MultiInputModule : SavedModule<Tensor[], Tensor[]>
{
    /// <summary>Fixes what comes in and goes out.</summary>
    /// <param name="name">The name of the layer in messages.</param>
    /// <param name="inputs">The inputs, at least one.</param>
    /// <param name="outputs">The outputs, at least one.</param>
    /// <exception cref="EquivariantException">There is none, names repeat, or ports of one factor have different groups.</exception>
    protected MultiInputModule(string name, IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs)
        : base(name)
    {
        LibTorch.Load();
        RequireDistinct(name, inputs, "input");
        RequireDistinct(name, outputs, "output");
        foreach (IGrouping<string, Port> factor in inputs.Concat(outputs).GroupBy(port => port.ActingFactor))
        {
            Port first = factor.First();
            foreach (Port port in factor.Where(port => port.Representation.Group != first.Representation.Group))
            {
                throw new EquivariantException(
                    $"In {name}, the factor '{factor.Key}' acts on {first} and on {port}, but their groups differ; give one of them a factor of its own.");
            }
        }

        Inputs = [.. inputs];
        Outputs = [.. outputs];
    }

    /// <summary>Gets the inputs.</summary>
    public IReadOnlyList<Port> Inputs { get; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<Port> Outputs { get; }

    /// <summary>Checks the tensors of a call.</summary>
    /// <param name="tensors">One for each input.</param>
    /// <param name="like">A parameter of the layer, or null for a layer without any.</param>
    /// <exception cref="EquivariantException">Their number or one of them does not fit; the message names the layer and the input.</exception>
    protected void RequireInputs(Tensor[] tensors, Tensor? like = null)
    {
        if (tensors.Length != Inputs.Count)
        {
            throw new EquivariantException(
                $"{GetName()} has {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(port => port.Name))}), but {tensors.Length} tensors were given.");
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            LayerChecks.RequireInput($"{GetName()}, input '{Inputs[i].Name}',", tensors[i], Inputs[i].Channels, Inputs[i].Representation, like);
            if (tensors[i].shape[0] != tensors[0].shape[0])
            {
                throw new EquivariantException(
                    $"{GetName()} needs one batch size for all inputs, but '{Inputs[0].Name}' has {tensors[0].shape[0]} rows and '{Inputs[i].Name}' {tensors[i].shape[0]}.");
            }
        }
    }

    private static void RequireDistinct(string name, IReadOnlyList<Port> ports, string what)
    {
        if (ports.Count == 0)
        {
            throw new EquivariantException($"{name} needs at least one {what}.");
        }

        foreach (IGrouping<string, Port> same in ports.GroupBy(port => port.Name).Where(group => group.Count() > 1))
        {
            throw new EquivariantException($"{name} has {same.Count()} {what}s called '{same.Key}'; names have to differ.");
        }

        foreach (Port port in ports.Where(port => port.Channels < 1))
        {
            throw new EquivariantException($"{name}: {port} needs at least one channel.");
        }
    }
}
