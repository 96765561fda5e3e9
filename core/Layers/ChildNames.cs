namespace Equivariant.Core.Layers;

/// <summary>Names for the children of a module: parts of the names of parameters, so they have no dots, and all differ.</summary>
internal static class ChildNames
{
    /// <summary>A name for each child; where several would have one, the later get a number.</summary>
    public static string[] Of(IEnumerable<string> names)
    {
        HashSet<string> taken = [];
        return [.. names.Select(name => Numbered(WithoutDots(name)).First(taken.Add))];
    }

    /// <summary>The name with underscores for dots.</summary>
    public static string WithoutDots(string name) => name.Replace('.', '_');

    private static IEnumerable<string> Numbered(string name)
    {
        yield return name;
        for (int number = 2; ; number++)
        {
            yield return $"{name}_{number}";
        }
    }
}
