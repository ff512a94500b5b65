"""A confined process that comes up or does not, and whose fault that is; no sandbox is needed."""

import json
from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import ServicePlan
from clients.appfolder.model import OwnFile
from clients.blame import AppFault, PlatformFault
from clients.calm import Host, Moment
from clients.probe import Answer
from clients.process.environments import _failure
from clients.process.recipe import Recipe, recipe
from clients.process.sandbox import Confined
from clients.process.watch import StartClock
from clients.substitution import Substitution
from contract.errors import ErrorCode, PlatformError

NEWER = (Substitution("python:3.99-slim", "python:3.11"),)
NEW_SYNTAX = '  File "app.py", line 1\n    type Row = int\nSyntaxError: invalid syntax\n'


def confined(folder: Path, log: str, **told: int) -> Confined:
    (folder / "log").write_text(log)
    (folder / "status").write_text("".join(f"{json.dumps({k: v})}\n" for k, v in told.items()))
    return Confined(folder)


def web(folder: Path, *stand_ins: Substitution) -> Recipe:
    return Recipe("web", folder, "python", ("python", "app.py"), {"PORT": "1"}, stand_ins)


def clock(deadline_s: float = 0.0, pressure: float = 0.0) -> StartClock:
    """Each look at the host is a second later."""
    now = {"s": 0.0}

    def look() -> Moment:
        now["s"] += 1.0
        return Moment(now["s"], {"cpu": int(now["s"] * pressure * 1e6)}, 0.0)

    return StartClock(Host(look=look), deadline_s)


SILENT = Answer("refused")


async def progress(one: Recipe, process: Confined, timer: StartClock) -> None:
    await timer.require_progress(one, process, SILENT, launcher_ended=True)


@pytest.mark.parametrize(
    ("log", "stand_ins", "row"),
    [
        ("NameError: name 'x' is not defined", NEWER, blame.EXIT),
        (NEW_SYNTAX, (), blame.EXIT),
        (NEW_SYNTAX, NEWER, blame.STAND_IN),
    ],
)
async def test_a_death_is_held_against_this_hosts_interpreter(tmp_path, log, stand_ins, row):
    process = confined(tmp_path, log, **{"child-pid": 999_999_999, "exit-code": 1})

    with pytest.raises((AppFault, PlatformError), match="web exited with 1: ") as caught:
        await progress(web(tmp_path, *stand_ins), process, clock())

    assert isinstance(caught.value, AppFault) is (row is blame.EXIT)


async def test_a_death_without_a_word_tells_what_it_ran(tmp_path):
    process = confined(tmp_path, "", **{"child-pid": 999_999_999, "exit-code": 1})

    with pytest.raises(AppFault, match=r"its log is empty; it ran `python app\.py`"):
        await progress(web(tmp_path), process, clock())


async def test_a_killed_start_is_tried_again(tmp_path):
    process = confined(tmp_path, "", **{"child-pid": 999_999_999, "exit-code": 137})

    with pytest.raises(PlatformError, match="not on record") as caught:
        await progress(web(tmp_path), process, clock())

    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_a_sandbox_that_never_began_is_the_hosts_fault(tmp_path):
    with pytest.raises(PlatformFault, match="no sandbox was started") as caught:
        await progress(web(tmp_path), confined(tmp_path, ""), clock())

    assert caught.value.row == "sandbox-gone"


@pytest.mark.parametrize(
    ("pressure", "fault", "said"),
    [(0.0, AppFault, "within"), (0.9, PlatformError, "CPU pressure 90%")],
)
async def test_a_start_that_takes_too_long_is_the_apps_only_on_a_calm_host(
    tmp_path, pressure, fault, said, monkeypatch
):
    monkeypatch.setattr(Confined, "ending", lambda self: None)
    process = confined(tmp_path, "warming up\n", **{"child-pid": 1})

    with pytest.raises(fault, match=f"did not answer HTTP on PORT .*{said}"):
        timer = clock(5.0, pressure)
        while True:
            await progress(web(tmp_path), process, timer)


def test_a_warm_up_is_waited_for_though_not_for_ever():
    timer = clock(10.0)

    assert not timer.is_ready(Answer("http", 503))
    assert timer.is_ready(Answer("http", 500))
    while timer.elapsed_s < 30:
        assert not timer.is_ready(SILENT)
    assert timer.is_ready(Answer("http", 503))


ROOM = 50 * 1024**3


@pytest.mark.parametrize(
    ("said", "stand_ins", "code", "app"),
    [
        ("ERROR: No matching distribution found for x==9", (), 1, True),
        ("ERROR: HTTP error 503 while getting https://r.invalid/x", (), 1, False),
        ("Killed", (), 137, False),
        ("ModuleNotFoundError: No module named 'distutils'", NEWER, 1, False),
        ("ModuleNotFoundError: No module named 'numpy'", NEWER, 1, True),
    ],
)
def test_an_installation_that_fails_is_blamed_as_a_build_is(tmp_path, said, stand_ins, code, app):
    found = _failure(web(tmp_path, *stand_ins), ["pip", "install"], code, f"{said}\n", ROOM)

    assert isinstance(found, AppFault) is app
    assert said in str(found)


@pytest.mark.parametrize(
    ("command", "said", "free_bytes", "app"),
    [
        ("pip install -r", "OSError: [Errno 28] No space left on device", 100_000_000, False),
        ("pip install -r", "ERROR: could not install", 1_000, False),
        ("python -m venv x", "ensurepip returned non-zero exit status 1", ROOM, False),
        ("pip install -r", "print('No space left on device')", ROOM, True),
    ],
)
def test_nobody_is_blamed_for_a_full_disk_or_for_our_own_step(
    tmp_path: Path, command: str, said: str, free_bytes: int, app: bool
):
    found = _failure(web(tmp_path), command.split(), 1, said, free_bytes)

    assert isinstance(found, AppFault) is app
    assert ("disk is full" in str(found)) is (free_bytes != ROOM)


def plan(folder: Path, image: str, **more: object) -> ServicePlan:
    (folder / "requirements.txt").write_text("")
    text = f'FROM {image}\nENV PORT=8000\nCMD ["python", "app.py"]\n'
    return ServicePlan("web", context=folder, dockerfile=text, **more)  # type: ignore[arg-type]


def test_the_image_an_app_was_written_for_is_remembered(tmp_path: Path):
    (found,) = recipe(plan(tmp_path, "python:3.99-slim")).substitutions

    assert str(found).startswith("base image python:3.99-slim -> python:3.")


def test_python_2_is_not_served_by_this_hosts_python(tmp_path: Path):
    with pytest.raises(PlatformError, match=r"wants python:2\.7") as caught:
        recipe(plan(tmp_path, "python:2.7"))

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION


def test_files_of_its_own_need_an_engine_unless_they_are_its_source(tmp_path: Path):
    (tmp_path / "key").write_text("k")

    assert recipe(plan(tmp_path, "python:3.11", files=(OwnFile("/app", tmp_path),)))
    with pytest.raises(PlatformError, match="mounts files of its own"):
        recipe(plan(tmp_path, "python:3.11", files=(OwnFile("/run/key", tmp_path / "key"),)))
