namespace Equivariant

open System
open System.Net
open System.Reflection
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Native

/// <summary>
/// How values show themselves where one types: as mathematicians write them in F# Interactive, and as pictures in .NET
/// Interactive's notebooks. Neither is referenced; whichever is there is told.
/// </summary>
[<RequireQualifiedAccess>]
module Interactive =

    let private loaded (name: string) : Assembly option =
        AppDomain.CurrentDomain.GetAssemblies()
        |> Array.tryFind (fun assembly -> assembly.GetName().Name = name)

    /// The object that scripts of F# Interactive know as fsi.
    let private fsi: obj option =
        loaded "FSharp.Compiler.Interactive.Settings"
        |> Option.bind (fun settings ->
            Option.ofObj (settings.GetType "FSharp.Compiler.Interactive.Settings"))
        |> Option.bind (fun settings -> Option.ofObj (settings.GetProperty "fsi"))
        |> Option.bind (fun property -> Option.ofObj (property.GetValue null))

    /// Lets values of a type print so in F# Interactive.
    let private printing<'T> (print: 'T -> string) =
        match fsi with
        | None -> ()
        | Some session ->
            match session.GetType().GetMethod "AddPrinter" with
            | null -> ()
            | add -> add.MakeGenericMethod(typeof<'T>).Invoke(session, [| box print |]) |> ignore

    /// .NET Interactive's own way to be told: Formatter.Register of a function to a text.
    let private register: MethodInfo option =
        loaded "Microsoft.DotNet.Interactive.Formatting"
        |> Option.bind (fun formatting ->
            Option.ofObj (formatting.GetType "Microsoft.DotNet.Interactive.Formatting.Formatter"))
        |> Option.bind (fun formatter ->
            formatter.GetMethods(BindingFlags.Public ||| BindingFlags.Static)
            |> Array.tryFind (fun method ->
                let parameters = method.GetParameters()

                method.Name = "Register"
                && method.IsGenericMethodDefinition
                && parameters.Length = 2
                && parameters[0].ParameterType.IsGenericType
                && parameters[0].ParameterType.GetGenericTypeDefinition() = typedefof<Func<_, _>>
                && parameters[1].ParameterType = typeof<string>))

    /// <summary>Lets values of a type show themselves in notebooks.</summary>
    /// <param name="html">From a value to HTML, such as an SVG picture.</param>
    let showing<'T> (html: 'T -> string) : unit =
        match register with
        | None -> ()
        | Some register ->
            register.MakeGenericMethod(typeof<'T>).Invoke(null, [| Func<'T, string>(html); "text/html" |])
            |> ignore

    let private preformatted (text: string) =
        $"<pre>%s{WebUtility.HtmlEncode(text.Trim())}</pre>"

    let private drawn (model: Model) = (Diagram.network model).Svg

    /// The same words for both.
    let private saying<'T> (print: 'T -> string) =
        printing print
        showing (print >> preformatted)

    /// <summary>
    /// Loads libtorch, and tells F# Interactive and .NET Interactive how groups, elements, actions, models, tensors and pictures
    /// show themselves. The package's script calls it.
    /// </summary>
    let start () : unit =
        // Groups need no libtorch: without one, or with a broken one, they stay usable, and the sentence says what is missing.
        try
            LibTorch.Load()
        with :? Equivariant.Core.EquivariantException as error ->
            eprintfn $"%s{error.Message}"

        match fsi with
        | Some session ->
            // Not as lists of their properties.
            match session.GetType().GetProperty "ShowProperties" with
            | null -> ()
            | property -> property.SetValue(session, false)
        | None -> ()

        saying (fun (group: Group) -> string group)
        saying (fun (element: GroupElement) -> Element.text element)
        saying (fun (action: PermutationAction) -> string action)
        saying (fun (action: TensorAction) -> string action)
        saying (fun (term: QuotientTerm) -> string term)
        saying (fun (tensor: torch.Tensor) -> tensor.ToString TensorStringStyle.Numpy)
        printing (fun (model: CompiledModel) -> $"\n{model}")
        printing (fun (picture: Picture) -> string picture)
        showing (fun (signal: Signal) -> preformatted (string signal))
        showing (fun (report: Report) -> preformatted (string report))
        showing (fun (model: Model) -> preformatted (string model) + drawn model)
        showing (fun (model: CompiledModel) -> preformatted (string model) + drawn model.Declaration)
        showing (fun (picture: Picture) -> picture.Svg)
