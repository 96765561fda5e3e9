using Equivariant.Core.Designs;
using Equivariant.Core.Groups;
using Equivariant.CSharp;
using TorchSharp;
using static TorchSharp.torch;

random.manual_seed(0);
using var model = new TwoViews(side: 16, classes: 15);
using Tensor front = randn(4, 3, 16, 16);
using Tensor side = randn(4, 3, 16, 16);
using Tensor labels = arange(4, dtype: ScalarType.Int64);

// What it costs against the average over the product of the groups, and what designs for the front alone would give up.
Console.WriteLine($"{model.FrontGroup} on the front, {model.SideGroup} on the side");
Console.WriteLine($"{model.EvaluationsPerInput} evaluations for one pair, {model.FrontGroup.Order * model.SideGroup.Order} for the naive average");
Console.WriteLine(DesignReport.Of(QuotientTerm.Default(model.FrontGroup), model.FrontAction, model.FrontAction));

// It trains as any TorchSharp module does.
var optimiser = optim.Adam(model.parameters(), lr: 0.01);
float first = float.NaN, last = float.NaN;
for (int step = 0; step <= 20; step++)
{
    using DisposeScope scope = NewDisposeScope();
    optimiser.zero_grad();
    Tensor loss = nn.functional.cross_entropy(model.call(front, side), labels);
    loss.backward();
    optimiser.step();
    last = loss.item<float>();
    first = step == 0 ? last : first;
    if (step % 10 == 0)
    {
        Console.WriteLine($"loss after {step} steps: {last:F4}");
    }
}

// Whatever is done to either view, the answer stays.
model.eval();
using IDisposable noGradient = no_grad();
using Tensor scores = model.call(front, side);
double worst = 0;
foreach (GroupElement g in model.FrontGroup.Elements)
{
    foreach (GroupElement h in model.SideGroup.Elements)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor moved = model.call(model.FrontAction.Apply(g, front), model.SideAction.Apply(h, side));
        worst = Math.Max(worst, (moved - scores).abs().max().item<float>());
    }
}

Console.WriteLine($"largest change over {model.FrontGroup.Order * model.SideGroup.Order} motions of the views: {worst:E1}");

// Written so that NaN fails.
return worst < 1e-3 && last < first ? 0 : 1;
