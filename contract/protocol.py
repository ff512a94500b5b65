"""Analyzer protocol v1.1: the frames of one WebSocket connection (`docs/protocol.md`).

Control frames are JSON text messages, one frame each. A `chunk` frame announces exactly one binary
message, which follows at once. One connection may carry several subtasks, one after another or
interleaved; every frame names its subtask. The order of frames is that of `contract/stream.py`.
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.json_schema import models_json_schema

from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.base import Frozen
from contract.errors import ErrorCode
from contract.health import AnalyzerHealth

SUBPROTOCOL = "assay.analyzer.v1"
MAX_FRAME_BYTES = 8 * 1024 * 1024
MAX_ID_CHARS = 512
CHUNK_BYTES = 1024 * 1024
DEFAULT_MAX_RESULT_BYTES = 1024**3
MAX_REPORT_BYTES = 16 * 1024 * 1024  # read as a whole, which takes five times as much memory
PROGRESS_INTERVAL_S = 5.0
MAX_WAITING_S = 600.0  # for cores that other runs hold: it does not count as the run's own time
DIRECT_MIN_BYTES = 16 * 1024 * 1024  # below that, reading a folder saves nothing
REPORT_MEMBER = "report.json"
REQUEST_DIGEST_HEADER = "Assay-Request-Digest"


class Analyze(Frozen):
    """Client: start this run, or attach to it; send the result from byte `resume_from` on.

    Attributes:
        direct: the client may be able to read the analyzer's folder: for a large result, send the
            path instead of the bytes.
        secrets: values of the request's options that are references. They stay in memory.
        trace: the client's span, as fields of W3C Trace Context (`traceparent`, `tracestate`);
            empty: the client records none. Since minor version 1; no part of the request.
    """

    type: Literal["analyze"] = "analyze"
    request: SubtaskRequest
    resume_from: Annotated[int, Field(ge=0)] = 0
    direct: bool = False
    secrets: dict[str, str] = Field(default={}, repr=False)
    trace: dict[str, str] = {}


class Ack(Frozen):
    """Client: it has stored the result, so the service may forget it.

    Attributes:
        sha256: of the stored archive; empty: of any.
    """

    type: Literal["ack"] = "ack"
    subtask_id: str
    sha256: str = ""


class Cancel(Frozen):
    """Client: end this run and all its processes."""

    type: Literal["cancel"] = "cancel"
    subtask_id: str


class Progress(Frozen):
    """Service: still at work; at least one each `PROGRESS_INTERVAL_S`.

    Attributes:
        done, total: finished and planned tools.
        running: tools at work now.
        waiting: tools that have begun and do no work: they wait for a share of the processors, for
            their canary, or for the result cache.
    """

    type: Literal["progress"] = "progress"
    subtask_id: str
    done: int
    total: int
    running: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    message: str = ""


class Chunk(Frozen):
    """Service: the next binary message is bytes `offset`..`offset+size` of the result archive."""

    type: Literal["chunk"] = "chunk"
    subtask_id: str
    sequence: int
    offset: int
    size: int
    sha256: str


class Completed(Frozen):
    """Service: the run ended and every chunk was sent; digest and size are of the whole archive.

    Attributes:
        path: of the archive, if it was sent instead of chunks.
    """

    type: Literal["completed"] = "completed"
    subtask_id: str
    size_bytes: int
    sha256: str
    path: str = ""


class Failed(Frozen):
    """Service: the platform failed. Always last, instead of `completed`."""

    type: Literal["failed"] = "failed"
    subtask_id: str
    code: ErrorCode
    message: str
    retry_after_s: float | None = None


ClientFrame = Annotated[Analyze | Ack | Cancel, Field(discriminator="type")]
ServiceFrame = Annotated[Progress | Chunk | Completed | Failed, Field(discriminator="type")]
CLIENT_FRAMES: TypeAdapter[Analyze | Ack | Cancel] = TypeAdapter(ClientFrame)
SERVICE_FRAMES: TypeAdapter[Progress | Chunk | Completed | Failed] = TypeAdapter(ServiceFrame)


def request_digest(request: SubtaskRequest) -> str:
    """Identity of a request. Requests that differ in the deadline alone are the same."""
    body = request.model_dump_json(exclude={"deadline_s"})
    return hashlib.sha256(body.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """Everything on the wire as one JSON Schema: `docs/protocol.schema.json`.

    Fields with a default may be missing in what a client sends, not in what it receives.
    """
    sent = (Analyze, Ack, Cancel)
    received = (Progress, Chunk, Completed, Failed, AnalyzerReport, AnalyzerHealth)
    _, schema = models_json_schema(
        [
            *((model, "validation") for model in sent),
            *((model, "serialization") for model in received),
        ],
        title=SUBPROTOCOL,
    )
    return schema
