using System.Runtime.CompilerServices;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Some elements of a group, with what every action on which they were tried has prepared for them.</summary>
internal sealed class ElementList(Group group, IReadOnlyList<GroupElement> elements)
{
    private readonly ConditionalWeakTable<TensorAction, OrbitMap> _maps = [];
    private readonly ConditionalWeakTable<TensorAction, OrbitMap> _inverses = [];
    private DeviceTensor? _codes;
    private DeviceTensor? _inversePositions;

    public Group Group { get; } = group;

    public IReadOnlyList<GroupElement> Elements { get; } = elements;

    public int Count => Elements.Count;

    /// <summary>The packed elements, <c>[T, width]</c>.</summary>
    public DeviceTensor Codes => LazyInitializer.EnsureInitialized(ref _codes, () =>
    {
        long[] codes = [.. Elements.SelectMany(element => element.Code.ToArray()).Select(entry => (long)entry)];
        return new DeviceTensor(tensor(codes, [Count, Group.Width], dtype: ScalarType.Int64));
    });

    /// <summary>The positions of the elements' inverses, <c>[T]</c>, where all of them are in the list.</summary>
    public DeviceTensor InversePositions => LazyInitializer.EnsureInitialized(ref _inversePositions, () =>
    {
        Dictionary<GroupElement, long> positions = Elements.Index().ToDictionary(pair => pair.Item, pair => (long)pair.Index);
        return new DeviceTensor(tensor([.. Elements.Select(element => positions[element.Inverse()])]));
    });

    /// <summary>The elements, prepared to act.</summary>
    public OrbitMap Of(TensorAction action) => _maps.GetValue(action, it => it.Over(Elements));

    /// <summary>Their inverses, prepared to act.</summary>
    public OrbitMap InversesOf(TensorAction action) => _inverses.GetValue(action, it => it.Over([.. Elements.Select(element => element.Inverse())]));
}
