namespace Equivariant.Pretrained;

/// <summary>What the pixels of a resized picture are made of.</summary>
public enum ResizingFilter
{
    /// <summary>Straight lines between the nearest two pixels a side.</summary>
    Bilinear,

    /// <summary>Cubic curves, a = −½, through the nearest four pixels a side.</summary>
    Bicubic,
}

/// <summary>Resizes pictures as PIL does, to the byte.</summary>
/// <remarks>
/// When an image shrinks, the filter widens with it. Rows first, then columns, each result rounded to a byte;
/// weights are whole multiples of 2⁻²².
/// Source: Pillow 9.4, src/libImaging/Resample.c, Geometry.c and Convert.c.
/// </remarks>
internal static class Resampling
{
    private const int PrecisionBits = 32 - 8 - 2;

    /// <summary>A picture with other numbers of columns and rows.</summary>
    public static Picture Resize(Picture picture, int width, int height, ResizingFilter filter)
    {
        if (picture.Width == width && picture.Height == height)
        {
            return picture;
        }

        if (picture.IsIndexed)
        {
            return Nearest(picture, width, height);
        }

        Picture work = picture.HasAlpha ? picture with { Bytes = Premultiply(picture.Bytes) } : picture;
        work = width == work.Width ? work : Rows(work, width, filter);
        work = height == work.Height ? work : Columns(work, height, filter);
        return picture.HasAlpha ? work with { Bytes = Unpremultiply(work.Bytes) } : work;
    }

    private static Picture Nearest(Picture picture, int width, int height)
    {
        byte[] result = new byte[width * (long)height * Picture.Channels];
        int[] columns = Places(picture.Width, width), rows = Places(picture.Height, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                picture.Bytes.AsSpan(((rows[y] * picture.Width) + columns[x]) * Picture.Channels, Picture.Channels)
                    .CopyTo(result.AsSpan(((y * width) + x) * Picture.Channels));
            }
        }

        return picture with { Width = width, Height = height, Bytes = result };

        // Added up as PIL does: a product may round to the neighbour.
        static int[] Places(int from, int to)
        {
            var places = new int[to];
            double step = (double)from / to, at = step * 0.5;
            for (int i = 0; i < to; i++, at += step)
            {
                places[i] = Math.Min((int)at, from - 1);
            }

            return places;
        }
    }

    private static Picture Rows(Picture picture, int width, ResizingFilter filter)
    {
        (int First, int[] Weights)[] columns = Weights(picture.Width, width, filter);
        byte[] result = new byte[width * (long)picture.Height * Picture.Channels];
        for (int y = 0; y < picture.Height; y++)
        {
            ReadOnlySpan<byte> row = picture.Bytes.AsSpan(y * picture.Width * Picture.Channels, picture.Width * Picture.Channels);
            Span<byte> target = result.AsSpan(y * width * Picture.Channels, width * Picture.Channels);
            for (int x = 0; x < width; x++)
            {
                (int first, int[] weights) = columns[x];
                for (int c = 0; c < Picture.Channels; c++)
                {
                    int sum = 1 << (PrecisionBits - 1);
                    for (int i = 0; i < weights.Length; i++)
                    {
                        sum += row[((first + i) * Picture.Channels) + c] * weights[i];
                    }

                    target[(x * Picture.Channels) + c] = ToByte(sum);
                }
            }
        }

        return picture with { Width = width, Bytes = result };
    }

    private static Picture Columns(Picture picture, int height, ResizingFilter filter)
    {
        (int First, int[] Weights)[] rows = Weights(picture.Height, height, filter);
        int stride = picture.Width * Picture.Channels;
        byte[] result = new byte[stride * (long)height];
        int[] sums = new int[stride];
        for (int y = 0; y < height; y++)
        {
            (int first, int[] weights) = rows[y];
            Array.Fill(sums, 1 << (PrecisionBits - 1));
            for (int i = 0; i < weights.Length; i++)
            {
                ReadOnlySpan<byte> row = picture.Bytes.AsSpan((first + i) * stride, stride);
                for (int x = 0; x < stride; x++)
                {
                    sums[x] += row[x] * weights[i];
                }
            }

            for (int x = 0; x < stride; x++)
            {
                result[(y * stride) + x] = ToByte(sums[x]);
            }
        }

        return picture with { Height = height, Bytes = result };
    }

    /// <summary>For each new place the first of the old that counts, and the weights from there on.</summary>
    private static (int First, int[] Weights)[] Weights(int from, int to, ResizingFilter filter)
    {
        (double reach, Func<double, double> height) = filter == ResizingFilter.Bilinear ? (1.0, (Func<double, double>)Bilinear) : (2.0, Bicubic);
        double scale = (double)from / to, widening = Math.Max(scale, 1), support = reach * widening, narrowing = 1 / widening;
        var result = new (int, int[])[to];
        for (int i = 0; i < to; i++)
        {
            double centre = (i + 0.5) * scale;
            int first = Math.Max((int)(centre - support + 0.5), 0), end = Math.Min((int)(centre + support + 0.5), from);
            double[] weights = [.. Enumerable.Range(0, end - first).Select(x => height((x + first - centre + 0.5) * narrowing))];
            double sum = weights.Sum();
            result[i] = (first, [.. weights.Select(weight => Fixed(sum == 0 ? weight : weight / sum))]);
        }

        return result;

        static int Fixed(double weight) => (int)((weight < 0 ? -0.5 : 0.5) + (weight * (1 << PrecisionBits)));
    }

    private static double Bilinear(double x) => Math.Max(0, 1 - Math.Abs(x));

    private static double Bicubic(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a
            : 0;
    }

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> PrecisionBits, 0, byte.MaxValue);

    private static byte[] Premultiply(byte[] pixels) => Map(pixels, (colour, alpha) =>
    {
        int product = (colour * alpha) + 128;
        return ((product >> 8) + product) >> 8;
    });

    private static byte[] Unpremultiply(byte[] pixels) =>
        Map(pixels, (colour, alpha) => alpha is 0 or byte.MaxValue ? colour : Math.Min(byte.MaxValue * colour / alpha, byte.MaxValue));

    private static byte[] Map(byte[] pixels, Func<int, int, int> change)
    {
        byte[] result = (byte[])pixels.Clone();
        for (int i = 0; i < result.Length; i++)
        {
            int alpha = i | (Picture.Channels - 1);
            result[i] = i == alpha ? pixels[i] : (byte)change(pixels[i], pixels[alpha]);
        }

        return result;
    }
}
