/// A headless Chromium that opens pages, measures them, takes pictures of them and listens to what goes wrong.
module Equivariant.Tests.Browser

open System
open System.Diagnostics
open System.IO
open System.Net.WebSockets
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open Xunit

let private chromium =
    (Environment.GetEnvironmentVariable "PATH").Split ':'
    |> Seq.collect (fun folder ->
        [ "chromium"; "chromium-browser"; "google-chrome" ]
        |> Seq.map (fun name -> Path.Combine(folder, name)))
    |> Seq.tryFind File.Exists

/// A test that needs a browser.
type BrowserFactAttribute() as this =
    inherit FactAttribute()

    do
        if chromium.IsNone then
            this.Skip <- "no Chromium is installed here"

/// How long a page, or the browser's start, may take on a machine with other work to do.
let private patience = TimeSpan.FromMinutes 3.0

/// What a page was like.
type Look = {
    /// Sentences: exceptions, errors on the console, files that did not load.
    Errors: string list
    /// The width of what is on it, which should be that of the window.
    ContentWidth: int
    /// What the script that was asked gave.
    Answer: string
    /// A picture, as the bytes of a PNG file.
    Picture: byte[]
}

/// A browser that is running; pages are opened one after the other.
type Browser() =
    let profile = Directory.CreateTempSubdirectory "equivariant-browser-"

    let running =
        Process.Start(
            ProcessStartInfo(
                chromium.Value,
                [
                    "--headless"
                    "--no-sandbox"
                    "--disable-gpu"
                    "--hide-scrollbars"
                    "--allow-file-access-from-files"
                    "--remote-debugging-port=0"
                    $"--user-data-dir={profile.FullName}"
                    "about:blank"
                ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )
        )

    do
        running.OutputDataReceived.Add ignore
        running.ErrorDataReceived.Add ignore
        running.BeginOutputReadLine()
        running.BeginErrorReadLine()

    let address =
        let file = Path.Combine(profile.FullName, "DevToolsActivePort")

        let ready () =
            File.Exists file && File.ReadAllLines(file).Length >= 2

        Assert.True(SpinWait.SpinUntil(ready, patience), "the browser does not start")
        let lines = File.ReadAllLines file
        Uri $"ws://127.0.0.1:{lines[0]}{lines[1]}"

    let socket = new ClientWebSocket()

    do
        use limit = new CancellationTokenSource(patience)
        socket.ConnectAsync(address, limit.Token).Wait()

    let mutable number = 0

    let receive () : JsonNode =
        use limit = new CancellationTokenSource(patience)
        use message = new MemoryStream()
        let buffer = Array.zeroCreate<byte> 65536

        let rec read () =
            let part = socket.ReceiveAsync(ArraySegment buffer, limit.Token).Result
            message.Write(buffer, 0, part.Count)

            if not part.EndOfMessage then
                read ()

        read ()
        JsonNode.Parse(ReadOnlySpan(message.ToArray()))

    /// Sends a command and gives its result; what happens meanwhile is heard.
    let command
        (session: string option)
        (hear: JsonNode -> unit)
        (name: string)
        (parameters: (string * obj) list)
        =
        number <- number + 1
        let mine = number

        let text =
            JsonSerializer.Serialize(
                dict [
                    "id", box mine
                    "method", box name
                    "params", box (dict parameters)
                    match session with
                    | Some session -> "sessionId", box session
                    | None -> ()
                ]
            )

        use limit = new CancellationTokenSource(patience)

        socket
            .SendAsync(
                ArraySegment(Encoding.UTF8.GetBytes text),
                WebSocketMessageType.Text,
                true,
                limit.Token
            )
            .Wait()

        let rec answer () =
            let message = receive ()

            match message["id"] with
            | null ->
                hear message
                answer ()
            | id when id.GetValue<int>() = mine ->
                Assert.True(isNull message["error"], $"{name}: {message}")
                message["result"]
            | _ -> answer ()

        answer ()

    let session =
        let target = command None ignore "Target.createTarget" [ "url", "about:blank" ]

        let attached =
            command None ignore "Target.attachToTarget" [
                "targetId", box (string target["targetId"])
                "flatten", box true
            ]

        string attached["sessionId"]

    let ask = command (Some session)

    do
        for domain in [ "Page"; "Runtime"; "Log"; "Network" ] do
            ask ignore $"{domain}.enable" [] |> ignore

    /// What a message tells of something wrong.
    let problem (message: JsonNode) : string option =
        let parameters = message["params"]

        match string message["method"] with
        | "Runtime.exceptionThrown" ->
            let details = parameters["exceptionDetails"]
            Some(string (details["exception"]["description"]))
        | "Runtime.consoleAPICalled" when string parameters["type"] = "error" ->
            Some(parameters["args"].ToJsonString())
        | "Log.entryAdded" when string (parameters["entry"]["level"]) = "error" ->
            Some(string (parameters["entry"]["text"]))
        | "Network.loadingFailed" -> Some $"""{parameters["type"]} failed: {parameters["errorText"]}"""
        | _ -> None

    /// Opens a page in a window of some width.
    member _.Open(url: string, width: int, ?script: string) : Look =
        let errors = ResizeArray<string>()
        let mutable loaded = false

        let hear (message: JsonNode) =
            problem message |> Option.iter errors.Add

            if string message["method"] = "Page.loadEventFired" then
                loaded <- true

        ask hear "Emulation.setDeviceMetricsOverride" [
            "width", box width
            "height", box 900
            "deviceScaleFactor", box 1
            "mobile", box false
        ]
        |> ignore

        let before = DateTime.UtcNow
        loaded <- false
        ask hear "Page.navigate" [ "url", url ] |> ignore

        let evaluate (text: string) =
            let answer =
                ask hear "Runtime.evaluate" [
                    "expression", box text
                    "returnByValue", box true
                    "awaitPromise", box true
                ]

            string (answer["result"]["value"])

        while not loaded && DateTime.UtcNow - before < patience do
            // Asking gives the browser's messages a time to be heard.
            evaluate "new Promise(done => setTimeout(done, 10))" |> ignore

        Assert.True(loaded, $"{url} does not load")
        let content = int (evaluate "document.documentElement.scrollWidth")
        let answer = evaluate (defaultArg script "''")
        let picture = ask hear "Page.captureScreenshot" [ "format", box "png" ]

        {
            Errors = List.ofSeq errors
            ContentWidth = content
            Answer = answer
            Picture = Convert.FromBase64String(string picture["data"])
        }

    /// Prints the page that is open, as the bytes of a PDF file.
    member _.Print() : byte[] =
        let printed = ask ignore "Page.printToPDF" []
        Convert.FromBase64String(string printed["data"])

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            running.Kill true
            running.WaitForExit()
            running.Dispose()
            // What the browser still writes while it ends is its own.
            try
                profile.Delete true
            with :? IOException ->
                ()
