namespace Equivariant.Fairness

open System
open System.Collections.Generic
open TorchSharp
open Equivariant.Core.Sequences
open Equivariant.Pretrained

/// <summary>A language model with its words.</summary>
[<NoEquality; NoComparison>]
type Language = {
    Model: Gpt2
    /// <summary>The tokens of a text; none, where the vocabulary lacks it.</summary>
    Tokens: string -> int list option
    /// <summary>The text of tokens.</summary>
    Text: int seq -> string
    /// <summary>Tokens that end a sentence.</summary>
    Stops: int64 list
    /// <summary>Words that a relaxed model leaves as they are.</summary>
    General: string list
} with

    /// <summary>The number of tokens.</summary>
    member this.Size = this.Model.Config.VocabularySize

    /// <summary>The tokens of a text that has to be known.</summary>
    member this.Encode(text: string) =
        match this.Tokens text with
        | Some ids -> ids
        | None -> TextFile.refuse $"The vocabulary lacks words of '%s{text}'."

/// <summary>Makes and measures language models.</summary>
[<RequireQualifiedAccess>]
module Language =

    /// <summary>Reads a GPT-2 of the user's: a Hugging Face folder with its tokenizer.</summary>
    let load (folder: string) (device: torch.Device) : Language =
        let model = Gpt2.Load(folder, device = device)
        let tokenizer = Gpt2Tokenizer.Load folder
        tokenizer.RequireFits model
        model.PaddingToken <- Nullable(int64 tokenizer.EndToken)

        {
            Model = model
            Tokens = fun text -> Some(List.ofSeq (tokenizer.Ids text))
            Text = tokenizer.Text
            Stops = [ int64 tokenizer.EndToken; yield! tokenizer.Ids "\n" |> Seq.map int64 ]
            General = [ "he"; "she"; "his"; "her"; "him" ]
        }

    /// <summary>The language of templates around a model of their words.</summary>
    let ofTemplates (model: Gpt2) : Language =
        model.PaddingToken <- Nullable(int64 Templates.padding)

        {
            Model = model
            Tokens = Templates.tokens
            Text = Templates.text
            Stops = [ int64 Templates.stop ]
            General = Templates.general
        }

    /// <summary>Cuts a text into blocks of some tokens; what is left over in the end goes.</summary>
    let blocks (length: int) (ids: int list) =
        ids
        |> List.map int64
        |> List.chunkBySize length
        |> List.filter (fun block -> block.Length = length)
        |> List.map Array.ofList
        |> Array.ofList

    /// <summary>Gives the mean negative log likelihood of each text's tokens, given those before them.</summary>
    /// <param name="model">The model.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="text">The tokens of a text, at least two.</param>
    let loss (model: SequenceModel) (device: torch.Device) (text: int64[]) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let ids = torch.tensor(text).``to``(device).unsqueeze 0L
        let known = ids.narrow (1L, 0L, ids.shape[1] - 1L)
        let logits = model.call (ids.narrow (1L, 0L, 0L), known)

        torch.nn.functional
            .cross_entropy(
                logits.squeeze(0L).``to`` torch.float32,
                ids.squeeze(0L).narrow(0L, 1L, ids.shape[1] - 1L)
            )
            .item<float32>()
        |> float

    /// <summary>Continues prompts at random.</summary>
    /// <param name="language">The language.</param>
    /// <param name="model">Its model, or one around it.</param>
    /// <param name="choice">How tokens are chosen.</param>
    /// <param name="length">The most new tokens.</param>
    /// <param name="count">How many continuations of each prompt.</param>
    /// <param name="prompts">The prompts.</param>
    /// <returns>The sentences, those of one prompt together, and how many tokens were drawn.</returns>
    let continuations (language: Language) (model: SequenceModel) choice length count (prompts: string list) =
        let ids = [| for prompt in prompts -> language.Encode prompt |]

        let added =
            Decoding.Continue(
                model,
                [|
                    for prompt in ids -> [| for id in prompt -> int64 id |] :> IReadOnlyList<int64>
                |],
                choice,
                length,
                Array.ofList language.Stops,
                count
            )

        let sentences = [
            for index, tokens in Seq.indexed added ->
                language.Text(Seq.append ids[index / count] (Seq.map int tokens))
        ]

        sentences, added |> Seq.sumBy (fun tokens -> min length (tokens.Length + 1))
