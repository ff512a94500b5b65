"""Reads a SARIF log of somebody else as a stream: memory is bounded, whatever the file holds.

Source: SARIF 2.1.0 (OASIS Standard, 27 March 2020); sections are named where they decide.
"""

import codecs
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from contract.errors import ErrorCode, PlatformError

MAX_LOG_BYTES = 512 * 1024**2
MAX_RESULTS = 25_000
"""Of one run: the limit of GitHub code scanning, too."""
_MAX_RUNS, _MAX_RULES, _MAX_TEXT_BYTES, _MAX_DEPTH = 100, 50_000, 16 * 1024**2, 100
# Values that are kept of a whole log, about 150 bytes each; a text longer than this is cut.
_MAX_VALUES, _MAX_CHARS = 3_000_000, 8_000
# What is read of a result and of a rule; taint paths, fixes and the like are passed over.
_OF_RESULT = frozenset(
    {"ruleId", "ruleIndex", "rule", "message", "level", "kind", "baselineState", "suppressions"}
    | {"locations", "properties", "taxa"}
)
_OF_RULE = frozenset(
    {"id", "shortDescription", "properties", "relationships", "defaultConfiguration"}
)
_VERSION = "2.1.0"
_BEGINS, _ENDS = frozenset({"start_map", "start_array"}), frozenset({"end_map", "end_array"})


@dataclass(slots=True)
class SarifRun:
    """One run of a log, as it stands there.

    Attributes:
        driver: the tool component that made it (3.18.2).
        rules: of the driver, then of its extensions; each with `id`.
        results: None: there is no such property: nothing was searched for (3.14.23).
        files: how many artifacts it lists (3.14.15).
        successful: what its invocations say (3.20.14); None: there is none.
        bases: locations that stand for `uriBaseId` (3.14.14).
    """

    driver: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] | None = None
    files: int = 0
    successful: bool | None = None
    bases: dict[str, Any] = field(default_factory=dict)


def read_log(path: Path) -> list[SarifRun]:
    """The runs of a log.

    Raises:
        PlatformError: INVALID_ARGUMENT: it is no SARIF 2.1.0 log in UTF-8, or is above a limit.
    """
    import ijson  # late: no other command needs it

    try:
        size = path.stat().st_size
        if size > MAX_LOG_BYTES:
            raise _refused(path, f"it has {size} bytes, more than {MAX_LOG_BYTES}")
        with path.open("rb") as file:
            events = ijson.basic_parse(_Bounded(path, file), use_float=True)
            return _Reader(path, events).log()
    except OSError as error:
        raise _refused(path, str(error.strerror)) from error
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        raise _refused(path, f"it is no JSON in UTF-8: {_first_line(error)}") from error


