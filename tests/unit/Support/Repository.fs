/// Where things are that tests read.
module Equivariant.Tests.Repository

open System
open System.IO
open System.Runtime.CompilerServices

type private Here =
    static member Path([<CallerFilePath>] ?path: string) = path.Value

/// The folder of the repository.
let root =
    Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here.Path()), "..", "..", ".."))

/// A file or folder of the repository.
let path (parts: string list) =
    Path.GetFullPath(Path.Combine(Array.ofList (root :: parts)))

/// NuGet's folder of unpacked packages.
let unpackedPackages =
    match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
    | null
    | "" ->
        Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
    | folder -> folder
