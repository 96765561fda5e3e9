using System.Globalization;
using System.Text;
using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// All linear maps from several inputs to several outputs that commute with the product of their groups, with channels
/// and a bias.
/// </summary>
/// <remarks>
/// <para>Between ports of one factor, a block is any equivariant map (<see cref="EquivariantLinear"/>); between ports of different
/// factors, any invariant-symmetric one (<see cref="InvariantSymmetricLinear"/>). By Theorem 1 these are all maps that commute
/// with the product of the factors.</para>
/// <para>Ports of one family may be exchanged: blocks then depend only on whether an output and an input are the same
/// member, which are all maps that commute with exchanging them too. The k-th output of a family belongs to the
/// k-th input.</para>
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024), Theorem 1; for
/// exchanges, Maron et al., "On Learning Sets of Symmetric Elements" (ICML 2020).
/// </remarks>
public sealed class MultiInputLinear : MultiInputModule
{
    private readonly ModuleList<LinearModule> blocks;
    private readonly ParameterList biases;
    private readonly int[][] _blockOf;
    private readonly int[]? _biasOf;

    /// <summary>Makes a layer with fresh weights that keep the variance of activations, and biases of zero.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="bias">Whether to add a bias to each output.</param>
    /// <param name="gain">By what to multiply the initial weights: √2 after or before a ReLU.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <param name="device">The device of the parameters; the CPU if left out.</param>
    /// <exception cref="EquivariantException">The ports do not fit each other, or maps can't be solved for.</exception>
    public MultiInputLinear(
        IReadOnlyList<Port> inputs,
        IReadOnlyList<Port> outputs,
        bool bias = true,
        double gain = 1,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null)
        : base(nameof(MultiInputLinear), inputs, outputs)
    {
        RequireFamilies();
        blocks = [];
        biases = [];
        _blockOf = new int[outputs.Count][];
        Dictionary<(string, string, bool), int> known = [];
        for (int i = 0; i < outputs.Count; i++)
        {
            _blockOf[i] = new int[inputs.Count];
            for (int j = 0; j < inputs.Count; j++)
            {
                (string, string, bool) key = (Role(outputs[i]), Role(inputs[j]), IsSameMember(i, j));
                if (!known.TryGetValue(key, out int block))
                {
                    block = blocks.Count;
                    known.Add(key, block);
                    blocks.Add(NewBlock(i, j, gain, dtype, device));
                }

                _blockOf[i][j] = block;
            }
        }

        if (bias)
        {
            string[] roles = [.. outputs.Select(Role).Distinct()];
            _biasOf = [.. outputs.Select(port => Array.IndexOf(roles, Role(port)))];
            foreach (Port port in roles.Select(role => outputs.First(port => Role(port) == role)))
            {
                biases.Add(LayerChecks.NewParameter(zeros([port.Channels, port.Representation.Invariants.Count]), dtype, device));
            }
        }

        RegisterComponents();
    }

    /// <summary>Gets the number of free parameters, as counted on the tensors.</summary>
    public long FreeParameters => parameters().Sum(parameter => parameter.numel());

    /// <summary>Gets the dimension of the space of all such layers, as the theory gives it.</summary>
    public long TheoreticalDimension => Blocks.Sum(block => block.TheoreticalDimension);

