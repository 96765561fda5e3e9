using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Attention shared by several heads.</summary>
internal static class Heads
{
    /// <summary>What queries <c>[B, T, width]</c> see of keys and values <c>[B, S, width]</c>.</summary>
    public static Tensor Attend(Tensor queries, Tensor keys, Tensor values, int heads, bool causal)
    {
        Tensor seen = nn.functional.scaled_dot_product_attention(Split(queries), Split(keys), Split(values), null!, 0, causal);
        return seen.transpose(1, 2).reshape(queries.shape);

        Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
    }
}
