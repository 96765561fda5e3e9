namespace Equivariant.Bench

open System
open System.Globalization
open TorchSharp
open Equivariant.Core

/// <summary>Where to compute.</summary>
[<RequireQualifiedAccess>]
module Devices =

    /// <summary>Finds a device by TorchSharp's name for it, such as "cpu" or "cuda:1".</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such device here.</exception>
    let find (name: string) =
        let unavailable reason =
            raise (EquivariantException $"The device '%s{name}' can't be used: %s{reason}.")

        match name.Split ':' with
        | [| "cpu" |] -> torch.CPU
        | [| "cuda" |]
        | [| "cuda"; _ |] when not (torch.cuda.is_available ()) ->
            unavailable "this libtorch sees no CUDA GPU"
        | [| "cuda" |] -> torch.device "cuda"
        | [| "cuda"; number |] ->
            match Int32.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, index when index < torch.cuda.device_count () -> torch.device $"cuda:%d{index}"
            | _ -> unavailable $"this libtorch sees %d{torch.cuda.device_count ()} CUDA GPUs, counted from 0"
        | _ -> unavailable "name cpu, cuda or cuda:N"
