/// The floors of core, read off its sources: nothing lower knows anything higher, and nothing above the groups sees their engine.
module Equivariant.Tests.Api.ArchitectureTests

open System
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open Xunit
open Equivariant.Core.Groups
open Equivariant.Tests

let private core = Repository.path [ "core" ]

/// Each folder may know those on floors below, and itself.
let private floors = [
    [ "Native"; "Serialization" ]
    [ "Groups"; "Distributed" ]
    [ "Actions" ]
    [ "Facts"; "Orbits"; "Representations" ]
    [ "Designs" ]
    [ "Sequences"; "Layers"; "Compact" ]
]

let private floorOf folder =
    floors |> List.tryFindIndex (List.contains folder)

let private sources folder =
    Directory.GetFiles(Path.Combine(core, folder), "*.cs", SearchOption.AllDirectories)
    |> List.ofArray

/// A file's code, without what it says in comments and strings.
let private code (file: string) =
    Regex.Replace(File.ReadAllText file, "//[^\n]*|\"(\\\\.|[^\"\\\\\n])*\"", "")

let private folders =
    Directory.GetDirectories core
    |> Array.map (fun folder -> string (Path.GetFileName folder))
    |> Array.filter (fun folder -> folder <> "bin" && folder <> "obj")
    |> List.ofArray

let private words file =
    Regex.Matches(code file, @"\w+") |> Seq.map _.Value |> set

/// Which of some names a file says.
let private said (names: string list) file =
    let known = words file

    [
        for name in names do
            if known.Contains name then
                $"{Path.GetRelativePath(core, file)} names {name}"
    ]

[<Fact>]
let ``every folder of core is on a floor`` () =
    Assert.Empty(folders |> List.filter (fun folder -> (floorOf folder).IsNone))

[<Fact>]
let ``nothing lower knows anything higher`` () =
    let breaches = [
        for folder in folders do
            for file in sources folder do
                for used in Regex.Matches(code file, @"Equivariant\.Core\.(\w+)") do
                    let used = used.Groups[1].Value

                    if used <> folder && floorOf used >= floorOf folder && (floorOf used).IsSome then
                        $"{Path.GetRelativePath(core, file)} uses {used}"
    ]

    Assert.Empty breaches

let private isOfEngine (kind: Type) =
    let element = if kind.HasElementType then kind.GetElementType() else kind
    element.Namespace = "Equivariant.Core.Groups.Engine"

/// What members of the groups are called that give something of the engine, without naming its type.
let private doors =
    let everything =
        BindingFlags.Instance
        ||| BindingFlags.Static
        ||| BindingFlags.Public
        ||| BindingFlags.NonPublic
        ||| BindingFlags.DeclaredOnly

    [
        for kind in typeof<Group>.Assembly.GetTypes() do
            if kind.Namespace = "Equivariant.Core.Groups" then
                for property in kind.GetProperties everything do
                    if isOfEngine property.PropertyType then
                        property.Name

                for method in kind.GetMethods everything do
                    if
                        isOfEngine method.ReturnType
                        || method.GetParameters() |> Seq.exists (_.ParameterType >> isOfEngine)
                    then
                        method.Name
    ]
    |> List.distinct

[<Fact>]
let ``nothing above the groups names their engine`` () =
    // What is looked for is there to be found.
    Assert.Contains("Chain", doors)
    Assert.Contains("TryExtend", doors)
    Assert.NotEmpty(sources "Groups" |> List.collect (said [ "Engine" ]))

    let breaches = [
        for folder in folders do
            if folder <> "Groups" then
                for file in sources folder do
                    yield! said ("Engine" :: doors) file
    ]

    Assert.Empty breaches

[<Fact>]
let ``the engine is a room of its own`` () =
    for file in sources "Groups" do
        let inEngine = Path.GetFileName(Path.GetDirectoryName file) = "Engine"

        Assert.Equal(inEngine, (code file).Contains "namespace Equivariant.Core.Groups.Engine;")
