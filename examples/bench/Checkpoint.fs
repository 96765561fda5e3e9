namespace Equivariant.Bench

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Serialization

/// <summary>What a checkpoint is of; one that is of anything else is not gone on with.</summary>
type Identity = {
    /// <summary>Everything that decides the numbers of a run.</summary>
    Settings: JsonElement
    Seed: int
    /// <summary>The name of the stage, whole.</summary>
    Stage: string
}

/// <summary>
/// Checkpoints: safetensors files, whole or not there, whose metadata says what they are of and holds a content as
/// JSON. A checksum beside them finds what the disk has changed.
/// </summary>
[<RequireQualifiedAccess>]
module Checkpoint =

    let private refuse (message: string) = raise (EquivariantException message)

    let private settingsKey, seedKey, stageKey, contentKey, checksumKey =
        "settings", "seed", "stage", "content", "sha256"

    let private checksum
        (texts: IReadOnlyDictionary<string, string>)
        (tensors: IReadOnlyDictionary<string, torch.Tensor>)
        =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

        let add (text: string) =
            hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"))

        for key in [ settingsKey; seedKey; stageKey; contentKey ] do
            add texts[key]

        for KeyValue(name, tensor) in
            tensors
            |> Seq.sortWith (fun one other -> String.CompareOrdinal(one.Key, other.Key)) do
            use scope = torch.NewDisposeScope()
            let plain = tensor.detach().cpu().contiguous()
            let shape = plain.shape |> Seq.map string |> String.concat ","
            add $"{name} {plain.dtype} {shape}"
            hash.AppendData plain.bytes

        Convert.ToHexStringLower(hash.GetHashAndReset())

    /// <summary>Writes a checkpoint in one piece: whoever reads it sees the old one or the new.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">What it is of.</param>
    /// <param name="content">What it says beside its tensors.</param>
    /// <param name="tensors">Its tensors by name.</param>
    let write (path: string) (identity: Identity) (content: 'T) (tensors: (string * torch.Tensor) seq) =
        let tensors = dict tensors |> Dictionary

        let texts =
            Dictionary(
                dict [
                    settingsKey, identity.Settings.GetRawText()
                    seedKey, string identity.Seed
                    stageKey, identity.Stage
                    contentKey, Json.text content
                ]
            )

        texts[checksumKey] <- checksum texts tensors
        Safetensors.Save(path, tensors, texts)

    let private read (path: string) =
        let start = Array.zeroCreate<byte> 16
        use file = File.OpenRead path

        let count =
            file.ReadAtLeast(start.AsSpan(), start.Length, throwOnEndOfStream = false)
        // The length of a header, which is JSON: anything else is a file of another kind.
        if count > 8 && start[8] <> byte '{' then
            refuse
                $"'%s{path}' is not a checkpoint of this experiment; move it away or choose another folder."

        let struct (tensors, texts) =
            try
                Safetensors.Read path
            with :? EquivariantException as error ->
                refuse $"%s{error.Message} Delete it, and what it held is computed again."

        if not (Seq.forall texts.ContainsKey [ settingsKey; seedKey; stageKey; contentKey; checksumKey ]) then
            refuse
                $"'%s{path}' is not a checkpoint of this experiment; move it away or choose another folder."

        if checksum texts tensors <> texts[checksumKey] then
            refuse
                $"'%s{path}' is damaged: its checksum is wrong. Delete it, and what it held is computed again."

        tensors, texts

    /// <summary>Reads a checkpoint, if there is one; its tensors belong to the dispose scope.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">What it has to be of.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is damaged, or of something else.</exception>
    let tryRead<'T>
        (path: string)
        (identity: Identity)
        : ('T * IReadOnlyDictionary<string, torch.Tensor>) option =
        if not (File.Exists path) then
            None
        else
            let tensors, texts = read path
            use settings = JsonDocument.Parse texts[settingsKey]

            match Json.difference settings.RootElement identity.Settings with
            | Some difference ->
                refuse
                    $"'%s{path}' is of a run with other settings (%s{difference}): resume with the same settings, or choose another folder."
            | None -> ()

            if texts[seedKey] <> string identity.Seed || texts[stageKey] <> identity.Stage then
                refuse
                    $"'%s{path}' holds %s{texts[stageKey]} with seed %s{texts[seedKey]}, not what its name says: move it away."

            try
                Some(Json.parse<'T> texts[contentKey], tensors)
            with :? JsonException as error ->
                refuse
                    $"'%s{path}' holds something else than this version's %s{identity.Stage} (%s{Readable.firstLine error.Message}): delete it, and it is computed again."
