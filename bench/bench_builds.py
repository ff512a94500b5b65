"""Builds twelve small apps, cold and warm, and compares with the classic builder in the same run.

    python bench/bench_builds.py [--json]

There are three apps of each of four kinds: Flask and Express, each with its requirements copied
first or together with all the source. Apps of a kind have the same dependencies and different
source. Each way builds them one after another, with dependencies that are in no cache. `second` is
the time of a kind's later apps divided by the time of its first app. The benchmark needs a Docker
engine with the base images, and removes what it builds.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.recording import recorded
from clients.docker import images as building_of_images
from clients.docker.dockerfile import Dockerfile
from tests.support.builds import Builds, builds_in

PYTHON = "FROM python:3.11-slim\nWORKDIR /app\n{}CMD python app.py\n"
NODE = "FROM node:20-slim\nWORKDIR /app\n{}CMD node app.js\n"
PIP, NPM = "RUN pip install --no-cache-dir -r requirements.txt\n", "RUN npm ci --omit=dev\n"
KINDS = {
    "flask, requirements first": PYTHON.format(f"COPY requirements.txt .\n{PIP}COPY . .\n"),
    "flask, all at once": PYTHON.format(f"COPY . .\n{PIP}"),
    "express, package first": NODE.format(f"COPY package*.json ./\n{NPM}COPY . .\n"),
    "express, all at once": NODE.format(f"COPY . .\n{NPM}"),
}
APPS_OF_A_KIND = 3
BEFORE, NOW = "classic, as written", "now"
SUMS = ("cold_s", "warm_s")
MOVE = building_of_images.with_early_installs
LOCK = "cd /tmp && npm init -y >/dev/null && npm install --package-lock-only {} >/dev/null && cat"


def locks(builds: Builds) -> dict[str, str]:
    """`package.json` and its lock, without addresses of a registry."""
    command = f"{LOCK.format('express@4')} package.json package-lock.json"
    said = builds.client.containers.run("assay/node:20", ["sh", "-c", command], remove=True)
    text = bytes(said).decode()
    package, end = json.JSONDecoder().raw_decode(text)
    lock = json.loads(text[end:])
    for entry in lock["packages"].values():
        entry.pop("resolved", None)
    package["scripts"] = {}
    return {"package__json": json.dumps(package), "package-lock__json": json.dumps(lock)}


async def build_kind(builds: Builds, kind: str, npm: dict[str, str]) -> list[tuple[float, float]]:
    """Cold and warm seconds of each app of a kind; its dependencies are in no cache."""
    salt = uuid.uuid4().hex
    if "flask" in kind:
        files = {"requirements__txt": f"flask==3.0.3  # {salt}\nrequests==2.32.3\n"}
    else:
        package = json.loads(npm["package__json"]) | {"description": salt}
        files = npm | {"package__json": json.dumps(package)}
    spent: list[tuple[float, float]] = []
    for number in range(APPS_OF_A_KIND):
        source = {"app__py": f"x = {number}\n", "app__js": f"x = {number}\n"}
        plan = builds.plan(KINDS[kind], None, **files, **source)
        times: list[float] = []
        for _ in ("cold", "warm"):
            started = time.monotonic()
            await builds.ensure(plan)
            times.append(time.monotonic() - started)
        spent.append((times[0], times[1]))
    return spent


def as_written(read: Dockerfile, _: Path) -> Dockerfile:
    """Leave every install where the Dockerfile has it."""
    return read


def measure(kind: str, way: str, npm: dict[str, str]) -> dict[str, float]:
    """Seconds of one kind in one way, and the share that its later apps take of its first."""
    building_of_images.with_early_installs = MOVE if way == NOW else as_written
    with tempfile.TemporaryDirectory() as folder, builds_in(Path(folder)) as builds:
        if way == BEFORE:  # as on a host where BuildKit's steps cannot be guarded
            builds.images = builds.make(obstacle="to compare")
        spent = asyncio.run(build_kind(builds, kind, npm))
    second = statistics.mean(cold for cold, _ in spent[1:]) / spent[0][0]
    return {
        "cold_s": round(sum(cold for cold, _ in spent), 1),
        "warm_s": round(sum(warm for _, warm in spent), 1),
        "second": round(second, 2),
    }


def main() -> None:
    """Measure both ways, kind by kind, and print their figures and the ratio."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--kind", choices=[*KINDS], action="append", help="only this one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, builds_in(Path(folder)) as builds:
        npm = locks(builds)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in options.kind or KINDS:
        found[kind] = {way: measure(kind, way, npm) for way in (BEFORE, NOW)}
        if not options.json:
            print(f"{kind}: {found[kind]}", flush=True)
    sums = {
        way: {figure: round(sum(one[way][figure] for one in found.values()), 1) for figure in SUMS}
        for way in (BEFORE, NOW)
    }
    ratio = {figure: round(sums[NOW][figure] / sums[BEFORE][figure], 2) for figure in SUMS}
    told = {"kinds": found, "all": sums, "ratio": ratio}
    print(json.dumps(told, indent=2) if options.json else f"all: {sums}\nnow / before: {ratio}")


if __name__ == "__main__":
    recorded(__file__, main)
