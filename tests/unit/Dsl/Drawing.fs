/// Reading pictures back: boxes, their words, and where lines begin and end.
module Equivariant.Tests.Dsl.Drawing

open System.Globalization
open System.Text.RegularExpressions
open System.Xml.Linq
open Xunit
open Equivariant

/// A rectangle with the lines of text within it.
type Box = {
    Left: float
    Top: float
    Right: float
    Bottom: float
    Classes: string list
    Words: string list
} with

    member this.Middle = (this.Left + this.Right) / 2.0, (this.Top + this.Bottom) / 2.0

/// A curve, by its points: ends and control points in their order.
type Line = {
    Points: (float * float) list
    Commands: string
    Classes: string list
} with

    member this.Start = List.head this.Points
    member this.End = List.last this.Points

type Drawing = {
    Root: XElement
    Width: float
    Height: float
    Boxes: Box list
    Lines: Line list
    Heads: Line list
}

let private number (text: string) =
    System.Double.Parse(text, CultureInfo.InvariantCulture)

let private attribute (name: string) (element: XElement) =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | found -> found.Value

let private classes element =
    (attribute "class" element).Split ' ' |> List.ofArray

let named (name: string) (element: XElement) =
    element.Descendants()
    |> Seq.filter (fun part -> part.Name.LocalName = name)
    |> List.ofSeq

/// All texts of a picture, the legend's too.
let texts (shown: Picture) =
    named "text" (XDocument.Parse shown.Svg).Root |> List.map _.Value

let private points (commands: string) =
    Regex.Matches(commands, @"-?\d+(\.\d+)?(E-?\d+)?")
    |> Seq.map (fun found -> number found.Value)
    |> Seq.chunkBySize 2
    |> Seq.map (fun pair -> pair[0], pair[1])
    |> List.ofSeq

/// Reads the picture itself, without its legend.
let read (shown: Picture) : Drawing =
    let root = (XDocument.Parse shown.Svg).Root
    let picture = named "g" root |> List.head
    let numberOf name element = number (attribute name element)

    let words = [
        for text in named "text" picture ->
            numberOf "x" text, numberOf "y" text, attribute "text-anchor" text, text.Value
    ]

    let boxes = [
        for rect in named "rect" picture do
            let left, top = numberOf "x" rect, numberOf "y" rect
            let right, bottom = left + numberOf "width" rect, top + numberOf "height" rect

            {
                Left = left
                Top = top
                Right = right
                Bottom = bottom
                Classes = classes rect
                Words = [
                    for x, y, _, word in words do
                        if x > left && x < right && y > top && y < bottom then
                            word
                ]
            }
    ]

    let lines = [
        for path in named "path" picture ->
            {
                Points = points (attribute "d" path)
                Commands = attribute "d" path
                Classes = classes path
            }
    ]

    {
        Root = root
        Width = numberOf "width" root
        Height = numberOf "height" root
        Boxes = boxes
        Lines = lines |> List.filter (fun line -> List.contains "line" line.Classes)
        Heads = lines |> List.filter (fun line -> List.contains "head" line.Classes)
    }

/// The box whose border a point is on.
let boxAt (drawing: Drawing) (x, y) =
    let near = 0.02

    drawing.Boxes
    |> List.filter (fun box ->
        let within =
            x > box.Left - near
            && x < box.Right + near
            && y > box.Top - near
            && y < box.Bottom + near

        let inside =
            x > box.Left + near
            && x < box.Right - near
            && y > box.Top + near
            && y < box.Bottom - near

        within && not inside)
    |> List.exactlyOne

/// Points along a line of straight, quadratic and cubic pieces.
let along (line: Line) = [
    let mutable current = 0.0, 0.0

    for piece in Regex.Matches(line.Commands, @"([MLQC])([^MLQC]*)") do
        let ends = points piece.Groups[2].Value

        let controls =
            if piece.Groups[1].Value = "M" then
                [ List.last ends ]
            else
                current :: ends

        // De Casteljau's construction.
        let rec at t (controls: (float * float) list) =
            match controls with
            | [ point ] -> point
            | _ ->
                controls
                |> List.pairwise
                |> List.map (fun ((x, y), (x', y')) -> x + t * (x' - x), y + t * (y' - y))
                |> at t

        for t in 0.0..0.05..1.0 -> at t controls
        current <- List.last ends
]

/// What holds of every picture of boxes and lines: no boxes overlap, words are in boxes, nothing is outside, every line
/// leads from box to box, and none runs through a third.
let requireSound (shown: Picture) =
    let drawing = read shown

    for box in drawing.Boxes do
        Assert.True(box.Left >= 0.0 && box.Top >= 0.0, $"%A{box} is outside")
        // The picture is moved by a margin of 16.
        Assert.True(
            box.Right + 16.0 <= drawing.Width && box.Bottom + 16.0 <= drawing.Height,
            $"%A{box} is outside"
        )

        Assert.NotEmpty box.Words

    for one, other in Seq.allPairs drawing.Boxes drawing.Boxes do
        if not (obj.ReferenceEquals(one, other)) then
            let apart =
                one.Right <= other.Left
                || other.Right <= one.Left
                || one.Bottom <= other.Top
                || other.Bottom <= one.Top

            Assert.True(apart, $"%A{one} overlaps %A{other}")

    for line in drawing.Lines do
        let from, into = boxAt drawing line.Start, boxAt drawing line.End
        Assert.NotEqual(from, into)

        for x, y in along line do
            Assert.True(
                x > -16.0 && x < drawing.Width && y > -16.0 && y < drawing.Height,
                $"{line.Commands} leaves the picture"
            )

    for head in drawing.Heads do
        Assert.Contains(drawing.Lines, (fun line -> line.End = head.Start))

    drawing

/// Fails if a line runs through a box.
let requireClear (drawing: Drawing) =
    for line in drawing.Lines do
        for x, y in along line do
            for box in drawing.Boxes do
                let inside =
                    x > box.Left + 0.5
                    && x < box.Right - 0.5
                    && y > box.Top + 0.5
                    && y < box.Bottom - 0.5

                Assert.False(inside, $"{line.Commands} runs through %A{box.Words}")
