"""What Assay is made of: every package has a licence, a place in a bill, and is asked about."""

import json
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.supply import audit, images, licences, sbom
from deploy.supply.locks import NPM_LOCK, all_locks, all_packages, packages, parts
from deploy.supply.update import update

ROOT = Path(__file__).parents[2]
LOCK = (
    "a==1.0 \\\n    --hash=sha256:00\nb-c==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:01\n"
)


def test_every_lock_of_the_project_belongs_to_a_part():
    """One that belongs to none would be audited, licensed and listed by nobody."""
    listed = subprocess.run(
        ["git", "ls-files", "*.lock", f"*{NPM_LOCK}"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    ours = [ROOT / name for name in listed if not name.startswith(("controls/", "tests/fixtures/"))]
    assert set(ours) - {images.LOCK} == set(all_locks())


def test_a_lock_is_read_whole():
    for lock in all_locks():
        text = lock.read_text()
        pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
        if lock.name == NPM_LOCK:
            paths = [path for path in json.loads(text)["packages"] if path]
            names = {path.rpartition("node_modules/")[2] for path in paths}
            assert {package.name for package in packages(lock)} == names
        else:
            assert len(packages(lock)) == len(pinned)


def test_every_package_has_a_licence_that_is_allowed_or_was_decided_on():
    listed = json.loads(licences.LIST.read_text())
    assert list(licences.problems(listed, all_packages())) == []
    assert set(listed) == {package.key for package in all_packages()}


def test_every_decision_has_a_reason_and_a_package():
    named = {f"{package.ecosystem}/{package.name}" for package in all_packages()}
    for name, decision in licences.reviews().items():
        assert name in named, f"{name} is in no lock any more"
        assert decision["reason"] and date.fromisoformat(decision["date"])
        assert decision["licence"] != licences.UNKNOWN


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        (licences.UNKNOWN, False),
    ],
)
def test_of_alternatives_one_is_enough(licence: str, allowed: bool):
    assert licences.is_allowed(licence) is allowed


def test_a_package_without_an_entry_is_named():
    (package, *_) = all_packages()
    assert list(licences.problems({}, [package])) == [f"{package.key}: no entry; run make licences"]


def test_bills_are_valid_and_name_every_package_of_their_locks(tmp_path: Path):
    told = list(sbom.write(tmp_path, images=False))

    assert len(told) == len(parts())
    for part, locks in parts().items():
        bom = json.loads((tmp_path / f"{part}.cdx.json").read_text())
        wanted = {package.purl for lock in locks for package in packages(lock)}
        assert {one["purl"] for one in bom["components"]} == wanted
        assert all(one["licenses"] for one in bom["components"])
    text = (tmp_path / "worker.cdx.json").read_text()
    version = json.loads(text)["metadata"]["component"]["version"]
    held = tuple(package for lock in parts()["worker"] for package in packages(lock))
    assert sbom.document("worker", held, version, []) == text


def test_what_an_image_holds_beside_its_locks_is_in_its_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said = {
        "dpkg-query": "deb\tlibc6\t2.36-9+deb12u10\tamd64\n",
        "python": "pypi\tPydantic\t2.14.3\t\n",
    }
    monkeypatch.setattr(
        sbom, "_run", lambda image, argv: said[argv[0]] if "worker" in image else None
    )
    few = {part: locks for part, locks in parts().items() if part in ("worker", "dashboard")}
    monkeypatch.setattr(sbom, "parts", lambda: few)
    told = list(sbom.write(tmp_path, images=True))

    purls = {
        one["purl"] for one in json.loads((tmp_path / "worker.cdx.json").read_text())["components"]
    }
    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64" in purls
    assert len([one for one in purls if one.startswith("pkg:pypi/pydantic@")]) == 1
    assert any("dashboard" in line and "its locks alone" in line for line in told)


def python_lock(folder: Path) -> Path:
    (folder / "requirements.lock").write_text(LOCK)
    return folder / "requirements.lock"


def answering(dependencies: dict[str, Any]) -> Any:
    """A pip-audit whose source says this of each package; npm answers nothing."""

    def run(argv: list[str]) -> object:
        if "pip_audit" not in argv:
            return {"error": {"summary": "audit endpoint returned an error"}}
        lock = Path(argv[argv.index("--requirement") + 1])
        names = [line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line]
        return {"dependencies": [{"name": n, "version": "1"} | dependencies[n] for n in names]}

    return run


WEAK = {"vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
SKIPPED = {"skip_reason": "Dependency not found on PyPI and could not be audited"}
CLEAN: dict[str, Any] = {"vulns": []}


@pytest.mark.parametrize(
    ("says", "code", "line"),
    [
        ({"jinja2": SKIPPED, "a": SKIPPED, "b-c": SKIPPED}, audit.NO_SOURCE, "no source answered"),
        ({"jinja2": CLEAN, "a": CLEAN, "b-c": CLEAN}, audit.NO_SOURCE, "no source answered"),
        ({"jinja2": WEAK, "a": CLEAN, "b-c": CLEAN}, 0, "1 of 1 locks audited"),
        ({"jinja2": WEAK, "a": WEAK, "b-c": CLEAN}, audit.FOUND, "WEAK requirements.lock: a 1"),
        ({"jinja2": WEAK, "a": CLEAN, "b-c": SKIPPED}, 0, "NOT AUDITED requirements.lock: 1 pack"),
    ],
)
def test_silence_of_a_source_is_not_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any], code: int, line: str
):
    monkeypatch.setattr(audit, "_json", answering(says))

    found, lines = audit.audit([python_lock(tmp_path)], frozenset())

    assert found == code
    assert any(line in one for one in lines), lines


