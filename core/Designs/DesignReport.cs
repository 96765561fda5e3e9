using System.Numerics;
using System.Text;
using Equivariant.Core.Actions;
using Equivariant.Core.Facts;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>What a quotient design costs and what it gives up, known before anything is trained.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Order">Its order: the evaluations of the naive average for one input.</param>
/// <param name="Kernels">The family of normal subgroups, with their orders and indices.</param>
/// <param name="Evaluations">Evaluations of the model for one input.</param>
/// <param name="Expressivity">
/// How many of the equivariant linear maps the design reaches, where both actions permute coordinates (times the
/// square of the channels, above and below); null where it is not computed.
/// </param>
/// <param name="PeakBytes">An estimate of the memory of one batch, see <see cref="MemoryEstimate"/>; null where none was asked for.</param>
public sealed record DesignReport(
    string Group,
    BigInteger Order,
    IReadOnlyList<ReportedKernel> Kernels,
    BigInteger Evaluations,
    ReportedExpressivity? Expressivity,
    long? PeakBytes)
{
    /// <summary>How the family was chosen, where the library chose it; null for kernels that a user named.</summary>
    public string? Family { get; init; }

    /// <summary>Coordinates beyond which pairs of them are not counted.</summary>
    private const long MostPairs = 1 << 26;

    /// <summary>Reports on a design.</summary>
    /// <param name="design">The design.</param>
    /// <param name="batch">A batch to estimate the memory for, as large as those in training; null for no estimate.</param>
    /// <param name="training">Whether the batch is for training, with gradients and Adam's two moments.</param>
    public static DesignReport Of(QuotientDesign design, Tensor? batch = null, bool training = true) =>
        Of(design.Terms, design.Input, design.Output) with
        {
            PeakBytes = batch is null ? null : MemoryEstimate.Of(design, batch, training),
        };

    /// <summary>Reports on a family of kernels before there is a model.</summary>
    /// <param name="terms">The family.</param>
    /// <param name="input">How the group acts on the input.</param>
    /// <param name="output">How it acts on the output.</param>
    public static DesignReport Of(IReadOnlyList<QuotientTerm> terms, TensorAction input, TensorAction output)
    {
        Group group = terms[0].Group;
        return new DesignReport(
            group.Name,
            group.Order,
            [.. terms.Select(term => new ReportedKernel(term.Kernel.Name, term.Kernel.Order, term.Evaluations))],
            terms.Aggregate(BigInteger.Zero, (sum, term) => sum + term.Evaluations),
            ExpressivityOf(terms, input, output),
            null)
        {
            Family = terms[0].Family?.Origin,
        };
    }

    /// <summary>The report as lines of text.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"group        {Group}, order {Order}");
        foreach (ReportedKernel kernel in Kernels)
        {
            text.AppendLine($"kernel       {kernel.Name}, order {kernel.Order}: {kernel.Evaluations} evaluation{(kernel.Evaluations == 1 ? "" : "s")}");
        }

        if (Family is not null)
        {
            text.AppendLine($"family       {Family}");
        }

        text.AppendLine($"evaluations  {Evaluations} for one input, {Order} for the naive average");
        text.AppendLine(Expressivity is { } power
            ? $"expressivity {power.Captured} of {power.Total} linear maps ({100.0 * power.Captured / power.Total:F0} %)"
            : "expressivity not computed: the actions do not both permute coordinates, or there are too many");
        if (PeakBytes is { } bytes)
        {
            text.AppendLine($"memory       about {bytes / 1048576.0:F0} MiB for the batch");
        }

        return text.ToString().TrimEnd();
    }

    private static ReportedExpressivity? ExpressivityOf(IReadOnlyList<QuotientTerm> terms, TensorAction input, TensorAction output)
    {
        if (Indices(input) is not { } v || Indices(output) is not { } w || (long)v.Degree * w.Degree > MostPairs)
        {
            return null;
        }

        QuotientFacts facts = QuotientFacts.Of(v, w, [.. terms.Select(term => term.Kernel)]);
        return new ReportedExpressivity(facts.DimCaptured, facts.DimHom);
    }

    private static PermutationAction? Indices(TensorAction action) => action switch
    {
        AxisAction axis => axis.Indices,
        TrivialAction trivial => PermutationAction.Trivial(trivial.Group, 1),
        _ => null,
    };
}

/// <summary>A kernel in a report.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Order">Its order.</param>
/// <param name="Evaluations">Evaluations of the model that its term costs for one input.</param>
public sealed record ReportedKernel(string Name, BigInteger Order, int Evaluations);

/// <summary>How much of the space of equivariant linear maps a design reaches.</summary>
/// <param name="Captured">The dimension of the maps that it reaches.</param>
/// <param name="Total">The dimension of all of them.</param>
public sealed record ReportedExpressivity(long Captured, long Total);
