(**
---
title: 9. Graphs
category: Tutorials
categoryindex: 1
index: 9
description: All graphs with some nodes, enumerated by the group engine.
---

# Graphs

A graph stays the same however its nodes are numbered: a symmetric group moves its matrix. This page counts and lists the
graphs with few nodes, one of each kind. `equivariant graphs` goes on from here: it tells all 11 117 connected graphs with 8
nodes apart by untrained perceptrons under frames. (This page uses the experiment's library, so run it in the repository.)
*)

#load "../equivariant.fsx"
#r "../cli/bin/Release/net10.0/Equivariant.Graphs.dll"

open Equivariant
open Equivariant.Graphs

(**
All graphs with some nodes, one of each kind: the orbits of a symmetric group on sets of edges.
Burnside's lemma counts them without a list.
*)

for n in 1..6 do
    let graphs = Enumeration.all n
    let connected = graphs |> Array.filter Graph.isConnected

    printfn
        $"{n} nodes: {graphs.Length} graphs ({Enumeration.count n} by Burnside's lemma), {connected.Length} connected"

(*** include-output ***)
