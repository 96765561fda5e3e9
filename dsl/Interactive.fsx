// What F# Interactive runs when Equivariant is referenced: by #r "nuget: Equivariant", and by examples/equivariant.fsx.

// Groups need no libtorch: without one, or with a broken one, they stay usable, and the sentence says what is missing.
try
    Equivariant.Core.Native.LibTorch.Load()
with :? Equivariant.Core.EquivariantException as error ->
    eprintfn $"%s{error.Message}"

// Values print as mathematicians write them, not as lists of their properties.
fsi.ShowProperties <- false
fsi.AddPrinter(fun (group: Equivariant.Core.Groups.Group) -> string group)
fsi.AddPrinter(fun (element: Equivariant.Core.Groups.GroupElement) -> Equivariant.Element.text element)
fsi.AddPrinter(fun (action: Equivariant.Core.Actions.PermutationAction) -> string action)
fsi.AddPrinter(fun (action: Equivariant.Core.Actions.TensorAction) -> string action)
fsi.AddPrinter(fun (term: Equivariant.Core.Designs.QuotientTerm) -> string term)
fsi.AddPrinter(fun (model: Equivariant.CompiledModel) -> $"\n{model}")
fsi.AddPrinter(fun (picture: Equivariant.Picture) -> string picture)
fsi.AddPrinter(fun (tensor: TorchSharp.torch.Tensor) -> tensor.ToString(TorchSharp.TensorStringStyle.Numpy))

#if HAS_FSI_ADDHTMLPRINTER
// On pages that fsdocs makes of scripts, pictures show themselves.
fsi.AddHtmlPrinter(fun (picture: Equivariant.Picture) -> Seq.empty<string * string>, picture.Svg)
#endif
