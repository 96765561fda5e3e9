// Compiled twice: into Equivariant.Core, and by MSBuild as a task of its own (Equivariant.Core.targets), where there
// is neither nullability nor another file.
#nullable disable
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Equivariant.Core.Native
{
    /// <summary>
    /// Makes a copy of libLibTorchSharp.so load where the system's libstdc++ is older than GCC 13's.
    /// </summary>
    /// <remarks>
    /// The library needs one symbol of version GLIBCXX_3.4.32, <c>std::ios_base_library_init()</c>: an empty function
    /// whose only purpose is to be needed. Debian 12, Ubuntu 22.04 and RHEL 9 lack it, and the loader refuses the
    /// whole library. Three spots of the file are rewritten, found by parsing the ELF structures: the symbol's name
    /// (to <c>std::get_new_handler()</c>, a harmless function without arguments that every libstdc++ since GCC 4.9
    /// has), the version's name, and the version's hash. A file that does not look exactly as expected is left alone.
    /// </remarks>
    internal static class LibStdCxx
    {
        private const string NewSymbol = "_ZSt21ios_base_library_initv";
        private const string OldSymbol = "_ZSt15get_new_handlerv";
        private const string OldVersion = "GLIBCXX_3.4.20";

        /// <summary>The version of libstdc++'s symbols, GCC 13's, that older systems lack.</summary>
        public const string NewVersion = "GLIBCXX_3.4.32";

        /// <summary>What <see cref="Rewrite"/> answers for an image that needs nothing.</summary>
        public const string AlreadyDone = "already done";

        /// <summary>Rewrites an image of libLibTorchSharp.so in place.</summary>
        /// <returns>Null when done, <see cref="AlreadyDone"/>, or what was unexpected.</returns>
        public static string Rewrite(byte[] image)
        {
            try
            {
                return RewriteParsed(image);
            }
            catch (Exception e) when (e is IndexOutOfRangeException || e is ArgumentException || e is OverflowException)
            {
                return "its ELF structures point outside the file";
            }
        }

        private static string RewriteParsed(byte[] image)
        {
            if (image.Length < 64 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F' || image[4] != 2 || image[5] != 1)
            {
                return "it is not a 64-bit little-endian ELF file";
            }

            Section strings = null, symbols = null, needs = null;
            List<Section> sections = Section.ReadAll(image);
            foreach (Section section in sections)
            {
                switch (section.Name)
                {
                    case ".dynstr": strings = section; break;
                    case ".dynsym": symbols = section; break;
                    case ".gnu.version_r": needs = section; break;
                }
            }

            if (strings == null || symbols == null || needs == null)
            {
                return "it has no dynamic symbol, string or version-needs section";
            }

            // Every offset into the string table, so that no other name is found to share the bytes to be changed.
            var nameOffsets = new List<int>();
            int symbolNameOffset = -1;
            for (int at = symbols.Offset; at < symbols.Offset + symbols.Size; at += 24)
            {
                int name = BitConverter.ToInt32(image, at);
                nameOffsets.Add(name);
                if (Text(image, strings, name) == NewSymbol)
                {
                    symbolNameOffset = name;
                }
            }

            int versionEntry = -1, versionNameOffset = -1;
            for (int need = needs.Offset; ; need += BitConverter.ToInt32(image, need + 12))
            {
                nameOffsets.Add(BitConverter.ToInt32(image, need + 4));
                int entry = need + BitConverter.ToInt32(image, need + 8);
                for (int left = BitConverter.ToInt16(image, need + 2); left > 0; left--)
                {
                    int name = BitConverter.ToInt32(image, entry + 8);
                    nameOffsets.Add(name);
                    if (Text(image, strings, name) == NewVersion)
                    {
                        versionEntry = entry;
                        versionNameOffset = name;
                    }

                    entry += BitConverter.ToInt32(image, entry + 12);
                }

                if (BitConverter.ToInt32(image, need + 12) == 0)
                {
                    break;
                }
            }

            if (symbolNameOffset < 0 && versionEntry < 0)
            {
                return AlreadyDone;
            }

            if (symbolNameOffset < 0 || versionEntry < 0)
            {
                return "it needs " + NewVersion + " for something other than " + NewSymbol;
            }

            if (BitConverter.ToUInt32(image, versionEntry) != ElfHash(NewVersion))
            {
                return "the hash of " + NewVersion + " is not as expected";
            }

            if (CountSymbolsOfVersion(image, sections, BitConverter.ToUInt16(image, versionEntry + 6)) != 1)
            {
                return "more than one symbol needs " + NewVersion;
            }

            foreach (int offset in nameOffsets)
            {
                if (Inside(offset, symbolNameOffset, NewSymbol) || Inside(offset, versionNameOffset, NewVersion))
                {
                    return "another name shares the bytes to be changed";
                }
            }

            Put(image, strings.Offset + symbolNameOffset, OldSymbol, NewSymbol.Length);
            Put(image, strings.Offset + versionNameOffset, OldVersion, NewVersion.Length);
            BitConverter.GetBytes(ElfHash(OldVersion)).CopyTo(image, versionEntry);
            return null;
        }

        private static bool Inside(int offset, int start, string text) => offset > start && offset <= start + text.Length;

        private static int CountSymbolsOfVersion(byte[] image, List<Section> sections, ushort version)
        {
            int count = 0;
            foreach (Section section in sections)
            {
                for (int at = section.Offset; section.Name == ".gnu.version" && at < section.Offset + section.Size; at += 2)
                {
                    count += BitConverter.ToUInt16(image, at) == version ? 1 : 0;
                }
            }

            return count;
        }

        private static string Text(byte[] image, Section table, int offset)
        {
            int start = table.Offset + offset;
            int end = Array.IndexOf(image, (byte)0, start);
            return Encoding.ASCII.GetString(image, start, end - start);
        }

        private static void Put(byte[] image, int at, string text, int room)
        {
            Array.Clear(image, at, room);
            Encoding.ASCII.GetBytes(text, 0, text.Length, image, at);
        }

        /// <summary>The System V ABI's hash of a name.</summary>
        private static uint ElfHash(string name)
        {
            uint hash = 0;
            foreach (char c in name)
            {
                hash = (hash << 4) + c;
                uint high = hash & 0xf0000000;
                hash = (hash ^ (high >> 24)) & ~high;
            }

            return hash;
        }

        /// <summary>Whether the system's libstdc++ is older than GCC 13's.</summary>
        public static bool IsTooOld()
        {
            IntPtr library = dlopen("libstdc++.so.6", RtldNow);
            return library == IntPtr.Zero || dlsym(library, NewSymbol) == IntPtr.Zero;
        }

        private const int RtldNow = 2;

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlopen(string file, int mode);

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlsym(IntPtr library, string name);

        private sealed class Section
        {
            public string Name;
            public int Offset;
            public int Size;

            public static List<Section> ReadAll(byte[] image)
            {
                int headers = checked((int)BitConverter.ToInt64(image, 40));
                int stride = BitConverter.ToUInt16(image, 58);
                int count = BitConverter.ToUInt16(image, 60);
                int namesHeader = headers + stride * BitConverter.ToUInt16(image, 62);
                var names = new Section { Offset = checked((int)BitConverter.ToInt64(image, namesHeader + 24)) };
                var sections = new List<Section>();
                for (int i = 0; i < count; i++)
                {
                    int header = headers + stride * i;
                    sections.Add(new Section
                    {
                        Name = Text(image, names, BitConverter.ToInt32(image, header)),
                        Offset = checked((int)BitConverter.ToInt64(image, header + 24)),
                        Size = checked((int)BitConverter.ToInt64(image, header + 32)),
                    });
                }

                return sections;
            }
        }
    }
}

#if !NET
/// <summary>The MSBuild task: treats the output copies of libLibTorchSharp.so.</summary>
public sealed class RetargetLibStdCxx : Microsoft.Build.Utilities.Task
{
    /// <summary>The copies to treat.</summary>
    [Microsoft.Build.Framework.Required]
    public Microsoft.Build.Framework.ITaskItem[] Files { get; set; }

    public override bool Execute()
    {
        if (Equivariant.Core.Native.LibStdCxx.IsTooOld())
        {
            foreach (Microsoft.Build.Framework.ITaskItem item in Files)
            {
                Retarget(item.GetMetadata("FullPath"));
            }
        }

        return true;
    }

    private void Retarget(string path)
    {
        byte[] image = File.ReadAllBytes(path);
        string surprise = Equivariant.Core.Native.LibStdCxx.Rewrite(image);
        if (surprise == Equivariant.Core.Native.LibStdCxx.AlreadyDone)
        {
            return;
        }

        if (surprise != null)
        {
            Log.LogMessage(Microsoft.Build.Framework.MessageImportance.High, "{0} is left as it is: {1}. TorchSharp will not load here, since the system's libstdc++ lacks {2}; install libstdc++6 of GCC 13 or newer.", path, surprise, Equivariant.Core.Native.LibStdCxx.NewVersion);
            return;
        }

        // The output file may be a link to the package's own copy, which must stay as it is: replace, never write through.
        string fresh = path + ".new";
        File.WriteAllBytes(fresh, image);
        File.Delete(path);
        File.Move(fresh, path);
    }
}
#endif
