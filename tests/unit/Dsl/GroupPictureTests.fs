/// Pictures of groups: orbits, Cayley graphs and normal subgroups say what is so.
module Equivariant.Tests.Dsl.GroupPictureTests

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Text.RegularExpressions
open System.Xml.Linq
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Groups
open Equivariant.Tests
open Equivariant.Tests.Dsl.Drawing

// --- Orbits.

/// Height, width, channels and bytes of a PNG file without filters.
let private decoded (file: byte array) =
    Assert.Equal<byte array>([| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 13uy; 10uy; 26uy; 10uy |], file[..7])

    let number at =
        int (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(file, at, 4)))

    let width, height = number 16, number 20
    let channels = if file[25] = 2uy then 3 else 1

    use data =
        new ZLibStream(new MemoryStream(file[41 .. 41 + number 33 - 1]), CompressionMode.Decompress)

    use all = new MemoryStream()
    data.CopyTo all
    let rows = all.ToArray() |> Array.chunkBySize (1 + channels * width)
    Assert.Equal(height, rows.Length)
    Assert.All(rows, (fun row -> Assert.Equal(0uy, row[0])))
    // The checksum of the empty last chunk, which every PNG file ends with.
    Assert.Equal<byte array>([| 0xAEuy; 0x42uy; 0x60uy; 0x82uy |], file[file.Length - 4 ..])
    height, width, channels, rows |> Array.collect Array.tail

/// The images of a picture with their labels, line after line.
let private imagesOf (shown: Picture) =
    let root = (XDocument.Parse shown.Svg).Root
    let picture = (named "g" root).Head

    let place (element: XElement) =
        float (element.Attribute(XName.Get "y").Value), float (element.Attribute(XName.Get "x").Value)

    let images = named "image" picture |> List.sortBy place
    let labels = named "text" picture |> List.sortBy place

    [
        for image, label in List.zip images labels ->
            let data = image.Attribute(XName.Get "href").Value
            Assert.StartsWith("data:image/png;base64,", data)
            label.Value, decoded (Convert.FromBase64String(data.Substring 22))
    ]

/// A tensor's values as bytes, row by row, all channels of a place together.
let private bytesOf (x: torch.Tensor) =
    x
        .permute(1L, 2L, 0L)
        .mul(torch.tensor 255.0)
        .round()
        .``to``(torch.uint8)
        .contiguous()
        .data<byte>()
        .ToArray()

let private d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

[<Fact>]
let ``an orbit shows the image under every element`` () =
    use _ = torch.NewDisposeScope()
    let x = Diagram.sample 24 24
    Assert.Equal<int64 array>([| 3L; 24L; 24L |], x.shape)

    let images =
        imagesOf (Diagram.orbit (image 3 24 24 |> under d4 (rotations >< reflections)) x)

    let labels = images |> List.map fst
    Assert.Equal<string list>([ "1"; "r"; "r²"; "r³"; "f"; "r · f"; "r² · f"; "r³ · f" ], labels)
    // The letter is changed by all but the identity.
    Assert.Equal(
        8,
        images
        |> List.map (fun (_, (_, _, _, pixels)) -> Convert.ToBase64String pixels)
        |> List.distinct
        |> List.length
    )

    let turned (k: int) (x: torch.Tensor) =
        torch.rot90 (x, int64 k, struct (-2L, -1L))

    let mirrored = x.flip [| -1L |]
    let signal = image 3 24 24 |> under d4 (rotations >< reflections)

    // Which way is a quarter turn, the action says.
    let way =
        let byAction = (Signal.core signal).Apply(d4.Element(1, 0), x.unsqueeze 0L)[0L]
        if byAction.allclose (turned 1 x) then 1 else -1

    let expected = [
        for k in 0..3 -> turned (way * k) x
        for k in 0..3 -> turned (way * k) mirrored
    ]

    for (label, (height, width, channels, pixels)), image in List.zip images expected do
        Assert.Equal((24, 24, 3), (height, width, channels))
        Assert.True(pixels.AsSpan().SequenceEqual(bytesOf image), label)

