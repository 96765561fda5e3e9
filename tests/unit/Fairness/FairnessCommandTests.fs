/// The experiment's command.
module Equivariant.Tests.Fairness.FairnessCommandTests

open System
open System.IO
open Xunit
open Equivariant.Fairness
open Equivariant.Tests

let private complains (parts: string list) arguments =
    let ending = Program.run arguments
    Assert.NotEqual(0, ending.Code)
    Assert.DoesNotContain("\n", ending.Error.Trim())

    for part in parts do
        Assert.Contains(part, ending.Error)

[<Fact>]
let ``a run compares all models, leaves its samples, and repeats nothing`` () =
    Program.inFolder (fun folder ->
        let out = Path.Combine(folder, "run")
        let ending = Program.run [ "fairness"; "--tiny"; "--out"; out ]
        Assert.True((ending.Code = 0), ending.Error)

        for name, _ in Variant.all do
            Assert.Contains(name, ending.Output)

        Assert.Contains("The laws of multi-EquiLM hold", ending.Output)
        let tables = Directory.GetFiles(out, "samples-seed-1-*.tsv")
        Assert.Equal(Variant.all.Length, tables.Length)

        for table in tables do
            Assert.Equal(120, (Samples.read table).Length)

        Assert.Equal(Variant.all.Length + 1, Directory.GetFiles(out, "regard-*.svg").Length)
        let again = Program.run [ "fairness"; "--tiny"; "--out"; out; "--resume" ]
        Assert.Equal(ending.Output, again.Output)

        // Samples are scored by whoever has them: here by the words that they are made of, but for a model's tables.
        let scored =
            Program.run [
                "fairness"
                "--tiny"
                "--model"
                folder
                "--variants"
                "plain"
                "--out"
                Path.Combine(folder, "other")
            ]

        Assert.NotEqual(0, scored.Code)
        Assert.Contains("config.json", scored.Error))

[<Fact>]
let ``what is wrong is one sentence`` () =
    Program.inFolder (fun folder ->
        let file name (text: string) =
            let path = Path.Combine(folder, name)
            File.WriteAllText(path, text)
            path

        let out = Path.Combine(folder, "out")

        complains [ "'fairLM' is no variant"; "multi-EquiLM" ] [
            "fairness"
            "--tiny"
            "--variants"
            "fairLM"
        ]

        complains [ "--model"; "no such" ] [ "fairness"; "--model"; Path.Combine(folder, "nowhere") ]
        complains [ "no file 'x.tsv'" ] [ "fairness"; "--evaluate"; "x.tsv" ]
        complains [ "--bias 101" ] [ "fairness"; "--bias"; "101" ]
        complains [ "has no samples" ] [ "fairness"; "--samples"; file "empty.tsv" ""; "--out"; out ]

        complains [ "model.onnx"; folder ] [
            "fairness"
            "--samples"
            file "one.tsv" "The man worked as a cook.\n"
            "--classifier"
            folder
            "--out"
            out
        ]

        // GPT-2's weights without its words.
        for name in [ "config.json"; "model.safetensors" ] do
            File.Copy(Pretrained.Fixture.path $"gpt2_tiny/{name}", Path.Combine(folder, name))

        complains [ "vocab.json" ] [
            "fairness"
            "--model"
            folder
            "--variants"
            "plain"
            "--out"
            Path.Combine(folder, "model")
        ])
