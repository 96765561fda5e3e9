namespace Equivariant

/// What is special about the input of a trial.
[<RequireQualifiedAccess>]
type internal InputKind =
    /// Nothing.
    | Plain
    /// All rows are equal.
    | EqualRows
    /// A subgroup does not change it.
    | Symmetric
    /// Its numbers are large, for their type.
    | Large
    /// Its numbers are small, for their type.
    | Small

/// The seed of a trial says of which kind its input is.
module internal InputKind =

    let private kinds = [|
        InputKind.Plain
        InputKind.Plain
        InputKind.Plain
        InputKind.Plain
        InputKind.EqualRows
        InputKind.Symmetric
        InputKind.Large
        InputKind.Small
    |]

    let private remainder seed =
        ((seed % kinds.Length) + kinds.Length) % kinds.Length

    /// The kind that a seed says.
    let ofSeed seed = kinds[remainder seed]

    /// A seed that says that nothing is special.
    let plainer seed = seed - remainder seed

    /// Another seed that says the same.
    let sibling number seed = seed + number * kinds.Length
