namespace Equivariant

open System
open TorchSharp
open Equivariant.Core.Actions

/// <summary>How the inputs of a law are drawn, and how far its two sides may be apart.</summary>
[<NoEquality; NoComparison>]
type Sampling = {
    /// <summary>What to call the input in sentences.</summary>
    Name: string
    /// <summary>Draws a batch of so many rows from a seed.</summary>
    Draw: int64 -> int -> torch.Tensor
    /// <summary>The largest difference allowed; none for one that follows from size, dtype and depth.</summary>
    Tolerance: float option
}

/// <summary>Ways to draw inputs.</summary>
[<RequireQualifiedAccess>]
module Sampling =

    /// Draws by a generator of its own: torch's stays as it is.
    let private drawn (seed: int) (draw: torch.Generator -> torch.Tensor) =
        use generator = new torch.Generator(uint64 seed, torch.CPU)
        draw generator

    /// Numbers as far from one as their type can well bear, to check that tolerances follow.
    let private magnitude dtype seed =
        match InputKind.ofSeed seed with
        | InputKind.Large -> 1.0 / sqrt (Numbers.epsilon dtype)
        | InputKind.Small -> sqrt (Numbers.epsilon dtype)
        | InputKind.Plain
        | InputKind.EqualRows
        | InputKind.Symmetric -> 1.0

    /// <summary>
    /// Normally distributed numbers of a shape (without the batch). Some seeds give large ones, and some small ones.
    /// </summary>
    let normalOf (dtype: torch.ScalarType) (device: torch.Device) (shape: int64 list) = {
        Name = "input"
        Draw =
            fun batch seed ->
                use scope = torch.NewDisposeScope()
                let drawnAs = if dtype = torch.float64 then dtype else torch.float32

                let numbers =
                    drawn seed (fun generator ->
                        torch.randn ([| batch; yield! shape |], dtype = drawnAs, generator = generator))

                (numbers * (magnitude dtype seed).ToScalar()).``to``(dtype, device).MoveToOuterDisposeScope()
        Tolerance = None
    }

    /// <summary>Normally distributed numbers of a shape (without the batch), in single precision on the CPU.</summary>
    let normal shape = normalOf torch.float32 torch.CPU shape

    /// <summary>Uniformly distributed tokens below a bound, of a shape (without the batch).</summary>
    let tokens (bound: int64) (shape: int64 list) = {
        Name = "input"
        Draw =
            fun batch seed ->
                drawn seed (fun generator ->
                    torch.randint (
                        0L,
                        bound,
                        [| batch; yield! shape |],
                        dtype = torch.int64,
                        generator = generator
                    ))
        Tolerance = None
    }

    /// <summary>
    /// Tokens that a group exchanges, of a shape (without the batch): half of them, on average, are ones that it moves, which hardly come up
    /// by chance in a large vocabulary.
    /// </summary>
    let words (action: TokenAction) (shape: int64 list) =
        let below (bound: int) = tokens (int64 bound) shape
        let any = below action.Vocabulary.Degree

        let moved = [|
            for orbit in action.Vocabulary.Orbits do
                if orbit.Length > 1 then
                    yield! orbit |> Seq.map int64
        |]

        if moved.Length = 0 then
            any
        else
            {
                any with
                    Draw =
                        fun batch seed ->
                            use scope = torch.NewDisposeScope()
                            let which = (below moved.Length).Draw batch (seed + 1)
                            let coins = (below 2).Draw batch (seed + 2)

                            let chosen =
                                (torch.tensor moved).index_select(0L, which.flatten ()).reshape which.shape

                            torch
                                .where(coins.eq (0L.ToScalar()), chosen, any.Draw batch seed)
                                .MoveToOuterDisposeScope()
            }

    /// <summary>Gives the input a name for sentences.</summary>
    let named name (sampling: Sampling) = {
        sampling with
            Sampling.Name = $"input \"{name}\""
    }

    /// <summary>
    /// Declares how far the two sides of a law may be apart, whatever the input: no large or small ones are drawn then.
    /// </summary>
    let within tolerance (sampling: Sampling) = {
        sampling with
            Draw =
                fun batch seed ->
                    match InputKind.ofSeed seed with
                    | InputKind.Large
                    | InputKind.Small -> sampling.Draw batch (InputKind.plainer seed)
                    | InputKind.Plain
                    | InputKind.EqualRows
                    | InputKind.Symmetric -> sampling.Draw batch seed
            Tolerance = Some tolerance
    }

    /// Words that a subgroup leaves alone, in place of the others, as far as the batch has any.
    let private still (action: TokenAction) subgroup (x: torch.Tensor) =
        use scope = torch.NewDisposeScope()

        let vocabulary =
            action.Vocabulary.Restrict(subgroup: Equivariant.Core.Groups.Subgroup)

        let fixedWords =
            torch.tensor (
                [|
                    for word in 0 .. vocabulary.Degree - 1 ->
                        vocabulary.GeneratorPermutations
                        |> Seq.forall (fun images -> images[word] = word)
                |],
                device = x.device
            )

        let isFixed = fixedWords.index_select(0L, x.flatten ()).reshape x.shape
        let present = x.masked_select isFixed

        if present.numel () = 0L then
            x.alias().MoveToOuterDisposeScope()
        else
            torch.where(isFixed, x, present[0L]).MoveToOuterDisposeScope()

    /// The input made so that a subgroup does not change it: the whole group, or one that a random element generates.
    let private symmetric (action: TensorAction) seed (x: torch.Tensor) =
        let random = Random(seed: int)

        let subgroup =
            if random.Next 2 = 0 then
                action.Group.WholeSubgroup
            else
                action.Group.Subgroup [| action.Group.Random random |]

        match action with
        | :? TokenAction as tokens -> still tokens subgroup x
        | action when action.IsLinear && x.is_floating_point () -> (action.Average subgroup).Apply x
        | _ -> x.alias ()

    /// Draws the input of a trial, of the kind that its seed says.
    let internal draw
        (sampling: Sampling)
        (action: TensorAction option)
        (batch: int64)
        (seed: int)
        : torch.Tensor =
        let x = sampling.Draw batch seed

        match InputKind.ofSeed seed, action with
        | InputKind.EqualRows, _ when x.dim () > 0L && x.shape[0] > 1L ->
            x.narrow(0L, 0L, 1L).expand(x.shape).contiguous()
        | InputKind.Symmetric, Some action -> symmetric action seed x
        | _ -> x

    /// What to say of an input in sentences: its shape, and what is special about it.
    let internal described seed (x: torch.Tensor) =
        let special =
            match InputKind.ofSeed seed with
            | InputKind.Plain -> ""
            | InputKind.EqualRows -> ", rows alike"
            | InputKind.Symmetric -> ", symmetric"
            | InputKind.Large
            | InputKind.Small -> $", up to {Numbers.show (Numbers.largest x)}"

        Numbers.shape x + special
