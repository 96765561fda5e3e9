/// The site: it builds, its scripts run, its links lead somewhere, and a browser finds nothing wrong with its pages.
module Equivariant.Tests.Docs.SiteTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Xunit
open Equivariant.Site
open Equivariant.Tests
open Equivariant.Tests.Browser
open Equivariant.Tests.Pretrained.Fixture

let private docs = Repository.path [ "examples"; "docs" ]

/// The site, built once for all tests as its readers build it.
let private site =
    lazy
        (let folder = Directory.CreateTempSubdirectory("equivariant-site-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))

         let output =
             Program.dotnet Repository.root [
                 "build"
                 "dsl"
                 "-c"
                 "Release"
                 "-t:Docs"
                 $"-p:SiteFolder={folder}"
                 "--nologo"
             ]

         folder, output)

let private pages = lazy (Page.readAll (fst site.Value))

let private scripts =
    Directory.GetFiles(docs, "*.fsx")
    |> Array.map Path.GetFileNameWithoutExtension
    |> List.ofArray

[<WeightsFact>]
let ``the site builds without a warning, and every script on it ran`` () =
    let folder, output = site.Value
    // Two ways of saying that nothing was said: MSBuild's own count, and no line of a warning.
    Assert.DoesNotMatch(Regex "warning|error FS|[1-9]\d* (Warning|Error)\(s\)", output)
    Assert.Contains("all links resolve", output)

    for name in scripts do
        let page = pages.Value |> List.find (fun page -> page.Path = $"{name}.html")

        let shown = page.Document.QuerySelectorAll "pre.fssnip, table.pre, pre.csharp"
        Assert.True(shown.Length > 0, $"{name} shows no code")

        // What the page shows of a run is there: lines that were printed, and pictures.
        let source = File.ReadAllText(Path.Combine(docs, $"{name}.fsx"))
        let pictures = Regex.Count(source, @"\(\*\*\* include-value")

        Assert.True(
            page.Document.QuerySelectorAll("#content svg").Length >= pictures,
            $"{name} lacks a picture"
        )

        if source.Contains "include-output" then
            Assert.True(
                page.Document.QuerySelectorAll("table.pre code, pre code").Length > 0,
                $"{name} lacks output"
            )

    Assert.True(File.Exists(Path.Combine(folder, "content", "search-index.js")))

[<WeightsFact>]
let ``the reference describes every namespace and calls things by their names`` () =
    let reference = pages.Value |> List.filter Page.isReference
    Assert.True(reference.Length > 150)
    Assert.Empty(Check.problems (fst site.Value) pages.Value)

    for name in [ "Equivariant"; "Equivariant.Core.Groups"; "Equivariant.Pretrained" ] do
        let file = $"reference/{name.ToLowerInvariant().Replace('.', '-')}.html"
        Assert.Contains(reference, (fun page -> page.Path = file))

    // An inherited comment is on the page of what inherits it; one with arrays of two axes is found.
    let saying path member' =
        reference
        |> List.find (fun page -> page.Path = $"reference/{path}.html")
        |> Reference.rows
        |> List.filter (fun row -> row.Name = member')
        |> List.map (fun row -> row.Summary.TextContent.Trim())

    Assert.Contains(saying "equivariant-core-groups-cyclicgroup" "Multiply", (fun text -> text.Length > 10))

    Assert.Contains(
        saying "equivariant-core-groups-group" "FromTable",
        (fun text -> text.StartsWith "Makes the group that a multiplication table describes")
    )

/// A small site with some pages.
let private withPages (texts: (string * string) list) (work: string -> Page list -> 'T) =
    Program.inFolder (fun folder ->
        Directory.CreateDirectory(Path.Combine(folder, "reference")) |> ignore

        for path, content in texts do
            File.WriteAllText(
                Path.Combine(folder, path),
                $"<!DOCTYPE html><html><head><title>Page</title></head><body><div id=\"content\">{content}</div></body></html>"
            )

        work folder (Page.readAll folder))

let private enough =
    "one two three four five six seven eight nine ten eleven twelve"

[<Theory>]
[<InlineData("<a href=\"none.html\">x</a>", "'none.html' leads to no file")>]
[<InlineData("<a href=\"other.html#none\">x</a>", "'other.html#none' leads to no place")>]
[<InlineData("<img src=\"https://example.org/x.png\">", "loaded from a network")>]
[<InlineData("{{fsdocs-license-link}}", "was not filled in")>]
[<InlineData("plain words", "")>]
[<InlineData("<code>cref:T:Some.Type</code>", "leads nowhere")>]
[<InlineData("No value returned by any evaluator", "should have been shown")>]
[<InlineData("<a href=\"other.html#here\">x</a> <a href=\"https://example.org\">y</a>", "")>]
let ``what is wrong with a page is said`` (content: string, expected: string) =
    withPages
        [
            "index.html", $"{content} {enough}"
            "other.html", $"<h1 id=\"here\">Here</h1> {enough}"
        ]
        (fun folder pages ->
            let problems = Check.problems folder pages

            if expected = "" then
                Assert.Empty problems
            else
                Assert.Contains(expected, Assert.Single problems))

let private row name summary =
    $"<table><tr><td class=\"fsdocs-member-usage\"><a id=\"{name}\">{name}</a></td>"
    + $"<td class=\"fsdocs-member-xmldoc\"><div class=\"fsdocs-summary-contents\"><p>{summary}</p></div></td></tr></table>"

[<Fact>]
let ``members without a summary, empty pages and names of the compiler are found in a reference`` () =
    withPages
        [
            "reference/a.html", enough + row "Silent" ""
            "reference/b.html", "<h2>B</h2>"
            "reference/c.html", $"<h2>op_Multiply</h2> {enough}"
            "reference/d.html", $"<h2>GroupAlgebra Module</h2> {enough}"
        ]
        (fun folder pages ->
            let problems = Check.problems folder pages
            Assert.Equal(4, problems.Length)
            Assert.Contains(problems, (fun problem -> problem.Contains "a.html: 'Silent' has no summary"))
            Assert.Contains(problems, (fun problem -> problem.Contains "b.html: there is nothing on it"))
            Assert.Contains(problems, (fun problem -> problem.Contains "c.html: 'op_Multiply'"))
            Assert.Contains(problems, (fun problem -> problem.Contains "d.html: 'GroupAlgebra Module'")))

[<Fact>]
let ``a silent member says what its base says, and what compilers write goes`` () =
    let based =
        "<dl class=\"fsdocs-metadata\"><dt>Base Type: <a href=\"../reference/base.html\">Base</a></dt></dl>"

    withPages
        [
            "reference/base.html", row "Turn" "Turns."
            "reference/derived.html", based + row "Turn" "" + row "Equals" "" + row "Own" ""
        ]
        (fun _ pages ->
            Reference.mend (Map [ ("reference/derived.html", "Own"), "Its own." ]) pages
            let derived = pages |> List.find (fun page -> page.Path = "reference/derived.html")

            Assert.Equal<(string * string) list>(
                [ "Turn", "Turns."; "Own", "Its own." ],
                [
                    for row in Reference.rows derived -> row.Name, row.Summary.TextContent.Trim()
                ]
            ))

[<Fact>]
let ``a formula that is not rendered is a problem, and one that is becomes MathML`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "formulas.json")
        File.WriteAllText(file, """{ "inline x": "<math><mi>x</mi></math>" }""")

        withPages
            [
                "index.html", "<span class=\"math\">\\(x\\)</span><span class=\"math\">\\(y\\)</span>"
            ]
            (fun _ pages ->
                let problem = Assert.Single(Formulas.render file pages)
                Assert.Contains("'inline y' is not in formulas.json", problem)
                Assert.Single(pages.Head.Document.QuerySelectorAll "math") |> ignore))

/// What the mathematics page names: code and tests.
let private mathematics =
    lazy (File.ReadAllText(Path.Combine(docs, "mathematics.md")))

[<Fact>]
let ``every theorem names code and tests that are there`` () =
    let tests =
        Regex.Matches(mathematics.Value, @"(?m)^- Test: `([^`]+)` in `([^`]+)`$")
        |> Seq.map (fun found -> found.Groups[1].Value, found.Groups[2].Value)
        |> List.ofSeq

    Assert.True(tests.Length > 20)

    for name, file in tests do
        let source = File.ReadAllText(Path.Combine(Repository.root, file))
        Assert.True(source.Contains $"``{name}``", $"{file} has no test '{name}'")

    for file in Regex.Matches(mathematics.Value, @"`((?:core|dsl|examples)/[^`]+)`") do
        Assert.True(
            File.Exists(Path.Combine(Repository.root, file.Groups[1].Value)),
            $"there is no {file.Groups[1].Value}"
        )

    // Each statement has both.
    for section in Regex.Split(mathematics.Value, @"(?m)^##+ ") |> Array.skip 1 do
        Assert.True(section.Contains "- Code: ", $"no code under {section.Split('\n')[0]}")
        Assert.True(section.Contains "- Test: ", $"no test under {section.Split('\n')[0]}")

/// The documents that people read in the repository.
let documents: obj[] seq =
    [
        "README.md"
        "CONTRIBUTING.md"
        "examples/cli/README.md"
        "examples/template/README.md"
        "tests/benchmarks/README.md"
    ]
    |> Seq.map (fun name -> [| name |])

[<Theory; MemberData(nameof documents)>]
let ``what a document names and links is there`` (document: string) =
    let text = File.ReadAllText(Path.Combine(Repository.root, document))
    let here = Path.GetDirectoryName(Path.Combine(Repository.root, document))

    for link in Regex.Matches(text, @"\]\(([^)#]+)\)") |> Seq.map _.Groups[1].Value do
        if not (link.StartsWith "http") then
            let target = Path.Combine(here, link)

            Assert.True(
                File.Exists target || Directory.Exists target,
                $"{document} links to {link}, which is not there"
            )

    for name in
        Regex.Matches(text, @"`((?:core|dsl|tests|examples|\.build|\.ci)/[\w./-]+)`")
        |> Seq.map _.Groups[1].Value do
        // What a build makes is not there yet, and NAME stands for what a reader chooses.
        if not (name.Contains "/bin/" || name.Contains "NAME") then
            let target = Path.Combine(Repository.root, name)

            Assert.True(
                File.Exists target || Directory.Exists target,
                $"{document} names {name}, which is not there"
            )

[<Fact>]
let ``README is one screen to the first result`` () =
    let lines = File.ReadAllLines(Path.Combine(Repository.root, "README.md"))
    Assert.InRange(lines.Length, 20, 70)
    let first = lines |> Array.findIndex (fun line -> line.StartsWith "dotnet run")
    Assert.True(first < 25)
    Assert.Contains(lines |> Array.take first, (fun line -> line.StartsWith "!["))

let private literate =
    "(**\n---\ntitle: A page\n---\n\n# A page\n\nSee `cref:T:Equivariant.GroupModule`.\n*)\n\n#load \"../equivariant.fsx\"\n\n"
    + "open Equivariant\n\n(*** hide ***)\nlet graph = Diagram.cayleyGraph (cyclic 4)\n\n(*** include-value: graph ***)\n\n(**\nThe end.\n*)\n"

[<Fact>]
let ``a notebook has the text, the code, and the values that the page shows`` () =
    Assert.Equal<Cell list>(
        [
            Prose "# A page\n\nSee `Group`."
            Code
                "#load \"../equivariant.fsx\"\n\nopen Equivariant\n\nlet graph = Diagram.cayleyGraph (cyclic 4)\n\n\ngraph"
            Prose "The end."
        ],
        Notebook.cells literate
    )

    let script = Notebook.fromPackages "1.2.3" literate
    Assert.Contains("#r \"nuget: Equivariant, 1.2.3\"", script)
    Assert.DoesNotContain("#load", script)
    let notebook = JsonNode.Parse(Notebook.ofScript script)
    Assert.Equal(4, notebook["nbformat"].GetValue<int>())
    let kernel = notebook["metadata"]["kernelspec"]
    Assert.Equal(".net-fsharp", string kernel["name"])
    Assert.Equal(3, notebook["cells"].AsArray().Count)
    Assert.True(Notebook.needsRepository "open Equivariant.Bench\n")
    Assert.False(Notebook.needsRepository literate)

[<WeightsFact>]
let ``what the site offers to take away is what its scripts say`` () =
    for name in scripts |> List.filter ((<>) "index") do
        let file extension =
            Path.Combine(fst site.Value, name + extension)

        let notebook = JsonNode.Parse(File.ReadAllText(file ".ipynb"))
        let cells = Notebook.cells (File.ReadAllText(file ".fsx"))
        Assert.Equal(cells.Length, notebook["cells"].AsArray().Count)
        Assert.True(cells.Length >= 3, $"{name} has {cells.Length} cells")

/// Pages that a reader sees first, and every twelfth of the reference.
let private looked =
    lazy
        (let tutorials, reference = pages.Value |> List.partition (Page.isReference >> not)

         tutorials
         @ [
             for i, page in List.indexed reference do
                 if i % 12 = 0 || page.Path = "reference/index.html" then
                     page
         ])

[<BrowserFact>]
let ``a browser finds no fault with a page, at the width of a desk and of a phone`` () =
    // Where pretrained models cannot be had, there is no site to look at.
    if isNull (WeightsFactAttribute().Skip) then
        use browser = new Browser()

        for page in looked.Value do
            for width in [ 1280; 390 ] do
                let look = browser.Open($"file://{fst site.Value}/{page.Path}", width)
                Assert.True(look.Errors.IsEmpty, $"{page.Path} at {width}: %A{look.Errors}")

                Assert.True(
                    look.ContentWidth <= width,
                    $"{page.Path} is {look.ContentWidth} wide in a window of {width}"
                )
                // An empty window is a small file.
                Assert.True(look.Picture.Length > 8_000, $"{page.Path} at {width} shows next to nothing")

        // The search finds members and tutorials.
        let found =
            browser.Open(
                $"file://{fst site.Value}/index.html",
                1280,
                """(() => {
                    document.querySelector('#search-btn').click();
                    const box = document.querySelector('dialog input');
                    box.value = 'semidirect';
                    box.dispatchEvent(new Event('input'));
                    return [...document.querySelectorAll('dialog li a')].map(link => link.href.split('/').pop()).join(' ');
                })()"""
            )

        Assert.Contains("equivariant-groups.html", found.Answer)
