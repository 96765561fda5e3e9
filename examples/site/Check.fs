namespace Equivariant.Site

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions

/// <summary>What is wrong with a site, as sentences.</summary>
[<RequireQualifiedAccess>]
module Check =

    let private isElsewhere (address: string) =
        Regex.IsMatch(address, @"^(https?:|mailto:|data:|javascript:|//)")

    /// The places of a page that links can lead to.
    let private places (page: Page) =
        HashSet<string>(
            [
                for element in page.Document.QuerySelectorAll "[id], a[name]" do
                    string (element.GetAttribute "id")
                    string (element.GetAttribute "name")
            ]
        )

    /// Links and pictures that lead nowhere.
    let private links (folder: string) (pages: Page list) : string list =
        let known = dict [ for page in pages -> page.Path, lazy (places page) ]

        [
            for page in pages do
                let here = Path.GetDirectoryName page.Path |> string

                for element in page.Document.QuerySelectorAll "[href], [src]" do
                    for name in [ "href"; "src" ] do
                        match element.GetAttribute name with
                        | null -> ()
                        | address when isElsewhere address ->
                            // A link may lead away; what a page needs to be shown may not.
                            if name = "src" || element.LocalName = "link" then
                                if not (address.StartsWith "data:") then
                                    $"{page.Path}: '{address}' is loaded from a network"
                        | address ->
                            let target, place =
                                match address.Split('#', 2) with
                                | [| target; place |] -> target, Uri.UnescapeDataString place
                                | _ -> address, ""

                            let file =
                                if target = "" then
                                    page.Path
                                else
                                    Path.GetRelativePath(
                                        folder,
                                        Path.GetFullPath(
                                            Path.Combine(folder, here, Uri.UnescapeDataString target)
                                        )
                                    )

                            if not (File.Exists(Path.Combine(folder, file))) then
                                $"{page.Path}: '{address}' leads to no file"
                            elif place <> "" then
                                match known.TryGetValue file with
                                | true, places when not (places.Value.Contains place) ->
                                    $"{page.Path}: '{address}' leads to no place in {file}"
                                | _ -> ()
        ]

    /// What a page must not say: what was not filled in, and what only a compiler says.
    let private marks = [
        Regex @"\{\{[\w-]+\}\}", "was not filled in"
        Regex @"@root@", "was not filled in"
        Regex @"\bcref:\w:", "is a link into the reference that leads nowhere"
        Regex @"No value returned by any evaluator|No output has been produced", "should have been shown"
    ]

    /// What only a compiler calls something.
    let private compilers =
        Regex @"\bop_[A-Z]\w+|``.*``|<Clone>|\bvalue__\b|`\d|Algebra\b"

    /// What a page shows, without what appears only under a pointer.
    let private shown (page: Page) : AngleSharp.Dom.IElement =
        let copy = (Page.content page).Clone true :?> AngleSharp.Dom.IElement

        for hidden in List.ofSeq (copy.QuerySelectorAll "[popover]") do
            hidden.Remove()

        copy

    let private words (page: Page) : string list = [
        let content = shown page
        let text = content.TextContent

        if Page.isReference page then
            for name in content.QuerySelectorAll "h1, h2, h3, td.fsdocs-member-usage, td.fsdocs-entity-name" do
                if compilers.IsMatch name.TextContent then
                    $"{page.Path}: '{name.TextContent.Trim()}' is the compiler's name of something"

        for mark, what in marks do
            for found in mark.Matches text |> Seq.map _.Value |> Seq.distinct do
                $"{page.Path}: '{found}' {what}"

        if Regex.Count(text, @"\w+") < 12 then
            $"{page.Path}: there is nothing on it"

        match page.Document.Title with
        | null
        | "" -> $"{page.Path}: it has no title"
        | title when Regex.IsMatch(title, @"^\s*\|| obj$") || compilers.IsMatch title ->
            $"{page.Path}: '{title}' is no title"
        | _ -> ()
    ]

    /// Members, types and namespaces of which nothing is said.
    let private silence (page: Page) : string list = [
        for row in Reference.rows page |> List.filter Reference.isSilent do
            $"{page.Path}: '{row.Name}' has no summary"

        if page.Path = "reference/index.html" then
            for row in page.Document.QuerySelectorAll "tbody tr" do
                match List.ofSeq (row.QuerySelectorAll "td") with
                | [ name; description ] when description.TextContent.Trim() = "" ->
                    $"{page.Path}: the namespace '{name.TextContent.Trim()}' has no description"
                | _ -> ()
    ]

    /// <summary>Looks through the pages of a site.</summary>
    /// <returns>A sentence for each problem, with the page that has it.</returns>
    let problems (folder: string) (pages: Page list) : string list = [
        yield! links folder pages

        for page in pages do
            yield! words page

            if Page.isReference page then
                yield! silence page
    ]
