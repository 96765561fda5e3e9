using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Equivariant.Pretrained;

/// <summary>The nonlinearities of transformers, by the names that configurations give them.</summary>
internal static class Activation
{
    /// <summary>The functions by name.</summary>
    public static IReadOnlyDictionary<string, Func<Tensor, Tensor>> All { get; } = new Dictionary<string, Func<Tensor, Tensor>>
    {
        ["gelu_new"] = TanhGelu,
        ["gelu_fast"] = TanhGelu,
        ["gelu_pytorch_tanh"] = TanhGelu,
        ["gelu"] = x => functional.gelu(x),
        ["quick_gelu"] = QuickGelu,
        ["relu"] = x => functional.relu(x),
        ["silu"] = x => functional.silu(x),
        ["swish"] = x => functional.silu(x),
        ["tanh"] = x => x.tanh(),
    };

    // x·Φ(x) by the approximation of Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    private static Tensor TanhGelu(Tensor x) => functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh, inplace: false);

    // The same paper's x·σ(1.702 x).
    private static Tensor QuickGelu(Tensor x)
    {
        using Tensor gate = x * 1.702;
        return x * gate.sigmoid_();
    }
}
