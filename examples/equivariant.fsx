// The whole preamble of a script or of F# Interactive: #load "equivariant.fsx"
// It needs one build of the command-line program first: dotnet build examples/cli -c Release

#r "cli/bin/Release/net10.0/TorchSharp.dll"
#r "cli/bin/Release/net10.0/FsCheck.dll"
#r "cli/bin/Release/net10.0/Equivariant.Core.dll"
#r "cli/bin/Release/net10.0/Equivariant.dll"
#r "cli/bin/Release/net10.0/Equivariant.Scan.dll"
#r "cli/bin/Release/net10.0/Equivariant.Fairness.dll"
#r "cli/bin/Release/net10.0/Equivariant.Pretrained.dll"
#load "../dsl/Interactive.fsx"
