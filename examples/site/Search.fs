namespace Equivariant.Site

open System.IO
open System.Text.Json
open System.Text.RegularExpressions

/// <summary>What the site's search looks through, as a script that pages load: it works from a disk too.</summary>
[<RequireQualifiedAccess>]
module Search =

    /// So much of a page's text is looked through.
    let private most = 4000

    /// <summary>Writes the index of all pages: address, title, headings and members, and text.</summary>
    let write (file: string) (pages: Page list) =
        let entries = [
            for page in pages do
                let content = Page.content page

                let headings = [
                    for heading in content.QuerySelectorAll "h2, h3" -> heading.TextContent.Trim()
                    for row in Reference.rows page -> row.Name
                ]

                let text = Regex.Replace(content.TextContent, @"\s+", " ")

                {|
                    url = page.Path
                    title = Page.title page
                    headings = headings
                    text = text.Substring(0, min most text.Length)
                |}
        ]

        File.WriteAllText(file, $"window.siteIndex = {JsonSerializer.Serialize entries};\n")
