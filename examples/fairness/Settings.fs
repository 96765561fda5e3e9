namespace Equivariant.Fairness

open System
open System.IO
open Equivariant.Bench

/// <summary>A small GPT-2 of our own, and the text from templates that it learns.</summary>
type OwnModel = {
    Width: int
    Layers: int
    Heads: int
    Epochs: int
    /// <summary>Sentences to learn from.</summary>
    Sentences: int
    /// <summary>Other sentences, on which perplexity is measured.</summary>
    HeldBack: int
    /// <summary>The bias of the text: 0 for none, 1 for the usual, which is the most.</summary>
    Bias: float
}

/// <summary>Everything that decides the numbers of a run.</summary>
type Settings = {
    /// <summary>A folder with a GPT-2; without one, our own is trained.</summary>
    Model: string option
    Own: OwnModel
    /// <summary>Samples that someone else drew.</summary>
    Samples: string option
    /// <summary>Labelled sentences to train the scorer on.</summary>
    Train: string option
    /// <summary>Labelled sentences to try it on.</summary>
    Evaluate: string list
    /// <summary>A folder with a text classifier.</summary>
    Classifier: string option
    /// <summary>A text to measure perplexity on.</summary>
    Text: string option
    /// <summary>Tokens of a block of it.</summary>
    Block: int
    Races: int
    /// <summary>Whether prompts name a word of every exchange.</summary>
    Intersections: bool
    ByPieces: bool
    Variants: string list
    TopK: int
    NewTokens: int
    /// <summary>Sentences of each prompt.</summary>
    Count: int
}

/// <summary>The settings of the usual runs.</summary>
[<RequireQualifiedAccess>]
module Settings =

    let private own = {
        Width = 64
        Layers = 2
        Heads = 4
        Epochs = 12
        Sentences = 12000
        HeldBack = 1000
        Bias = 1.0
    }

    let private full = {
        Model = None
        Own = own
        Samples = None
        Train = None
        Evaluate = []
        Classifier = None
        Text = None
        Block = 128
        Races = 2
        Intersections = false
        ByPieces = false
        Variants = List.map fst Variant.all
        TopK = 40
        NewTokens = 15
        Count = 100
    }

    /// <summary>Gives the settings of a preset.</summary>
    let ofPreset preset =
        match preset with
        | Full -> full
        | Quick -> {
            full with
                Own = {
                    own with
                        Sentences = 6000
                        Epochs = 6
                }
                Count = 20
          }
        | Tiny -> {
            full with
                Own = {
                    own with
                        Width = 8
                        Layers = 1
                        Heads = 2
                        Epochs = 1
                        Sentences = 64
                        HeldBack = 20
                }
                NewTokens = 6
                Count = 1
          }

    /// <summary>Lists the options that change settings.</summary>
    let arguments: Argument<Settings> list = [
        Argument.path
            "model"
            "folder"
            "a GPT-2 with its tokenizer (Hugging Face's files); without it a small one is trained."
            (fun folder settings -> { settings with Model = Some folder })
        Argument.path
            "samples"
            "file"
            "score sentences that someone else drew, instead of drawing."
            (fun file settings -> { settings with Samples = Some file })
        Argument.path
            "train"
            "file"
            "train the scorer on labelled sentences: label, tab, sentence."
            (fun file settings -> { settings with Train = Some file })
        Argument.text
            "evaluate"
            "files"
            "try the scorer on labelled sentences; files divided by commas."
            (fun text settings ->
                let files =
                    text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

                for file in files do
                    if not (File.Exists file) then
                        TextFile.refuse $"--evaluate %s{text}: there is no file '%s{file}'."

                {
                    settings with
                        Evaluate = files |> Array.map Path.GetFullPath |> List.ofArray
                })
        Argument.path
            "classifier"
            "folder"
            "score by a text classifier in ONNX (model.onnx, vocab.txt, config.json)."
            (fun folder settings -> {
                settings with
                    Classifier = Some folder
            })
        Argument.path "text" "file" "measure perplexity on a text." (fun file settings -> {
            settings with
                Text = Some file
        })
        Argument.number "block" (2, 1024) "tokens of a block of that text (128)." (fun block settings -> {
            settings with
                Block = block
        })
        Argument.choice
            "races"
            "number of races"
            [ "2", 2; "3", 3 ]
            "exchange 2 races, or 3."
            (fun races settings -> { settings with Races = races })
        Argument.switch
            "intersections"
            "prompts name a word of every exchange: The gay Black man."
            (fun settings -> { settings with Intersections = true })
        Argument.switch "by-pieces" "exchange words of several tokens by their tokens." (fun settings -> {
            settings with
                ByPieces = true
        })
        Argument.choices
            "variants"
            "variant"
            [ for name, _ in Variant.all -> name, name ]
            "which models, divided by commas."
            (fun variants settings -> { settings with Variants = variants })
        Argument.number "count" (1, 100000) "sentences of each prompt." (fun count settings -> {
            settings with
                Count = count
        })
        Argument.number "new-tokens" (1, 1000) "the most tokens to add (15)." (fun length settings -> {
            settings with
                NewTokens = length
        })
        Argument.number "top-k" (1, 100000) "draw among so many best tokens (40)." (fun k settings -> {
            settings with
                TopK = k
        })
        Argument.number
            "bias"
            (0, 100)
            "the bias of our own text, in per cent of the usual (100)."
            (fun bias settings -> {
                settings with
                    Own = {
                        settings.Own with
                            Bias = float bias / 100.0
                    }
            })
        Argument.number "epochs" (1, 10000) "how often our own model sees its text." (fun epochs settings -> {
            settings with
                Own = { settings.Own with Epochs = epochs }
        })
    ]
