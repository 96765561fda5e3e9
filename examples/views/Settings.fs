namespace Equivariant.Views

open Equivariant.Bench

/// <summary>Whether views are as they are in the data, or moved by random elements of their groups.</summary>
[<RequireQualifiedAccess>]
type Condition =
    /// <summary>As they are.</summary>
    | Upright
    /// <summary>Each moved by an element drawn for it.</summary>
    | Moved

    /// <summary>How it is called in tables and on the command line.</summary>
    member this.Name =
        match this with
        | Upright -> "upright"
        | Moved -> "moved"

/// <summary>Everything that decides the numbers of the experiment, beside seed and device.</summary>
type Settings = {
    /// <summary>A directory of images; the part of Fashion-MNIST that comes with the library, if none.</summary>
    Data: string option
    /// <summary>Whether images that can't be decoded are left out.</summary>
    SkipBroken: bool
    /// <summary>Whether images in folders are turned to grey.</summary>
    Grey: bool
    /// <summary>Rows and columns that images in folders are resized to.</summary>
    Side: int
    /// <summary>The most training images of a class; all, if nothing.</summary>
    ImagesPerClass: int option
    /// <summary>Numbers of views.</summary>
    Views: int list
    /// <summary>Which groups move the views.</summary>
    Groups: Groups list
    /// <summary>The names of the models.</summary>
    Models: string list
    /// <summary>How the views are that are trained on.</summary>
    Training: Condition list
    /// <summary>Passes over the training samples.</summary>
    Epochs: int
    /// <summary>Samples of a step.</summary>
    BatchSize: int
    /// <summary>The size of the first step of stochastic gradient descent.</summary>
    LearningRate: float
    /// <summary>The size of the last step, to which it falls along half a cosine.</summary>
    LastLearningRate: float
    /// <summary>Channels of convolutions.</summary>
    Width: int
    /// <summary>Numbers that describe a view.</summary>
    Features: int
}

/// <summary>The settings of the presets, and the options that change them.</summary>
[<RequireQualifiedAccess>]
module Settings =

    let private full = {
        Data = None
        SkipBroken = false
        Grey = false
        Side = 64
        ImagesPerClass = None
        Views = [ 2; 3; 4 ]
        Groups = [ Groups.Turns; Groups.Mixed; Groups.None ]
        Models = Contenders.all |> List.map _.Name
        Training = [ Condition.Upright; Condition.Moved ]
        Epochs = 100
        BatchSize = 64
        LearningRate = 0.01
        LastLearningRate = 0.01
        Width = 16
        Features = 64
    }

    let private quick = {
        full with
            Views = [ 2 ]
            Groups = [ Groups.Turns ]
            Models = [ "concatenation"; "siamese"; "dss"; "eq"; "eq-is"; "multi-gcnn-fusion" ]
            Training = [ Condition.Upright ]
            Epochs = 10
            LearningRate = 0.05
            LastLearningRate = 0.001
    }

    /// <summary>The settings of a preset.</summary>
    let ofPreset preset =
        match preset with
        | Full -> full
        | Quick -> quick
        | Tiny -> {
            quick with
                ImagesPerClass = Some 8
                Groups = [ Groups.Mixed ]
                Models = full.Models
                Epochs = 1
                Width = 4
                Features = 8
          }

    let private byName name values = [ for value in values -> name value, value ]

    /// <summary>The options of the command.</summary>
    let arguments: Argument<Settings> list = [
        Argument.text
            "data"
            "folder"
            "images to learn from: IDX files as MNIST's, or a folder for each class (default: a part of Fashion-MNIST)."
            (fun folder settings -> { settings with Data = Some folder })
        Argument.switch
            "skip-broken"
            "leave out images that can't be decoded, and say how many they are."
            (fun settings -> { settings with SkipBroken = true })
        Argument.switch "grey" "turn images in folders to grey, as for 15-Scene." (fun settings -> {
            settings with
                Grey = true
        })
        Argument.number
            "side"
            (16, 512)
            "rows and columns that images in folders are resized to."
            (fun side settings -> { settings with Side = side })
        Argument.choices
            "views"
            "number of views"
            (byName string [ 2; 3; 4 ])
            "numbers of views, divided by commas: 2,3,4."
            (fun views settings -> { settings with Views = views })
        Argument.choices
            "groups"
            "choice of groups"
            (byName (fun (groups: Groups) -> groups.Name) [ Groups.Turns; Groups.Mixed; Groups.None ])
            "what moves the views: C4, mixed, none."
            (fun groups settings -> { settings with Groups = groups })
        Argument.choices
            "models"
            "model"
            (byName id (Contenders.all |> List.map _.Name))
            "the models to compare, by their names in the table."
            (fun models settings -> { settings with Models = models })
        Argument.choices
            "training"
            "way to train"
            (byName (fun (condition: Condition) -> condition.Name) [ Condition.Upright; Condition.Moved ])
            "how the views are that are trained on: upright, moved."
            (fun training settings -> { settings with Training = training })
        Argument.number "epochs" (1, 10_000) "passes over the training samples." (fun epochs settings -> {
            settings with
                Epochs = epochs
        })
    ]
