namespace Equivariant.Scan

/// <summary>What training shows only as a bare primitive, never in composition.</summary>
type HeldOut =
    | JumpCompositions
    | TurnLeftCompositions
    | TurnUpCompositions

/// <summary>The commands that training sees, and those that it does not.</summary>
type Split = {
    /// <summary>The commands without any held-out words: 43 365.</summary>
    Training: Command[]
    /// <summary>The three bare primitives, which training sees as well.</summary>
    Primitives: Command[]
    /// <summary>For each kind, its commands without the bare primitive.</summary>
    HeldOut: (HeldOut * Command[])[]
}

/// <summary>SCAN-II's training set and held-out compositions.</summary>
[<RequireQualifiedAccess>]
module Splits =

    /// <summary>Lists the kinds of held-out commands.</summary>
    let kinds = [ JumpCompositions; TurnLeftCompositions; TurnUpCompositions ]

    /// <summary>Gives the words whose compositions are held out, contiguous in a command.</summary>
    let phrase kind =
        match kind with
        | JumpCompositions -> [ "jump" ]
        | TurnLeftCompositions -> [ "turn"; "left" ]
        | TurnUpCompositions -> [ "turn"; "up" ]

    /// <summary>Names a kind by its words, such as "turn left".</summary>
    let name kind = String.concat " " (phrase kind)

    /// <summary>Says whether a command has the kind's words side by side; true of the bare primitive too.</summary>
    let holds kind command =
        let phrase = phrase kind
        Grammar.words command |> List.windowed phrase.Length |> List.contains phrase

    /// <summary>Says whether a command is nothing but the kind's words.</summary>
    let isPrimitive kind command = Grammar.words command = phrase kind

    /// <summary>Divides all commands into training, primitives and held-out compositions.</summary>
    let scanII: Lazy<Split> =
        lazy
            (let holding = [ for kind in kinds -> kind, Array.filter (holds kind) Grammar.all ]

             let isHeldOut command =
                 List.exists (fun kind -> holds kind command) kinds

             let isBare command =
                 List.exists (fun kind -> isPrimitive kind command) kinds

             {
                 Training = Array.filter (isHeldOut >> not) Grammar.all
                 Primitives = Array.filter isBare Grammar.all
                 HeldOut = [|
                     for kind, commands in holding -> kind, Array.filter (isBare >> not) commands
                 |]
             })
