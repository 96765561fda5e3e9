namespace Equivariant

open Equivariant.Core.Groups

/// <summary>Where a reflection puts its mirror.</summary>
[<RequireQualifiedAccess>]
type Mirror =
    /// <summary>Exchanges left and right.</summary>
    | LeftRight
    /// <summary>Exchanges top and bottom.</summary>
    | TopBottom
    /// <summary>Exchanges rows and columns of a square.</summary>
    | Diagonal

/// <summary>Along what an image is shifted.</summary>
[<RequireQualifiedAccess>]
type Shift =
    /// <summary>Downwards.</summary>
    | Down
    /// <summary>To the right.</summary>
    | Right

/// <summary>How a group acts by matrices, as a value: representations add, multiply and dualise.</summary>
[<NoComparison; RequireQualifiedAccess>]
type RepresentationExpression =
    /// <summary>A matrix for each element.</summary>
    | Matrices of Named<obj -> float[,]>
    /// <summary>The group moves its own points.</summary>
    | Moving
    /// <summary>The group moves its own elements.</summary>
    | Multiplying
    /// <summary>A point group moves the vectors of its space.</summary>
    | Vectors
    /// <summary>One number that does not change.</summary>
    | Scalar
    /// <summary>The coordinates of one, then those of the other.</summary>
    | Sum of RepresentationExpression * RepresentationExpression
    /// <summary>The tensor product: coordinate (i, j) is number i · n + j.</summary>
    | Product of RepresentationExpression * RepresentationExpression
    /// <summary>The transposes of the inverses.</summary>
    | Dual of RepresentationExpression

    override this.ToString() =
        match this with
        | RepresentationExpression.Matrices matrices -> matrices.Name
        | RepresentationExpression.Moving -> "points"
        | RepresentationExpression.Multiplying -> "regular"
        | RepresentationExpression.Vectors -> "vectors"
        | RepresentationExpression.Scalar -> "unmoved"
        | RepresentationExpression.Sum(left, right) -> $"({left} ⊕ {right})"
        | RepresentationExpression.Product(left, right) -> $"{left} ⊗ {right}"
        | RepresentationExpression.Dual inner -> $"{inner}*"

/// <summary>
/// How a group acts, as a value that can be looked into and compared; it becomes an action of the core when it
/// meets a group and a space. <see cref="T:Equivariant.Action`1"/> wraps it with the type of the group's elements.
/// </summary>
[<NoComparison>]
type ActionExpression =
    /// <summary>Nothing moves.</summary>
    | Unmoved
    /// <summary>A cyclic group of order 1, 2 or 4 turns the last two axes.</summary>
    | Rotations
    /// <summary>C2 reflects the last two axes.</summary>
    | Reflections of Mirror
    /// <summary>A cyclic group whose order divides a side shifts the image cyclically.</summary>
    | Shifts of Shift
    /// <summary>A group of permutations moves the places of an axis, counted from the end.</summary>
    | Points of axis: int
    /// <summary>A group moves the places of an axis as it multiplies its own elements.</summary>
    | Regular of axis: int
    /// <summary>A wreath product moves the places of an axis in blocks, the inner group within each.</summary>
    | Blocks of axis: int
    /// <summary>The generator of a cyclic group takes each word to the next of its cycle.</summary>
    | Words of cycles: string list list
    /// <summary>A group of permutations renumbers the nodes of graphs, along the last two axes.</summary>
    | Nodes
    /// <summary>A group of permutations, or a product of such, exchanges the words of a vocabulary by their numbers.</summary>
    | Exchanges
    /// <summary>A group renames words by a formula.</summary>
    | Renaming of Named<obj -> string -> string>
    /// <summary>A group moves the places of an axis by a formula.</summary>
    | Formula of axis: int * Named<obj -> int -> int>
    /// <summary>A group acts along an axis by matrices.</summary>
    | Represented of axis: int * RepresentationExpression
    /// <summary>The parts of a product of two groups act, the right one first.</summary>
    | Cross of ActionExpression * ActionExpression
    /// <summary>The factors of a direct product act, each by its own.</summary>
    | Each of ActionExpression list
    /// <summary>One group acts in two ways at once, on different axes.</summary>
    | Alongside of ActionExpression * ActionExpression
    /// <summary>A group acts as its image under a homomorphism does.</summary>
    | Along of Named<obj -> GroupElement> * target: Group * Notation * ActionExpression

