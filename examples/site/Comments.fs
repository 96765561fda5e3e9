namespace Equivariant.Site

open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq

/// <summary>
/// The XML comments of the packages, for what fsdocs does not find in them: members that take arrays of several axes, and types
/// whose comment is that of a member.
/// </summary>
[<RequireQualifiedAccess>]
module Comments =

    let private name (text: string) = XName.Get text

    let private attribute (text: string) (element: XElement) =
        match element.Attribute(name text) with
        | null -> None
        | attribute -> Some attribute.Value

    /// The name of a type or member, without its kind and parameters: Equivariant.Core.Groups.Group.FromTable.
    let private bare (signature: string) =
        Regex.Replace(signature.Substring 2, @"\(.*|``?\d+", "")

    /// A comment's own words, or those that it stands for.
    let rec private summary
        (comments: IDictionary<string, XElement>)
        depth
        (comment: XElement)
        : string option =
        match comment.Element(name "summary"), comment.Element(name "inheritdoc") with
        | NonNull own, _ -> Some(Regex.Replace(own.Value, @"\s+", " ").Trim())
        | _, NonNull inherited when depth > 0 ->
            attribute "cref" inherited
            |> Option.bind (fun target ->
                match comments.TryGetValue(bare target) with
                | true, comment -> summary comments (depth - 1) comment
                | _ -> None)
        | _ -> None

    /// <summary>
    /// What is said of types and members, by the path of a type's page and the member's name; a type's own words are under no name.
    /// </summary>
    /// <param name="files">The packages' XML files.</param>
    let read (files: string list) : Map<string * string, string> =
        let comments = Dictionary<string, XElement>()

        for file in files do
            for comment in XDocument.Load(file).Descendants(name "member") do
                match attribute "name" comment with
                | Some signature -> comments.TryAdd(bare signature, comment) |> ignore
                | None -> ()

        let page (name: string) =
            $"reference/%s{name.ToLowerInvariant().Replace('.', '-')}.html"

        Map [
            for comment in comments do
                match summary comments 3 comment.Value with
                | Some text ->
                    (page comment.Key, ""), text

                    match comment.Key.LastIndexOf '.' with
                    | -1 -> ()
                    | dot -> (page (comment.Key.Substring(0, dot)), comment.Key.Substring(dot + 1)), text
                | None -> ()
        ]

    /// <summary>The XML files of the packages that a repository has built.</summary>
    let files (root: string) (configuration: string) : string list = [
        for project, assembly in
            [
                "core", "Equivariant.Core"
                "dsl", "Equivariant"
                "examples/pretrained", "Equivariant.Pretrained"
            ] do
            Path.Combine(root, project, "bin", configuration, "net10.0", assembly + ".xml")
    ]
