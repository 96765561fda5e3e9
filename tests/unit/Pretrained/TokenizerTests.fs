module Equivariant.Tests.Pretrained.TokenizerTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Pretrained
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Pretrained.Fixture

let private cases name =
    use json = JsonDocument.Parse(File.ReadAllText(path $"tokenizers/{name}.json"))
    [ for case in json.RootElement.Clone().EnumerateArray() -> case ]

let private textOf (name: string) (case: JsonElement) = case.GetProperty(name).GetString()

let private idsOf (name: string) (case: JsonElement) = [
    for id in case.GetProperty(name).EnumerateArray() -> id.GetInt32()
]

/// What there is without ftfy, where it makes a difference.
let private without (name: string) (case: JsonElement) =
    match case.TryGetProperty $"{name}_without_ftfy" with
    | true, _ -> $"{name}_without_ftfy"
    | _ -> name

let private clip = lazy (ClipTokenizer.Load(shared "bpe_simple_vocab_16e6.txt.gz"))

[<Fact>]
let ``GPT-2's tokens are the reference's, and come back as the text`` () =
    let all = cases "gpt2"
    Assert.Equal(61, all.Length)

    for case in all do
        let text, ids = textOf "text" case, idsOf "ids" case
        Assert.Equal<int>(ids, Gpt2Tokenizer.Standard.Ids text)
        Assert.Equal(text, Gpt2Tokenizer.Standard.Text ids)

[<Fact>]
let ``the token between texts is read from text only by request`` () =
    let tokenizer = Gpt2Tokenizer.Standard
    Assert.Equal<int>([ 64; 50256; 65 ], tokenizer.Ids("a<|endoftext|>b", true))
    Assert.Equal<int>([ 64; 27; 91; 437; 1659; 5239; 91; 29; 65 ], tokenizer.Ids "a<|endoftext|>b")
    Assert.Equal(50256, tokenizer.EndToken)
    use tokens = tokenizer.Encode "Hello"
    Assert.Equal<int64[]>([| 1L; 1L |], tokens.shape)

[<Fact>]
let ``a folder's own vocabulary is read`` () =
    Program.inFolder (fun folder ->
        let letters =
            [ for c in [ '!' .. '~' ] -> string c ]
            @ [
                for c in [ '\u00A1' .. '\u00AC' ] @ [ '\u00AE' .. '\u00FF' ] @ [ '\u0100' .. '\u0143' ] ->
                    string c
            ]

        let tokens = letters @ [ "lo"; "low"; "\u0120low"; "er"; "<|endoftext|>" ]

        let entries =
            tokens
            |> List.mapi (fun i token -> $"{JsonSerializer.Serialize token}:{i}")
            |> String.concat ","

        File.WriteAllText(Path.Combine(folder, "vocab.json"), $"{{{entries}}}")
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\nl o\nlo w\n\u0120 low\ne r\n")
        let tokenizer = Gpt2Tokenizer.Load folder
        Assert.Equal(261, tokenizer.VocabularySize)
        Assert.Equal<int>([ 257; 258; 259 ], tokenizer.Ids "low lower")
        Assert.Equal<int>([ 257; 260; 257 ], tokenizer.Ids("low<|endoftext|>low", true))
        Assert.DoesNotContain(260, tokenizer.Ids "low<|endoftext|>low")
        Assert.Equal("low<|endoftext|>low", tokenizer.Text(tokenizer.Ids "low<|endoftext|>low"))
        Assert.Equal("low lower é", tokenizer.Text(tokenizer.Ids "low lower é"))
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\nl o w\n")
        refused [ "merges.txt"; "l o w" ] (fun () -> Gpt2Tokenizer.Load folder)
        File.Delete(Path.Combine(folder, "vocab.json"))
        refused [ "vocab.json" ] (fun () -> Gpt2Tokenizer.Load folder))

[<Fact>]
let ``CLIP's cleaning is the reference's`` () =
    for case in cases "clip" do
        Assert.Equal(textOf (without "cleaned" case) case, ClipTokenizer.Clean(textOf "text" case))

