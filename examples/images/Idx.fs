namespace Equivariant.Images

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open Equivariant.Core

/// <summary>Bytes in a shape, as an IDX file holds them.</summary>
[<NoComparison>]
type Idx = {
    /// <summary>The lengths of the axes.</summary>
    Shape: int list
    /// <summary>The bytes, the last axis running fastest.</summary>
    Bytes: byte[]
}

/// <summary>Reads and writes IDX files of bytes, the format of MNIST and its relatives, packed by gzip or not.</summary>
/// <remarks>Two zeros, the type (8 for bytes), the number of axes, their lengths as big-endian int32, the bytes.</remarks>
[<RequireQualifiedAccess>]
module Idx =

    let private bytesType = 8uy

    let private unpacked (name: string) (content: byte[]) =
        if content.Length >= 2 && content[0] = 0x1Fuy && content[1] = 0x8Buy then
            use unpacking =
                new GZipStream(new MemoryStream(content), CompressionMode.Decompress)

            use bytes = new MemoryStream()

            try
                unpacking.CopyTo bytes
            with :? InvalidDataException as error ->
                refuse $"'{name}' is cut short or damaged: {error.Message.TrimEnd('.')}."

            bytes.ToArray()
        else
            content

    /// <summary>Reads what an IDX file holds.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="content">What is in the file.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is no IDX file of bytes, or has too few or too many bytes.</exception>
    let parse (name: string) (content: byte[]) : Idx =
        let content = unpacked name content

        if content.Length < 4 || content[0] <> 0uy || content[1] <> 0uy then
            refuse $"'{name}' is no IDX file: those begin with two zeros, a type and a number of axes."

        if content[2] <> bytesType then
            refuse $"'{name}' holds numbers of type 0x{content[2]:X2}; only bytes, 0x08, are read."

        let axes = int content[3]
        let header = 4 + 4 * axes

        if content.Length < header then
            refuse $"'{name}' is cut short: it says that it has {axes} axes, but not how long they are."

        let shape = [
            for axis in 0 .. axes - 1 ->
                int (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(content, 4 + 4 * axis, 4)))
        ]

        // As a big number: lengths in a damaged file have products of any size.
        let size = shape |> List.fold (fun product length -> product * bigint length) 1I
        let given = content.Length - header

        if List.exists (fun length -> length < 0) shape || size <> bigint given then
            let lengths = shape |> List.map string |> String.concat " × "

            refuse
                $"'{name}' says that it holds {lengths} bytes, but it holds {given}; it is cut short or damaged."

        {
            Shape = shape
            Bytes = content[header..]
        }

    /// <summary>Reads an IDX file.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The file can't be read, or is no IDX file of bytes.</exception>
    let read (path: string) : Idx = parse path (readBytes path)

    /// <summary>Writes an IDX file, packed by gzip where its name ends in .gz.</summary>
    let write (path: string) (idx: Idx) =
        let header = [|
            0uy
            0uy
            bytesType
            byte idx.Shape.Length
            for length in idx.Shape do
                yield! BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness length)
        |]

        use file = File.Create path

        use stream: Stream =
            if path.EndsWith(".gz", StringComparison.Ordinal) then
                new GZipStream(file, CompressionLevel.SmallestSize)
            else
                file

        stream.Write header
        stream.Write idx.Bytes