/// <summary>Looking into actions.</summary>
[<RequireQualifiedAccess>]
module ActionExpression =

    /// <summary>Reads like <c>rotations × reflections</c>.</summary>
    let rec text expression =
        let at axis =
            if axis = -1 then "" else $" on axis {axis}"

        let within expression =
            match expression with
            | Cross _
            | Alongside _ -> $"({text expression})"
            | _ -> text expression

        match expression with
        | Unmoved -> "unmoved"
        | Rotations -> "rotations"
        | Reflections Mirror.LeftRight -> "reflections"
        | Reflections Mirror.TopBottom -> "top-bottom reflections"
        | Reflections Mirror.Diagonal -> "transpositions"
        | Shifts Shift.Down -> "shifts down"
        | Shifts Shift.Right -> "shifts right"
        | Points axis -> $"points{at axis}"
        | Regular axis -> $"regular{at axis}"
        | Blocks axis -> $"blocks{at axis}"
        | Words cycles -> cycles |> List.map (joined "↔") |> joined ", "
        | Nodes -> "nodes"
        | Exchanges -> "exchanges"
        | Renaming formula -> formula.Name
        | Formula(axis, formula) -> $"{formula.Name}{at axis}"
        | Represented(axis, representation) -> $"{representation}{at axis}"
        | Cross(left, right) -> $"{text left} × {within right}"
        | Alongside(left, right) -> $"{within left} alongside {within right}"
        | Each parts -> parts |> List.map within |> joined " × "
        | Along(map, _, _, action) -> $"{within action} along {map.Name}"

    /// The letters by which sentences name generators; none where there is no better name than the element itself.
    let rec internal letters expression =
        match expression with
        | Rotations -> Some [ "r" ]
        | Reflections Mirror.LeftRight -> Some [ "f" ]
        | Reflections Mirror.TopBottom -> Some [ "v" ]
        | Reflections Mirror.Diagonal -> Some [ "t" ]
        | Shifts Shift.Down -> Some [ "down" ]
        | Shifts Shift.Right -> Some [ "right" ]
        | Words _ -> Some [ $"({text expression})" ]
        | Cross(left, right) -> Option.map2 (@) (letters left) (letters right)
        | Each parts -> parts |> List.map letters |> List.fold (Option.map2 (@)) (Some [])
        | Unmoved
        | Points _
        | Regular _
        | Blocks _
        | Nodes
        | Exchanges
        | Renaming _
        | Formula _
        | Represented _
        | Alongside _
        | Along _ -> None

    /// <summary>Moves what acts on the places of one axis to another axis, counted from the end.</summary>
    let rec onAxis axis expression =
        match expression with
        | Points _ -> Points axis
        | Regular _ -> Regular axis
        | Blocks _ -> Blocks axis
        | Formula(_, formula) -> Formula(axis, formula)
        | Represented(_, representation) -> Represented(axis, representation)
        | Cross(left, right) -> Cross(onAxis axis left, onAxis axis right)
        | Alongside(left, right) -> Alongside(onAxis axis left, onAxis axis right)
        | Each parts -> Each(List.map (onAxis axis) parts)
        | Along(map, target, notation, action) -> Along(map, target, notation, onAxis axis action)
        | Unmoved
        | Rotations
        | Reflections _
        | Shifts _
        | Words _
        | Nodes
        | Exchanges
        | Renaming _ -> expression

    /// The representation by which an action moves coordinates along an axis.
    let internal representation expression =
        match expression with
        | Represented(_, representation) -> representation
        | Points _ -> RepresentationExpression.Moving
        | Regular _ -> RepresentationExpression.Multiplying
        | Unmoved -> RepresentationExpression.Scalar
        | other ->
            refuse
                $"{text other} cannot be added to or multiplied with other representations; those of matrices, vectors, points, regular and unmoved can."

/// <summary>
/// How a group whose elements are written as <c>'element</c> acts: so the action of a product does not fit one of
/// its factors, nor that of a cyclic group a permutation group.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type Action<'element>(expression: ActionExpression) =

    /// <summary>What it says, to be looked into.</summary>
    member _.Expression = expression

    /// <summary>The action of a product of two groups, which <c>&gt;&lt;</c> also writes: (a, b) moves as a after b.</summary>
    static member Cross(left: Action<'element>, right: Action<'other>) : Action<'element * 'other> =
        Action<'element * 'other>(Cross(left.Expression, right.Expression))

    /// <summary>The direct sum: the coordinates of one action, then those of the other, along one axis.</summary>
    static member (+)(left: Action<'element>, right: Action<'element>) =
        let of' (action: Action<'element>) =
            ActionExpression.representation action.Expression

        Action<'element>(Represented(-1, RepresentationExpression.Sum(of' left, of' right)))

    /// <summary>The tensor product, along one axis: coordinate (i, j) is number i · n + j.</summary>
    static member (*)(left: Action<'element>, right: Action<'element>) =
        let of' (action: Action<'element>) =
            ActionExpression.representation action.Expression

        Action<'element>(Represented(-1, RepresentationExpression.Product(of' left, of' right)))

    override _.Equals other =
        match other with
        | :? Action<'element> as other -> expression = other.Expression
        | _ -> false

    override _.GetHashCode() = hash expression

    /// Prints as <c>rotations × reflections</c>.
    override _.ToString() = ActionExpression.text expression

