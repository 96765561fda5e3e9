// What F# Interactive runs when Equivariant is referenced: by #r "nuget: Equivariant", and by examples/equivariant.fsx.
Equivariant.Interactive.start ()

#if HAS_FSI_ADDHTMLPRINTER
// On pages that fsdocs makes of scripts, pictures show themselves.
fsi.AddHtmlPrinter(fun (picture: Equivariant.Picture) -> Seq.empty<string * string>, picture.Svg)
#endif
