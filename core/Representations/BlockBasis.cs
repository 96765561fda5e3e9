using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The basis of maps between direct sums: the bases of maps between their parts.</summary>
internal sealed class BlockBasis : EquivariantBasis
{
    // Row by row: the blocks to one part of the output, from each part of the input.
    private readonly EquivariantBasis[][] _blocks;

    public BlockBasis(Representation input, Representation output)
        : this(input, output, [.. output.Summands.Select(w => input.Summands.Select(v => Between(v, w)).ToArray())])
    {
    }

    private BlockBasis(Representation input, Representation output, EquivariantBasis[][] blocks)
        : base(input, output, blocks.Sum(row => row.Sum(block => block.Count)), Weakest(blocks)) => _blocks = blocks;

    public override Tensor Matrices()
    {
        RequireMatrices();
        using DisposeScope scope = NewDisposeScope();
        Tensor all = zeros([Count, Output.Dimension, Input.Dimension], ScalarType.Float64);
        long first = 0;
        ForEach((block, row, column) =>
        {
            all.narrow(0, first, block.Count).narrow(1, row, block.Output.Dimension).narrow(2, column, block.Input.Dimension).copy_(block.Matrices());
            first += block.Count;
        });
        return all.MoveToOuterDisposeScope();
    }

    internal override Tensor Weight(Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        long channelsOut = coefficients.shape[0], channelsIn = coefficients.shape[2];
        Queue<Tensor> parts = new(Split(coefficients));
        Tensor[] rows = [.. _blocks.Select(row => cat([.. row.Select(block => block.Weight(parts.Dequeue()))], 1))];
        return cat(rows, 0).MoveToOuterDisposeScope();
    }

    internal override bool AvoidsMatrix(Tensor x, Tensor coefficients)
    {
        Tensor[] parts = Split(coefficients);
        bool avoids = _blocks.SelectMany(row => row).Zip(parts).Any(pair => pair.First.AvoidsMatrix(x, pair.Second));
        foreach (Tensor part in parts)
        {
            part.Dispose();
        }

        return avoids;
    }

    /// <summary>Block by block where one of them needs no matrix, else by one matrix for all.</summary>
    internal override Tensor Apply(Tensor x, Tensor coefficients)
    {
        if (!AvoidsMatrix(x, coefficients))
        {
            return base.Apply(x, coefficients);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor[] inputs = x.split([.. _blocks[0].Select(block => (long)block.Input.Dimension)], 2);
        Queue<Tensor> parts = new(Split(coefficients));
        Tensor[] rows = [.. _blocks.Select(row =>
            row.Zip(inputs, (block, input) => block.Apply(input, parts.Dequeue())).Aggregate((sum, value) => sum + value))];
        return cat(rows, 2).MoveToOuterDisposeScope();
    }

    internal override Tensor Moment()
    {
        DenseMatrices.RequireEntries($"The initial weights of a layer to {Output}", (BigInteger)Output.Dimension * Output.Dimension);
        Tensor moment = zeros([Output.Dimension, Output.Dimension], ScalarType.Float64);
        ForEach((block, row, _) =>
            moment.narrow(0, row, block.Output.Dimension).narrow(1, row, block.Output.Dimension).add_(block.Moment()));
        return moment;
    }

    internal override Tensor Whiten(Tensor normal, Tensor a, double invariantShare)
    {
        Queue<Tensor> parts = new(Split(normal));
        List<Tensor> whitened = [];
        ForEach((block, row, _) =>
        {
            Tensor part = parts.Dequeue();
            long m = block.Output.Dimension;
            whitened.Add(block.Count == 0 ? part : block.Whiten(part, a.narrow(0, row, m).narrow(1, row, m), invariantShare));
        });
        return cat(whitened, 1);
    }

    private static RankCertificate? Weakest(EquivariantBasis[][] blocks)
    {
        RankCertificate[] all = [.. blocks.SelectMany(row => row.Select(block => block.Certificate)).OfType<RankCertificate>()];
        return all.Length == 0 ? null : all.MinBy(c => c.Gap)! with
        {
            Rank = blocks.Sum(row => row.Sum(block => block.Count)),
            CrossChecked = all.All(c => c.CrossChecked),
        };
    }

    private Tensor[] Split(Tensor coefficients) =>
        coefficients.split([.. _blocks.SelectMany(row => row.Select(block => (long)block.Count))], 1);

    private void ForEach(Action<EquivariantBasis, long, long> visit)
    {
        long row = 0;
        foreach (EquivariantBasis[] blocks in _blocks)
        {
            long column = 0;
            foreach (EquivariantBasis block in blocks)
            {
                visit(block, row, column);
                column += block.Input.Dimension;
            }

            row += blocks[0].Output.Dimension;
        }
    }
}