[<Theory>]
[<InlineData("&lt;b&gt; &amp;amp; &AMP", "<b> & &")>]
[<InlineData("&#x41;&#66;&#0;&#x80;&#xD800;&#1;&#99999999999;", "ab\uFFFD€\uFFFD\uFFFD")>]
[<InlineData("&notit; &NotEqualTilde; &nosuch; & &;", "¬it; ≂̸ &nosuch; & &;")>]
[<InlineData("ΟΔΥΣΣΕΥΣ ΣΑΣ. Σ", "οδυσσευς σας. σ")>]
[<InlineData("ΑΣⓐ ⅧΣ ΑΣ. ΑΣ.α", "ασⓐ ⅷς ας. ασ.α")>]
[<InlineData("İI", "i\u0307i")>]
[<InlineData("\u001C\u2003 a\t\u00A0\nb \u001F", "a b")>]
let ``characters are read as Python reads them`` (text: string) (clean: string) =
    Assert.Equal(clean, ClipTokenizer.Clean text)

[<VocabularyFact>]
let ``CLIP's tokens are the reference's`` () =
    let tokenizer = clip.Value
    let all = cases "clip"
    Assert.Equal(61, all.Length)
    Assert.Equal(49408, tokenizer.VocabularySize)

    for case in all do
        Assert.Equal<int>(idsOf (without "ids" case) case, tokenizer.Ids(textOf "text" case))

[<VocabularyFact>]
let ``texts are laid out in 77 tokens, and what is longer is refused or cut`` () =
    let tokenizer = clip.Value

    let long =
        cases "clip"
        |> List.filter (fun case -> fst (case.TryGetProperty "tokenize77_truncated"))

    Assert.NotEmpty long

    for case in long do
        let text = textOf "text" case
        use cut = tokenizer.Encode([| text |], truncate = true)
        Assert.Equal<int64>(idsOf "tokenize77_truncated" case |> List.map int64, cut.data<int64>().ToArray())
        refused [ text[..30]; "77" ] (fun () -> tokenizer.Encode [| text |])

    use two = tokenizer.Encode [| "Hello, world!"; "" |]
    Assert.Equal<int64[]>([| 2L; 77L |], two.shape)
    Assert.Equal<int64>([ 49406L; 3306L; 267L; 1002L; 256L; 49407L; 0L ], two[0].data<int64>().ToArray()[..6])
    Assert.Equal<int64>([ 49406L; 49407L; 0L ], two[1].data<int64>().ToArray()[..2])

[<VocabularyFact>]
let ``the vocabulary as a folder of two files gives the same tokens`` () =
    Program.inFolder (fun folder ->
        use packed =
            new Compression.GZipStream(
                File.OpenRead(shared "bpe_simple_vocab_16e6.txt.gz"),
                Compression.CompressionMode.Decompress
            )

        use reader = new StreamReader(packed)
        let merges = reader.ReadToEnd().Split('\n')[1 .. 49152 - 256 - 2]

        let plain =
            [ '!' .. '~' ]
            @ [ '\u00A1' .. '\u00AC' ]
            @ [ '\u00AE' .. '\u00FF' ]
            @ [ '\u0100' .. '\u0143' ]
            |> List.map string

        let tokens =
            plain
            @ List.map (fun letter -> letter + "</w>") plain
            @ [ for merge in merges -> merge.Replace(" ", "") ]
            @ [ "<|startoftext|>"; "<|endoftext|>" ]

        let entries =
            tokens
            |> Seq.mapi (fun i token -> $"{JsonSerializer.Serialize token}:{i}")
            |> String.concat ","

        File.WriteAllText(Path.Combine(folder, "vocab.json"), $"{{{entries}}}")
        File.WriteAllLines(Path.Combine(folder, "merges.txt"), Array.append [| "#version: 0.2" |] merges)
        let tokenizer = ClipTokenizer.Load folder

        for case in cases "clip" do
            Assert.Equal<int>(idsOf (without "ids" case) case, tokenizer.Ids(textOf "text" case)))

[<Fact>]
let ``what is no vocabulary is refused`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "bpe.txt.gz")
        refused [ file ] (fun () -> ClipTokenizer.Load file)
        File.WriteAllText(file, "version\none two three\n")
        refused [ file; "one two three" ] (fun () -> ClipTokenizer.Load file)
        File.WriteAllBytes(file, [| 0x1Fuy; 0x8Buy; 1uy; 2uy; 3uy |])
        refused [ file ] (fun () -> ClipTokenizer.Load file)
        refused [ "vocab.json" ] (fun () -> ClipTokenizer.Load folder))
