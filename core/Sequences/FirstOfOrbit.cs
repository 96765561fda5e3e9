using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Sequences;

/// <summary>Takes a sentence to the first of its orbit, in the lexicographic order, and says by which element.</summary>
/// <remarks>
/// Token by token, the least is taken that the elements which keep the tokens before can reach. No group is listed:
/// their generators come by Schreier's lemma, and are kept, as sentences that name the same words share them. The
/// element depends on the sentence alone, not on what was asked before. In a direct product a factor that moves no
/// token of a sentence has no part in its element.
/// </remarks>
internal sealed class FirstOfOrbit(PermutationAction source, PermutationAction target)
{
    private readonly Lock _lock = new();
    private readonly Node _root = new([.. source.Group.Generators], source.Group.Order);

    /// <summary>Starts on a batch; one thread at a time uses what it gives.</summary>
    public Walk Begin() => new(this);

    /// <summary>Takes the sentences of one batch to the first of their orbits.</summary>
    internal sealed class Walk(FirstOfOrbit owner)
    {
        /// <summary>Images of tokens under the few elements that a batch needs.</summary>
        private readonly Dictionary<(bool IsTarget, GroupElement Element), int[]> _images = [];

        /// <summary>Replaces a sentence by the first of its orbit.</summary>
        /// <param name="sourceTokens">The source, and then the first of its orbit.</param>
        /// <param name="start">The target's first token, likewise.</param>
        /// <returns>The element that took the one to the other.</returns>
        public GroupElement Take(Span<long> sourceTokens, ref long start)
        {
            GroupElement frame = owner.Group.Identity;
            Node node = owner._root;
            for (int i = 0; i <= sourceTokens.Length && !node.IsTrivial; i++)
            {
                bool isTarget = i == sourceTokens.Length;
                (GroupElement move, Node next) = owner.Step(node, isTarget, isTarget ? start : sourceTokens[i], this);
                node = next;
                if (move.IsIdentity)
                {
                    continue;
                }

                // The tokens before are kept by the move.
                int[] images = Images(isTarget: false, move);
                foreach (ref long token in sourceTokens[i..])
                {
                    token = images[token];
                }

                start = Images(isTarget: true, move)[start];
                frame = move * frame;
            }

            return frame;
        }

        /// <summary>Where an element takes the tokens of a vocabulary.</summary>
        public int[] Images(bool isTarget, GroupElement element)
        {
            if (!_images.TryGetValue((isTarget, element), out int[]? images))
            {
                _images[(isTarget, element)] = images = (isTarget ? owner.Target : owner.Source).Permutation(element);
            }

            return images;
        }
    }

    private Group Group => source.Group;

    private PermutationAction Source => source;

    private PermutationAction Target => target;

    private (GroupElement Move, Node Next) Step(Node node, bool isTarget, long token, Walk walk)
    {
        if (node.Generators.All(g => walk.Images(isTarget, g)[token] == token))
        {
            return (Group.Identity, node);
        }

        lock (_lock)
        {
            if (!node.Steps.ContainsKey((isTarget, token)))
            {
                AddOrbit(node, isTarget, token, walk);
            }

            return node.Steps[(isTarget, token)];
        }
    }

    /// <summary>Finds the moves of all tokens of an orbit to the least of it, and what keeps that one.</summary>
    private void AddOrbit(Node node, bool isTarget, long token, Walk walk)
    {
        int[][] images = [.. node.Generators.Select(g => walk.Images(isTarget, g))];
        long first = Orbit(token).Keys.Min();
        Dictionary<long, GroupElement> reached = Orbit(first);
        Node next = Stabiliser();
        foreach ((long point, GroupElement element) in reached)
        {
            node.Steps[(isTarget, point)] = (element.Inverse(), next);
        }

        Dictionary<long, GroupElement> Orbit(long from)
        {
            Dictionary<long, GroupElement> found = new() { [from] = Group.Identity };
            Queue<long> open = new([from]);
            while (open.TryDequeue(out long point))
            {
                for (int g = 0; g < images.Length; g++)
                {
                    if (found.TryAdd(images[g][point], node.Generators[g] * found[point]))
                    {
                        open.Enqueue(images[g][point]);
                    }
                }
            }

            return found;
        }

        Node Stabiliser()
        {
            BigInteger order = node.Order / reached.Count;
            List<GroupElement> generators = [];
            Group known = Group.TrivialSubgroup;
            foreach ((long point, GroupElement element) in reached)
            {
                for (int g = 0; g < images.Length && known.Order != order; g++)
                {
                    GroupElement keeps = reached[images[g][point]].Inverse() * (node.Generators[g] * element);
                    if (!known.Contains(keeps))
                    {
                        generators.Add(keeps);
                        known = Group.Subgroup(generators);
                    }
                }
            }

            return new Node([.. generators], order);
        }
    }

    /// <summary>The elements that keep the tokens so far.</summary>
    private sealed class Node(GroupElement[] generators, BigInteger order)
    {
        public GroupElement[] Generators => generators;

        public BigInteger Order => order;

        public bool IsTrivial => order.IsOne;

        /// <summary>For tokens that move: an element that takes the token to the least of its orbit, and what keeps that one too.</summary>
        public Dictionary<(bool IsTarget, long Token), (GroupElement Move, Node Next)> Steps { get; } = [];
    }
}
