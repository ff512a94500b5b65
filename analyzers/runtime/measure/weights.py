"""How many cores each tool uses and how long it takes: measured beforehand, and learned in service.

`weights.json` in a service's folder has the figures of one quiet machine (`bench_static.py
--write`): only their relation matters. What the service measures itself is kept in its data folder,
by tool and size of the source. Neither is part of any result: they only decide the order of the
tools.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from analyzers.runtime.tool import Tool
from contract.base import Frozen

NEWEST_SHARE = 0.3
MAX_STEP = 4.0
MAX_SIZE_BITS = 40
_MIN_S = 0.01
_MAX_S = 86_400.0

logger = logging.getLogger("assay.analyzer")


class Weight(Frozen):
    """What a tool takes when it runs alone.

    Attributes:
        cores: CPU seconds per second.
        start_s: seconds for a tiny app.
        s_per_mib: further seconds for each MiB that it reads.
    """

    cores: float
    start_s: float
    s_per_mib: float = 0.0


_WEIGHTS = TypeAdapter(dict[str, Weight])
_LEARNED = TypeAdapter(dict[str, dict[int, float]])


class Weights:
    """What is expected of the tools of one service.

    Args:
        measured: by tool; without any, no tool is more urgent than another.
        learned_file: where learned figures are kept; None: nothing is learned.
    """

    def __init__(
        self, measured: Mapping[str, Weight] | None = None, learned_file: Path | None = None
    ) -> None:
        self._measured = measured or {}
        self._file = learned_file
        self._learned = self._load()
        self._is_changed = False

    def cores(self, tool: Tool) -> float:
        """Cores that the tool uses, as measured, else as the tool says itself."""
        known = self._measured.get(tool.name)
        return known.cores if known else tool.cost

    def seconds(self, name: str, size_bytes: int) -> float:
        """Seconds it may take for so many bytes; zero for no bytes or for an unknown tool."""
        known = self._measured.get(name)
        if known is None or not size_bytes:
            return 0.0
        learned = self._learned.get(name, {}).get(_bits(size_bytes))
        return learned or known.start_s + known.s_per_mib * size_bytes / 1024**2

    def learn(self, name: str, size_bytes: int, spent_s: float) -> None:
        """Move the expected time towards the measured one. A single odd run changes it little."""
        expected_s = max(self.seconds(name, size_bytes), _MIN_S)
        if name not in self._measured or not size_bytes or self._file is None:
            return
        step = min(max(spent_s / expected_s, 1 / MAX_STEP), MAX_STEP) ** NEWEST_SHARE
        by_size = self._learned.setdefault(name, {})
        by_size[_bits(size_bytes)] = round(max(expected_s * step, _MIN_S), 3)
        self._is_changed = True

    def save(self) -> None:
        """Write the learned figures, a few kilobytes. A full disk is only logged."""
        if self._file is None or not self._is_changed:
            return
        self._is_changed = False
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(_LEARNED.dump_json(self._learned))
            part.replace(self._file)
        except OSError as error:
            logger.warning("what tools took is not kept: %s", error)

    def _load(self) -> dict[str, dict[int, float]]:
        try:
            learned = _LEARNED.validate_json(self._file.read_bytes()) if self._file else {}
        except (OSError, ValidationError):
            return {}
        return {name: _sound(sizes) for name, sizes in learned.items() if name in self._measured}


def urgencies(tools: Sequence[Tool], seconds: Mapping[str, float]) -> dict[str, float]:
    """By tool: seconds that it and the longest chain of tools that wait for it may take."""
    readers = {
        tool.name: [other.name for other in tools if tool.name in other.after] for tool in tools
    }
    known: dict[str, float] = {}

    def longest(name: str, above: frozenset[str]) -> float:
        if name not in known:
            below = [
                longest(reader, above | {name}) for reader in readers[name] if reader not in above
            ]
            known[name] = seconds.get(name, 0.0) + max(below, default=0.0)
        return known[name]

    return {tool.name: longest(tool.name, frozenset({tool.name})) for tool in tools}


def read_weights(path: Path) -> dict[str, Weight]:
    """The figures measured beforehand; empty if the service has no such file."""
    try:
        return _WEIGHTS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}


def as_json(measured: Mapping[str, Weight]) -> str:
    """The text of a `weights.json`, a line for each tool."""
    lines = [f" {json.dumps(n)}: {json.dumps(w.model_dump())}" for n, w in sorted(measured.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _sound(sizes: Mapping[int, float]) -> dict[int, float]:
    """The figures without those that only a damaged file can have."""
    return {bits: s for bits, s in sizes.items() if 0 < bits <= MAX_SIZE_BITS and 0 < s < _MAX_S}


def _bits(size_bytes: int) -> int:
    return min(size_bytes.bit_length(), MAX_SIZE_BITS)
