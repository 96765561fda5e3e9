namespace Equivariant.Core;

/// <summary>Names that a slip may have meant.</summary>
public static class Spelling
{
    /// <summary>Finds the known names nearest to one that is not known, the nearest first; capitals and small letters count as alike.</summary>
    /// <param name="name">The name.</param>
    /// <param name="known">The names that there are.</param>
    /// <param name="mostEdits">How many letters may have to be put in, left out or changed.</param>
    public static IReadOnlyList<string> Near(string name, IEnumerable<string> known, int mostEdits) =>
    [
        .. known
            .Distinct()
            .Where(candidate => candidate != name)
            .Select(candidate => (Name: candidate, Edits: Edits(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .Where(candidate => candidate.Edits <= mostEdits)
            .OrderBy(candidate => candidate.Edits)
            .Select(candidate => candidate.Name),
    ];

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
