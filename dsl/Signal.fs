namespace Equivariant

open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Representations

/// <summary>A space and how a group acts on it: what an input or an output of a network is.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type Signal = {
    /// <summary>What its tensors hold.</summary>
    Space: Space
    /// <summary>The group that acts.</summary>
    Group: Group
    /// <summary>How it acts.</summary>
    Action: ActionExpression
    /// <summary>How the group's elements are written.</summary>
    Notation: Notation
} with

    /// <summary>Reads like <c>3 × 64 × 64 under C4 ⋊ C2, order 8, by rotations × reflections</c>.</summary>
    member this.Text =
        $"{this.Space} under {this.Group}, by {ActionExpression.text this.Action}"

    override this.ToString() = this.Text

/// An expression that has met a group and a space: permutations of indices, somewhere.
module internal Realised =

    /// Where indices are moved: nowhere, along adjacent axes counted from the end, or in the vocabulary.
    [<RequireQualifiedAccess>]
    type Site =
        | Nowhere
        | Axes of first: int * last: int
        | Vocabulary

    /// What a group does at a site.
    type Moved = {
        Site: Site
        Indices: PermutationAction
    }

    let private shapeText (space: Space) =
        space.Shape |> List.map string |> joined " × "

    /// The length of an axis, counted from the end.
    let private lengthOf what (space: Space) axis =
        let rank = space.Shape.Length

        if axis >= 0 || -axis > rank then
            refuse $"{what} cannot move axis {axis} of {space}: it has axes -{rank} to -1."

        space.Shape[rank + axis]

    let private degreeOf (space: Space) site =
        match site with
        | Site.Nowhere -> 1
        | Site.Axes(first, last) ->
            Seq.fold (fun size axis -> size * lengthOf "A product" space axis) 1 [ first..last ]
        | Site.Vocabulary -> space.Vocabulary |> Option.map _.Size |> Option.defaultValue 1

    let private requireNumbers what (space: Space) =
        match space with
        | Sentences _ ->
            refuse $"{what} cannot move {space}: its words have no places to permute, only names to exchange."
        | Numbers _
        | Scores _ -> ()

    let private grid what (space: Space) =
        requireNumbers what space

        if space.Shape.Length < 2 then
            refuse $"{what} need an image, with a height and a width, but the space is {space}."

        lengthOf what space -2, lengthOf what space -1

    let private square what (space: Space) =
        let height, width = grid what space

        if height <> width then
            refuse
                $"{what} need a square image, but this one is {height} × {width}; C2 can turn it by half turns."

        height, width

    let private cyclicOr advice (group: Group) =
        match group with
        | :? CyclicGroup as cyclic -> cyclic
        | other -> refuse $"{other} cannot act by {advice}: that takes a cyclic group."

    let private vocabulary what (space: Space) =
        match space.Vocabulary with
        | None -> refuse $"{what} needs words, but the space is {space}."
        | Some vocabulary -> vocabulary

    /// The names of all words: of tokens, their numbers.
    let private names (vocabulary: Vocabulary) =
        match vocabulary with
        | Vocabulary.Words names -> Array.ofList names
        | Vocabulary.Tokens count -> Array.init count string

    let private wordSite (space: Space) =
        match space with
        | Sentences _ -> Site.Vocabulary
        | Numbers _
        | Scores _ -> Site.Axes(-1, -1)

    let private place what (words: string[]) word =
        match System.Array.IndexOf(words, word) with
        | -1 ->
            let most = 20

            let has =
                if words.Length <= most then
                    quoted words
                else
                    $"{words.Length} words, from \"{words[0]}\" to \"{Array.last words}\""

            refuse $"{what}: \"{word}\" is not in the vocabulary, which has {has}."
        | place -> place

    /// The parts of a product of groups.
    let private partsOf (group: Group) =
        match group with
        | :? DirectProduct as product -> List.ofSeq product.Factors
        | :? SemidirectProduct as product -> [ product.Normal; product.Acting ]
        | _ -> []

    /// The smallest run of adjacent axes that has both.
    let private union text left right =
        match left, right with
        | Site.Nowhere, other
        | other, Site.Nowhere -> other
        | Site.Axes(a, b), Site.Axes(c, d) -> Site.Axes(min a c, max b d)
        | Site.Vocabulary, Site.Vocabulary -> Site.Vocabulary
        | _ -> refuse $"{text} moves words and places of one space; that cannot be one action."

    /// The same motion, seen from a larger site.
    let lift (space: Space) site (moved: Moved) : PermutationAction =
        match moved.Site, site with
        | before, after when before = after -> moved.Indices
        | Site.Axes(first, last), Site.Axes(from, till) ->
            let size axes =
                Seq.fold (fun size axis -> size * lengthOf "A product" space axis) 1 axes

            let inner = size [ last + 1 .. till ]
            let middle = size [ first..last ]
            let degree = size [ from .. first - 1 ] * middle * inner

            let widen (images: int[]) =
                Array.init degree (fun i ->
                    let outside, rest = System.Math.DivRem(i, middle * inner)
                    let index, inside = System.Math.DivRem(rest, inner)
                    (outside * middle + images[index]) * inner + inside)

            PermutationAction(
                moved.Indices.Group,
                degree,
                [| for images in moved.Indices.GeneratorPermutations -> widen images |],
                moved.Indices.Name
            )
        | _ -> PermutationAction.Trivial(moved.Indices.Group, degreeOf space site)

    /// How a group moves points of its own.
    let rec private naturalOf (group: Group) : PermutationAction =
        match group with
        | :? PermutationGroup as permutations -> PermutationAction.Natural permutations
        | :? CyclicGroup as cyclic -> PermutationAction.Natural cyclic
        | :? DihedralGroup as dihedral -> PermutationAction.Natural dihedral
        | :? Subgroup as subgroup -> (naturalOf subgroup.Parent).Restrict subgroup
        | other ->
            refuse
                $"{other} has no points of its own to permute; give it an action by a formula, or the regular one."

    /// How a group of permutations exchanges words, and a product of such groups by what each of them exchanges.
    let rec private exchangesOf (group: Group) : PermutationAction =
        match group with
        | :? DirectProduct as product ->
            PermutationAction.OnSamePoints(product, [| for factor in product.Factors -> exchangesOf factor |])
        | :? Subgroup as subgroup -> (exchangesOf subgroup.Parent).Restrict subgroup
        | group -> naturalOf group

    /// The representation that an expression stands for.
    let rec private representationOf expression (group: Group) (notation: Notation) : Representation =
        let inner part = representationOf part group notation

        match expression with
        | RepresentationExpression.Matrices matrices ->
            let generators = [|
                for g in group.Generators ->
                    calling matrices.Name (fun () -> matrices.Value(notation.Write g))
            |]

            Representation.Of(group, generators, matrices.Name)
        | RepresentationExpression.Moving -> Representation.Of(naturalOf group)
        | RepresentationExpression.Multiplying -> Representation.Regular group
        | RepresentationExpression.Vectors -> Representation.Vectors group
        | RepresentationExpression.Scalar -> Representation.Trivial group
        | RepresentationExpression.Sum(left, right) -> inner left + inner right
        | RepresentationExpression.Product(left, right) -> inner left * inner right
        | RepresentationExpression.Dual part -> (inner part).Dual()

    /// Lets an expression act.
    let rec ofExpression expression (group: Group) (notation: Notation) (space: Space) : Moved =
        let text = ActionExpression.text expression

        let onAxis axis (action: PermutationAction) =
            requireNumbers text space
            let length = lengthOf text space axis

            if length <> action.Degree then
                refuse
                    $"{action} moves {action.Degree} places, but axis {axis} of {space} has {length}; name the axis with onAxis."

            {
                Site = Site.Axes(axis, axis)
                Indices = action
            }

        let together parts =
            let site = parts |> List.map _.Site |> List.reduce (union text)

            let images = [|
                for part in parts do
                    yield! (lift space site part).GeneratorPermutations
            |]

            {
                Site = site
                Indices = PermutationAction(group, degreeOf space site, images, text)
            }

        let acrossParts expressions =
            match partsOf group with
            | parts when parts.Length = List.length expressions ->
                let notations =
                    if notation.Parts.Length = parts.Length then
                        notation.Parts
                    else
                        List.map (fun _ -> notation) parts

                List.map3
                    (fun part notation expression -> ofExpression expression part notation space)
                    parts
                    notations
                    expressions
                |> together
            | [] -> refuse $"{text} is the action of a product, but {group} is none."
            | parts -> refuse $"{text} has {List.length expressions} parts, but {group} has {parts.Length}."

        match expression, group with
        | Unmoved, _ -> {
            Site = Site.Nowhere
            Indices = PermutationAction.Trivial(group, 1)
          }

        // A subgroup acts as the whole group does.
        | (Rotations | Reflections _ | Shifts _ | Blocks _ | Words _ | Cross _ | Each _),
          (:? Subgroup as subgroup) ->
            let whole = ofExpression expression subgroup.Parent notation space

            {
                whole with
                    Indices = whole.Indices.Restrict subgroup
            }

        | Rotations, _ ->
            let cyclic = cyclicOr "rotations" group

            let height, width =
                if cyclic.Modulus = 4 then
                    square "Quarter turns" space
                else
                    grid "Turns" space

            {
                Site = Site.Axes(-2, -1)
                Indices = GridActions.Rotations(cyclic, height, width)
            }

        | Reflections mirror, _ ->
            let move, (height, width) =
                match mirror with
                | Mirror.LeftRight -> GridMove.FlipLeftRight, grid "Reflections" space
                | Mirror.TopBottom -> GridMove.FlipTopBottom, grid "Reflections" space
                | Mirror.Diagonal -> GridMove.Transpose, square "Transpositions" space

            {
                Site = Site.Axes(-2, -1)
                Indices = GridActions.Reflections(cyclicOr "reflections" group, height, width, move)
            }

        | Shifts direction, _ ->
            let cyclic = cyclicOr "shifts" group
            let height, width = grid "Shifts" space

            let side, move =
                match direction with
                | Shift.Down -> height, fun step -> GridMove.Shift(step, 0)
                | Shift.Right -> width, fun step -> GridMove.Shift(0, step)

            if side % cyclic.Modulus <> 0 then
                refuse
                    $"{cyclic.Name} cannot shift {side} places in a circle: its order has to divide {side}."

            let moves =
                if cyclic.Modulus = 1 then
                    [||]
                else
                    [| move (side / cyclic.Modulus) |]

            {
                Site = Site.Axes(-2, -1)
                Indices = GridActions.Of(group, height, width, moves)
            }

        | Points axis, _ -> onAxis axis (naturalOf group)

        | Regular axis, _ -> onAxis axis (PermutationAction.Regular group)

        | Blocks axis, (:? WreathProduct as wreath) ->
            let inner =
                match wreath.Inner with
                | :? CyclicGroup as cyclic -> PermutationAction.Natural cyclic
                | :? PermutationGroup as permutations -> PermutationAction.Natural permutations
                | other -> refuse $"{other} has no points of its own for the blocks of {group} to hold."

            onAxis axis (PermutationAction.Imprimitive(wreath, inner))
        | Blocks _, other -> refuse $"{other} cannot move blocks: that takes a wreath product."

        | Words cycles, _ ->
            let cyclic = cyclicOr "exchanging words" group
            let words = names (vocabulary text space)
            let images = Array.init words.Length id

            for word, times in cycles |> List.concat |> List.countBy id do
                if times > 1 then
                    refuse
                        $"{text}: \"{word}\" is there {times} times; a word can be in one cycle, and in it once."

            for cycle in cycles do
                for word, next in List.pairwise (cycle @ List.truncate 1 cycle) do
                    images[place text words word] <- place text words next

            let site = wordSite space
            let generators = if cyclic.Modulus = 1 then [||] else [| images |]

            {
                Site = site
                Indices = PermutationAction(group, words.Length, generators, text)
            }

        | Exchanges, _ ->
            let exchanged, vocabulary = exchangesOf group, vocabulary text space

            if exchanged.Degree <> vocabulary.Size then
                refuse
                    $"{group} exchanges words of a vocabulary of {exchanged.Degree}, but that of {space} has {vocabulary.Size}."

            {
                Site = wordSite space
                Indices = exchanged
            }

        | Renaming formula, _ ->
            let words = names (vocabulary text space)

            let image element word =
                calling text (fun () -> formula.Value (notation.Write element) words[word])
                |> place text words

            {
                Site = wordSite space
                Indices = PermutationAction.FromFormula(group, words.Length, image, text)
            }

        | Formula(axis, formula), _ ->
            requireNumbers text space

            let image element place =
                calling text (fun () -> formula.Value (notation.Write element) place)

            onAxis axis (PermutationAction.FromFormula(group, lengthOf text space axis, image, text))

        | Represented _, _ ->
            refuse
                $"{text} is an action by matrices, which cannot be part of a product of actions; let the whole group act by matrices."

        | Cross(left, right), _ -> acrossParts [ left; right ]
        | Each expressions, _ -> acrossParts expressions

        | Along(map, target, targetNotation, action), _ ->
            let images = [|
                for generator in group.Generators ->
                    calling map.Name (fun () -> map.Value(notation.Write generator))
            |]

            let homomorphism = GroupHomomorphism(group, target, images)
            let moved = ofExpression action target targetNotation space

            {
                moved with
                    Indices = moved.Indices.Pullback homomorphism
            }

    /// The core's action on tensors.
    let toCore (signal: Signal) : TensorAction =
        Space.require signal.Space

        match signal.Action with
        | Represented(axis, expression) ->
            requireNumbers (ActionExpression.text signal.Action) signal.Space
            let representation = representationOf expression signal.Group signal.Notation
            let length = lengthOf (ActionExpression.text signal.Action) signal.Space axis

            if length <> representation.Dimension then
                refuse
                    $"{representation} needs an axis of that length, but axis {axis} of {signal.Space} has {length}; name the axis with onAxis."

            representation.Action axis
        | expression ->
            let moved = ofExpression expression signal.Group signal.Notation signal.Space

            match moved.Site with
            | Site.Nowhere -> TrivialAction signal.Group
            | Site.Axes(first, last) -> AxisAction(moved.Indices, [| first..last |])
            | Site.Vocabulary -> TokenAction moved.Indices

    /// Whether the first axis of several is one that the group leaves alone: channels.
    let hasChannels (signal: Signal) =
        let rank = signal.Space.Shape.Length

        rank > 1
        && (match toCore signal with
            | :? AxisAction as action -> Seq.min action.Axes > -rank
            | :? MatrixAction as action -> Seq.min action.Axes > -rank
            | _ -> true)

