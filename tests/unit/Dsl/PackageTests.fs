/// The packages, as a project elsewhere uses them.
module Equivariant.Tests.Dsl.PackageTests

open System.IO
open System.IO.Compression
open Xunit
open Equivariant.Tests

let private project version =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <InvariantGlobalization>true</InvariantGlobalization>
    <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
  </PropertyGroup>
  <ItemGroup>
    <Compile Include="Program.fs" />
    <PackageReference Include="Equivariant" Version="{version}" />
    <PackageReference Include="Equivariant.Pretrained" Version="{version}" />
    <PackageReference Include="libtorch-cpu-linux-x64" Version="2.10.0" />
  </ItemGroup>
</Project>
"""

let private program =
    """open Equivariant

let model = network {
    input "x" (image 1 4 4 |> under (cyclic 4) rotations)
    eq "x" (convNet 2)
}

Laws.check model
printfn "%A evaluations" (Report.of' model).Evaluations

open TorchSharp
open Equivariant.Pretrained

let sizes = Gpt2Config(VocabularySize = 50257, ContextLength = 8, Width = 4, Layers = 1, Heads = 2)
let gpt2 = new Gpt2(sizes, new torch.Generator(1UL))
printfn "scores %A" (gpt2.Logits(Gpt2Tokenizer.Standard.Encode "The man worked as")).shape
"""

/// The same in F# Interactive, torch first: nothing of Equivariant has run by then.
let private script packages version =
    $"#i \"nuget: {packages}\"\n#r \"nuget: Equivariant, {version}\"\n#r \"nuget: Equivariant.Pretrained, {version}\"\n#r \"nuget: libtorch-cpu-linux-x64, 2.10.0\"\n"
    + "printfn \"the value is %g\" (TorchSharp.torch.ones(3L).sum().item<float32>())\n"
    + program

/// Tests that use the packages, which are made once.
[<Collection "packages">]
type PackageTests(packages: Packages) =

    [<Fact>]
    member _.``the packages hold what they should``() =
        for id, files in
            [
                "Equivariant.Core",
                [
                    "lib/net10.0/Equivariant.Core.dll"
                    "lib/net10.0/Equivariant.Core.xml"
                    "lib/net10.0/Equivariant.Core.pdb"
                    "buildTransitive/Equivariant.Core.targets"
                    "buildTransitive/LibStdCxx.cs"
                    "README.md"
                ]
                "Equivariant",
                [
                    "lib/net10.0/Equivariant.dll"
                    "lib/net10.0/Equivariant.xml"
                    "lib/net10.0/Equivariant.pdb"
                    "content/Equivariant.fsx"
                    "interactive-extensions/dotnet/extension.dib"
                    "README.md"
                ]
                "Equivariant.Pretrained",
                [
                    "lib/net10.0/Equivariant.Pretrained.dll"
                    "lib/net10.0/Equivariant.Pretrained.xml"
                    "lib/net10.0/Equivariant.Pretrained.pdb"
                    "README.md"
                ]
                "Equivariant.Templates",
                [
                    "content/.template.config/template.json"
                    "content/EquivariantModel.fsproj"
                    "content/tests/Laws.fs"
                    "README.md"
                ]
            ] do
            use archive = ZipFile.OpenRead(packages.File id)
            let found = archive.Entries |> Seq.map _.FullName |> Set.ofSeq

            for file in files do
                Assert.Contains(file, found)

    [<Fact>]
    member _.``a project and a script elsewhere run from the packages``() =
        Program.inFolder (fun folder ->
            let write name (text: string) =
                File.WriteAllText(Path.Combine(folder, name), text)

            packages.AddSource folder
            write "Elsewhere.fsproj" (project packages.Version)
            write "Program.fs" program
            let output = Program.dotnet folder [ "run"; "-c"; "Release" ]
            Assert.Contains("4 evaluations", output)
            Assert.Contains("scores [|1L; 4L; 50257L|]", output)
            write "Interactive.fsx" (script packages.Folder packages.Version)
            // Where the system's libstdc++ is old, the adapted library goes to a folder of this user's data.
            let output = Program.dotnet folder [ "fsi"; "Interactive.fsx" ]
            Assert.Contains("the value is 3", output)
            Assert.Contains("4 evaluations", output)
            Assert.Contains("scores [|1L; 4L; 50257L|]", output))

    [<Fact>]
    member _.``the template makes a project that trains and keeps its laws``() =
        Program.inFolder (fun folder ->
            let hive = [ "--debug:custom-hive"; Path.Combine(folder, "hive") ]

            Program.dotnet folder ([ "new"; "install"; packages.File "Equivariant.Templates" ] @ hive)
            |> ignore

            let output =
                Program.dotnet folder ([ "new"; "equivariant-model"; "-o"; "MyModel" ] @ hive)

            Assert.Contains("created successfully", output)
            let made = Path.Combine(folder, "MyModel")
            packages.AddSource made
            Assert.DoesNotContain("EQUIVARIANT", File.ReadAllText(Path.Combine(made, "MyModel.fsproj")))
            Assert.StartsWith("/// The model", File.ReadAllText(Path.Combine(made, "Model.fs")))
            let tested = Program.dotnet made [ "test"; "tests"; "-c"; "Release" ]
            Assert.Matches("Passed: +[5-9]", tested)
            let trained = Program.dotnet made [ "run"; "-c"; "Release" ]

            let right =
                System.Text.RegularExpressions.Regex.Match(
                    trained,
                    @"right: (\d+) ?% upright, (\d+) ?% turned"
                )

            Assert.True(right.Success, trained)
            // The answer does not depend on the pose, and is better than chance.
            Assert.Equal(right.Groups[1].Value, right.Groups[2].Value)
            Assert.InRange(int right.Groups[1].Value, 75, 100)
            Assert.True(File.Exists(Path.Combine(made, "model.safetensors"))))
