/// Graphs: reading, enumerating, and what the experiment makes of them.
module Equivariant.Tests.Graphs.GraphTests

open System
open System.IO
open TorchSharp
open Xunit
open Equivariant.Bench
open Equivariant.Graphs
open Equivariant.Tests
open Equivariant.Tests.Expect

[<Fact>]
let ``graph6 is read as McKay defines it`` () =
    // The example of the format's definition: five nodes, edges 0-2, 0-4, 1-3, 3-4.
    let graph = Graph.ofGraph6 "DQc"
    Assert.Equal(5, graph.Nodes)
    Assert.Equal<(int * int) list>([ 0, 2; 1, 3; 0, 4; 3, 4 ], List.ofArray graph.Edges)
    Assert.Equal(0, (Graph.ofGraph6 "?").Nodes)
    Assert.Equal(1, (Graph.ofGraph6 "@").Nodes)
    // Sixty-three nodes take the long form: ~ and three letters.
    let long = "~??~" + String('?', (63 * 62 / 2 + 5) / 6)
    Assert.Equal(63, (Graph.ofGraph6 long).Nodes)
    refused [ "5 nodes take 2 letters"; "1" ] (fun () -> Graph.ofGraph6 "DQ")
    refused [ "letters have to be from ? to ~" ] (fun () -> Graph.ofGraph6 "D Q")
    refused [ "no graph6" ] (fun () -> Graph.ofGraph6 "")

[<Fact>]
let ``all graphs up to isomorphism are enumerated, as many as Burnside's lemma counts`` () =
    // A000088 and A001349.
    let all = [ 1; 2; 4; 11; 34; 156; 1044 ]
    let connected = [ 1; 1; 2; 6; 21; 112; 853 ]

    for nodes, (all, connected) in List.indexed (List.zip all connected) do
        let graphs = Enumeration.all (nodes + 1)
        Assert.Equal(all, graphs.Length)
        Assert.Equal(bigint all, Enumeration.count (nodes + 1))
        Assert.Equal(connected, graphs |> Array.filter Graph.isConnected |> Array.length)

    Assert.Equal(12346I, Enumeration.count 8)
    refused [ "9 nodes"; "1 to 8" ] (fun () -> Enumeration.all 9)

[<Fact>]
let ``graphs become tensors, and numbering them otherwise moves the entries`` () =
    let graph = {
        Graph.ofGraph6 "DQc" with
            Kinds = [| 0; 1; 1; 0; 2 |]
    }

    let action = Design.action 6 3
    let images = [| 2; 0; 4; 1; 3 |]
    let x = Graph.tensor 6 3 [| graph |]
    Assert.Equal<int64[]>([| 1L; 6L; 9L |], x.shape)
    Assert.Equal(8.0f + 5.0f, x.sum().item<float32>())
    let moved = Graph.tensor 6 3 [| Graph.renumber images graph |]
    let g = action.Group.Element [| yield! images; 5 |]
    Tensors.assertClose 0.0 moved (action.Apply(g, x))
    refused [ "5 nodes"; "room for 4" ] (fun () -> Graph.tensor 4 3 [| graph |])
    refused [ "kind 2"; "there are 2" ] (fun () -> Graph.tensor 6 2 [| graph |])

[<Fact>]
let ``labelled graphs are read line by line, and what is none is refused with its line`` () =
    Program.inFolder (fun folder ->
        let written (text: string) =
            let path = Path.Combine(folder, "graphs.tsv")
            File.WriteAllText(path, text)
            path

        let examples = Graph.readExamples (written "1\t01101\tDQc\n0\t00000\tDQc\n")
        Assert.Equal(2, examples.Length)
        Assert.Equal(1L, examples[0].Label)
        Assert.Equal<int list>([ 0; 1; 1; 0; 1 ], List.ofArray examples[0].Graph.Kinds)

        refused [ "Line 2"; "label 0 or 1" ] (fun () ->
            Graph.readExamples (written "1\t01101\tDQc\n2\t0\tDQc\n"))

        refused [ "Line 1"; "4 kinds for 5 nodes" ] (fun () -> Graph.readExamples (written "1\t0110\tDQc\n"))
        refused [ "can't be read" ] (fun () -> Graph.readExamples (Path.Combine(folder, "none.tsv"))))

