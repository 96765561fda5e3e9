namespace Equivariant.Site

open System.IO
open AngleSharp.Dom
open AngleSharp.Html.Dom
open AngleSharp.Html.Parser

/// <summary>A page of the site.</summary>
type Page = {
    /// <summary>Its file within the site, with forward slashes: <c>reference/equivariant.html</c>.</summary>
    Path: string
    Document: IHtmlDocument
}

/// <summary>Reading and writing pages.</summary>
[<RequireQualifiedAccess>]
module Page =

    /// <summary>What fsdocs is told the site's root is, until each page knows the way to it.</summary>
    let root = "@root@/"

    /// <summary>Whether a page is one of the reference.</summary>
    let isReference page = page.Path.StartsWith "reference/"

    /// <summary>The way from a page to the site's root.</summary>
    let private wayUp (path: string) =
        String.replicate (path.Split('/').Length - 1) "../"

    /// <summary>The text of the main part of a page.</summary>
    let content (page: Page) : IElement =
        match page.Document.QuerySelector "#content" with
        | null -> page.Document.DocumentElement
        | content -> content

    /// <summary>What a page is called: its first heading.</summary>
    let title (page: Page) =
        match (content page).QuerySelector "h1, h2" with
        | null -> page.Path
        | heading -> heading.TextContent.Trim()

    /// <summary>Reads all pages below a folder.</summary>
    let readAll (folder: string) : Page list = [
        let parser = HtmlParser()

        for file in Directory.GetFiles(folder, "*.html", SearchOption.AllDirectories) |> Array.sort do
            let path = Path.GetRelativePath(folder, file).Replace('\\', '/')
            let text = File.ReadAllText(file).Replace(root, wayUp path)

            {
                Path = path
                Document = parser.ParseDocument text
            }
    ]

    /// <summary>Writes a page to its place.</summary>
    let write (folder: string) (page: Page) =
        use writer = new StreamWriter(Path.Combine(folder, page.Path))
        page.Document.ToHtml(writer, AngleSharp.Html.HtmlMarkupFormatter.Instance)
