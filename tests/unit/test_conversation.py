"""Both ends of the protocol without a socket: right orders, wrong orders, random orders."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import conversation, stream
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.conversation import ClientConversation, Received, ServiceConversation
from contract.errors import ErrorCode
from contract.protocol import Ack, Analyze, Cancel, Chunk, Completed, Failed, Progress
from contract.spec import AppRef, SourceRef
from contract.stream import (
    MAY_FOLLOW,
    BytesMissing,
    BytesNotAnnounced,
    ChunkMisplaced,
    FrameNotAwaited,
    FrameNotUnderstood,
    FrameOutOfOrder,
    FrameRefused,
    InvalidState,
    ProtocolError,
    ResultIncomplete,
    State,
    Stream,
)

BLOCK = 4  # bytes of a chunk in these tests
Event = Progress | Received | Completed | Failed


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (stream, conversation):
            patch.setattr(module, "CHUNK_BYTES", BLOCK)
        yield


def analyze(subtask_id: str = "s", resume_from: int = 0, *, direct: bool = False) -> Analyze:
    request = SubtaskRequest(
        subtask_id=subtask_id,
        analyzer=AnalyzerKind.STATIC,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path="/app", digest="d"),
    )
    return Analyze(request=request, resume_from=resume_from, direct=direct)


def progress(subtask_id: str = "s") -> Progress:
    return Progress(subtask_id=subtask_id, done=0, total=1)


def chunk(offset: int = 0, size: int = BLOCK, sequence: int | None = None) -> Chunk:
    number = offset // BLOCK if sequence is None else sequence
    return Chunk(subtask_id="s", sequence=number, offset=offset, size=size, sha256="")


def completed(size_bytes: int = 0, path: str = "", subtask_id: str = "s") -> Completed:
    return Completed(subtask_id=subtask_id, size_bytes=size_bytes, sha256="", path=path)


def failed(subtask_id: str = "s") -> Failed:
    return Failed(subtask_id=subtask_id, code=ErrorCode.INTERNAL, message="m")


FRAMES = {"progress": progress(), "chunk": chunk(), "completed": completed(), "failed": failed()}
NEXT = {
    ("working", "progress"): "working",
    ("working", "chunk"): "sending",
    ("working", "completed"): "ended",
    ("working", "failed"): "ended",
    ("sending", "chunk"): "sending",
    ("sending", "completed"): "ended",
    ("sending", "failed"): "ended",
    ("cancelling", "failed"): "ended",
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_leads_on_or_is_refused_and_changes_nothing(state: State, kind: str):
    one = Stream("s", state=state)
    wanted = NEXT.get((state.value, kind))
    if wanted is None:
        with pytest.raises(FrameOutOfOrder, match=f"{kind} in state {state.value}"):
            one.step(FRAMES[kind])
    else:
        one.step(FRAMES[kind])
    assert one.state == State(wanted or state)


def test_every_state_is_in_the_table():
    assert set(MAY_FOLLOW) == set(State)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (chunk(2 * BLOCK), "came where 4 was expected"),
        (chunk(0), "came where 4 was expected"),
        (chunk(BLOCK, sequence=2), "came where 4 was expected"),
        (chunk(BLOCK, size=0), "not 1 to 4"),
        (chunk(BLOCK, size=BLOCK + 1), "not 1 to 4"),
    ],
)
def test_a_chunk_is_the_next_block_of_the_archive(wrong: Chunk, why: str):
    one = Stream("s")
    one.step(chunk())
    with pytest.raises(ChunkMisplaced, match=why):
        one.step(wrong)
    assert (one.offset, one.state) == (BLOCK, State.SENDING)
    one.step(chunk(BLOCK, size=1))
    with pytest.raises(ChunkMisplaced, match="after the last"):
        one.step(chunk(BLOCK + 1, size=1))
    with pytest.raises(ResultIncomplete, match="5 of 6 bytes"):
        one.step(completed(BLOCK + 2))
    one.step(completed(BLOCK + 1))
    assert one.state is State.ENDED


def test_a_resumed_archive_begins_at_the_byte_asked_for_and_ends_at_a_block():
    one = Stream("s", offset=3)
    with pytest.raises(ChunkMisplaced, match="not 1 to 1"):
        one.step(chunk(3, size=2))
    one.step(chunk(3, size=1))
    one.step(chunk(BLOCK))
    one.step(completed(2 * BLOCK))


@pytest.mark.parametrize("asked", [Stream("s"), Stream("s", offset=2, direct=True)])
def test_a_path_is_for_who_asked_for_it_and_holds_no_byte_yet(asked: Stream):
    with pytest.raises(FrameOutOfOrder, match="path"):
        asked.step(completed(9, path="/results/s.tar"))
    Stream("s", direct=True).step(completed(9, path="/results/s.tar"))


def asking(*subtask_ids: str) -> ClientConversation:
    client = ClientConversation()
    for one in subtask_ids or ("s",):
        client.analyze(analyze(one))
    return client


def text(frame: Progress | Chunk | Completed | Failed) -> str:
    return frame.model_dump_json()


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([b"data"], BytesNotAnnounced),
        ([text(chunk()), text(progress())], BytesMissing),
        ([text(chunk()), text(failed("other"))], BytesMissing),
        ([text(chunk()), b"dat"], BytesMissing),
        ([text(chunk()), b"data", b"data"], BytesNotAnnounced),
        ([text(chunk()), b"data", text(progress())], FrameOutOfOrder),
        ([text(chunk()), b"data", text(chunk())], ChunkMisplaced),
        ([text(chunk()), b"data", text(completed(5))], ResultIncomplete),
        ([text(progress("other"))], FrameNotAwaited),
        ([text(completed()), text(completed())], FrameNotAwaited),
        ([text(completed()), text(progress())], FrameNotAwaited),
        ([text(failed(""))], FrameRefused),
        (['{"type": "chunk"}'], FrameNotUnderstood),
        (['{"type": "analyze"}'], FrameNotUnderstood),
        (["[" * 100_000], FrameNotUnderstood),
    ],
)
def test_a_service_that_breaks_the_protocol_is_named_and_not_believed_any_more(
    messages: list[str | bytes], error: type[ProtocolError]
):
    client = asking()
    for message in messages[:-1]:
        client.receive(message)
    with pytest.raises(error) as caught:
        client.receive(messages[-1])
    assert type(caught.value) is error
    assert (client.broken, client.is_idle) == (True, False)
    with pytest.raises(InvalidState):
        client.receive(text(failed()))


def test_a_connection_is_free_when_no_frame_is_outstanding():
    client = ClientConversation()
    client.acknowledge(Ack(subtask_id="s"))
    assert client.is_idle
    client.analyze(analyze())
    with pytest.raises(InvalidState, match="before its last frame"):
        client.analyze(analyze())
    client.receive(text(chunk()))
    assert not client.is_idle
    client.receive(b"data")
    client.receive(text(completed(BLOCK)))
    assert client.is_idle
    client.analyze(analyze())


def test_a_cancel_is_answered_by_the_end_of_what_is_followed_or_by_a_failure_of_its_own():
    client = asking()
    client.cancel(Cancel(subtask_id="s"))
    client.cancel(Cancel(subtask_id="elsewhere"))
    assert client.receive(text(completed())) == completed()
    assert not client.is_idle
    assert client.receive(text(failed("elsewhere"))) == failed("elsewhere")
    assert client.is_idle
    assert client.receive(text(failed())) is None, "the cancel came after the end"


def test_secrets_go_out_with_the_request():
    message = ClientConversation().analyze(analyze().model_copy(update={"secrets": {"a": "b"}}))
    assert json.loads(message)["secrets"] == {"a": "b"}


@pytest.mark.parametrize(
    ("message", "named", "error"),
    [
        (b"binary", "", BytesNotAnnounced),
        ("", "", FrameNotUnderstood),
        ('{"type": "cancel"}', "", FrameNotUnderstood),
        ('{"type": "cancel", "subtask_id": 7}', "", FrameNotUnderstood),
        ('{"type": "chunk", "subtask_id": "t"}', "t", FrameNotUnderstood),
        ('{"type": "analyze", "request": {"subtask_id": "t"}}', "t", FrameNotUnderstood),
        ('{"type": "analyze", "request": {"subtask_id": "s"}}', "", FrameNotUnderstood),
        (
            '{"type": "analyze", "request": {"subtask_id": "%s"}}' % ("x" * 600),
            "",
            FrameNotUnderstood,
        ),
    ],
)
def test_a_clients_bad_message_is_answered_and_ends_nothing(
    message: str | bytes, named: str, error: type[ProtocolError]
):
    service, client = ServiceConversation(), asking()
    service.begin(analyze())
    with pytest.raises(error) as caught:
        service.receive(message)
    answer = json.loads(service.refuse(caught.value))
    assert (answer["type"], answer["code"]) == ("failed", "INVALID_ARGUMENT")
    assert answer["subtask_id"] == named
    assert service.follows("s")
    assert client.receive(service.completed(completed())) == completed()


def test_the_service_cannot_send_what_no_client_may_believe():
    service = ServiceConversation()
    for send in (
        lambda: service.progress(progress()),
        lambda: service.chunk("s", b"data"),
        lambda: service.completed(completed()),
    ):
        with pytest.raises(InvalidState, match="no request"):
            send()
    service.begin(analyze())
    service.chunk("s", b"data")
    for wrong in (progress(), completed(5)):
        with pytest.raises(InvalidState):
            service.progress(wrong) if isinstance(wrong, Progress) else service.completed(wrong)
    service.failed(failed())
    assert not service.follows("s")
    assert json.loads(service.failed(failed()))["type"] == "failed", "the answer to a late cancel"


def test_a_request_that_comes_again_begins_anew_at_its_own_byte():
    service = ServiceConversation()
    service.begin(analyze())
    service.chunk("s", b"data")
    service.begin(analyze(resume_from=2))
    service.progress(progress())
    frame, _ = service.chunk("s", b"ta")
    assert json.loads(frame)["offset"] == 2


class Run:
    """One subtask of a random conversation."""

    def __init__(self, name: str, archive: bytes, resume_from: int, ending: str) -> None:
        self.name, self.archive, self.ending = name, archive, ending
        self.resume_from = min(resume_from, len(archive))
        self.ask = analyze(name, self.resume_from, direct=ending == "path" and not resume_from)

    def answer(self, service: ServiceConversation) -> Iterator[list[str | bytes]]:
        """The messages of the service, step by step."""
        yield [service.progress(progress(self.name))]
        if self.ask.direct:
            done = completed(len(self.archive), "/a.tar", self.name)
            yield [service.completed(done)]
            return
        offset = self.resume_from
        while offset < len(self.archive):
            data = self.archive[offset : (offset // BLOCK + 1) * BLOCK]
            yield list(service.chunk(self.name, data))
            offset += len(data)
            if self.ending == "failed":
                yield [service.failed(failed(self.name))]
                return
        yield [service.completed(completed(len(self.archive), subtask_id=self.name))]


runs = st.lists(
    st.builds(
        Run,
        st.sampled_from(["a", "b/c", "d%2Fé"]),
        st.binary(max_size=4 * BLOCK),
        st.integers(0, 3 * BLOCK),
        st.sampled_from(["completed", "failed", "path"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda run: run.name,
)


def messages_of(client: ClientConversation, asked: list[Run], turns: Any) -> list[str | bytes]:
    """What the service sends when the runs take turns, a step at a time."""
    service, sent = ServiceConversation(), list[str | bytes]()
    for run in asked:
        frame = service.receive(client.analyze(run.ask))
        assert isinstance(frame, Analyze)
        service.begin(frame)
    answers = [run.answer(service) for run in asked]
    while answers:
        answer = turns(answers)
        step = next(answer, None)
        if step is None:
            answers.remove(answer)
        else:
            sent += step
    assert not any(service.follows(run.name) for run in asked)
    return sent


def events_of(client: ClientConversation, messages: list[str | bytes]) -> list[Event]:
    """What comes out up to the first error, for a caller that checks each chunk's digest."""
    found = list[Event]()
    with suppress(ProtocolError):
        for message in messages:
            event = client.receive(message)
            if isinstance(event, Received) and not event.is_sound():
                break
            found += [] if event is None else [event]
    return found


