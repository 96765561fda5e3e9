namespace Equivariant.Core.Representations;

/// <summary>What steps of a forward and a backward pass take together, in nanoseconds of one core: measured, for comparisons only.</summary>
internal static class OrbitCost
{
    /// <summary>To start a kernel, and those of its gradients.</summary>
    public const double Kernel = 15_000;

    /// <summary>To look up a place in a list.</summary>
    public const double Listed = 100;

    /// <summary>To move a number to a listed place along the last axis.</summary>
    public const double Gathered = 2;

    /// <summary>To move a number with those beside it.</summary>
    public const double Moved = 2.5;

    /// <summary>To add or copy a number in order.</summary>
    public const double Summed = 1;

    /// <summary>To take a number through a Fourier transform.</summary>
    public const double Transformed = 2;

    /// <summary>To multiply two numbers within a matrix product.</summary>
    public const double Product = 0.065;

    /// <summary>To multiply two numbers within a product of channels only.</summary>
    public const double ChannelProduct = 0.15;

    /// <summary>To write an entry of a matrix, and to add up its gradient, with those of the other channels beside it.</summary>
    public const double Entry = 1.5;

    /// <summary>To do so for a run of channels.</summary>
    public const double Run = 4;
}
