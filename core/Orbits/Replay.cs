using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>Runs a model a second time as it ran the first, with the same dropout masks, so that nothing else notices.</summary>
internal static class Replay
{
    /// <summary>The devices whose random generators a model may use on these tensors, the CPU first.</summary>
    public static Device[] Devices(IEnumerable<Tensor> tensors) =>
        [CPU, .. tensors.Select(x => x.device).Where(device => device.type != DeviceType.CPU).DistinctBy(device => (device.type, device.index))];

    /// <summary>The states of the devices' random generators.</summary>
    public static Tensor[] States(Device[] devices) => [.. devices.Select(device => RandomStates.Get(device)!)];

    /// <summary>Does some work with random states of before; states and the model's buffers are then as they were.</summary>
    public static void Run(WrappedModel model, Device[] devices, IReadOnlyList<Tensor?> states, Action work)
    {
        Tensor?[] now = [.. devices.Select(RandomStates.Get)];
        Tensor[] buffers = model.ChangingBuffers();
        Tensor[] values = [.. buffers.Select(buffer => buffer.clone())];
        SetStates(devices, states);
        try
        {
            work();
        }
        finally
        {
            SetStates(devices, now);
            foreach ((Tensor buffer, Tensor value) in buffers.Zip(values))
            {
                if (CanOverwrite(buffer))
                {
                    Overwrite(buffer, value);
                }
                else if (!is_grad_enabled())
                {
                    buffer.copy_(value);
                }
            }
        }
    }

    /// <summary>Sets the devices' random generators, where there is a state.</summary>
    public static void SetStates(Device[] devices, IReadOnlyList<Tensor?> states)
    {
        for (int i = 0; i < devices.Length; i++)
        {
            if (states[i] is { IsInvalid: false } state)
            {
                RandomStates.Set(devices[i], state);
            }
        }
    }

    /// <summary>Whether a buffer can be written without a graph's notice: only the CPU's memory can.</summary>
    public static bool CanOverwrite(Tensor buffer) =>
        buffer.device_type == DeviceType.CPU && buffer.is_contiguous() && buffer.numel() * buffer.element_size() <= int.MaxValue;

    /// <summary>
    /// Gives a buffer a value. A graph that is kept for the gradient must not notice, though it holds the buffer too:
    /// normalisation does not read its running means in train mode.
    /// </summary>
    public static void Overwrite(Tensor buffer, Tensor value) => value.bytes.CopyTo(buffer.bytes);
}
