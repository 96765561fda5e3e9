using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    private WordFinder? _wordFinder;

    /// <summary>
    /// Writes an element as a product of generators and their inverses, left to right. It is the shortest such product for a small group
    /// and one of moderate length for a large one.
    /// </summary>
    /// <exception cref="EquivariantException">The element is not in this group, or no word of moderate length was found.</exception>
    public IReadOnlyList<WordLetter> Word(GroupElement element)
    {
        RequireMember(element, "Only elements have words;");
        return FindWord(element.Code);
    }

    /// <summary>Multiplies out a word in the generators.</summary>
    /// <exception cref="EquivariantException">A letter names a generator that does not exist.</exception>
    public GroupElement Evaluate(IReadOnlyList<WordLetter> word)
    {
        int[] code = new int[Width];
        int[] power = new int[Width];
        WriteIdentity(code);
        for (int i = word.Count - 1; i >= 0; i--)
        {
            if ((uint)word[i].Generator >= (uint)GeneratorCodes.Length)
            {
                throw new EquivariantException(
                    $"{Name} has generators 0 to {GeneratorCodes.Length - 1}; the word names generator {word[i].Generator}.");
            }

            Power(GeneratorCodes[word[i].Generator], word[i].Exponent, power);
            MultiplyLeft(power, code);
        }

        return new GroupElement(Ambient, code);
    }

    internal virtual IReadOnlyList<WordLetter> FindWord(ReadOnlySpan<int> code) => Once(ref _wordFinder, () => WordFinder.For(this)).Find(code);
}
