module Equivariant.Tests.Smoke
open Xunit
open TorchSharp
[<Fact>]
let ``tensor`` () = Assert.Equal(3L, torch.arange(3).numel())
