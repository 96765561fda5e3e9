namespace Equivariant.Bench

open System
open System.IO
open Equivariant.Core

/// <summary>The folders of runs: one run in each at a time.</summary>
[<RequireQualifiedAccess>]
module Folder =

    let private refuse (message: string) = raise (EquivariantException message)

    /// <summary>The file of the results.</summary>
    let results = "results.json"

    let private numbered name =
        Seq.initInfinite (fun index -> Path.Combine("out", $"%s{name}-%d{index + 1}"))

    /// <summary>Chooses the folder named, or the first out/NAME-N that is free; to go on, the last that is not.</summary>
    let choose (name: string) (folder: string option) resume =
        match folder with
        | Some folder -> folder
        | None ->
            let used = numbered name |> Seq.takeWhile Directory.Exists |> List.ofSeq

            match List.tryLast used with
            | Some latest when resume -> latest
            | _ -> numbered name |> Seq.item used.Length

    let private lockFile folder =
        let path = Path.Combine(folder, ".lock")

        try
            // Nobody else can open it so: not another program, and not this one.
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        with :? IOException ->
            refuse
                $"Another run is at work in '%s{folder}': wait for its end, or choose another folder with --out."

    let private requireNothingOld folder =
        // Nothing reads what versions before safetensors wrote.
        match Directory.EnumerateFiles(folder, "*.checkpoint") |> Seq.tryHead with
        | Some old ->
            refuse
                $"'%s{old}' is a checkpoint of an older version, in a format that is not read any more: choose another folder, or move it away."
        | None -> ()

    /// <summary>
    /// Makes a folder ready for a run, and keeps others out until it is disposed: it can be written, and holds no run
    /// unless that run is to go on.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It can't, or it does, or another run is at work there.</exception>
    let enter (folder: string) resume : IDisposable =
        if folder = "" || folder.Contains '\000' then
            refuse "That is no folder's name: it is empty, or has a NUL character."

        try
            Directory.CreateDirectory folder |> ignore
            let probe = Path.Combine(folder, $".probe-{Guid.NewGuid():N}")
            File.WriteAllBytes(probe, [||])
            File.Delete probe
        with
        | :? IOException
        | :? UnauthorizedAccessException as error ->
            refuse $"The folder '%s{folder}' can't be written: %s{error.Message}"

        let held = lockFile folder

        try
            requireNothingOld folder

            let holdsRun =
                File.Exists(Path.Combine(folder, results))
                || Seq.isEmpty (Directory.EnumerateFiles(folder, "seed-*.safetensors")) |> not

            if holdsRun && not resume then
                refuse
                    $"'%s{folder}' already holds a run: go on with it with --resume, or choose another folder."

            held
        with _ ->
            held.Dispose()
            reraise ()
