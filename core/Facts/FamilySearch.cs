namespace Equivariant.Core.Facts;

/// <summary>
/// Chooses among candidates those that together capture most within a budget, and cost least among those: weighted covering under a budget,
/// by branch and bound.
/// </summary>
internal sealed class FamilySearch
{
    private const long MostWork = 10_000_000;

    /// <summary>The largest budget for which bounds are tabulated; beyond it they come from the best gain for one evaluation.</summary>
    private const int LargestTable = 1 << 14;
    private readonly long[] _dimensions;
    private readonly KernelCandidate[] _candidates;
    private readonly bool _isComplete;
    private readonly IReadOnlyList<(int Cost, long Gain)>? _limits;
    private readonly int[] _covered;
    private readonly List<int> _chosen = [];
    private long _work;
    private (long Gain, int Cost, int[] Chosen) _best;

    public FamilySearch(KernelCandidates candidates)
    {
        _dimensions = candidates.Dimensions;
        _isComplete = candidates.IsComplete;
        _limits = candidates.Limits;

        // Of those that capture the same, the cheapest will do.
        _candidates = [.. candidates.Candidates
            .Where(candidate => candidate.Captures.Length > 0)
            .GroupBy(candidate => candidate.Captures, Groups.Group.CodeEquality)
            .Select(equals => equals.MinBy(candidate => candidate.Cost)!)];
        _covered = new int[_dimensions.Length];
    }

    /// <summary>A family, and whether none within the budget captures more or as much at a lower cost.</summary>
    public sealed record Family(long Gain, int Cost, IReadOnlyList<KernelCandidate> Members, bool IsBest);

    /// <summary>The best family within a budget; the empty one where nothing can be captured.</summary>
    public Family Within(int budget)
    {
        _best = (0, 0, []);
        Visit([.. Enumerable.Range(0, _candidates.Length)], budget, 0, 0);
        bool proved = (_isComplete && _work <= MostWork) || IsLimit(budget);
        return new Family(_best.Gain, _best.Cost, [.. _best.Chosen.Select(i => _candidates[i])], proved);
    }

    /// <summary>
    /// The best families within every budget up to one, by increasing cost: all that can matter when several parts share a budget.
    /// </summary>
    public IReadOnlyList<Family> UpTo(int budget)
    {
        List<Family> families = [];
        while (budget > 0 && Within(budget) is { Gain: > 0 } family)
        {
            families.Add(family);
            budget = family.Cost - 1;
        }

        families.Reverse();
        return families;
    }

    private bool IsLimit(int budget)
    {
        if (_limits is null)
        {
            return false;
        }

        Bound bound = new(_limits, budget);
        return bound.Most(budget) == _best.Gain && (_best.Cost == 0 || bound.Most(_best.Cost - 1) < _best.Gain);
    }

    private void Visit(int[] open, int left, int cost, long gain)
    {
        if (gain > _best.Gain || (gain == _best.Gain && cost < _best.Cost))
        {
            _best = (gain, cost, [.. _chosen]);
        }

        // What each would still add: it only gets less as others are chosen.
        List<(int Candidate, long Gain)> rest = [];
        foreach (int i in open)
        {
            if (_candidates[i].Cost <= left)
            {
                _work += _candidates[i].Captures.Length;
                long more = _candidates[i].Captures.Sum(space => _covered[space] == 0 ? _dimensions[space] : 0);
                if (more > 0)
                {
                    rest.Add((i, more));
                }
            }
        }

        // The best gain for an evaluation first, which is how good families are found early.
        rest.Sort((x, y) =>
        {
            int order = (y.Gain * _candidates[x.Candidate].Cost).CompareTo(x.Gain * _candidates[y.Candidate].Cost);
            return order != 0 ? order : x.Candidate.CompareTo(y.Candidate);
        });
        for (int at = 0; at < rest.Count; at++)
        {
            if (_work <= MostWork)
            {
                Bound bound = new([.. rest.Skip(at).Select(item => (_candidates[item.Candidate].Cost, item.Gain))], left);
                _work += bound.Work;
                long most = gain + bound.Most(left);
                if (most < _best.Gain || (most == _best.Gain && cost + bound.Least(_best.Gain - gain) >= _best.Cost))
                {
                    return;
                }
            }
            else if (at > 0)
            {
                return;
            }

            KernelCandidate candidate = _candidates[rest[at].Candidate];
            Count(candidate, 1);
            _chosen.Add(rest[at].Candidate);
            Visit([.. rest.Skip(at + 1).Select(item => item.Candidate)], left - candidate.Cost, cost + candidate.Cost, gain + rest[at].Gain);
            _chosen.RemoveAt(_chosen.Count - 1);
            Count(candidate, -1);
        }
    }

    private void Count(KernelCandidate candidate, int by)
    {
        foreach (int space in candidate.Captures)
        {
            _covered[space] += by;
        }
    }

    /// <summary>What items could gain within a budget if each could be had any number of times and none overlapped.</summary>
    private sealed class Bound
    {
        private readonly long[]? _table;
        private readonly (int Cost, long Gain) _densest;

        public Bound(IReadOnlyList<(int Cost, long Gain)> items, int budget)
        {
            Dictionary<int, long> best = [];
            foreach ((int cost, long gain) in items)
            {
                best[cost] = Math.Max(best.GetValueOrDefault(cost), gain);
                if (_densest.Cost == 0 || gain * _densest.Cost > _densest.Gain * cost)
                {
                    _densest = (cost, gain);
                }
            }

            Work = items.Count;
            if (budget > LargestTable)
            {
                return;
            }

            Work += (long)best.Count * budget;
            _table = new long[budget + 1];
            for (int b = 1; b <= budget; b++)
            {
                _table[b] = _table[b - 1];
                foreach ((int cost, long gain) in best)
                {
                    if (cost <= b)
                    {
                        _table[b] = Math.Max(_table[b], _table[b - cost] + gain);
                    }
                }
            }
        }

        public long Work { get; }

        public long Most(int budget) =>
            _table is not null ? _table[budget] : _densest.Cost == 0 ? 0 : (long)(new System.Numerics.BigInteger(_densest.Gain) * budget / _densest.Cost);

        /// <summary>A cost below which so much cannot be gained.</summary>
        public int Least(long gain)
        {
            if (_table is null)
            {
                return _densest.Cost == 0 ? 0 : (int)((new System.Numerics.BigInteger(gain) * _densest.Cost + _densest.Gain - 1) / _densest.Gain);
            }

            int place = Array.BinarySearch(_table, gain);
            place = place < 0 ? ~place : place;
            while (place > 0 && _table[place - 1] >= gain)
            {
                place--;
            }

            return place;
        }
    }
}
