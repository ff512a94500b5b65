"""Archives: what one installation measured, another one can show, check and compute again."""

import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.archive import open_archive
from contract.archive import MANIFEST_NAME
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from control.archive_documents import Exported
from control.archiving import export
from control.errors import WrongInputError
from control.importing import import_archive
from control.verifying import verify
from store.results import SqlResultStore
from tests.activities.fakes import archive
from tests.store import samples
from tests.support.installation import Installation, analysed, write_fleet


def silent(_text: str) -> None:
    """Nobody listens."""


async def installed(folder: Path) -> Installation:
    write_fleet(folder / "fleet")
    installation = Installation(folder / "here")
    installation.data_dir.mkdir()
    await analysed(installation, folder / "fleet")
    return installation


@pytest.fixture
async def here(tmp_path: Path) -> Installation:
    return await installed(tmp_path)


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive of such an installation, for tests that only read it."""
    folder = tmp_path_factory.mktemp("made")
    await exported(await installed(folder), folder / "a.zip")
    return (folder / "a.zip").read_bytes()


@pytest.fixture
def a_zip(made: bytes, tmp_path: Path) -> Path:
    """That archive, as a file of the test's own."""
    (tmp_path / "a.zip").write_bytes(made)
    return tmp_path / "a.zip"


async def exported(here: Installation, target: Path, *, sources: bool = True) -> Exported:
    return await export(
        here.stored, here.data_dir, "p1", target, sources=sources, assay="assay 1", say=silent
    )


async def record_of(installation: Installation) -> PipelineRecord:
    return await installation.stored.record("p1")


async def test_what_is_imported_is_what_was_exported(here: Installation, tmp_path: Path):
    done = await exported(here, tmp_path / "a.zip")
    there = Installation(tmp_path / "there")

    imported = await import_archive(there.stored, there.data_dir, tmp_path / "a.zip", silent)

    assert imported.new == ("p1",)
    assert not imported.lost
    assert not done.not_held
    mine, theirs = await record_of(here), await record_of(there)
    assert theirs.cells == mine.cells
    assert theirs.apps == mine.apps
    assert theirs.fused == mine.fused
    assert (theirs.created_at, theirs.finished_at) == (mine.created_at, mine.finished_at)
    (app, _) = theirs.apps
    assert await there.artifacts.get(app.facts.logs[0]) == b"built\n"
    assert (there.data_dir / "reports/p1/report.html").is_file()


async def test_importing_twice_changes_nothing(here: Installation, tmp_path: Path):
    await exported(here, tmp_path / "a.zip")
    before = await record_of(here)

    imported = await import_archive(here.stored, here.data_dir, tmp_path / "a.zip", silent)

    assert imported.there == ("p1",)
    assert await record_of(here) == before


async def test_another_pipeline_of_that_name_is_not_replaced(a_zip: Path, tmp_path: Path):
    write_fleet(tmp_path / "other")
    there = Installation(tmp_path / "there")
    there.data_dir.mkdir()
    await analysed(there, tmp_path / "other")
    before = await record_of(there)

    with pytest.raises(WrongInputError, match="is not the archive's"):
        await import_archive(there.stored, there.data_dir, a_zip, silent)

    assert await record_of(there) == before


async def test_verify_says_that_every_table_follows_from_the_results(a_zip: Path, tmp_path: Path):
    verified = await verify(a_zip, tmp_path / "scratch", silent)

    assert verified.matches, verified
    assert {table.name for table in verified.tables} >= {"apps", "cells", "findings", "metrics"}
    assert sum(table.rows for table in verified.tables) > 0
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_verify_sees_a_figure_that_was_changed(a_zip: Path, tmp_path: Path):
    def fewer_findings(name: str, data: bytes) -> bytes:
        return re.sub(rb'("severity":\s*)"high"', rb'\1"low"', data)

    rewrite(a_zip, tmp_path / "b.zip", fewer_findings)
    verified = await verify(tmp_path / "b.zip", tmp_path / "scratch", silent)

    assert not verified.matches
    assert any("app1" in name for name in verified.other_files)


