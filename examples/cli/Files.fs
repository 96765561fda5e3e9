/// Files that people name: opened, or refused with a sentence.
module internal Equivariant.Cli.Files

open System
open System.IO
open System.Text
open Equivariant.Bench
open Equivariant.Core

let private refuse sentence =
    raise (EquivariantException(Readable.visible sentence))

/// Opens a file for reading.
let openRead (path: string) : FileStream =
    if path = "" then
        refuse "An empty name is no file's: name one."

    if path.Contains '\000' then
        refuse $"'%s{path}' is no file's name: it has a NUL character."

    if Directory.Exists path then
        refuse $"'%s{path}' is a folder: name a file."

    try
        File.OpenRead path
    with
    | :? FileNotFoundException
    | :? DirectoryNotFoundException -> refuse $"There is no file '%s{path}'."
    | :? UnauthorizedAccessException -> refuse $"'%s{path}' can't be read: its permissions do not allow it."
    | :? IOException as error -> refuse $"'%s{path}' can't be read: %s{error.Message}"

/// Enough for a dozen generators on ten million points; and what never ends, as /dev/zero, is refused soon.
let private largest = 1L <<< 28

let private content path =
    use stream = openRead path
    let content = new MemoryStream()
    let buffer = Array.zeroCreate<byte>(1 <<< 20)

    let rec copy () =
        match stream.Read buffer with
        | 0 -> ()
        | _ when content.Length > largest ->
            refuse $"'%s{path}' is too large: files of up to %d{largest >>> 20} MiB are read. Divide it."
        | count ->
            content.Write(buffer, 0, count)
            copy ()

    try
        copy ()
    with :? IOException as error ->
        refuse $"'%s{path}' can't be read: %s{error.Message}"

    content.Position <- 0L
    content

/// Reads a whole text file: UTF-8, unless its first bytes say otherwise.
let readText path =
    use reader =
        new StreamReader(
            content path,
            UTF8Encoding(encoderShouldEmitUTF8Identifier = false, throwOnInvalidBytes = true)
        )

    try
        reader.ReadToEnd()
    with :? DecoderFallbackException ->
        refuse $"'%s{path}' is not text: some of its bytes are not UTF-8."
