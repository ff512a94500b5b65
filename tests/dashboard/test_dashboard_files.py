"""Files that an app may have written: handed out whole, and never as something that runs."""

import shutil
import tempfile
import tracemalloc
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from clients.artifacts import FileArtifactStore
from contract.analysis import ArtifactRef
from contract.spec import AppRef
from control import artifact_files
from control.artifact_files import open_file, safe_name
from control.picture_bytes import picture_type
from dashboard.urls import files_url
from tests.support.dashboard_site import browsing, site_of
from tests.support.hostile_installation import (
    CODE,
    MEMBERS,
    OTHER,
    PICTURE,
    PIPELINE,
    REF,
    archive_at,
    hostile_installation,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    await hostile_installation(folder)
    return folder


async def got(folder: Path, member: str = "", ref: AppRef = REF, **headers: str) -> httpx.Response:
    archive = await archive_at(folder)
    async with browsing(site_of(folder)) as web:
        return await web.get(files_url(PIPELINE, ref, archive.key, member), headers=headers)


@pytest.mark.parametrize("member", MEMBERS)
async def test_a_member_is_saved_or_is_a_picture(folder: Path, member: str):
    answer = await got(folder, member)
    is_picture = MEMBERS[member] == PICTURE

    assert answer.content == MEMBERS[member]
    assert answer.headers["content-type"] == (
        "image/jpeg" if is_picture else "application/octet-stream"
    )
    shown = answer.headers["content-disposition"].partition(";")[0]
    assert shown == ("inline" if is_picture else "attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_whole_archive_is_saved(folder: Path):
    archive = await archive_at(folder)
    answer = await got(folder)

    assert len(answer.content) == archive.size_bytes
    assert answer.headers["content-disposition"] == f'attachment; filename="{archive.name}"'


async def test_a_log_is_saved_under_a_plain_name(folder: Path):
    async with browsing(site_of(folder)) as web:
        record = await site_of(folder).stored.outline(PIPELINE, REF)
        (log,) = record.apps[0].facts.logs
        answer = await web.get(files_url(PIPELINE, REF, log.key))

    assert answer.text == CODE
    name = answer.headers["content-disposition"].partition("filename=")[2]
    assert name.isascii()
    assert not set(name.strip('"')) & set("<>\"'\\/ ;")


async def test_who_has_a_file_does_not_get_it_again(folder: Path):
    first = await got(folder, "browser/good.jpg")
    again = await got(folder, "browser/good.jpg", **{"If-None-Match": first.headers["etag"]})
    other = await got(folder, "browser/more.jpg", **{"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        f"/files/{PIPELINE}/other/app1/{{}}",
        f"/files/{PIPELINE}/other/app0/{{}}",
        "/files/other/..%252Fx/app1/{}",
        f"/files/{PIPELINE}/%252E%252E/app2/{'0' * 64}",
        f"/files/{PIPELINE}/%252E%252E/app2/..%2f..%2fassay.db",
        f"/files/{PIPELINE}/%252E%252E/app2/{{}}?member=../../assay.db",
        f"/files/{PIPELINE}/%252E%252E/app2/{{}}?member=/etc/passwd",
        f"/files/{PIPELINE}/%252E%252E/app2/{{}}?member=browser",
    ],
)
async def test_what_does_not_belong_to_the_app_is_not_there(folder: Path, address: str):
    archive = await archive_at(folder)
    async with browsing(site_of(folder)) as web:
        answer = await web.get(address.format(archive.sha256))

    assert answer.status_code in (400, 404)
    assert "Next:" in answer.text or "there is no such page" in answer.text


async def test_both_apps_have_theirs(folder: Path):
    archive = await archive_at(folder)
    async with browsing(site_of(folder)) as web:
        answer = await web.get(files_url(PIPELINE, OTHER, archive.key))
        record = await site_of(folder).stored.outline(PIPELINE, OTHER)
        (own,) = {cell.artifact.key for cell in record.cells[:1] if cell.artifact}
        theirs = await web.get(files_url(PIPELINE, OTHER, own))

    assert answer.status_code == 404
    assert theirs.status_code == 200


@pytest.mark.parametrize("member", ["", "browser/page.html", "browser/lost.html"])
@pytest.mark.parametrize(("damage", "status"), [("cut", 500), ("changed", 500), ("gone", 404)])
async def test_a_damaged_file_is_one_clear_error(
    folder: Path, tmp_path: Path, damage: str, status: int, member: str
):
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / "artifacts" / (await archive_at(copy)).key
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        changed = content[:50] + bytes([content[50] ^ 0xFF]) + content[51:]
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else changed)
    answer = await got(copy, member)

    assert answer.status_code == status
    assert "damaged" in answer.text or "is not in" in answer.text
    assert "Traceback" not in answer.text


async def test_who_has_a_file_is_told_that_it_is_gone(folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    first = await got(copy)
    (copy / "artifacts" / (await archive_at(copy)).key).unlink()
    again = await got(copy, **{"If-None-Match": first.headers["etag"]})

    assert again.status_code == 404


@pytest.mark.parametrize(
    ("limit", "member"), [("FILE_BYTES", ""), ("MEMBER_BYTES", "browser/page.html")]
)
async def test_a_file_that_is_too_large_is_not_asked_for_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, member: str
):
    monkeypatch.setattr(artifact_files, limit, 1)
    answer = await got(folder, member)

    assert answer.status_code == 409
    assert "on the machine that has it" in answer.text


async def test_a_file_that_is_in_no_archive_is_one_clear_error(folder: Path):
    answer = await got(folder, "browser/nothing.html")

    assert answer.status_code == 404
    assert "see the files that the app has" in answer.text


@pytest.mark.parametrize("member", ["", "browser/page.html"])
async def test_a_file_that_prune_removes_meanwhile_is_one_clear_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
):
    copy = shutil.copytree(folder, tmp_path / "copy")
    located = FileArtifactStore.located

    def and_gone(store: FileArtifactStore, ref: ArtifactRef) -> Path:
        path = located(store, ref)
        path.unlink()
        return path

    monkeypatch.setattr(FileArtifactStore, "located", and_gone)
    answer = await got(copy, member)

    assert answer.status_code == 503
    assert "No such file" in answer.text
    assert "Next:" in answer.text or "check the disk" in answer.text