@pytest.mark.parametrize("name", ["report/apps/", "report/report.html", "report/parquet/cells"])
async def test_verify_misses_what_was_taken_out(a_zip: Path, tmp_path: Path, name: str):
    leave_out(a_zip, tmp_path / "b.zip", name)

    assert not (await verify(tmp_path / "b.zip", tmp_path / "scratch", silent)).matches


async def test_verify_sees_a_page_that_was_changed(a_zip: Path, tmp_path: Path):
    def better(name: str, data: bytes) -> bytes:
        return data.replace(b"<h1", b"<h1 title='fine'") if name.endswith("report.html") else data

    rewrite(a_zip, tmp_path / "b.zip", better)
    verified = await verify(tmp_path / "b.zip", tmp_path / "scratch", silent)
    assert verified.other_files == ("report.html",)


async def test_an_archive_with_other_results_of_the_same_run_is_not_passed_over(
    here: Installation, tmp_path: Path
):
    await exported(here, tmp_path / "a.zip")

    async def measured_again(store: SqlResultStore) -> None:
        header = await store.load_header("p1")
        (entry,) = await store.read_apps("p1", [0])
        app = header.app_spec(entry.app)
        report = samples.report(samples.measured("ruff"))
        ref = await here.artifacts.put_bytes(archive(report), "static.tar")
        outcome = samples.outcome(report, app).model_copy(update={"report": ref})
        await store.record_subtask("p1", app, outcome, report)

    await here.changed(measured_again)
    with pytest.raises(WrongInputError, match="has other results"):
        await import_archive(here.stored, here.data_dir, tmp_path / "a.zip", silent)


async def test_what_a_killed_command_left_is_removed(here: Installation, tmp_path: Path):
    left = here.data_dir / "tmp/export-abandoned"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))

    await exported(here, tmp_path / "a.zip")
    assert not left.exists()


async def test_a_result_that_is_gone_is_told_on_both_sides(here: Installation, tmp_path: Path):
    (cell, *_) = (await record_of(here)).cells
    assert cell.artifact is not None
    (here.data_dir / "artifacts" / cell.artifact.key).unlink()
    there = Installation(tmp_path / "there")

    done = await exported(here, tmp_path / "a.zip")
    imported = await import_archive(there.stored, there.data_dir, tmp_path / "a.zip", silent)
    verified = await verify(tmp_path / "a.zip", tmp_path / "scratch", silent)

    assert any("static.tar is gone" in line for line in done.not_held)
    assert imported.lost
    assert verified.lost
    assert not verified.matches
    (lost,) = (c for c in (await record_of(there)).cells if c.tool == cell.tool)
    assert "result was lost" in lost.report.reason


async def test_a_source_that_changed_is_not_put_into_the_archive(
    here: Installation, tmp_path: Path
):
    (tmp_path / "fleet/m/app2/app.py").write_text("print('other')\n")

    done = await exported(here, tmp_path / "a.zip")

    assert any("m/app2: its source" in line for line in done.not_held)
    with open_archive(tmp_path / "a.zip") as opened:
        assert len(opened.names("sources")) == 1


@pytest.mark.parametrize(("name", "why"), [("", "is a folder"), ("none/a.zip", "no folder")])
async def test_where_an_archive_cannot_be_is_said(
    here: Installation, tmp_path: Path, name: str, why: str
):
    with pytest.raises(WrongInputError, match=why):
        await exported(here, tmp_path / name)


async def test_a_running_pipeline_is_not_exported(here: Installation, tmp_path: Path):
    async def run_on(store: SqlResultStore) -> None:
        await store.record_pipeline_state("p1", "running", {})

    await here.changed(run_on)
    with pytest.raises(WrongInputError, match="p1 is running"):
        await exported(here, tmp_path / "a.zip")


