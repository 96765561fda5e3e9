// The whole preamble of a script or of F# Interactive: #load "equivariant.fsx"
// It needs one build of the command-line program first: dotnet build examples/cli -c Release

#r "cli/bin/Release/net10.0/TorchSharp.dll"
#r "cli/bin/Release/net10.0/FsCheck.dll"
#r "cli/bin/Release/net10.0/Equivariant.Core.dll"
#r "cli/bin/Release/net10.0/Equivariant.dll"
#r "cli/bin/Release/net10.0/Equivariant.Scan.dll"

Equivariant.Core.Native.LibTorch.Load()

// Values print as mathematicians write them, not as lists of their properties.
fsi.ShowProperties <- false
fsi.AddPrinter(fun (group: Equivariant.Core.Groups.Group) -> string group)
fsi.AddPrinter(fun (element: Equivariant.Core.Groups.GroupElement) -> Equivariant.Element.text element)
fsi.AddPrinter(fun (action: Equivariant.Core.Actions.PermutationAction) -> string action)
fsi.AddPrinter(fun (action: Equivariant.Core.Actions.TensorAction) -> string action)
fsi.AddPrinter(fun (term: Equivariant.Core.Designs.QuotientTerm) -> string term)
fsi.AddPrinter(fun (model: Equivariant.CompiledModel) -> $"\n{model}")
fsi.AddPrinter(fun (tensor: TorchSharp.torch.Tensor) -> tensor.ToString(TorchSharp.TensorStringStyle.Numpy))
