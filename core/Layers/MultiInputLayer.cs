using System.Globalization;
using System.Text;
using Equivariant.Core.Actions;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// Sums of blocks, linear or around arbitrary models, equivariant under the product of the inputs' groups:
/// <c>yᵢ = M^Eq_i(xᵢ) + Σ_j M^IS_ij(x_j)</c>.
/// </summary>
/// <remarks>
/// Between ports of one factor a block may be any equivariant map; between any ports, any invariant-symmetric one. For
/// linear maps these are all maps that commute with the product of the factors (Theorem 1): <see cref="Linear"/>.
/// What invariant-symmetric blocks give an output is added first and symmetrised once. The cost for one set of inputs
/// is that of each block on each of its inputs: <c>|Gᵢ|</c> evaluations, or the indices of its kernels, whatever the
/// order of the output's group.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
/// </remarks>
public sealed class MultiInputLayer : MultiInputModule
{
    private readonly PlacedBlock[] _blocks;
    private readonly GroupAverage?[] _symmetrise;
    private readonly PlacedBlock?[] _linearReaders;

    /// <summary>Builds the layer, with fresh linear maps that keep the variance of activations, and biases of zero.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs, with linear actions.</param>
    /// <param name="blocks">The blocks; every output needs at least one.</param>
    /// <param name="gain">By what to multiply the initial weights of linear maps: √2 after or before a ReLU.</param>
    /// <param name="dtype">The type of the parameters of linear maps; networks keep theirs.</param>
    /// <param name="device">The device of those parameters; the CPU if left out.</param>
    /// <exception cref="EquivariantException">
    /// A block names no port, an equivariant one joins ports of different factors, a shared one joins ports that are not
    /// alike, or an output has no block.
    /// </exception>
    public MultiInputLayer(
        IReadOnlyList<Port> inputs,
        IReadOnlyList<Port> outputs,
        IReadOnlyList<Block> blocks,
        double gain = 1,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null)
        : base(nameof(MultiInputLayer), inputs, outputs)
    {
        foreach (Port port in outputs.Where(port => blocks.All(block => block.Edges.All(edge => edge.Output != port.Name))))
        {
            throw new EquivariantException($"{nameof(MultiInputLayer)} has no block that leads to its output '{port.Name}'.");
        }

        var places = new BlockPlaces(Inputs, Outputs, blocks);
        var initial = new InitialWeights(places, gain, dtype, device);
        _blocks = [.. blocks.Select(block => PlacedBlock.Of(block, places, initial))];
        _symmetrise = [.. outputs.Select(port =>
            blocks.Any(block => block.Kind == BlockKind.InvariantSymmetric && !block.IsLinear && block.Edges.Any(edge => edge.Output == port.Name))
                ? port.Action.Average(port.Group)
                : null)];
        _linearReaders = [.. inputs.Select(port =>
            _blocks.FirstOrDefault(block => block.Block.IsLinear && block.Block.Edges.Any(edge => edge.Input == port.Name)))];
        foreach ((PlacedBlock block, string child) in _blocks.Zip(ChildNames.Of(blocks.Select(block => block.Name))))
        {
            block.RegisterIn(this, child);
        }
    }

    /// <summary>All linear maps that commute with the product of the groups and with exchanging the members of families.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="bias">Whether to add a bias to each output.</param>
    /// <param name="gain">By what to multiply the initial weights: √2 after or before a ReLU.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <param name="device">The device of the parameters; the CPU if left out.</param>
    /// <exception cref="EquivariantException">The ports do not fit each other, or maps can't be solved for.</exception>
    public static MultiInputLayer Linear(
        IReadOnlyList<Port> inputs,
        IReadOnlyList<Port> outputs,
        bool bias = true,
        double gain = 1,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null) =>
        new(inputs, outputs, Block.AllLinear(inputs, outputs, bias), gain, dtype, device);

    /// <summary>Gets the blocks.</summary>
    public IReadOnlyList<PlacedBlock> Blocks => _blocks;

    /// <inheritdoc/>
    public override long EvaluationsPerInput => _blocks.Sum(block => block.EvaluationsPerInput);

