/// Finishes the site that fsdocs wrote, and says what is wrong with it.
module Equivariant.Site.Program

open System.IO
open AngleSharp.Dom

/// Files that fsdocs writes and nothing needs: those of its own page, those that load from a network.
let private superfluous = [
    "NuGet.config"
    "index.json"
    "llms.txt"
    "llms-full.txt"
    "content/img"
    "content/fsdocs-search.js"
    "content/fsdocs-theme-toggle.js"
    "content/fsdocs-theme-set-dark.js"
    "content/fsdocs-details-toggle.js"
    "content/fsdocs-details-set-expanded.js"
]

let private remove (path: string) =
    if Directory.Exists path then
        Directory.Delete(path, true)
    elif File.Exists path then
        File.Delete path

/// Puts the notebook and the script of a tutorial beside its page, and links to them below its title.
let private takeaways version (docs: string) (folder: string) (page: Page) =
    let name = Path.GetFileNameWithoutExtension page.Path |> string
    let source = Path.Combine(docs, name + ".fsx")

    if File.Exists source && not (Page.isReference page) && name <> "index" then
        let text = File.ReadAllText source
        let needsRepository = Notebook.needsRepository text

        let script =
            if needsRepository then
                text
            else
                Notebook.fromPackages version text

        File.WriteAllText(Path.Combine(folder, name + ".fsx"), script)
        File.WriteAllText(Path.Combine(folder, name + ".ipynb"), Notebook.ofScript script)

        match (Page.content page).QuerySelector "h1" with
        | null -> ()
        | heading ->
            let links = page.Document.CreateElement "p"
            links.ClassName <- "takeaways"

            links.InnerHtml <-
                $"This page as a <a download href=\"%s{name}.ipynb\">notebook</a> or a <a download href=\"%s{name}.fsx\">script</a>"
                + (if needsRepository then
                       ", for the folder examples/docs of the repository."
                   else
                       ".")

            heading.After links

[<EntryPoint>]
let main arguments =
    match arguments with
    | [| folder; docs; version; configuration |] ->
        for name in superfluous do
            remove (Path.Combine(folder, name))

        let pages = Page.readAll folder
        Reference.mend (Comments.read (Comments.files (Path.Combine(docs, "..", "..")) configuration)) pages

        for page in pages do
            takeaways version docs folder page

        let unknown = Formulas.render (Path.Combine(docs, "formulas.json")) pages
        Search.write (Path.Combine(folder, "content", "search-index.js")) pages

        for page in pages do
            Page.write folder page

        match unknown @ Check.problems folder pages with
        | [] ->
            printfn $"%d{pages.Length} pages, all links resolve"
            0
        | problems ->
            for problem in problems do
                // As MSBuild reads errors.
                printfn $"site : error SITE : %s{problem}"

            1
    | _ ->
        eprintfn
            "usage: site FOLDER DOCS VERSION CONFIGURATION: the folder that fsdocs wrote, the one it read, and which packages"

        2
