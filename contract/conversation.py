"""Both ends of one connection: which messages may be sent, and what those that come mean.

Nothing here reads or writes: each end hands in the messages that came and gets frames, and asks for
the messages to send. `ServiceConversation` is the analyzer's end, `ClientConversation` the other
one. States, order and errors are those of `contract/stream.py`.

The service answers a `ProtocolError` with `failed INVALID_ARGUMENT` and goes on. The client cannot
trust what comes after one: its conversation is broken, and the connection must be closed.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from contract.base import first_problem
from contract.errors import ErrorCode
from contract.protocol import (
    CHUNK_BYTES,
    CLIENT_FRAMES,
    MAX_ID_CHARS,
    SERVICE_FRAMES,
    Ack,
    Analyze,
    Cancel,
    Chunk,
    Completed,
    Failed,
    Progress,
)
from contract.stream import (
    BytesMissing,
    BytesNotAnnounced,
    FrameNotAwaited,
    FrameNotUnderstood,
    FrameOutOfOrder,
    FrameRefused,
    InvalidState,
    ProtocolError,
    ServiceFrames,
    State,
    Stream,
)

Frame = TypeVar("Frame")


@dataclass(frozen=True, slots=True)
class Received:
    """A chunk and as many bytes as it announced; `is_sound` says whether they are the right."""

    chunk: Chunk
    data: bytes

    def is_sound(self) -> bool:
        """Whether the bytes have the chunk's digest. Blocking for some milliseconds."""
        return hashlib.sha256(self.data).hexdigest() == self.chunk.sha256


