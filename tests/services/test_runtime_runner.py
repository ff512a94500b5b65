"""The runner: what a tool's processes may do, and that none is left behind."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from analyzers.runtime.process.fork_server import FORK_SERVER
from analyzers.runtime.process.runner import Limits, Runner
from analyzers.runtime.tool import Command, HostFault, ToolFault


def sh(script: str, **more: object) -> Command:
    return Command(argv=("sh", "-c", script), **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def told(file: Path) -> int:
    """The number in a file that is still to be written."""
    while not file.exists() or not file.read_text().strip():
        await asyncio.sleep(0.02)
    return int(file.read_text())


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_output_exit_code_and_cpu_are_reported(tmp_path: Path):
    run = Runner(tmp_path)
    command = sh("echo out; echo err >&2; echo r > r.json; exit 3", ok_exit_codes=frozenset({3}))
    ended = await run(
        Command(command.argv, ok_exit_codes=frozenset({3}), output=tmp_path / "r.json")
    )
    assert (ended.exit_code, ended.stdout, ended.stderr) == (3, b"out\n", b"err\n")
    assert ended.output == b"r\n"
    assert ended.cpu_s is not None
    assert run.executed[0].exit_code == 3


async def test_cpu_seconds_count_grandchildren(tmp_path: Path):
    burn = f"{sys.executable} -c 'x=sum(range(6_000_000))'"
    ended = await Runner(tmp_path)(sh(f"{burn}; true"))
    assert ended.cpu_s is not None
    assert ended.cpu_s > 0.05


async def test_the_environment_is_minimal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    ended = await Runner(tmp_path)(Command(("env",), env={"EXTRA": "1"}))
    names = {line.split("=")[0] for line in ended.stdout.decode().splitlines()}
    assert names == {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "EXTRA"}
    assert f"HOME={tmp_path}" in ended.stdout.decode()


async def test_a_reaper_holds_nothing_of_the_analyzers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    FORK_SERVER.stop()  # the next one is started with the secret about
    ended = await Runner(tmp_path)(sh("cat /proc/$PPID/environ; echo told"))
    assert ended.stdout == b"told\n"


async def test_stdin_is_fed(tmp_path: Path):
    ended = await Runner(tmp_path)(Command(("wc", "-c"), stdin=b"x" * 300_000))
    assert ended.stdout.strip() == b"300000"


async def test_unexpected_exit_code_names_code_and_last_lines(tmp_path: Path):
    with pytest.raises(ToolFault, match=r"sh exited with 2: no such rule"):
        await Runner(tmp_path)(sh("echo no such rule >&2; exit 2"))


async def test_a_missing_tool_says_so(tmp_path: Path):
    with pytest.raises(ToolFault, match=r"/nowhere/bandit: No such file.*installed"):
        await Runner(tmp_path)(Command(("/nowhere/bandit",)))


async def test_a_missing_report_is_a_fault(tmp_path: Path):
    with pytest.raises(ToolFault, match="wrote no report"):
        await Runner(tmp_path)(Command(("true",), output=tmp_path / "r.json"))


async def test_a_flood_is_cut_at_the_cap(tmp_path: Path):
    with pytest.raises(ToolFault, match="standard output above 1000000 bytes"):
        await Runner(tmp_path, limits=Limits(output_bytes=1_000_000))(Command(("yes",)))


async def test_an_endless_file_is_cut_at_the_cap(tmp_path: Path):
    with pytest.raises(ToolFault, match=r"killed by signal|exited with"):
        await Runner(tmp_path, limits=Limits(file_bytes=1_000_000))(sh("exec yes > big"))
    assert (tmp_path / "big").stat().st_size == 1_000_000


async def test_the_limit_kills_daemons_that_left_the_session(tmp_path: Path):
    script = "setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done' & sleep 60"
    limits = Limits(term_grace_s=0.2)
    with pytest.raises(ToolFault, match="no end within"):
        await Runner(tmp_path, limits=limits)(sh(script, limit_s=1.0))
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_a_daemon_left_by_a_finished_tool_is_killed(tmp_path: Path):
    await Runner(tmp_path)(sh("setsid sleep 300 >/dev/null 2>&1 & echo $! > pid"))
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_cancellation_kills_the_whole_group(tmp_path: Path):
    task = asyncio.create_task(Runner(tmp_path)(sh("sleep 300 & echo $! > pid; wait")))
    pid = await told(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


async def test_a_passed_deadline_starts_nothing(tmp_path: Path):
    with pytest.raises(ToolFault, match="no time left"):
        await Runner(tmp_path, deadline=time.monotonic() - 1)(sh("touch started"))
    assert not (tmp_path / "started").exists()


async def test_tools_die_with_a_killed_analyzer(tmp_path: Path):
    program = (
        "import asyncio, pathlib\n"
        "from analyzers.runtime.process.runner import Runner\n"
        "from analyzers.runtime.tool import Command\n"
        f"run = Runner(pathlib.Path({str(tmp_path)!r}))\n"
        "asyncio.run(run(Command(('sh', '-c', 'setsid sleep 300 & echo $! > pid; wait'))))\n"
    )
    analyzer = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    pid = await told(tmp_path / "pid")
    analyzer.kill()
    await analyzer.wait()
    assert await gone(pid)


async def test_stdin_is_nothing_where_none_is_given(tmp_path: Path):
    assert (await Runner(tmp_path)(Command(("wc", "-c")))).stdout.strip() == b"0"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_the_fork_server_may_die_at_any_time(tmp_path: Path, number: int):
    run = Runner(tmp_path)
    os.mkfifo(tmp_path / "go")
    task = asyncio.create_task(run(sh("echo $PPID > pid; read word < go; echo $word")))
    reaper = psutil.Process(await told(tmp_path / "pid"))
    fork = reaper.parent()
    assert fork is not None
    assert fork.parent() == psutil.Process()

    fork.send_signal(number)
    assert await gone(fork.pid)

    assert (await run(Command(("echo", "next")))).stdout == b"next\n"
    (tmp_path / "go").write_text("done\n")
    assert (await task).stdout == b"done\n"


async def test_a_tool_whose_reaper_is_killed_says_so_and_ends(tmp_path: Path):
    task = asyncio.create_task(Runner(tmp_path)(sh("echo $PPID > pid; exec sleep 300")))
    reaper = psutil.Process(await told(tmp_path / "pid"))
    (tool,) = reaper.children()
    reaper.kill()
    with pytest.raises(HostFault, match="killed from outside"):
        await task
    assert await gone(tool.pid)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Command(("true",), cwd=Path("/nowhere/at/all")), "cannot start: .*No such file"),
        (Command(("true",), cwd=Path("/etc/passwd")), "cannot start: .*Not a directory"),
        (Command(("echo", "a\0b")), "cannot start: embedded null byte"),
        (Command(("true",), env={"A": "a\0b"}), "cannot start: embedded null byte"),
        (Command(("echo", "x" * 3_000_000)), "Argument list too long"),
    ],
)
async def test_what_cannot_be_started_leaves_nothing_open(
    tmp_path: Path, command: Command, why: str
):
    run = Runner(tmp_path)
    await run(Command(("true",)))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HostFault, match=why):
        await run(command)
    async with asyncio.timeout(5):  # the transports of its pipes close in the loop's next turns
        while len(os.listdir("/proc/self/fd")) != before:
            await asyncio.sleep(0)


async def test_a_tool_holds_no_descriptor_of_another(tmp_path: Path):
    run = Runner(tmp_path)
    listed = Command(("ls", "/proc/self/fd"), stdin=b"x")
    for ended in await asyncio.gather(run(listed), run(listed)):
        assert ended.stdout.split() == [b"0", b"1", b"2", b"3"]  # 3: the folder that `ls` reads


async def test_many_at_once_all_end(tmp_path: Path):
    run = Runner(tmp_path)
    ended = await asyncio.gather(*(run(Command(("echo", str(n)))) for n in range(60)))
    assert [int(one.stdout) for one in ended] == list(range(60))
