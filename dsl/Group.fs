namespace Equivariant

open System.Numerics
open Equivariant.Core
open Equivariant.Core.Groups

/// <summary>How a group's elements are written as F# values, for code that does not know their type.</summary>
/// <remarks>All notations count as equal: they never tell two groups apart.</remarks>
[<Sealed; AllowNullLiteral(false)>]
type Notation internal (write: GroupElement -> obj, parts: Notation list) =

    /// The F# value of an element.
    member internal _.Write(element: GroupElement) = write element

    /// The notations of the parts of a product.
    member internal _.Parts = parts

    override _.Equals other = other :? Notation
    override _.GetHashCode() = 0
    override _.ToString() = "notation"

/// <summary>
/// A finite group whose elements are written as F# values: an <c>int</c> for a cyclic group, an <c>int[]</c> of
/// images for permutations, a pair for a product. So a homomorphism or an action that does not fit the group
/// does not compile.
/// </summary>
/// <remarks>
/// The mathematics is the core's <see cref="T:Equivariant.Core.Groups.Group"/>; this type only knows how to write
/// its elements. Two are equal when their groups are.
/// </remarks>
[<Sealed; AllowNullLiteral(false)>]
type Group<'element>
    internal
    (core: Group, toCore: 'element -> GroupElement, ofCore: GroupElement -> 'element, parts: Notation list) =

    let notation =
        Notation((fun element -> Unchecked.nonNull (box (ofCore element))), parts)

    /// <summary>Gives a group of the core a way to write its elements.</summary>
    /// <param name="core">The group.</param>
    /// <param name="toCore">Reads a value; refuses what is no element.</param>
    /// <param name="ofCore">Writes an element.</param>
    new(core, toCore, ofCore) = Group<'element>(core, toCore, ofCore, [])

    /// <summary>The group as the core knows it.</summary>
    member _.Core = core

    /// <summary>The name as mathematicians write it, such as <c>C4 ⋊ C2</c>.</summary>
    member _.Name = core.Name

    /// <summary>The number of elements.</summary>
    member _.Order: BigInteger = core.Order

    /// <summary>The core's element for an F# value.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The value is no element of the group.</exception>
    member _.Element(value: 'element) = toCore value

    /// <summary>The F# value of a core's element.</summary>
    member _.Value(element: GroupElement) = ofCore element

    /// How its elements are written.
    member internal _.Notation = notation

    /// <summary>The direct product of two groups, which <c>&gt;&lt;</c> also writes.</summary>
    static member Cross(left: Group<'element>, right: Group<'other>) : Group<'element * 'other> =
        let core = Group.Direct [| left.Core; right.Core |]

        Group<'element * 'other>(
            core,
            (fun (a, b) -> core.Tuple(left.Element a, right.Element b)),
            (fun element -> left.Value(core.Project(0, element)), right.Value(core.Project(1, element))),
            [ left.Notation; right.Notation ]
        )

    override _.Equals other =
        match other with
        | :? Group<'element> as other -> core = other.Core
        | _ -> false

    override _.GetHashCode() = core.GetHashCode()

    /// Prints as <c>C4 ⋊ C2, order 8</c>.
    override _.ToString() = string core

/// <summary>What can be asked of a group, and done with its elements.</summary>
[<RequireQualifiedAccess>]
module Group =

    let private lift (group: Group<'e>) core =
        Group<'e>(core, group.Element, group.Value, group.Notation.Parts)

    let private elements (group: Group<'e>) values =
        values |> Seq.map group.Element |> Array.ofSeq

    /// <summary>The group as the core knows it.</summary>
    let core (group: Group<'e>) = group.Core

    /// <summary>The number of elements, exactly.</summary>
    let order (group: Group<'e>) = group.Order

    /// <summary>The generators.</summary>
    let generators (group: Group<'e>) =
        group.Core.Generators |> Seq.map group.Value |> List.ofSeq

    /// <summary>The elements one at a time, the identity first; a large group is never listed unless you walk through it.</summary>
    let enumerate (group: Group<'e>) =
        group.Core.Elements |> Seq.map group.Value

    /// <summary>The identity.</summary>
    let identity (group: Group<'e>) = group.Value group.Core.Identity

    /// <summary>The product <c>g·h</c>, which acts as <c>g</c> after <c>h</c>.</summary>
    let multiply (group: Group<'e>) g h =
        group.Value(group.Element g * group.Element h)

    /// <summary>The inverse of an element.</summary>
    let inverse (group: Group<'e>) g =
        group.Value((group.Element g).Inverse())

    /// <summary>The smallest positive power of an element that is the identity.</summary>
    let orderOf (group: Group<'e>) g = (group.Element g).Order

    /// <summary>Draws an element, each with the same probability, from the stated generator.</summary>
    let random (random: System.Random) (group: Group<'e>) = group.Value(group.Core.Random random)

    /// <summary>Tells whether all elements commute.</summary>
    let isAbelian (group: Group<'e>) = group.Core.IsAbelian

    /// <summary>The subgroup that some elements generate.</summary>
    let subgroup values (group: Group<'e>) =
        lift group (group.Core.Subgroup(elements group values))

    /// <summary>The smallest normal subgroup that contains some elements.</summary>
    let normalClosure values (group: Group<'e>) =
        lift group (group.Core.NormalClosure(elements group values))

    /// <summary>The elements that commute with all.</summary>
    let centre (group: Group<'e>) = lift group (group.Core.Centre())

    /// <summary>The subgroup that all commutators generate.</summary>
    let derivedSubgroup (group: Group<'e>) =
        lift group (group.Core.DerivedSubgroup())

    /// <summary>
    /// Tells whether one group is a normal subgroup of another, however it was made; false for what is no subgroup.
    /// </summary>
    let isNormal (part: Group<'e>) (group: Group<'e>) = group.Core.IsNormal part.Core

    /// <summary>The quotient by a normal subgroup; its elements are written as representatives of their cosets.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The group is no subgroup, or not normal; the message names the elements that show it.</exception>
    let quotient (normal: Group<'e>) (group: Group<'e>) =
        let quotient = group.Core.Quotient(group.Core.Subgroup normal.Core)

        Group<'e>(
            quotient,
            (fun value -> quotient.Projection.Apply(group.Element value)),
            (fun element -> group.Value(quotient.Lift element))
        )

    /// <summary>One element of each coset of a normal subgroup, the identity first.</summary>
    let transversal (normal: Group<'e>) (group: Group<'e>) =
        group.Core.Transversal(group.Core.Subgroup normal.Core)
        |> Seq.map group.Value
        |> List.ofSeq

    /// <summary>The default family of normal subgroups for the quotient design, from the group's structure.</summary>
    let kernels (group: Group<'e>) =
        group.Core.DefaultKernels()
        |> Seq.map (fun kernel -> lift group kernel)
        |> List.ofSeq

    /// Writes elements as the core does.
    let private untyped (core: Group) =
        let own (element: GroupElement) =
            if core.Contains element then
                element
            else
                raise (
                    EquivariantException $"{element} of {element.Group.Name} is no element of {core.Name}."
                )

        Group<GroupElement>(core, own, id)

    /// <summary>
    /// The group of a usual name: <c>Cn</c>, <c>Dn</c>, <c>Sn</c>, <c>An</c>, <c>Bn</c>, <c>Q8</c>, <c>V4</c>, <c>AGL(n, p)</c>,
    /// the point groups of space such as <c>C3v</c>, <c>Td</c> and <c>Oh</c>, and products such as <c>C4 × C2</c>.
    /// </summary>
    /// <remarks>
    /// A name is only read when the program runs, so no type can say how elements are written: they are the core's, which print as
    /// mathematicians write them. Actions that any group can have fit it, <c>vectors</c> and <c>vertices</c> above all:
    /// <c>vector 3 |> under (Group.named "Oh") vectors</c>. For elements that are numbers, lists and pairs take the makers, such as
    /// <c>dihedral 4</c>.
    /// </remarks>
    /// <exception cref="T:Equivariant.Core.EquivariantException">No group has the name; the message names the nearest.</exception>
    let named name = untyped (Group.Named name)

    /// <summary>
    /// The point group of space of a name in Schoenflies' notation. Where <see cref="M:Equivariant.Group.named"/> gives the
    /// cyclic, dihedral or symmetric group, this gives the one in space: <c>S4</c> is a quarter turn with a reflection.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">No point group has the name; the message names the nearest.</exception>
    let inSpace name = untyped (PointGroup.InSpace name).Group

/// <summary>The algebra of groups: makers and products, as mathematicians write them.</summary>
[<AutoOpen>]
module Groups =

    /// Writes elements as the integers that pack them.
    let private packed (core: Group) =
        Group<int[]>(core, (fun code -> core.Element(code: int[])), (fun element -> element.Code.ToArray()))

    let private modulo n value = ((value % n) + n) % n

    let private number (core: Group) n =
        Group<int>(core, (fun value -> core.Element(modulo n value)), (fun element -> element.Code[0]))

    /// <summary>The group of one element.</summary>
    /// <category index="1">Makers</category>
    let trivial = number (Group.Trivial()) 1

    /// <summary>The integers mod n under addition; any integer is an element.</summary>
    /// <category index="1">Makers</category>
    let cyclic n = number (Group.Cyclic n) n

    /// <summary>All permutations of n points, as image lists.</summary>
    /// <category index="1">Makers</category>
    let symmetric n = packed (Group.Symmetric n)

    /// <summary>The even permutations of n points, as image lists.</summary>
    /// <category index="1">Makers</category>
    let alternating n = packed (Group.Alternating n)

    /// <summary>The permutations of some points that some generate, as image lists.</summary>
    /// <category index="3">By generators or a table</category>
    let permutations degree (generators: int[] list) =
        packed (Group.OfPermutations(degree, Array.ofList generators))

    /// <summary>
    /// The exchanges of words, by their numbers in a vocabulary of some size: each word becomes the next of its set and the last the first,
    /// in all sets at once. So <c>words 50257 [ [ 582; 2415 ]; [ 339; 673 ] ]</c> exchanges man with woman and he with she.
    /// Let it act by <c>exchanges</c>.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// A word is not in the vocabulary or in two sets, or the sets have different lengths.
    /// </exception>
    /// <category index="4">Words</category>
    let words size (sets: int list list) : Group<int[]> =
        let text set =
            $"""[{set |> List.map string |> joined "; "}]"""

        let most =
            match sets with
            | [] -> refuse "no words are exchanged; give sets of at least two words."
            | sets -> sets |> List.map List.length |> List.max

        for set in sets do
            if set.Length < 2 then
                refuse $"the words {text set} are exchanged with nothing; give sets of at least two words."

            if set.Length < most then
                let longer = sets |> List.find (fun other -> other.Length = most)

                refuse
                    $"the words {text set} are {set.Length}, but {text longer} are {most}; what is exchanged at once has sets of one length."

        for word, times in sets |> List.concat |> List.countBy id do
            if word < 0 || word >= size then
                refuse
                    $"there is no word {word} in a vocabulary of {size}; they are numbered from 0 to {size - 1}."

            if times > 1 then
                refuse $"word {word} is there {times} times; a word can be in one set, and in it once."

        let next =
            Map.ofList [
                for set in sets do
                    yield! List.pairwise (set @ [ set.Head ])
            ]

        let images =
            Array.init size (fun word -> next.TryFind word |> Option.defaultValue word)

        packed (Group.OfPermutations(size, [| images |], $"C{most}"))

    /// <summary>The same with words by name, where a tokenizer gives their numbers; each has to be one token.</summary>
    /// <param name="tokenize">The tokens of a text, such as <c>fun text -> tokenizer.Ids text</c>. Most tokenizers take a space before a word as part of it.</param>
    /// <param name="size">The size of the vocabulary.</param>
    /// <param name="sets">Sets of words of one length.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A word is no single token, or the sets cannot be exchanged.</exception>
    /// <category index="4">Words</category>
    let wordsBy (tokenize: string -> #seq<int>) size (sets: string list list) : Group<int[]> =
        let number word =
            match List.ofSeq (calling "the tokenizer" (fun () -> tokenize word)) with
            | [ token ] -> token
            | tokens ->
                refuse
                    $"""the word "{word}" is {counted tokens.Length "token"} ([{tokens |> List.map string |> joined "; "}]); only words of one token can be exchanged."""

        words size (List.map (List.map number) sets)

    /// <summary>
    /// The direct product of two groups; and of two actions, the action of their product, direct or semidirect, in
    /// which (a, b) moves as a after b.
    /// </summary>
    /// <category index="2">Products</category>
    let inline (><) (left: ^left) (right: ^right) : ^product =
        (^left: (static member Cross: ^left * ^right -> ^product) (left, right))

    /// <summary>The direct product of any number of groups whose elements are written alike.</summary>
    /// <category index="2">Products</category>
    let direct (factors: Group<'e> list) : Group<'e list> =
        let core = Group.Direct(factors |> List.map Group.core |> Array.ofList)

        Group<'e list>(
            core,
            (fun values ->
                if values.Length <> factors.Length then
                    raise (
                        EquivariantException
                            $"{values.Length} entries are no element of {core.Name}: give one for each of its {factors.Length} factors."
                    )

                core.Tuple(
                    List.map2 (fun (factor: Group<'e>) value -> factor.Element value) factors values
                    |> Array.ofList
                )),
            (fun element -> factors |> List.mapi (fun i factor -> factor.Value(core.Project(i, element)))),
            [ for factor in factors -> factor.Notation ]
        )

    let private pair (core: SemidirectProduct) (normal: Group<'n>) (acting: Group<'h>) =
        Group<'n * 'h>(
            core,
            (fun (n, h) -> core.Pair(normal.Element n, acting.Element h)),
            (fun element -> normal.Value(core.NormalPart element), acting.Value(core.ActingPart element)),
            [ normal.Notation; acting.Notation ]
        )

    /// <summary>
    /// The semidirect product <c>N ⋊ H</c>, where <c>φ h</c> is an automorphism of <c>N</c>; pairs multiply as
    /// <c>(n, h)(n', h') = (n·φ_h(n'), hh')</c>.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">φ is not a homomorphism into the automorphisms of N.</exception>
    /// <category index="2">Products</category>
    let semidirect (normal: Group<'n>) (acting: Group<'h>) (phi: 'h -> 'n -> 'n) : Group<'n * 'h> =
        let core =
            Group.Semidirect(
                normal.Core,
                acting.Core,
                fun h n -> normal.Element(phi (acting.Value h) (normal.Value n))
            )

        pair core normal acting

    /// <summary>The wreath product <c>K ≀ S</c>: a copy of K for each point of S, which permutes them.</summary>
    /// <category index="2">Products</category>
    let wreath (inner: Group<'k>) (outer: Group<int[]>) : Group<'k list * int[]> =
        match outer.Core with
        | :? PermutationGroup as points ->
            let core = Group.Wreath(inner.Core, points)
            pair core (direct (List.replicate points.Degree inner)) outer
        | other ->
            raise (
                EquivariantException
                    $"The outer group of a wreath product has to permute points, but {other} does not."
            )

    /// <summary>The symmetries of a regular n-gon: turns, and whether a reflection comes first.</summary>
    /// <category index="1">Makers</category>
    let dihedral n =
        pair (Group.Dihedral n) (cyclic n) (cyclic 2)

    /// <summary>The Klein four-group, C2 × C2.</summary>
    /// <category index="1">Makers</category>
    let kleinFour =
        let core = Group.KleinFour()
        let two = cyclic 2

        Group<int * int>(
            core,
            (fun (a, b) -> core.Tuple(two.Element a, two.Element b)),
            (fun element -> two.Value(core.Project(0, element)), two.Value(core.Project(1, element))),
            [ two.Notation; two.Notation ]
        )

    /// <summary>The quaternion group; its elements are 0 … 3 for 1, i, j, k and 4 more for their negatives.</summary>
    /// <category index="1">Makers</category>
    let quaternion = number (Group.Quaternion()) 8

    /// <summary>The symmetries of a square.</summary>
    /// <category index="1">Makers</category>
    let squareSymmetries = dihedral 4

    /// <summary>The symmetries of a cube.</summary>
    /// <category index="1">Makers</category>
    let cubeSymmetries = packed (Group.CubeSymmetries())

    /// <summary>The permutations of n numbers and of their signs, as image lists: i stands for the i-th axis, n + i for its opposite.</summary>
    /// <category index="1">Makers</category>
    let signedPermutations n =
        packed (PointGroup.SignedPermutations n).Group

    /// <summary>The maps x ↦ Ax + b of n numbers modulo a prime, as image lists of the vectors.</summary>
    /// <category index="1">Makers</category>
    let affine n prime = packed (Group.Affine(n, prime))

    /// <summary>The group of a multiplication table, whose entry [a, b] is a · b; its elements are numbered from 0.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is no group's table; the message names the entry that shows it.</exception>
    /// <category index="3">By generators or a table</category>
    let byTable name (table: int[,]) =
        let core = Group.FromTable(table, name)
        let rows = [| for a in 0 .. core.Degree - 1 -> table[a, *] |]
        let unit = rows |> Array.findIndex ((=) (core.Identity.Code.ToArray()))

        Group<int>(
            core,
            (fun value ->
                if value < 0 || value >= rows.Length then
                    raise (
                        EquivariantException
                            $"{value} is no element of {core.Name}: its table numbers them 0 to {rows.Length - 1}."
                    )

                core.Element rows[value]),
            // Element a takes the identity to a.
            (fun element -> element.Code[unit])
        )

    /// <summary>The group that some invertible integer matrices generate modulo a prime, as rows of entries.</summary>
    /// <category index="3">By generators or a table</category>
    let matrices prime (generators: int[,] list) =
        let core = Group.OfMatrices(prime, Array.ofList generators)

        let size =
            match generators with
            | first :: _ -> Array2D.length1 first
            | [] -> 0

        Group<int[,]>(
            core,
            (fun entries -> core.Element(entries |> Seq.cast<int> |> Seq.map (modulo prime) |> Array.ofSeq)),
            (fun element ->
                let code = element.Code.ToArray()
                Array2D.init size size (fun row column -> code[row * size + column]))
        )