async def test_a_file_takes_no_room_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The folder for temporary files is gone, and 64 MiB come from a few KiB of memory."""
    store = FileArtifactStore(tmp_path / "artifacts")
    ref = await store.put_bytes(bytes(64 * 1024**2), name="large.log")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "away"))
    tracemalloc.start()
    opened = await open_file(tmp_path, ref)
    with opened.content as content:
        size = sum(len(block) for block in iter(lambda: content.read(65_536), b""))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size == opened.size_bytes == 64 * 1024**2
    assert most < 8 * 1024**2


async def test_files_are_for_those_who_may_read(folder: Path):
    archive = await archive_at(folder)
    async with browsing(site_of(folder), "192.0.2.1") as web:
        answer = await web.get(files_url(PIPELINE, REF, archive.key))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("build.log", "build.log"),
        ("../../.ssh/config", "config"),
        ("a\\b.txt", "b.txt"),
        ('x"; filename="y.html', "x_filename_y.html"),
        ("\r\nSet-Cookie: a", "Set-Cookie_a"),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", "file"),
        ("", "file"),
        ("a" * 500 + ".html", "a" * 115 + ".html"),
    ],
)
def test_names_mean_nothing_to_anybody(name: str, safe: str):
    assert safe_name(name) == safe


def test_a_picture_is_one_from_its_first_to_its_last_byte():
    assert picture_type(PICTURE) == "image/jpeg"
    for cut in range(len(PICTURE)):
        assert picture_type(PICTURE[:cut]) is None
    assert picture_type(PICTURE + b"<") is None
    assert picture_type(PICTURE[:2] + b"<script>" + PICTURE[2:]) is None
