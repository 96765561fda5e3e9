using System.Numerics;

namespace Equivariant.Core.Groups;

/// <summary>
/// An element of a finite group, in the group's own natural form: an integer mod n, a permutation, a pair.
/// </summary>
/// <remarks>
/// Elements are immutable values. Two elements can be multiplied or compared when their groups are equal;
/// elements of a subgroup belong to the group that the subgroup was taken from.
/// </remarks>
public readonly struct GroupElement : IEquatable<GroupElement>
{
    private readonly Group? _group;
    private readonly int[]? _code;

    internal GroupElement(Group group, int[] code)
    {
        _group = group;
        _code = code;
    }

    /// <summary>Gets the group that does this element's arithmetic.</summary>
    /// <exception cref="EquivariantException">The element is the default value, which belongs to no group.</exception>
    public Group Group => _group ?? throw new EquivariantException(
        "This group element was never given a value; take one from a group, such as group.Identity.");

    /// <summary>Gets the packed form: <see cref="Groups.Group.Width"/> integers.</summary>
    public ReadOnlySpan<int> Code => Group is null ? default : _code!;

    /// <summary>Gets whether this is the identity.</summary>
    public bool IsIdentity => Group.IsIdentity(Code);

    /// <summary>Gets the smallest n &gt; 0 with gⁿ = 1.</summary>
    public BigInteger Order => Group.OrderOf(Code);

    /// <summary>Multiplies two elements of one group: <c>g * h</c> acts as g after h.</summary>
    /// <exception cref="EquivariantException">The elements belong to different groups.</exception>
    public static GroupElement operator *(GroupElement left, GroupElement right)
    {
        Group group = CommonGroup(left, right);
        int[] product = new int[group.Width];
        group.Multiply(left.Code, right.Code, product);
        return new GroupElement(group, product);
    }

    /// <summary>Tells whether two elements of one group are the same.</summary>
    public static bool operator ==(GroupElement left, GroupElement right) => left.Equals(right);

    /// <summary>Tells whether two elements differ.</summary>
    public static bool operator !=(GroupElement left, GroupElement right) => !left.Equals(right);

    /// <summary>Computes g⁻¹.</summary>
    public GroupElement Inverse()
    {
        int[] inverse = new int[Group.Width];
        Group.Invert(Code, inverse);
        return new GroupElement(Group, inverse);
    }

    /// <summary>Computes gⁿ for any integer n, negative ones included.</summary>
    public GroupElement Pow(BigInteger exponent)
    {
        int[] power = new int[Group.Width];
        Group.Power(Code, exponent, power);
        return new GroupElement(Group, power);
    }

    /// <summary>Computes h g h⁻¹, where g is this element.</summary>
    /// <exception cref="EquivariantException">The elements belong to different groups.</exception>
    public GroupElement ConjugateBy(GroupElement h) => h * this * h.Inverse();

    /// <summary>Computes the commutator g h g⁻¹ h⁻¹, where g is this element.</summary>
    /// <exception cref="EquivariantException">The elements belong to different groups.</exception>
    public GroupElement Commutator(GroupElement h) => this * h * Inverse() * h.Inverse();

    /// <inheritdoc/>
    public bool Equals(GroupElement other) =>
        _group is null || other._group is null
            ? _group is null && other._group is null
            : Group.SameGroup(_group, other._group) && _code.AsSpan().SequenceEqual(other._code);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is GroupElement other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _code is null ? 0 : Group.HashOf(_code);

    /// <summary>Writes the element as a person would: <c>3</c>, <c>(0 1 2)(3 4)</c>, <c>(2, 1)</c>, <c>r^2 f</c>.</summary>
    public override string ToString() => _group is null ? "(no element)" : _group.Format(_code);

    private static Group CommonGroup(GroupElement left, GroupElement right)
    {
        Group group = left.Group;
        if (!Group.SameGroup(group, right.Group))
        {
            throw new EquivariantException(
                $"{left} belongs to {group.Name} and {right} to {right.Group.Name}; only elements of one group can be multiplied. " +
                "Map one of them into the other's group first, by a homomorphism or an embedding.");
        }

        return group;
    }
}
