namespace Equivariant.Tests

open System
open System.IO
open Xunit

/// The repository's packages, made once for all tests that use them.
type Packages() =
    // A version of its own, so that NuGet's folder of unpacked packages never answers for it.
    let version = $"0.0.1-test{DateTime.UtcNow.Ticks}"
    let made = Directory.CreateTempSubdirectory("equivariant-packages-").FullName
    let folder = Path.Combine(made, "packages")

    do
        for project in
            [
                "core/Equivariant.Core.csproj"
                "dsl/Equivariant.fsproj"
                "examples/pretrained/Equivariant.Pretrained.csproj"
                "examples/template/Equivariant.Templates.csproj"
            ] do
            Program.dotnet Repository.root [
                "pack"
                project
                "-c"
                "Release"
                "-o"
                folder
                "--artifacts-path"
                Path.Combine(made, "artifacts")
                $"-p:Version={version}"
            ]
            |> ignore

    member _.Version = version

    /// Where they lie, for "#i nuget: FOLDER".
    member _.Folder = folder

    /// The file of a package.
    member _.File(id: string) =
        Path.Combine(folder, $"{id}.{version}.nupkg")

    /// Lets a folder's projects find them.
    member _.AddSource(project: string) =
        File.WriteAllText(
            Path.Combine(project, "NuGet.Config"),
            $"<configuration><packageSources><add key=\"packed\" value=\"{folder}\" /></packageSources></configuration>\n"
        )

    interface IDisposable with
        member _.Dispose() =
            Directory.Delete(made, true)

            for id in [ "equivariant"; "equivariant.core"; "equivariant.pretrained" ] do
                let unpacked = Path.Combine(Repository.unpackedPackages, id, version)

                if Directory.Exists unpacked then
                    Directory.Delete(unpacked, true)

[<CollectionDefinition "packages">]
type PackagesCollection() =
    interface ICollectionFixture<Packages>
