/// What the packages export, pinned: a change is a decision, written down by EQUIVARIANT_API=write dotnet test.
module Equivariant.Tests.Api.PublicApiTests

open System
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open Xunit
open Equivariant.Tests

let private pinned name =
    Repository.path [ "tests"; "unit"; "Api"; $"{name}.txt" ]

/// A type's name as people write it.
let rec private nameOf (kind: Type) : string =
    if kind.IsGenericParameter then
        kind.Name
    elif kind.IsByRef || kind.IsPointer then
        nameOf (kind.GetElementType()) + (if kind.IsByRef then "&" else "*")
    elif kind.IsArray then
        nameOf (kind.GetElementType())
        + "["
        + String(',', kind.GetArrayRank() - 1)
        + "]"
    else
        let own = kind.Name.Split('`')[0]

        let owner =
            if kind.IsNested then nameOf kind.DeclaringType + "."
            elif kind.Namespace = "System" then ""
            else kind.Namespace + "."

        let arguments = kind.GetGenericArguments()

        if arguments.Length = 0 then
            owner + own
        else
            owner + own + "<" + (arguments |> Seq.map nameOf |> String.concat ", ") + ">"

let private isExported (method: MethodBase) =
    method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly

let private parameters (method: MethodBase) =
    method.GetParameters()
    |> Seq.map (fun parameter ->
        let optional = if parameter.IsOptional then " = …" else ""
        $"{nameOf parameter.ParameterType} {parameter.Name}{optional}")
    |> String.concat ", "

/// What the compiler makes for every record and union says nothing that the type does not.
let private isMade (memberInfo: MemberInfo) =
    memberInfo.IsDefined(typeof<CompilerGeneratedAttribute>, false)
    || List.contains memberInfo.Name [ "GetHashCode"; "Equals"; "CompareTo"; "ToString"; "Tags" ]

let private describe (memberInfo: MemberInfo) : string option =
    match memberInfo with
    | :? ConstructorInfo as made when isExported made -> Some $"new({parameters made})"
    | :? MethodInfo as method when
        isExported method && not method.IsSpecialName
        || memberInfo.Name.StartsWith "op_"
        ->
        let method = memberInfo :?> MethodInfo
        let kind = if method.IsStatic then "static " else ""
        Some $"{kind}{nameOf method.ReturnType} {method.Name}({parameters method})"
    | :? PropertyInfo as property ->
        let accessors = property.GetAccessors true |> Array.filter isExported

        if Array.isEmpty accessors then
            None
        else
            let kind = if accessors[0].IsStatic then "static " else ""

            let written =
                if accessors |> Seq.exists (fun a -> a.ReturnType = typeof<Void>) then
                    "; set"
                else
                    ""

            Some $"{kind}{nameOf property.PropertyType} {property.Name} {{ get{written} }}"
    | :? FieldInfo as field when field.IsPublic || field.IsFamily ->
        Some $"{nameOf field.FieldType} {field.Name}"
    | _ -> None

let private exported (assembly: Assembly) = [
    for kind in assembly.GetExportedTypes() |> Seq.sortBy nameOf do
        if not (kind.IsDefined(typeof<CompilerGeneratedAttribute>, false)) then
            let inherits =
                match kind.BaseType with
                | null -> ""
                | parent when parent = typeof<obj> || parent = typeof<ValueType> -> ""
                | parent -> $" : {nameOf parent}"

            $"{nameOf kind}{inherits}"

            yield!
                kind.GetMembers(
                    BindingFlags.Public
                    ||| BindingFlags.NonPublic
                    ||| BindingFlags.Instance
                    ||| BindingFlags.Static
                    ||| BindingFlags.DeclaredOnly
                )
                |> Seq.filter (isMade >> not)
                |> Seq.choose describe
                |> Seq.distinct
                |> Seq.sort
                |> Seq.map (fun line -> $"    {line}")
]

[<Theory>]
[<InlineData "Equivariant.Core">]
[<InlineData "Equivariant">]
[<InlineData "Equivariant.Pretrained">]
let ``a package exports what was decided`` (name: string) =
    let actual = exported (Assembly.Load name)

    if Environment.GetEnvironmentVariable "EQUIVARIANT_API" = "write" then
        File.WriteAllLines(pinned name, actual)

    let decided = File.ReadAllLines(pinned name) |> List.ofArray
    let gone, fresh = List.except actual decided, List.except decided actual

    let message =
        [
            for line in gone do
                $"gone: {line.Trim()}"
            for line in fresh do
                $"new: {line.Trim()}"
        ]
        |> String.concat "\n"

    Assert.True(
        (actual = decided),
        $"{name} no longer exports what {name}.txt says. If that is meant, write it down: EQUIVARIANT_API=write dotnet test --filter PublicApi\n{message}"
    )
