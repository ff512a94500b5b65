"""Builds of twelve small apps, cold and warm, beside the classic builder's, in this run.

    python bench/bench_builds.py [--json]

Three apps each of four kinds: Flask and Express, requirements copied first or with all the source.
Apps of a kind have the same dependencies and another source. Each way builds them one after another
with dependencies that no cache knows. `second` is the time of a kind's later apps over its first's.
Needs a Docker engine with the base images; what it builds is removed.
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


async def build_all(builds: Builds, npm: dict[str, str]) -> dict[str, list[tuple[float, float]]]:
    """Cold and warm seconds of each app, by kind."""
    spent: dict[str, list[tuple[float, float]]] = {}
    for kind, text in KINDS.items():
        salt = uuid.uuid4().hex
        if "flask" in kind:
            files = {"requirements__txt": f"flask==3.0.3  # {salt}\nrequests==2.32.3\n"}
        else:
            package = json.loads(npm["package__json"]) | {"description": salt}
            files = npm | {"package__json": json.dumps(package)}
        for number in range(APPS_OF_A_KIND):
            source = {"app__py": f"x = {number}\n", "app__js": f"x = {number}\n"}
            plan = builds.plan(text, None, **files, **source)
            times: list[float] = []
            for _ in ("cold", "warm"):
                started = time.monotonic()
                await builds.ensure(plan)
                times.append(time.monotonic() - started)
            spent.setdefault(kind, []).append((times[0], times[1]))
    return spent


def classic(builds: Builds) -> None:
    """Build as on a host where BuildKit's steps cannot be guarded, with Dockerfiles as written."""
    builds.images = builds.make(obstacle="to compare")


def as_written(read: Dockerfile, _: Path) -> Dockerfile:
    """No install moved."""
    return read


def shown(spent: dict[str, list[tuple[float, float]]]) -> dict[str, object]:
    """Sums, and how much less later apps of a kind take."""
    second = {
        kind: statistics.mean(cold for cold, _ in times[1:]) / times[0][0]
        for kind, times in spent.items()
    }
    return {
        "cold_s": round(sum(cold for times in spent.values() for cold, _ in times), 1),
        "warm_s": round(sum(warm for times in spent.values() for _, warm in times), 1),
        "second": {kind: round(ratio, 2) for kind, ratio in second.items()},
    }


def main() -> None:
    """Measure both ways and print their figures and the ratio."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args()
    found: dict[str, dict[str, object]] = {}
    move = building_of_images.with_early_installs
    for way in ("classic, as written", "now"):
        with tempfile.TemporaryDirectory() as folder, builds_in(Path(folder)) as builds:
            npm = locks(builds)
            if way != "now":
                classic(builds)
                building_of_images.with_early_installs = as_written
            else:
                building_of_images.with_early_installs = move
            found[way] = shown(asyncio.run(build_all(builds, npm)))
    before, now = found["classic, as written"], found["now"]
    ratio = {
        key: round(float(str(now[key])) / float(str(before[key])), 2)
        for key in ("cold_s", "warm_s")
    }
    if options.json:
        print(json.dumps({**found, "ratio": ratio}, indent=2))
        return
    for way, figures in found.items():
        print(f"{way}: {figures}")
    print(f"now / before: {ratio}")


if __name__ == "__main__":
    main()
