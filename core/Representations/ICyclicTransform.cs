using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The Fourier transform over <c>Z_p1 × … × Z_pk</c> of real signals: convolutions become products, frequency by frequency.</summary>
internal interface ICyclicTransform
{
    /// <summary>Gets the real multiplications that a product of two spectra takes.</summary>
    long Multiplications { get; }

    /// <summary>Takes signals apart, <c>[P, …]</c>.</summary>
    /// <returns>Parts of the spectrum, real or complex, <c>[F, …]</c> each.</returns>
    Tensor[] Analyse(Tensor signals);

    /// <summary>Undoes <see cref="Analyse"/>.</summary>
    Tensor Synthesise(Tensor[] spectrum);
}
