"""BuildKit's progress, as the engine streams it: protobuf messages in base64, one per line.

The messages are those of BuildKit's `control.proto` (`StatusResponse`); unused fields are left out.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_TYPES = descriptor_pb2.FieldDescriptorProto
_EXIT = re.compile(r"exit code: (\d+)\s*$")
_COUNTED = re.compile(r"^\[(?:\S+ )?\s*\d+/\d+\] (.+)$", re.DOTALL)
_STEP_BYTES = 1_048_576


def _message_class() -> Any:
    """The class of `StatusResponse`, made without a protocol compiler."""
    file = descriptor_pb2.FileDescriptorProto(
        name="assay/buildkit.proto", package="assay.buildkit", syntax="proto3"
    )
    fields = {
        "Time": [("seconds", 1, "int64"), ("nanos", 2, "int32")],
        "Vertex": [
            ("digest", 1, "string"), ("name", 3, "string"), ("cached", 4, "bool"),
            ("started", 5, "Time"), ("completed", 6, "Time"), ("error", 7, "string"),
        ],
        "Log": [("vertex", 1, "string"), ("msg", 4, "bytes")],
        "Status": [("vertexes", 1, "Vertex*"), ("logs", 3, "Log*")],
    }  # fmt: skip
    for name, members in fields.items():
        made = file.message_type.add(name=name)
        for member, number, kind in members:
            bare = kind.rstrip("*")
            label = _TYPES.LABEL_REPEATED if kind.endswith("*") else _TYPES.LABEL_OPTIONAL
            descriptor = made.field.add(name=member, number=number, label=label)
            if bare in fields:
                descriptor.type, descriptor.type_name = (
                    _TYPES.TYPE_MESSAGE,
                    f".assay.buildkit.{bare}",
                )
            else:
                descriptor.type = _TYPES.Type.Value(f"TYPE_{bare.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("assay.buildkit.Status"))


_STATUS: Any = _message_class()


@dataclass(slots=True)
class Step:
    """One step: its name, its output (the first MiB), and its error."""

    number: int
    name: str
    log: list[str] = field(default_factory=list[str])
    size: int = 0
    error: str = ""
    cached: bool = False
    running: bool = False


@dataclass(slots=True)
class Trace:
    """The messages of a build so far."""

    steps: dict[str, Step] = field(default_factory=dict[str, Step])

    def take(self, encoded: str) -> list[str]:
        """Read one message; returns lines for people. An unreadable message is ignored."""
        status = _STATUS()
        try:
            status.ParseFromString(base64.b64decode(encoded, validate=True))
        except (DecodeError, binascii.Error, ValueError):
            return []
        lines = [line for vertex in status.vertexes for line in self._vertex(vertex)]
        return lines + [line for log in status.logs for line in self._log(log)]

    def _vertex(self, vertex: Any) -> list[str]:
        new = vertex.digest not in self.steps
        step = self.steps.setdefault(vertex.digest, Step(len(self.steps) + 1, vertex.name))
        begun = vertex.HasField("started") and not step.running and new | (not step.cached)
        step.running = vertex.HasField("started") and not vertex.HasField("completed")
        step.cached = step.cached or vertex.cached
        step.error = vertex.error or step.error
        if step.error and vertex.error:
            return [f"#{step.number} ERROR: {step.error}"]
        return [f"#{step.number} {step.name}"] if begun and step.running else []

    def _log(self, log: Any) -> list[str]:
        step = self.steps.get(log.vertex)
        if step is None or step.size > _STEP_BYTES:
            return []
        step.size += len(log.msg)
        text = log.msg.decode(errors="replace")
        step.log.append(text)
        return text.splitlines()

    def failed(self) -> Step | None:
        """The step that failed by itself; the last of several. Others were cancelled for it."""
        found = [step for step in self.steps.values() if step.error]
        own = [step for step in found if not step.error.rstrip().endswith("context canceled")]
        return (own or found or [None])[-1]

    def at_work(self) -> Step | None:
        """The step that runs, or failed, or was the last."""
        running = [step for step in self.steps.values() if step.running]
        return self.failed() or (running or list(self.steps.values()) or [None])[-1]

    def text(self) -> list[str]:
        """All steps with their output, the failed one last."""
        failed = self.failed()
        found: list[str] = []
        for step in sorted(self.steps.values(), key=lambda step_now: step_now is failed):
            found.append(f"#{step.number} {step.name}{' CACHED' if step.cached else ''}\n")
            found += step.log
            if step.log and not step.log[-1].endswith("\n"):
                found.append("\n")
            if step.error:
                found.append(f"#{step.number} ERROR: {step.error}\n")
        return found


def instruction_of(step: Step | None) -> str:
    """The instruction of a step, without its position."""
    match = _COUNTED.match(step.name) if step else None
    return match[1] if match else (step.name if step else "")


def exit_code_of(error: str) -> int | None:
    """The exit code that an error of a step ends with."""
    match = _EXIT.search(error)
    return int(match[1]) if match else None
