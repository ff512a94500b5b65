"""Judges a change of Assay's own speed: two trees side by side, or results that were kept.

    python bench/compare.py --against REF [--pairs 9] [--repeats 2]
    python bench/compare.py --short
    python bench/compare.py --aa [--slower 0.2]
    python bench/compare.py BASE NEW

`--against` checks REF out beside this tree and runs `short_cases.py` in both, in turns: base, base
again, new. `--short` takes the commit in `bench/baseline.txt`; where it is not there (a shallow
clone, the first commit), nothing is compared, which it says, and the exit code is 0. `--aa`
compares this tree with itself, and with `--slower` as if the newer one took that share longer, to
see whether that is found. BASE and NEW are folders of results, as benches keep them: their
figures are put beside each other; only the same bench on the same machine is judged, and only by
several runs.

A case is slower if its processor time is, beyond the noise of the base against itself and beyond 5
%, by a permutation test of paired ratios with Holm's correction for all cases at 1 %. Elapsed time
is judged in the same way beyond 30 %: it sees waiting, and other work of the machine. The exit code
is then 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.recording import Recording
from bench.short_cases import CASES, WORKLOAD
from reports.statistics.pairs import holm
from reports.statistics.ratios import Slower, noise_floor, slower

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "bench/baseline.txt"
LEVEL = 0.01
PLANTED = (0.0, 0.05, 0.1, 0.2, 0.5)
LEAST = {"cpu_s": 0.05, "wall_s": 0.30}
_Rows = dict[str, dict[str, list[dict[str, float]]]]
"""By case and role (`base`, `again`, `new`): one value of each unit for each pair."""


class Runner:
    """A process that runs cases of a tree."""

    def __init__(self, root: Path, seed: int, slower: float = 0.0) -> None:
        script = root / "bench/short_cases.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(root), str(slower)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=root,
            env={"PYTHONHASHSEED": str(seed), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )

    def run(self, case: str) -> dict[str, Any]:
        """One run of a case."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{case}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "its process ended"}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def checked_out(ref: str) -> Generator[Path]:
    """The tree of a commit in a folder of its own, with today's workload.

    Raises:
        LookupError: there is no such commit here.
    """
    named = _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if named.returncode:
        raise LookupError(f"no commit {ref} in this clone")
    with tempfile.TemporaryDirectory(prefix="assay-base-") as folder:
        root = Path(folder) / "base"
        made = _git("worktree", "add", "--detach", "--quiet", str(root), named.stdout.strip())
        if made.returncode:
            raise LookupError(made.stderr.strip())
        try:
            for name in WORKLOAD:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, root / name)
            yield root
        finally:
            _git("worktree", "remove", "--force", str(root))


def side_by_side(
    base: Path, new: Path, pairs: int, repeats: int, slower: float = 0.0
) -> tuple[_Rows, dict[str, str]]:
    """Values of every case, and why some have none. The order within a pair takes turns."""
    rows: _Rows = {case: {"base": [], "again": [], "new": []} for case in CASES}
    lost: dict[str, str] = {}
    for pair in range(pairs):
        trees = {"base": base, "again": base, "new": new}
        extra = {"new": slower}
        runners = {
            role: Runner(root, pair + 1, extra.get(role, 0.0)) for role, root in trees.items()
        }
        order = list(runners) if pair % 2 == 0 else list(runners)[::-1]
        for case in CASES:
            if case not in lost:
                _one_pair(case, [(role, runners[role]) for role in order], repeats, rows, lost)
        for runner in runners.values():
            runner.close()
    return rows, lost


def _one_pair(
    case: str,
    runners: Sequence[tuple[str, Runner]],
    repeats: int,
    rows: _Rows,
    lost: dict[str, str],
) -> None:
    taken: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in range(repeats + 1):
        for role, runner in runners if turn % 2 else runners[::-1]:
            answer = runner.run(case)
            if "error" in answer:
                lost[case] = f"{role} cannot run it: {answer['error']}"
                return
            if turn:  # the first one imports and fills caches
                taken[role].append(answer)
    for role, answers in taken.items():
        rows[case][role].append({unit: min(one[unit] for one in answers) for unit in LEAST})


def judged(rows: _Rows, lost: Mapping[str, str]) -> list[dict[str, Any]]:
    """A verdict for each case and unit."""
    found: list[tuple[str, str, Slower]] = []
    for case, of in rows.items():
        for unit, least in LEAST.items():
            if case not in lost and of["base"]:
                base, again, new = ([one[unit] for one in of[role]] for role in of)
                floor = noise_floor(base, again, least)
                found.append((case, unit, slower(base, new, floor)))
    of_unit = {unit: iter(holm([o.p for _, u, o in found if u == unit])) for unit in LEAST}
    corrected = [next(of_unit[unit]) for _, unit, _ in found]
    return [
        {
            "case": case,
            "unit": unit,
            "ratio": round(one.ratio, 3),
            "floor": round(one.floor, 3),
            "p": p,
            "slower": p is not None and p <= LEVEL,
        }
        for (case, unit, one), p in zip(found, corrected, strict=True)
    ]


