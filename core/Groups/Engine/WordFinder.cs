namespace Equivariant.Core.Groups.Engine;

/// <summary>Finds words in the generators of a group that is known by a chain.</summary>
internal abstract class WordFinder
{
    private const int ListedElements = 1 << 17;

    /// <summary>The smallest number of points of which all permutations have words through single cycles; below, shorter ones are soon found.</summary>
    private const int ManyPoints = 15;

    public static WordFinder For(Group group) =>
        group.Order <= ListedElements ? new ShortestWords(group)
        : group.Chain is SmallerActionChain smaller ? new SmallerWords(smaller)
        : group.Chain is GiantChain { Points.Count: >= ManyPoints } giant && GiantWords.TryMake(group, giant) is { } words ? words
        : new ChainWords(group);

    public abstract IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> code);

    /// <summary>Joins equal neighbours; letters are generator + 1, negative for the inverse.</summary>
    private protected static List<WordLetter> Compress(IEnumerable<int> letters)
    {
        List<WordLetter> word = [];
        foreach (int letter in letters)
        {
            int generator = Math.Abs(letter) - 1;
            int exponent = Math.Sign(letter);
            if (word.Count > 0 && word[^1].Generator == generator)
            {
                exponent += word[^1].Exponent;
                word.RemoveAt(word.Count - 1);
            }

            if (exponent != 0)
            {
                word.Add(new WordLetter(generator, exponent));
            }
        }

        return word;
    }

    /// <summary>Writes one word after another, without neighbours that cancel.</summary>
    private protected static List<int> Reduce(List<int> left, IEnumerable<int> right)
    {
        foreach (int letter in right)
        {
            if (left.Count > 0 && left[^1] == -letter)
            {
                left.RemoveAt(left.Count - 1);
            }
            else
            {
                left.Add(letter);
            }
        }

        return left;
    }

    /// <summary>Breadth first through all elements of a small group.</summary>
    private sealed class ShortestWords : WordFinder
    {
        private readonly Group _group;
        private readonly RankTable _table;
        private readonly int[] _last;

        public ShortestWords(Group group)
        {
            _group = group;
            _table = new RankTable(group);
            _last = new int[_table.Count];
            int[] product = new int[group.Width];
            int[][] steps = [.. group.GeneratorCodes, .. group.GeneratorCodes.Select(g => group.Inverted(g))];
            int half = group.GeneratorCodes.Length;
            int[] queue = new int[_table.Count];
            int end = 1;
            int start = _table.Rank(group.Identity.Code);
            queue[0] = start;
            _last[start] = int.MaxValue;
            for (int i = 0; i < end; i++)
            {
                for (int s = 0; s < steps.Length; s++)
                {
                    group.Multiply(_table.Code(queue[i]), steps[s], product);
                    int rank = _table.Rank(product);
                    if (_last[rank] == 0)
                    {
                        _last[rank] = s < half ? s + 1 : half - s - 1;
                        queue[end++] = rank;
                    }
                }
            }
        }

        public override IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> code)
        {
            List<int> letters = [];
            int[] rest = code.ToArray();
            while (true)
            {
                int letter = _last[_table.Rank(rest)];
                if (letter == int.MaxValue)
                {
                    break;
                }

                letters.Add(letter);
                int[] generator = _group.GeneratorCodes[Math.Abs(letter) - 1];
                rest = _group.Multiplied(rest, letter > 0 ? _group.Inverted(generator) : generator);
            }

            letters.Reverse();
            return Compress(letters);
        }
    }

    /// <summary>Words are those of the element on fewer points, where the generators are the same.</summary>
    private sealed class SmallerWords(SmallerActionChain chain) : WordFinder
    {
        private readonly WordFinder _words = For(chain.Smaller);

        public override IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> code) => _words.Find(chain.Action.Reduced(code));
    }

    /// <summary>
    /// Keeps for every entry of the transversals a word that is replaced whenever a shorter one turns up (Minkwitz, 1998).
    /// </summary>
    private sealed class ChainWords : WordFinder
    {
        private const int MostRounds = 100_000;
        private const int LongestWord = 20_000;

        /// <summary>Integers that may be moved before the search is given up: a few seconds.</summary>
        private const long MostWork = 200_000_000;
        private readonly Group _group;
        private readonly int[] _base;
        private readonly Dictionary<int, Entry>[] _entries;
        private readonly int _wanted;
        private int _filled;
        private long _work;

        public ChainWords(Group group)
        {
            _group = group.Ambient;
            GroupChain known = group.Chain;
            int[] sizes;
            if (known is GiantChain giant)
            {
                _base = [.. giant.Points.Take(giant.Length)];
                sizes = [.. Enumerable.Range(0, giant.Length).Select(depth => giant.Size(giant.Length - 1 - depth))];
            }
            else
            {
                StabiliserChain chain = StabiliserChain.Of(group);
                _base = [.. chain.Base];
                sizes = [.. Enumerable.Range(0, chain.Length).Select(depth => chain.OrbitAt(depth).Count)];
            }

            _wanted = sizes.Sum();
            _entries = [.. _base.Select(_ => new Dictionary<int, Entry>())];
            Entry identity = new(group.Identity.Code.ToArray(), group.Identity.Code.ToArray(), []);
            for (int depth = 0; depth < _base.Length; depth++)
            {
                _entries[depth].Add(_base[depth], identity);
                _filled++;
            }

            Fill(group);
        }

        public override IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> code)
        {
            List<int> letters = [];
            int[] rest = code.ToArray();
            for (int depth = 0; depth < _base.Length; depth++)
            {
                Entry entry = _entries[depth][_group.Image(rest, _base[depth])];
                letters = Reduce(letters, entry.Word);
                _group.MultiplyLeft(entry.Inverse, rest);
            }

            return Compress(letters);
        }

        private void Fill(Group group)
        {
            // Short words first, breadth first; the allowed length grows while entries are missing.
            int[][] generators = group.GeneratorCodes;
            int[][] inverses = [.. generators.Select(g => _group.Inverted(g))];
            Queue<Entry> words = new();
            words.Enqueue(_entries[0][_base[0]]);
            double limit = 8;
            const int Queued = 100_000;
            for (int round = 0; _filled < _wanted || round < 20 * _wanted; round++)
            {
                if (round > MostRounds || _work > MostWork || words.Count == 0)
                {
                    if (_filled == _wanted)
                    {
                        return;
                    }

                    throw new EquivariantException(
                        $"No words of moderate length in the generators of {group.Name} were found. " +
                        "Use Factorise, which writes an element as a product of transversal elements.");
                }

                Entry next = words.Dequeue();
                Try(next, limit);
                if (words.Count < Queued)
                {
                    for (int g = 0; g < generators.Length; g++)
                    {
                        Push(g + 1, generators[g], inverses[g]);
                        Push(-g - 1, inverses[g], generators[g]);
                    }
                }

                if (round % Math.Max(50, _wanted / 2) == 0)
                {
                    Combine(limit);
                    limit *= 1.25;
                }

                void Push(int letter, int[] element, int[] inverse)
                {
                    if (next.Word.Length == 0 || next.Word[^1] != -letter)
                    {
                        words.Enqueue(new Entry(_group.Multiplied(next.Element, element), _group.Multiplied(inverse, next.Inverse), [.. next.Word, letter]));
                    }
                }
            }
        }

        /// <summary>Products of two entries of a level reach points that have none yet.</summary>
        private void Combine(double limit)
        {
            for (int depth = 0; depth < _base.Length; depth++)
            {
                Entry[] known = [.. _entries[depth].Values];
                _work += (long)known.Length * known.Length;
                Entry[] below = depth + 1 < _base.Length ? [.. _entries[depth + 1].Values] : [];
                foreach (Entry x in known)
                {
                    foreach (Entry y in known.Concat(below))
                    {
                        if (x.Word.Length + y.Word.Length > limit)
                        {
                            continue;
                        }

                        int point = _group.Image(y.Element, _group.Image(x.Element, _base[depth]));
                        if (!_entries[depth].TryGetValue(point, out Entry? old) || old.Word.Length > x.Word.Length + y.Word.Length)
                        {
                            Try(Product(y, x), limit);
                        }
                    }
                }
            }
        }

        private Entry Product(Entry left, Entry right)
        {
            _work += 2 * _group.Width + left.Word.Length + right.Word.Length;
            return new(
                _group.Multiplied(left.Element, right.Element),
                _group.Multiplied(right.Inverse, left.Inverse),
                [.. Reduce([.. left.Word], right.Word)]);
        }

        /// <summary>Sifts an element with its word; the shorter of it and what is in the way stays, the other's remainder goes on.</summary>
        private void Try(Entry entry, double limit)
        {
            for (int depth = 0; depth < _base.Length; depth++)
            {
                if (entry.Word.Length > Math.Min(limit, LongestWord))
                {
                    return;
                }

                int point = _group.Image(entry.Element, _base[depth]);
                if (point == _base[depth])
                {
                    continue;
                }

                Entry reversed = new(entry.Inverse, entry.Element, [.. entry.Word.Reverse().Select(letter => -letter)]);
                int back = _group.Image(entry.Inverse, _base[depth]);
                if (!_entries[depth].TryGetValue(back, out Entry? opposite) || opposite.Word.Length > reversed.Word.Length)
                {
                    Put(depth, back, reversed);
                }

                if (!_entries[depth].TryGetValue(point, out Entry? old))
                {
                    Put(depth, point, entry);
                    return;
                }

                if (entry.Word.Length < old.Word.Length)
                {
                    Put(depth, point, entry);
                    (entry, old) = (old, entry);
                }

                entry = Product(new Entry(old.Inverse, old.Element, [.. old.Word.Reverse().Select(letter => -letter)]), entry);
            }
        }

        private void Put(int depth, int point, Entry entry)
        {
            if (_entries[depth].TryAdd(point, entry))
            {
                _filled++;
            }
            else
            {
                _entries[depth][point] = entry;
            }
        }

        private sealed record Entry(int[] Element, int[] Inverse, int[] Word);
    }
}
