namespace Equivariant

open System
open TorchSharp

/// Comparing tensors, with tolerances that follow from their type and size.
module internal Numbers =

    /// The distance from one to the next number of a type.
    let epsilon (dtype: torch.ScalarType) =
        if dtype = torch.float64 || dtype = torch.complex128 then
            2.2e-16
        elif dtype = torch.float32 || dtype = torch.complex64 then
            1.2e-7
        elif dtype = torch.float16 then
            9.8e-4
        elif dtype = torch.bfloat16 then
            7.9e-3
        else
            0.0

    /// Whether values are rounded, so that zeros may mean that nothing was computed. Zero among whole numbers is a
    /// number like any other, such as that of the first word.
    let rounds (x: torch.Tensor) = epsilon x.dtype > 0.0

    /// The largest absolute value, as a float; 0 for no values.
    let largest (x: torch.Tensor) =
        if x.numel () = 0L then
            0.0
        else
            use _ = torch.NewDisposeScope()

            let comparable =
                if x.is_floating_point () || x.is_complex () then
                    x
                else
                    x.``to`` torch.float64

            comparable.abs().max().``to``(torch.float64).item<double>()

    /// Rounding errors grow with every layer: the tolerance relative to the values' size. What would be more than a
    /// twentieth tells nothing, whatever the type.
    let tolerance dtype depth =
        min 0.05 (100.0 * epsilon dtype * float (1 + depth))

    /// A number for a sentence.
    let show (number: float) =
        if number = 0.0 then
            "0"
        elif abs number >= 1e-2 && abs number < 1e4 then
            number.ToString "0.###"
        else
            number.ToString "0.#e+0"

    /// The shape of a tensor, in brackets.
    let shape (x: torch.Tensor) =
        x.shape |> Seq.map string |> joined "," |> sprintf "[%s]"

    /// Moves every number by some roundings, equal ones alike: whatever symmetry the tensor has, it keeps.
    let shaken (roundings: int) (x: torch.Tensor) : torch.Tensor =
        let size = if x.is_floating_point () then largest x else 0.0

        if size = 0.0 || not (Double.IsFinite size) then
            x.alias ()
        else
            use scope = torch.NewDisposeScope()
            let exact = x.``to`` torch.float64
            // As good as random, but a function of the number alone.
            let wave = (exact * (1e5 * float roundings / size).ToScalar()).sin()

            let moved =
                exact * (wave * (epsilon x.dtype * float roundings).ToScalar() + 1.0.ToScalar())

            moved.``to``(x.dtype).MoveToOuterDisposeScope()

    /// Where two tensors differ most, and the values there.
    let private worst (left: torch.Tensor) (right: torch.Tensor) =
        use _ = torch.NewDisposeScope()

        let difference =
            if left.is_complex () then
                (left - right).abs()
            else
                (left.``to`` torch.float64 - right.``to`` torch.float64).abs()

        let place = difference.argmax().item<int64>()

        let index, _ =
            Array.mapFoldBack (fun length rest -> rest % length, rest / length) left.shape place

        let value (x: torch.Tensor) =
            let entry =
                x.flatten().index_select(0L, torch.tensor ([| place |], device = x.device))

            if x.is_complex () then
                $"{show (entry.real.``to``(torch.float64).item<double>())} + {show (entry.imag.``to``(torch.float64).item<double>())}i"
            else
                show (entry.``to``(torch.float64).item<double>())

        let entry = index |> Seq.map string |> joined ","
        $"at [{entry}]: {value left} and {value right}"

    /// The largest difference between two tensors of one shape.
    let distance (left: torch.Tensor) (right: torch.Tensor) =
        use _ = torch.NewDisposeScope()

        if left.is_complex () || right.is_complex () then
            largest (left - right)
        else
            largest (left.``to`` torch.float64 - right.``to`` torch.float64)

    /// <summary>Compares the two sides of a law on an input: what differs is called what.</summary>
    /// <param name="input">The input, for sentences.</param>
    /// <param name="what">The difference, for sentences.</param>
    /// <param name="declared">The largest difference allowed, where one was declared.</param>
    /// <param name="relative">Otherwise, the largest relative to the values.</param>
    /// <param name="noise">How far rounding errors alone move the sides.</param>
    let compare
        (input: string)
        what
        (declared: float option)
        (relative: float)
        (noise: unit -> float)
        (left: torch.Tensor)
        (right: torch.Tensor)
        =
        let disagree finding = Outcome.Disagree(input, finding)

        if left.shape <> right.shape then
            disagree $"the sides have the shapes {shape left} and {shape right}"
        else
            let size = max (largest left) (largest right)

            if not (Double.IsFinite size) then
                disagree "the values are not finite"
            elif size = 0.0 && left.numel () > 0L && (rounds left || rounds right) then
                Outcome.Inconclusive(input, "all values are zero, so nothing was compared")
            else
                let error = distance left right
                let allowed = declared |> Option.defaultValue (relative * size)

                if error <= allowed then
                    Outcome.Agree
                else
                    let unsure = if declared.IsSome then 0.0 else 4.0 * noise ()

                    if error > unsure then
                        disagree
                            $"max |{what}| = {show error} (tolerance {show (max allowed unsure)}), {worst left right}"
                    elif unsure <= 0.05 * size then
                        Outcome.Agree
                    else
                        Outcome.Inconclusive(
                            input,
                            $"max |{what}| = {show error}, but rounding errors alone make as much of a difference"
                        )
