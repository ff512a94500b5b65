"""Dockerfiles as the reference parser reads them: BuildKit's own, from PyPI's `dockerfile`.

It is a library in Go and runs in its own process: a stranger's file can then use up only that
process's time, and neither a crash nor signal handlers reach the worker.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from clients import blame
from clients.blame import fault

MAX_BYTES = 1_048_576
_CPU_S = 10
_PROGRAM = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({_CPU_S}, {_CPU_S}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.path.append(sys.argv[1])
import dockerfile
try:
    read = dockerfile.parse_string(sys.stdin.buffer.read().decode("utf-8"))
except dockerfile.GoParseError as error:
    json.dump(str(error), sys.stdout)
else:
    json.dump([[one.cmd.upper(), one.flags, one.value, one.start_line, one.end_line, one.original]
               for one in read], sys.stdout)
"""
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][\w-]*)\s*=\s*(.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        word: in capitals.
        flags: `--name=value`, unquoted.
        values: its arguments.
        first, last: its lines, from 0, with here-documents. Below 0: we made the instruction.
        text: without comments, on one line except for here-documents.
    """

    word: str
    flags: tuple[str, ...]
    values: tuple[str, ...]
    first: int
    last: int
    text: str

    @property
    def heredoc(self) -> bool:
        """Whether it holds a here-document: only those keep their line ends."""
        return "\n" in self.text


@dataclass(frozen=True, slots=True)
class Parsed:
    """A Dockerfile as written, without a byte order mark, and its instructions."""

    lines: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    directives: dict[str, str]


def parse(text: str) -> Parsed:
    """Read a Dockerfile. Blocking, about 0.05 s.

    Raises:
        AppFault: no builder would read it.
        PlatformError: it is too large for us, or the parser is missing.
    """
    text = text.removeprefix("\ufeff")
    data = text.encode(errors="replace")
    if len(data) > MAX_BYTES:
        refusal = f"the Dockerfile is larger than the {MAX_BYTES} bytes that this platform reads"
        raise fault(blame.UNSUPPORTED, "build", refusal)
    parsed = _parsed(data)
    if isinstance(parsed, str):
        raise fault(blame.BUILD_FAILED, "build", f"the Dockerfile cannot be parsed: {parsed[:200]}")
    found = tuple(
        Instruction(word, tuple(flags), tuple(values), first - 1, last, original)
        for word, flags, values, first, last, original in parsed
    )
    return Parsed(tuple(text.split("\n")), found, _directives(text))


def _parsed(data: bytes) -> list[tuple[str, list[str], list[str], int, int, str]] | str:
    """The parsed instructions, or the parser's error message."""
    library = find_spec("dockerfile")
    if library is None or library.origin is None:
        refusal = "Dockerfiles are not read here: `pip install dockerfile` (where PyPI has no wheel"
        raise fault(blame.UNSUPPORTED, "build", f"{refusal} for this machine, it needs Go)")
    folder = str(Path(library.origin).parent)
    argv = [sys.executable, "-I", "-S", "-c", _PROGRAM, folder]  # -S: takes a third of the time
    try:
        done = subprocess.run(
            argv, input=data, capture_output=True, timeout=3 * _CPU_S, check=False
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is not None and done.returncode == 0:
        return json.loads(done.stdout)
    refusal = (
        f"the Dockerfile is too complex for this platform: its parser gave up after {_CPU_S} s"
    )
    raise fault(blame.UNSUPPORTED, "build", refusal)


def _directives(text: str) -> dict[str, str]:
    """`# name=value` lines at the very top; the parser does not return them."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found
