namespace Equivariant.Images

open System.IO
open System.Reflection

/// <summary>The part of Fashion-MNIST that comes with this library: real photographs of clothes, 28 × 28, grey.</summary>
/// <remarks>
/// The first 500 training and 150 test images of each class, in their order. Source: Xiao, Rasul and Vollgraf,
/// "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017; MIT licence, beside the data.
/// </remarks>
[<RequireQualifiedAccess>]
module FashionMnist =

    /// <summary>The names of the classes, in the order of their numbers.</summary>
    let classes = [|
        "T-shirt/top"
        "Trouser"
        "Pullover"
        "Dress"
        "Coat"
        "Sandal"
        "Shirt"
        "Sneaker"
        "Bag"
        "Ankle boot"
    |]

    let private embedded (file: string) =
        let name = $"fashion-mnist/{file}-ubyte.gz"

        use stream =
            Assembly.GetExecutingAssembly().GetManifestResourceStream name |> nonNull

        use bytes = new MemoryStream()
        stream.CopyTo bytes
        Idx.parse name (bytes.ToArray())

    /// <summary>The training images, 500 of each class, and the test images, 150 of each.</summary>
    let subset () : ImageSet * ImageSet =
        let part name =
            IdxSet.join
                "Fashion-MNIST's subset"
                (Some classes)
                (embedded $"{name}-images-idx3")
                (embedded $"{name}-labels-idx1")

        part "train", part "t10k"
