/// The packages, as a project elsewhere uses them.
module Equivariant.Tests.Dsl.PackageTests

open System
open System.Diagnostics
open System.IO
open System.IO.Compression
open System.Runtime.CompilerServices
open Xunit
open Equivariant.Tests

type private Here =
    static member Path([<CallerFilePath>] ?path: string) = path.Value

let private root =
    Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here.Path()), "..", "..", ".."))

/// Runs dotnet; fails the test with what it says if it does not succeed.
let private dotnet (folder: string) (arguments: string list) =
    let info =
        ProcessStartInfo("dotnet", arguments, WorkingDirectory = folder, RedirectStandardOutput = true)

    // What the test run's own build set is not meant for this one.
    for name in List.ofSeq info.Environment.Keys do
        if name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) then
            info.Environment.Remove name |> ignore

    use running = Process.Start info
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()
    let command = String.concat " " arguments
    Assert.True((running.ExitCode = 0), $"dotnet {command} ends with {running.ExitCode}: {output}")
    output

let private globalPackages =
    match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
    | null
    | "" ->
        Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
    | folder -> folder

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

let private sources =
    """<configuration>
  <packageSources>
    <add key="packed" value="packages" />
  </packageSources>
</configuration>
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

[<Fact>]
let ``a project and a script elsewhere run from the packages`` () =
    // A version of its own, so that NuGet's folder of unpacked packages never answers for it.
    let version = $"0.0.1-test{DateTime.UtcNow.Ticks}"

    Program.inFolder (fun folder ->
        try
            let packages = Path.Combine(folder, "packages")

            for packed in
                [
                    "core/Equivariant.Core.csproj"
                    "dsl/Equivariant.fsproj"
                    "examples/pretrained/Equivariant.Pretrained.csproj"
                ] do
                dotnet root [
                    "pack"
                    packed
                    "-c"
                    "Release"
                    "-o"
                    packages
                    "--artifacts-path"
                    Path.Combine(folder, "artifacts")
                    $"-p:Version={version}"
                ]
                |> ignore

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
                        "README.md"
                    ]
                    "Equivariant.Pretrained",
                    [
                        "lib/net10.0/Equivariant.Pretrained.dll"
                        "lib/net10.0/Equivariant.Pretrained.xml"
                        "lib/net10.0/Equivariant.Pretrained.pdb"
                        "README.md"
                    ]
                ] do
                use archive = ZipFile.OpenRead(Path.Combine(packages, $"{id}.{version}.nupkg"))
                let found = archive.Entries |> Seq.map _.FullName |> Set.ofSeq

                for file in files do
                    Assert.Contains(file, found)

            let elsewhere =
                Directory.CreateDirectory(Path.Combine(folder, "elsewhere")).FullName

            let write name (text: string) =
                File.WriteAllText(Path.Combine(elsewhere, name), text)

            write "Elsewhere.fsproj" (project version)
            write "NuGet.Config" (sources.Replace("\"packages\"", $"\"{packages}\""))
            write "Program.fs" program
            let output = dotnet elsewhere [ "run"; "-c"; "Release" ]
            Assert.Contains("4 evaluations", output)
            Assert.Contains("scores [|1L; 4L; 50257L|]", output)
            write "Interactive.fsx" (script packages version)
            // Where the system's libstdc++ is old, the adapted library goes to a folder of this user's data.
            let output = dotnet elsewhere [ "fsi"; "Interactive.fsx" ]
            Assert.Contains("the value is 3", output)
            Assert.Contains("4 evaluations", output)
            Assert.Contains("scores [|1L; 4L; 50257L|]", output)
        finally
            for id in [ "equivariant"; "equivariant.core"; "equivariant.pretrained" ] do
                let unpacked = Path.Combine(globalPackages, id, version)

                if Directory.Exists unpacked then
                    Directory.Delete(unpacked, true))
