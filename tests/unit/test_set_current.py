"""How long a build that is to be current is waited for, and what is told when it cannot be."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from control import deployments
from control.deployments import set_current

# What a server said, on a loaded machine, before it took the version.
BUSY = (
    RPCStatusCode.CANCELLED,  # the client's own limit: "Timeout expired"
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.FAILED_PRECONDITION,  # not all task queues of the version are known yet
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.ABORTED,
    RPCStatusCode.NOT_FOUND,
)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[RPCStatusCode]:
    """What the server says, first to last, before it does what it is asked."""
    faults: list[RPCStatusCode] = []

    async def nothing(*_: object) -> str:
        return ""

    monkeypatch.setattr(deployments, "_EVERY_S", 0.001)
    monkeypatch.setattr(deployments, "current_build", nothing)
    monkeypatch.setattr(deployments, "_routed", nothing)
    return faults


def client(faults: list[RPCStatusCode], asked: list[str]) -> Any:
    async def sets(request: Any, **_: object) -> None:
        asked.append(request.build_id)
        if faults:
            raise RPCError("not now", faults.pop(0), b"")

    service = SimpleNamespace(set_worker_deployment_current_version=sets)
    return SimpleNamespace(namespace="default", identity="me", workflow_service=service)


async def test_a_server_that_is_not_ready_is_asked_again(faults: list[RPCStatusCode]) -> None:
    faults.extend(BUSY)
    asked: list[str] = []

    done = await set_current(
        client(faults, asked), "assay", "B", wait_s=30, force=True, moves=False
    )

    assert (done.current, asked) == ("B", ["B"] * (len(BUSY) + 1))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RPCStatusCode.CANCELLED, ErrorCode.UNAVAILABLE),
        (RPCStatusCode.FAILED_PRECONDITION, ErrorCode.FAILED_PRECONDITION),
    ],
)
async def test_without_a_wait_its_first_answer_is_the_answer(
    faults: list[RPCStatusCode], status: RPCStatusCode, code: ErrorCode
) -> None:
    faults.append(status)
    asked: list[str] = []

    with pytest.raises(PlatformError) as told:
        await set_current(client(faults, asked), "assay", "B", force=True, moves=False)

    assert (told.value.code, asked) == (code, ["B"])


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.INTERNAL])
async def test_what_waiting_does_not_change_is_told_at_once(
    faults: list[RPCStatusCode], status: RPCStatusCode
) -> None:
    faults.append(status)
    asked: list[str] = []

    with pytest.raises(PlatformError):
        await set_current(client(faults, asked), "assay", "B", wait_s=30, force=True, moves=False)

    assert asked == ["B"]


async def test_looks_that_time_out_are_repeated_and_those_after_it_do_not_undo_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [RPCStatusCode.CANCELLED, RPCStatusCode.UNAVAILABLE]
    asked: list[str] = []

    async def workers(*_: object) -> Counter[str]:
        if looks:
            raise RPCError("not now", looks.pop(0), b"")
        return Counter({"B": 1})

    async def nothing(*_: object) -> str:
        return ""

    async def away(*_: object) -> None:
        raise RPCError("Timeout expired", RPCStatusCode.CANCELLED, b"")

    monkeypatch.setattr(deployments, "_EVERY_S", 0.001)
    monkeypatch.setattr(deployments, "current_build", nothing)
    monkeypatch.setattr(deployments, "workers_of_builds", workers)
    monkeypatch.setattr(deployments, "info_of", away)

    done = await set_current(client([], asked), "assay", "B", wait_s=30, moves=False)

    assert (done.current, asked, looks) == ("B", ["B"], [])


async def test_a_look_that_times_out_without_a_wait_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: object) -> Counter[str]:
        raise RPCError("Timeout expired", RPCStatusCode.CANCELLED, b"")

    async def nothing(*_: object) -> str:
        return ""

    monkeypatch.setattr(deployments, "current_build", nothing)
    monkeypatch.setattr(deployments, "workers_of_builds", away)
    asked: list[str] = []

    with pytest.raises(PlatformError, match="does not answer"):
        await set_current(client([], asked), "assay", "B", moves=False)

    assert asked == []
