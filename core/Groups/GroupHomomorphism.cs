using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// A homomorphism between groups, given by the images of the generators and checked when it is made.
/// </summary>
public sealed class GroupHomomorphism
{
    private readonly CodeMap _map;
    private readonly int[][] _images;

    /// <summary>Makes the homomorphism that takes each generator of <paramref name="source"/> to the image given for it.</summary>
    /// <param name="source">The group it starts from.</param>
    /// <param name="target">The group it leads to.</param>
    /// <param name="images">An element of <paramref name="target"/> for each generator of <paramref name="source"/>, in order.</param>
    /// <exception cref="EquivariantException">There are too many or too few images, one is not in the target, or they break a relation; the message names the generators.</exception>
    public GroupHomomorphism(Group source, Group target, IReadOnlyList<GroupElement> images)
    {
        Source = source;
        Target = target;
        if (images.Count != source.GeneratorCodes.Length)
        {
            throw new EquivariantException(
                $"{source.Name} has {source.GeneratorCodes.Length} generators, but {images.Count} images were given; a homomorphism needs one for each.");
        }

        for (int i = 0; i < images.Count; i++)
        {
            target.RequireMember(images[i], $"The image of generator {i} ({source.Generators[i]}),");
        }

        _images = [.. images.Select(image => image.Code.ToArray())];
        _map = source.Extend(
            target.Ambient, _images, relation => $"This is not a homomorphism from {source.Name} to {target.Name}: {relation}, but the images given do not.");
    }

    private GroupHomomorphism(Group source, Group target, int[][] images, CodeMap map)
    {
        Source = source;
        Target = target;
        _images = images;
        _map = map;
    }

    /// <summary>Gets the group it starts from.</summary>
    public Group Source { get; }

    /// <summary>Gets the group it leads to.</summary>
    public Group Target { get; }

    /// <summary>Gets the images of the source's generators, in order.</summary>
    public IReadOnlyList<GroupElement> GeneratorImages => [.. _images.Select(image => new GroupElement(Target.Ambient, image))];

    /// <summary>Gets the subgroup of elements that go to the identity.</summary>
    public Subgroup Kernel => LazyInitializer.EnsureInitialized(ref field, FindKernel);

    /// <summary>Gets the subgroup of elements of the target that are reached.</summary>
    public Subgroup Image => LazyInitializer.EnsureInitialized(ref field, () => new Subgroup(Target, _images));

    /// <summary>Gets whether different elements have different images.</summary>
    public bool IsInjective => Image.Order == Source.Order;

    /// <summary>Gets whether every element of the target is reached.</summary>
    public bool IsSurjective => Image.Order == Target.Order;

    /// <summary>Gets whether this is an isomorphism.</summary>
    public bool IsIsomorphism => IsInjective && IsSurjective;

    /// <summary>Gets the image of an element.</summary>
    /// <exception cref="EquivariantException">The element is not in the source.</exception>
    public GroupElement this[GroupElement element] => Apply(element);

    /// <summary>Makes the homomorphism that moves nothing.</summary>
    public static GroupHomomorphism Identity(Group group) => Trusted(group, group, group.GeneratorCodes, (code, image) => code.CopyTo(image));

    /// <summary>Makes the homomorphism g ↦ h g h⁻¹.</summary>
    /// <exception cref="EquivariantException">h is not in the group.</exception>
    public static GroupHomomorphism Conjugation(Group group, GroupElement h)
    {
        group.RequireMember(h, "To conjugate by");
        return new GroupHomomorphism(group, group, [.. group.Generators.Select(g => g.ConjugateBy(h))]);
    }

    /// <summary>Computes the image of an element.</summary>
    /// <exception cref="EquivariantException">The element is not in the source.</exception>
    public GroupElement Apply(GroupElement element)
    {
        Source.RequireMember(element, $"The homomorphism to {Target.Name} cannot be applied:");
        int[] image = new int[Target.Width];
        _map(element.Code, image);
        return new GroupElement(Target.Ambient, image);
    }

    /// <summary>Writes the image of a packed element that is known to be in the source.</summary>
    public void Apply(ReadOnlySpan<int> code, Span<int> image) => _map(code, image);

    /// <summary>Follows this homomorphism by another: g ↦ next(this(g)).</summary>
    /// <exception cref="EquivariantException">The image of this one is not inside the source of the next.</exception>
    public GroupHomomorphism Then(GroupHomomorphism next) => new(Source, next.Target, [.. GeneratorImages.Select(next.Apply)]);

    /// <summary>Follows another homomorphism by this one: g ↦ this(first(g)).</summary>
    /// <exception cref="EquivariantException">The image of the first is not inside the source of this one.</exception>
    public GroupHomomorphism Compose(GroupHomomorphism first) => first.Then(this);

    /// <summary>Says where each generator goes.</summary>
    public override string ToString() =>
        $"{Source.Name} → {Target.Name}" +
        (_images.Length == 0 ? "" : ": " + string.Join(", ", Source.Generators.Zip(GeneratorImages, (g, image) => $"{g} ↦ {image}")));

    internal static GroupHomomorphism Trusted(Group source, Group target, int[][] images, CodeMap map) => new(source, target, images, map);

    /// <summary>Follows this homomorphism by a map of what it leads to.</summary>
    internal CodeMap Into(CodeMap next) => (code, image) =>
    {
        int width = Target.Width;
        using Scratch scratch = new(width, stackalloc int[Scratch.StackSize(width)]);
        _map(code, scratch.Span);
        next(scratch.Span, image);
    };

    private Subgroup FindKernel()
    {
        // In the group of pairs (image, g), what fixes a base of the image is (1, g) with g in the kernel.
        Group target = Target.Ambient, source = Source.Ambient;
        DirectProduct pairs = new([target, source]);
        int[][] generators = [.. _images.Zip(Source.GeneratorCodes, (image, g) => (int[])[.. image, .. g])];
        int[] imageBase = [.. StabiliserChain.Build(target, _images).Base];
        StabiliserChain chain = StabiliserChain.Build(pairs, generators, imageBase);
        int[][] kernel = [.. chain.StabiliserGenerators(imageBase.Length).Select(pair => pair[target.Width..])];
        return new Subgroup(Source, kernel);
    }
}
