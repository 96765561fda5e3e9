using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Looks at a value inside a network while it is computed.</summary>
/// <param name="name">Which value, such as <c>block.0.output</c>.</param>
/// <param name="value">The value; it goes when the computation ends, so what is to be kept is cloned.</param>
public delegate void Observe(string name, Tensor value);
