namespace Equivariant.Scan

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Equivariant.Core

/// <summary>A file that holds a training's state: a JSON header, and blocks of bytes for the tensors.</summary>
type Checkpoint = { Header: string; Blocks: byte[] list }

/// <summary>Writes checkpoints that are whole or not there, and reads them back with all doubts settled.</summary>
[<RequireQualifiedAccess>]
module Checkpoint =

    let private magic = "Equivariant SCAN-II checkpoint 1\n"B
    let private hashSize = SHA256.HashSizeInBytes

    let private pack checkpoint =
        use stream = new MemoryStream()
        use writer = new BinaryWriter(stream)
        writer.Write magic

        for block in Encoding.UTF8.GetBytes checkpoint.Header :: checkpoint.Blocks do
            writer.Write block.Length
            writer.Write block

        writer.Flush()
        let content = stream.ToArray()
        Array.append content (SHA256.HashData content)

    /// <summary>
    /// Writes a file in one piece: whoever reads it sees the old content or the new, even after a power cut. What can't
    /// be written leaves the old content, and nothing else. A link stays one.
    /// </summary>
    let writeAtomically (path: string) (content: byte[]) =
        let link = FileInfo path

        let target =
            if isNull link.LinkTarget then
                path
            else
                match link.ResolveLinkTarget(returnFinalTarget = true) with
                | null -> path
                | target -> target.FullName

        let fresh = target + ".new"

        try
            (use file = File.Create fresh
             file.Write content
             file.Flush(flushToDisk = true))

            File.Move(fresh, target, overwrite = true)
        with _ ->
            File.Delete fresh
            reraise ()

    /// <summary>Writes a checkpoint.</summary>
    let write path checkpoint = writeAtomically path (pack checkpoint)

    let private unpack (content: byte[]) =
        use reader =
            new BinaryReader(
                new MemoryStream(content, magic.Length, content.Length - magic.Length - hashSize)
            )

        let blocks = [
            while reader.BaseStream.Position < reader.BaseStream.Length do
                reader.ReadBytes(reader.ReadInt32())
        ]

        {
            Header = Encoding.UTF8.GetString blocks.Head
            Blocks = blocks.Tail
        }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The file is no checkpoint, or it is damaged.</exception>
    let read path =
        let content = File.ReadAllBytes path

        if not (content.AsSpan().StartsWith(magic.AsSpan())) then
            raise (
                EquivariantException
                    $"'%s{path}' is not a checkpoint of this experiment; move it away or choose another folder."
            )

        let body = content.Length - hashSize

        let isWhole =
            body > magic.Length
            && content.AsSpan(body).SequenceEqual(SHA256.HashData(content.AsSpan(0, body)))

        if not isWhole then
            raise (
                EquivariantException
                    $"'%s{path}' is damaged: its checksum is wrong. Delete it, and what it held is computed again."
            )

        unpack content
