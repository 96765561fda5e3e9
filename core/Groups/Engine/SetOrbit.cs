namespace Equivariant.Core.Groups.Engine;

/// <summary>The orbit of a set of points under permutations.</summary>
/// <param name="Sets">The sets, each in increasing order; the first is the one that was started from.</param>
/// <param name="Images">For each generator the number of the set to which it takes each set.</param>
internal sealed record SetOrbit(IReadOnlyList<int[]> Sets, int[][] Images)
{
    /// <summary>Lists the orbit of a set, or returns null where it is longer than wanted.</summary>
    /// <param name="set">The set.</param>
    /// <param name="generators">The permutations.</param>
    /// <param name="most">The largest number of sets that is wanted.</param>
    public static SetOrbit? TryList(IEnumerable<int> set, int[][] generators, int most)
    {
        List<int[]> sets = [[.. set.Order()]];
        List<int>[] images = [.. generators.Select(_ => new List<int>())];
        Dictionary<int[], int> numbers = new(CodeComparer.Instance) { [sets[0]] = 0 };
        for (int i = 0; i < sets.Count; i++)
        {
            for (int g = 0; g < generators.Length; g++)
            {
                int[] image = [.. sets[i].Select(point => generators[g][point])];
                Array.Sort(image);
                if (!numbers.TryGetValue(image, out int number))
                {
                    number = sets.Count;
                    if (number >= most)
                    {
                        return null;
                    }

                    numbers.Add(image, number);
                    sets.Add(image);
                }

                images[g].Add(number);
            }
        }

        return new SetOrbit(sets, [.. images.Select(image => image.ToArray())]);
    }
}
