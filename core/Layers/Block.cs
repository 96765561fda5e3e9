using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>What a block does about symmetry.</summary>
public enum BlockKind
{
    /// <summary>It commutes with the group that moves both its input and its output.</summary>
    Equivariant,

    /// <summary>It is invariant under its input's group and symmetric under its output's.</summary>
    InvariantSymmetric,

    /// <summary>It reads no input and adds a fixed vector, in the invariants of its output.</summary>
    Bias,
}

/// <summary>Makes a model equivariant from one action to another: such as <c>(x, y) => new Equitune(model, x, y)</c>.</summary>
/// <param name="input">How the group acts on the model's input.</param>
/// <param name="output">How it acts on the output; trivially, in an invariant-symmetric block, whose sums are symmetrised later.</param>
public delegate nn.Module<Tensor, Tensor> WrapModel(TensorAction input, TensorAction output);

/// <summary>
/// One block of a <see cref="MultiInputLayer"/>: a map, linear or around a model, and the edges along which it works.
/// </summary>
/// <remarks>
/// A block with several edges shares its weights between them, as exchangeable inputs need; each of its inputs is
/// evaluated once, however many outputs it leads to, and inputs that are alike in one batch.
/// </remarks>
public sealed class Block
{
    private Block(BlockKind kind, IReadOnlyList<(string Input, string Output)> edges, string? name, WrapModel? wrap = null, bool isLinear = false)
    {
        Kind = kind;
        Edges = [.. edges];
        Wrap = wrap;
        IsLinear = isLinear;
        Name = name ?? NameOf(kind, Edges);
        if (Edges.Count == 0)
        {
            throw new EquivariantException($"The block '{Name}' needs at least one edge, from an input to an output.");
        }

        if (Name.Length == 0 || Name.Contains('.'))
        {
            throw new EquivariantException($"A block can't be called '{Name}': names are parts of the names of parameters, so they are not empty and have no dots.");
        }
    }

    /// <summary>Gets the name, under which its parameters are saved; with a number, where an earlier block of the layer has the same.</summary>
    public string Name { get; }

    /// <summary>Gets what it does about symmetry.</summary>
    public BlockKind Kind { get; }

    /// <summary>Gets the edges, each from an input (empty for a bias) to an output.</summary>
    public IReadOnlyList<(string Input, string Output)> Edges { get; }

    /// <summary>Gets whether it is a linear map.</summary>
    public bool IsLinear { get; }

    /// <summary>Gets how its model is made equivariant or invariant; null for what has none.</summary>
    internal WrapModel? Wrap { get; }

    /// <summary>Gets whether it adds its input as it is.</summary>
    internal bool IsSkip => Kind == BlockKind.Equivariant && !IsLinear && Wrap is null;

