namespace Equivariant

open FsCheck
open FsCheck.FSharp
open Equivariant.Core.Groups

/// <summary>Names a group by a type, for properties with elements of it as parameters.</summary>
type IGroupSource =
    /// <summary>The group.</summary>
    abstract Group: Group

/// <summary>An element of the group that a type names, as a parameter of a property.</summary>
type ElementOf<'source when 'source :> IGroupSource and 'source: (new: unit -> 'source)> =
    /// <summary>The element.</summary>
    | ElementOf of GroupElement

/// <summary>
/// Arbitraries of groups and elements for a test project of one's own. Register them once:
/// <c>[&lt;assembly: Properties(Arbitrary = [| typeof&lt;LawArbitraries&gt; |])&gt;]</c>.
/// </summary>
[<AbstractClass; Sealed>]
type LawArbitraries =

    /// <summary>Elements of the group that a type names, each with the same probability, shrinking towards the identity.</summary>
    static member ElementOf<'source when 'source :> IGroupSource and 'source: (new: unit -> 'source)>
        ()
        : Arbitrary<ElementOf<'source>> =
        Element.arbitrary (new 'source ()).Group
        |> Arb.convert ElementOf (fun (ElementOf element) -> element)

    /// <summary>Small groups of every family, the smallest first.</summary>
    static member Groups() : Arbitrary<Group> =
        let groups = [
            trivial.Core
            (cyclic 2).Core
            (cyclic 4).Core
            (cyclic 6).Core
            kleinFour.Core
            (cyclic 2 >< cyclic 3).Core
            (dihedral 3).Core
            (dihedral 4).Core
            quaternion.Core
            (alternating 4).Core
            (symmetric 4).Core
            (wreath (cyclic 2) (symmetric 3)).Core
        ]

        let shrink (group: Group) =
            groups |> Seq.filter (fun smaller -> smaller.Order < group.Order)

        Arb.fromGenShrink (Gen.elements groups, shrink)
