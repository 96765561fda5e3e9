using Equivariant.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Images as CLIP takes them: the shorter side resized, the centre cut out, colours normalised.</summary>
/// <remarks>Bit for bit as PIL and torchvision do it, given the same decoded bytes. Source: openai/CLIP, clip/clip.py, _transform.</remarks>
public static class ClipPreprocessing
{
    /// <summary>Prepares an image file.</summary>
    /// <param name="path">A PNG, JPEG, GIF, BMP or WebP file.</param>
    /// <param name="size">Rows and columns of the result: the model's resolution.</param>
    /// <returns>The image, <c>[3, size, size]</c>, <c>float32</c>.</returns>
    /// <exception cref="EquivariantException">The file is no image, or is damaged; the message names it.</exception>
    public static Tensor FromFile(string path, int size = 224) => Scaled(CentreCrop.FromFile(path, size));

    /// <summary>Prepares images that are already decoded.</summary>
    /// <param name="pixels">
    /// Images <c>[3, H, W]</c> or <c>[B, 3, H, W]</c>, or with one channel of grey; bytes, or floats in [0, 1], which are
    /// rounded to bytes.
    /// </param>
    /// <param name="size">Rows and columns of the result: the model's resolution.</param>
    /// <returns>The images, <c>[…, 3, size, size]</c>, <c>float32</c>, on the device of the pixels.</returns>
    /// <exception cref="EquivariantException">The tensor holds no images.</exception>
    public static Tensor FromPixels(Tensor pixels, int size = 224) => Scaled(CentreCrop.FromPixels(pixels, size));

    private static Tensor Scaled(Tensor bytes)
    {
        using (bytes)
        {
            return ColourScale.Clip.Apply(bytes);
        }
    }
}
