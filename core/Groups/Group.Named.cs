using System.Text.RegularExpressions;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    /// <summary>Makes a group from its usual name.</summary>
    /// <param name="name">
    /// <c>Cn</c>, <c>Dn</c> (of order 2n), <c>Sn</c>, <c>An</c>, <c>Q8</c>, <c>V4</c>, <c>K4</c> or <c>Klein</c>, <c>Bn</c> (the signed permutations),
    /// <c>AGL(n, p)</c>, a point group of space as <see cref="PointGroup.InSpace"/> names it, or a direct product such as <c>C4 x C2</c>
    /// or <c>C4 × C2</c>.
    /// </param>
    /// <remarks>
    /// Cn, Dn and Sn are the cyclic, dihedral and symmetric groups here, with the elements of <see cref="Cyclic"/>, <see cref="Dihedral"/>
    /// and <see cref="Symmetric"/>; <see cref="PointGroup.InSpace"/> knows the point groups that have these names.
    /// </remarks>
    /// <exception cref="EquivariantException">No group has the name; the message names the nearest.</exception>
    public static Group Named(string name)
    {
        string[] factors = NamedGroups.Times.Split(name.Trim());
        if (factors.Contains(""))
        {
            throw new EquivariantException($"\"{name}\" lacks a group: write one on either side of each ×, as in \"C4 × C2\".");
        }

        Group[] groups = [.. factors.Select(NamedGroups.Forms.Get)];
        return groups.Length == 1 ? groups[0] : Direct(groups);
    }

    private static class NamedGroups
    {
        /// <summary>A cross; an x between blanks, at either end or before a capital, for no name has one there.</summary>
        public static readonly Regex Times = new(@"\s*×\s*|\s+x\s+|^x\s*|\s*x\s*(?=[A-Z]|$)");

        public static readonly NameForms<Group> Forms = new(
            "group",
            "There are Cn, Dn, Sn, An, Bn, Q8, V4, AGL(n, p), the point groups of space (Ci, Cs, Cnv, Cnh, Dnd and Dnh with n up to " +
            $"{PointGroup.MaximumTurns}, T, Td, Th, O, Oh, I, Ih), and products such as C4 × C2.",
            [
                ("C#", n => Cyclic(n[0])),
                ("D#", n => Dihedral(n[0])),
                ("S#", n => Symmetric(n[0])),
                ("A#", n => Alternating(n[0])),
                ("B#", n => PointGroup.SignedPermutations(n[0]).Group),
                ("Q8", _ => Quaternion()),
                ("V4", _ => KleinFour()),
                ("K4", _ => KleinFour()),
                ("Klein", _ => KleinFour()),
                ("AGL(#, #)", n => Affine(n[0], n[1])),
                .. PointGroup.Space.Forms.Select(form => (form.Form, (Func<int[], Group?>)(n => form.Make(n)?.Group))),
            ]);
    }
}
