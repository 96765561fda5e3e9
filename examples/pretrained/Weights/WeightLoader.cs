using Equivariant.Core;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained.Weights;

/// <summary>Loads files of weights into modules, tensor by tensor.</summary>
public static class WeightLoader
{
    /// <summary>Loads a file into a module.</summary>
    /// <param name="module">The module; changed only if everything fits. Its types and devices stay: values are converted while they are read.</param>
    /// <param name="file">The file, or files.</param>
    /// <param name="map">Which tensor is which; the same names, if left out.</param>
    /// <param name="options">How strictly they have to fit; strictly, if left out.</param>
    /// <returns>What was loaded, and what was not.</returns>
    /// <exception cref="EquivariantException">Something is missing, left over or of another shape; the message names the file and the tensor.</exception>
    public static LoadReport Load(nn.Module module, ITensorFile file, WeightMap? map = null, LoadOptions? options = null)
    {
        using DisposeScope scope = NewDisposeScope();
        options ??= LoadOptions.Strict;
        Dictionary<string, Tensor> state = module.state_dict();
        Matching matching = new(file, map ?? WeightMap.Same, options.Foreign);
        LoadReport report = matching.Against(state, module.GetName());
        if (!options.AllowMissing && report.Missing is [string missing, ..])
        {
            throw new EquivariantException($"'{file.Path}' has no tensor '{missing}', which {module.GetName()} needs{More(report.Missing)}.");
        }

        if (!options.AllowLeftOver && report.LeftOver is [string extra, ..])
        {
            throw new EquivariantException($"'{file.Path}' has a tensor '{extra}', which {module.GetName()} has no place for{More(report.LeftOver)}.");
        }

        HashSet<string> loaded = [.. report.Loaded];
        foreach ((WeightRule rule, StoredTensor tensor) in matching.Used.Where(used => loaded.Contains(used.Rule.To!)))
        {
            using DisposeScope one = NewDisposeScope();
            using IDisposable noGradient = no_grad();
            tensor.CopyTo(rule.Part.Of(state[rule.To!].detach()), convert: options.Foreign == ForeignTypes.Convert);
        }

        return report;

        static string More(IReadOnlyList<string> names) => names.Count > 1 ? $" (nor {names.Count - 1} more)" : "";
    }

    /// <summary>Fills a fresh module from a file, ready for use on a device in some type; disposes it if it can't be filled.</summary>
    internal static T Filled<T>(
        T module, ITensorFile file, WeightMap map, LoadOptions? options, ScalarType dtype, Device? device, out LoadReport report)
        where T : nn.Module
    {
        try
        {
            module.to(dtype).to(device ?? CPU);
            report = Fill(module, file, map, options ?? LoadOptions.Complete);
            module.eval();
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    /// <summary>Loads a file into a module whose values are not set yet: what may be missing is zero.</summary>
    private static LoadReport Fill(nn.Module module, ITensorFile file, WeightMap map, LoadOptions options)
    {
        LoadReport report = Load(module, file, map, options);
        using IDisposable noGradient = no_grad();
        Dictionary<string, Tensor> state = module.state_dict();
        foreach (string name in report.Missing)
        {
            state[name].zero_();
        }

        return report;
    }

    /// <summary>The tensors that a file has for a module: their names in the module, and their shapes there, of which the numbers are in the file.</summary>
    internal static Dictionary<string, long[]> Shapes(ITensorFile file, WeightMap map, ForeignTypes foreign)
    {
        Dictionary<string, long[]> shapes = [];
        foreach (StoredTensor tensor in file.Tensors.Values.Where(tensor => !(tensor.IsForeign && foreign == ForeignTypes.Skip)))
        {
            if (map.Find(tensor.Name) is { To: string name, Part: WeightPart part } && (part < WeightPart.FirstThird || tensor.Shape.Count > 0))
            {
                // Sizes of a module may follow from these.
                tensor.RequireReadable(convert: foreign == ForeignTypes.Convert);
                shapes[name] = part.WholeShape(tensor.Shape);
            }
        }

        return shapes;
    }

    /// <summary>Which tensors of a file a map knows.</summary>
    private sealed class Matching
    {
        private readonly string _path;
        private readonly List<string> _leftOver = [], _ignored = [], _skipped = [];

        public Matching(ITensorFile file, WeightMap map, ForeignTypes foreign)
        {
            _path = file.Path;
            foreach (StoredTensor tensor in file.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            {
                WeightRule? rule = map.Find(tensor.Name);
                if (rule is null)
                {
                    _leftOver.Add(tensor.Name);
                }
                else if (rule.To is null)
                {
                    _ignored.Add(tensor.Name);
                }
                else if (tensor.IsForeign && foreign == ForeignTypes.Skip)
                {
                    _skipped.Add(tensor.Name);
                }
                else
                {
                    Used.Add((rule, tensor));
                }
            }

            Convert = foreign == ForeignTypes.Convert;
        }

        public List<(WeightRule Rule, StoredTensor Tensor)> Used { get; } = [];

        private bool Convert { get; }

        public LoadReport Against(Dictionary<string, Tensor> state, string module)
        {
            _leftOver.AddRange(Used.Where(used => !state.ContainsKey(used.Rule.To!)).Select(used => used.Tensor.Name));
            Used.RemoveAll(used => !state.ContainsKey(used.Rule.To!));
            foreach ((WeightRule rule, StoredTensor tensor) in Used)
            {
                tensor.RequireReadable(Convert);
                Require(rule, tensor, state[rule.To!], module);
            }

            HashSet<string> loaded = [.. Used.GroupBy(used => used.Rule.To!).Where(parts => IsWhole(parts.Key, [.. parts])).Select(parts => parts.Key)];
            return new LoadReport(
                [.. loaded],
                [.. state.Keys.Where(name => !loaded.Contains(name))],
                _leftOver,
                _ignored,
                _skipped);
        }

        private void Require(WeightRule rule, StoredTensor tensor, Tensor target, string module)
        {
            if (rule.Part != WeightPart.Whole && (tensor.Shape.Count == 0 || target.Dimensions != tensor.Shape.Count)
                || !rule.Part.WholeShape(tensor.Shape).SequenceEqual(target.shape))
            {
                throw new EquivariantException(
                    $"'{_path}' has '{tensor.Name}' as [{string.Join(", ", tensor.Shape)}], but {module} needs [{string.Join(", ", rule.Part.Shape(target.shape))}].");
            }
        }

        private bool IsWhole(string name, (WeightRule Rule, StoredTensor Tensor)[] parts) =>
            parts.Select(part => part.Rule.Part).Distinct().Count() != parts.Length
                ? throw new EquivariantException($"'{_path}' has both '{parts[0].Tensor.Name}' and '{parts[1].Tensor.Name}' for '{name}'.")
                : parts.Length == parts[0].Rule.Part.Count();
    }
}
