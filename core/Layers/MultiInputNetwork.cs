using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// A network with several inputs and outputs around arbitrary models, equivariant under the product of the inputs' groups:
/// <c>yᵢ = M^Eq_i(xᵢ) + Σ_j M^IS_ij(x_j)</c>.
/// </summary>
/// <remarks>
/// Inputs may be of any kind, each with its own action. The cost for one set of inputs is the sum, over blocks, of the
/// evaluations of each: <c>|Gᵢ|</c> (or the indices of its kernels) for an equivariant block, <c>|Gⱼ|</c> for an
/// invariant-symmetric one. Invariant-symmetric blocks from one input by one model share their evaluations, however many outputs
/// they lead to: only the last step, which is linear, differs.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
/// </remarks>
public sealed class MultiInputNetwork : SavedModule<Tensor[], Tensor[]>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> wrapped;
    private readonly (int Input, int Output)[] _places;

    // The block whose mean over the orbit a block uses: the first from its input by its model, which is itself for most.
    private readonly int[] _sources;

    /// <summary>Builds the network.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs, with linear actions.</param>
    /// <param name="blocks">The blocks; every output needs at least one.</param>
    /// <param name="evaluation">How rows are given to the models; plainly, if left out.</param>
    /// <exception cref="EquivariantException">
    /// A block names no port, an equivariant one joins ports of different factors or groups, or an output has no block.
    /// </exception>
    public MultiInputNetwork(
        IReadOnlyList<NetworkPort> inputs,
        IReadOnlyList<NetworkPort> outputs,
        IReadOnlyList<NetworkBlock> blocks,
        Evaluation? evaluation = null)
        : base(nameof(MultiInputNetwork))
    {
        Inputs = [.. inputs];
        Outputs = [.. outputs];
        Blocks = [.. blocks];
        RequireDistinct(Inputs, "input");
        RequireDistinct(Outputs, "output");
        _places = [.. blocks.Select(block => (Find(Inputs, block.Input, "input"), Find(Outputs, block.Output, "output")))];
        for (int i = 0; i < outputs.Count; i++)
        {
            if (_places.All(place => place.Output != i))
            {
                throw new EquivariantException($"{nameof(MultiInputNetwork)} has no block that leads to its output '{outputs[i].Name}'.");
            }
        }

        _sources = [.. blocks.Select((block, b) => Enumerable.Range(0, b + 1).First(a => a == b || Shares(a, b)))];
        wrapped = [];
        for (int b = 0; b < blocks.Count; b++)
        {
            wrapped.Add(_sources[b] == b
                ? Wrap(blocks[b], _places[b], evaluation)
                : ((InvariantSymmetricBlock)wrapped[_sources[b]]).To(Outputs[_places[b].Output].Action));
        }

        RegisterComponents();
    }

    /// <summary>
    /// A network whose inputs may also be exchanged with each other: one model makes the equivariant blocks of all, another
    /// (if given) the invariant-symmetric blocks between different ones.
    /// </summary>
    /// <param name="ports">The inputs, which are also the outputs: alike, each with a factor of its own.</param>
    /// <param name="equivariant">The model of <c>M^Eq</c>.</param>
    /// <param name="invariantSymmetric">The model of <c>M^IS</c>, evaluated once for each input; or null for none.</param>
    /// <param name="outputs">The outputs where their actions differ from the inputs', in the same order; null where not.</param>
    /// <param name="evaluation">How rows are given to the models; plainly, if left out.</param>
    public static MultiInputNetwork Exchangeable(
        IReadOnlyList<NetworkPort> ports,
        nn.Module<Tensor, Tensor> equivariant,
        nn.Module<Tensor, Tensor>? invariantSymmetric,
        IReadOnlyList<NetworkPort>? outputs = null,
        Evaluation? evaluation = null)
    {
        outputs ??= ports;
        if (outputs.Count != ports.Count)
        {
            throw new EquivariantException($"Exchangeable inputs need as many outputs; {ports.Count} and {outputs.Count} were given.");
        }

        List<NetworkBlock> blocks = [];
        for (int i = 0; i < ports.Count; i++)
        {
            for (int j = 0; j < ports.Count; j++)
            {
                if (i == j)
                {
                    blocks.Add(NetworkBlock.Equivariant(ports[i].Name, outputs[i].Name, equivariant));
                }
                else if (invariantSymmetric is not null)
                {
                    blocks.Add(NetworkBlock.InvariantSymmetric(ports[j].Name, outputs[i].Name, invariantSymmetric));
                }
            }
        }

        return new MultiInputNetwork(ports, outputs, blocks, evaluation);
    }

    /// <summary>Gets the inputs.</summary>
    public IReadOnlyList<NetworkPort> Inputs { get; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<NetworkPort> Outputs { get; }

    /// <summary>Gets the blocks.</summary>
    public IReadOnlyList<NetworkBlock> Blocks { get; }

    /// <summary>Gets the evaluations of models for one set of inputs, summed over the blocks; shared ones once.</summary>
    public int EvaluationsPerInput => wrapped.Where((_, b) => _sources[b] == b).Sum(block => block is QuotientDesign design
        ? design.EvaluationsPerInput
        : ((InvariantSymmetricBlock)block).EvaluationsPerInput);

    /// <summary>Evaluates the network.</summary>
    /// <param name="input">One batch for each input, <c>[B, …]</c>.</param>
    /// <returns>One batch for each output, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">There are too many tensors or too few, or batch sizes differ.</exception>
    public override Tensor[] forward(Tensor[] input)
    {
        if (input.Length != Inputs.Count)
        {
            throw new EquivariantException(
                $"{nameof(MultiInputNetwork)} has {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(port => port.Name))}), but {input.Length} tensors were given.");
        }

        for (int i = 0; i < input.Length; i++)
        {
            TensorChecks.RequireBatch($"The input '{Inputs[i].Name}'", input[i]);
            if (input[i].shape[0] != input[0].shape[0])
            {
                throw new EquivariantException(
                    $"{nameof(MultiInputNetwork)} needs one batch size for all inputs, but '{Inputs[0].Name}' has {input[0].shape[0]} rows and '{Inputs[i].Name}' {input[i].shape[0]}.");
            }
        }

        using DisposeScope scope = NewDisposeScope();
        var sums = new Tensor?[Outputs.Count];
        var means = new Tensor?[_places.Length];
        for (int b = 0; b < _places.Length; b++)
        {
            (int from, int to) = _places[b];
            Tensor value = wrapped[b] is InvariantSymmetricBlock block
                ? block.Symmetrise(means[_sources[b]] ??= block.Mean(input[from]))
                : wrapped[b].call(input[from]);
            if (sums[to] is { } sum && !sum.shape.SequenceEqual(value.shape))
            {
                throw new EquivariantException(
                    $"The blocks that lead to output '{Outputs[to].Name}' do not fit: the one from '{Inputs[from].Name}' gives [{string.Join(", ", value.shape)}], others [{string.Join(", ", sum.shape)}].");
            }

            sums[to] = sums[to] is { } previous ? previous + value : value;
        }

        return [.. sums.Select(sum => sum!.MoveToOuterDisposeScope())];
    }

    private bool Shares(int a, int b) =>
        !Blocks[a].IsEquivariant && !Blocks[b].IsEquivariant && ReferenceEquals(Blocks[a].Model, Blocks[b].Model) && _places[a].Input == _places[b].Input;

    private static void RequireDistinct(IReadOnlyList<NetworkPort> ports, string what)
    {
        foreach (IGrouping<string, NetworkPort> same in ports.GroupBy(port => port.Name).Where(group => group.Count() > 1))
        {
            throw new EquivariantException($"{nameof(MultiInputNetwork)} has {same.Count()} {what}s called '{same.Key}'; names have to differ.");
        }
    }

    private static int Find(IReadOnlyList<NetworkPort> ports, string name, string what)
    {
        for (int i = 0; i < ports.Count; i++)
        {
            if (ports[i].Name == name)
            {
                return i;
            }
        }

        throw new EquivariantException(
            $"{nameof(MultiInputNetwork)} has no {what} called '{name}'; its {what}s are {string.Join(", ", ports.Select(port => $"'{port.Name}'"))}.");
    }

    private nn.Module<Tensor, Tensor> Wrap(NetworkBlock block, (int Input, int Output) place, Evaluation? evaluation)
    {
        (NetworkPort input, NetworkPort output) = (Inputs[place.Input], Outputs[place.Output]);
        if (!block.IsEquivariant)
        {
            return new InvariantSymmetricBlock(block.Model, input.Action, output.Action, evaluation);
        }

        if (input.ActingFactor != output.ActingFactor)
        {
            throw new EquivariantException(
                $"An equivariant block can't lead from '{input.Name}' (factor '{input.ActingFactor}') to '{output.Name}' (factor '{output.ActingFactor}'): " +
                "the two are moved independently, so only an invariant-symmetric block is equivariant there.");
        }

        if (input.Action.Group != output.Action.Group)
        {
            throw new EquivariantException(
                $"The ports '{input.Name}' and '{output.Name}' share the factor '{input.ActingFactor}', but {input.Action.Group} and {output.Action.Group} act on them.");
        }

        return new QuotientDesign(block.Model, input.Action, output.Action, block.Terms ?? [QuotientTerm.Equitune(input.Action.Group)], evaluation: evaluation);
    }
}
