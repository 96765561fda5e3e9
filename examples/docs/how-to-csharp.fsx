(**
---
title: From C#
category: How to
categoryindex: 2
index: 7
description: The core alone, as any TorchSharp program uses it.
---

# From C#

The language is F#; what it declares is computed by `Equivariant.Core`, which is pleasant from C# alone. Reference the package (or
`core/Equivariant.Core.csproj`) beside `libtorch-cpu-linux-x64`.

## A design around a module

This is the program `examples/csharp`, which the tests run. Its model has two views, each under a group of its own:
*)

(*** hide ***)
let source name =
    System.IO.File.ReadAllText(System.IO.Path.Combine(__SOURCE_DIRECTORY__, "..", "csharp", name))

let shown (text: string) =
    $"<pre class=\"csharp\"><code>{System.Net.WebUtility.HtmlEncode(text.Trim())}</code></pre>"

let between (first: string) (last: string) (text: string) =
    let start = text.IndexOf first
    text.Substring(start, text.IndexOf(last, start) - start)

let unindented (text: string) =
    text.Split '\n'
    |> Array.map (fun line -> if line.StartsWith "    " then line.Substring 4 else line)
    |> String.concat "\n"

shown (
    source "TwoViews.cs"
    |> between "    /// <summary>Builds the network" "    /// <summary>Gets the group of the front."
    |> unindented
)

(*** include-it-raw ***)

(**
It is a `torch.nn.Module`: it trains with any optimiser, saves and loads like one.
*)

(*** hide ***)
shown (source "Program.cs")

(*** include-it-raw ***)

(**
## One input

| in F# | in C# |
| --- | --- |
| `eq "x" net equitune` | `new Equitune(net, inputAction, outputAction)` |
| `quotient` | `new QuotientDesign(net, QuotientTerm.Default(group), inputAction, outputAction)` |
| `canonical`, `framed` | `new Canonicalise(…)`, `new FrameAverage(…)` |
| `linear 8` | `new EquivariantLinear(…)` |
| `(Report.of' model).Evaluations` | `DesignReport.Of(…)` |

All constructors are in the reference: `cref:T:Equivariant.Core.Designs.Equitune`, `cref:T:Equivariant.Core.Designs.QuotientDesign`,
`cref:T:Equivariant.Core.Layers.EquivariantLinear`.

## Laws in a C# test project

The laws are in the package `Equivariant` and need no F#: `Laws.equivariant(module, input, output, Sampling.normal(shape))` gives a law, and
`LawModule.require(law)` throws with the smallest counterexample.
*)
