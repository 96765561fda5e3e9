namespace Equivariant.Pretrained.Weights;

/// <summary>One line of a map of names.</summary>
/// <param name="From">A name in the file; <c>*</c> stands for any one part between dots.</param>
/// <param name="To">The name in the module, with a <c>*</c> for each of the file's; null where the tensor is of no use.</param>
/// <param name="Part">What the file's tensor is of the module's.</param>
public sealed record WeightRule(string From, string? To, WeightPart Part = WeightPart.Whole);

/// <summary>Which tensor of a file is which of a module, as data: lines of old names and new names.</summary>
/// <param name="prefixes">What may stand before every name in a file, such as <c>transformer.</c>, and goes.</param>
/// <param name="rules">The lines; the first that fits counts.</param>
public sealed class WeightMap(IReadOnlyList<string> prefixes, IReadOnlyList<WeightRule> rules)
{
    private readonly ILookup<int, (string[] From, WeightRule Rule)> _rules =
        rules.Select(rule => (From: rule.From.Split('.'), Rule: rule)).ToLookup(rule => rule.From.Length);

    /// <summary>The map of a file whose names are the module's own.</summary>
    public static WeightMap Same { get; } = new([], []);

    /// <summary>What may stand before every name in a file.</summary>
    public IReadOnlyList<string> Prefixes => prefixes;

    /// <summary>The lines.</summary>
    public IReadOnlyList<WeightRule> Rules => rules;

    /// <summary>The module's name for a file's tensor.</summary>
    /// <param name="name">The name in the file.</param>
    /// <returns>
    /// A line without <c>*</c>: the name of the module's tensor, or null as the new name where the file's is of no use.
    /// Null where no line fits.
    /// </returns>
    public WeightRule? Find(string name)
    {
        if (rules.Count == 0)
        {
            return new WeightRule(name, name);
        }

        string bare = name;
        while (prefixes.FirstOrDefault(prefix => bare.StartsWith(prefix, StringComparison.Ordinal)) is string prefix && Match(bare) is null)
        {
            bare = bare[prefix.Length..];
        }

        return Match(bare) is { } found ? found with { From = name } : null;
    }

    private WeightRule? Match(string name)
    {
        string[] parts = name.Split('.');
        foreach ((string[] from, WeightRule rule) in _rules[parts.Length])
        {
            if (from.Zip(parts).All(pair => pair.First == "*" || pair.First == pair.Second))
            {
                return rule with { To = rule.To is null ? null : Fill(rule.To, [.. from.Zip(parts).Where(pair => pair.First == "*").Select(pair => pair.Second)]) };
            }
        }

        return null;
    }

    private static string Fill(string pattern, string[] values)
    {
        int next = 0;
        return string.Join('.', pattern.Split('.').Select(part => part == "*" ? values[next++] : part));
    }
}
