/// Conjugacy classes found layer by layer and by walking, against all elements in small groups and against what is known of large ones.
module Equivariant.Tests.Groups.ConjugacyTests

open System
open System.Collections.Generic
open System.Numerics
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Groups.Engine
open Equivariant.Tests.Groups.RawGroups

/// Closed under conjugation by generators.
let private classOf (group: Group) (element: GroupElement) =
    let reached = HashSet [ element ]
    let queue = Queue [ element ]

    while queue.Count > 0 do
        let x = queue.Dequeue()

        for g in group.Generators do
            let conjugate = g * x * g.Inverse()

            if reached.Add conjugate then
                queue.Enqueue conjugate

    reached

let private even (group: PermutationGroup) =
    Group.OfPermutations [| for g in group.DerivedSubgroup().Generators -> g.Code.ToArray() |]

/// Soluble groups, groups with a soluble normal subgroup below others, of which some split and some do not, and groups with none.
let private small: (string * (unit -> PermutationGroup)) list = [
    "C2 ≀ C2 ≀ C2",
    (fun () ->
        asPermutations (
            Group.Wreath(Group.Cyclic 2, asPermutations (Group.Wreath(Group.Cyclic 2, Group.Symmetric 2)))
        ))
    "Q8 ≀ C2", (fun () -> asPermutations (Group.Wreath(Group.Quaternion(), Group.Symmetric 2)))
    "C3 ≀ A4", (fun () -> asPermutations (Group.Wreath(Group.Cyclic 3, Group.Alternating 4)))
    "AGL(2, 3)", (fun () -> asPermutations (Group.Affine(2, 3)))
    "AGL(3, 2)", (fun () -> asPermutations (Group.Affine(3, 2)))
    "AGL(2, 5)", (fun () -> asPermutations (Group.Affine(2, 5)))
    "S3 ≀ S3", (fun () -> asPermutations (Group.Wreath(Group.Symmetric 3, Group.Symmetric 3)))
    "(S3 ≀ S3)'", (fun () -> even (asPermutations (Group.Wreath(Group.Symmetric 3, Group.Symmetric 3))))
    "C5 ≀ C3", (fun () -> asPermutations (Group.Wreath(Group.Cyclic 5, Group.OfPermutations [| cycle 3 |])))
    "C2 ≀ S5", (fun () -> asPermutations (Group.Wreath(Group.Cyclic 2, Group.Symmetric 5)))
    "(C2 ≀ A5)'", (fun () -> even (asPermutations (Group.Wreath(Group.Cyclic 2, Group.Alternating 5))))
    "Q8 × A5", (fun () -> sideBySide (Group.Quaternion()) (Group.Alternating 5))
    "A5 ≀ C2", (fun () -> asPermutations (Group.Wreath(Group.Alternating 5, Group.Symmetric 2)))
    "SL(2, 5)",
    (fun () ->
        asPermutations (
            Group.OfMatrices(5, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ]; array2D [ [ 1; 0 ]; [ 1; 1 ] ] |])
        ))
    "PGL(2, 11)", (fun () -> projective 11 true)
]

let names = TheoryData<string>(Seq.map fst small)

[<Theory>]
[<MemberData(nameof names)>]
let ``classes are those that all elements fall into`` (name: string) =
    let group = (List.find (fst >> (=) name) small |> snd) ()
    let classes = group.ConjugacyClasses()
    Assert.True(classes[0].Representative.IsIdentity)
    Assert.Equal(Nullable(BigInteger classes.Count), group.ConjugacyClassCount)
    let all = HashSet<GroupElement>()

    for each in classes do
        let elements = classOf group each.Representative
        Assert.Equal(BigInteger elements.Count, each.Size)
        Assert.False(all.Overlaps elements)
        all.UnionWith elements

    Assert.Equal(group.Order, BigInteger all.Count)

/// Numbers of classes from the character tables: q + 2 of PGL(2, q) and (q + 5) / 2 of PSL(2, q) for odd q, and the ATLAS.
[<Fact>]
let ``classes of groups with no soluble normal subgroup`` () =
    for group, classes in
        [
            projective 71 true, 73
            projective 199 false, 102
            mathieu24, 26
            asPermutations (PermutationAction.Natural(mathieu24).Stabiliser 0), 17
        ] do
        Assert.Equal(Nullable(BigInteger classes), group.ConjugacyClassCount)
        Assert.Equal(classes, group.ConjugacyClasses().Count)

/// As many as there are ways to colour the cycles of a permutation of the blocks by classes of what moves a block.
[<Fact>]
let ``classes of whole wreath products of any size`` () =
    for inner, outer in
        [
            Group.Symmetric 5, Group.Symmetric 5
            Group.Symmetric 10, Group.Symmetric 10
            Group.Alternating 7, Group.OfPermutations [| cycle 4; [| 0; 3; 2; 1 |] |]
        ] do
        let group = Group.Wreath(inner, outer)
        Assert.True group.ConjugacyClassCount.HasValue
        Assert.Equal(group.ConjugacyClassCount, (asPermutations group).ConjugacyClassCount)

[<Fact>]
let ``a series of a soluble group has elementary abelian layers that are normal`` () =
    let group = asPermutations (Group.Affine(2, 3))
    let codes = [| for g in group.Generators -> g.Code.ToArray() |]
    let series = SolubleSeries.Of(group.Degree, codes)
    Assert.Equal(group.Order, series.Order)
    let mutable below = group.TrivialSubgroup

    for layer in series.Layers do
        let basis = [ for step in layer.Basis -> group.Element step.Element ]

        let above =
            group.Subgroup(Array.append (Array.ofSeq below.Generators) (Array.ofList basis))

        Assert.Equal(below.Order * BigInteger.Pow(BigInteger layer.Prime, basis.Length), above.Order)
        Assert.True(group.IsNormal above)

        for x in basis do
            Assert.True(below.Contains(x.Pow(BigInteger layer.Prime)))

            for y in basis do
                Assert.True(below.Contains(x * y * x.Inverse() * y.Inverse()))

        below <- above

    Assert.Equal(group.Order, below.Order)
    Assert.Null(SolubleSeries.Of(5, [| cycle 5; swap 5 |]))