[<Fact>]
let ``bytes, any other numbers, matrices and vectors have orbits too`` () =
    use _ = torch.NewDisposeScope()
    let signal = image 1 2 2 |> under (cyclic 2) reflections

    let pixels x =
        imagesOf (Diagram.orbit signal x)
        |> List.map (fun (_, (_, _, _, pixels)) -> List.ofArray pixels)

    Assert.Equal<byte list list>(
        [ [ 1uy; 2uy; 3uy; 200uy ]; [ 2uy; 1uy; 200uy; 3uy ] ],
        pixels (torch.tensor([| 1uy; 2uy; 3uy; 200uy |]).reshape(1L, 2L, 2L))
    )
    // From the least to the greatest; and a batch of one.
    Assert.Equal<byte list list>(
        [ [ 0uy; 51uy; 102uy; 255uy ]; [ 51uy; 0uy; 255uy; 102uy ] ],
        pixels (torch.tensor([| -5.0f; -4.0f; -3.0f; 0.0f |]).reshape(1L, 1L, 2L, 2L))
    )

    Assert.Equal<byte list>(
        [ 128uy; 128uy; 128uy; 128uy ],
        (pixels (torch.tensor(Array.create 4 7.0).reshape(1L, 2L, 2L))).Head
    )

    let circled =
        imagesOf (Diagram.orbit (vector 3 |> under (cyclic 3) circle) (torch.tensor [| 0.0f; 1.0f; 0.0f |]))

    Assert.Equal<byte list list>(
        [ [ 0uy; 255uy; 0uy ]; [ 0uy; 0uy; 255uy ]; [ 255uy; 0uy; 0uy ] ],
        [ for _, (_, _, _, pixels) in circled -> List.ofArray pixels ]
    )

[<Fact>]
let ``orbits that no picture can show are refused`` () =
    use _ = torch.NewDisposeScope()
    let signal = image 1 4 4 |> under (cyclic 4) rotations

    let refused parts signal x =
        Expect.refused parts (fun () -> Diagram.orbit signal x)

    refused [ "1 × 4 × 4"; "1 × 3 × 3" ] signal (torch.zeros (1L, 3L, 3L))

    refused
        [ "2 × 4 × 4"; "1 or 3 channels" ]
        (image 2 4 4 |> under (cyclic 4) rotations)
        (torch.zeros (2L, 4L, 4L))

    refused [ "sentences" ] (sentence [ "a"; "b" ] 2 |> under trivial unmoved) (torch.zeros (2L, torch.int64))
    refused [ "no numbers" ] signal (torch.tensor(Array.create 16 nan).reshape(1L, 4L, 4L))
    refused [ "S5, order 120"; "64" ] (vector 5 |> under (symmetric 5) points) (torch.zeros 5L)

    refused
        [ "Quarter turns need a square" ]
        (image 1 4 6 |> under (cyclic 4) rotations)
        (torch.zeros (1L, 4L, 6L))

// --- Cayley graphs.

let private smallGroups: (string * Group) list = [
    for group in
        [
            Group.Trivial()
            Group.Cyclic 2 :> Group
            Group.Cyclic 7
            Group.Dihedral 4
            Group.Direct [| Group.Symmetric 3 :> Group; Group.Cyclic 2 |]
            Group.Alternating 4
            Group.Quaternion()
            Group.Direct [| Group.Cyclic 2 :> Group; Group.Cyclic 2; Group.Cyclic 2 |]
            Group.Symmetric 4
        ] -> group.Name, group
]

let groupNames: obj[] seq =
    smallGroups |> Seq.map (fun (name, _) -> [| name :> obj |])

let private cayley (group: Group) =
    Diagram.cayleyGraph (Group<GroupElement>(group, id, id))

