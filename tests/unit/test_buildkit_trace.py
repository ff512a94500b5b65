"""BuildKit's own progress, recorded from an engine (20.10): read, and whose fault an end is."""

import base64
import json
from pathlib import Path

import pytest

from clients import blame
from clients.blame import AppFault, PlatformFault
from clients.docker.diagnosis import build_fault
from clients.docker.result import StreamResult
from clients.docker.stream import take_line
from clients.substitution import Substitution

FIXTURES = Path(__file__).parents[1] / "fixtures" / "buildkit"
ALPINE = Substitution("python:3.11-alpine", "assay/python:3.11", musl=True)
PYTHON = Substitution("python:3.13", "assay/python:3.11")


def told(name: str) -> tuple[StreamResult, list[str]]:
    result, lines = StreamResult(), list[str]()
    for line in (FIXTURES / f"{name}.jsonl").read_text().splitlines():
        take_line(line, result, lines.append)
    return result, lines


def test_a_build_is_told_step_by_step():
    result, lines = told("stages")

    assert result.error == ""
    assert "#6 [stage-2 2/5] RUN --mount=type=bind,from=a,source=/x,target=/y cat /y" in lines
    assert lines[lines.index("#10 exporting to image") + 1].startswith("Successfully tagged")
    assert "cat /y\nhi\n#7 [stage-2 3/5] COPY --from=0 /x /z\n" in result.text


@pytest.mark.parametrize(
    ("name", "code", "command", "named"),
    [
        ("exit-code", 7, "RUN echo hello; exit 7", "non-zero code: 7: hello"),
        ("copy-missing", None, "COPY nosuch /x", '"/nosuch" not found'),
        ("command-missing", 1, 'RUN ["nosuch"]', '"nosuch": executable file not found'),
        ("user-missing", None, "RUN true", "unable to find user nobodyx"),
    ],
)
def test_a_step_that_fails_is_named_with_its_words(
    name: str, code: int | None, command: str, named: str
):
    result, _ = told(name)
    found = build_fault("web", result, [])

    assert (result.exit_code, result.last_command()) == (code, command)
    assert isinstance(found, AppFault)
    assert (found.row, named in found.reason) == (blame.BUILD_FAILED.key, True), found.reason
    assert found.log.rstrip().endswith(result.error)


def failed(error: str, printed: str = "", step: str = "[2/3] RUN make") -> StreamResult:
    """A build whose step printed something and failed, as the engine tells it."""
    result = StreamResult()
    vertex = _field(1, b"sha256:1") + _field(3, step.encode()) + _field(5, b"\x08\x01")
    log = _field(1, b"sha256:1") + _field(4, printed.encode())
    end = vertex + _field(6, b"\x08\x02") + _field(7, error.encode())
    for message in (_field(1, vertex), _field(3, log), _field(1, end)):
        aux = base64.b64encode(message).decode()
        take_line(json.dumps({"id": "moby.buildkit.trace", "aux": aux}), result, lambda _: None)
    take_line(json.dumps({"error": error}), result, lambda _: None)
    return result


def _field(number: int, data: bytes) -> bytes:
    size = bytes([len(data) & 127 | 128, len(data) >> 7]) if len(data) > 127 else bytes([len(data)])
    return bytes([number << 3 | 2]) + size + data


RUN = "executor failed running [/bin/sh -c make]: exit code: {}"
OURS = {
    "killed": (RUN.format(137), "Killed\n", blame.BUILD_KILLED),
    "cancelled": ("failed to solve: Canceled: context canceled", "", blame.BUILD_KILLED),
    "no containerd": (
        "rpc error: code = Unavailable desc = connection error: transport is closing", "",
        blame.BUILD_KILLED,
    ),
    "a full disk": (RUN.format(1), "tar: no space left on device\n", blame.BUILD_ENGINE),
    "a registry": (RUN.format(1), "npm error code ENOTFOUND\nnpm error network request to"
                   " https://r.invalid/x failed, reason: getaddrinfo ENOTFOUND r.invalid\n",
                   blame.REGISTRY),
    "an option of newer builders": (
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile"
        " parse error line 2: Unknown flag: new", "", blame.UNSUPPORTED,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("error", "printed", "row"), OURS.values(), ids=OURS)
def test_what_the_platform_did_is_the_platforms(error: str, printed: str, row: object):
    found = build_fault("web", failed(error, printed), [])

    assert isinstance(found, PlatformFault)
    assert found.row == row.key  # type: ignore[attr-defined]


def test_a_step_at_its_memory_limit_is_the_apps():
    found = build_fault("web", failed(RUN.format(137), "Killed\n"), [], True, 7)

    assert isinstance(found, AppFault)
    assert found.row == blame.BUILD_MEMORY.key


STAND_INS = {
    "another distribution": (ALPINE, RUN.format(127), "sh: 1: apk: not found\n", "RUN apk add x"),
    "packages of another version": (
        PYTHON,
        'failed to compute cache key: "/usr/local/lib/python3.13/site-packages" not found', "",
        "COPY --from=a /usr/local/lib/python3.13/site-packages /x",
    ),
    "packages of another version, on Docker 26": (
        PYTHON,
        "failed to compute cache key: failed to calculate checksum of ref 7be23cd4-28b2::rt8bsye:"
        ' "/usr/local/lib/python3.13/site-packages": not found', "",
        "COPY --from=a /usr/local/lib/python3.13/site-packages /x",
    ),
    "a tool": (PYTHON, RUN.format(1), "error: command 'gcc' failed: No such file\n", "RUN make"),
    "an exec form": (
        PYTHON, RUN.format(1),
        'runc run failed: unable to start: exec: "git": executable file not found\n', 'RUN ["git"]',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "error", "printed", "step"), STAND_INS.values(), ids=STAND_INS)
def test_what_a_stand_in_lacks_is_ours(one: Substitution, error: str, printed: str, step: str):
    found = build_fault("web", failed(error, printed, f"[2/3] {step}"), [one])

    assert isinstance(found, PlatformFault)
    assert found.row == blame.STAND_IN.key


def test_an_apps_own_output_is_no_word_of_the_engine():
    said = "#9 ERROR: context canceled\nStep 9/9 : RUN x\nexecutor failed: exit code: 137\n"
    found = build_fault("web", failed(RUN.format(2), said), [])

    assert isinstance(found, AppFault)


def test_a_flood_is_cut_and_a_broken_message_is_left_out():
    result = failed(RUN.format(1), "x" * 100)
    step = next(iter(result.trace.steps.values()))
    log = _field(1, b"sha256:1") + _field(4, b"y" * 10_000)
    flood = base64.b64encode(_field(3, log)).decode()
    for aux in ("no base64!", base64.b64encode(b"\xff\xff").decode(), *[flood] * 300):
        take_line(json.dumps({"id": "moby.buildkit.trace", "aux": aux}), result, lambda _: None)

    assert step.size < 1_100_000