/// <summary>Making signals and trying what a group does to tensors.</summary>
[<AutoOpen>]
module Signals =

    /// <summary>
    /// Lets a group act on a space: <c>image 3 64 64 |&gt; under d4 symmetries</c>. Group and action have to speak of
    /// the same kind of elements, or it does not compile; whether the action fits the space shows when the model is
    /// checked, or with <c>Signal.core</c>.
    /// </summary>
    let under (group: Group<'e>) (action: Action<'e>) (space: Space) : Signal = {
        Space = space
        Group = group.Core
        Action = action.Expression
        Notation = group.Notation
    }

/// <summary>What can be done with signals.</summary>
[<RequireQualifiedAccess>]
module Signal =

    /// <summary>A space that no group moves.</summary>
    let still space = under trivial unmoved space

    /// <summary>The action as the core knows it.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The action does not fit the group or the space.</exception>
    let core (signal: Signal) : TensorAction = Realised.toCore signal

    /// <summary>What is wrong with the action on this space, or nothing.</summary>
    let problem (signal: Signal) : string option =
        match attempted (fun () -> core signal) with
        | Ok _ -> None
        | Error sentence -> Some sentence

    /// <summary>The same group and action on another space.</summary>
    let onSpace space (signal: Signal) = { signal with Space = space }

    /// <summary>Reads an element as a word in the letters of the action, such as <c>r² · f</c>, where it has letters.</summary>
    let word (signal: Signal) (element: GroupElement) : string =
        match ActionExpression.letters signal.Action with
        | Some letters when letters.Length = signal.Group.Generators.Count ->
            Element.word letters signal.Group element
        | _ -> Element.text element
