"""What a confined program sees and reaches, and what becomes of it where it cannot be confined."""

import asyncio
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzers.runtime.live import confine
from analyzers.runtime.live.confine import Confinement, trial
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import Command, ToolFault

PYTHON = Path("/usr/bin/python3")
LOOK = """
import json, os, pathlib, socket, sys
def connects(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2).close()
        return True
    except OSError:
        return False
def writes(folder):
    try:
        pathlib.Path(folder, "mark").write_text("x")
        return True
    except OSError:
        return False
print(json.dumps({
    "uids": os.getresuid(), "network": [name for _, name in socket.if_nameindex()],
    "effective": [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")][0],
    "reaches": connects(sys.argv[1]), "proxy": connects(sys.argv[2]),
    "processes": len([one for one in os.listdir("/proc") if one.isdigit()]),
    "sees": [one for one in ("/home", "/run", "/var/lib") if os.path.exists(one)],
    "writes": [one for one in (".", "/", "/usr", "/tmp", "/etc") if writes(one)],
    "secret": os.path.exists(sys.argv[3]), "home": os.environ["HOME"],
}))
"""


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def confined(workspace: Path, *argv: str) -> dict:
    box = Confinement(workspace, {}, (PYTHON,))
    done = await Runner(workspace)(box.command(argv))
    return {**json.loads(done.stdout or b"{}"), "held": box.held()}


async def test_a_confined_program_has_a_loopback_and_one_folder(tmp_path: Path, listener: int):
    secret = tmp_path / "secret"
    secret.write_text("token")

    seen = await confined(tmp_path, str(PYTHON), "-c", LOOK, str(listener), "{egress}", str(secret))

    assert seen["held"].way == "namespace"
    assert 0 not in seen["uids"]
    assert (seen["network"], seen["effective"]) == (["lo"], "0" * 16)
    assert (seen["reaches"], seen["proxy"]) == (False, True)
    assert seen["processes"] <= 3
    assert (seen["sees"], seen["writes"], seen["secret"]) == ([], ["."], False)
    assert (tmp_path / "confined" / "mark").exists()


async def test_without_a_network_namespace_files_and_user_are_still_its_own(
    tmp_path: Path, listener: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(confine, "WAYS", ("files",))
    secret = tmp_path / "secret"
    secret.write_text("token")

    seen = await confined(tmp_path, str(PYTHON), "-c", LOOK, str(listener), "{egress}", str(secret))

    assert 0 not in seen["uids"]
    assert (seen["proxy"], seen["sees"], seen["secret"]) == (True, [], False)
    assert "the proxy as the only way out" in seen["held"].text


async def test_where_bubblewrap_is_missing_the_notes_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(confine, "_bubblewrap", lambda *_: ["no-such-bwrap"])
    program = "import os, sys; assert 0 not in os.getresuid(); open('mark', 'w')"

    held = (await confined(tmp_path, str(PYTHON), "-c", program))["held"]

    assert held.way == "flags"
    why = "no network namespace, no own view of files: no-such-bwrap: No such file or directory"
    assert why in held.notes[0]
    assert (tmp_path / "confined" / "mark").exists()


async def test_what_cannot_be_confined_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(confine, "WAYS", ("namespace", "files"))
    refuse = ["sh", "-c", "echo bwrap: setting up uid map: Permission denied >&2; exit 1"]
    monkeypatch.setattr(confine, "_bubblewrap", lambda *_: refuse)

    with pytest.raises(ToolFault, match=r"not confined, so not run: namespace: bwrap: setting up"):
        await confined(tmp_path, shutil.which("touch") or "", "mark")
    with pytest.raises(ToolFault, match="setting up uid map"):
        await asyncio.to_thread(trial)

    assert not (tmp_path / "confined" / "mark").exists()


async def test_exit_code_output_and_input_are_the_programs_own(tmp_path: Path):
    box = Confinement(tmp_path, {}, (PYTHON,))
    program = "import sys; print(sys.stdin.read()[::-1]); sys.exit(7)"
    command = box.command(
        (str(PYTHON), "-c", program), stdin=b"olleh", ok_exit_codes=frozenset({7})
    )

    done = await Runner(tmp_path)(command)

    assert (done.stdout, done.exit_code) == (b"hello\n", 7)


async def test_a_link_in_place_of_a_report_is_no_report(tmp_path: Path):
    """What is left in the folder of a confined program is read by somebody with more rights."""
    box = Confinement(tmp_path, {}, ())
    output = box.folder / "report.json"
    command = box.command(("ln", "-s", "/etc/shadow", output.name), output=output)

    with pytest.raises(ToolFault, match=r"wrote no report to report\.json"):
        await Runner(tmp_path)(command)


async def test_nothing_is_left_of_what_is_stopped(tmp_path: Path):
    box = Confinement(tmp_path, {}, ())
    box.command(("true",))
    command = box.command(("sleep", "4711.25"), limit_s=3)
    assert isinstance(command, Command)

    with pytest.raises(ToolFault, match="no end within 3 s"):
        await Runner(tmp_path)(command)

    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"4711.25" in line for line in lines)
