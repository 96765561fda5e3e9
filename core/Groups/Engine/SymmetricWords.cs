namespace Equivariant.Core.Groups.Engine;

/// <summary>Words in c = (0 1 … n−1) and t = (0 1), by sorting with exchanges of neighbours: (i i+1) = cⁱ t c⁻ⁱ.</summary>
internal static class SymmetricWords
{
    public static IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> permutation)
    {
        int n = permutation.Length;
        int[] rest = permutation.ToArray();

        // Exchanging entries i and i+1 is multiplying by (i i+1) on the right, so the exchanges in reverse order make the element.
        List<int> exchanges = [];
        for (int end = 1; end < n; end++)
        {
            for (int i = end - 1; i >= 0 && rest[i] > rest[i + 1]; i--)
            {
                (rest[i], rest[i + 1]) = (rest[i + 1], rest[i]);
                exchanges.Add(i);
            }
        }

        List<WordLetter> word = [];
        int turned = 0;
        for (int k = exchanges.Count - 1; k >= 0; k--)
        {
            Turn(exchanges[k] - turned);
            turned = exchanges[k];
            word.Add(new WordLetter(1, 1));
        }

        Turn(-turned);
        return word;

        void Turn(int by)
        {
            by %= n;
            by = by > n / 2 ? by - n : by < -(n / 2) ? by + n : by;
            if (by != 0)
            {
                word.Add(new WordLetter(0, by));
            }
        }
    }
}