[<Theory; MemberData(nameof groupNames)>]
let ``lines of a Cayley graph multiply by generators`` (name: string) =
    let group = smallGroups |> List.find (fst >> (=) name) |> snd
    let shown = cayley group
    let drawing = requireSound shown

    let elements =
        Map [ for element in group.Elements -> Element.text element, element ]

    Assert.Equal<string list>(
        List.sort (List.ofSeq elements.Keys),
        drawing.Boxes |> List.map _.Words.Head |> List.sort
    )

    for number, generator in Seq.indexed group.Generators do
        let lines =
            drawing.Lines
            |> List.filter (fun line -> List.contains $"c{number}" line.Classes)

        let isInvolution = generator.Order = 2I
        Assert.Equal((if isInvolution then elements.Count / 2 else elements.Count), lines.Length)

        // Only what is its own inverse leads both ways.
        let heads =
            drawing.Heads
            |> List.filter (fun head -> List.contains $"c{number}" head.Classes)

        Assert.Equal((if isInvolution then 0 else lines.Length), heads.Length)

        for line in lines do
            let from = elements[(boxAt drawing line.Start).Words.Head]
            let into = elements[(boxAt drawing line.End).Words.Head]
            Assert.Equal(into, from * generator)

        Assert.Contains($"· {Element.text generator}", texts shown)

    Assert.Contains(string group, texts shown)

[<Theory; MemberData(nameof groupNames)>]
let ``lines of a Cayley graph run through no box`` (name: string) =
    let drawing = read (cayley (smallGroups |> List.find (fst >> (=) name) |> snd))

    for line in drawing.Lines do
        let ends = [ boxAt drawing line.Start; boxAt drawing line.End ]

        for x, y in along line do
            for box in drawing.Boxes do
                if not (List.contains box ends) then
                    let inside = x > box.Left && x < box.Right && y > box.Top && y < box.Bottom
                    Assert.False(inside, $"%A{ends[0].Words} to %A{ends[1].Words} runs through %A{box.Words}")

[<Fact>]
let ``two generators that undo each other have lines of their own`` () =
    let group = cyclic 5 |> Group.subgroup [ 1; 4; 0 ]
    let drawing = requireSound (Diagram.cayleyGraph group)
    Assert.Equal(10, drawing.Lines.Length)
    // There and back differ in where they bend.
    Assert.Equal(
        10,
        drawing.Lines
        |> List.map (fun line -> line.Points[1])
        |> List.distinct
        |> List.length
    )