    /// <summary>Gets the blocks, each once: those that exchanged ports share have all their names.</summary>
    public IReadOnlyList<LinearBlock> Blocks
    {
        get
        {
            List<LinearBlock> rows = [];
            for (int b = 0; b < blocks.Count; b++)
            {
                (int Output, int Input)[] places =
                    [.. from i in Enumerable.Range(0, Outputs.Count) from j in Enumerable.Range(0, Inputs.Count) where _blockOf[i][j] == b select (i, j)];
                rows.Add(new LinearBlock(
                    Names(places.Select(place => Outputs[place.Output].Name)),
                    Names(places.Select(place => Inputs[place.Input].Name)),
                    blocks[b] is EquivariantLinear ? LinearBlockKind.Equivariant : LinearBlockKind.InvariantSymmetric,
                    blocks[b].FreeParameters,
                    blocks[b].TheoreticalDimension));
            }

            for (int b = 0; b < biases.Count; b++)
            {
                Port[] ports = [.. Outputs.Where((_, i) => _biasOf![i] == b)];
                long dimension = ports[0].Channels * HomDimension.OfInvariants(ports[0].Representation);
                rows.Add(new LinearBlock(Names(ports.Select(port => port.Name)), "", LinearBlockKind.Bias, biases[b].numel(), dimension));
            }

            return rows;
        }
    }

    /// <summary>Gets the block from an input to an output.</summary>
    /// <param name="output">The position of the output.</param>
    /// <param name="input">The position of the input.</param>
    public LinearModule Block(int output, int input) => blocks[_blockOf[output][input]];

    /// <summary>Gets the bias of an output, <c>[c, r]</c> in its invariants; null without one.</summary>
    /// <param name="output">The position of the output.</param>
    public Parameter? BiasOf(int output) => _biasOf is null ? null : biases[_biasOf[output]];

    /// <summary>Applies the layer.</summary>
    /// <param name="input">One batch for each input, <c>[B, c, n]</c>.</param>
    /// <returns>One batch for each output.</returns>
    /// <exception cref="EquivariantException">A batch does not fit; the message says which and what would.</exception>
    public override Tensor[] forward(Tensor[] input)
    {
        RequireInputs(input, parameters().First());
        using DisposeScope scope = NewDisposeScope();
        var pooled = new Tensor?[input.Length];
        var results = new Tensor[Outputs.Count];
        for (int i = 0; i < results.Length; i++)
        {
            Tensor? moving = null;
            Tensor? fixedPart = _biasOf is null ? null : biases[_biasOf[i]].unsqueeze(0);
            for (int j = 0; j < input.Length; j++)
            {
                if (Block(i, j) is InvariantSymmetricLinear block)
                {
                    pooled[j] ??= Inputs[j].Representation.Invariants.Pool(input[j]);
                    Tensor mixed = block.Mix(pooled[j]!);
                    fixedPart = fixedPart is null ? mixed : fixedPart + mixed;
                }
                else
                {
                    Tensor moved = Block(i, j).call(input[j]);
                    moving = moving is null ? moved : moving + moved;
                }
            }

            Tensor? copied = fixedPart is null ? null : Outputs[i].Representation.Invariants.Expand(fixedPart);
            results[i] = moving is null ? copied! : copied is null ? moving : moving + copied;
        }

        return [.. results.Select(result => result.MoveToOuterDisposeScope())];
    }

    /// <summary>Writes the layer out as a dense one.</summary>
    /// <returns>A new module from the flattened inputs side by side, <c>[B, Σ c·n]</c>, to the flattened outputs side by side.</returns>
    public Linear ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor like = parameters().First();
        long[] widths = [.. Inputs.Select(port => port.Channels * port.Representation.Dimension)];
        Tensor Flat(Tensor rows)
        {
            Tensor[] parts = rows.split(widths, 1);
            Tensor[] shaped = [.. parts.Zip(Inputs, (part, port) => part.reshape(rows.shape[0], port.Channels, port.Representation.Dimension))];
            return cat([.. forward(shaped).Select(y => y.flatten(1))], 1);
        }

