/// What of a failed script's standard error is shown.
module Equivariant.Tests.Cli.ScriptErrorTests

open Xunit
open Equivariant.Cli

let private notices =
    """
/tmp/own.fsx(2,17): warning FS0025: Incomplete pattern matches on this expression.

[W918 08:15:00.123456 NNPACK.cpp:57] Could not initialize NNPACK! Reason: Unsupported hardware.
the script itself says: (3,4): something
"""

let private lines (text: string) = text.Split '\n' |> List.ofArray

[<Fact>]
let ``the compiler's error is found among notices`` () =
    let stderr =
        notices
        + "/tmp/own.fsx(3,14): error FS0001: This expression was expected to have type\n    'int'    \nbut here has type\n    'string'\n\n"
        + notices

    Assert.Equal(
        Some
            "'own.fsx' does not compile: line 3, column 14: FS0001: This expression was expected to have type 'int' but here has type 'string'",
        ScriptErrors.compilerError "own.fsx" (lines stderr)
    )

    Assert.Equal(None, ScriptErrors.compilerError "own.fsx" (lines notices))

[<Theory>]
[<InlineData("System.Exception: oh dear\nsecond line\n   at A.b() in c\nStopped due to error",
             "System.Exception: oh dear second line")>]
[<InlineData("Unhandled exception. System.Exception: oh dear\n   at A.b()", "System.Exception: oh dear")>]
[<InlineData("FSI_0002+Mine: Mine \"x\"\n   at A.b()\nStopped due to error", "FSI_0002+Mine: Mine \"x\"")>]
[<InlineData("System.InvalidOperationException: outer\n ---> System.Exception: inner\n   at A.b()\n   --- End of inner exception stack trace ---\n   at A.b()",
             "System.InvalidOperationException: outer")>]
[<InlineData("System.TypeInitializationException: The type initializer for 'X' threw an exception.\n ---> System.Exception: inner\nmore\n   at A.b()\n   --- End of inner exception stack trace ---\n   at A.b()",
             "System.Exception: inner more")>]
[<InlineData("System.AggregateException: One or more errors occurred. (inner)\n ---> System.Exception: inner\n   at A.b()\n   --- End of inner exception stack trace ---\n   at A.b()\n ---> (Inner Exception #1) System.Exception: second\n   at A.b()<---",
             "System.Exception: inner")>]
[<InlineData("System.Exception: a caught one\n   at A.b()\nand then\nSystem.IO.IOException: the last\n   at A.b()",
             "System.IO.IOException: the last")>]
[<InlineData("Equivariant.Core.EquivariantException: 2 problems:\nnetwork: it has no blocks\ninput \"x\": no group\n   at A.b()",
             "Equivariant.Core.EquivariantException: 2 problems: network: it has no blocks input \"x\": no group")>]
let ``an exception's message is found among notices`` (text: string, expected: string) =
    let stderr = notices + text + "\n" + notices
    Assert.Equal(Some expected, ScriptErrors.exceptionMessage (lines stderr))

[<Fact>]
let ``notices are no error and nobody's last word`` () =
    Assert.Equal(None, ScriptErrors.exceptionMessage (lines notices))
    Assert.Equal(Some "the script itself says: (3,4): something", ScriptErrors.lastWord (lines notices))
    Assert.Equal(Some "one", ScriptErrors.lastWord [ "one"; "   at A.b()"; "[W NNPACK.cpp:64] no"; "" ])
    Assert.Equal(None, ScriptErrors.lastWord [ ""; "[W NNPACK.cpp:64] Could not initialize NNPACK!" ])
