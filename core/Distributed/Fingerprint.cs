using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>Numbers by which ranks see whether they have the same.</summary>
internal static class Fingerprint
{
    private const long MostElements = 1 << 24;

    public static long Of(ReadOnlySpan<byte> content) => First(SHA256.HashData(content));

    /// <summary>Of the tensors' types and shapes, and of their contents or not.</summary>
    public static long Of(IEnumerable<Tensor> tensors, bool contents)
    {
        using DisposeScope scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Tensor tensor in tensors)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"{tensor.dtype}[{string.Join(",", tensor.shape)}]"));
            if (contents)
            {
                Append(hash, tensor.detach().cpu().contiguous().view(-1));
            }
        }

        return First(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, Tensor flat)
    {
        for (long from = 0; from < flat.numel(); from += MostElements)
        {
            using Tensor part = flat.narrow(0, from, Math.Min(MostElements, flat.numel() - from));
            hash.AppendData(part.bytes);
        }
    }

    private static long First(byte[] hash) => BinaryPrimitives.ReadInt64LittleEndian(hash);
}
