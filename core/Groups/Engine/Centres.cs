namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Finds the centre by a search over images of base points, with a filter that leaves almost nothing to search: a central z
/// takes a base point to a point fixed by that point's stabiliser, and its image of one point decides its images on the whole orbit.
/// </summary>
internal static class Centres
{
    public static Subgroup Find(Group group)
    {
        if (group.IsAbelian)
        {
            return group.WholeSubgroup;
        }

        if (group.Chain is GiantChain)
        {
            // A symmetric or alternating group that is not commutative has no centre.
            return group.TrivialSubgroup;
        }

        if (group.Chain is SmallerActionChain smaller)
        {
            return smaller.Expanded(group, smaller.Smaller.Centre());
        }

        // The search needs orbits and base points, so a group with a cheaper chain gets a stabiliser chain here.
        return new Search(group, StabiliserChain.Of(group)).Run();
    }

    private sealed class Search(Group group, StabiliserChain chain)
    {
        private readonly Group _ambient = group.Ambient;
        private readonly List<int[]> _found = [];
        private readonly Dictionary<int, (int Above, int[] Word)?> _words = [];

        public Subgroup Run()
        {
            int[] identity = new int[_ambient.Width];
            _ambient.WriteIdentity(identity);
            Subgroup centre = new(group, [], "1");

            // From the deepest level up: elements that fix the base points above a level and move that level's point.
            for (int depth = chain.Length - 1; depth >= 0; depth--)
            {
                foreach (int candidate in Candidates(depth))
                {
                    if (candidate == chain.BaseAt(depth) || IsReached(depth, candidate))
                    {
                        continue;
                    }

                    if (Extend(depth, identity, candidate) is int[] central)
                    {
                        _found.Add(central);
                    }
                }
            }

            return _found.Count == 0 ? group.TrivialSubgroup : new Subgroup(group, [.. _found]);
        }

        /// <summary>Whether the centre found so far already takes this level's base point to the candidate, fixing those above.</summary>
        private bool IsReached(int depth, int candidate)
        {
            // Everything found so far fixes the base points above, since the search goes upwards.
            HashSet<int> seen = [chain.BaseAt(depth)];
            List<int> queue = [chain.BaseAt(depth)];
            for (int i = 0; i < queue.Count; i++)
            {
                foreach (int[] z in _found)
                {
                    int image = _ambient.Image(z, queue[i]);
                    if (seen.Add(image))
                    {
                        queue.Add(image);
                    }
                }
            }

            return seen.Contains(candidate);
        }

        /// <summary>Points of the orbit at this level that the next stabiliser fixes.</summary>
        private List<int> Candidates(int depth)
        {
            int[][] stabiliser = chain.StabiliserGenerators(depth + 1);
            List<int> candidates = [];
            foreach (int point in chain.OrbitAt(depth))
            {
                if (stabiliser.All(s => _ambient.Image(s, point) == point))
                {
                    candidates.Add(point);
                }
            }

            return candidates;
        }

        /// <summary>
        /// Looks for a central element equal to <paramref name="partial"/> up to the stabiliser of the base points above
        /// <paramref name="depth"/>, that takes this level's base point to <paramref name="image"/>.
        /// </summary>
        private int[]? Extend(int depth, int[] partial, int image)
        {
            // partial · u, with u the representative that takes the base point to partial⁻¹(image).
            int[] inverse = _ambient.Inverted(partial);
            int[] representative = new int[_ambient.Width];
            if (!chain.TryRepresentativeTo(depth, _ambient.Image(inverse, image), representative))
            {
                return null;
            }

            int[] next = _ambient.Multiplied(partial, representative);
            if (depth + 1 == chain.Length)
            {
                return IsCentral(next) ? next : null;
            }

            int point = chain.BaseAt(depth + 1);
            if (ImageDecidedAbove(depth + 1, point, next) is int decided)
            {
                return Extend(depth + 1, next, decided);
            }

            int[][] stabiliser = chain.StabiliserGenerators(depth + 2);
            foreach (int candidate in chain.OrbitAt(depth + 1))
            {
                // The remaining factors take the point to a candidate, so z takes it to next(candidate), which the stabiliser must fix.
                int target = _ambient.Image(next, candidate);
                if (stabiliser.All(s => _ambient.Image(s, target) == target) && Extend(depth + 1, next, target) is int[] found)
                {
                    return found;
                }
            }

            return null;
        }

        /// <summary>When the point is w(b) for an earlier base point b, a central z takes it to w(z(b)).</summary>
        private int? ImageDecidedAbove(int depth, int point, int[] partial)
        {
            if (!_words.TryGetValue(depth, out (int Above, int[] Word)? known))
            {
                known = FindWord(depth, point);
                _words[depth] = known;
            }

            return known is (int above, int[] word) ? _ambient.Image(word, _ambient.Image(partial, chain.BaseAt(above))) : null;
        }

        private (int Above, int[] Word)? FindWord(int depth, int point)
        {
            int[] word = new int[_ambient.Width];
            for (int above = 0; above < depth; above++)
            {
                if (chain.TryRepresentativeTo(above, point, word))
                {
                    return (above, word);
                }
            }

            return null;
        }

        private bool IsCentral(int[] element)
        {
            foreach (int[] generator in group.GeneratorCodes)
            {
                if (!_ambient.Multiplied(element, generator).AsSpan().SequenceEqual(_ambient.Multiplied(generator, element)))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
