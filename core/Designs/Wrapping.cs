using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>How designs hold the models that they wrap.</summary>
internal static class Wrapping
{
    /// <summary>
    /// Makes the wrapped models children of the design, so that they train, move and are saved with it: under the
    /// name <c>model</c>, or <c>model0</c>, <c>model1</c>, … where there are several.
    /// </summary>
    public static void Register(nn.Module design, IReadOnlyList<nn.IModule<Tensor, Tensor>> models)
    {
        for (int i = 0; i < models.Count; i++)
        {
            if (models[i] is nn.Module module)
            {
                design.register_module(models.Count == 1 ? "model" : $"model{i}", module);
            }
        }
    }
}
