namespace Equivariant

/// <namespacedoc><summary>The language: groups and actions composed as mathematicians write them, declared networks, laws, reports and pictures.</summary></namespacedoc>
/// <summary>
/// A picture, as the text of an SVG file for light and dark screens, which needs no other program. Notebooks show it, and
/// <c>Diagram.save</c> writes it to a file.
/// </summary>
type Picture = {
    /// <summary>What it shows, as programs read it aloud.</summary>
    Title: string
    /// <summary>The text of the SVG file.</summary>
    Svg: string
} with

    /// <summary>What it shows, for screens that cannot.</summary>
    override this.ToString() =
        $"a picture of %s{this.Title}; Diagram.save \"file.svg\" writes it"
