using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Equivariant.Core;
using SkiaSharp;

namespace Equivariant.Pretrained;

/// <summary>A decoded image: bytes, red, green, blue and alpha of a pixel one after the other, row by row.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Bytes">Four bytes a pixel.</param>
/// <param name="HasAlpha">Whether alpha is part of the image.</param>
/// <param name="IsIndexed">Whether pixels are entries of a palette, or black or white: such images are not interpolated.</param>
public sealed record Picture(int Width, int Height, byte[] Bytes, bool HasAlpha = false, bool IsIndexed = false)
{
    /// <summary>Bytes of a pixel.</summary>
    public const int Channels = 4;

    // More is refused by PIL too: a few bytes can claim to be a picture of any size.
    private const long MostPixels = 178_956_970;
    private const long MostBytes = 1 << 30;

    /// <summary>Decodes a file: PNG, JPEG, GIF, BMP or WebP.</summary>
    /// <remarks>Colour profiles are left aside, as by PIL. Of sixteen bits the upper eight count.</remarks>
    /// <param name="path">The file.</param>
    /// <param name="upright">Whether the picture is turned as its orientation tag says; PIL leaves that tag aside.</param>
    /// <exception cref="EquivariantException">The file is no image, or is damaged; the message names it.</exception>
    public static Picture Read(string path, bool upright = false)
    {
        byte[] file;
        try
        {
            file = new FileInfo(path).Length <= MostBytes ? File.ReadAllBytes(path) : throw new EquivariantException($"'{path}' is larger than any image that is read.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new EquivariantException($"'{path}' can't be read: {error.Message.TrimEnd('.')}.");
        }

        NativeLibraries.Register(typeof(SKCodec).Assembly);
        using SKData data = SKData.CreateCopy(file);
        using SKCodec codec = SKCodec.Create(data)
            ?? throw new EquivariantException($"'{path}' is no image that can be read: PNG, JPEG, GIF, BMP and WebP can.");
        SKImageInfo size = codec.Info;
        if ((long)size.Width * size.Height > MostPixels)
        {
            throw new EquivariantException($"'{path}' says that it is an image of {size.Width} × {size.Height} pixels; more than {MostPixels} are not read.");
        }

        // Without a colour space of its own a picture's bytes are not converted.
        SKImageInfo wanted = new(size.Width, size.Height, SKColorType.Rgba8888, size.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
        byte[] bytes = new byte[wanted.BytesSize64];
        GCHandle pinned = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        try
        {
            SKCodecResult result = codec.GetPixels(wanted, pinned.AddrOfPinnedObject());
            if (result != SKCodecResult.Success)
            {
                throw new EquivariantException($"'{path}' is an image that is cut short or damaged ({result}).");
            }
        }
        finally
        {
            pinned.Free();
        }

        var picture = new Picture(size.Width, size.Height, bytes, HasAlphaChannel(file, codec), HasPalette(file, codec));
        return upright ? picture.Turned(codec.EncodedOrigin) : picture;
    }

    /// <summary>The picture without its alpha and its palette: red, green and blue as they are, as PIL converts to RGB.</summary>
    public Picture Opaque() => this with { HasAlpha = false, IsIndexed = false };

    /// <summary>The picture with other numbers of columns and rows, as PIL resizes it, to the byte.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="filter">What new pixels are made of. Those of a palette are copied, whatever the filter.</param>
    /// <exception cref="EquivariantException">A side is not positive.</exception>
    public Picture Resize(int width, int height, ResizingFilter filter = ResizingFilter.Bicubic) =>
        width > 0 && height > 0
            ? Resampling.Resize(this, width, height, filter)
            : throw new EquivariantException($"An image of {width} × {height} pixels has none.");

    /// <summary>The picture as it is looked at, when it is stored with another side up.</summary>
    private Picture Turned(SKEncodedOrigin stored)
    {
        if (stored == SKEncodedOrigin.TopLeft)
        {
            return this;
        }

        bool sideways = stored is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        (int width, int height) = sideways ? (Height, Width) : (Width, Height);
        int right = Width - 1, bottom = Height - 1;
        byte[] turned = new byte[Bytes.Length];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (int column, int row) = stored switch
                {
                    SKEncodedOrigin.TopRight => (right - x, y),
                    SKEncodedOrigin.BottomRight => (right - x, bottom - y),
                    SKEncodedOrigin.BottomLeft => (x, bottom - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (y, bottom - x),
                    SKEncodedOrigin.RightBottom => (right - y, bottom - x),
                    _ => (right - y, x),
                };
                Bytes.AsSpan(((row * Width) + column) * Channels, Channels).CopyTo(turned.AsSpan(((y * width) + x) * Channels));
            }
        }

        return this with { Width = width, Height = height, Bytes = turned };
    }

    private static bool HasAlphaChannel(byte[] file, SKCodec codec) => codec.EncodedFormat switch
    {
        SKEncodedImageFormat.Png => file[25] is 4 or 6,
        SKEncodedImageFormat.Gif or SKEncodedImageFormat.Jpeg => false,
        _ => codec.Info.AlphaType != SKAlphaType.Opaque,
    };

    private static bool HasPalette(byte[] file, SKCodec codec) => codec.EncodedFormat switch
    {
        // In the header: bits of a sample, then the type of colour.
        SKEncodedImageFormat.Png => file[25] == 3 || file[25] == 0 && file[24] == 1,
        SKEncodedImageFormat.Gif => true,
        SKEncodedImageFormat.Bmp => HasBmpPalette(file),
        _ => false,
    };

    /// <summary>Up to eight bits a pixel, and a palette other than the shades of grey in order.</summary>
    private static bool HasBmpPalette(byte[] file)
    {
        const int header = 14;
        int start = header + BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(header)), bits = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(header + 14));
        return bits == 1 || bits <= 8 && Enumerable.Range(0, 1 << bits).Any(shade => file.AsSpan(start + (4 * shade), 3).ContainsAnyExcept((byte)shade));
    }
}
