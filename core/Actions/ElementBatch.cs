using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Elements of a group as one tensor, an element a row: what the rows of a batch are moved by, each by its own.</summary>
/// <remarks>
/// A row is an element's packed form, <see cref="GroupElement.Code"/>: a permutation's images, for a direct product the entries side by
/// side. The tensors live in the dispose scope in which the batch was made.
/// </remarks>
public sealed class ElementBatch
{
    private readonly ElementList? _list;
    private readonly Tensor? _positions;
    private Tensor? _codes;

    private ElementBatch(Group group, long count, Tensor? codes, ElementList? list = null, Tensor? positions = null)
    {
        Group = group;
        Count = count;
        _codes = codes;
        _list = list;
        _positions = positions;
    }

    /// <summary>The group.</summary>
    public Group Group { get; }

    /// <summary>The number of elements, <c>R</c>.</summary>
    public long Count { get; }

    /// <summary>The packed elements, <c>[R, width]</c>, <c>int64</c>.</summary>
    public Tensor Codes => _codes ??= _list!.Codes.On(_positions!.device).index_select(0, _positions);

    /// <summary>Takes packed elements, each checked to be in the group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="codes">The packed elements, <c>[R, width]</c>, <c>int64</c>; image lists for a group of permutations.</param>
    /// <remarks>The check waits for the device.</remarks>
    /// <exception cref="EquivariantException">The tensor has another shape or type, or a row is no element of the group.</exception>
    public static ElementBatch Of(Group group, Tensor codes)
    {
        TensorChecks.RequireDense("A batch of elements", codes);
        if (codes.dim() != 2 || codes.shape[1] != group.Width || codes.dtype != ScalarType.Int64)
        {
            throw new EquivariantException(
                $"Elements of {group.Name} have to be Int64 rows of {group.Width}, [R, {group.Width}], but a tensor of {codes.dtype} of shape {TensorChecks.Shape(codes)} was given.");
        }

        _ = Rows(codes, group.Width).Select(row => group.Ambient.Element(row)).All(element =>
        {
            group.RequireMember(element, "A batch of elements:");
            return true;
        });
        return Trusted(group, codes);
    }

    /// <summary>Takes elements from a list, by their positions.</summary>
    /// <param name="group">The group.</param>
    /// <param name="elements">Elements of the group.</param>
    /// <param name="positions">Positions in the list, <c>[R]</c>, <c>int64</c>.</param>
    public static ElementBatch Of(Group group, IReadOnlyList<GroupElement> elements, Tensor positions) =>
        Of(new ElementList(group, elements), positions);

    /// <summary>Makes elements of a direct product from as many of each factor.</summary>
    /// <param name="product">The direct product.</param>
    /// <param name="parts">A batch of elements of each factor.</param>
    /// <exception cref="EquivariantException">There is not one part for each factor, or their numbers of elements differ.</exception>
    public static ElementBatch Tuple(DirectProduct product, params IReadOnlyList<ElementBatch> parts)
    {
        if (parts.Count != product.Factors.Count || parts.Any(part => part.Count != parts[0].Count)
            || parts.Zip(product.Factors).Any(pair => !Group.SameGroup(pair.First.Group, pair.Second)))
        {
            throw new EquivariantException(
                $"Elements of {product.Name} need as many elements of each of its {product.Factors.Count} factors, but {string.Join(", ", parts.Select(part => $"{part.Count} of {part.Group.Name}"))} were given.");
        }

        return Trusted(product, cat([.. parts.Select(part => part.Codes)], 1));
    }

    /// <summary>Draws elements, each with exactly the same probability and independent of the others.</summary>
    /// <param name="group">The group.</param>
    /// <param name="count">How many.</param>
    /// <param name="random">Draws them; held while it does.</param>
    /// <param name="device">Where they are wanted; on the CPU, if left out.</param>
    public static ElementBatch Random(Group group, long count, Random random, Device? device = null)
    {
        int width = group.Width;
        var codes = new long[count * width];
        int[] code = new int[width];
        lock (random)
        {
            for (long row = 0; row < count; row++)
            {
                group.Random(random, code);
                for (int i = 0; i < width; i++)
                {
                    codes[(row * width) + i] = code[i];
                }
            }
        }

        return Trusted(group, tensor(codes, [count, width], dtype: ScalarType.Int64, device: device));
    }

    /// <summary>One element.</summary>
    /// <param name="row">Its row.</param>
    /// <remarks>Reading it waits for the device.</remarks>
    public GroupElement this[long row] => Group.Wrap(Rows(Codes.narrow(0, row, 1), Group.Width).Single());

    /// <summary>Some of the elements, in the given order.</summary>
    /// <param name="rows">Their rows, <c>[S]</c>, <c>int64</c>.</param>
    public ElementBatch Select(Tensor rows) => _list is null
        ? Trusted(Group, Codes.index_select(0, rows))
        : Of(_list, _positions!.index_select(0, rows));

    /// <summary>Says how many elements of which group these are.</summary>
    public override string ToString() => $"{Count} element{(Count == 1 ? "" : "s")} of {Group.Name}";

    internal static ElementBatch Trusted(Group group, Tensor codes) => new(group, codes.shape[0], codes);

    internal static ElementBatch Of(ElementList list, Tensor positions) => new(list.Group, positions.shape[0], null, list, positions);

    /// <summary>Whether the elements are known by their positions in a list.</summary>
    internal bool IsListed => _list is not null;

    /// <summary>The different elements, and for each row the position of its own; waits for the device unless they were listed.</summary>
    internal (ElementList List, Tensor Positions) Listed()
    {
        if (_list is not null)
        {
            return (_list, _positions!);
        }

        if (Count == 0 || Group.Width == 0)
        {
            return (new ElementList(Group, [Group.Identity]), zeros([Count], ScalarType.Int64, Codes.device));
        }

        (Tensor distinct, Tensor? positions, _) = Codes.unique(return_inverse: true, dim: 0);
        return (new ElementList(Group, [.. Rows(distinct, Group.Width).Select(code => Group.Wrap(code))]), positions!);
    }

    /// <summary>The rows of a tensor of packed elements.</summary>
    internal static IEnumerable<int[]> Rows(Tensor codes, int width)
    {
        using Tensor here = codes.cpu().contiguous();
        // Rows of nothing are elements of a trivial group; TorchSharp has no data of a tensor without numbers.
        long[] entries = codes.numel() == 0 ? [] : here.data<long>().ToArray();
        for (int row = 0; row < codes.shape[0]; row++)
        {
            yield return [.. entries.Skip(row * width).Take(width).Select(entry => checked((int)entry))];
        }
    }
}
