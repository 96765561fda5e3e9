module Equivariant.Tests.Views.ViewsCommandTests

open System
open System.IO
open System.Text.Json
open Xunit
open Equivariant.Images
open Equivariant.Tests.Program

let private picture name =
    Path.Combine(AppContext.BaseDirectory, "Views", "data", "pictures", name)

/// A directory of classes, each with copies of one picture.
let private classes (root: string) (classes: (string * string * int) list) =
    let images = Path.Combine(root, "images")

    for name, file, count in classes do
        Directory.CreateDirectory(Path.Combine(images, name)) |> ignore

        for i in 1..count do
            File.Copy(picture file, Path.Combine(images, name, $"{i}{Path.GetExtension file}"))

    images

let private tiny arguments folder =
    run ([ "views"; "--tiny"; "--out"; Path.Combine(folder, "out") ] @ arguments)

let private accuracies (folder: string) =
    use json =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "out", "results.json")))

    [
        for run in json.RootElement.GetProperty("runs").EnumerateArray() do
            for figure in run.GetProperty("figures").EnumerateArray() do
                if figure.GetProperty("name").GetString().StartsWith "best" |> not then
                    figure.GetProperty("name").GetString(), figure.GetProperty("value").GetDouble()
    ]

[<Fact>]
let ``a run of the shipped images gives a figure for each cell, and equivariant models answer alike`` () =
    inFolder (fun folder ->
        let ending =
            tiny
                [
                    "--models"
                    "siamese,eq-is,multi-gcnn-fusion"
                    "--groups"
                    "C4,none"
                    "--training"
                    "upright"
                ]
                folder

        Assert.True((ending.Code = 0), ending.Error)
        let found = accuracies folder
        // Three models and, where something moves them, views as they are and moved.
        Assert.Equal(6, found |> List.filter (fun (name, _) -> name = "upright") |> List.length)
        Assert.Equal(3, found |> List.filter (fun (name, _) -> name = "moved") |> List.length)

        match found |> List.filter (fun (name, _) -> name = "same answer") |> List.map snd with
        | plain :: equivariant ->
            Assert.InRange(plain, 0.0, 0.99)
            Assert.Equal<float list>([ 1.0; 1.0 ], equivariant)
        | other -> Assert.Fail $"{other}"

        Assert.Contains("laws hold on the trained model", ending.Output)
        Assert.Contains("The paper claims", ending.Output))

[<Fact>]
let ``folders of images are learnt from, whatever their modes`` () =
    inFolder (fun folder ->
        let images =
            classes folder [
                "dark", "grey-16.png", 20
                "light", "turned-6.jpg", 20
                "other", "alpha.png", 20
            ]

        let ending =
            tiny
                [
                    "--data"
                    images
                    "--side"
                    "16"
                    "--models"
                    "siamese"
                    "--groups"
                    "C4"
                    "--training"
                    "moved"
                ]
                folder

        Assert.True((ending.Code = 0), ending.Error)
        Assert.NotEmpty(accuracies folder))

/// Fails unless a run is refused with one sentence that has all parts, and leaves nothing behind.
let private refusedRun (parts: string list) arguments folder =
    let ending = tiny arguments folder
    Assert.NotEqual(0, ending.Code)

    // Progress may stand before it.
    let sentence = ending.Error.TrimEnd().Split '\n' |> Array.last

    for part in parts do
        Assert.Contains(part, sentence)

    Assert.DoesNotContain("   at ", ending.Error)
    Assert.False(File.Exists(Path.Combine(folder, "out", "results.json")))
    Assert.Empty(Directory.GetFiles(folder, "seed-*", SearchOption.AllDirectories))

[<Fact>]
let ``what can't be learnt from is refused with a sentence, before anything is written`` () =
    inFolder (fun folder ->
        let data images = [ "--data"; images ]
        let images = classes folder [ "cat", "rgb.png", 10 ]
        refusedRun [ "one class only"; "\"cat\"" ] (data images) folder
        classes folder [ "dog", "rgb.png", 1 ] |> ignore
        refusedRun [ "\"dog\""; "one image"; "2 views" ] (data images) folder
        refusedRun [ "\"dog\""; "one image"; "3 views" ] (data images @ [ "--views"; "2,3" ]) folder
        Directory.CreateDirectory(Path.Combine(images, "empty")) |> ignore
        refusedRun [ "empty"; "no images" ] (data images) folder
        refusedRun [ "nowhere" ] (data (Path.Combine(folder, "nowhere"))) folder
        refusedRun [ "'nothing' is no model"; "eq-is" ] [ "--models"; "nothing" ] folder
        Assert.False(Directory.Exists(Path.Combine(folder, "out"))))

[<Fact>]
let ``a truncated image is named, and skipped and counted when asked`` () =
    inFolder (fun folder ->
        let images = classes folder [ "cat", "turned-1.jpg", 12; "dog", "rgb.png", 12 ]
        let broken = Path.Combine(images, "cat", "7.jpg")
        let content = File.ReadAllBytes broken
        File.WriteAllBytes(broken, content[.. content.Length / 2])

        let options = [
            "--data"
            images
            "--side"
            "16"
            "--models"
            "siamese"
            "--groups"
            "C4"
            "--training"
            "upright"
        ]

        refusedRun [ broken; "cut short" ] options folder
        Directory.Delete(Path.Combine(folder, "out"), true)
        let ending = tiny (options @ [ "--skip-broken" ]) folder
        Assert.True((ending.Code = 0), ending.Error)
        Assert.Contains("1 image can't be decoded", ending.Output)
        Assert.Contains(broken, ending.Output))

[<Fact>]
let ``truncated IDX files are refused by name`` () =
    inFolder (fun folder ->
        let images = Path.Combine(folder, "idx")
        Directory.CreateDirectory images |> ignore

        let write name shape =
            let size = List.fold (*) 1 shape

            Idx.write (Path.Combine(images, name)) {
                Shape = shape
                Bytes = Array.init size (fun i -> byte (i % 2))
            }

        for part in [ "train"; "t10k" ] do
            write $"{part}-images-idx3-ubyte" [ 20; 16; 16 ]
            write $"{part}-labels-idx1-ubyte" [ 20 ]

        let options = [ "--data"; images; "--models"; "siamese"; "--groups"; "none" ]
        Assert.Equal(0, (tiny options folder).Code)
        Directory.Delete(Path.Combine(folder, "out"), true)
        let file = Path.Combine(images, "t10k-images-idx3-ubyte")
        File.WriteAllBytes(file, (File.ReadAllBytes file)[..999])
        refusedRun [ file; "cut short" ] options folder)
