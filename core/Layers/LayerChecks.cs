using Equivariant.Core.Actions;
using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>What layers ask of their inputs and of each other.</summary>
internal static class LayerChecks
{
    public static void RequireInput(string layer, Tensor x, long channels, Representation representation, Tensor? parameter)
    {
        TensorChecks.RequireDense(layer, x);
        if (x.dim() != 3 || x.shape[1] != channels || x.shape[2] != representation.Dimension)
        {
            throw new EquivariantException(
                $"{layer} expects a tensor of shape [B, {channels}, {representation.Dimension}] ({channels} channel{(channels == 1 ? "" : "s")} of {representation}), " +
                $"but one of shape [{string.Join(", ", x.shape)}] was given.");
        }

        RequireNumbers(layer, x, parameter);
    }

    /// <summary>Refuses a tensor that does not have the shape of a port.</summary>
    public static void RequireInput(string layer, Tensor x, Port port)
    {
        TensorChecks.RequireBatch(layer, x);
        if (port.Shape is { } shape && !x.shape[1..].SequenceEqual(shape))
        {
            throw new EquivariantException(
                $"{layer} expects a tensor of shape [B, {string.Join(", ", shape)}], but one of shape {TensorChecks.Shape(x)} was given.");
        }
    }

    /// <summary>Refuses whole numbers, and a tensor that does not fit a parameter that it meets.</summary>
    public static void RequireNumbers(string layer, Tensor x, Tensor? parameter)
    {
        if (!x.is_floating_point())
        {
            throw new EquivariantException($"{layer} expects a floating point tensor, but one of {x.dtype} was given; convert it first.");
        }

        if (parameter is not null && x.dtype != parameter.dtype)
        {
            throw new EquivariantException(
                $"{layer} has parameters of {parameter.dtype}, but a tensor of {x.dtype} was given; convert one of them.");
        }

        if (parameter is not null && (x.device.type != parameter.device.type || x.device.index != parameter.device.index))
        {
            throw new EquivariantException(
                $"{layer} has its parameters on {parameter.device}, but a tensor on {x.device} was given; move one of them.");
        }
    }

    /// <summary>Refuses to feed the output of one module to an input that expects something else.</summary>
    public static void RequireSame(string layer, Port expected, Port given, string source)
    {
        if (expected.Group != given.Group)
        {
            throw new EquivariantException($"{layer} expects the group {expected.Group}, but {source} has {given.Group}.");
        }

        if (expected.Shape is { } shape && given.Shape is { } other && !shape.SequenceEqual(other))
        {
            throw new EquivariantException($"{layer} expects [B, {string.Join(", ", shape)}], but {source} gives [B, {string.Join(", ", other)}].");
        }

        if (!expected.Action.ActsAs(given.Action))
        {
            throw new EquivariantException($"{layer} expects {expected}, but {source} gives {given}; the group acts on them differently.");
        }
    }

    /// <summary>Refuses to feed the output of one layer to another that expects something else.</summary>
    public static void RequireSame(string layer, Representation expected, long expectedChannels, Representation given, long givenChannels, string source)
    {
        if (expected.Group != given.Group)
        {
            throw new EquivariantException($"{layer} expects the group {expected.Group}, but {source} has {given.Group}.");
        }

        if (!expected.ActsAs(given))
        {
            throw new EquivariantException($"{layer} expects {expected}, but {source} gives {given}; the group acts on them differently.");
        }

        if (expectedChannels != givenChannels)
        {
            throw new EquivariantException(
                $"{layer} expects [B, {expectedChannels}, {expected.Dimension}], but {source} gives [B, {givenChannels}, {given.Dimension}].");
        }
    }

    /// <summary>A parameter with these values that outlives every dispose scope.</summary>
    public static Parameter NewParameter(Tensor values, ScalarType dtype, Device? device)
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = nn.Parameter(values.detach().to(dtype).to(device ?? CPU, copy: true));
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
