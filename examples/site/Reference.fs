namespace Equivariant.Site

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open AngleSharp.Dom

/// <summary>
/// Makes the pages of the reference readable: what the compiler writes by itself has no row, and what says nothing but that it
/// inherits says what is inherited.
/// </summary>
[<RequireQualifiedAccess>]
module Reference =

    /// <summary>A row of a table of members, or of types.</summary>
    type Row = {
        Element: IElement
        Name: string
        Summary: IElement | null
    }

    let private trimmed (element: IElement | null) =
        match element with
        | null -> ""
        | element -> element.TextContent.Trim()

    /// <summary>Whether a row says nothing of what it names.</summary>
    let isSilent row = trimmed row.Summary = ""

    /// <summary>The rows of the tables of a page.</summary>
    let rows (page: Page) : Row list = [
        for row in page.Document.QuerySelectorAll "tr" do
            match
                row.QuerySelector "td.fsdocs-member-usage, td.fsdocs-entity-name",
                row.QuerySelector "td.fsdocs-member-xmldoc, td.fsdocs-entity-xmldoc"
            with
            | null, _
            | _, null -> ()
            | usage, described ->
                let name =
                    match usage.QuerySelector "a[id], a[name]" with
                    | null -> trimmed usage
                    | anchor ->
                        match anchor.GetAttribute "id" with
                        | null -> string (anchor.GetAttribute "name")
                        | id -> id

                {
                    Element = row
                    Name = name
                    Summary = described.QuerySelector ".fsdocs-summary-contents"
                }
    ]

    /// What compilers write into a type by themselves, and what every object has.
    let private written =
        Regex
            @"^(Equals|GetHashCode|ToString|Deconstruct|Dispose|value__|``.*``|\((=|<>|<|>|<=|>=)\)|Is[A-Z]\w*|load|forward|GetObjectData)$"

    /// What a page's members say, and the pages of what its type stands on: its base and its interfaces, which fsdocs links.
    let private facts (pages: IDictionary<string, Page>) (page: Page) =
        let said = Dictionary<string, IElement>()

        for row in rows page do
            match row.Summary with
            | NonNull summary when not (isSilent row) -> said.TryAdd(row.Name, summary) |> ignore
            | _ -> ()

        let above = [
            for term in page.Document.QuerySelectorAll ".fsdocs-metadata dt" do
                if Regex.IsMatch(term.TextContent, "Base Type|All Interfaces") then
                    for link in term.QuerySelectorAll "a[href]" do
                        match pages.TryGetValue((string (link.GetAttribute "href")).Replace("../", "")) with
                        | true, found when found.Path <> page.Path -> found.Path
                        | _ -> ()
        ]

        said, above

    /// What a member says, looked for beside it, then on the pages of what its type stands on.
    let rec private inherited
        (known: Map<string, Dictionary<string, IElement> * string list>)
        (path: string)
        name
        : IElement option =
        match known.TryFind path with
        | None -> None
        | Some(said, above) ->
            match said.TryGetValue name with
            | true, summary -> Some summary
            | _ -> above |> List.tryPick (fun path -> inherited known path name)

    /// Lets a row say what something else says.
    let private say row (html: string) =
        match
            row.Summary,
            row.Element.QuerySelector ".fsdocs-summary, td.fsdocs-member-xmldoc, td.fsdocs-entity-xmldoc"
        with
        | NonNull summary, _ -> summary.InnerHtml <- html
        | _, NonNull place -> place.InnerHtml <- $"<div class=\"fsdocs-summary-contents\">%s{html}</div>"
        | _ -> ()

    let private paragraph (text: string) =
        $"<p class=\"fsdocs-summary\">%s{Net.WebUtility.HtmlEncode text}</p>"

    /// The page that a row of a namespace leads to.
    let private target row =
        match row.Element.QuerySelector "td.fsdocs-entity-name a[href]" with
        | null -> None
        | link -> Some((string (link.GetAttribute "href")).Replace("../", ""))

    /// Links to what has no page, since it is internal, or no place on it.
    let private loosen (pages: IDictionary<string, Page>) (page: Page) =
        for link in List.ofSeq (page.Document.QuerySelectorAll "a[href]") do
            match (string (link.GetAttribute "href")).Split('#', 2) with
            | [| address |]
            | [| address; _ |] when Regex.IsMatch(address, @"^(\.\./)?reference/") ->
                match pages.TryGetValue(address.Replace("../", "")) with
                | false, _ -> link.Replace(List.toArray (List.ofSeq link.ChildNodes))
                | true, found ->
                    match
                        (string (link.GetAttribute "href")).Split('#', 2)
                        |> Array.skip 1
                        |> String.concat ""
                    with
                    | "" -> ()
                    | place when isNull (found.Document.GetElementById(Uri.UnescapeDataString place)) ->
                        link.SetAttribute("href", address)
                    | _ -> ()
            | _ -> ()

    /// <summary>Mends the rows of all pages of the reference.</summary>
    /// <param name="comments">What the packages' XML comments say, for what fsdocs did not find.</param>
    /// <param name="pages">All pages.</param>
    let mend (comments: Map<string * string, string>) (pages: Page list) =
        let reference = pages |> List.filter Page.isReference
        let byPath = dict [ for page in reference -> page.Path, page ]
        let known = Map [ for page in reference -> page.Path, facts byPath page ]

        for page in reference do
            for row in rows page |> List.filter isSilent do
                let commented =
                    match target row with
                    | Some path -> comments.TryFind(path, "")
                    | None ->
                        page.Path :: snd known[page.Path]
                        |> List.tryPick (fun path -> comments.TryFind(path, row.Name))

                match inherited known page.Path row.Name, commented with
                | Some said, _ -> say row said.InnerHtml
                | None, Some text -> say row (paragraph text)
                | None, None when written.IsMatch row.Name -> row.Element.Remove()
                | None, None -> ()

            // What has no comment on its own page, since it stands elsewhere.
            match page.Document.QuerySelector "#content .fsdocs-xmldoc", comments.TryFind(page.Path, "") with
            | NonNull place, Some text when place.TextContent.Trim() = "" -> place.InnerHtml <- paragraph text
            | _ -> ()

            // Tables whose rows all went, with the headings above them.
            for table in List.ofSeq (page.Document.QuerySelectorAll "table.fsdocs-member-list") do
                match table.QuerySelector "tbody tr", table.ParentElement with
                | null, NonNull section -> section.Remove()
                | _ -> ()

            // Buttons whose pictures come from a server elsewhere.
            for button in
                List.ofSeq (page.Document.QuerySelectorAll ".icon-button-row, fsdocs-details-toggle") do
                button.Remove()

        // The reference's own links, once all rows are what they will be.
        for page in reference do
            loosen byPath page
