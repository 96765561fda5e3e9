namespace Equivariant.Bench

open System
open System.Text
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.Core.Orbits

/// <summary>What several ranks of a program share.</summary>
type Across =
    /// <summary>The rows of orbits: every rank has the whole batch.</summary>
    | Orbits
    /// <summary>The rows of batches: every rank trains on its part.</summary>
    | Batches

/// <summary>The ranks that do a run together, of which the first prints and writes.</summary>
[<NoComparison>]
type Team = { Ranks: Ranks; Across: Across option }

/// <summary>Makes teams, and what they have in common.</summary>
[<RequireQualifiedAccess>]
module Team =

    /// <summary>This process by itself.</summary>
    let alone = { Ranks = Ranks.Alone; Across = None }

    /// <summary>The ways to share, by name.</summary>
    let ways = [ "orbit", Orbits; "data", Batches ]

    /// <summary>The ranks that this program was started as.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">They are several, and nobody says what they share.</exception>
    let join (across: Across option) =
        let ranks = Ranks.Join()

        if ranks.Count > 1 && across.IsNone then
            raise (
                EquivariantException
                    $"%d{ranks.Count} ranks were started: say what they share, --across orbit or --across data."
            )

        { Ranks = ranks; Across = across }

    let private those way team =
        if team.Across = Some way then team.Ranks else Ranks.Alone

    /// <summary>The ranks that share orbits.</summary>
    let orbits team = those Orbits team

    /// <summary>The ranks that share batches.</summary>
    let batches team = those Batches team

    /// <summary>How designs are evaluated: by all who share orbits.</summary>
    let evaluation team = Evaluation(Ranks = orbits team)

    /// <summary>In what figures of trainings by a team may differ from one process's, beyond the order of additions.</summary>
    let reservations team : string list =
        match team.Across with
        | Some way when team.Ranks.Count > 1 -> [
            let shared = ways |> List.find (fun (_, known) -> known = way) |> fst

            $"Done by {team.Ranks.Count} ranks, across {shared}: dropout draws other masks than in one process, and batch normalisation sees a rank's rows, so networks with either come out otherwise."
          ]
        | _ -> []

    /// Gives everybody the text of one. Collective.
    let private toldBy (ranks: Ranks) rank (text: string) =
        if ranks.Count = 1 then
            text
        else
            let bytes = Encoding.UTF8.GetBytes text
            use length = torch.tensor (int64 bytes.Length)
            ranks.Broadcast(length, rank)

            use content =
                if ranks.Rank = rank then
                    torch.tensor bytes
                else
                    torch.zeros (length.item<int64>(), dtype = torch.uint8)

            ranks.Broadcast(content, rank)
            Encoding.UTF8.GetString(content.bytes.ToArray())

    /// <summary>Gives everybody the first one's text. Collective.</summary>
    let told team (text: string) = toldBy team.Ranks 0 text

    /// <summary>Works through items, of which each of some ranks does its share; all get all results. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="items">The items, the same on all.</param>
    /// <param name="work">Works through some of them; where there are several ranks, its results go between them as JSON.</param>
    let map (ranks: Ranks) (items: 'Item[]) (work: 'Item[] -> 'Result[]) : 'Result[] =
        if ranks.Count = 1 then
            work items
        else
            let struct (from, length) = ranks.Share items.Length
            let own = Json.text (work (Array.sub items (int from) (int length)))

            [| 0 .. ranks.Count - 1 |]
            |> Array.collect (fun rank -> Json.parse<'Result[]>(toldBy ranks rank own))

    /// <summary>Reads a file that the first one writes: it has written what it had to, and writes nothing meanwhile. Collective.</summary>
    let reading team (read: unit -> 'T) =
        team.Ranks.Barrier()
        let value = read ()
        team.Ranks.Barrier()
        value

    /// <summary>The rows of a batch that are this rank's, none if there are fewer than ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="rows">How many rows the batch has.</param>
    /// <param name="batch">The batch, an array with an item for each row.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It is no such array.</exception>
    let part (ranks: Ranks) rows (batch: 'Batch) : 'Batch option =
        match box batch with
        | _ when ranks.Count = 1 -> Some batch
        | :? Array as items when items.Rank = 1 && items.Length = rows ->
            let struct (from, length) = ranks.Share rows

            if length = 0L then
                None
            else
                let own = Array.CreateInstance(items.GetType().GetElementType() |> nonNull, length)

                Array.Copy(items, from, own, 0L, length)
                Some(unbox<'Batch>(box own))
        | _ ->
            raise (
                EquivariantException
                    "This training's batches are no arrays of rows, so ranks can't divide them: share orbits, --across orbit."
            )
