using Equivariant.Core;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Square images of a size: the shorter side resized, the centre cut out.</summary>
/// <remarks>Bit for bit as PIL and torchvision do it, given the same decoded bytes.</remarks>
public static class CentreCrop
{
    /// <summary>Cuts an image file.</summary>
    /// <param name="path">A PNG, JPEG, GIF, BMP or WebP file.</param>
    /// <param name="size">Rows and columns of the result.</param>
    /// <returns>Bytes, red, green and blue, <c>[3, size, size]</c>.</returns>
    /// <exception cref="EquivariantException">The file is no image, or is damaged; the message names it.</exception>
    public static Tensor FromFile(string path, int size = 224) => Image(Of(Picture.Read(path), size), size);

    /// <summary>Cuts images that are already decoded.</summary>
    /// <param name="pixels">
    /// Images <c>[3, H, W]</c> or <c>[B, 3, H, W]</c>, or with one channel of grey; bytes, or floats in [0, 1], which are
    /// rounded to bytes.
    /// </param>
    /// <param name="size">Rows and columns of the result.</param>
    /// <returns>Bytes, <c>[…, 3, size, size]</c>, on the device of the pixels.</returns>
    /// <exception cref="EquivariantException">The tensor holds no images.</exception>
    public static Tensor FromPixels(Tensor pixels, int size = 224)
    {
        LibTorch.Load();
        using DisposeScope scope = NewDisposeScope();
        if (pixels.shape is not ([1 or 3, > 0, > 0] or [_, 1 or 3, > 0, > 0]) || !(pixels.dtype == ScalarType.Byte || pixels.is_floating_point()))
        {
            throw new EquivariantException(
                $"Images are bytes or floats in [0, 1], [3, rows, columns] or [images, 3, rows, columns]; {pixels.dtype} [{string.Join(", ", pixels.shape)}] are none.");
        }

        Tensor bytes = pixels.dtype == ScalarType.Byte ? pixels : (pixels.detach().clamp(0, 1) * byte.MaxValue).round().to(ScalarType.Byte);
        Tensor batch = bytes.cpu().view([-1, .. bytes.shape[^3..]]);
        Tensor[] images = [.. Enumerable.Range(0, (int)batch.shape[0]).Select(i => Image(Of(PictureOf(batch[i]), size), size))];
        Tensor result = images.Length == 0 ? empty([0, 3, size, size], ScalarType.Byte) : stack(images);
        return (pixels.Dimensions == 3 ? result.squeeze(0) : result).to(pixels.device).MoveToOuterDisposeScope();
    }

    /// <summary>The centre of the picture, of which the shorter side is made to fit: red, green and blue of each pixel.</summary>
    internal static byte[] Of(Picture picture, int size)
    {
        if (size < 1)
        {
            throw new EquivariantException($"An image of {size} × {size} pixels has none.");
        }

        bool wide = picture.Width > picture.Height;
        double ratio = wide ? (double)picture.Width / picture.Height : (double)picture.Height / picture.Width;
        const int mostTimes = 10_000;
        if (ratio > mostTimes)
        {
            throw new EquivariantException($"An image of {picture.Width} × {picture.Height} pixels is no picture.");
        }

        int shorter = wide ? picture.Height : picture.Width, longer = wide ? picture.Width : picture.Height;
        int length = (int)((double)size * longer / shorter);
        Picture resized = picture.Resize(wide ? length : size, wide ? size : length);
        int left = Margin(resized.Width), top = Margin(resized.Height);
        byte[] result = new byte[size * size * 3];
        for (int i = 0; i < size * size; i++)
        {
            int from = (((top + (i / size)) * resized.Width) + left + (i % size)) * Picture.Channels;
            resized.Bytes.AsSpan(from, 3).CopyTo(result.AsSpan(i * 3));
        }

        return result;

        int Margin(int side) => (int)Math.Round((side - size) / 2.0, MidpointRounding.ToEven);
    }

    private static Picture PictureOf(Tensor image)
    {
        int height = checked((int)image.shape[1]), width = checked((int)image.shape[2]);
        Tensor opaque = full([height, width, 1], byte.MaxValue, ScalarType.Byte);
        Tensor pixels = cat([image.expand(3, -1, -1).permute(1, 2, 0), opaque], 2).contiguous();
        return new Picture(width, height, pixels.bytes.ToArray());
    }

    private static Tensor Image(byte[] pixels, int size)
    {
        LibTorch.Load();
        using DisposeScope scope = NewDisposeScope();
        return tensor(pixels, [size, size, 3], dtype: ScalarType.Byte).permute(2, 0, 1).contiguous().MoveToOuterDisposeScope();
    }
}
