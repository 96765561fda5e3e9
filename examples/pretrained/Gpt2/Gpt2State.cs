using Equivariant.Core.Sequences;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>What a GPT-2 remembers of the tokens so far: their keys and values, block by block.</summary>
/// <remarks>
/// Room for more tokens than there are, doubled when it is full: a step copies nothing but its own token. Rows may have
/// read sources of different lengths: each has positions of its own, and does not see the padding of its source.
/// </remarks>
internal sealed class Gpt2State : DecoderState
{
    private const long LeastRoom = 64;
    private readonly Tensor?[] _keys;
    private readonly Tensor?[] _values;
    private readonly long _most;

    /// <summary>Nothing is remembered yet.</summary>
    /// <param name="layers">Blocks.</param>
    /// <param name="most">The most tokens of a row.</param>
    /// <param name="lengths">Tokens of each row's source, <c>[B]</c>; null where all have the source's own length.</param>
    public Gpt2State(int layers, long most, Tensor? lengths)
    {
        (_keys, _values, _most) = (new Tensor?[layers], new Tensor?[layers], most);
        Lengths = lengths?.DetachFromDisposeScope();
    }

    /// <summary>Tokens of each row's source, where they differ.</summary>
    public Tensor? Lengths { get; private set; }

    /// <summary>Columns of the source, with its padding.</summary>
    public long SourceLength { get; set; }

    /// <summary>Columns that are filled.</summary>
    public long Length { get; set; }

    /// <summary>The position of the next token: of all rows, or <c>[B, 1]</c>.</summary>
    public Tensor NextPosition(Device device) =>
        Lengths is null ? full([1], Length, ScalarType.Int64, device) : (Lengths + (Length - SourceLength)).unsqueeze(-1);

    /// <summary>Which columns a new token may see: <c>[B, 1, 1, columns]</c>, or null for all.</summary>
    public Tensor? Visible(long columns)
    {
        if (Lengths is null)
        {
            return null;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor column = arange(columns, ScalarType.Int64, Lengths.device);
        return (column < Lengths.unsqueeze(-1)).logical_or(column >= SourceLength).unsqueeze(1).unsqueeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>Adds tokens' keys and values, and gives all of them.</summary>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values) =>
        (Append(ref _keys[layer], keys), Append(ref _values[layer], values));

    /// <inheritdoc/>
    public override void Select(Tensor rows)
    {
        foreach (Tensor?[] all in new[] { _keys, _values })
        {
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = Replaced(all[i], rows);
            }
        }

        Lengths = Replaced(Lengths, rows);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (Tensor? tensor in _keys.Concat(_values).Append(Lengths))
        {
            tensor?.Dispose();
        }
    }

    private Tensor Append(ref Tensor? all, Tensor some)
    {
        long needed = Length + some.shape[2];
        if (all is null || all.shape[2] < needed)
        {
            using IDisposable noGradient = no_grad();
            long room = Math.Max(needed, Math.Min(_most, Math.Max(LeastRoom, 2 * needed)));
            Tensor larger = empty([some.shape[0], some.shape[1], room, some.shape[3]], some.dtype, some.device).DetachFromDisposeScope();
            if (all is not null)
            {
                using Tensor filled = all.narrow(2, 0, Length), place = larger.narrow(2, 0, Length);
                place.copy_(filled);
                all.Dispose();
            }

            all = larger;
        }

        using (Tensor place = all.narrow(2, Length, some.shape[2]))
        {
            place.copy_(some.detach());
        }

        return all.narrow(2, 0, needed);
    }

    private static Tensor? Replaced(Tensor? tensor, Tensor rows)
    {
        using (tensor)
        {
            return tensor?.index_select(0, rows).DetachFromDisposeScope();
        }
    }
}