        long inputs = widths.Sum();
        Tensor zero = Flat(zeros([1, inputs], like.dtype, like.device));
        var dense = nn.Linear(inputs, zero.shape[1], dtype: like.dtype, device: like.device);
        dense.weight!.copy_((Flat(eye(inputs, dtype: like.dtype, device: like.device)) - zero).t());
        dense.bias!.copy_(zero[0]);
        return dense;
    }

    /// <summary>Says the ports and, block by block, the free parameters beside the theoretical dimension.</summary>
    public string Describe()
    {
        StringBuilder text = new();
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
        Line($"inputs:  {string.Join(", ", Inputs)}");
        Line($"outputs: {string.Join(", ", Outputs)}");
        foreach (LinearBlock block in Blocks)
        {
            string name = block.Kind == LinearBlockKind.Bias ? $"{block.Output} bias" : $"{block.Output} ← {block.Input}";
            Line($"  {name,-24} {block.Kind,-18} {block.FreeParameters,8} free, {block.TheoreticalDimension,8} in theory");
        }

        Line($"  {"total",-24} {"",-18} {FreeParameters,8} free, {TheoreticalDimension,8} in theory");
        return text.ToString();
    }

    private static string Names(IEnumerable<string> names) => string.Join("/", names.Distinct());

    private static string Role(Port port) => port.Family is null ? $"port {port.Name}" : $"family {port.Family}";

    private LinearModule NewBlock(int i, int j, double gain, ScalarType dtype, Device? device)
    {
        (Port output, Port input) = (Outputs[i], Inputs[j]);
        if (output.ActingFactor != input.ActingFactor)
        {
            // Weights whose variance is 1 over all invariants that the output reads.
            double share = input.Representation.Invariants.Count / AllInvariants;
            return new InvariantSymmetricLinear(
                input.Representation, output.Representation, input.Channels, output.Channels, false, gain * Math.Sqrt(share), dtype, device);
        }

        double together = Inputs.Count(port => port.ActingFactor == output.ActingFactor);
        double invariantShare = together * input.Representation.Invariants.Count / AllInvariants;
        EquivariantBasis basis = EquivariantBasis.Between(input.Representation, output.Representation);
        return new EquivariantLinear(basis, input.Channels, output.Channels, false, gain / Math.Sqrt(together), invariantShare, dtype, device);
    }

    private double AllInvariants => Math.Max(1, Inputs.Sum(port => port.Representation.Invariants.Count));

    private bool IsSameMember(int output, int input) =>
        Outputs[output].Family is { } family && Inputs[input].Family == family &&
        Place(Outputs, output) == Place(Inputs, input);

    private static int Place(IReadOnlyList<Port> ports, int at) => ports.Take(at).Count(port => port.Family == ports[at].Family);

    private void RequireFamilies()
    {
        foreach (string family in Inputs.Concat(Outputs).Select(port => port.Family).OfType<string>().Distinct())
        {
            Port[] inputs = [.. Inputs.Where(port => port.Family == family)];
            Port[] outputs = [.. Outputs.Where(port => port.Family == family)];
            foreach (Port[] members in (Port[][])[inputs, outputs])
            {
                foreach (Port port in members.Skip(1).Where(port => port.Channels != members[0].Channels || !port.Representation.ActsAs(members[0].Representation)))
                {
                    throw new EquivariantException($"In {GetName()}, the family '{family}' exchanges {members[0]} with {port}, which differ; members have to be alike.");
                }

                bool joint = members.Select(port => port.ActingFactor).Distinct().Count() <= 1;
                if (!joint && members.Select(port => port.ActingFactor).Distinct().Count() != members.Length)
                {
                    throw new EquivariantException(
                        $"In {GetName()}, some members of the family '{family}' share a factor and some do not; it has to be one factor for all or one for each.");
                }
            }

            if (inputs.Length > 0 && outputs.Length > 0 && !inputs.Select(port => port.ActingFactor).SequenceEqual(outputs.Select(port => port.ActingFactor)))
            {
                throw new EquivariantException(
                    $"In {GetName()}, the family '{family}' has the factors [{string.Join(", ", inputs.Select(port => port.ActingFactor))}] on its inputs and " +
                    $"[{string.Join(", ", outputs.Select(port => port.ActingFactor))}] on its outputs; they have to be the same in the same order.");
            }
        }
    }
}
