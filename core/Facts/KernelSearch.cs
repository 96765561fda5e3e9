using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>The best family of normal subgroups for a quotient design within a budget of evaluations.</summary>
/// <param name="Kernels">The family.</param>
/// <param name="Facts">What it costs and what it captures.</param>
/// <param name="IsOptimal">Whether all normal subgroups and all families were gone through.</param>
public sealed record KernelSearch(IReadOnlyList<Subgroup> Kernels, QuotientFacts Facts, bool IsOptimal)
{
    private const int MostSteps = 2_000_000;

    /// <summary>
    /// Finds the family of normal subgroups whose indices sum to at most a budget and that captures most of the equivariant linear maps;
    /// of equally good ones, the cheapest.
    /// </summary>
    /// <param name="group">A permutation group, acting on its points as V and as W.</param>
    /// <param name="budget">The largest sum of indices, 1 or more.</param>
    /// <exception cref="EquivariantException">The budget is not positive.</exception>
    public static KernelSearch Find(PermutationGroup group, int budget)
    {
        PermutationAction action = PermutationAction.Natural(group);
        return Find(action, action, budget);
    }

    /// <summary>
    /// Finds the family of normal subgroups whose indices sum to at most a budget and that captures most of the equivariant linear maps;
    /// of equally good ones, the cheapest.
    /// </summary>
    /// <param name="v">The action on the input.</param>
    /// <param name="w">The action of the same group on the output.</param>
    /// <param name="budget">The largest sum of indices, 1 or more.</param>
    /// <exception cref="EquivariantException">The budget is not positive, or the actions are of different groups.</exception>
    public static KernelSearch Find(PermutationAction v, PermutationAction w, int budget)
    {
        if (budget < 1)
        {
            throw new EquivariantException($"A design evaluates its model at least once; the budget given is {budget}.");
        }

        Group group = v.Group;
        NormalSubgroups all = NormalSubgroups.Of(group);
        Subgroup[] candidates = [.. all.Subgroups.Where(k => group.Order / k.Order <= budget)];
        Search search = new(v, w, candidates, budget);
        bool finished = search.Run();
        Subgroup[] best = [.. search.Best.Select(i => candidates[i])];
        return new KernelSearch(best, QuotientFacts.Of(v, w, best), all.IsComplete && finished);
    }

    /// <summary>
    /// With e(L) the maps whose kernel is exactly L, d(K) = Σ e(L) over L ≥ K, and a family captures Σ e(L) over the L above one
    /// of its members. All L above a candidate have smaller index, so they are candidates too: a weighted covering problem.
    /// </summary>
    private sealed class Search
    {
        private readonly int _budget;
        private readonly int[] _costs;
        private readonly long[] _exact;
        private readonly bool[][] _above;
        private readonly long[] _gainLimit;
        private long _bestCaptured = -1;
        private int _bestCost;
        private int _steps;

        public Search(PermutationAction v, PermutationAction w, Subgroup[] candidates, int budget)
        {
            int count = candidates.Length;
            _budget = budget;
            _costs = [.. candidates.Select(k => (int)(v.Group.Order / k.Order))];
            _above = [.. candidates.Select(k => candidates.Select(l => l.Order >= k.Order && l.Includes(k)).ToArray())];
            _exact = new long[count];
            long[] dimension = new long[count];

            // Candidates come largest first, so everything above one has been done before it.
            for (int k = 0; k < count; k++)
            {
                dimension[k] = QuotientFacts.Dimension(
                    v, w, [.. candidates[k].Generators.Select(v.Permutation)], [.. candidates[k].Generators.Select(w.Permutation)]);
                _exact[k] = dimension[k];
                for (int l = 0; l < k; l++)
                {
                    _exact[k] -= _above[k][l] ? _exact[l] : 0;
                }
            }

            _gainLimit = dimension;
        }

        public int[] Best { get; private set; } = [];

        /// <summary>Goes through families; returns whether it got through all that could be best.</summary>
        public bool Run()
        {
            // Trying the most expensive first finds good families early.
            int[] order = [.. Enumerable.Range(0, _costs.Length).OrderByDescending(k => _gainLimit[k]).ThenBy(k => _costs[k])];
            Visit(order, 0, [], new int[_costs.Length], 0, 0);
            return _steps <= MostSteps;
        }

        private void Visit(int[] order, int from, List<int> chosen, int[] covered, int cost, long captured)
        {
            if (captured > _bestCaptured || (captured == _bestCaptured && cost < _bestCost))
            {
                if (chosen.Count > 0)
                {
                    (_bestCaptured, _bestCost, Best) = (captured, cost, [.. chosen]);
                }
            }

            for (int i = from; i < order.Length && _steps <= MostSteps; i++)
            {
                int k = order[i];
                _steps++;
                if (cost + _costs[k] > _budget || covered[k] > 0 || !CanImprove(order, i, cost, captured))
                {
                    continue;
                }

                long gain = 0;
                for (int l = 0; l < covered.Length; l++)
                {
                    if (_above[k][l] && covered[l]++ == 0)
                    {
                        gain += _exact[l];
                    }
                }

                chosen.Add(k);
                Visit(order, i + 1, chosen, covered, cost + _costs[k], captured + gain);
                chosen.RemoveAt(chosen.Count - 1);
                for (int l = 0; l < covered.Length; l++)
                {
                    if (_above[k][l])
                    {
                        covered[l]--;
                    }
                }
            }
        }

        /// <summary>Whether the candidates left, at their best possible worth, could still beat the best family.</summary>
        private bool CanImprove(int[] order, int from, int cost, long captured)
        {
            int left = _budget - cost;
            double most = 0;
            for (int i = from; i < order.Length; i++)
            {
                int k = order[i];
                if (_costs[k] <= left)
                {
                    most = Math.Max(most, (double)_gainLimit[k] / _costs[k]);
                }
            }

            return captured + most * left >= _bestCaptured;
        }
    }
}
