/// The adaptation of TorchSharp's native library to older systems.
module Equivariant.Tests.Native.LibStdCxxTests

open System
open System.IO
open System.Text
open TorchSharp
open Xunit
open Equivariant.Core.Native
open Equivariant.Tests

/// The library as its package has it.
let private image () =
    let version = typeof<torch>.Assembly.GetName().Version.ToString 3

    File.ReadAllBytes(
        Path.Combine(
            Repository.unpackedPackages,
            "torchsharp",
            version,
            "runtimes/linux-x64/native/libLibTorchSharp.so"
        )
    )

[<Fact>]
let ``three spots are rewritten, and once`` () =
    let before = image ()
    let after = image ()
    Assert.Null(LibStdCxx.Rewrite after)

    let changed =
        Seq.zip before after |> Seq.filter (fun (a, b) -> a <> b) |> Seq.length
    // The symbol's name (its tail and zeros), two digits of the version, four bytes of its hash.
    Assert.InRange(changed, 10, 35)
    Assert.DoesNotContain("\000GLIBCXX_3.4.32\000", Encoding.Latin1.GetString after)
    Assert.Equal(LibStdCxx.AlreadyDone, LibStdCxx.Rewrite after)

[<Fact>]
let ``what is no such library is left alone, and the reason said`` () =
    Assert.Contains("ELF", LibStdCxx.Rewrite [| 1uy .. 200uy |])
    Assert.Contains("outside the file", LibStdCxx.Rewrite((image ())[..4095]))
    let other = image ()
    // Another hash than that of the name: not the file that was looked into.
    let text = Encoding.Latin1.GetString other
    let at = text.IndexOf "_ZSt21ios_base_library_initv"
    other[at + 5] <- byte 'X'
    Assert.Contains("other than", LibStdCxx.Rewrite other)
