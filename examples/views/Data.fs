namespace Equivariant.Views

open System.IO
open Equivariant.Images

/// <summary>The images of the experiment.</summary>
[<NoEquality; NoComparison>]
type Data = {
    /// <summary>What they are, for tables.</summary>
    Name: string
    /// <summary>Images to learn from.</summary>
    Train: ImageSet
    /// <summary>Images to be told apart in the end.</summary>
    Test: ImageSet
    /// <summary>What there is to know about them, a sentence each.</summary>
    Notes: string list
}

/// <summary>Reads the images that settings name.</summary>
[<RequireQualifiedAccess>]
module Data =

    let private ofFolder (settings: Settings) (directory: string) =
        let folder = ImageFolder.find directory

        let decoding = {
            Size = settings.Side
            Grey = settings.Grey
        }

        let images, skipped =
            if settings.SkipBroken then
                ImageFolder.decodedSkippingBroken decoding folder
            else
                ImageFolder.decoded decoding folder, []

        let train, test = Split.paper images.Count

        images,
        {
            Name = DirectoryInfo(directory).Name
            Train = ImageSet.choose train images
            Test = ImageSet.choose test images
            Notes = [
                for leftOut in folder.LeftOut do
                    $"'{leftOut}' is no class and was left out."

                match skipped with
                | [] -> ()
                | [ one ] -> $"1 image can't be decoded and was skipped: {one}"
                | first :: _ ->
                    $"{skipped.Length} images can't be decoded and were skipped; the first: {first}"
            ]
        }

    let private ofSets name (train: ImageSet, test: ImageSet) =
        train,
        {
            Name = name
            Train = train
            Test = test
            Notes = []
        }

    /// <summary>The images that settings name, or a refusal of what can't be learnt from.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// A file is missing or damaged, a class is empty or has fewer images than a sample has views, or there is one class only.
    /// </exception>
    let load (settings: Settings) : Data =
        let source, (images, data) =
            match settings.Data with
            | None ->
                "Fashion-MNIST's subset", ofSets "Fashion-MNIST, 500 images a class" (FashionMnist.subset ())
            | Some directory when IdxSet.isIn directory ->
                $"'{directory}'", ofSets directory (IdxSet.read None directory)
            | Some directory -> $"'{directory}'", ofFolder settings directory

        let most = List.max settings.Views
        ImageSet.require source most $"a sample of {most} views" images

        let data =
            match settings.ImagesPerClass with
            | None -> data
            | Some count -> {
                data with
                    Train = ImageSet.firstOfEach count data.Train
                    Test = ImageSet.firstOfEach count data.Test
              }

        // The split knows of no classes.
        ImageSet.require $"the training part of {source}" most $"a sample of {most} views" data.Train

        if ImageSet.byClass data.Test |> Array.forall (fun rows -> rows.Length < most) then
            refuse
                $"no class in the test part of {source} has the {most} images that a sample of {most} views needs."

        data
