using Equivariant.Core.Native;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A module with several inputs and outputs that knows how groups act on each.</summary>
/// <remarks>Tensors come and go in the order of the ports, all of one batch size.</remarks>
public abstract class MultiInputModule : SavedModule<Tensor[], Tensor[]>
{
    /// <summary>Fixes what comes in and goes out.</summary>
    /// <param name="name">The name of the module in messages.</param>
    /// <param name="inputs">The inputs, at least one.</param>
    /// <param name="outputs">The outputs, at least one.</param>
    /// <exception cref="EquivariantException">There is none, names repeat, ports of one factor have different groups, or an output's action is not linear.</exception>
    protected MultiInputModule(string name, IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs)
        : base(name)
    {
        LibTorch.Load();
        RequireDistinct(name, inputs, "input");
        RequireDistinct(name, outputs, "output");
        foreach (IGrouping<string, Port> factor in inputs.Concat(outputs).GroupBy(port => port.Factor))
        {
            Port first = factor.First();
            foreach (Port port in factor.Where(port => port.Group != first.Group))
            {
                throw new EquivariantException(
                    $"In {name}, the factor '{factor.Key}' acts on {first} by {first.Group} and on {port} by {port.Group}; give one of them a factor of its own.");
            }
        }

        foreach (Port port in outputs.Where(port => !port.Action.IsLinear))
        {
            throw new EquivariantException($"In {name}, the output {port} has an action that is not linear, so values for it can't be added or averaged.");
        }

        Inputs = [.. inputs];
        Outputs = [.. outputs];
    }

    /// <summary>Gets the inputs.</summary>
    public IReadOnlyList<Port> Inputs { get; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<Port> Outputs { get; }

    /// <summary>Gets the evaluations of wrapped models for one set of inputs.</summary>
    public abstract long EvaluationsPerInput { get; }

    /// <summary>Checks the tensors of a call: their number, shapes and batch sizes.</summary>
    /// <param name="tensors">One for each input.</param>
    /// <exception cref="EquivariantException">Something does not fit; the message names the module and the input.</exception>
    protected void RequireInputs(Tensor[] tensors)
    {
        if (tensors.Length != Inputs.Count)
        {
            throw new EquivariantException(
                $"{GetName()} has {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(port => port.Name))}), but {tensors.Length} tensors were given.");
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            LayerChecks.RequireInput(Said(i), tensors[i], Inputs[i]);
            if (tensors[i].shape[0] != tensors[0].shape[0])
            {
                throw new EquivariantException(
                    $"{GetName()} needs one batch size for all inputs, but '{Inputs[0].Name}' has {tensors[0].shape[0]} rows and '{Inputs[i].Name}' {tensors[i].shape[0]}.");
            }
        }
    }

    /// <summary>Checks that a tensor holds floating point numbers, and its dtype and device against a parameter that it meets.</summary>
    /// <param name="input">For which input it is.</param>
    /// <param name="x">The tensor.</param>
    /// <param name="parameter">The parameter; null for none.</param>
    /// <exception cref="EquivariantException">It does not fit; the message names the module and the input.</exception>
    private protected void RequireNumbers(int input, Tensor x, Tensor? parameter = null) =>
        LayerChecks.RequireNumbers(Said(input), x, parameter);

    private string Said(int input) => $"{GetName()}, input '{Inputs[input].Name}',";

    private static void RequireDistinct(string name, IReadOnlyList<Port> ports, string what)
    {
        if (ports.Count == 0)
        {
            throw new EquivariantException($"{name} needs at least one {what}.");
        }

        if (ports.Any(port => port.Name.Length == 0))
        {
            throw new EquivariantException($"{name} has an {what} without a name; give it one.");
        }

        foreach (IGrouping<string, Port> same in ports.GroupBy(port => port.Name).Where(group => group.Count() > 1))
        {
            throw new EquivariantException($"{name} has {same.Count()} {what}s called '{same.Key}'; names have to differ.");
        }
    }
}
