// 7. Graphs, told apart by a network that reads their matrices, however their nodes are numbered.
#load "equivariant.fsx"
#r "cli/bin/Release/net10.0/Equivariant.Graphs.dll"

open Equivariant
open Equivariant.Graphs

// All graphs with some nodes, one of each kind: the orbits of a symmetric group on sets of edges.
// Burnside's lemma counts them without a list.
for n in 1..6 do
    let graphs = Enumeration.all n
    let connected = graphs |> Array.filter Graph.isConnected

    printfn
        $"{n} nodes: {graphs.Length} graphs ({Enumeration.count n} by Burnside's lemma), {connected.Length} connected"
