/// The example in C#, which uses the core alone.
module Equivariant.Tests.Dsl.CSharpExampleTests

open System
open System.IO
open System.Reflection
open TorchSharp
open Xunit
open Equivariant
open Equivariant.CSharp
open Equivariant.Tests

[<Fact>]
let ``the C# example runs, trains and checks itself`` () =
    let console = Console.Out
    use output = new StringWriter()
    Console.SetOut output

    try
        let entry = (typeof<TwoViews>.Assembly).EntryPoint
        Assert.Equal(0, entry.Invoke(null, [| Array.empty<string> |]) :?> int)
    finally
        Console.SetOut console

    Assert.Contains("24 evaluations for one pair, 32 for the naive average", output.ToString())

[<Fact>]
let ``the C# example costs what the same declaration in F# does`` () =
    let d4 =
        semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

    let model =
        network {
            input "front" (image 3 8 8 |> under d4 (rotations >< reflections))
            input "side" (image 3 8 8 |> under (cyclic 4) rotations)
            eq "front" (convNet 8)
            eq "side" (convNet 8)
            is ("side" --> "front") (convNet 8)
            is ("front" --> "side") (convNet 8)
            apply relu
            readout (invariant (classes 15))
        }

    use example = new TwoViews(8, 15)
    let report = Report.of' model
    Assert.Equal(report.Evaluations, bigint example.EvaluationsPerInput)
    Assert.Equal(report.Parameters, example.parameters () |> Seq.sumBy _.numel())

    // The same parameters in the same order; with the same numbers in them, the same values.
    let compiled = Model.compile Target.cpu model
    let pairs = Seq.zip (compiled.parameters ()) (example.parameters ()) |> List.ofSeq

    for mine, other in pairs do
        Assert.Equal<int64[]>(mine.shape, other.shape)
        use _ = torch.no_grad ()
        other.copy_ mine |> ignore

    let x = [| for _ in 1..2 -> torch.randn (4L, 3L, 8L, 8L) |]
    Tensors.assertClose 1e-6 (compiled.call(x)[0]) (example.call (x[0], x[1]))
