using Equivariant.Core.Designs;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>One block of a <see cref="MultiInputNetwork"/>: a model from one input to one output.</summary>
public sealed class NetworkBlock
{
    private NetworkBlock(string input, string output, nn.Module<Tensor, Tensor> model, bool isEquivariant, IReadOnlyList<QuotientTerm>? terms)
    {
        Input = input;
        Output = output;
        Model = model;
        IsEquivariant = isEquivariant;
        Terms = terms;
    }

    /// <summary>Gets the name of the input.</summary>
    public string Input { get; }

    /// <summary>Gets the name of the output.</summary>
    public string Output { get; }

    /// <summary>Gets the network to wrap.</summary>
    public nn.Module<Tensor, Tensor> Model { get; }

    /// <summary>Gets whether the model is made equivariant; otherwise it is made invariant-symmetric.</summary>
    public bool IsEquivariant { get; }

    /// <summary>Gets the family of kernels of an equivariant block; null for equituning.</summary>
    public IReadOnlyList<QuotientTerm>? Terms { get; }

    /// <summary>A block <c>M^Eq</c>, between ports of one factor.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="output">The name of the output.</param>
    /// <param name="model">The network.</param>
    /// <param name="terms">The family of kernels of the quotient design; equituning, if left out.</param>
    public static NetworkBlock Equivariant(
        string input, string output, nn.Module<Tensor, Tensor> model, IReadOnlyList<QuotientTerm>? terms = null) =>
        new(input, output, model, true, terms);

    /// <summary>A block <c>M^IS</c>, between any ports.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="output">The name of the output.</param>
    /// <param name="model">The network. Blocks that share one model treat their inputs alike, as deep sets do.</param>
    public static NetworkBlock InvariantSymmetric(string input, string output, nn.Module<Tensor, Tensor> model) =>
        new(input, output, model, false, null);
}
