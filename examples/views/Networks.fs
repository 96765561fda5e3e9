namespace Equivariant.Views

open TorchSharp
open TorchSharp.Modules
open Equivariant

/// <summary>What the networks of an experiment are made for.</summary>
type Sizes = {
    /// <summary>Channels of an image.</summary>
    Channels: int
    /// <summary>Rows and columns of an image.</summary>
    Side: int
    /// <summary>How many classes there are.</summary>
    Classes: int
    /// <summary>Channels of convolutions.</summary>
    Width: int
    /// <summary>Numbers that describe a view in the end.</summary>
    Features: int
}

/// How often images are halved, by a convolution 5 × 5 without margins and a pooling, until few pixels are left.
module internal Halving =

    /// The sides of the images before, between and after: 28, 12, 4, or 64, 30, 13, 4.
    let rec sides side =
        if side >= 12 then
            side :: sides ((side - 4) / 2)
        else
            [ side ]

/// <summary>The paper's trunk, from images to features: with as many stages as the images' size asks for.</summary>
/// <remarks>
/// A stage is a convolution 5 × 5, ReLU, pooling and batch norm. As in the published code, all stages after the first
/// share their convolution, but not their norm.
/// </remarks>
type Trunk(sizes: Sizes) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("Trunk")

    let width, features = int64 sizes.Width, int64 sizes.Features
    let sides = Halving.sides sizes.Side
    let left = int64 (List.last sides)
    let first = torch.nn.Conv2d(int64 sizes.Channels, width, 5L)
    let further = torch.nn.Conv2d(width, width, 5L)

    let norms =
        torch.nn.ModuleList<BatchNorm2d> [| for _ in sides.Tail -> torch.nn.BatchNorm2d width |]

    let linear = torch.nn.Linear(width * left * left, features)
    let dropout = torch.nn.Dropout 0.5
    let norm = torch.nn.BatchNorm1d features

    let stage x (i, norm: BatchNorm2d) =
        let convolution = if i = 0 then first else further
        norm.call (torch.nn.functional.max_pool2d (torch.nn.functional.relu (convolution.call x), 2L))

    do this.RegisterComponents()

    override _.forward x =
        use scope = torch.NewDisposeScope()
        let pixels = Seq.indexed norms |> Seq.fold stage x
        let features = torch.nn.functional.relu (linear.call (pixels.flatten 1L))
        (norm.call (dropout.call features)).MoveToOuterDisposeScope()

/// <summary>
/// Two of the paper's trunks, whose features s and t are fused over all views to (s + c (m − s)) / (1 + c), where m is
/// the mean of t over the views and c is learned: what a view gives of s to itself, then what it gives of t to each view.
/// </summary>
type FusedTrunks(sizes: Sizes, views: int) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("FusedTrunks")

    let own = new Trunk(sizes)
    let fused = new Trunk(sizes)
    let coefficient = torch.nn.Parameter(torch.tensor 0.1f)
    do this.RegisterComponents()

    override _.forward x =
        use scope = torch.NewDisposeScope()
        let c: torch.Tensor = coefficient
        let toItself = (1.0 - c) / (1.0 + c) * own.call x
        let toEach = c / (1.0 + c) / float views * fused.call x
        torch.cat([| toItself; toEach |], 1L).MoveToOuterDisposeScope()

/// <summary>What becomes of the two shares that a view gives.</summary>
/// <param name="given">From what it gives to itself and what it gives to each view.</param>
type Share(given: torch.Tensor -> torch.Tensor -> torch.Tensor) =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("Share")

    override _.forward both =
        use scope = torch.NewDisposeScope()
        let halves = both.chunk (2L, 1L)
        (given halves[0] halves[1]).MoveToOuterDisposeScope()

/// <summary>Networks that views are looked at with.</summary>
[<RequireQualifiedAccess>]
module Networks =

    let private sequential (parts: Net list) = torch.nn.Sequential(Array.ofList parts)

    let private halved (from: int) (into: int) padding : Net list = [
        torch.nn.Conv2d(int64 from, int64 into, 5L, padding = int64 padding)
        torch.nn.ReLU()
        torch.nn.MaxPool2d 2L
        torch.nn.BatchNorm2d(int64 into)
    ]

    /// <summary>What a network sees first: maps of features, with half the rows and columns of the image.</summary>
    let stem (sizes: Sizes) =
        wrapping "stem" (fun () -> sequential (halved sizes.Channels sizes.Width 2))
        |> giving (image sizes.Width (sizes.Side / 2) (sizes.Side / 2))

    /// <summary>What a network makes of the maps: features of the whole view.</summary>
    let head (sizes: Sizes) =
        let sides = Halving.sides (sizes.Side / 2)
        let left = List.last sides

        wrapping "head" (fun () ->
            sequential [
                for _ in sides.Tail do
                    yield! halved sizes.Width sizes.Width 0
                torch.nn.Flatten()
                torch.nn.Linear(int64 (sizes.Width * left * left), int64 sizes.Features)
                torch.nn.ReLU()
                torch.nn.Dropout 0.5
                torch.nn.BatchNorm1d(int64 sizes.Features)
            ])
        |> giving (vector sizes.Features)

    /// <summary>The paper's trunk.</summary>
    let trunk (sizes: Sizes) =
        wrapping "trunk" (fun () -> new Trunk(sizes)) |> giving (vector sizes.Features)

    /// <summary>The paper's two trunks: what a view gives to itself, and to each view.</summary>
    let fusedTrunks (sizes: Sizes) views =
        wrapping "fused trunks" (fun () -> new FusedTrunks(sizes, views))
        |> giving (vector (2 * sizes.Features))

    let private share (sizes: Sizes) name given =
        wrapping name (fun () -> new Share(given)) |> giving (vector sizes.Features)

    /// <summary>What a view gets of its own trunks.</summary>
    let ownShare sizes =
        share sizes "own share" (fun own each -> own + each)

    /// <summary>What a view gets of another's.</summary>
    let othersShare sizes =
        share sizes "share of others" (fun _ each -> each.clone ())
