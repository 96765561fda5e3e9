using Equivariant.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>How a model wants colours: divided, less the mean of the images it was trained on, over their deviation.</summary>
/// <param name="Divisor">What bytes are divided by.</param>
/// <param name="Means">The means of red, green and blue, after that.</param>
/// <param name="Deviations">Their deviations.</param>
/// <param name="IsBlueFirst">Whether the model takes blue, green, red.</param>
public sealed record ColourScale(float Divisor, IReadOnlyList<float> Means, IReadOnlyList<float> Deviations, bool IsBlueFirst = false)
{
    /// <summary>CLIP's. Source: openai/CLIP, clip/clip.py, _transform.</summary>
    public static ColourScale Clip { get; } = new(
        byte.MaxValue, [0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f]);

    /// <summary>That of <see cref="PackagedModels.ResNet18"/>: the means of its package's mean image, and no deviations.</summary>
    public static ColourScale ResNet18 { get; } = new(1, [123.2f, 115.9f, 103.1f], [1, 1, 1], IsBlueFirst: true);

    /// <summary>Scales images.</summary>
    /// <param name="pixels">Images <c>[…, 3, H, W]</c> or, grey, <c>[…, 1, H, W]</c>: bytes, or floats from 0 to 255.</param>
    /// <returns>The images as the model takes them, <c>[…, 3, H, W]</c>; <c>float32</c> for bytes.</returns>
    /// <exception cref="EquivariantException">The tensor holds no images.</exception>
    public Tensor Apply(Tensor pixels)
    {
        if (pixels.shape is not [.., 1 or 3, _, _] || !(pixels.dtype == ScalarType.Byte || pixels.is_floating_point()))
        {
            throw new EquivariantException(
                $"Images are bytes or floats from 0 to 255, [3, rows, columns] or [images, 3, rows, columns]; {pixels.dtype} [{string.Join(", ", pixels.shape)}] are none.");
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor numbers = pixels.is_floating_point() ? pixels : pixels.to(ScalarType.Float32);
        Tensor scaled = (numbers / Divisor - PerChannel(Means, numbers)) / PerChannel(Deviations, numbers);
        return (IsBlueFirst ? scaled.flip(-3) : scaled.contiguous()).MoveToOuterDisposeScope();
    }

    private static Tensor PerChannel(IReadOnlyList<float> values, Tensor like) =>
        tensor(values.ToArray(), [3, 1, 1]).to(like.dtype, like.device);
}
