namespace Equivariant.ZeroShot

open Equivariant.Bench

/// <summary>Everything that decides the numbers of the experiment.</summary>
type Settings = {
    /// <summary>The directory of the images; none for the part of Fashion-MNIST that is shipped.</summary>
    Data: string option
    /// <summary>The file or folder of a CLIP; none for ResNet-18.</summary>
    Model: string option
    /// <summary>CLIP's vocabulary, if it is not beside the model.</summary>
    Vocabulary: string option
    /// <summary>A JSON file of names and templates.</summary>
    Prompts: string option
    /// <summary>Which of the sets in that file.</summary>
    Names: string option
    /// <summary>Images of each class that make its prototype, where the encoder does not read names.</summary>
    Shots: int
    /// <summary>The most images of each class to classify.</summary>
    PerClass: int
    /// <summary>Images of each class on which λ-equitune's weights are trained.</summary>
    Taught: int
    /// <summary>How often each of these is seen.</summary>
    Epochs: int
    /// <summary>"features", "logits" or "probabilities": what is averaged.</summary>
    Averaging: string
    /// <summary>What cosines are multiplied by; none for the model's own.</summary>
    Factor: float option
    /// <summary>Whether all images of a batch are moved alike.</summary>
    Together: bool
    /// <summary>Images of a batch.</summary>
    Batch: int
    /// <summary>The names of the groups.</summary>
    Symmetries: string list
    /// <summary>The names of the methods.</summary>
    Methods: string list
}

/// <summary>Presets, and what their words mean.</summary>
[<RequireQualifiedAccess>]
module Settings =

    /// <summary>What can be averaged, by name.</summary>
    let averagings = [ "features", Features; "logits", Logits; "probabilities", Probabilities ]

    /// <summary>The settings of a preset.</summary>
    let preset (preset: Preset) : Settings = {
        Data = None
        Model = None
        Vocabulary = None
        Prompts = None
        Names = None
        Shots = 10
        PerClass =
            match preset with
            | Full -> 1_000_000
            | Quick -> 50
            | Tiny -> 2
        Taught =
            match preset with
            | Full -> 20
            | Quick -> 10
            | Tiny -> 1
        Epochs =
            match preset with
            | Full -> 40
            | Quick -> 60
            | Tiny -> 1
        Averaging = "probabilities"
        Factor = Some 1.0
        Together = false
        Batch = if preset = Tiny then 8 else 32
        Symmetries = Symmetry.all |> List.map _.Name
        Methods = Method.all |> List.map Method.name
    }

    let private named (known: ('a * string) list) (names: string list) =
        known |> List.filter (fun (_, name) -> List.contains name names) |> List.map fst

    /// <summary>The groups.</summary>
    let symmetries (settings: Settings) : Symmetry list =
        named (Symmetry.all |> List.map (fun symmetry -> symmetry, symmetry.Name)) settings.Symmetries

    /// <summary>The methods.</summary>
    let methods (settings: Settings) : Method list =
        named (Method.all |> List.map (fun method -> method, Method.name method)) settings.Methods

    /// <summary>What is averaged.</summary>
    let averaging (settings: Settings) : Averaging =
        averagings |> List.find (fst >> (=) settings.Averaging) |> snd
