using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>A constant tensor, copied to each device the first time it is needed there.</summary>
/// <remarks>
/// Not a module buffer: it belongs to an action, which many modules share, and must not appear in state
/// dictionaries. Its tensors outlive every dispose scope and go with the action.
/// </remarks>
internal sealed class DeviceTensor
{
    private readonly Tensor _source;
    private readonly ConcurrentDictionary<(DeviceType Type, int Index), Tensor> _copies = new();

    public DeviceTensor(Tensor source) => _source = source.DetachFromDisposeScope();

    public Tensor On(Device device) =>
        _copies.GetOrAdd((device.type, device.index), _ => _source.to(device).DetachFromDisposeScope());
}