class _Bounded:
    """A file without its byte order mark, in which no text may fill the memory."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._begun = False
        self._since_quote = 0

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        if not self._begun and block:
            self._begun = True
            if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise _refused(self._path, "it is UTF-16; SARIF is UTF-8 (3.1)")
            block = block.removeprefix(codecs.BOM_UTF8)
        at = block.rfind(b'"')
        self._since_quote = len(block) - at if at >= 0 else self._since_quote + len(block)
        if self._since_quote > _MAX_TEXT_BYTES:
            raise _refused(self._path, f"a text has more than {_MAX_TEXT_BYTES} bytes")
        return block


class _Reader:
    """Walks through the events of a JSON text and keeps what is asked of a log."""

    def __init__(self, path: Path, events: Iterator[tuple[str, Any]]) -> None:
        self._path = path
        self._events = events
        self._left = _MAX_VALUES

    def log(self) -> list[SarifRun]:
        """The runs; anything after the log is ignored."""
        if self._next() != ("start_map", None):
            raise _refused(self._path, "it is no object")
        version, runs = None, list[SarifRun]()
        for key in self._keys():
            if key == "version":
                version = self._value()
                if version != _VERSION:
                    raise _refused(self._path, f"its version is {version!r:.40}, not {_VERSION}")
            elif key == "runs":
                self._each(lambda: runs.append(self._run()), _MAX_RUNS, "runs")
            else:
                self._skip()
        if version is None:
            raise _refused(self._path, "it names no version of SARIF")
        return runs

    def _run(self) -> SarifRun:
        run = SarifRun()
        for key in self._keys():
            if key == "tool":
                self._tool(run)
            elif key == "results":
                run.results = self._objects(MAX_RESULTS, "results", _OF_RESULT)
            elif key == "artifacts":
                run.files = self._count()
            elif key == "invocations":
                run.successful = _successful(self._value())
            elif key == "originalUriBaseIds":
                bases = self._value()
                run.bases = bases if isinstance(bases, dict) else {}
            else:
                self._skip()
        return run

    def _tool(self, run: SarifRun) -> None:
        for key in self._keys():
            if key == "driver":
                run.driver, rules = self._component()
                run.rules = rules + run.rules
            elif key == "extensions":
                self._each(lambda: run.rules.extend(self._component()[1]), _MAX_RUNS, "extensions")
            else:
                self._skip()

    def _component(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A tool component without its rules, and its rules."""
        component: dict[str, Any] = {}
        rules: list[dict[str, Any]] = []
        for key in self._keys():
            if key == "rules":
                rules = self._objects(_MAX_RULES, "rules", _OF_RULE) or []
            elif key in ("name", "version", "semanticVersion", "informationUri"):
                component[key] = self._value()
            else:
                self._skip()
        return component, rules

    def _keys(self) -> Iterator[str]:
        """Keys of the object that comes or has begun; whoever takes one reads its value."""
        kind, value = self._next()
        if kind == "start_map":
            kind, value = self._next()
        while kind != "end_map":
            if kind != "map_key":
                raise _refused(self._path, "an object was expected")
            yield value
            kind, value = self._next()

    def _each(self, take: Callable[[], None], most: int, what: str) -> bool:
        """Call `take` for each item of the array that comes; False where it is null."""
        kind, _ = self._next()
        if kind == "null":
            return False
        if kind != "start_array":
            raise _refused(self._path, f"`{what}` is no array")
        for number in range(most + 1):
            first = self._next()
            if first[0] == "end_array":
                return True
            if first[0] != "start_map":
                raise _refused(self._path, f"`{what}` holds something that is no object")
            if number == most:
                break
            take()
        raise _refused(self._path, f"it has more than {most:,} {what}", "split it")

    def _count(self) -> int:
        """How many items the array that comes has; 0 for anything else."""
        kind = self._next()[0]
        if kind != "start_array":
            self._leave(kind)
            return 0
        count = 0
        while (kind := self._next()[0]) != "end_array":
            self._leave(kind)
            count += 1
        return count

    def _objects(self, most: int, what: str, keys: Collection[str]) -> list[dict[str, Any]] | None:
        """These keys of the items of the array that comes; None where it is null."""
        items: list[dict[str, Any]] = []
        there = self._each(lambda: items.append(self._kept(keys)), most, what)
        return items if there else None

    def _kept(self, keys: Collection[str]) -> dict[str, Any]:
        """These keys of an object that has begun."""
        members: dict[str, Any] = {}
        while (event := self._next())[0] != "end_map":
            if event[1] in keys:
                members[event[1]] = self._value()
            else:
                self._skip()
        return members

    def _value(self) -> Any:
        return self._inner(self._next(), -1)

    def _rest(self, kind: str, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise _refused(self._path, f"it is nested more than {_MAX_DEPTH} deep")
        if kind == "start_array":
            items: list[Any] = []
            while (event := self._next())[0] != "end_array":
                items.append(self._inner(event, depth))
            return items
        members: dict[str, Any] = {}
        while (event := self._next())[0] != "end_map":
            members[event[1]] = self._inner(self._next(), depth)
        return members

    def _inner(self, event: tuple[str, Any], depth: int) -> Any:
        kind, value = event
        self._left -= 1
        if self._left < 0:
            raise _refused(self._path, f"it holds more than {_MAX_VALUES:,} values", "split it")
        if kind in _BEGINS:
            return self._rest(kind, depth + 1)
        return value[:_MAX_CHARS] if isinstance(value, str) else value

    def _skip(self) -> None:
        self._leave(self._next()[0])

    def _leave(self, kind: str) -> None:
        """Read to the end of a value that begins with `kind`."""
        depth = int(kind in _BEGINS)
        while depth:
            kind = self._next()[0]
            depth += (kind in _BEGINS) - (kind in _ENDS)

    def _next(self) -> tuple[str, Any]:
        event = next(self._events, None)
        if event is None:
            raise _refused(self._path, "it ends too early")
        return event


def _successful(invocations: Any) -> bool | None:
    told = [
        item.get("executionSuccessful")
        for item in (invocations if isinstance(invocations, list) else ())
        if isinstance(item, dict)
    ]
    known = [value for value in told if isinstance(value, bool)]
    return all(known) if known else None


def _first_line(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split())[:200]


def _refused(path: Path, why: str, next_step: str = "") -> PlatformError:
    message = f"{path} is no SARIF log that can be read: {why}"
    return PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step)
