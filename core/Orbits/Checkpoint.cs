using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>
/// Gradient checkpointing: a model runs without keeping its intermediate values and runs again when the gradient
/// comes back, which trades time for memory.
/// </summary>
internal sealed class Checkpoint : autograd.SingleTensorFunction<Checkpoint>
{
    private const string ModelKey = "model";

    /// <inheritdoc/>
    public override string Name => nameof(Checkpoint);

    /// <summary>Runs a model, now without its graph and once more in the backward pass.</summary>
    /// <param name="model">The model; its parameters get their gradients when it runs again.</param>
    /// <param name="inputs">The inputs.</param>
    public static Tensor Run(Func<Tensor[], Tensor> model, Tensor[] inputs)
    {
        if (!is_grad_enabled())
        {
            return model(inputs);
        }

        // The engine comes back only to what has an input that requires a gradient; the parameters are not inputs here.
        using Tensor anchor = zeros(1).requires_grad_();
        return apply([model, anchor, .. inputs]);
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var model = (Func<Tensor[], Tensor>)vars[0];
        Tensor[] inputs = [.. vars.Skip(2).Cast<Tensor>()];
        ctx.save_data(ModelKey, model);
        // Dropout has to draw the same masks when the model runs again.
        ctx.save_for_backward([random.get_rng_state(), .. inputs]);
        using IDisposable noGrad = no_grad();
        return model(inputs);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor now = random.get_rng_state();
        random.set_rng_state(saved[0]);
        try
        {
            using IDisposable grad = enable_grad();
            Tensor[] inputs = [.. saved.Skip(1).Select(x => x.detach().requires_grad_(x.requires_grad))];
            Tensor output = ((Func<Tensor[], Tensor>)ctx.get_data(ModelKey))(inputs);
            output.backward([grad_output]);
            return [null!, null!, .. inputs.Select(x => x.requires_grad ? x.grad!.alias() : null!)];
        }
        finally
        {
            random.set_rng_state(now);
        }
    }
}
