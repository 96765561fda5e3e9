using System.Text.RegularExpressions;

namespace Equivariant.Core.Groups;

/// <summary>Names of a few forms, such as <c>C#v</c> with a number in place of #, and what each stands for.</summary>
/// <param name="what">What has the names, for sentences.</param>
/// <param name="rule">A sentence that says which names there are.</param>
/// <param name="forms">The forms; the first that fits and makes something wins. A maker gives null for numbers that it does not know.</param>
internal sealed class NameForms<T>(string what, string rule, IReadOnlyList<(string Form, Func<int[], T?> Make)> forms)
    where T : class
{
    private const int MostEdits = 2;
    private const int MostNear = 3;

    public IReadOnlyList<(string Form, Func<int[], T?> Make)> Forms => forms;

    public T? Find(string name)
    {
        foreach ((string form, Func<int[], T?> make) in forms)
        {
            string pattern = Regex.Escape(form).Replace("\\#", "([1-9][0-9]{0,8})").Replace(",\\ ", "\\s*,\\s*");
            if (Regex.Match(name, $"^{pattern}$") is { Success: true } match &&
                make([.. match.Groups.Values.Skip(1).Select(group => int.Parse(group.Value))]) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <exception cref="EquivariantException">Nothing has the name; the message names the nearest that exist.</exception>
    public T Get(string name) => Find(name) ?? throw new EquivariantException($"There is no {what} named \"{name}\"{Near(name)} {rule}");

    private string Near(string name)
    {
        string[] numbers = [.. Regex.Matches(name, "[0-9]+").Select(match => match.Value)];
        string[] near =
        [
            .. forms
                .Select(form => Filled(form.Form, numbers))
                .Distinct()
                .Select(candidate => (Name: candidate, Edits: Edits(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
                .Where(candidate => candidate.Name != name && candidate.Edits <= MostEdits && candidate.Edits < Math.Max(name.Length, 2))
                .OrderBy(candidate => candidate.Edits)
                .Take(MostNear)
                .Select(candidate => $"\"{candidate.Name}\""),
        ];
        return near.Length switch
        {
            0 => ".",
            1 => $"; near it is {near[0]}.",
            _ => $"; near it are {string.Join(", ", near[..^1])} and {near[^1]}.",
        };
    }

    /// <summary>A form with the numbers that were asked for, or n where there are too few.</summary>
    private static string Filled(string form, string[] numbers)
    {
        int next = 0;
        return Regex.Replace(form, "#", _ => next < numbers.Length ? numbers[next++] : "n");
    }

    /// <summary>How many letters have to be put in, left out or changed to make one word another.</summary>
    private static int Edits(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 0; i < left.Length; i++)
        {
            int diagonal = row[0]++;
            for (int j = 0; j < right.Length; j++)
            {
                int changed = diagonal + (left[i] == right[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(changed, 1 + Math.Min(row[j], row[j + 1]));
            }
        }

        return row[^1];
    }
}