[<Fact>]
let ``pairs that are near stay so only where all embeddings agree`` () =
    let embeddings = (torch.tensor [| 0.0; 0.0005; 0.5; 0.5002; 2.0 |]).unsqueeze 1L
    let near = Separation.near 0.001 embeddings
    Assert.Equal<int64 list>([ 1L; 13L ], List.ofSeq (near.data<int64>()))
    let further = (torch.tensor [| 0.0; 1.0; 0.5; 0.5; 0.5 |]).unsqueeze 1L
    Assert.Equal<int64 list>([ 13L ], List.ofSeq ((Separation.stillNear 0.001 further near).data<int64>()))

[<Fact>]
let ``a network drawn anew is the one that would have been made`` () =
    let action = Design.action 4 0
    let settings = (Settings.ofPreset Preset.Tiny).Design
    let random = RestartableRandom 0

    let wrapped design =
        let net = Design.perceptron 4 0 8 0.0 3
        snd (Design.wrap settings action 0 random net design)

    let weights (net: torch.nn.Module) = [ for parameter in net.parameters () -> parameter.detach().clone() ]

    for design in Design.all do
        use scope = torch.NewDisposeScope()
        torch.manual_seed 5L |> ignore
        use made = wrapped design
        torch.manual_seed 6L |> ignore
        use other = wrapped design
        torch.manual_seed 5L |> ignore
        Design.redraw other

        for expected, actual in List.zip (weights made) (weights other) do
            Assert.True(expected.equal(actual).all().item<bool>(), Design.name design)

        // And so are the orders that are drawn for it.
        let x = Graph.tensor 4 0 (Array.ofSeq (Enumeration.connected 4))
        random.Restart 3
        let first = made.call x
        other.call x |> ignore
        random.Restart 3
        Assert.True(first.equal(other.call x).all().item<bool>(), Design.name design)

[<Fact>]
let ``a layer alone is drawn anew too`` () =
    torch.manual_seed 5L |> ignore
    use made = torch.nn.Linear(4L, 3L)
    use other = torch.nn.Linear(4L, 3L)
    torch.manual_seed 5L |> ignore
    Design.redraw other
    Assert.True(made.weight.equal(other.weight).all().item<bool>())
    Assert.True(made.bias.equal(other.bias).all().item<bool>())

[<Fact>]
let ``random numbers that start anew are those of their seed`` () =
    let restartable = RestartableRandom 1
    restartable.Next() |> ignore
    restartable.Restart 7
    let plain = Random 7

    let drawn (random: Random) =
        let shuffled = [| 0..20 |]
        random.Shuffle shuffled
        let bytes = Array.zeroCreate<byte> 5
        random.NextBytes bytes

        List.ofArray shuffled
        @ List.ofArray (Array.map int bytes)
        @ [ random.Next(); random.Next 1000; random.Next(5, 5000) ]
        @ List.map int [
            random.NextInt64() >>> 40
            random.NextInt64 1000L
            random.NextInt64(7L, 9999L)
        ]
        @ List.map (fun x -> int (1e6 * x)) [ random.NextDouble(); float (random.NextSingle()) ]

    Assert.Equal<int list>(drawn plain, drawn restartable)

[<Fact>]
let ``every design tells small graphs apart, and frames keep each together`` () =
    Program.inFolder (fun folder ->
        let run = Program.run [ "graphs"; "--tiny"; "--out"; folder ]
        Assert.True((run.Code = 0), run.Error)
        // The row of a design: 210 pairs of 21 graphs, none unseparated, by so many networks, and whether their numbers matter.
        let row (name: string) =
            let line =
                run.Output.Split '\n'
                |> Array.find (fun line -> line.Contains $" {name} " && line.Contains "210")

            line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            |> Array.rev
            |> Array.truncate 5
            |> Array.rev

        for name in [ "degrees"; "canonical"; "spectral" ] do
            match row name |> List.ofArray with
            | [ pairs; unseparated; networks; split; _ ] ->
                Assert.Equal<string list>([ "210"; "0"; "0.0" ], [ pairs; unseparated; split ])
                Assert.InRange(int networks, 1, 2)
            | other -> failwith $"{name}: {other}"

        Assert.Equal("0", (row "probabilistic")[1])
        Assert.NotEqual<string>("0.0", (row "MLP alone")[3]))
