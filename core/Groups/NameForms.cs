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
        int edits = Math.Min(MostEdits, Math.Max(name.Length, 2) - 1);
        string[] near = [.. Spelling.Near(name, forms.Select(form => Filled(form.Form, numbers)), edits).Take(MostNear).Select(found => $"\"{found}\"")];
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
}
