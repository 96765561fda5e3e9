using System.Runtime.CompilerServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Picks elements of a direct product factor by factor, each looking at what those before it have made of the inputs.</summary>
/// <remarks>
/// So a factor's picks must not change when the factors after it act; those before it have turned the inputs in a way of their own
/// already. The actions of the factors are made once for each action of a product.
/// </remarks>
internal sealed class FactorWise
{
    private static readonly ConditionalWeakTable<TensorAction, FactorWise> s_made = [];

    private readonly TensorAction _action;
    private readonly DirectProduct _product;
    private readonly TensorAction[] _factors;

    private FactorWise(TensorAction action, DirectProduct product)
    {
        _action = action;
        _product = product;
        _factors = [.. product.Factors.Select((part, i) =>
            action.Pullback(new GroupHomomorphism(part, product, [.. part.Generators.Select(g => product.Embed(i, g))])))];
    }

    /// <summary>How each factor acts.</summary>
    public IReadOnlyList<TensorAction> Factors => _factors;

    /// <summary>Takes the action of a direct product apart.</summary>
    /// <param name="action">The action.</param>
    /// <param name="parts">How many factors there have to be.</param>
    /// <param name="what">What asks for them, in messages.</param>
    /// <exception cref="EquivariantException">The group is no direct product, or has another number of factors.</exception>
    public static FactorWise Of(TensorAction action, int parts, string what) => action.Group is DirectProduct product && product.Factors.Count == parts
        ? s_made.GetValue(action, it => new FactorWise(it, product))
        : throw new EquivariantException($"{what} of {parts} part{(parts == 1 ? "" : "s")} is for a direct product of as many factors, but here acts {action.Group.Name}.");

    /// <summary>Lets each part refuse how its factor acts.</summary>
    /// <param name="parts">The parts, one for each factor.</param>
    /// <param name="require">Refuses what a part is not for.</param>
    public void Require<T>(IReadOnlyList<T> parts, Action<T, TensorAction> require)
    {
        for (int factor = 0; factor < _factors.Length; factor++)
        {
            require(parts[factor], _factors[factor]);
        }
    }

    /// <summary>Picks for one factor after the other.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <param name="pick">Picks for a factor, from its number, its action and the transforms so far.</param>
    public Picks Pick(Tensor x, Func<int, TensorAction, Tensor, Picks> pick)
    {
        long batch = x.shape[0];
        ElementBatch[] parts = [.. _product.Factors.Select(part => ElementBatch.Of(part, [part.Identity], zeros([batch], ScalarType.Int64, x.device)))];
        var relaxed = new RelaxedElements?[parts.Length];
        PickedRows rows = PickedRows.Each(1, batch);
        Picks all = Picks.Of(ElementBatch.Tuple(_product, parts), rows, null);
        for (int factor = 0; factor < parts.Length; factor++)
        {
            Picks picks = pick(factor, _factors[factor], factor == 0 ? x : all.Transform(_action, x));
            (ElementBatch own, PickedRows within) = picks.Listed(x.device);
            Tensor from = within.Explicit(x.device).Input;
            parts = [.. parts.Select((part, i) => i == factor ? own : part.Select(from))];
            relaxed[factor] = picks.Relaxed;
            rows = rows.Then(within, x.device);
            bool isLast = factor == parts.Length - 1;
            all = Picks.Of(ElementBatch.Tuple(_product, parts), rows, isLast ? Joined(relaxed, parts) : null);
        }

        return all;
    }

    private static RelaxedElements? Joined(RelaxedElements?[] relaxed, ElementBatch[] parts) => relaxed.All(part => part is null)
        ? null
        : new RelaxedElements.Tuple([.. relaxed.Zip(parts, (part, elements) => part ?? new RelaxedElements.Decided(elements))]);
}