class ClientConversation:
    """The client's end: what may be sent, and what the messages of the service mean.

    A subtask that is cancelled, or whose stream ended, may be asked for again after its last frame.

    Attributes:
        broken: whether the service broke the protocol: the connection is of no more use.
    """

    def __init__(self) -> None:
        self.broken = False
        self._streams: dict[str, Stream] = {}
        self._announced: Chunk | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing more will come, so that the connection may serve the next subtask."""
        return not (self._streams or self.broken)

    def analyze(self, frame: Analyze) -> str:
        """The message that asks for a subtask.

        Raises:
            InvalidState: this connection follows the subtask already.
        """
        subtask_id = frame.request.subtask_id
        if subtask_id in self._streams:
            raise InvalidState(subtask_id, "asked for again before its last frame came")
        self._streams[subtask_id] = Stream(subtask_id, frame.resume_from, frame.direct)
        return frame.model_dump_json()

    def acknowledge(self, frame: Ack) -> str:
        """The message that lets a result go. Nothing answers it."""
        return frame.model_dump_json()

    def cancel(self, frame: Cancel) -> str:
        """The message that ends a run: its last frame, or a `failed` of its own, answers it."""
        state = State.CANCELLING
        self._streams.setdefault(frame.subtask_id, Stream(frame.subtask_id, state=state))
        return frame.model_dump_json()

    def receive(self, message: str | bytes) -> Progress | Received | Completed | Failed | None:
        """What a message of the service means; None: nothing yet, or nothing any more.

        Raises:
            ProtocolError: it breaks the protocol; the conversation is broken from then on.
            InvalidState: it was broken before.
        """
        if self.broken:
            raise InvalidState("", "the service broke the protocol before")
        try:
            if isinstance(message, bytes):
                return self._bytes(message)
            return self._frame(message)
        except ProtocolError:
            self.broken = True
            raise

    def _bytes(self, data: bytes) -> Received:
        chunk, self._announced = self._announced, None
        if chunk is None:
            raise BytesNotAnnounced("", f"{len(data)} bytes came that no chunk announced")
        if len(data) != chunk.size:
            reason = f"chunk at {chunk.offset} announced {chunk.size} bytes, {len(data)} came"
            raise BytesMissing(chunk.subtask_id, reason)
        return Received(chunk, data)

    def _frame(self, text: str) -> Progress | Completed | Failed | None:
        if self._announced:
            raise BytesMissing(self._announced.subtask_id, "a chunk was announced and none came")
        frame = _understood(SERVICE_FRAMES, text)
        stream = self._streams.get(frame.subtask_id)
        if stream is None:
            return _not_awaited(frame)
        stream.step(frame)
        if stream.state is State.ENDED:
            del self._streams[frame.subtask_id]
        if isinstance(frame, Chunk):
            self._announced = frame
            return None
        return frame


def _not_awaited(frame: ServiceFrames) -> None:
    """A cancel that came too late is answered, too: by a `failed` that nobody waits for."""
    if not isinstance(frame, Failed):
        raise FrameNotAwaited(frame.subtask_id, f"{frame.type} of {frame.subtask_id} came unasked")
    if not frame.subtask_id:
        raise FrameRefused("", f"the analyzer refused a frame: {frame.message}")


class ServiceConversation:
    """The analyzer's end: what a client's messages mean, and the messages that answer them."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}

    def receive(self, message: str | bytes) -> Analyze | Ack | Cancel:
        """The client's frame.

        Raises:
            ProtocolError: it is none; `refuse` is the answer, and the conversation goes on.
        """
        if isinstance(message, bytes):
            raise BytesNotAnnounced("", "binary messages are sent by the service only")
        return _understood(CLIENT_FRAMES, message)

    def follows(self, subtask_id: str) -> bool:
        """Whether the client still waits here for the last frame of this subtask."""
        return subtask_id in self._streams

    def begin(self, frame: Analyze) -> None:
        """Answer this request from now on. Nobody may still send for an earlier one."""
        subtask_id = frame.request.subtask_id
        self._streams[subtask_id] = Stream(subtask_id, frame.resume_from, frame.direct)

    def progress(self, frame: Progress) -> str:
        """The message that says what goes on.

        Raises:
            InvalidState: no request of the subtask is open, or its result is being sent.
        """
        return self._step(frame)

    def chunk(self, subtask_id: str, data: bytes, sha256: str = "") -> tuple[str, bytes]:
        """The two messages that bring the next bytes; nothing may be sent between them.

        `sha256` is of `data`, where it is known.

        Raises:
            InvalidState: no request of the subtask is open, or the data is no next chunk.
        """
        offset = self._stream(subtask_id).offset
        chunk = Chunk(
            subtask_id=subtask_id,
            sequence=offset // CHUNK_BYTES,
            offset=offset,
            size=len(data),
            sha256=sha256 or hashlib.sha256(data).hexdigest(),
        )
        return self._step(chunk), data

    def completed(self, frame: Completed) -> str:
        """The message that ends a subtask with its result.

        Raises:
            InvalidState: no request of the subtask is open, or not all bytes were sent.
        """
        return self._step(frame)

    def failed(self, frame: Failed) -> str:
        """The message that ends a subtask without a result, or answers what began none."""
        if self.follows(frame.subtask_id):
            return self._step(frame)
        return frame.model_dump_json()

    def refuse(self, error: ProtocolError) -> str:
        """The answer to a message that broke the protocol. It ends no subtask that goes on."""
        subtask_id = "" if self.follows(error.subtask_id) else error.subtask_id
        code = ErrorCode.INVALID_ARGUMENT
        return Failed(subtask_id=subtask_id, code=code, message=error.reason).model_dump_json()

    def _stream(self, subtask_id: str) -> Stream:
        try:
            return self._streams[subtask_id]
        except KeyError:
            raise InvalidState(subtask_id, "no request of it is open here") from None

    def _step(self, frame: ServiceFrames) -> str:
        stream = self._stream(frame.subtask_id)
        try:
            stream.step(frame)
        except FrameOutOfOrder as error:
            raise InvalidState(frame.subtask_id, error.reason) from error
        if stream.state is State.ENDED:
            del self._streams[frame.subtask_id]
        return frame.model_dump_json()


def _understood(frames: TypeAdapter[Frame], text: str) -> Frame:
    try:
        return frames.validate_json(text)
    except ValidationError as error:
        reason = f"frame not understood: {first_problem(error)}"
        raise FrameNotUnderstood(_named_subtask(text), reason) from error


def _named_subtask(text: str) -> str:
    """The subtask that a frame names although it is not understood; empty where it names none.

    Empty, too, for an ID that is too long to be sent back whole.
    """
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    inner = frame.get("request", frame) if isinstance(frame, dict) else None
    found = inner.get("subtask_id", "") if isinstance(inner, dict) else ""
    shown = found if isinstance(found, str) else ""
    named = shown.encode("utf-8", "replace").decode()
    return named if len(named) <= MAX_ID_CHARS else ""
