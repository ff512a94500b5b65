"""The one line of a log that names the cause, whether pip, npm or an app printed it.

Logs are hostile text: control characters and escape sequences are removed, lines are cut.
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_CHARS = 300
_LOOK_BACK = 300
_LINE_CHARS = 1_000
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")

_NPM = re.compile(r"^npm (?:ERR!|error)\s?(.*)$")
_NPM_CODE = re.compile(r"^code (E[A-Z0-9_]+)$")
# npm prints these about a command that it ran: the command's own output stands above.
_NPM_CARRIER = re.compile(r"^code (?:ELIFECYCLE|\d+|1)$|^command |^Lifecycle script|^errno \d+$")
_NPM_NOISE = re.compile(
    r"^$|complete log of this run|^[ /~].*debug|^node_modules|^path |^workspace |^location "
    r"|^errno|^syscall|^Note that you can also|^In most cases|^notsup (?:Required|Actual)"
    r"|^For a full report|^Fix the upstream|^this command with|^to accept an incorrect|^gyp info"
    r"|^A complete log|^while resolving|^Found:|^  |^404 *$|^404 (?:Note|tarball|http)",
    re.IGNORECASE,
)
_PIP = re.compile(r"^ERROR: (?!Exception:|Ignored the following|pip's dependency resolver)(.+)")
_PIP_BEST = re.compile(r"No matching distribution|ResolutionImpossible|Invalid requirement")
# A server says this about the program it was given; the cause stands above.
_WRAPPER = re.compile(
    r"HaltServer|Worker failed to boot|App failed to load|Application startup failed"
    r"|^SystemExit: \d+$|CalledProcessError|subprocess-exited-with-error|metadata-generation-failed"
    r"|^KeyboardInterrupt|CancelledError",
)
_EXCEPTION = re.compile(
    r"^(?:\[[^\]]{0,40}\] ?)?(?:Uncaught )?"
    r"((?:[A-Za-z_][\w.$]{0,120}\.)?[A-Z]\w{0,80}(?:Error|Exception|Exit|Fault|Warning|NotFound\w*"
    r"|Interrupt|Configured|DoesNotExist)(?: \[\w+\])?(?:: .*)?)$"
)
_NODE_ERROR = re.compile(r"^((?:Error|\w+Error)(?: \[\w+\])?: .+)$")
_SYNTAX_PLACE = re.compile(r'^\s*File "([^"]{1,300})", line (\d+)')
_NODE_PLACE = re.compile(r"^(?:file://)?(/[^\s:]{1,300}):(\d+)$")
_ERROR_LINE = re.compile(
    r"^\s*(?:E: |fatal\b|.{0,80}\berror\b ?(?:TS\d+|\[|:|during)|panic:|nginx: \[emerg\]"
    r"|.{0,40}\[(?:FATAL|CRITICAL|ERROR|emerg)\b)",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"^(?:Step \d+/\d+ : |---> |Removing intermediate|The command '|Node\.js v\d|\[notice\]"
    r"|WARNING: Running pip|\s*at .{0,300}[:)]$|\s*\^+\s*$|\s*~*\^+~*\s*$|\s*[{}\])]+\s*$"
    r"|Traceback \(most|  File \"|Sending build context"
    r"|.{0,60}\[INFO\]|INFO: |.{0,60}(?:Worker exiting|Shutting down: Master|Reason: Worker))"
)


def plain(text: str) -> str:
    """`text` without escape sequences and control characters; of overwritten lines, the last."""
    text = _ESCAPE.sub("", text)
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    kept = ("".join(filter(_printable, line[:_LINE_CHARS])).rstrip() for line in lines)
    return "\n".join(kept)


def _printable(character: str) -> bool:
    return character == "\t" or unicodedata.category(character)[0] != "C"


def cause_line(log: str | bytes) -> str:
    """The line of `log` that names the cause, else its last; empty if `log` is."""
    return _cut(_error(lines := _lines(log)) or _last(lines))


def error_line(log: str | bytes) -> str:
    """The line of `log` that names the cause; empty when no line is an error (an access log)."""
    return _cut(_error(_lines(log)))


def _lines(log: str | bytes) -> list[str]:
    text = log.decode(errors="replace") if isinstance(log, bytes) else log
    return [line for line in plain(text[-400_000:]).split("\n") if line.strip()][-_LOOK_BACK:]


def _error(lines: Sequence[str]) -> str:
    return _of_npm(lines) or _of_pip(lines) or _of_exception(lines) or _of_error(lines)


def _cut(text: str) -> str:
    return " ".join(text.split())[:MAX_CHARS]


def _of_npm(lines: Sequence[str]) -> str:
    """The error of npm itself; empty where npm only repeats the output of another command."""
    own = [match[1].rstrip() for line in lines if (match := _NPM.match(line))]
    if not own or any(_NPM_CARRIER.match(line) for line in own):
        return ""
    codes = [match[1] for line in own if (match := _NPM_CODE.match(line))]
    lines_left = [line for line in own if not _NPM_CODE.match(line) and not _NPM_NOISE.search(line)]
    if not lines_left:
        return ""
    best = next((line for line in lines_left if "not in this registry" in line), lines_left[0])
    if "ERESOLVE" in (codes or ()):
        best += next((f"; {line.strip()}" for line in own if re.match(r"\s*peer ", line)), "")
    best = re.sub(r"^(?:notarget|404|ERESOLVE|notsup|enoent|code) +", "", best.strip())
    return f"npm {codes[0]}: {best}" if codes else f"npm: {best}"


def _of_pip(lines: Sequence[str]) -> str:
    found = [match[0] for line in lines if (match := _PIP.match(line))]
    return next((line for line in found if _PIP_BEST.search(line)), "")


def _of_exception(lines: Sequence[str]) -> str:
    """The last exception that is not merely a server's wrapper, a syntax error with its place.

    An exception stands at the beginning of a line. The last one of a chain ended the program.
    """
    for number in range(len(lines) - 1, -1, -1):
        match = _EXCEPTION.match(lines[number]) or _NODE_ERROR.match(lines[number])
        if match is None or _WRAPPER.search(match[1]):
            continue
        return match[1] + _place(lines, number, match[1])
    return ""


def _place(lines: Sequence[str], number: int, text: str) -> str:
    """` (app.py, line 3)` of a syntax error: the only exception whose own line says too little."""
    if not re.match(r"(?:Syntax|Indentation|Tab)Error", text):
        return ""
    for line in reversed(lines[max(0, number - 6) : number]):
        if match := (_SYNTAX_PLACE.match(line) or _NODE_PLACE.match(line)):
            return f" ({match[1].rpartition('/')[2]}, line {match[2]})"
    return ""


def _of_error(lines: Sequence[str]) -> str:
    """The last line that begins like an error; the line after it where it ends with a colon."""
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if _NPM.match(line) or _NOISE.match(line) or _WRAPPER.search(line):
            continue
        if _ERROR_LINE.match(line):
            more = lines[number + 1] if line.endswith(":") and number + 1 < len(lines) else ""
            return f"{line.strip()} {more.strip()}".strip()
        if match := _PIP.match(line):
            return match[0]
    return ""


def _last(lines: Sequence[str]) -> str:
    own = (line for line in reversed(lines) if not _NOISE.match(line) and not _NPM.match(line))
    return next(own, "") or (lines[-1] if lines else "")
