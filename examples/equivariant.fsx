// The whole preamble of a script or of F# Interactive: #load "equivariant.fsx"
// It needs one build of the command-line program first: dotnet build examples/cli -c Release

#r "cli/bin/Release/net10.0/TorchSharp.dll"
#r "cli/bin/Release/net10.0/FsCheck.dll"
#r "cli/bin/Release/net10.0/Equivariant.Core.dll"
#r "cli/bin/Release/net10.0/Equivariant.dll"
#r "cli/bin/Release/net10.0/Equivariant.Scan.dll"
#r "cli/bin/Release/net10.0/Equivariant.Fairness.dll"
#r "cli/bin/Release/net10.0/Equivariant.Pretrained.dll"
#r "cli/bin/Release/net10.0/Equivariant.Images.dll"
#r "cli/bin/Release/net10.0/Equivariant.Bench.dll"
#r "cli/bin/Release/net10.0/Equivariant.ZeroShot.dll"
#load "../dsl/Interactive.fsx"

// SkiaSharp, which draws plots, looks for its native library beside itself only, and not where a build puts it.
System.Runtime.Loader.AssemblyLoadContext.Default.add_ResolvingUnmanagedDll (fun assembly name ->
    let folder = System.IO.Path.GetDirectoryName assembly.Location
    let rid = System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier
    let file = System.IO.Path.Combine(folder, "runtimes", rid, "native", name + ".so")

    if System.IO.File.Exists file then
        System.Runtime.InteropServices.NativeLibrary.Load file
    else
        0n)

// Plots show themselves in notebooks, and on the pages that fsdocs makes of scripts.
Equivariant.Interactive.showing Equivariant.Bench.Plotting.svg

#if HAS_FSI_ADDHTMLPRINTER
fsi.AddHtmlPrinter(fun (plot: Equivariant.Bench.Plot) ->
    Seq.empty<string * string>, Equivariant.Bench.Plotting.svg plot)
#endif
