using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Representations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A block in its place in a layer, with its parameters.</summary>
public abstract class PlacedBlock
{
    private PlacedBlock(Block block, BlockPlaces places)
    {
        Block = block;
        Edges = places.EdgesOf(block);
    }

    /// <summary>Gets what was declared.</summary>
    public Block Block { get; }

    /// <summary>Gets the module that evaluates it: a design around a model, or a linear map; null for a bias or a residual connection.</summary>
    public virtual nn.Module<Tensor, Tensor>? Module => null;

    /// <summary>Gets the number of free parameters, as counted on the tensors.</summary>
    public virtual long FreeParameters => Module?.parameters().Sum(parameter => parameter.numel()) ?? 0;

    /// <summary>Gets the dimension of the space of all such linear maps, as the theory gives it; null for what is not linear.</summary>
    public virtual long? TheoreticalDimension => null;

    /// <summary>Gets the evaluations of its model for one set of inputs; 0 for what has none.</summary>
    public virtual long EvaluationsPerInput => 0;

    /// <summary>The edges as positions of ports.</summary>
    private protected IReadOnlyList<(int Input, int Output)> Edges { get; }

    internal static PlacedBlock Of(Block block, BlockPlaces places, InitialWeights initial) =>
        block.Kind == BlockKind.Bias ? new Bias(block, places, initial)
        : block.IsLinear ? new Linear(block, places, initial)
        : block.IsSkip ? new Skip(block, places)
        : new Model(block, places);

    /// <summary>Makes the parameters those of a layer, under a name.</summary>
    internal virtual void RegisterIn(nn.Module layer, string name)
    {
        if (Module is { } module)
        {
            layer.register_module(name, module);
        }
    }

    /// <summary>Evaluates the block and adds its values.</summary>
    internal abstract void AddTo(BlockSums sums);

    private sealed class Bias(Block block, BlockPlaces places, InitialWeights initial) : PlacedBlock(block, places)
    {
        private readonly BiasVector _vector = new(initial.BiasOf(block));
        private readonly long _dimension = DimensionOf(places.Outputs[places.EdgesOf(block)[0].Output]);

        public override long FreeParameters => _vector.Value.numel();

        public override long? TheoreticalDimension => _dimension;

        internal override void RegisterIn(nn.Module layer, string name) => layer.register_module(name, _vector);

        internal override void AddTo(BlockSums sums)
        {
            foreach ((_, int output) in Edges)
            {
                sums.AddInvariant(output, _vector.Value.unsqueeze(0));
            }
        }

        private static long DimensionOf(Port port) => port.Channels * HomDimension.OfInvariants(port.Representation);
    }

    /// <summary>A module of its own, since a parameter is replaced in its module when that changes its type or device.</summary>
    private sealed class BiasVector : nn.Module
    {
        private readonly Parameter value;

        public BiasVector(Parameter value)
            : base(nameof(BiasVector))
        {
            this.value = value;
            RegisterComponents();
        }

        public Parameter Value => value;
    }

    private sealed class Skip(Block block, BlockPlaces places) : PlacedBlock(block, places)
    {
        internal override void AddTo(BlockSums sums)
        {
            foreach ((int input, int output) in Edges)
            {
                // The caller's tensor stays the caller's.
                sums.AddMoving(output, sums.Input(input).alias());
            }
        }
    }

    private sealed class Linear(Block block, BlockPlaces places, InitialWeights initial) : PlacedBlock(block, places)
    {
        private readonly LinearModule _map = initial.MapOf(block);
        private readonly IReadOnlyList<Port> _outputs = places.Outputs;

        public override nn.Module<Tensor, Tensor> Module => _map;

        public override long? TheoreticalDimension => _map.TheoreticalDimension;

        internal override void AddTo(BlockSums sums)
        {
            // Each input once, however many outputs it leads to.
            foreach (IGrouping<int, (int Input, int Output)> from in Edges.GroupBy(edge => edge.Input))
            {
                Tensor value = _map is InvariantSymmetricLinear small ? small.Mix(sums.Pooled(from.Key)) : _map.call(sums.Flat(from.Key));
                foreach ((_, int output) in from)
                {
                    if (_map is InvariantSymmetricLinear)
                    {
                        sums.AddInvariant(output, value);
                    }
                    else
                    {
                        sums.AddMoving(output, _outputs[output].Layout.Unflatten(value));
                    }
                }
            }
        }
    }

    private sealed class Model : PlacedBlock
    {
        private readonly nn.Module<Tensor, Tensor> _module;
        private readonly Port _output;

        public Model(Block block, BlockPlaces places)
            : base(block, places)
        {
            (Port input, Port output) = places.EndsOf(block);
            _output = output;
            _module = block.Wrap!(input.Action, block.Kind == BlockKind.Equivariant ? output.Action : new TrivialAction(input.Group));
        }

        public override nn.Module<Tensor, Tensor> Module => _module;

        public override long EvaluationsPerInput => Edges.Select(edge => edge.Input).Distinct().Count() * Evaluations(_module);

        internal override void AddTo(BlockSums sums)
        {
            int[] inputs = [.. Edges.Select(edge => edge.Input).Distinct()];
            Tensor together = inputs.Length == 1 ? sums.Input(inputs[0]) : cat([.. inputs.Select(sums.Input)], 0);
            Tensor[] values = Evaluate(together).chunk(inputs.Length, 0);
            foreach ((int input, int output) in Edges)
            {
                Tensor value = values[Array.IndexOf(inputs, input)];
                if (Block.Kind == BlockKind.Equivariant)
                {
                    sums.AddMoving(output, value);
                }
                else
                {
                    sums.AddUnsymmetrised(output, value);
                }
            }
        }

        private Tensor Evaluate(Tensor rows)
        {
            Tensor values = _module.call(rows);
            TensorChecks.RequireBatch($"The block '{Block.Name}'", values);
            if (values.shape[0] != rows.shape[0])
            {
                throw new EquivariantException(
                    $"The block '{Block.Name}' gives values of shape {TensorChecks.Shape(values)} for {rows.shape[0]} rows; it has to give one value for each row.");
            }

            return _output.Shape is not { } shape || values.shape[1..].SequenceEqual(shape)
                ? values
                : throw new EquivariantException(
                    $"The block '{Block.Name}' gives values of shape {TensorChecks.Shape(values)}, but its output '{_output.Name}' takes [B, {string.Join(", ", shape)}].");
        }

        private static long Evaluations(nn.Module<Tensor, Tensor> module) => module switch
        {
            QuotientDesign design => design.EvaluationsPerInput,
            ProbabilisticSymmetrise design => design.Samples,
            _ => 1,
        };
    }
}