def bytes_of(events: list[Event], name: str) -> bytes:
    chunks = [one for one in events if isinstance(one, Received) and one.chunk.subtask_id == name]
    return b"".join(one.data for one in chunks)


@settings(max_examples=60, deadline=None)
@given(asked=runs, choice=st.randoms(use_true_random=False))
def test_what_one_end_says_the_other_understands(asked: list[Run], choice: Any):
    client = ClientConversation()
    events = events_of(client, messages_of(client, asked, choice.choice))
    for run in asked:
        own = [one for one in events if not isinstance(one, Received)]
        (last,) = [one for one in own if one.subtask_id == run.name and one.type != "progress"]
        received = bytes_of(events, run.name)
        if isinstance(last, Completed) and not last.path:
            assert received == run.archive[run.resume_from :]
        assert run.archive[run.resume_from :].startswith(received)
    assert client.is_idle


@settings(max_examples=100, deadline=None)
@given(
    asked=runs,
    choice=st.randoms(use_true_random=False),
    change=st.sampled_from(["drop", "repeat", "swap", "cut", "insert"]),
)
def test_a_disturbed_conversation_never_yields_wrong_bytes_or_a_false_end(
    asked: list[Run], choice: Any, change: str
):
    client = ClientConversation()
    messages = messages_of(client, asked, choice.choice)
    place = choice.randrange(len(messages))
    match change:
        case "drop":
            del messages[place]
        case "repeat":
            messages.insert(place, messages[place])
        case "swap":
            messages[place - 1], messages[place] = messages[place], messages[place - 1]
        case "cut":
            messages[place] = messages[place][:-1]
        case _:
            messages.insert(place, b"more")
    events = events_of(client, messages)
    for run in asked:
        received = bytes_of(events, run.name)
        assert run.archive[run.resume_from :].startswith(received)
        ends = [one for one in events if isinstance(one, Completed) and one.subtask_id == run.name]
        assert len(ends) <= 1
        if ends and not ends[0].path:
            assert received == run.archive[run.resume_from :]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=40) | st.binary(max_size=8), max_size=5))
def test_noise_is_an_error_of_the_protocol_and_nothing_else(messages: list[str | bytes]):
    service = ServiceConversation()
    for message in messages:
        with pytest.raises(ProtocolError) as caught:
            service.receive(message)
        service.refuse(caught.value)
        with pytest.raises(ProtocolError):
            asking().receive(message)
