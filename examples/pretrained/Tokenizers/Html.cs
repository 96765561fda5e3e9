using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Equivariant.Pretrained;

/// <summary>Character references of HTML, as Python's <c>html.unescape</c> reads them: HTML 5's names, with or without a semicolon.</summary>
/// <remarks>.NET's own reader knows HTML 4's names only. Source: the HTML standard, section 13.5 (names) and 13.2.5.80 (numbers).</remarks>
internal static partial class Html
{
    private const int GreatestRune = 0x10FFFF;

    // The places of Windows-1252 that ISO 8859-1 leaves to control characters.
    private const string Windows = "\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F"
        + "\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178";

    private static readonly Lazy<Dictionary<string, string>> s_names = new(ReadNames);

    /// <summary>A text with its references replaced by what they stand for.</summary>
    public static string Unescape(string text) => text.Contains('&', StringComparison.Ordinal) ? Reference().Replace(text, Replace) : text;

    private static string Replace(Match match)
    {
        string name = match.Groups[1].Value;
        return name[0] == '#' ? Number(name.TrimEnd(';')) : Name(name);
    }

    private static string Number(string name)
    {
        bool hexadecimal = name[1] is 'x' or 'X';
        string digits = name[(hexadecimal ? 2 : 1)..].TrimStart('0');
        NumberStyles style = hexadecimal ? NumberStyles.HexNumber : NumberStyles.None;
        int code = digits.Length == 0 ? 0
            : digits.Length < 8 && int.TryParse(digits, style, CultureInfo.InvariantCulture, out int number) ? number
            : int.MaxValue;
        return code switch
        {
            0 or > GreatestRune or (>= 0xD800 and <= 0xDFFF) => "\uFFFD",
            >= 0x80 and <= 0x9F => Windows[code - 0x80].ToString(),
            >= 0x1 and <= 0x8 or 0xB or >= 0xE and <= 0x1F or 0x7F or >= 0xFDD0 and <= 0xFDEF => "",
            _ when (code & 0xFFFE) == 0xFFFE => "",
            _ => new Rune(code).ToString(),
        };
    }

    private static string Name(string name)
    {
        for (int length = name.Length; length > 1; length--)
        {
            if (s_names.Value.TryGetValue(name[..length], out string? value))
            {
                return value + name[length..];
            }
        }

        return "&" + name;
    }

    private static Dictionary<string, string> ReadNames()
    {
        using StreamReader reader = new(typeof(Html).Assembly.GetManifestResourceStream("HtmlEntities.txt")!);
        Dictionary<string, string> names = [];
        while (reader.ReadLine() is string line)
        {
            string[] parts = line.Split(' ');
            names.Add(parts[0], string.Concat(parts.Skip(1).Select(code => new Rune(int.Parse(code, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))));
        }

        return names;
    }

    [GeneratedRegex(@"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")]
    private static partial Regex Reference();
}