def rewrite(
    path: Path,
    target: Path,
    change: Callable[[str, bytes], bytes],
    more: Callable[[zipfile.ZipFile], None] = lambda archive: None,
) -> None:
    """A copy whose members are changed, with a manifest that says what it holds."""
    import hashlib

    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read(MANIFEST_NAME))
        for member in manifest["members"]:
            data = change(member["name"], old.read(member["name"]))
            member |= {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            new.writestr(member["name"], data)
        more(new)
        new.writestr(MANIFEST_NAME, change(MANIFEST_NAME, json.dumps(manifest).encode()))


def leave_out(path: Path, target: Path, prefix: str) -> None:
    """A copy without some members, of which its manifest says nothing."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read(MANIFEST_NAME))
        kept = [one for one in manifest["members"] if not one["name"].startswith(prefix)]
        for member in kept:
            new.writestr(member["name"], old.read(member["name"]))
        new.writestr(MANIFEST_NAME, json.dumps({**manifest, "members": kept}))


def as_is(_name: str, data: bytes) -> bytes:
    return data


async def refused(path: Path, tmp_path: Path) -> PlatformError:
    there = Installation(tmp_path / "elsewhere")
    with pytest.raises(PlatformError) as caught:
        await import_archive(there.stored, there.data_dir, path, silent)
    if there.stored.exists():
        assert await there.stored.pipelines() == ()
    return caught.value


async def test_half_an_archive_is_refused(a_zip: Path, tmp_path: Path):
    whole = a_zip.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "half.zip").write_bytes(whole[:cut])
        error = await refused(tmp_path / "half.zip", tmp_path)
        assert error.code is ErrorCode.DATA_LOSS
        assert "no whole archive" in error.message


async def test_a_flipped_bit_is_noticed_and_nothing_is_taken_over(a_zip: Path, tmp_path: Path):
    with zipfile.ZipFile(a_zip) as opened:
        (info,) = (i for i in opened.infolist() if i.filename.endswith("journal.jsonl"))
    data = bytearray(a_zip.read_bytes())
    data[info.header_offset + 200] ^= 0xFF
    (tmp_path / "bad.zip").write_bytes(data)

    assert (await refused(tmp_path / "bad.zip", tmp_path)).code is ErrorCode.DATA_LOSS


async def test_an_archive_of_a_newer_version_says_so(a_zip: Path, tmp_path: Path):
    def newer(name: str, data: bytes) -> bytes:
        return data.replace(b'"version": 1', b'"version": 9') if name == MANIFEST_NAME else data

    rewrite(a_zip, tmp_path / "b.zip", newer)
    error = await refused(tmp_path / "b.zip", tmp_path)

    assert "version 9" in error.message
    assert error.next_step == "update Assay"


def stowaway(name: str, *, mode: int = 0) -> Callable[[zipfile.ZipFile], None]:
    def add(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "../../etc/passwd")

    return add


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "report/../../evil", "C:\\evil"])
async def test_a_member_outside_of_the_manifest_is_refused(a_zip: Path, tmp_path: Path, name: str):
    rewrite(a_zip, tmp_path / "b.zip", as_is, stowaway(name))

    error = await refused(tmp_path / "b.zip", tmp_path)
    assert error.code is ErrorCode.INVALID_ARGUMENT
    assert "does not name what it holds" in error.message


async def test_a_path_that_leads_out_is_refused_although_the_manifest_names_it(
    a_zip: Path, tmp_path: Path
):
    def out(name: str, data: bytes) -> bytes:
        if name != MANIFEST_NAME:
            return data
        manifest = json.loads(data)
        manifest["members"][0]["name"] = "report/../../evil"
        return json.dumps(manifest).encode()

    rewrite(a_zip, tmp_path / "b.zip", out)
    assert "manifest is wrong" in (await refused(tmp_path / "b.zip", tmp_path)).message


async def test_a_link_is_refused(a_zip: Path, tmp_path: Path):
    def link(name: str, data: bytes) -> bytes:
        if name != MANIFEST_NAME:
            return data
        manifest = json.loads(data)
        member = {"name": "report/link", "size_bytes": 16, "sha256": "0" * 64}
        manifest["members"].append(member)
        return json.dumps(manifest).encode()

    more = stowaway("report/link", mode=stat.S_IFLNK | 0o777)
    rewrite(a_zip, tmp_path / "b.zip", link, more)
    assert "no plain file" in (await refused(tmp_path / "b.zip", tmp_path)).message


async def test_a_result_that_unpacks_to_more_than_was_stored_is_refused(
    a_zip: Path, tmp_path: Path
):
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(50_000_000))

    def swollen(name: str, data: bytes) -> bytes:
        return bomb if name.startswith("artifacts/") else data

    rewrite(a_zip, tmp_path / "b.zip", swollen)
    error = await refused(tmp_path / "b.zip", tmp_path)

    assert error.code is ErrorCode.DATA_LOSS
    assert "longer than what was stored" in error.message


async def test_a_member_that_is_longer_than_its_directory_says_stops_at_once(
    a_zip: Path, tmp_path: Path
):
    """A local header may lie about what follows it: reading ends at what the manifest says."""

    def shorter(name: str, data: bytes) -> bytes:
        if name != MANIFEST_NAME:
            return data
        manifest = json.loads(data)
        for member in manifest["members"]:
            member["size_bytes"] = max(0, member["size_bytes"] - 1)
        return json.dumps(manifest).encode()

    rewrite(a_zip, tmp_path / "b.zip", shorter)
    assert "another size" in (await refused(tmp_path / "b.zip", tmp_path)).message


@pytest.mark.parametrize("text", [b"", b"{}", b"not a zip at all" * 100, bytes(70_000)])
async def test_what_is_no_archive_is_said_in_one_line(tmp_path: Path, text: bytes):
    (tmp_path / "x.zip").write_bytes(text)
    error = await refused(tmp_path / "x.zip", tmp_path)
    assert "\n" not in error.message
    assert "no ZIP file" in error.message
    assert error.code is ErrorCode.INVALID_ARGUMENT


async def test_a_directory_that_fills_the_memory_is_not_read(tmp_path: Path):
    """Its size stands in the record that `zipfile` believes, not only in the old one."""
    path = tmp_path / "x.zip"
    size = 80 * 1024**2
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, size, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, size, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, 100, 0, 0)
    with path.open("wb") as file:
        file.write(b"PK")
        file.seek(size)
        file.write(record + locator + end)

    assert "directory has more than" in (await refused(path, tmp_path)).message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb'"at":"[^"]+"', b'"at":"2020-01-01T00:00:00"'),
        (rb'"attempts":\d+', b'"attempts":1180591620717411303424'),
        (rb'"kind":"record_app"', b'"kind":"delete_everything"'),
    ],
)
async def test_a_journal_that_no_store_wrote_is_one_error(
    a_zip: Path, tmp_path: Path, old: bytes, new: bytes
):
    def odd(name: str, data: bytes) -> bytes:
        return re.sub(old, new, data) if name.endswith("journal.jsonl") else data

    rewrite(a_zip, tmp_path / "b.zip", odd)
    assert (await refused(tmp_path / "b.zip", tmp_path)).code is ErrorCode.DATA_LOSS


@pytest.mark.parametrize("pipelines", [[], ["p1", "p1"], ["p2"]])
async def test_a_manifest_names_its_pipelines_once(
    a_zip: Path, tmp_path: Path, pipelines: list[str]
):
    def odd(name: str, data: bytes) -> bytes:
        if name != MANIFEST_NAME:
            return data
        return json.dumps({**json.loads(data), "pipelines": pipelines}).encode()

    rewrite(a_zip, tmp_path / "b.zip", odd)
    assert "pipelines" in (await refused(tmp_path / "b.zip", tmp_path)).message


async def test_a_missing_file_is_said(tmp_path: Path):
    assert "No such file" in (await refused(tmp_path / "none.zip", tmp_path)).message
