"""The names of the analyzers' tools, and their options. Loaded only when asked for.

The options are light. The names come from the adapters themselves, which are not: only a spec that
names tools has to wait for them.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from contract.analyzers import AnalyzerKind
from contract.base import Authored


class _Named(Protocol):
    name: str


def tools_of(kind: AnalyzerKind) -> tuple[str, ...]:
    """Names of an analyzer's tools, in the order of its reports."""
    tools: Sequence[_Named] = import_module(f"analyzers.{kind}.tools").TOOLS
    return tuple(tool.name for tool in tools)


def options_of(kind: AnalyzerKind) -> type[Authored]:
    """The model of an analyzer's options."""
    options: type[Authored] = import_module(f"analyzers.{kind}.options").OPTIONS
    return options
