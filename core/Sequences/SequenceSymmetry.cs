using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Sequences;

/// <summary>The group under which a sequence model is equivariant, and how it moves the tokens.</summary>
public sealed class SequenceSymmetry
{
    /// <summary>States a symmetry.</summary>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <exception cref="EquivariantException">The groups differ.</exception>
    public SequenceSymmetry(PermutationAction source, PermutationAction target)
    {
        if (source.Group != target.Group)
        {
            throw new EquivariantException($"One group has to act on source and target, but {source.Group} and {target.Group} do.");
        }

        (Source, Target) = (source, target);
        First = new FirstOfOrbit(source, target);
    }

    /// <summary>The group.</summary>
    public Group Group => Source.Group;

    /// <summary>How the group permutes the source vocabulary.</summary>
    public PermutationAction Source { get; }

    /// <summary>How it permutes the target vocabulary, and with it the logits.</summary>
    public PermutationAction Target { get; }

    /// <summary>Takes sentences to the first of their orbits.</summary>
    internal FirstOfOrbit First { get; }

    /// <summary>Whether no element moves a source token.</summary>
    internal bool Fixes(long sourceToken) =>
        Source.GeneratorPermutations.All(images => sourceToken < 0 || sourceToken >= images.Length || images[sourceToken] == sourceToken);
}
