/// Signals that end programs: heard, so that work ends where it can go on later.
module Equivariant.Bench.Signals

open System.Runtime.InteropServices

/// The user, or the system, stopped the program with a signal.
exception Stopped of PosixSignal

/// What shells give for a program that a signal ended.
let exitCode signal =
    match signal with
    | PosixSignal.SIGHUP -> 129
    | PosixSignal.SIGINT -> 130
    | _ -> 143

/// Does some work, during which the signals that end programs are told instead; a second one ends the program.
let heard (tell: PosixSignal -> unit) (work: unit -> 'T) : 'T =
    let told = ref false

    let hear (context: PosixSignalContext) =
        context.Cancel <- not told.Value
        told.Value <- true
        tell context.Signal

    use _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, hear)
    use _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, hear)
    use _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, hear)
    work ()
