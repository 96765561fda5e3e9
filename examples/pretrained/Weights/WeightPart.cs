using static TorchSharp.torch;

namespace Equivariant.Pretrained.Weights;

/// <summary>What a file's tensor is of a module's.</summary>
public enum WeightPart
{
    /// <summary>The same tensor.</summary>
    Whole,

    /// <summary>The same matrix with rows and columns exchanged.</summary>
    Transposed,

    /// <summary>The first of three parts along the first axis: queries.</summary>
    FirstThird,

    /// <summary>The second of three parts along the first axis: keys.</summary>
    SecondThird,

    /// <summary>The last of three parts along the first axis: values.</summary>
    LastThird,
}

/// <summary>Shapes and places of the parts.</summary>
internal static class WeightParts
{
    private const int Thirds = 3;

    /// <summary>The shape of the module's tensor, given the file's.</summary>
    public static long[] WholeShape(this WeightPart part, IReadOnlyList<long> shape) => part switch
    {
        WeightPart.Whole => [.. shape],
        WeightPart.Transposed => [.. shape.Reverse()],
        _ => [Thirds * shape[0], .. shape.Skip(1)],
    };

    /// <summary>The shape of the file's tensor, given the module's.</summary>
    public static long[] Shape(this WeightPart part, IReadOnlyList<long> whole) => part switch
    {
        WeightPart.Whole => [.. whole],
        WeightPart.Transposed => [.. whole.Reverse()],
        _ => [whole[0] / Thirds, .. whole.Skip(1)],
    };

    /// <summary>Where in the module's tensor the file's belongs: a view.</summary>
    public static Tensor Of(this WeightPart part, Tensor whole) => part switch
    {
        WeightPart.Whole => whole,
        WeightPart.Transposed => whole.t(),
        _ => whole.narrow(0, (part - WeightPart.FirstThird) * (whole.shape[0] / Thirds), whole.shape[0] / Thirds),
    };

    /// <summary>How many of the parts make a whole.</summary>
    public static int Count(this WeightPart part) => part >= WeightPart.FirstThird ? Thirds : 1;
}
