using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>
/// Data-parallel training: every rank goes through its share of a batch, and the gradients of all become one mean, so that an
/// ordinary optimiser takes the same step on every rank that one process takes on the whole batch.
/// </summary>
/// <remarks>
/// A step is <see cref="Zero"/>, one or more backward passes (micro-batches add up), <see cref="Average"/>, clipping if any, and the
/// optimiser's step. The batches come from one permutation, drawn on every rank from the run's seed; of each batch a rank takes
/// <see cref="Ranks.Share"/>. The gradients lie in flat buckets, one message each; a parameter that takes part in no backward pass
/// has a gradient of zeros. Batch normalisation sees a rank's own share; its running means are each rank's own unless they are
/// made common.
/// </remarks>
public sealed class SharedGradients : IDisposable
{
    private readonly Ranks _ranks;
    private readonly Tensor[] _buffers;
    private readonly List<Bucket> _buckets = [];

    /// <summary>Prepares a model's trained parameters, whose gradients are zero then. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="model">The model, the same to the bit on every rank.</param>
    /// <param name="commonBuffers">
    /// Whether <see cref="Average"/> also replaces the model's floating point buffers, such as running means, by their mean over ranks, and
    /// others by those of rank 0; otherwise each rank keeps its own.
    /// </param>
    /// <param name="bucketBytes">The size of a message, at least that of the largest parameter.</param>
    /// <exception cref="EquivariantException">Ranks have different parameters or buffers.</exception>
    public SharedGradients(Ranks ranks, nn.Module model, bool commonBuffers = false, long bucketBytes = 32 << 20)
    {
        _ranks = ranks;
        ranks.RequireSame("parameters or buffers", [.. model.parameters(), .. model.buffers()]);
        _buffers = commonBuffers ? [.. model.buffers()] : [];
        foreach (IGrouping<(ScalarType, DeviceType, int), TorchSharp.Modules.Parameter> kind in
            model.parameters().Where(parameter => parameter.requires_grad).GroupBy(p => (p.dtype, p.device_type, p.device_index)))
        {
            var bucket = new List<Tensor>();
            long bytes = 0;
            foreach (Tensor parameter in kind)
            {
                long size = parameter.numel() * parameter.element_size();
                if (bucket.Count > 0 && bytes + size > bucketBytes)
                {
                    _buckets.Add(new Bucket(bucket));
                    (bucket, bytes) = ([], 0);
                }

                bucket.Add(parameter);
                bytes += size;
            }

            _buckets.Add(new Bucket(bucket));
        }
    }

    /// <summary>Makes all gradients zero, in place.</summary>
    public void Zero() => _buckets.ForEach(bucket => bucket.Zero());

    /// <summary>Replaces the gradients by their mean over all ranks. Collective.</summary>
    /// <param name="weight">
    /// How much this rank's gradient counts, against the sum over ranks: where shares differ in length and the loss is a mean, the
    /// length of this rank's. With equal weights the result is the plain mean.
    /// </param>
    /// <exception cref="EquivariantException">The weight is negative or not finite.</exception>
    public void Average(double weight = 1)
    {
        if (!(weight >= 0) || double.IsInfinity(weight))
        {
            throw new EquivariantException($"A rank's gradient can't count {weight} times: give the number of samples of its share, 0 or more.");
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor total = tensor(weight, ScalarType.Float64);
        _ranks.Sum(total);
        if (total.item<double>() == 0)
        {
            throw new EquivariantException("No rank's gradient counts, so they have no mean: give the number of samples of each share, not all 0.");
        }

        _buckets.ForEach(bucket => bucket.Sum(_ranks, weight / total.item<double>()));
        if (_buffers.Length > 0 && _ranks.Count > 1)
        {
            foreach ((Tensor buffer, Tensor mean) in _buffers.Zip(Buffers.Mean(_ranks, _buffers, weight)))
            {
                buffer.copy_(mean);
            }
        }
    }

    /// <summary>Frees the buckets; the parameters have no gradients then.</summary>
    public void Dispose() => _buckets.ForEach(bucket => bucket.Dispose());

    /// <summary>Parameters whose gradients are parts of one tensor.</summary>
    private sealed class Bucket : IDisposable
    {
        private readonly Tensor[] _parameters;
        private readonly Tensor _flat;
        private readonly Tensor[] _views;

        public Bucket(IReadOnlyList<Tensor> parameters)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            _parameters = [.. parameters];
            _flat = zeros([parameters.Sum(parameter => parameter.numel())], parameters[0].dtype, parameters[0].device).DetachFromDisposeScope();
            _views =
            [
                .. _flat.split([.. parameters.Select(parameter => parameter.numel())], 0)
                    .Zip(parameters, (part, parameter) => part.view(parameter.shape).DetachFromDisposeScope()),
            ];
            Attach();
        }

        public void Zero()
        {
            using IDisposable noGrad = no_grad();
            _flat.zero_();
            Attach();
        }

        public void Sum(Ranks ranks, double weight)
        {
            Gather();
            _flat.mul_(weight);
            ranks.Sum(_flat);
        }

        public void Dispose()
        {
            foreach ((Tensor parameter, Tensor view) in _parameters.Zip(_views))
            {
                parameter.grad = null;
                view.Dispose();
            }

            _flat.Dispose();
        }

        /// <summary>An optimiser's or a module's zeroing may have taken the gradients away, and <c>create_graph</c> puts new ones there.</summary>
        private void Gather()
        {
            foreach ((Tensor parameter, Tensor view) in _parameters.Zip(_views))
            {
                if (parameter.grad is { IsInvalid: false } gradient)
                {
                    view.copy_(gradient);
                }
                else
                {
                    view.zero_();
                }
            }

            Attach();
        }

        private void Attach()
        {
            foreach ((Tensor parameter, Tensor view) in _parameters.Zip(_views))
            {
                parameter.grad = view;
            }
        }
    }
}