/// <summary>The algebra of actions. Products of actions are written <c>&gt;&lt;</c>, as those of groups.</summary>
[<AutoOpen>]
module Actions =

    /// <summary>Nothing moves: any group can act so on anything.</summary>
    /// <category index="2">Places</category>
    let unmoved<'e> : Action<'e> = Action<'e> Unmoved

    /// <summary>C4 turns a square image by quarter turns, C2 any image by half turns.</summary>
    /// <category index="1">Images</category>
    let rotations: Action<int> = Action<int> Rotations

    /// <summary>C2 reflects images in a mirror of choice.</summary>
    /// <category index="1">Images</category>
    let mirrored mirror : Action<int> = Action<int>(Reflections mirror)

    /// <summary>C2 exchanges left and right of images.</summary>
    /// <category index="1">Images</category>
    let reflections = mirrored Mirror.LeftRight

    /// <summary>A cyclic group shifts images down, and what leaves comes back at the top.</summary>
    /// <category index="1">Images</category>
    let shiftsDown: Action<int> = Action<int>(Shifts Shift.Down)

    /// <summary>A cyclic group shifts images to the right, and what leaves comes back at the left.</summary>
    /// <category index="1">Images</category>
    let shiftsRight: Action<int> = Action<int>(Shifts Shift.Right)

    /// <summary>C_h × C_w shifts images down and to the right.</summary>
    /// <category index="1">Images</category>
    let shifts: Action<int * int> = Action<int>.Cross(shiftsDown, shiftsRight)

    /// <summary>A dihedral group turns and reflects images: D4 squares, D2 and D1 any image.</summary>
    /// <category index="1">Images</category>
    let symmetries: Action<int * int> =
        Action<int * int>(Cross(Rotations, Reflections Mirror.LeftRight))

    /// <summary>A group of permutations moves the places of the last axis; see <c>onAxis</c> for others.</summary>
    /// <category index="2">Places</category>
    let points: Action<int[]> = Action<int[]>(Points -1)

    /// <summary>
    /// A group of permutations renumbers the nodes of graphs, adjacency matrices with the nodes' features behind them:
    /// <c>graph 8 2 |&gt; under (symmetric 8) nodes</c>.
    /// </summary>
    /// <category index="2">Places</category>
    let nodes: Action<int[]> = Action<int[]> Nodes

    /// <summary>A cyclic group moves the places of the last axis in a circle.</summary>
    /// <category index="2">Places</category>
    let circle: Action<int> = Action<int>(Points -1)

    /// <summary>A dihedral group moves the places of the last axis as the corners of a polygon.</summary>
    /// <category index="2">Places</category>
    let corners: Action<int * int> = Action<int * int>(Points -1)

    /// <summary>Any group, not too large, moves the places of the last axis as it multiplies its own elements.</summary>
    /// <category index="2">Places</category>
    let regular<'e> : Action<'e> = Action<'e>(Regular -1)

    /// <summary>A wreath product of cyclic and permutation groups moves the places of the last axis in blocks.</summary>
    /// <category index="2">Places</category>
    let blocks<'k> : Action<'k list * int[]> = Action<'k list * int[]>(Blocks -1)

    /// <summary>C2 exchanges two words, such as <c>"left"</c> and <c>"right"</c>.</summary>
    /// <category index="3">Words</category>
    let exchange first second : Action<int> =
        Action<int>(Words [ [ first; second ] ])

    /// <summary>A cyclic group takes each word to the next of its cycle, and the last to the first.</summary>
    /// <category index="3">Words</category>
    let cycling cycles : Action<int> = Action<int>(Words cycles)

    /// <summary>
    /// A group of permutations of a vocabulary's numbers exchanges its words, as those of <c>words</c> do; a product of such groups by what
    /// each of them exchanges: <c>prompt 50257 12 |&gt; under (gender &gt;&lt; race) exchanges</c>.
    /// </summary>
    /// <category index="3">Words</category>
    let exchanges<'e> : Action<'e> = Action<'e> Exchanges

    /// <summary>A group renames the words of a vocabulary by a formula; the name is for sentences and comparisons.</summary>
    /// <category index="3">Words</category>
    let renaming name (formula: 'e -> string -> string) : Action<'e> =
        Action<'e>(
            Renaming {
                Name = name
                Value = fun value word -> formula (unbox value) word
            }
        )

    /// <summary>
    /// A group moves the places of the last axis by a formula, from an element and a place (from 0) to a place. What
    /// is not an action is refused when it meets a space.
    /// </summary>
    /// <category index="5">Of one's own</category>
    let moving name (formula: 'e -> int -> int) : Action<'e> =
        Action<'e>(
            Formula(
                -1,
                {
                    Name = name
                    Value = fun value place -> formula (unbox value) place
                }
            )
        )

    /// <summary>
    /// A group acts on the last axis by a matrix for each element; what is no representation is refused when it meets a
    /// space. Such actions add (<c>v + w</c>), multiply (<c>v * v</c>) and have duals, together with <c>vectors</c>,
    /// <c>points</c>, <c>regular</c> and <c>unmoved</c>.
    /// </summary>
    /// <param name="name">The name, which stands for the matrices in sentences and comparisons.</param>
    /// <param name="matrix">From an element to its matrix; only those of generators are asked for.</param>
    /// <category index="4">By matrices</category>
    let byMatrices name (matrix: 'e -> float[,]) : Action<'e> =
        Action<'e>(
            Represented(
                -1,
                RepresentationExpression.Matrices {
                    Name = name
                    Value = fun value -> matrix (unbox value)
                }
            )
        )

    /// <summary>
    /// A group of rotations and reflections moves vectors, along the last axis, by its matrices: <c>cyclic n</c> and
    /// <c>dihedral n</c> those of the plane, a point group those of space, <c>signedPermutations n</c> those of n-space. It adds,
    /// multiplies and has a dual as actions by matrices do: <c>vectors * vectors</c> moves matrices.
    /// </summary>
    /// <category index="4">By matrices</category>
    let vectors<'e> : Action<'e> =
        Action<'e>(Represented(-1, RepresentationExpression.Vectors))

    /// <summary>
    /// The same groups move the places of the last axis as vertices: the corners of a polygon, prism or polyhedron.
    /// For groups written in types it says what <c>points</c>, <c>circle</c> and <c>corners</c> say.
    /// </summary>
    /// <category index="2">Places</category>
    let vertices<'e> : Action<'e> = Action<'e>(Points -1)

    /// <summary>The dual of an action by matrices: the transposes of the inverses.</summary>
    /// <category index="4">By matrices</category>
    let dual (action: Action<'e>) : Action<'e> =
        Action<'e>(
            Represented(-1, RepresentationExpression.Dual(ActionExpression.representation action.Expression))
        )

    /// <summary>The factors of a direct product of like groups act, each by its own.</summary>
    /// <category index="5">Of one's own</category>
    let each (actions: Action<'e> list) : Action<'e list> =
        Action<'e list>(Each [ for action in actions -> action.Expression ])

    /// <summary>A group acts as its image under a homomorphism into another group does.</summary>
    /// <category index="5">Of one's own</category>
    let along name (map: 'e -> 'f) (target: Group<'f>) (action: Action<'f>) : Action<'e> =
        Action<'e>(
            Along(
                {
                    Name = name
                    Value = fun value -> target.Element(map (unbox value))
                },
                target.Core,
                target.Notation,
                action.Expression
            )
        )

    /// <summary>
    /// One group acts in two ways at once, each on axes of its own: <c>rotations |&gt; alongside (channels vectors)</c> turns images whose
    /// two channels are the coordinates of a vector at each pixel.
    /// </summary>
    /// <category index="5">Of one's own</category>
    let alongside (other: Action<'e>) (action: Action<'e>) : Action<'e> =
        Action<'e>(Alongside(action.Expression, other.Expression))

    /// <summary>Lets an action on places move those of another axis, counted from the end, such as <c>-2</c>.</summary>
    /// <category index="2">Places</category>
    let onAxis axis (action: Action<'e>) : Action<'e> =
        Action<'e>(ActionExpression.onAxis axis action.Expression)

    /// <summary>Lets an action on places move the channels of images.</summary>
    /// <category index="1">Images</category>
    let channels action = onAxis -3 action
