using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>What every design asks of its parts and of its inputs.</summary>
internal static class DesignChecks
{
    public static void RequireOneGroup(IReadOnlyList<QuotientTerm> terms, params ReadOnlySpan<Group> groups)
    {
        if (terms.Count == 0)
        {
            throw new EquivariantException("A design needs at least one kernel; with the trivial subgroup it is equituning.");
        }

        Group group = terms[0].Group;
        foreach (Group other in (IEnumerable<Group>)[.. terms.Select(term => term.Group), .. groups])
        {
            if (other != group)
            {
                throw new EquivariantException($"One group has to act on every part of a design, but both {group} and {other} do.");
            }
        }
    }

    public static void RequireOneGroup(TensorAction input, TensorAction output)
    {
        if (input.Group != output.Group)
        {
            throw new EquivariantException($"One group has to act on the input and on the output, but {input.Group} and {output.Group} do.");
        }
    }

    public static void RequireModelPerTerm(int models, int terms)
    {
        if (models != 1 && models != terms)
        {
            throw new EquivariantException($"{models} models can't serve {terms} terms: give one model for all, or one for each.");
        }
    }

    /// <summary>Refuses a batch on which the action, or a number of transforms of it, is not defined.</summary>
    public static void RequireInput(TensorAction action, Tensor x, int transforms)
    {
        TensorChecks.RequireBatch("A design", x);
        action.RequireShape(x);
        BigInteger bytes = (BigInteger)x.numel() * x.element_size() * transforms;
        if (bytes > long.MaxValue)
        {
            throw new EquivariantException(
                $"{transforms} transforms of a tensor of shape {Shape(x)} would take {bytes} bytes, more than any memory has: give a smaller batch, or smaller inputs.");
        }
    }

    /// <summary>Transforms a batch; what libtorch has against it becomes a sentence.</summary>
    public static Tensor Transforms(TensorAction action, Tensor x, Func<Tensor> expand) =>
        TorchErrors.Explain(expand, () => $"{action} can't act on a {x.dtype} tensor of shape {Shape(x)}");

    /// <summary>Refuses a batch of sentences, <c>[B, S]</c>, that is none.</summary>
    public static void RequireSentences(PermutationAction vocabulary, Tensor tokens, string what)
    {
        if (tokens.dim() != 2)
        {
            throw new EquivariantException($"The {what}s have to be a batch of sentences, [B, length], but a tensor of shape {Shape(tokens)} was given.");
        }

        TensorChecks.RequireTokens(vocabulary, tokens, what);
    }

    /// <summary>One real number a row, <c>[R]</c> or <c>[R, 1]</c>, as <c>[R]</c> in floating point.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="rows">How many there have to be.</param>
    /// <param name="what">Who gave them, to be blamed.</param>
    public static Tensor PerRow(Tensor numbers, long rows, string what)
    {
        if (numbers.dim() == 0 || numbers.shape[0] != rows || numbers.numel() != rows)
        {
            throw new EquivariantException(
                $"{what} has to give one number for each of {rows} rows, [{rows}] or [{rows}, 1], but gave a tensor of shape {Shape(numbers)}.");
        }

        if (numbers.is_complex())
        {
            throw new EquivariantException($"{what} has to give real numbers, but gave a tensor of {numbers.dtype}.");
        }

        Tensor flat = numbers.reshape(rows);
        return flat.is_floating_point() ? flat : flat.to(ScalarType.Float64);
    }

    /// <summary>Like <see cref="PerRow"/>, for numbers of which the least is looked for.</summary>
    public static Tensor ComparablePerRow(Tensor numbers, long rows, string what)
    {
        Tensor flat = PerRow(numbers, rows, what);
        using DisposeScope scope = NewDisposeScope();
        return flat.detach().isnan().any().item<bool>() ? throw new EquivariantException(NoneIsLeast(what, rows)) : flat;
    }

    /// <summary>
    /// Refuses numbers of which some are wrong, where looking at them waits for nothing: on a CPU. On another device the wrong ones have to
    /// become NaN in what follows.
    /// </summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="wrong">Which of them are wrong.</param>
    /// <param name="message">What is wrong with them.</param>
    public static void RefuseWrong(Tensor numbers, Func<Tensor, Tensor> wrong, Func<string> message)
    {
        if (numbers.device_type != DeviceType.CPU)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        if (wrong(numbers.detach()).any().item<bool>())
        {
            throw new EquivariantException(message());
        }
    }

    /// <summary>One real number a point, <c>[R, n]</c> or <c>[R, n, 1]</c>, as <c>[R, n]</c>.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="rows">How many rows there have to be.</param>
    /// <param name="points">How many points.</param>
    /// <param name="what">Who gave them, to be blamed.</param>
    public static Tensor PerPoint(Tensor numbers, long rows, int points, string what) =>
        numbers.shape.AsSpan().SequenceEqual([rows, points]) || numbers.shape.AsSpan().SequenceEqual([rows, points, 1])
            ? numbers.reshape(rows, points)
            : throw new EquivariantException(
                $"{what} have to be one number for each of {points} points, [{rows}, {points}], but are a tensor of shape {Shape(numbers)}.");

    /// <summary>Why nothing is the least of numbers with NaN among them.</summary>
    public static string NoneIsLeast(string what, long rows) => $"{what} gave NaN for some of {rows} rows, so none of them is the least.";

    /// <summary>A tensor's shape in brackets.</summary>
    public static string Shape(Tensor x) => TensorChecks.Shape(x);
}
