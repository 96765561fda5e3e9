/// Looking at a model, by reports, laws and problems, leaves it as it was found.
module Equivariant.Tests.Dsl.LookTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Tests

let private signal = vector 6 |> under (cyclic 6) circle
let private action = Signal.core signal

/// A network as users have them: in train mode, with dropout, and with statistics that are frozen; it has gradients.
let private live () : Net =
    torch.manual_seed 3L |> ignore
    let frozen = torch.nn.BatchNorm1d 6L

    let net =
        torch.nn.Sequential(
            torch.nn.Linear(6L, 6L) :> Net,
            frozen :> Net,
            torch.nn.BatchNorm1d 6L :> Net,
            torch.nn.Dropout 0.5 :> Net,
            torch.nn.Linear(6L, 6L) :> Net
        )

    (net.call (torch.randn (8L, 6L))).sum().backward()
    frozen.eval ()
    net

let private around (net: Net) =
    network {
        input "x" signal
        eq "x" (wrapping "live" (fun () -> net)) (equitune |> weighted 4)
    }

let private twice = {
    Target.cpu with
        DType = torch.float64
}

let private judged laws =
    Laws.judge 5UL laws
    |> List.iter (fun (law, verdict) -> Assert.True(verdict.IsHeld, $"{law}: {verdict}"))

/// Ways to look at a declared model.
let private looks: (string * (Model -> unit)) list = [
    "Report.text", Report.text >> ignore
    "Report.ofModelOn", Report.ofModelOn twice >> ignore
    "Model.problems", Model.problems >> Assert.Empty
    "Laws.check", Laws.check
    "Laws.ofModel", Laws.ofModel >> ignore
    "Laws.ofModelOn", Laws.ofModelOn twice >> judged
    "a broken law",
    fun model ->
        let broken =
            model |> Model.apply (pointwise "ramp" (fun x -> x * torch.arange 6.0f))

        let raised = Assert.Throws<LawBrokenException>(fun () -> Laws.check broken)
        Assert.Contains("f(gx) = g f(x) fails", raised.Message)
]

/// Ways to look at a compiled one.
let private looksAtCompiled: (string * (CompiledModel -> unit)) list = [
    "Report.ofCompiled", Report.ofCompiled >> ignore
    "Laws.checkCompiled", Laws.checkCompiled
    "Laws.ofCompiled", Laws.ofCompiled >> judged
    "string", string >> ignore
]

/// All that looking should not change, in words.
let private state (model: torch.nn.Module) = [
    for part in Seq.append [ model ] (model.modules ()) do
        $"{part.GetType().Name} in train mode: {part.training}"

    for struct (name, held) in model.named_parameters () do
        let gradient =
            match held.grad with
            | null -> "none"
            | gradient -> string (gradient.data<float32>().ToArray() |> List.ofArray)

        $"{name}: {held.dtype} on {held.device}, {held.Handle}, gradient {gradient}, {held.requires_grad}"
        string (held.detach().data<float32>().ToArray() |> List.ofArray)

    for struct (name, held) in model.named_buffers () do
        $"{name}: {held.dtype}, {held.Handle}, {held.``to``(torch.float64).data<double>().ToArray() |> List.ofArray}"

    Convert.ToHexString(torch.random.get_rng_state().data<byte>().ToArray())
]

let private leavesAlone (model: torch.nn.Module) (look: unit -> unit) =
    let before = state model
    look ()
    Assert.Equal<string list>(before, state model)

let ways: obj[] seq = looks |> Seq.map (fun (name, _) -> [| name :> obj |])

[<Theory; MemberData(nameof ways)>]
let ``looking at a declaration leaves a module of the user's alone`` (way: string) =
    let net = live ()
    let look = looks |> List.find (fst >> (=) way) |> snd
    leavesAlone net (fun () -> look (around net))

let compiledWays: obj[] seq =
    looksAtCompiled |> Seq.map (fun (name, _) -> [| name :> obj |])

[<Theory; MemberData(nameof compiledWays)>]
let ``looking at a compiled model leaves every part of it alone`` (way: string) =
    let net = live ()
    let compiled = Model.compile Target.cpu (around net)
    Seq.head(net.children ()).eval()
    let look = looksAtCompiled |> List.find (fst >> (=) way) |> snd
    leavesAlone compiled (fun () -> look compiled)

[<Fact>]
let ``laws of any module leave it alone, in the mode that it is in`` () =
    let net = live ()

    let judge () =
        Law.judge 20 1UL (Laws.equivariant net action action (Sampling.normal [ 6L ]))

    // In train mode there is dropout.
    leavesAlone net (fun () -> Assert.Contains("not deterministic", string (judge ())))
    let settled = torch.nn.Sequential(torch.nn.BatchNorm1d 6L :> Net)
    let design = new Equitune(settled, action, action)

    leavesAlone design (fun () ->
        Law.require (Laws.equivariant design action action (Sampling.normal [ 6L ])))

[<Fact>]
let ``a look between the loss and its gradient does no harm`` () =
    let net = live ()
    let compiled = Model.compile Target.cpu (around net)
    let loss = (compiled.Predict(torch.randn (3L, 6L))).sum()
    Laws.checkCompiled compiled
    Laws.check (around net)
    Report.text (around net) |> ignore
    loss.backward ()

[<Fact>]
let ``drawing inputs leaves torch's random numbers as they were`` () =
    torch.manual_seed 9L |> ignore
    let expected = torch.rand 3L
    torch.manual_seed 9L |> ignore
    (Sampling.normal [ 2L ]).Draw 2L 5 |> ignore
    (Sampling.tokens 3L [ 2L ]).Draw 2L 5 |> ignore
    Tensors.assertClose 0.0 expected (torch.rand 3L)
    let draw seed = (Sampling.normal [ 4L ]).Draw 2L seed
    Tensors.assertClose 0.0 (draw 1) (draw 1)
    Assert.True(Tensors.distance (draw 1) (draw 9) > 0.0)

[<Fact>]
let ``a module in other numbers than the model's is looked at in its own`` () =
    let net = live ()
    net.``to`` torch.float64 |> ignore
    let kept = net.parameters () |> Seq.map _.Handle |> List.ofSeq
    Laws.check (around net)
    Assert.Equal<nativeint list>(kept, net.parameters () |> Seq.map _.Handle |> List.ofSeq)
    Assert.All(net.parameters (), (fun held -> Assert.Equal(torch.float64, held.dtype)))

    Assert.Equal(
        (Model.compile Target.cpu (around (live ()))).ParameterCount,
        (Report.of' (around net)).Parameters
    )

/// A module that runs in single precision only.
let private single () : Net =
    let own = torch.ones 6L

    {
        new torch.nn.Module<torch.Tensor, torch.Tensor>("single") with
            override _.forward x =
                if x.dtype <> torch.float32 then
                    raise (NotSupportedException "single precision only")

                x * own
    }

[<Fact>]
let ``what does not run in the target's numbers is refused when compiling for it`` () =
    let net = torch.nn.Sequential(torch.nn.Linear(6L, 6L) :> Net, single ()) :> Net

    Assert.Empty(Model.problems (around net))

    let raised =
        Assert.Throws<DeclarationException>(fun () -> Model.compile twice (around net) |> ignore)

    Assert.StartsWith("eq block \"x\": live does not run on 6: NotSupportedException", raised.Message)
