namespace Equivariant.Graphs

open System
open System.IO
open System.IO.Compression
open TorchSharp
open Equivariant.Core

/// <summary>An undirected graph, perhaps with a feature for each node.</summary>
type Graph = {
    Nodes: int
    /// <summary>Pairs of nodes, the smaller first.</summary>
    Edges: (int * int)[]
    /// <summary>A number below the number of kinds for each node; empty where all nodes are alike.</summary>
    Kinds: int[]
}

/// <summary>A graph to be told from others.</summary>
type Example = { Graph: Graph; Label: int64 }

/// <summary>Reads graphs, and turns them into tensors.</summary>
[<RequireQualifiedAccess>]
module Graph =

    let private refuse (message: string) = raise (EquivariantException message)

    /// <summary>Reads McKay's graph6: the upper triangle of the adjacency matrix, six entries in a letter.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The text is no graph of up to 62 nodes, or none of the long form up to 258 047.</exception>
    let ofGraph6 (text: string) : Graph =
        let letters = text.Trim() |> Seq.map (fun letter -> int letter - 63) |> Array.ofSeq

        if
            letters.Length = 0
            || letters |> Array.exists (fun value -> value < 0 || value > 63)
        then
            refuse $"\"{text}\" is no graph6: its letters have to be from ? to ~."

        let nodes, letters =
            if letters[0] < 63 then
                letters[0], letters[1..]
            elif letters.Length > 3 && letters[1] < 63 then
                (letters[1] <<< 12) ||| (letters[2] <<< 6) ||| letters[3], letters[4..]
            else
                refuse $"\"{text}\" is no graph6 of less than 258 048 nodes."

        let pairs = nodes * (nodes - 1) / 2

        if letters.Length <> (pairs + 5) / 6 then
            refuse
                $"\"{text}\" is no graph6: %d{nodes} nodes take %d{(pairs + 5) / 6} letters of edges, but there are %d{letters.Length}."

        let isEdge place =
            (letters[place / 6] >>> (5 - place % 6)) &&& 1 = 1

        {
            Nodes = nodes
            Edges = [|
                for j in 1 .. nodes - 1 do
                    for i in 0 .. j - 1 do
                        if isEdge (j * (j - 1) / 2 + i) then
                            i, j
            |]
            Kinds = [||]
        }

    /// <summary>Whether every node can be reached from every other.</summary>
    let isConnected (graph: Graph) =
        let neighbours = Array.create graph.Nodes []

        for i, j in graph.Edges do
            neighbours[i] <- j :: neighbours[i]
            neighbours[j] <- i :: neighbours[j]

        let rec reach (seen: Set<int>) frontier =
            match frontier with
            | [] -> seen
            | node :: rest ->
                let fresh = neighbours[node] |> List.filter (fun other -> not (seen.Contains other))
                reach (Set.union seen (Set.ofList fresh)) (fresh @ rest)

        graph.Nodes = 0 || (reach (Set.singleton 0) [ 0 ]).Count = graph.Nodes

    /// <summary>The same graph with its nodes renumbered: node i becomes images[i].</summary>
    let renumber (images: int[]) (graph: Graph) : Graph = {
        graph with
            Edges = [|
                for i, j in graph.Edges -> min images[i] images[j], max images[i] images[j]
            |]
            Kinds =
                if graph.Kinds.Length = 0 then
                    [||]
                else
                    let kinds = Array.zeroCreate graph.Nodes
                    graph.Kinds |> Array.iteri (fun node kind -> kinds[images[node]] <- kind)
                    kinds
    }

    /// <summary>Graphs as one tensor, [B, n, n + kinds]: adjacency matrices, with a one for each node's kind behind them.</summary>
    /// <param name="nodes">The number n of nodes; smaller graphs get nodes without edges and without a kind.</param>
    /// <param name="kinds">The number of kinds of nodes; 0 where all are alike.</param>
    /// <param name="graphs">The graphs.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A graph has more nodes, or a node another kind.</exception>
    let tensor (nodes: int) (kinds: int) (graphs: Graph[]) : torch.Tensor =
        let width = nodes + kinds
        let entries: float32[] = Array.zeroCreate (graphs.Length * nodes * width)

        for row, graph in Array.indexed graphs do
            if graph.Nodes > nodes then
                refuse $"A graph has %d{graph.Nodes} nodes, but the signal has room for %d{nodes}."

            let at i j = (row * nodes + i) * width + j

            for i, j in graph.Edges do
                entries[at i j] <- 1.0f
                entries[at j i] <- 1.0f

            for node, kind in Array.indexed graph.Kinds do
                if kind < 0 || kind >= kinds then
                    refuse $"A node is of kind %d{kind}, but there are %d{kinds}, from 0."

                entries[at node (nodes + kind)] <- 1.0f

        torch.tensor(entries).view(int64 graphs.Length, int64 nodes, int64 width)

    /// <summary>Reads labelled graphs, one a line: a label, each node's kind as a digit, and graph6, divided by tabs; .gz files too.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such file, or a line is none of these.</exception>
    let readExamples (path: string) : Example[] =
        let lines =
            try
                use file = File.OpenRead path

                use text =
                    new StreamReader(
                        if path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) then
                            new GZipStream(file, CompressionMode.Decompress) :> Stream
                        else
                            file
                    )

                text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            with
            | :? IOException
            | :? UnauthorizedAccessException
            | :? InvalidDataException as error -> refuse $"%s{path} can't be read: %s{error.Message}"

        [|
            for number, line in Array.indexed lines ->
                match line.TrimEnd('\r').Split('\t') with
                | [| label; kinds; text |] when
                    Seq.forall Char.IsAsciiDigit kinds && (label = "0" || label = "1")
                    ->
                    let graph = ofGraph6 text

                    if kinds.Length <> graph.Nodes then
                        refuse
                            $"Line %d{number + 1} of %s{path} has %d{kinds.Length} kinds for %d{graph.Nodes} nodes."

                    {
                        Graph = {
                            graph with
                                Kinds = [| for kind in kinds -> int kind - int '0' |]
                        }
                        Label = int64 label
                    }
                | _ ->
                    refuse
                        $"Line %d{number + 1} of %s{path} has to be a label 0 or 1, the nodes' kinds as digits, and graph6, divided by tabs."
        |]
