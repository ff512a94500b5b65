"""The order of the service's frames about one subtask, and what breaks it: the protocol's core.

Nothing here reads or writes. Both ends keep one `Stream` per subtask (`contract/conversation.py`):
the service takes a step in it before it sends a frame, the client when it has received one. One
table says which frame may come in which state:

                 progress               chunk
                  .----.               .-----.
                  v    |               v     |
    analyze ---> WORKING -- chunk --> SENDING -- completed, failed --> ENDED
                  |                                                     ^
                  '---- completed, failed ------------------------------+
    cancel ----> CANCELLING -- failed ----------------------------------'
    (of a subtask that this connection does not follow)

Errors:

    ConversationError
    ├── InvalidState             this end did something out of turn: a defect of the caller
    └── ProtocolError            the peer broke the protocol
        ├── FrameNotUnderstood   a text message is no frame of this version
        ├── FrameRefused         the service did not understand a frame of the client
        ├── FrameNotAwaited      a frame of a subtask that this connection does not follow
        ├── FrameOutOfOrder      a frame that may not come in the state of its subtask
        │   ├── ChunkMisplaced   not the next bytes of the archive, or too many
        │   └── ResultIncomplete `completed` before the last byte
        ├── BytesNotAnnounced    a binary message without a chunk frame before it
        └── BytesMissing         a chunk frame without its bytes after it
"""

from dataclasses import dataclass
from enum import StrEnum

from contract.protocol import CHUNK_BYTES, Chunk, Completed, Failed, Progress

ServiceFrames = Progress | Chunk | Completed | Failed


class ConversationError(Exception):
    """Something that may not happen now.

    Attributes:
        subtask_id: the subtask of the frame; empty if it is not known.
        reason: what is wrong, for people.
    """

    def __init__(self, subtask_id: str, reason: str) -> None:
        super().__init__(reason)
        self.subtask_id = subtask_id
        self.reason = reason


class InvalidState(ConversationError):
    """This end did something out of turn: a defect of the caller."""


class ProtocolError(ConversationError):
    """The peer broke the protocol."""


class FrameNotUnderstood(ProtocolError):
    """A text message is no frame of this version."""


class FrameRefused(ProtocolError):
    """The service did not understand a frame of ours."""


class FrameNotAwaited(ProtocolError):
    """A frame of a subtask that this connection does not follow."""


class FrameOutOfOrder(ProtocolError):
    """A frame that may not come in the state of its subtask."""


class ChunkMisplaced(FrameOutOfOrder):
    """A chunk that is not the next bytes of the archive, or has too many."""


class ResultIncomplete(FrameOutOfOrder):
    """`completed` came before the last byte."""


class BytesNotAnnounced(ProtocolError):
    """A binary message without a chunk frame before it."""


class BytesMissing(ProtocolError):
    """A chunk frame without its bytes after it."""


class State(StrEnum):
    """Where one subtask is on one connection."""

    WORKING = "working"
    SENDING = "sending"
    CANCELLING = "cancelling"
    ENDED = "ended"


MAY_FOLLOW: dict[State, frozenset[type[ServiceFrames]]] = {
    State.WORKING: frozenset({Progress, Chunk, Completed, Failed}),
    State.SENDING: frozenset({Chunk, Completed, Failed}),
    State.CANCELLING: frozenset({Failed}),
    State.ENDED: frozenset(),
}


@dataclass(slots=True)
class Stream:
    """The service's frames about one subtask, in their order.

    Attributes:
        offset: of the next byte of the archive; at first where the client asked to begin.
        direct: whether the client may read the archive from the analyzer's folder.
    """

    subtask_id: str
    offset: int = 0
    direct: bool = False
    state: State = State.WORKING

    def step(self, frame: ServiceFrames) -> None:
        """Take the next frame.

        Raises:
            FrameOutOfOrder: it may not follow; the state is what it was.
        """
        if type(frame) not in MAY_FOLLOW[self.state]:
            raise FrameOutOfOrder(self.subtask_id, f"{frame.type} in state {self.state}")
        if isinstance(frame, Chunk):
            self._check_chunk(frame)
            self.offset += frame.size
            self.state = State.SENDING
        elif isinstance(frame, Completed):
            self._check_completed(frame)
            self.state = State.ENDED
        elif isinstance(frame, Failed):
            self.state = State.ENDED

    def _check_chunk(self, chunk: Chunk) -> None:
        """A chunk ends at a multiple of `CHUNK_BYTES`, or it is the last one."""
        number, begun = divmod(self.offset, CHUNK_BYTES)
        if chunk.offset != self.offset or chunk.sequence != number:
            chunk_text = f"chunk {chunk.sequence} at {chunk.offset}"
            raise ChunkMisplaced(
                self.subtask_id, f"{chunk_text} came where {self.offset} was expected"
            )
        if self.state is State.SENDING and begun:
            raise ChunkMisplaced(self.subtask_id, f"chunk at {chunk.offset} came after the last")
        if not 0 < chunk.size <= CHUNK_BYTES - begun:
            chunk_text = f"chunk at {chunk.offset} has {chunk.size} bytes"
            raise ChunkMisplaced(self.subtask_id, f"{chunk_text}, not 1 to {CHUNK_BYTES - begun}")

    def _check_completed(self, frame: Completed) -> None:
        if frame.path:
            if not self.direct or self.offset:
                raise FrameOutOfOrder(self.subtask_id, "a path came where bytes were asked for")
        elif frame.size_bytes != self.offset:
            reason = f"completed after {self.offset} of {frame.size_bytes} bytes"
            raise ResultIncomplete(self.subtask_id, reason)
