using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>For every token, the preferred token of its orbit.</summary>
internal sealed class TokenTable
{
    private readonly DeviceTensor _representatives;

    /// <summary>Tabulates the representatives.</summary>
    /// <param name="action">The action whose orbits they represent.</param>
    /// <param name="preferred">Tokens in order of preference; the others follow by number.</param>
    public TokenTable(PermutationAction action, IReadOnlyList<int> preferred)
    {
        int[] ranks = Ranks(preferred, action.Degree);
        int[] orbitOf = action.OrbitIndex;
        long[] representative = [.. action.Orbits.Select(orbit => (long)orbit.MinBy(token => ranks[token]))];
        _representatives = new DeviceTensor(tensor([.. orbitOf.Select(orbit => representative[orbit])]));
    }

    /// <summary>The place of each token in the order of preference.</summary>
    public static int[] Ranks(IReadOnlyList<int> preferred, int degree)
    {
        foreach (IGrouping<int, int> same in preferred.GroupBy(token => token).Where(same => same.Count() > 1))
        {
            throw new EquivariantException($"Token {same.Key} is preferred {same.Count()} times: name each token once, in the order of preference.");
        }

        var ranks = new int[degree];
        int rank = 0;
        foreach (int token in preferred.Concat(Enumerable.Range(0, degree).Except(preferred)))
        {
            if (token < 0 || token >= degree)
            {
                throw new EquivariantException($"Token {token} can't be preferred: the vocabulary has the tokens 0 … {degree - 1}.");
            }

            ranks[token] = rank++;
        }

        return ranks;
    }

    /// <summary>Replaces every token, <c>[B, …]</c>, <c>int64</c>.</summary>
    public Tensor Lookup(Tensor tokens)
    {
        using Tensor flat = tokens.reshape(-1);
        using Tensor images = _representatives.On(tokens.device).index_select(0, flat);
        return images.view(tokens.shape);
    }
}
