using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Designs;

/// <summary>What every design asks of its parts.</summary>
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
}