    /// <summary>Gets the number of free parameters, as counted on the tensors.</summary>
    public long FreeParameters => parameters().Sum(parameter => parameter.numel());

    /// <summary>Gets the dimension of the space of all linear maps of these kinds, as the theory gives it; null where a block is not linear.</summary>
    public long? TheoreticalDimension => _blocks.Aggregate((long?)0, (sum, block) => sum + block.TheoreticalDimension);

    /// <summary>Evaluates the layer.</summary>
    /// <param name="input">One batch for each input, <c>[B, …]</c>.</param>
    /// <returns>One batch for each output, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The tensors do not fit the inputs.</exception>
    public override Tensor[] forward(Tensor[] input)
    {
        RequireInputs(input);
        for (int i = 0; i < input.Length; i++)
        {
            // Networks may read whole numbers, and have parameters of a type of their own.
            if (_linearReaders[i] is { } reader)
            {
                RequireNumbers(i, input[i], reader.Module!.parameters().First());
            }
        }

        using DisposeScope scope = NewDisposeScope();
        var sums = new BlockSums(Inputs, Outputs, input);
        foreach (PlacedBlock block in _blocks)
        {
            block.AddTo(sums);
        }

        return [.. _symmetrise.Select((average, i) => sums.Total(i, average).MoveToOuterDisposeScope())];
    }

    /// <summary>Writes a layer of linear blocks and residual connections out as a dense one.</summary>
    /// <returns>A new module from the flattened inputs side by side, <c>[B, Σ c·n]</c>, to the flattened outputs side by side.</returns>
    /// <exception cref="EquivariantException">A block is not linear, or a port has no shape.</exception>
    public Linear ToDense()
    {
        if (_blocks.FirstOrDefault(block => !block.Block.IsLinear && !block.Block.IsSkip) is { } block)
        {
            throw new EquivariantException($"Only linear maps can be written as a dense layer; the block '{block.Block.Name}' is none.");
        }

        if (Inputs.Concat(Outputs).FirstOrDefault(port => port.Shape is null) is { } unknown)
        {
            throw new EquivariantException($"A dense layer needs the shapes of all ports; '{unknown.Name}' has none.");
        }

        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        using Tensor none = zeros(0);
        Tensor like = parameters().FirstOrDefault() ?? none;
        long[][] shapes = [.. Inputs.Select(port => port.Shape!.ToArray())];
        long[] widths = [.. shapes.Select(shape => shape.Aggregate(1L, (product, length) => product * length))];
        Tensor Flat(Tensor rows) =>
            cat([.. forward([.. rows.split(widths, 1).Zip(shapes, (part, shape) => part.reshape([rows.shape[0], .. shape]))]).Select(y => y.flatten(1))], 1);

        long inputs = widths.Sum();
        Tensor zero = Flat(zeros([1, inputs], like.dtype, like.device));
        var dense = nn.Linear(inputs, zero.shape[1], dtype: like.dtype, device: like.device);
        dense.weight!.copy_((Flat(eye(inputs, dtype: like.dtype, device: like.device)) - zero).t());
        dense.bias!.copy_(zero[0]);
        return dense;
    }

    /// <summary>Says the ports and, block by block, the evaluations and parameters; of linear blocks, the theoretical dimension beside them.</summary>
    public string Describe()
    {
        StringBuilder text = new();
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
        void Row(string name, string kind, long free, long? theory) =>
            Line($"  {name,-24} {kind,-18} {free,8} free{(theory is { } dimension ? $", {dimension,8} in theory" : "")}");
        Line($"inputs:  {string.Join(", ", Inputs)}");
        Line($"outputs: {string.Join(", ", Outputs)}");
        foreach (PlacedBlock block in _blocks)
        {
            string sources = string.Join("/", block.Block.Edges.Select(edge => edge.Input).Distinct());
            string targets = string.Join("/", block.Block.Edges.Select(edge => edge.Output).Distinct());
            Row(sources.Length == 0 ? $"{targets} bias" : $"{targets} ← {sources}", block.Block.Kind.ToString(), block.FreeParameters, block.TheoreticalDimension);
        }

        Row("total", "", FreeParameters, TheoreticalDimension);
        return text.ToString();
    }
}
