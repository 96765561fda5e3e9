using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>A user's network as the evaluation of rows sees it: one value a row, or a sentence that says why not.</summary>
/// <param name="network">The network; what it registers is known, if it is a module.</param>
/// <param name="call">Calls it on one tensor for each of its inputs.</param>
internal sealed class WrappedModel(object network, Func<Tensor[], Tensor> call)
{
    /// <summary>The network itself.</summary>
    public object Network => network;

    /// <summary>Whether the network's parameters are known.</summary>
    public bool IsModule => network is nn.Module;

    /// <summary>The registered parameters that are trained.</summary>
    public Tensor[] TrainedParameters()
    {
        if (network is not nn.Module module)
        {
            return [];
        }

        Tensor[] trained = [.. module.parameters().Where(parameter => parameter.requires_grad)];
        // TorchScript's are made anew for each who asks, and have to outlive the scope in which they were.
        return network is jit.ScriptModule ? [.. trained.Select(parameter => parameter.DetachFromDisposeScope())] : trained;
    }

    /// <summary>The buffers that a call may change, such as running means: those of layers in train mode.</summary>
    public Tensor[] ChangingBuffers() => network switch
    {
        jit.ScriptModule script => script.training ? [.. script.buffers()] : [],
        nn.Module module =>
            [.. module.modules().Prepend(module).Where(layer => layer.training).SelectMany(layer => layer.buffers(recurse: false)).Distinct()],
        _ => [],
    };

    /// <summary>All that the network registers.</summary>
    public IEnumerable<Tensor> State() => network is nn.Module module ? [.. module.parameters(), .. module.buffers()] : [];

    /// <summary>Evaluates the network.</summary>
    /// <param name="inputs">The inputs, each <c>[R, …]</c>.</param>
    /// <returns>The values, <c>[R, …]</c>.</returns>
    /// <exception cref="EquivariantException">The network refuses the rows, or does not give one value a row that has a mean.</exception>
    public Tensor Call(Tensor[] inputs)
    {
        Tensor values = TorchErrors.Explain(() => call(inputs), () => Refusal(inputs));
        RequireValues(values, inputs);
        return values;
    }

    /// <summary>Refuses values that are not one for each row, or that have no mean.</summary>
    private void RequireValues(Tensor values, Tensor[] inputs)
    {
        long rows = inputs[0].shape[0];
        if (values.dim() == 0 || values.shape[0] != rows)
        {
            throw new EquivariantException(
                $"{Name} was given {rows} row{(rows == 1 ? "" : "s")}, {string.Join(" and ", inputs.Select(Shape))}, but gives a tensor of shape {Shape(values)}: it has to give one value for each row, in their order, [{rows}, …].");
        }

        if (!values.is_floating_point() && !values.is_complex())
        {
            throw new EquivariantException(
                $"{Name} gives {values.dtype}, of which there are no means: let it give floating point values, such as scores rather than their argmax.");
        }
    }

    /// <summary>TorchSharp asks a TorchScript module for its name in a way that ends the process.</summary>
    public string Name => network is nn.Module module and not jit.ScriptModule ? $"The model '{module.GetName()}'" : "The model";

    private static string Shape(Tensor x) => $"[{string.Join(", ", x.shape)}]";

    private string Refusal(Tensor[] inputs)
    {
        string given = $"{Name} can't be evaluated on {string.Join(" and ", inputs.Select(x => $"{x.dtype} rows of shape {Shape(x)} on {x.device}"))}";
        Tensor? parameter = (network as nn.Module)?.parameters().FirstOrDefault(p => p.is_floating_point() || p.is_complex());
        if (parameter is null)
        {
            return given;
        }

        if (inputs.FirstOrDefault(x => (x.is_floating_point() || x.is_complex()) && x.dtype != parameter.dtype) is { } other)
        {
            return $"{given}: its parameters are {parameter.dtype}, so convert the input to {parameter.dtype}, or the model to {other.dtype}";
        }

        return inputs.Any(x => x.device_type != parameter.device_type)
            ? $"{given}: its parameters are on {parameter.device}, so move the one or the other"
            : given;
    }
}
