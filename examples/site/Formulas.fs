namespace Equivariant.Site

open System.IO
open System.Text.Json
open System.Collections.Generic

/// <summary>
/// Formulas: pages have them in TeX, browsers get MathML, which needs no program and no network. What each formula is in
/// MathML stands in a file that <c>examples/site/formulas.mjs</c> makes.
/// </summary>
[<RequireQualifiedAccess>]
module Formulas =

    let private known (file: string) =
        match File.Exists file with
        | false -> Dictionary<string, string>()
        | true ->
            JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText file)
            |> Unchecked.nonNull

    /// The formula that fsdocs wrote, and whether it stands on a line of its own.
    let private formula (text: string) =
        let text = text.Trim()

        if text.StartsWith @"\(" && text.EndsWith @"\)" then
            Some("inline " + text[2 .. text.Length - 3].Trim())
        elif text.StartsWith @"\[" && text.EndsWith @"\]" then
            Some("display " + text[2 .. text.Length - 3].Trim())
        else
            None

    /// <summary>Puts MathML where pages have formulas; what the file lacks is told as problems.</summary>
    let render (file: string) (pages: Page list) : string list =
        let known = known file

        [
            for page in pages do
                for span in List.ofSeq (page.Document.QuerySelectorAll "span.math") do
                    match formula span.TextContent with
                    | None -> $"{page.Path}: '{span.TextContent}' is no formula"
                    | Some formula ->
                        match known.TryGetValue formula with
                        | true, mathML -> span.InnerHtml <- mathML
                        | false, _ ->
                            $"{page.Path}: the formula '{formula}' is not in formulas.json; 'node examples/site/formulas.mjs' puts it there"
        ]
