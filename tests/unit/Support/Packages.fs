namespace Equivariant.Tests

open System
open System.IO
open System.Runtime.CompilerServices
open Xunit

type private Repository =
    static member Root([<CallerFilePath>] ?path: string) =
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName path.Value, "..", "..", ".."))

/// The repository's packages, made once for all tests that use them.
type Packages() =
    let root = Repository.Root()

    // A version of its own, so that NuGet's folder of unpacked packages never answers for it.
    let version = $"0.0.1-test{DateTime.UtcNow.Ticks}"
    let made = Directory.CreateTempSubdirectory("equivariant-packages-").FullName
    let folder = Path.Combine(made, "packages")

    let unpacked =
        match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
        | null
        | "" ->
            Path.Combine(
                Environment.GetFolderPath Environment.SpecialFolder.UserProfile,
                ".nuget",
                "packages"
            )
        | folder -> folder

    do
        for project in
            [
                "core/Equivariant.Core.csproj"
                "dsl/Equivariant.fsproj"
                "examples/pretrained/Equivariant.Pretrained.csproj"
                "examples/template/Equivariant.Templates.csproj"
            ] do
            Program.dotnet root [
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
                let unpacked = Path.Combine(unpacked, id, version)

                if Directory.Exists unpacked then
                    Directory.Delete(unpacked, true)

[<CollectionDefinition "packages">]
type PackagesCollection() =
    interface ICollectionFixture<Packages>
