using System.Runtime.CompilerServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Orbits;

namespace Equivariant.Core.Designs;

/// <summary>The elements of groups that are small enough, listed once, with what each action has prepared for them.</summary>
internal static class ListedGroup
{
    private static readonly ConditionalWeakTable<Group, ElementList> s_lists = [];

    /// <summary>The elements, the identity first.</summary>
    /// <exception cref="EquivariantException">The group is too large to list.</exception>
    public static ElementList Of(Group group) => s_lists.GetValue(group, it => new ElementList(it, OrbitLimit.List(it)));
}
