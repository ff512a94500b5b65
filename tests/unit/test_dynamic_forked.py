"""Several runs of one loaded program: each ends by itself, and none takes another with it."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from analyzers.dynamic import forked
from analyzers.dynamic.scanners import Confined
from analyzers.dynamic.wapiti_modules import PROGRAM, Attack, Attacked
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.reasons import cause_of
from analyzers.runtime.tool import Command, Completed, ToolRun
from contract.analysis import SkipCause

LOADED = """
import os, sys, time
loaded = os.getpid()
seen = []
def main():
    seen.append(1)
    what = sys.argv[-1]
    print("as", sys.argv[1:], len(seen), os.getpid() != loaded, flush=True)
    if what == "hangs":
        time.sleep(60)
    if what == "raises":
        raise ValueError("no good")
    if what == "gives-up":
        sys.exit(3)
    if what == "complains":
        sys.exit("said why")
    if what == "slow":
        time.sleep(0.3)
"""


def run_all(folder: Path, *words: str, limit_s: float = 60, each_s: float = 20) -> dict[str, Any]:
    (folder / "program.py").write_text(LOADED)
    job = forked.Job(
        module="program",
        function="main",
        limit_s=limit_s,
        ended="ended.json",
        runs=[forked.Run(name=word, arguments=[word], limit_s=each_s) for word in words],
    )
    subprocess.run(
        [sys.executable, forked.__file__, json.dumps(job), "--shared"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        check=True,
        timeout=60,
    )
    return {one["name"]: one for one in json.loads((folder / "ended.json").read_text())}


def test_each_run_is_a_process_of_its_own_with_its_own_arguments(tmp_path: Path):
    ended = run_all(tmp_path, "first", "second")

    assert {name: one["exit_code"] for name, one in ended.items()} == {"first": 0, "second": 0}
    for name in ended:
        assert (tmp_path / f"{name}.log").read_text() == f"as ['--shared', '{name}'] 1 True\n"


def test_how_a_run_ends_is_told_and_the_next_one_goes_on(tmp_path: Path):
    ended = run_all(tmp_path, "raises", "gives-up", "complains", "hangs", "last", each_s=1)

    codes = {name: one["exit_code"] for name, one in ended.items()}
    assert codes == {"raises": 1, "gives-up": 3, "complains": 1, "hangs": -9, "last": 0}
    assert "ValueError: no good" in (tmp_path / "raises.log").read_text()
    assert ended["hangs"]["spent_s"] >= 1


def test_no_run_begins_after_the_jobs_time(tmp_path: Path):
    ended = run_all(tmp_path, "slow", "late", limit_s=0.2)

    assert [one["exit_code"] for one in ended.values()] == [0, None]
    assert not (tmp_path / "late.log").exists()


# ---- what became of wapiti's modules


async def attacked(folder: Path, ended: list[forked.Ended], **files: str) -> dict[str, Attacked]:
    """What is said of the runs of three groups that ended so and left these files."""
    groups = (("sql",), ("xss", "permanentxss"), ("exec",))
    box = Confinement(folder, {}, (), ())

    async def execute(command: Command) -> Completed:
        for name, text in files.items():
            file = box.folder / name.replace("__", ".")
            _, arrow, target = text.partition("-> ")
            file.symlink_to(target) if arrow else file.write_text(text)
        output = json.dumps(ended).encode()
        return Completed(command.argv, 0, b"", b"", output, duration_s=1)

    means = Confined(ToolRun.__new__(ToolRun), execute, box)
    results = await Attack((), 5, 40, b"").run(means, sys.executable, groups)
    return {one[0]: result for one, result in zip(groups, results, strict=True)}


def ended(name: str, exit_code: int | None) -> forked.Ended:
    return forked.Ended(name=f"wapiti-{name}", exit_code=exit_code, spent_s=7)


async def test_only_what_wapiti_began_counts_as_run(tmp_path: Path):
    found = await attacked(
        tmp_path,
        [ended("sql", 0), ended("xss", 0), ended("exec", 0)],
        **{
            "wapiti-sql__log": "[*] Launching module sql\n",
            "wapiti-sql__json": "{}",
            "wapiti-xss__log": "[*] Launching module xss\n[!] Missing dependencies for module "
            "permanentxss:\nan app wrote [*] Launching module permanentxss\n",
            "wapiti-xss__json": "{}",
            "wapiti-exec__log": "[*] Launching module exec\n"
            "Max attack time was reached for module exec, stopping.\n",
            "wapiti-exec__json": "{}",
        },
    )

    assert found["sql"] == Attacked(("sql",), {}, b"{}")
    assert found["xss"] == Attacked(("xss",), {"permanentxss": "wapiti did not begin it"}, b"{}")
    assert found["exec"] == Attacked(("exec",), {"exec": "stopped by itself after 5 s"}, b"{}")
    assert cause_of(found["exec"].skipped["exec"]) is SkipCause.PARTIAL


async def test_a_module_that_was_killed_failed_or_left_nothing_is_named_and_no_other(
    tmp_path: Path,
):
    found = await attacked(
        tmp_path,
        [ended("sql", -9), ended("xss", 1), ended("exec", 0)],
        **{
            "wapiti-sql__log": "[*] Launching module sql\n",
            "wapiti-xss__log": "no such option",
            "wapiti-exec__log": "[*] Launching module exec\n",
        },
    )

    assert "killed after 7 s" in found["sql"].skipped["sql"]
    assert found["xss"].skipped["permanentxss"] == "wapiti: exit code 1: no such option"
    assert "no wapiti-exec.json was written" in found["exec"].skipped["exec"]
    assert {one.ran for one in found.values()} == {()}


async def test_what_lies_beside_the_script_is_not_taken_for_the_standard_library(tmp_path: Path):
    """As `http.py` is, where the script is not the only thing of ours that wapiti sees."""
    (tmp_path / "http.py").write_text("raise SystemExit(9)")
    script = shutil.copy(forked.__file__, tmp_path)
    job = forked.Job(
        module="http.cookies",
        function="SimpleCookie",
        limit_s=9,
        ended="ended.json",
        runs=[forked.Run(name="one", arguments=[], limit_s=9)],
    )

    async def execute(command: Command) -> Completed:
        at = command.argv.index(str(PROGRAM))
        line = (*command.argv[at - 3 : at], script, json.dumps(job))
        await asyncio.to_thread(subprocess.run, line, cwd=tmp_path, check=True)
        return Completed(command.argv, 0, b"", b"", b"[]", duration_s=1)

    means = Confined(ToolRun.__new__(ToolRun), execute, Confinement(tmp_path, {}, (), ()))
    await Attack((), 5, 40, b"").run(means, sys.executable, ())

    assert json.loads((tmp_path / "ended.json").read_text())[0]["exit_code"] == 0


async def test_a_report_that_is_a_link_is_not_read(tmp_path: Path):
    (tmp_path / "secret").write_text("{}")

    found = await attacked(
        tmp_path,
        [ended("sql", 0), ended("xss", None), ended("exec", None)],
        **{"wapiti-sql__log": "[*] Launching module sql\n", "wapiti-sql__json": "-> ../secret"},
    )

    assert found["sql"].report == b""
    assert found["exec"].skipped == {"exec": "not reached within 40 s"}


async def test_what_the_runs_over_another_target_left_is_not_read_again(tmp_path: Path):
    rows = [ended("sql", 0), ended("xss", None), ended("exec", None)]
    log = {"wapiti-sql__log": "[*] Launching module sql\n"}

    first = await attacked(tmp_path, rows, **log, **{"wapiti-sql__json": "{}"})
    second = await attacked(tmp_path, rows, **log)

    assert first["sql"].report == b"{}"
    assert "no wapiti-sql.json was written" in second["sql"].skipped["sql"]
