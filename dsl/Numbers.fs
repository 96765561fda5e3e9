namespace Equivariant

open System
open TorchSharp

/// Comparing tensors, with tolerances that follow from their type.
module internal Numbers =

    /// The distance from one to the next number of a type.
    let epsilon (dtype: torch.ScalarType) =
        if dtype = torch.float64 then 2.2e-16
        elif dtype = torch.float32 then 1.2e-7
        elif dtype = torch.float16 then 9.8e-4
        elif dtype = torch.bfloat16 then 7.9e-3
        else 0.0

    /// The largest absolute value, as a float; 0 for no values.
    let largest (x: torch.Tensor) =
        if x.numel () = 0L then
            0.0
        else
            use magnitude = x.abs().max().``to`` torch.float64
            magnitude.item<double>()

    /// Rounding errors grow with every layer: the tolerance relative to the values' size.
    let tolerance dtype depth =
        100.0 * epsilon dtype * float (1 + depth)

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

    /// Compares the two sides of a law on an input: what differs is called what.
    let compare
        (input: torch.Tensor)
        what
        (declared: float option)
        depth
        (left: torch.Tensor)
        (right: torch.Tensor)
        =
        let disagree finding = Outcome.Disagree(shape input, finding)

        if left.shape <> right.shape then
            disagree $"the sides have the shapes {shape left} and {shape right}"
        else
            let size = max (largest left) (largest right)
            let error = largest (left - right)

            let tolerance =
                declared
                |> Option.defaultWith (fun () -> tolerance left.dtype depth * max size 1e-3)

            if not (Double.IsFinite size) then
                disagree "the values are not finite"
            elif size = 0.0 && left.numel () > 0L then
                disagree "all values are zero, so nothing was compared"
            elif error <= tolerance then
                Outcome.Agree
            else
                disagree $"max |{what}| = {show error} (tolerance {show tolerance})"
