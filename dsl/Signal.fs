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

    /// Where something moves: along adjacent axes counted from the end, or in the vocabulary.
    [<RequireQualifiedAccess>]
    type Site =
        | Axes of first: int * last: int
        | Vocabulary

    /// What a group does at a site: it permutes indices there, or acts by matrices.
    type Moved = { Site: Site; By: Representation }

    let private shapeText (space: Space) =
        space.Shape |> List.map string |> joined " × "

    /// The length of an axis, counted from the end.
    let private lengthOf what (space: Space) axis =
        let rank = space.Shape.Length

        if axis >= 0 || -axis > rank then
            refuse $"{what} cannot move axis {axis} of {space}: it has axes -{rank} to -1."

        space.Shape[rank + axis]

    let private sizeOf (space: Space) axes =
        Seq.fold (fun size axis -> size * lengthOf "A product" space axis) 1 axes

    let private degreeOf (space: Space) site =
        match site with
        | Site.Axes(first, last) -> sizeOf space [ first..last ]
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
        | Site.Axes(a, b), Site.Axes(c, d) -> Site.Axes(min a c, max b d)
        | Site.Vocabulary, Site.Vocabulary -> Site.Vocabulary
        | _ -> refuse $"{text} moves words and places of one space; that cannot be one action."

    /// Whether no axis is in two sites.
    let private areApart (moved: Moved list) =
        let axes = [
            for moved in moved do
                match moved.Site with
                | Site.Axes(first, last) -> yield! [ first..last ]
                | Site.Vocabulary -> 0
        ]

        List.distinct axes = axes

    let private arePermuted (moved: Moved list) = moved |> List.forall _.By.IsPermutation

    /// What a group does, at sites that are apart, as the permutations of its generators at a site that has them all.
    let private permutations (space: Space) site (group: Group) (moved: Moved list) : int[] list =
        let widen inner middle degree (images: int[]) =
            Array.init degree (fun i ->
                let outside, rest = System.Math.DivRem(i, middle * inner)
                let index, inside = System.Math.DivRem(rest, inner)
                (outside * middle + images[index]) * inner + inside)

        let lifted (moved: Moved) : int[] list =
            let images = List.ofSeq (nonNull moved.By.Permutation).GeneratorPermutations

            match moved.Site, site with
            | Site.Axes(first, last), Site.Axes(_, till) ->
                let inner = sizeOf space [ last + 1 .. till ]
                List.map (widen inner (sizeOf space [ first..last ]) (degreeOf space site)) images
            | _ -> images

        let still = [ for _ in group.Generators -> Array.init (degreeOf space site) id ]

        moved
        |> List.map lifted
        |> List.fold (List.map2 (fun before after -> before |> Array.map (fun point -> after[point]))) still

    /// The same as a representation on axes that have all the sites, where what is between them does not move.
    let private spanning (space: Space) (first, last) (group: Group) (moved: Moved list) : Representation =
        let still axes =
            match axes with
            | [] -> []
            | axes -> [ Representation.Trivial(group, sizeOf space axes) ]

        let ends (moved: Moved) =
            match moved.Site with
            | Site.Axes(from, till) -> from, till
            | Site.Vocabulary -> first, last

        let factors, next =
            moved
            |> List.sortBy ends
            |> List.mapFold
                (fun next moved ->
                    let from, till = ends moved
                    still [ next .. from - 1 ] @ [ moved.By ], till + 1)
                first

        List.concat factors @ still [ next..last ]
        |> List.reduce (fun left right -> left * right)

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

    /// Lets an expression act: what it does, at sites that are apart; nothing, where nothing moves.
    let rec ofExpression expression (group: Group) (notation: Notation) (space: Space) : Moved list =
        let text = ActionExpression.text expression

        let at site (action: PermutationAction) = [
            {
                Site = site
                By = Representation.Of action
            }
        ]

        let alongAxis axis (representation: Representation) =
            requireNumbers text space
            let length = lengthOf text space axis

            if length <> representation.Dimension then
                let what =
                    match representation.Permutation with
                    | null -> $"{representation} needs an axis of that length"
                    | action -> $"{action} moves {action.Degree} places"

                refuse $"{what}, but axis {axis} of {space} has {length}; name the axis with onAxis."

            [
                {
                    Site = Site.Axes(axis, axis)
                    By = representation
                }
            ]

        let onAxis axis (action: PermutationAction) =
            alongAxis axis (Representation.Of action)

        /// The smallest site that has all.
        let whole (moved: Moved list) =
            moved |> List.map _.Site |> List.reduce (union text)

        let permuting site (images: int[] list) =
            at site (PermutationAction(group, degreeOf space site, Array.ofList images, text))

        /// Factors of a product act, each as it does by itself.
        let product (factors: (Group * Moved list) list) =
            match List.collect snd factors, group with
            | [], _ -> []
            | moved, _ when arePermuted moved ->
                let site = whole moved

                permuting site [
                    for factor, moved in factors do
                        yield! permutations space site factor moved
                ]
            | moved, (:? DirectProduct as direct) when areApart moved -> [
                for i, (_, moved) in List.indexed factors do
                    for moved in moved do
                        {
                            moved with
                                By = moved.By.Pullback(direct.Projection i)
                        }
              ]
            | moved, _ ->
                match whole moved with
                | Site.Axes(first, last) as site -> [
                    {
                        Site = site
                        By =
                            Representation.Of(
                                group,
                                [|
                                    for factor, moved in factors do
                                        yield! (spanning space (first, last) factor moved).GeneratorMatrices
                                |],
                                text
                            )
                    }
                  ]
                | Site.Vocabulary -> refuse $"{text} would mix words, which can only be exchanged."

        /// One group does several things at once.
        let alongside (moved: Moved list) =
            if moved.IsEmpty then
                []
            elif arePermuted moved then
                let site = whole moved
                permuting site (permutations space site group moved)
            elif areApart moved then
                moved
            else
                refuse $"{text} acts on one axis twice; let each act on an axis of its own, with onAxis."

        let acrossParts expressions =
            match partsOf group with
            | parts when parts.Length = List.length expressions ->
                let notations =
                    if notation.Parts.Length = parts.Length then
                        notation.Parts
                    else
                        List.map (fun _ -> notation) parts

                List.map3
                    (fun part notation expression -> part, ofExpression expression part notation space)
                    parts
                    notations
                    expressions
                |> product
            | [] -> refuse $"{text} is the action of a product, but {group} is none."
            | parts -> refuse $"{text} has {List.length expressions} parts, but {group} has {parts.Length}."

        match expression, group with
        | Unmoved, _ -> []

        // A subgroup acts as the whole group does.
        | (Rotations | Reflections _ | Shifts _ | Blocks _ | Words _ | Exchanges | Cross _ | Each _),
          (:? Subgroup as subgroup) -> [
            for moved in ofExpression expression subgroup.Parent notation space do
                {
                    moved with
                        By = moved.By.Restrict subgroup
                }
          ]

        | Alongside(left, right), _ ->
            alongside (ofExpression left group notation space @ ofExpression right group notation space)

        | Rotations, _ ->
            let cyclic = cyclicOr "rotations" group

            let height, width =
                if cyclic.Modulus = 4 then
                    square "Quarter turns" space
                else
                    grid "Turns" space

            at (Site.Axes(-2, -1)) (GridActions.Rotations(cyclic, height, width))

        | Reflections mirror, _ ->
            let move, (height, width) =
                match mirror with
                | Mirror.LeftRight -> GridMove.FlipLeftRight, grid "Reflections" space
                | Mirror.TopBottom -> GridMove.FlipTopBottom, grid "Reflections" space
                | Mirror.Diagonal -> GridMove.Transpose, square "Transpositions" space

            at
                (Site.Axes(-2, -1))
                (GridActions.Reflections(cyclicOr "reflections" group, height, width, move))

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

            at (Site.Axes(-2, -1)) (GridActions.Of(group, height, width, moves))

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

            at site (PermutationAction(group, words.Length, generators, text))

        | Exchanges, _ ->
            let exchanged, vocabulary = exchangesOf group, vocabulary text space

            if exchanged.Degree <> vocabulary.Size then
                refuse
                    $"{group} exchanges words of a vocabulary of {exchanged.Degree}, but that of {space} has {vocabulary.Size}."

            at (wordSite space) exchanged

        | Renaming formula, _ ->
            let words = names (vocabulary text space)

            let image element word =
                calling text (fun () -> formula.Value (notation.Write element) words[word])
                |> place text words

            at (wordSite space) (PermutationAction.FromFormula(group, words.Length, image, text))

        | Formula(axis, formula), _ ->
            requireNumbers text space

            let image element place =
                calling text (fun () -> formula.Value (notation.Write element) place)

            onAxis axis (PermutationAction.FromFormula(group, lengthOf text space axis, image, text))

        | Represented(axis, representation), _ ->
            alongAxis axis (representationOf representation group notation)

        | Cross(left, right), _ -> acrossParts [ left; right ]
        | Each expressions, _ -> acrossParts expressions

        | Along(map, target, targetNotation, action), _ ->
            let images = [|
                for generator in group.Generators ->
                    calling map.Name (fun () -> map.Value(notation.Write generator))
            |]

            let homomorphism = GroupHomomorphism(group, target, images)

            [
                for moved in ofExpression action target targetNotation space do
                    {
                        moved with
                            By = moved.By.Pullback homomorphism
                    }
            ]

    let private moved (signal: Signal) =
        ofExpression signal.Action signal.Group signal.Notation signal.Space

    /// The core's action on tensors.
    let toCore (signal: Signal) : TensorAction =
        Space.require signal.Space

        let action (moved: Moved) : TensorAction =
            match moved.Site, moved.By.Permutation with
            | Site.Axes(first, last), null -> MatrixAction(moved.By, [| first..last |])
            | Site.Axes(first, last), indices -> AxisAction(nonNull indices, [| first..last |])
            | Site.Vocabulary, indices -> TokenAction(nonNull indices)

        match moved signal with
        | [] -> TrivialAction signal.Group
        | [ one ] -> action one
        | several -> JointAction [| for moved in several -> action moved |]

    /// Whether the first axis of several is one that the group leaves alone: channels.
    let hasChannels (signal: Signal) =
        let rank = signal.Space.Shape.Length

        rank > 1
        && moved signal
           |> List.forall (fun moved ->
               match moved.Site with
               | Site.Axes(first, _) -> first > -rank
               | Site.Vocabulary -> true)

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