[<Fact>]
let ``the square's group is drawn as two squares without crossings`` () =
    let drawing = read (Diagram.cayleyGraph (dihedral 4))

    let crossing (one: Line) (other: Line) =
        let side (ax, ay) (bx, by) (cx, cy) : float =
            (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

        let a, b, c, d = one.Start, one.End, other.Start, other.End
        side a b c * side a b d < 0.0 && side c d a * side c d b < 0.0

    for one, other in Seq.allPairs drawing.Lines drawing.Lines do
        Assert.False(crossing one other, $"{one.Commands} crosses {other.Commands}")

[<Fact>]
let ``large groups have no Cayley graph`` () =
    Expect.refused [ "S5, order 120"; "at most 60"; "subgroup" ] (fun () -> Diagram.cayleyGraph (symmetric 5))
    // Refused before anything is listed.
    Expect.refused [ "S40"; "at most 60" ] (fun () -> Diagram.cayleyGraph (symmetric 40))

// --- Normal subgroups.

/// All normal subgroups by force: unions of conjugacy classes that are closed.
let private byForce (group: Group) =
    let elements = List.ofSeq group.Elements

    let classes =
        elements
        |> List.map (fun x -> set [ for g in elements -> string (x.ConjugateBy g) ])
        |> List.distinct

    let named = Map [ for element in elements -> string element, element ]
    let identity = string group.Identity

    ([ Set.empty ], classes)
    ||> List.fold (fun unions one -> unions @ [ for union in unions -> Set.union union one ])
    |> List.filter (fun union ->
        union.Contains identity
        && union
           |> Set.forall (fun a ->
               union |> Set.forall (fun b -> union.Contains(string (named[a] * named[b])))))

let private latticeGroups: (string * Group) list = [
    for group in
        [
            Group.Dihedral 4 :> Group
            Group.Direct [| Group.Dihedral 4 :> Group; Group.Cyclic 2 |]
            Group.Symmetric 4
            Group.Cyclic 12
            Group.Quaternion()
            Group.Trivial()
        ] -> group.Name, group
]

let latticeNames: obj[] seq =
    latticeGroups |> Seq.map (fun (name, _) -> [| name :> obj |])

[<Theory; MemberData(nameof latticeNames)>]
let ``the lattice has every normal subgroup, on the level of its order, with its price`` (name: string) =
    let group = latticeGroups |> List.find (fst >> (=) name) |> snd
    let shown = Diagram.normalSubgroups (Group<GroupElement>(group, id, id))
    let drawing = requireSound shown
    requireClear drawing
    let expected = byForce group
    let size = int group.Order

    let line (subgroup: Set<string>) =
        let index = size / subgroup.Count
        let evaluations = if index = 1 then "1 evaluation" else $"{index} evaluations"
        $"order {subgroup.Count}, index {index}", evaluations

    Assert.Equal<(string * string) list>(
        expected |> List.map line |> List.sort,
        [
            for box in drawing.Boxes -> box.Words[box.Words.Length - 2], List.last box.Words
        ]
        |> List.sort
    )

    // Larger ones stand higher.
    let order (box: Box) =
        int (Regex.Match(box.Words[box.Words.Length - 2], @"order (\d+)").Groups[1].Value)

    for one, other in Seq.allPairs drawing.Boxes drawing.Boxes do
        Assert.Equal(compare (order other) (order one), compare one.Top other.Top)

    // As many lines between orders as there are pairs with nothing between.
    let covers = [
        for upper in expected do
            for lower in expected do
                let between (middle: Set<string>) =
                    lower.IsProperSubsetOf middle && middle.IsProperSubsetOf upper

                if lower.IsProperSubsetOf upper && not (List.exists between expected) then
                    upper.Count, lower.Count
    ]

    Assert.Equal<(int * int) list>(
        List.sort covers,
        [
            for line in drawing.Lines -> order (boxAt drawing line.Start), order (boxAt drawing line.End)
        ]
        |> List.sort
    )

    Assert.Empty drawing.Heads
    Assert.Contains(string group, texts shown)

[<Fact>]
let ``kernels of the quotient design are coloured`` () =
    let drawing = read (Diagram.normalSubgroups (dihedral 4 >< cyclic 2))

    let coloured =
        drawing.Boxes
        |> List.filter (fun box -> List.contains "c0" box.Classes)
        |> List.map (fun box -> box.Words[1])

    let expected = [
        for kernel in Group.kernels (dihedral 4 >< cyclic 2) ->
            $"order {kernel.Order}, index {16I / kernel.Order}"
    ]

    Assert.Equal<string list>(List.sort expected, List.sort coloured)

[<Fact>]
let ``too many normal subgroups are refused, and an unfinished list says so`` () =
    Expect.refused [ "374 normal subgroups"; "at most 100" ] (fun () ->
        Diagram.normalSubgroups (direct [ for _ in 1..5 -> cyclic 2 ]))

    let large = Diagram.normalSubgroups (symmetric 9 >< symmetric 9)
    Assert.Contains("those that the structure shows; there may be more", texts large)

    Assert.DoesNotContain(
        "those that the structure shows; there may be more",
        texts (Diagram.normalSubgroups (dihedral 4))
    )

[<Fact>]
let ``pictures are saved`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "d4.svg")
        let picture = Diagram.cayleyGraph (dihedral 4)
        Diagram.save file picture
        Assert.Equal(picture.Svg, File.ReadAllText file)

        Expect.refused [ "no folder"; "d4.svg" ] (fun () ->
            Diagram.save (Path.Combine(folder, "none", "d4.svg")) picture))
