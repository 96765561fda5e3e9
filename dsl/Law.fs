namespace Equivariant

open System
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Groups

/// <summary>What a law was tried with.</summary>
type Trial = {
    /// <summary>The group elements, in the order in which the law speaks of them.</summary>
    Elements: GroupElement list
    /// <summary>The number of rows of the input.</summary>
    Batch: int64
    /// <summary>
    /// Seeds the input, and says of which kind it is: half of them have equal rows, are symmetric, large or small.
    /// </summary>
    Seed: int
}

/// <summary>What came of a trial.</summary>
[<RequireQualifiedAccess>]
type Outcome =
    /// <summary>The two sides of the law agree.</summary>
    | Agree
    /// <summary>
    /// They do not: the shape of the input, empty where there is none, and what was found.
    /// </summary>
    | Disagree of shape: string * finding: string
    /// <summary>
    /// There was nothing to compare, such as zeros on both sides: the shape of the input, and why. Such trials do not
    /// count, and a law with no others does not hold.
    /// </summary>
    | Inconclusive of shape: string * reason: string

/// <summary>Something that should hold for all elements and inputs, and how to try it.</summary>
[<NoEquality; NoComparison; StructuredFormatDisplay("{Title}")>]
type Law = {
    /// <summary>What should hold, such as <c>f(gx) = g f(x)</c>.</summary>
    Statement: string
    /// <summary>Of what it should hold, such as <c>input "front"</c>.</summary>
    Subject: string
    /// <summary>Writes the elements of a trial, in the order in which the statement speaks of them.</summary>
    Show: GroupElement list -> string
    /// <summary>Draws trials, and makes failing ones simpler.</summary>
    Trials: Arbitrary<Trial>
    /// <summary>Tries it.</summary>
    Try: Trial -> Outcome
} with

    /// <summary>Reads like <c>f(gx) = g f(x) on input "front"</c>.</summary>
    member this.Title = $"{this.Statement} on {this.Subject}"

    override this.ToString() = this.Title

/// <summary>What came of a law after all trials.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Text}")>]
type Verdict =
    /// <summary>It held in so many trials.</summary>
    | Held of trials: int
    /// <summary>It failed; the sentence gives the simplest counterexample that was found.</summary>
    | Broken of counterexample: string

    /// <summary>Reads like <c>held in 50 trials</c>, or is the counterexample.</summary>
    member this.Text =
        match this with
        | Held trials -> $"held in {trials} trials"
        | Broken counterexample -> counterexample

    override this.ToString() = this.Text

/// <summary>A law does not hold. The message is the counterexample.</summary>
type LawBrokenException(message) =
    inherit EquivariantException(message)

/// <summary>Making laws, trying them, and what to do with them.</summary>
[<RequireQualifiedAccess>]
module Law =

    /// <summary>Elements side by side, as the group writes them.</summary>
    let show (elements: GroupElement list) =
        elements |> List.map Element.text |> joined ", "

    /// <summary>Trials with elements of the given groups and batches of up to three rows.</summary>
    let trials (groups: Group list) : Arbitrary<Trial> =
        let elements = groups |> List.map Element.generator |> Gen.sequenceToList

        let generator =
            Gen.map3
                (fun elements batch seed -> {
                    Elements = elements
                    Batch = int64 batch
                    Seed = seed
                })
                elements
                (Gen.choose (1, 3))
                (Gen.choose (0, 1000000))

        let shrink trial =
            seq {
                for i, (group, element) in List.indexed (List.zip groups trial.Elements) do
                    for simpler in Element.shrink group element do
                        {
                            trial with
                                Elements = List.updateAt i simpler trial.Elements
                        }

                if trial.Batch > 1L then
                    { trial with Batch = 1L }

                if InputKind.ofSeed trial.Seed <> InputKind.Plain then
                    {
                        trial with
                            Seed = InputKind.plainer trial.Seed
                    }
            }

        Arb.fromGenShrink (generator, shrink)

    /// <summary>The sentence about a trial that failed.</summary>
    let private describe law trial shape finding =
        let elements =
            match trial.Elements with
            | [] -> ""
            | elements -> $"{law.Show elements} "

        let place = if shape = "" then law.Subject else $"{law.Subject} {shape}"
        $"{law.Statement} fails: {elements}on {place}: {finding}"

    /// Tries the law; what it raises is a finding.
    let private outcome (law: Law) trial =
        match attempted (fun () -> law.Try trial) with
        | Ok outcome -> outcome
        | Error sentence -> Outcome.Disagree("", sentence)

    /// <summary>
    /// The law as an FsCheck property, to run under any of its runners, such as FsCheck.Xunit. Trials with nothing to
    /// compare are discarded.
    /// </summary>
    let property (law: Law) : Property =
        Prop.forAll law.Trials (fun trial ->
            match outcome law trial with
            | Outcome.Agree -> Prop.ofTestable true
            | Outcome.Inconclusive _ -> Prop.filter false true
            | Outcome.Disagree(shape, finding) ->
                raise (LawBrokenException(describe law trial shape finding)))

    /// Remembers how a property ended; where no trial counted, only a reason is missing.
    type private Recorder(reason: unit -> string) =
        member val Verdict = Verdict.Held 0 with get, set

        interface IRunner with
            member _.OnStartFixture _ = ()
            member _.OnArguments(_, _, _) = ()
            member _.OnShrink(_, _) = ()

            member this.OnFinished(_, result) =
                this.Verdict <-
                    match result with
                    | TestResult.Passed(data, _) -> Verdict.Held data.NumberOfTests
                    | TestResult.Exhausted data when data.NumberOfTests > 0 -> Verdict.Held data.NumberOfTests
                    | TestResult.Exhausted _ -> Verdict.Broken(reason ())
                    | TestResult.Failed(_, _, _, Outcome.Failed error, _, _, _) ->
                        Verdict.Broken error.Message
                    | TestResult.Failed(_, _, _, outcome, _, _, _) -> Verdict.Broken(string outcome)

    /// <summary>How many trials a law gets if nothing else is said.</summary>
    let defaultTrials = 50

    /// For each trial that counts, so many may be drawn that do not.
    let private discards = 4

    /// <summary>Tries a law some number of times, at least once. The same seed gives the same trials.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The number is below one.</exception>
    let judge (count: int) (seed: uint64) (law: Law) : Verdict =
        if count < 1 then
            refuse $"{law} cannot be judged in {count} trials; give at least one."

        let start = Rnd(seed, 1UL ||| (seed <<< 1))

        let recorder =
            Recorder(fun () ->
                let trial = law.Trials.Generator |> Gen.sampleWithSeed start 0 1 |> Array.head

                match outcome law trial with
                | Outcome.Inconclusive(shape, reason)
                | Outcome.Disagree(shape, reason) -> describe law trial shape reason
                | Outcome.Agree -> $"{law} was never put to the test")

        let config =
            Config.Quick
                .WithMaxTest(count)
                .WithMaxRejected(discards * count)
                .WithQuietOnSuccess(true)
                .WithReplay(Some { Rnd = start; Size = None })
                .WithRunner
                recorder

        Check.One(config, property law)
        recorder.Verdict

    /// <summary>Tries a law and raises its counterexample: the body of a test.</summary>
    /// <exception cref="T:Equivariant.LawBrokenException">The law does not hold.</exception>
    let require (law: Law) =
        match judge defaultTrials 1UL law with
        | Verdict.Held _ -> ()
        | Verdict.Broken counterexample -> raise (LawBrokenException counterexample)

    /// <summary>The law's statement and subject on one line.</summary>
    let title (law: Law) = law.Title
