/// The laws of the model: groups, actions, and that the model is equivariant. FsCheck tries them, one test for each.
module EquivariantModel.Tests.Laws

open Xunit
open Equivariant
open EquivariantModel

let laws: obj[] seq = Laws.rows (Laws.ofModel Model.declared)

[<Theory; MemberData(nameof laws)>]
let ``the model keeps its laws`` (law: Law) = Law.require law
