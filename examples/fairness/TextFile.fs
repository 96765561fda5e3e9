namespace Equivariant.Fairness

open System
open System.IO
open System.IO.Compression
open Equivariant.Core

/// Text files of the user's, plain or by gzip.
module internal TextFile =

    let refuse (message: string) = raise (EquivariantException message)

    let private decompressed (path: string) (file: Stream) : Stream =
        if path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) then
            new GZipStream(file, CompressionMode.Decompress)
        else
            file

    /// Reads all of a file.
    let read (path: string) =
        try
            use file = File.OpenRead path
            use text = new StreamReader(decompressed path file)
            text.ReadToEnd()
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? InvalidDataException
        | :? ArgumentException as error -> refuse $"'%s{path}' can't be read: %s{error.Message.TrimEnd '.'}."

    /// Lists the lines of a file that say something, with their numbers from 1.
    let lines path =
        (read path).Split '\n'
        |> Array.mapi (fun index line -> index + 1, line.TrimEnd '\r')
        |> Array.filter (fun (_, line) -> not (String.IsNullOrWhiteSpace line))
        |> List.ofArray
