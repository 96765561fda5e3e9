namespace Equivariant.Core.Layers;

/// <summary>Ports that may be exchanged with each other.</summary>
internal static class Families
{
    /// <summary>What a port is to layers: itself, or any member of its family.</summary>
    public static string Role(Port port) => port.Family is null ? $"port {port.Name}" : $"family {port.Family}";

    /// <summary>Whether an output belongs to an input: the k-th of a family to the k-th.</summary>
    public static bool IsSameMember(IReadOnlyList<Port> inputs, int input, IReadOnlyList<Port> outputs, int output) =>
        outputs[output].Family is { } family && inputs[input].Family == family && Place(outputs, output) == Place(inputs, input);

    /// <summary>Refuses families whose members differ, or whose inputs and outputs do not belong together.</summary>
    public static void Require(IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs)
    {
        foreach (string family in inputs.Concat(outputs).Select(port => port.Family).OfType<string>().Distinct())
        {
            Port[] before = [.. inputs.Where(port => port.Family == family)];
            Port[] after = [.. outputs.Where(port => port.Family == family)];
            RequireAlike(family, before);
            RequireAlike(family, after);
            RequireApart(family, [.. before, .. after], inputs.Concat(outputs).Where(port => port.Family != family));
            if (before.Length > 0 && after.Length > 0 && !before.Select(port => port.Factor).SequenceEqual(after.Select(port => port.Factor)))
            {
                throw new EquivariantException(
                    $"The family '{family}' has the factors [{string.Join(", ", before.Select(port => port.Factor))}] on its inputs and " +
                    $"[{string.Join(", ", after.Select(port => port.Factor))}] on its outputs; they have to be the same in the same order.");
            }
        }
    }

    private static void RequireAlike(string family, Port[] members)
    {
        foreach (Port port in members.Skip(1).Where(port => !port.IsLike(members[0])))
        {
            throw new EquivariantException($"The family '{family}' exchanges {members[0]} with {port}, which differ; members have to be alike.");
        }

        int factors = members.Select(port => port.Factor).Distinct().Count();
        if (factors > 1 && factors != members.Length)
        {
            throw new EquivariantException(
                $"Some members of the family '{family}' share a factor and some do not; it has to be one factor for all or one for each.");
        }
    }

    /// <summary>Exchanging members exchanges their factors, which would have to move what is outside the family too.</summary>
    private static void RequireApart(string family, Port[] members, IEnumerable<Port> others)
    {
        if (members.Select(port => port.Factor).Distinct().Count() > 1 &&
            others.FirstOrDefault(other => members.Any(port => port.Factor == other.Factor)) is { } outside)
        {
            throw new EquivariantException(
                $"The factor '{outside.Factor}' moves one member of the family '{family}' and, outside it, '{outside.Name}', so members can't be exchanged: " +
                $"give '{outside.Name}' a factor of its own, or let one factor move the whole family.");
        }
    }

    private static int Place(IReadOnlyList<Port> ports, int at) => ports.Take(at).Count(port => port.Family == ports[at].Family);
}
