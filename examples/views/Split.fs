namespace Equivariant.Views

open System

/// <summary>NumPy's generator of random numbers before version 1.17, which scikit-learn's splits still come from.</summary>
/// <remarks>MT19937: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998).</remarks>
type private MersenneTwister(seed: uint32) =
    let size, middle = 624, 397
    let state = Array.zeroCreate<uint32> size
    let mutable place = size

    do
        state[0] <- seed

        for i in 1 .. size - 1 do
            let before = state[i - 1]
            state[i] <- 1812433253u * (before ^^^ (before >>> 30)) + uint32 i

    let regenerate () =
        for i in 0 .. size - 1 do
            let joined = (state[i] &&& 0x80000000u) ||| (state[(i + 1) % size] &&& 0x7FFFFFFFu)

            let twisted = if joined &&& 1u = 0u then 0u else 0x9908B0DFu
            state[i] <- state[(i + middle) % size] ^^^ (joined >>> 1) ^^^ twisted

        place <- 0

    member _.Next() =
        if place = size then
            regenerate ()

        let x = state[place]
        place <- place + 1
        let x = x ^^^ (x >>> 11)
        let x = x ^^^ ((x <<< 7) &&& 0x9D2C5680u)
        let x = x ^^^ ((x <<< 15) &&& 0xEFC60000u)
        x ^^^ (x >>> 18)

    /// A number from 0 to the largest, by rejection of what is above.
    member this.UpTo(largest: uint32) =
        let mask = UInt32.MaxValue >>> Numerics.BitOperations.LeadingZeroCount largest
        let mutable drawn = this.Next() &&& mask

        while drawn > largest do
            drawn <- this.Next() &&& mask

        int drawn

/// <summary>Divides images into those to train on and those to test on.</summary>
[<RequireQualifiedAccess>]
module Split =

    /// <summary>0 to count − 1 in an order drawn from a seed, as NumPy's RandomState(seed).permutation(count) gives it.</summary>
    let permutation (seed: int) count =
        let random = MersenneTwister(uint32 seed)
        let order = Array.init count id

        for last in count - 1 .. -1 .. 1 do
            let other = random.UpTo(uint32 last)
            let moved = order[last]
            order[last] <- order[other]
            order[other] <- moved

        order

    /// <summary>The paper's split: four fifths to train on, the rest to test on, whatever the classes.</summary>
    /// <remarks>As scikit-learn's train_test_split with random_state 1234: the test's share is rounded up, and comes first.</remarks>
    let paper count : int[] * int[] =
        let order = permutation 1234 count
        let test = (count + 4) / 5
        Array.skip test order, Array.truncate test order