def test_a_decision_holds_until_its_day_and_needs_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = '[[ignore]]\npackage = "a"\nid = "PYSEC-1"\nreason = "not reached"\nuntil = 2027-01-31'
    monkeypatch.setattr(audit, "_json", answering({"jinja2": WEAK, "a": WEAK, "b-c": CLEAN}))
    lock = python_lock(tmp_path)

    holds = audit.audit([lock], audit.ignored(date(2027, 1, 31), text))
    over = audit.audit([lock], audit.ignored(date(2027, 2, 1), text))

    assert (holds[0], over[0]) == (0, audit.FOUND)
    assert any(line.startswith("decided on: ") for line in holds[1])
    with pytest.raises(ValueError, match="needs a reason"):
        audit.ignored(date(2027, 1, 1), text.replace("reason", "because"))
    assert audit.ignored(date(2026, 1, 1), audit.IGNORED.read_text()) == frozenset()


def test_npm_is_asked_when_its_canary_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    weak = {
        "minimist": {
            "name": "minimist",
            "via": [{"url": "https://github.com/advisories/GHSA-1"}],
        },
        "mkdirp": {"name": "mkdirp", "via": ["minimist"]},
    }
    monkeypatch.setattr(audit, "_json", lambda argv: {"vulnerabilities": weak})
    lock = tmp_path / NPM_LOCK
    lock.write_text(json.dumps(audit._NPM_CANARY))

    code, lines = audit.audit([lock], frozenset())

    assert code == audit.FOUND
    assert f"WEAK {NPM_LOCK}: minimist 0.0.8: GHSA-1" in lines
    assert len([one for one in lines if one.startswith("WEAK")]) == 1


def test_the_lock_of_images_fits_the_compose_file():
    assert list(images.problems(images.used(), images.locked())) == []
    others = {
        line.partition("image:")[2].strip()
        for line in images.COMPOSE.read_text().splitlines()
        if "image:" in line and "assay/" not in line
    }
    assert all("ASSAY_IMAGE_" in one for one in others), "an image that cannot be pinned"


def test_an_image_is_pinned_to_what_its_registry_names_and_keeps_that_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    digest = "sha256:" + "a" * 64
    compose, lock = tmp_path / "compose.yml", tmp_path / "images.lock"
    compose.write_text(
        'image: "${ASSAY_IMAGE_A:-a:1}"\nBASE: "${ASSAY_BASE:-${ASSAY_IMAGE_B:-b:2}}"'
    )
    wanted = images.used(compose)
    monkeypatch.setattr(images, "LOCK", lock)
    monkeypatch.setattr(images, "used", lambda: wanted)
    monkeypatch.setattr(images, "locked", lambda: dict(images._LINE.findall(lock.read_text())))
    lock.write_text("ASSAY_IMAGE_A=a:1\n")
    monkeypatch.setattr(images, "digest_of", lambda tag: f"{tag}@{digest}" if tag == "a:1" else "")
    first = images.pin()
    monkeypatch.setattr(images, "digest_of", lambda tag: "")
    second = images.pin()

    assert first == [f"pinned: a:1@{digest}", "unchanged: b:2"]
    assert second == [f"unchanged: a:1@{digest}", "unchanged: b:2"]
    assert images.unpinned(images.locked()) == ["b:2"]
    wanted["ASSAY_IMAGE_A"] = "a:2"
    assert [one.partition(":")[0] for one in images.problems(wanted, images.locked())] == [
        "ASSAY_IMAGE_A"
    ]


@pytest.mark.parametrize("fails", ["", "lock", "check"])
def test_an_update_is_proved_or_undone(tmp_path: Path, fails: str):
    lock, listed = python_lock(tmp_path), tmp_path / "licences.json"
    listed.write_text("{}")
    ran: list[str] = []

    def run(argv: Sequence[str]) -> int:
        ran.append(argv[1])
        if argv[1] == "lock":
            assert argv[2] == "UPGRADE=--upgrade-package a"
            lock.write_text(LOCK.replace("a==1.0", "a==1.1"))
            listed.write_text('{"pypi/a@1.1": "MIT"}')
        return int(argv[1] == fails)

    code, said = update("a", [lock], [listed], run)

    assert "requirements.lock: a: 1.0 -> 1.1" in said
    assert code == (1 if fails else 0)
    assert ("a==1.1" in lock.read_text()) is not bool(fails)
    if fails:
        assert (lock.read_text(), listed.read_text()) == (LOCK, "{}")
        assert said[-1].startswith("put back: 'make")
    else:
        assert ran == ["lock", "setup", "licences", "check"]
