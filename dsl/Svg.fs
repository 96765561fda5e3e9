namespace Equivariant

open System
open System.Text
open System.Xml
open System.Xml.Linq

/// Writing SVG: shapes, the width of text, and one style for light and dark.
module internal Svg =

    let private space = XNamespace.Get "http://www.w3.org/2000/svg"

    let private rounded (x: float) = Math.Round(x, 2)

    /// An element; numbers are written to hundredths.
    let tag (name: string) (attributes: (string * obj) list) (content: obj list) =
        let written (value: obj) : obj =
            match value with
            | :? float as x -> rounded x
            | other -> other

        XElement(
            space + name,
            [|
                for key, value in attributes do
                    XAttribute(XName.Get key, written value) :> obj
                yield! content
            |]
        )

    /// A point, as paths write it.
    let point (x: float, y: float) =
        $"{XmlConvert.ToString(rounded x)} {XmlConvert.ToString(rounded y)}"

    /// Text with signs in place of what XML cannot hold and nobody can see.
    let visible (text: string) =
        // Halves of surrogate pairs are enumerated as the replacement character.
        let sign (rune: Rune) =
            match rune.Value with
            | control when control < 0x20 -> Rune(0x2400 + control)
            | 0x7F -> Rune 0x2421
            | 0xFFFE
            | 0xFFFF -> Rune.ReplacementChar
            | control when control >= 0x80 && control < 0xA0 -> Rune.ReplacementChar
            | _ -> rune

        text.EnumerateRunes() |> Seq.map (sign >> string) |> joined ""

    /// The size of text, and the distance of lines.
    let fontSize, lineHeight = 13.0, 18.0

    /// Widths of characters in parts of the font's size: those of DejaVu Sans and Verdana, the widest of common fonts.
    let private widths =
        Map [
            for width, characters in
                [
                    0.36, " ',.IJijl·"
                    0.46, "()-/:;[\\]ft|≀⟨⟩‹›"
                    0.52, "!\"*_`r⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"
                    0.60, "?FLcksvxyzλγε⁻"
                    0.65, "$0123456789EPSTYabdeghnopqu{}βδΣ√"
                    0.70, "ABCKRVXZαφσπ"
                    0.78, "&DGHNUℤ"
                    0.85, "#+<=>OQ^w~×−→↔±≤≥∞⊂⊗⊕"
                    1.00, "%@MWm⋊…"
                ] do
                for character in characters -> int character, width
        ]

    let private widthOf (rune: Rune) =
        match widths.TryFind rune.Value with
        | Some width -> width
        | None when rune.Value < 0x2000 -> 1.15
        | None -> 1.45

    /// How wide text is, or at most.
    let width bold (text: string) =
        let regular = text.EnumerateRunes() |> Seq.map widthOf |> Seq.toList

        fontSize
        * if bold then
              List.sumBy (fun width -> 1.1 * width + 0.05) regular
          else
              List.sum regular

    /// Breaks a line at spaces so that no part is wider than a limit, unless a single word is.
    let wrapped limit bold (line: string) : string list =
        ([], (visible line).Split ' ')
        ||> Array.fold (fun lines word ->
            match lines with
            | current :: earlier when width bold $"{current} {word}" <= limit ->
                $"{current} {word}" :: earlier
            | _ -> word :: lines)
        |> List.rev

    /// Colours for light and for dark paper. Neighbours in either list stay apart for colour-blind eyes too, and each has
    /// a contrast of 3 or more to its paper.
    let palette = [
        "#0054d0", "#4a90ff"
        "#a83600", "#e27422"
        "#00844e", "#18e087"
        "#ac3690", "#ca7dc4"
        "#3497fb", "#c5e9e4"
        "#b88f0c", "#fbe432"
    ]

    /// The papers that the colours are for.
    let papers = "#ffffff", "#14171c"

    let private shades number =
        match List.tryItem number palette with
        | Some shades -> shades
        | None ->
            // Turning by the golden angle never comes back to a hue.
            let hue = int (Math.Round(137.508 * float number)) % 360
            $"hsl({hue},70%%,32%%)", $"hsl({hue},75%%,74%%)"

    /// The class of a colour; what has none is grey.
    let colour (number: int option) =
        match number with
        | Some number -> $"c{number}"
        | None -> "grey"

    let private style colours =
        let scheme choose paper ink grey =
            joined " " [
                $".equivariant .paper {{ fill: {paper} }} .equivariant text {{ fill: {ink} }} .equivariant .grey {{ color: {grey} }}"
                for number in 0 .. colours - 1 do
                    $".equivariant .c{number} {{ color: {choose (shades number)} }}"
            ]

        joined "\n" [
            ""
            ".equivariant text { font: 13px 'DejaVu Sans', Verdana, sans-serif } .equivariant .bold { font-weight: bold }"
            ".equivariant .box { fill: currentColor; fill-opacity: 0.12; stroke: currentColor; stroke-width: 1.5 }"
            ".equivariant .line { fill: none; stroke: currentColor; stroke-width: 1.5 } .equivariant .head { fill: currentColor }"
            ".equivariant .dashed { stroke-dasharray: 5 3 } .equivariant image { image-rendering: pixelated }"
            scheme fst (fst papers) "#1d2126" "#6b737d"
            "@media (prefers-color-scheme: dark) {"
            scheme snd (snd papers) "#e8eaed" "#9aa3ad"
            "}"
            ""
        ]

    /// A line of text; the anchor is start, middle or end.
    let text bold anchor (x: float) (y: float) (content: string) =
        tag "text" [
            "x", x
            "y", y
            "text-anchor", anchor
            if bold then
                "class", "bold"
        ] [ visible content ]

    /// A rectangle with lines of text in its middle, the first of them bold.
    let box
        classes
        radius
        (left: float, top: float)
        (width: float, height: float)
        (lines: string list)
        : XElement list =
        let first = top + (height - lineHeight * float lines.Length) / 2.0 + fontSize + 0.5

        [
            tag "rect" [
                "x", left
                "y", top
                "width", width
                "height", height
                "rx", (radius: float)
                "class", $"box {classes}"
            ] []
            for i, line in List.indexed lines do
                text (i = 0) "middle" (left + width / 2.0) (first + lineHeight * float i) line
        ]

    /// A path of lines and curves.
    let path classes (commands: string) =
        tag "path" [ "class", $"line {classes}"; "d", commands ] []

    /// An arrowhead with its tip at a point, coming from a direction.
    let head classes (x: float, y: float) (dx: float, dy: float) =
        let length = sqrt (dx * dx + dy * dy)
        let ux, uy = 9.0 * dx / length, 9.0 * dy / length
        let corner side = x - ux - side * uy, y - uy + side * ux

        tag "path" [
            "class", $"head {classes}"
            "d", $"M{point (x, y)} L{point (corner 0.45)} L{point (corner -0.45)} Z"
        ] []

    /// What an entry of a legend shows.
    type Mark =
        /// A box of some classes.
        | Box of classes: string
        /// A line of some classes.
        | Line of classes: string
        /// Only its words, in bold.
        | Words

    let margin = 16.0

    /// The entries of a legend, in as many lines as a width takes; with their height.
    let private legend (entries: (Mark * string) list) available : XElement list * float =
        let swatch = 26.0

        let extent (mark, words) =
            match mark with
            | Words -> width true words
            | Box _
            | Line _ -> swatch + 6.0 + width false words

        let places, (_, line) =
            ((0.0, 0.0), entries)
            ||> List.mapFold (fun (x, y) entry ->
                let x, y =
                    if x > 0.0 && x + extent entry > available then
                        0.0, y + lineHeight + 4.0
                    else
                        x, y

                (entry, x + margin, y), (x + extent entry + 22.0, y))

        let shapes = [
            for (mark, words), x, y in places do
                match mark with
                | Box classes ->
                    yield! box classes 4.0 (x, y) (swatch, 14.0) []
                    text false "start" (x + swatch + 6.0) (y + 12.0) words
                | Line classes ->
                    path classes $"M{point (x, y + 7.0)} L{point (x + swatch, y + 7.0)}"
                    text false "start" (x + swatch + 6.0) (y + 12.0) words
                | Words -> text true "start" x (y + 12.0) words
        ]

        shapes, (if entries.IsEmpty then 0.0 else line + lineHeight)

    /// A whole picture: shapes within a size from (0, 0) on, and a legend below.
    /// <param name="title">What programs read aloud.</param>
    /// <param name="colours">How many colours there are.</param>
    let document
        title
        colours
        (width: float, height: float)
        (shapes: XElement list)
        (entries: (Mark * string) list)
        : Picture =
        let width = max width 360.0 + 2.0 * margin
        let entries, below = legend entries (width - 2.0 * margin)
        let total = height + 2.0 * margin + (if below > 0.0 then below + margin else 0.0)

        tag "svg" [
            "width", width
            "height", total
            "viewBox", $"0 0 {point (width, total)}"
            "role", "img"
            "class", "equivariant"
        ] [
            tag "title" [] [ visible title ]
            tag "style" [] [ style colours ]
            tag "rect" [ "width", width; "height", total; "class", "paper" ] []
            tag "g" [ "transform", $"translate({point (margin, margin)})" ] [ shapes ]
            tag "g" [ "transform", $"translate({point (0.0, height + 2.0 * margin)})" ] [ entries ]
        ]
        |> fun root -> { Title = title; Svg = string root }
