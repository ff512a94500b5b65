"""Benches: what is kept of a run, and when a change of Assay's own speed is called one."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import compare, recording
from reports.statistics.ratios import noise_floor, slower

PAIRS = 9


def times(seed: int, factor: float = 1.0, noise: float = 0.02) -> list[float]:
    drawn = np.random.default_rng(seed).standard_t(4, PAIRS)
    return list(factor * np.exp(noise * drawn))


def test_a_planted_slowdown_is_found_and_none_is_not():
    found = [slower(times(n), times(n + 500, 1.2), 0.05).p <= 0.002 for n in range(100)]
    false = [slower(times(n), times(n + 500), 0.05).p <= 0.002 for n in range(300)]
    faster = slower(times(1), times(2, 0.5), 0.05)

    assert sum(found) > 90
    assert sum(false) == 0
    assert (faster.p, round(faster.ratio, 1)) == (1.0, 0.5)


def test_the_floor_is_what_the_same_code_differs_from_itself():
    assert noise_floor(times(1, noise=0.001), times(2, noise=0.001), 0.05) == 0.05
    assert noise_floor(times(1, noise=0.2), times(2, noise=0.2), 0.05) > 0.1
    noisy = times(1, noise=0.2), times(2, 1.15, noise=0.2)
    assert slower(*noisy, noise_floor(*noisy, 0.05)).p > 0.01


def rows(factor: float) -> dict:
    of = {"base": times(1), "again": times(2), "new": times(3, factor)}
    units = {role: [{"cpu_s": t, "wall_s": t} for t in values] for role, values in of.items()}
    return {"report": units, "lost": {role: [] for role in of}}


def test_a_slower_case_fails_and_one_that_the_base_cannot_run_does_not(capsys):
    lost = {"lost": "base cannot run it: ImportError"}

    slow = compare.judged(rows(1.2), lost)
    same = compare.judged(rows(1.0), lost)

    assert [row["slower"] for row in slow] == [True, False]  # elapsed time: below 30 %
    assert compare.report(slow, lost) == 1
    assert compare.report(same, lost) == 0
    assert "lost: not compared: base cannot run it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# none yet\n", "bench/baseline.txt names no commit"),
        ("0123456789abcdef\n", "no commit 0123456789abcdef"),
    ],
)
def test_without_a_base_nothing_is_compared(text, why, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare, "BASELINE", tmp_path / "baseline.txt")
    (tmp_path / "baseline.txt").write_text(text)

    assert compare.short(2, 1) == 0
    assert f"not compared: {why}" in capsys.readouterr().out


def test_a_run_is_kept_with_its_machine_and_what_it_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(recording.FOLDER, str(tmp_path))
    monkeypatch.delenv("BENCH_CHILD", raising=False)
    monkeypatch.setattr(sys, "argv", ["bench", "--apps", "3"])

    def main() -> int:
        print('some words {"no": 1}\n{"ratio": 0.5}\n{\n "rows": [1, 2]\n}\nbye')
        return 4

    with pytest.raises(SystemExit) as end:
        recording.recorded("/x/bench_this.py", main)

    (path,) = Path(tmp_path).glob("bench_this-*.json")
    kept = json.loads(path.read_text())
    assert (end.value.code, kept["result"]["exit"], kept["argv"]) == (4, 4, ["--apps", "3"])
    assert kept["result"]["figures"] == [{"ratio": 0.5}, {"rows": [1, 2]}]
    assert {"cpu", "cores", "kernel", "python", "load_at_begin"} <= kept["machine"].keys()
    assert "bye" in capsys.readouterr().out


def test_kept_results_of_different_machines_are_not_judged(tmp_path, capsys):
    for name, cpu, seconds in (("base", "a", 10), ("new", "a", 20), ("other", "b", 20)):
        (tmp_path / name).mkdir()
        for run in range(10):
            kept = {
                "bench": "bench_x",
                "argv": [],
                "machine": {"cpu": cpu, "cores": 2},
                "seconds": seconds + run / 100,
            }
            (tmp_path / name / f"{run}.json").write_text(json.dumps(kept))

    assert compare.kept_results(tmp_path / "base", tmp_path / "new") == 1
    assert compare.kept_results(tmp_path / "base", tmp_path / "other") == 0
    assert compare.kept_results(tmp_path / "base", tmp_path / "base") == 0
    assert "measured on different machines" in capsys.readouterr().out