def report(rows: Sequence[Mapping[str, Any]], lost: Mapping[str, str]) -> int:
    """Print the verdicts; the exit code."""
    print(f"{'case':<16}{'of':<8}{'new/base':>9}{'floor':>8}{'p':>9}")
    for row in rows:
        verdict = "  SLOWER" if row["slower"] else ""
        print(
            f"{row['case']:<16}{row['unit']:<8}{row['ratio']:>9.3f}{row['floor']:>8.1%}"
            f"{row['p']:>9.4f}{verdict}"
        )
    for case, why in lost.items():
        print(f"{case}: not compared: {why}")
    worse = sorted({row["case"] for row in rows if row["slower"]})
    print(f"slower beyond noise: {', '.join(worse)}" if worse else "no regression beyond noise")
    return 1 if worse else 0


def against(ref: str, pairs: int, repeats: int) -> int:
    """Compare this tree with a commit."""
    recording = Recording(__file__)
    with checked_out(ref) as base:
        rows, lost = side_by_side(base, ROOT, pairs, repeats)
    verdicts = judged(rows, lost)
    code = report(verdicts, lost)
    kept = recording.write({"against": ref, "verdicts": verdicts, "lost": lost, "values": rows})
    print(f"kept in {kept}")
    return code


def against_itself(pairs: int, repeats: int, slower: float) -> int:
    """Compare this tree with itself, for the rate of false alarms or of planted slowdowns found."""
    recording = Recording(__file__)
    rows, lost = side_by_side(ROOT, ROOT, pairs, repeats, slower)
    verdicts = judged(rows, lost)
    code = report(verdicts, lost)
    planted = {"slower": slower} if slower else {}
    kept = recording.write({"verdicts": verdicts, "lost": lost, "values": rows} | planted)
    print(f"kept in {kept}")
    return code


def planted(folder: Path) -> int:
    """How often kept runs of a tree against itself fail, as they are and with slowdowns planted.

    A slowdown of one case is planted by multiplying what the newer one took.
    """
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("compare-*.json")]
    runs = [run["result"] for run in runs if not {"against", "slower"} & run["result"].keys()]
    print(f"{len(runs)} runs against itself")
    for size in PLANTED:
        found: defaultdict[str, list[bool]] = defaultdict(list)
        for run in runs:
            for case, of in run["values"].items():
                slow = {unit: [_times(one, unit, size) for one in of["new"]] for unit in LEAST}
                for unit, new in slow.items():
                    rows = {**run["values"], case: {**of, "new": new}}
                    verdicts = judged(rows, run["lost"])
                    hit = (
                        row["slower"]
                        for row in verdicts
                        if (row["case"], row["unit"]) == (case, unit)
                    )
                    found[f"{case} {unit}"].append(any(hit))
        print(f"{size:.0%}:", *(f"{name} {sum(hits)}/{len(hits)}" for name, hits in found.items()))
    return 0


def _times(one: Mapping[str, float], unit: str, size: float) -> dict[str, float]:
    return {**one, unit: one[unit] * (1 + size)}


def baseline() -> str:
    """The commit to compare with; empty: none is named."""
    try:
        lines = BASELINE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[0] for line in lines if line.strip() and line[0] != "#"), "")


def short(pairs: int, repeats: int) -> int:
    """Compare with the baseline, or say why that cannot be."""
    ref = baseline()
    if not ref:
        print("not compared: bench/baseline.txt names no commit")
        return 0
    try:
        return against(ref, pairs, repeats)
    except LookupError as error:
        print(f"not compared: {error}")
        return 0


def kept_results(base: Path, new: Path) -> int:
    """Put kept results beside each other; judge what was measured often enough."""
    results = [_kept(base), _kept(new)]
    failed = 0
    for name in sorted(results[0].keys() & results[1].keys()):
        runs = [result[name] for result in results]
        machines = {(run["machine"]["cpu"], run["machine"]["cores"]) for one in runs for run in one}
        if len(machines) > 1:
            print(f"{name}: not compared: measured on different machines")
            continue
        seconds = [[run["seconds"] for run in one] for one in runs]
        pairs = min(map(len, seconds))
        ratio = median(seconds[1]) / median(seconds[0])
        if pairs < 10:
            print(f"{name}: {ratio:.2f} times as long; {pairs} runs each, 10 are needed to judge")
            continue
        one = slower(seconds[0][:pairs], seconds[1][:pairs], LEAST["wall_s"])
        failed += one.p <= LEVEL
        print(f"{name}: {one.ratio:.2f} times as long, p {one.p:.4f}")
    return int(failed > 0)


def _kept(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        found[" ".join([run["bench"], *run["argv"]])].append(run)
    return found


def _git(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    )


def main() -> None:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", nargs="*", type=Path, help="BASE NEW")
    parser.add_argument("--against", metavar="REF")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--aa", action="store_true")
    parser.add_argument("--slower", type=float, default=0.0, metavar="SHARE", help="with --aa")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--planted", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.planted:
        sys.exit(planted(given.planted))
    if given.short:
        sys.exit(short(given.pairs, given.repeats))
    if given.aa:
        sys.exit(against_itself(given.pairs, given.repeats, given.slower))
    if given.against:
        sys.exit(against(given.against, given.pairs, given.repeats))
    if len(given.results) != 2:
        parser.error("name two folders of results, or --against REF, --short or --aa")
    sys.exit(kept_results(*given.results))


if __name__ == "__main__":
    main()
