using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Serialization;

/// <summary>Loading that either succeeds or changes nothing.</summary>
internal static class SavedState
{
    /// <summary>Loads into a module; whatever fails is undone and becomes a sentence.</summary>
    /// <param name="module">The module.</param>
    /// <param name="load">Loads, by TorchSharp.</param>
    public static nn.Module Guard(nn.Module module, Func<nn.Module> load)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        Dictionary<string, Tensor> state = module.state_dict();
        Dictionary<string, Tensor> before = state.ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
        try
        {
            return load();
        }
        catch (Exception error)
        {
            foreach ((string name, Tensor tensor) in state)
            {
                tensor.copy_(before[name]);
            }

            string why = error.Message.Split('\n')[0].TrimEnd('.', ' ', '\r');
            throw new EquivariantException($"The file can't be loaded into {module.GetName()}, which is left as it was: it was saved from another network, or is damaged ({why}).");
        }
    }
}
