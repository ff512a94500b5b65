"""Dependencies as people write them down: encodings, includes, workspaces, every lock file."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from analyzers.appsource.dependencies import Manifests, nothing_named, read_manifests
from analyzers.appsource.npm_locks import read_npm_lock
from analyzers.appsource.npm_pins import write_pins
from analyzers.appsource.npm_projects import npm_projects
from analyzers.appsource.python_manifests import python_manifests, read_python
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed, NotApplicable, ToolFault
from analyzers.static.tools.npm_audit import NpmAudit
from analyzers.static.tools.pip_audit import PipAudit
from tests.support.cases import case_app
from tests.support.static_run import make_run, reads_manifests, run_here

PINNED = "flask==0.12.2\njinja2==2.4.1\n"


def lay(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (root / name).write_bytes(data)
    return root


async def manifests_of(root: Path, tmp_path: Path) -> Manifests:
    workspace = tmp_path / "workspace"
    workspace.mkdir(exist_ok=True)
    return await read_manifests(make_run(list_source(root), workspace), Runner(workspace))


def versions(found: Manifests) -> dict[str, str]:
    return {item.name: item.version for item in found.python if item.exact}


@pytest.mark.parametrize("case", ["20", "23"])
async def test_python_cases_name_the_vulnerable_jinja(case: str, tmp_path: Path):
    found = await manifests_of(case_app(case), tmp_path)

    assert versions(found)["jinja2"] == "2.4.1"
    assert not found.python_faults


@pytest.mark.parametrize(
    "coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1", "utf-32"]
)
async def test_requirements_in_any_encoding_are_read(coding: str, tmp_path: Path):
    text = f"# für alle\n{PINNED}".replace("\n", "\r\n")
    root = lay(tmp_path / "app", {"requirements.txt": text.encode(coding)})

    found = await manifests_of(root, tmp_path)

    assert versions(found) == {"flask": "0.12.2", "jinja2": "2.4.1"}
    assert [item.line for item in found.python] == [2, 3]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": "-rd/a.txt\n", "d/a.txt": "-r b.txt\n", "d/b.txt": PINNED}, 2),
        ({"requirements.txt": "--requirement=x/y.txt", "x/y.txt": PINNED}, 2),
        ({"requirements/dev.txt": "-r base.txt\n", "requirements/base.txt": PINNED}, 2),
        ({"requirements.txt": "-r b.txt\n" + PINNED, "b.txt": "-r requirements.txt"}, 2),
        ({"requirements.txt": "flask\nJinja2\n-c pins.txt", "pins.txt": PINNED + "unused==1"}, 2),
        ({"requirements.txt": "-r all.txt", "all.txt": "flask\n-c c.txt", "c.txt": PINNED}, 1),
    ],
)  # fmt: skip
def test_includes_and_constraints_are_followed_once(
    files: dict[str, str], expected: int, tmp_path: Path
):
    root = lay(tmp_path, files)

    found, faults = read_python(root, python_manifests(sorted(files)))

    assert len([item for item in found if item.exact]) == len(found) == expected
    assert not faults


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-r missing.txt", "could not be read"),
        ("-r ../../outside.txt", "outside the app"),
        ("-r /etc/passwd", "outside the app"),
        ("-r https://user:secret@example.org/r.txt", "an address outside the app"),
        ("-r pipe.txt", "not a regular file"),
        ("-r link.txt", "outside the app"),
    ],
)
def test_an_include_that_cannot_be_read_is_named(line: str, reason: str, tmp_path: Path):
    root = lay(tmp_path / "app", {"requirements.txt": f"{PINNED}{line}\n"})
    (tmp_path / "outside.txt").write_text("secret==1")
    os.mkfifo(root / "pipe.txt")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")

    found, faults = read_python(root, ["requirements.txt"])

    assert len(found) == 2
    (what,), (why,) = faults.keys(), faults.values()
    assert reason in why
    assert "secret" not in what


def test_lines_that_are_no_requirement_are_named_not_dropped(tmp_path: Path):
    root = lay(tmp_path, {"requirements.txt": "<<<<<<< HEAD\nflask == 1.0\n=======\nfoo bar\n"})

    found, _ = read_python(root, ["requirements.txt"])

    assert [(item.name, bool(item.why)) for item in found] == [
        ("<<<<<<< HEAD", True),
        ("flask", False),
        ("=======", True),
        ("foo bar", True),
    ]


SETUP = """from setuptools import setup
NEEDS = ["flask==0.12.2", "requests"]
setup(name="x", install_requires=NEEDS, extras_require={"dev": ["jinja2==2.4.1"]})
"""
SETUP_CFG = "[options]\ninstall_requires =\n    flask==0.12.2\n    requests>=2\n"
CONDA = "dependencies:\n  - python=3.11\n  - numpy=1.26\n  - pip:\n    - flask==0.12.2\n"
PYPROJECT = (
    '[project]\ndynamic = ["dependencies"]\n'
    '[tool.setuptools.dynamic]\ndependencies = { file = ["deps/all.txt"] }\n'
    '[dependency-groups]\ndev = ["jinja2==2.4.1", {include-group = "x"}]\n'
)


@pytest.mark.parametrize(
    ("files", "exact"),
    [
        ({"setup.py": SETUP}, {"flask", "jinja2"}),
        ({"setup.cfg": SETUP_CFG}, {"flask"}),
        ({"environment.yml": CONDA}, {"flask"}),
        ({"pyproject.toml": PYPROJECT, "deps/all.txt": "flask==0.12.2"}, {"flask", "jinja2"}),
        ({"pylock.dev.toml": '[[packages]]\nname = "flask"\nversion = "1"'}, {"flask"}),
        ({"dev-requirements.txt": "flask==1 \\\n  --hash=sha256:ab\n"}, {"flask"}),
    ],
)
def test_other_python_manifests(files: dict[str, str], exact: set[str], tmp_path: Path):
    root = lay(tmp_path, files)

    found, faults = read_python(root, python_manifests(sorted(files)))

    assert {item.name for item in found if item.exact} == exact
    assert not faults


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.py", "setup(install_requires=open('r').read())"),
        ("setup.py", "setup(**config)"),
        ("setup.py", "print 'x'"),
        ("setup.cfg", "[options]\ninstall_requires = file: reqs.in"),
        ("environment.yml", "dependencies: [\n"),
        ("environment.yml", "a: " + "[" * 200),
        ("requirements.txt", b"\x00\x01\x02flask"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_a_fault(name: str, text: str | bytes, tmp_path: Path):
    root = lay(tmp_path, {name: text})

    found, faults = read_python(root, [name])

    assert not found
    assert "could not be read" in faults[name]


YARN = (
    "# yarn lockfile v1\n\n"
    '"@babel/core@^7.0.0", "@babel/core@^7.1.0":\n  version "7.1.6"\n  resolved "https://x"\n\n'
    'lodash@^4.17.4:\n  version "4.17.4"\n\n'
    'own@git+https://example.org/own.git:\n  version "1.0.0"\n\n'
    'left@npm:lodash@3:\n  version "3.0.0"\n'
)
BERRY = (
    "__metadata:\n  version: 8\n\n"
    '"lodash@npm:^4.17.4":\n  version: 4.17.4\n  resolution: "lodash@npm:4.17.4"\n'
    '"@mono/api@workspace:packages/api":\n  version: 0.0.0-use.local\n'
    '  resolution: "@mono/api@workspace:packages/api"\n'
    '"@babel/core@npm:^7":\n  version: 7.1.6\n  resolution: "@babel/core@npm:7.1.6"\n'
    '"own@https://example.org/x.git":\n  resolution: "own@https://example.org/x.git#commit=1"\n'
)
PNPM = (
    "lockfileVersion: '9.0'\npackages:\n  '@babel/core@7.1.6':\n    resolution: {integrity: x}\n"
    "  lodash@4.17.4:\n    resolution: {integrity: x}\n"
    "  own@https://example.org/x.tgz:\n    resolution: {tarball: x}\n"
)
PNPM_5 = (
    "lockfileVersion: 5.4\npackages:\n"
    "  /lodash/4.17.4:\n    x: 1\n  /@babel/core/7.1.6_a@1:\n    x: 1\n"
)
PNPM_6 = (
    "lockfileVersion: '6.0'\npackages:\n"
    "  /lodash@4.17.4:\n    x: 1\n  /@babel/core@7.1.6(a@1):\n    x: 1\n"
)
BUN = (
    '{\n  "lockfileVersion": 1,\n  "packages": {\n    "lodash": ["lodash@4.17.4", "", {}, "sha"],\n'
    '    "@babel/core": ["@babel/core@7.1.6", "", {}, "sha"],\n  }\n}\n'
)
NPM = json.dumps(
    {
        "packages": {
            "node_modules/lodash": {"version": "4.17.4"},
            "node_modules/core": {"name": "@babel/core", "version": "7.1.6"},
        }
    }
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yarn.lock", YARN),
        ("yarn.lock", BERRY),
        ("pnpm-lock.yaml", PNPM),
        ("pnpm-lock.yaml", PNPM_5),
        ("pnpm-lock.yaml", PNPM_6),
        ("bun.lock", BUN),
        ("npm-shrinkwrap.json", NPM),
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_every_lock_file_of_javascript_is_read(name: str, text: str, coding: str, tmp_path: Path):
    root = lay(tmp_path, {name: text.encode(coding)})

    found = read_npm_lock(root, name)

    pins = {(item.name, item.version) for item in found if item.exact}
    assert {("lodash", "4.17.4"), ("@babel/core", "7.1.6")} <= pins
    assert not [item for item in found if item.name == "own" and item.exact]
    assert not [item for item in found if item.name.startswith("@mono")]


PNPM_MEMBERS = "packages:\n- packages/*\n"
ROOT = {"name": "mono", "private": True}
MEMBER = {"name": "@mono/api", "dependencies": {"lodash": "^4.17.4", "@mono/ui": "workspace:*"}}


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": {**ROOT, "workspaces": ["packages/*"]}, "package-lock.json": NPM},
        {"package.json": {**ROOT, "workspaces": {"packages": ["./p*/**"]}}, "yarn.lock": BERRY},
        {"package.json": ROOT, "pnpm-workspace.yaml": PNPM_MEMBERS, "pnpm-lock.yaml": PNPM},
        {"package.json": ROOT, "lerna.json": '{"packages": ["packages/*"]}', "yarn.lock": YARN},
    ],
)  # fmt: skip
def test_a_workspace_member_uses_its_roots_lock(files: dict[str, object], tmp_path: Path):
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in files.items()}
    texts |= {"packages/api/package.json": json.dumps(MEMBER, indent=1)}
    texts |= {"packages/ui/package.json": '{"name": "@mono/ui"}'}
    root = lay(tmp_path, texts)

    (project,), faults = npm_projects(root, sorted(texts))

    assert not faults
    assert project.manifests[0] == "package.json"
    found = {(item.name, item.version): item for item in project.dependencies}
    lodash = found["lodash", "4.17.4"]
    assert (lodash.path, lodash.line) == ("packages/api/package.json", 4)
    assert "@mono/ui" not in {item.name for item in project.direct}


def test_case_22_reports_the_locked_lodash(tmp_path: Path):
    root = case_app("22")
    files = list_source(root).files

    (project,), faults = npm_projects(root, files)

    assert not faults
    assert [(item.name, item.version) for item in project.dependencies] == [("lodash", "4.17.4")]


def test_a_folder_beside_the_members_has_no_lock_of_theirs(tmp_path: Path):
    root = lay(
        tmp_path,
        {
            "package.json": json.dumps({**ROOT, "workspaces": ["packages/*", "!packages/old"]}),
            "package-lock.json": NPM,
            "packages/old/package.json": '{"dependencies": {"x": "1.0.0"}}',
            "tool/package.json": '{"dependencies": {"y": "1.0.0"}}',
        },
    )

    projects, _ = npm_projects(root, list_source(root).files)

    assert [one.lock for one in projects] == ["package-lock.json", "", ""]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yarn.lock", "nonsense"),
        ("pnpm-lock.yaml", "a: [1"),
        ("pnpm-lock.yaml", "a: " + "{b: " * 500),
        ("package-lock.json", "[" * 100_000),
        ("bun.lockb", "#!/usr/bin/env bun\n"),
    ],
)
def test_a_lock_that_cannot_be_read_is_named_and_the_manifest_stands_in(
    name: str, text: str, tmp_path: Path
):
    root = lay(tmp_path, {"package.json": '{"dependencies": {"x": "1.0.0"}}', name: text})

    (project,), faults = npm_projects(root, ["package.json", name])

    assert name in faults
    assert [item.name for item in project.dependencies] == ["x"]


@pytest.mark.parametrize("pattern", ["**/" * 60 + "x", "*a" * 50, "(((", "packages/[", "{a,b"])
def test_patterns_of_a_hostile_workspace_end(pattern: str, tmp_path: Path):
    root = lay(
        tmp_path,
        {
            "package.json": json.dumps({"workspaces": [pattern]}),
            "yarn.lock": YARN,
            "a" * 60 + "/package.json": "{}",
        },
    )

    projects, _ = npm_projects(root, list_source(root).files)

    assert len(projects) == 2


def test_nothing_is_said_to_be_named_only_where_all_was_read():
    assert isinstance(nothing_named({}), NotApplicable)
    fault = nothing_named({"requirements.txt": "could not be read: binary"})
    assert isinstance(fault, ToolFault)
    assert "requirements.txt: could not be read: binary" in str(fault)


async def test_an_audit_of_what_cannot_be_read_is_no_absence(tmp_path: Path):
    root = lay(tmp_path / "app", {"requirements.txt": b"\x00\x01\x02", "setup.py": "setup(**x)"})
    workspace = tmp_path / "w"
    workspace.mkdir()

    with pytest.raises(ToolFault, match=r"dependencies could not be read: .*setup\.py"):
        await PipAudit().run(make_run(list_source(root), workspace), Runner(workspace))


async def test_the_audit_is_handed_what_includes_pin(tmp_path: Path):
    workspace = tmp_path / "w"
    workspace.mkdir()
    handed: list[str] = []

    async def execute(command: Command) -> Completed:
        if reads_manifests(command):
            return run_here(command)
        handed.extend((workspace / "pins.txt").read_text().split())
        answers = [{"name": one.partition("==")[0], "vulns": []} for one in handed]
        raw = json.dumps({"dependencies": answers}).encode()
        return Completed(command.argv, 0, raw, b"", raw, 0.1)

    parsed = await PipAudit().run(make_run(list_source(case_app("23")), workspace), execute)

    assert handed == ["flask==0.12.2", "jinja2==2.4.1"]
    assert parsed.coverage.reached == 2


async def test_npm_is_handed_the_locks_versions_and_nothing_else(tmp_path: Path):
    shutil.copytree(case_app("22"), tmp_path / "app")
    (tmp_path / "app/package-lock.json").unlink()
    lay(tmp_path / "app", {"yarn.lock": YARN})
    workspace = tmp_path / "w"
    workspace.mkdir()
    commands: list[tuple[str, ...]] = []

    async def execute(command: Command) -> Completed:
        if reads_manifests(command):
            return run_here(command)
        commands.append(command.argv)
        raw = json.dumps(
            {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 9}}}
        ).encode()
        return Completed(command.argv, 0, raw, b"", raw, 0.1)

    parsed = await NpmAudit().run(make_run(list_source(tmp_path / "app"), workspace), execute)

    assert [one[1] for one in commands] == ["audit"]
    lock = json.loads((workspace / "0/package-lock.json").read_text())["packages"]
    pins = {(one.get("name") or place.rpartition("node_modules/")[2], one["version"])
            for place, one in lock.items() if place}  # fmt: skip
    assert pins == {("@babel/core", "7.1.6"), ("lodash", "4.17.4"), ("lodash", "3.0.0")}
    assert "example.org" not in json.dumps(lock)
    assert (parsed.coverage.reached, parsed.coverage.given) == (3, 4)
    assert [one.what for one in parsed.coverage.skipped] == ["own==? (yarn.lock)"]


def test_pins_are_written_once(tmp_path: Path):
    lay(tmp_path / "app", {"package-lock.json": NPM})
    found = read_npm_lock(tmp_path / "app", "package-lock.json")

    write_pins(tmp_path, [*found, *found])

    wanted = json.loads((tmp_path / "package.json").read_text())["dependencies"]
    assert wanted == {"lodash": "4.17.4", "@babel/core": "7.1.6"}
