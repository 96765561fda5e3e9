namespace Equivariant.Scan

/// <summary>A verb that stands for one action.</summary>
type Verb =
    | Walk
    | Look
    | Run
    | Jump

/// <summary>A direction to turn to.</summary>
type Direction =
    | Left
    | Right
    | Up
    | Down

/// <summary>What is done after a turn: a verb's action, or nothing for the word "turn".</summary>
type Head =
    | Verb of Verb
    | Turn

/// <summary>A verb phrase, the grammar's <c>V</c> without its repetition.</summary>
type Phrase =
    /// <summary><c>U</c>: "walk".</summary>
    | Plain of Verb
    /// <summary><c>D</c>: "walk left", "turn left".</summary>
    | Toward of Head * Direction
    /// <summary>"walk opposite left": turns twice, then acts.</summary>
    | Opposite of Head * Direction
    /// <summary>"walk around left": four times turns and acts.</summary>
    | Around of Head * Direction

/// <summary>How often a phrase is carried out.</summary>
type Times =
    | Once
    | Twice
    | Thrice

/// <summary>The grammar's <c>S</c>: a phrase and how often.</summary>
[<Struct>]
type Repeated = { Phrase: Phrase; Times: Times }

/// <summary>The grammar's <c>C</c>, a whole command of SCAN-II.</summary>
type Command =
    | Single of Repeated
    | And of Repeated * Repeated
    /// <summary>"first after second": the second is carried out first.</summary>
    | After of Repeated * Repeated

/// <summary>What a command is translated to, one step at a time.</summary>
type Action =
    | Do of Verb
    | Face of Direction

/// <summary>SCAN-II's grammar: every command, its words and its meaning.</summary>
[<RequireQualifiedAccess>]
module Grammar =

    /// <summary>Lists the four verbs.</summary>
    let verbs = [ Walk; Look; Run; Jump ]

    /// <summary>Lists the four directions.</summary>
    let directions = [ Left; Right; Up; Down ]

    let private heads = Turn :: List.map Verb verbs

    let private phrases = [
        yield! List.map Plain verbs
        for shape in [ Toward; Opposite; Around ] do
            for head in heads do
                for direction in directions do
                    shape (head, direction)
    ]

    let private repeated = [
        for phrase in phrases do
            for times in [ Once; Twice; Thrice ] do
                { Phrase = phrase; Times = times }
    ]

    /// <summary>Enumerates all 73 920 commands, in a fixed order.</summary>
    let all: Command[] = [|
        yield! Seq.map Single repeated
        for join in [ And; After ] do
            for first in repeated do
                for second in repeated do
                    join (first, second)
    |]

    /// <summary>Gives a verb's word.</summary>
    let verbWord verb =
        match verb with
        | Walk -> "walk"
        | Look -> "look"
        | Run -> "run"
        | Jump -> "jump"

    /// <summary>Gives a direction's word.</summary>
    let directionWord direction =
        match direction with
        | Left -> "left"
        | Right -> "right"
        | Up -> "up"
        | Down -> "down"

    let private headWord head =
        match head with
        | Verb verb -> verbWord verb
        | Turn -> "turn"

    let private phraseWords phrase =
        match phrase with
        | Plain verb -> [ verbWord verb ]
        | Toward(head, direction) -> [ headWord head; directionWord direction ]
        | Opposite(head, direction) -> [ headWord head; "opposite"; directionWord direction ]
        | Around(head, direction) -> [ headWord head; "around"; directionWord direction ]

    let private timesWords times =
        match times with
        | Once -> []
        | Twice -> [ "twice" ]
        | Thrice -> [ "thrice" ]

    let private repeatedWords part =
        phraseWords part.Phrase @ timesWords part.Times

    /// <summary>Writes a command as its words.</summary>
    let words command =
        match command with
        | Single part -> repeatedWords part
        | And(first, second) -> repeatedWords first @ "and" :: repeatedWords second
        | After(first, second) -> repeatedWords first @ "after" :: repeatedWords second

    /// <summary>Writes a command as a sentence.</summary>
    let sentence command = String.concat " " (words command)

    let private headActions head =
        match head with
        | Verb verb -> [ Do verb ]
        | Turn -> []

    let private repeat count actions =
        List.concat (List.replicate count actions)

    let private phraseActions phrase =
        match phrase with
        | Plain verb -> [ Do verb ]
        | Toward(head, direction) -> Face direction :: headActions head
        | Opposite(head, direction) -> Face direction :: Face direction :: headActions head
        | Around(head, direction) -> repeat 4 (Face direction :: headActions head)

    let private repeatedActions part =
        let count =
            match part.Times with
            | Once -> 1
            | Twice -> 2
            | Thrice -> 3

        repeat count (phraseActions part.Phrase)

    /// <summary>Carries a command out: the actions it means.</summary>
    let interpret command =
        match command with
        | Single part -> repeatedActions part
        | And(first, second) -> repeatedActions first @ repeatedActions second
        | After(first, second) -> repeatedActions second @ repeatedActions first

    /// <summary>Gives an action's name, such as <c>I_TURN_LEFT</c>.</summary>
    let actionName action =
        match action with
        | Do verb -> "I_" + (verbWord verb).ToUpperInvariant()
        | Face direction -> "I_TURN_" + (directionWord direction).ToUpperInvariant()

    let private headOf word =
        List.tryFind (fun head -> headWord head = word) heads

    let private directionOf word =
        List.tryFind (fun direction -> directionWord direction = word) directions

    let private parseDirected shape head direction =
        Option.map2 (fun head direction -> shape (head, direction)) (headOf head) (directionOf direction)

    let private parsePhrase words =
        match words with
        | [ word ] ->
            match headOf word with
            | Some(Verb verb) -> Some(Plain verb)
            | Some Turn
            | None -> None
        | [ head; direction ] -> parseDirected Toward head direction
        | [ head; "opposite"; direction ] -> parseDirected Opposite head direction
        | [ head; "around"; direction ] -> parseDirected Around head direction
        | _ -> None

    let private parseRepeated words =
        let times, phrase =
            match List.tryLast words with
            | Some "twice" -> Twice, words[.. words.Length - 2]
            | Some "thrice" -> Thrice, words[.. words.Length - 2]
            | _ -> Once, words

        parsePhrase phrase
        |> Option.map (fun phrase -> { Phrase = phrase; Times = times })

    /// <summary>Reads a command from its words; nothing when the grammar does not have it.</summary>
    let parse words =
        match List.tryFindIndex (fun word -> word = "and" || word = "after") words with
        | None -> parseRepeated words |> Option.map Single
        | Some index ->
            let join = if words[index] = "and" then And else After

            Option.map2
                (fun first second -> join (first, second))
                (parseRepeated words[.. index - 1])
                (parseRepeated words[index + 1 ..])