    /// <summary>A block <c>M^Eq</c> between ports of one factor, by the quotient design or by equituning.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="output">The name of the output.</param>
    /// <param name="model">The network.</param>
    /// <param name="terms">The family of kernels; equituning, if left out.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public static Block Equivariant(
        string input, string output, nn.IModule<Tensor, Tensor> model, IReadOnlyList<QuotientTerm>? terms = null, Evaluation? evaluation = null) =>
        Equivariant([(input, output)], Averaging(model, terms, evaluation));

    /// <summary>A block <c>M^Eq</c> between ports of one factor, by any design.</summary>
    /// <param name="edges">From which inputs to which outputs, with shared weights.</param>
    /// <param name="wrap">Makes the model equivariant.</param>
    /// <param name="name">Under which its parameters are saved; made from the edges if left out.</param>
    public static Block Equivariant(IReadOnlyList<(string Input, string Output)> edges, WrapModel wrap, string? name = null) =>
        new(BlockKind.Equivariant, edges, name, wrap);

    /// <summary>A block <c>M^IS</c> between any ports: <c>Sym_{G₁}(1/|G₂| Σ M(g x))</c>, or fewer evaluations by kernels.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="output">The name of the output.</param>
    /// <param name="model">The network.</param>
    /// <param name="terms">The family of kernels of the input's group; the mean over the whole group, if left out.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public static Block InvariantSymmetric(
        string input, string output, nn.IModule<Tensor, Tensor> model, IReadOnlyList<QuotientTerm>? terms = null, Evaluation? evaluation = null) =>
        InvariantSymmetric([(input, output)], Averaging(model, terms, evaluation));

    /// <summary>A block <c>M^IS</c> between any ports, invariant by any design.</summary>
    /// <param name="edges">From which inputs to which outputs, with shared weights.</param>
    /// <param name="wrap">Makes the model invariant: the action on the output is the trivial one.</param>
    /// <param name="name">Under which its parameters are saved; made from the edges if left out.</param>
    public static Block InvariantSymmetric(IReadOnlyList<(string Input, string Output)> edges, WrapModel wrap, string? name = null) =>
        new(BlockKind.InvariantSymmetric, edges, name, wrap);

    /// <summary>All equivariant linear maps between ports of one factor.</summary>
    /// <param name="edges">From which inputs to which outputs, with shared weights.</param>
    /// <param name="name">Under which its parameters are saved; made from the edges if left out.</param>
    public static Block EquivariantLinear(IReadOnlyList<(string Input, string Output)> edges, string? name = null) =>
        new(BlockKind.Equivariant, edges, name, isLinear: true);

    /// <summary>All invariant-symmetric linear maps between any ports.</summary>
    /// <param name="edges">From which inputs to which outputs, with shared weights.</param>
    /// <param name="name">Under which its parameters are saved; made from the edges if left out.</param>
    public static Block InvariantSymmetricLinear(IReadOnlyList<(string Input, string Output)> edges, string? name = null) =>
        new(BlockKind.InvariantSymmetric, edges, name, isLinear: true);

    /// <summary>A learned vector in the invariants of some outputs, which share it.</summary>
    /// <param name="outputs">The names of the outputs.</param>
    /// <param name="name">Under which it is saved; made from the outputs if left out.</param>
    public static Block Bias(IReadOnlyList<string> outputs, string? name = null) =>
        new(BlockKind.Bias, [.. outputs.Select(output => ("", output))], name, isLinear: true);

    /// <summary>The input itself, added to an output that is like it: a residual connection.</summary>
    /// <param name="edges">From which inputs to which outputs.</param>
    public static Block Skip(IReadOnlyList<(string Input, string Output)> edges) =>
        new(BlockKind.Equivariant, edges, edges.Count == 0 ? null : ChildNames.WithoutDots($"skip_{edges[0].Input}_{edges[0].Output}"));

    /// <summary>Edges from each of some ports to itself: where a family's members are treated alike.</summary>
    /// <param name="ports">The names of the ports.</param>
    public static IReadOnlyList<(string Input, string Output)> EachToItself(IEnumerable<string> ports) => [.. ports.Select(port => (port, port))];

    /// <summary>Edges from each of some ports to all others: what a family's members learn from each other.</summary>
    /// <param name="ports">The names of the ports.</param>
    public static IReadOnlyList<(string Input, string Output)> EachToOthers(IReadOnlyList<string> ports) =>
        [.. from output in ports from input in ports where input != output select (input, output)];

    /// <summary>
    /// The blocks of all linear maps from some ports to others that commute with the product of their groups, and with
    /// exchanging the members of families: an equivariant block where the factor is the same, an invariant-symmetric one
    /// where it is not, and a bias for each output.
    /// </summary>
    /// <remarks>
    /// Between families, maps depend only on whether an output and an input are the same member; the k-th output of a
    /// family belongs to its k-th input.
    /// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024), Theorem 1;
    /// for exchanges, Maron et al., "On Learning Sets of Symmetric Elements" (ICML 2020).
    /// </remarks>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="bias">Whether to add a bias to each output.</param>
    /// <exception cref="EquivariantException">The members of a family differ, or its inputs and outputs do not belong together.</exception>
    public static IReadOnlyList<Block> AllLinear(IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs, bool bias = true)
    {
        Families.Require(inputs, outputs);
        List<Block> blocks = [];
        foreach (var shared in from o in Enumerable.Range(0, outputs.Count)
                               from i in Enumerable.Range(0, inputs.Count)
                               let same = outputs[o].Factor == inputs[i].Factor
                               group (inputs[i].Name, outputs[o].Name)
                                   by (same, Families.Role(inputs[i]), Families.Role(outputs[o]), Families.IsSameMember(inputs, i, outputs, o)))
        {
            (string, string)[] edges = [.. shared];
            blocks.Add(shared.Key.same ? EquivariantLinear(edges) : InvariantSymmetricLinear(edges));
        }

        if (bias)
        {
            blocks.AddRange(outputs.GroupBy(Families.Role).Select(role => Bias([.. role.Select(port => port.Name)])));
        }

        return blocks;
    }

    private static WrapModel Averaging(nn.IModule<Tensor, Tensor> model, IReadOnlyList<QuotientTerm>? terms, Evaluation? evaluation) =>
        (input, output) => new QuotientDesign(model, input, output, terms ?? [QuotientTerm.Equitune(input.Group)], evaluation: evaluation);

    private static string NameOf(BlockKind kind, IReadOnlyList<(string Input, string Output)> edges)
    {
        if (edges.Count == 0)
        {
            return kind.ToString();
        }

        (string input, string output) = edges[0];
        string name = kind switch
        {
            BlockKind.Bias => $"bias_{output}",
            BlockKind.InvariantSymmetric => $"is_{input}_{output}",
            _ => input == output ? $"eq_{output}" : $"eq_{input}_{output}",
        };
        return ChildNames.WithoutDots(name);
    }
}
