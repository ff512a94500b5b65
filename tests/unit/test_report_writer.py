"""A report appears as a whole, replaces an earlier one as a whole, and stays in its folder."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from clients.report_writer import Draft, FileReportWriter
from contract.errors import ErrorCode, PlatformError


def there(root: Path) -> dict[str, bytes]:
    """Each file below `root`."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


async def test_files_appear_together_and_replace_earlier_ones(tmp_path):
    writer = FileReportWriter(tmp_path)
    async with writer.draft("p1") as draft:
        await draft.write({"report.json": b"old", "report.html": b"<p>", "apps/m-app1.json": b"1"})
        await draft.publish()

    async with writer.draft("p1") as draft:
        await draft.append({"report.json": b"n"})
        await draft.append({"report.json": b"ew"})
        assert there(tmp_path / "p1")["report.json"] == b"old"
        assert draft.names == {"report.json"}
        paths = await draft.publish()

    assert paths == {"report.json": str(tmp_path / "p1" / "report.json")}
    assert there(tmp_path / "p1") == {
        "report.json": b"new",
        "report.html": b"<p>",
        "apps/m-app1.json": b"1",
    }


async def test_the_report_itself_appears_last(tmp_path, monkeypatch):
    placed: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda a, b: (placed.append(b.name), replace(a, b)))

    async with FileReportWriter(tmp_path).draft("p1") as draft:
        await draft.write({"report.json": b"{}", "zebra.txt": b"z", "apps/m.json": b"{}"})
        await draft.publish()

    assert sorted(placed[:-1]) == ["m.json", "zebra.txt"]
    assert placed[-1] == "report.json"


async def test_what_is_not_published_leaves_nothing_and_changes_nothing(tmp_path):
    writer = FileReportWriter(tmp_path)
    async with writer.draft("p1") as draft:
        await draft.write({"report.json": b"old"})
        await draft.publish()

    with pytest.raises(RuntimeError):
        async with writer.draft("p1") as draft:
            await draft.write({"report.json": b"half"})
            raise RuntimeError

    assert there(tmp_path / "p1") == {"report.json": b"old"}
    assert [path.name for path in (tmp_path / "p1").iterdir()] == ["report.json"]


async def test_the_draft_of_a_dead_writer_is_removed_and_that_of_a_living_one_stays(tmp_path):
    writer = FileReportWriter(tmp_path)
    early, late = "1" * 32, "2" * 32
    killed_early, killed_late = (tmp_path / "p1" / f".draft-{name}" for name in (early, late))
    for dead in (killed_early, killed_late):
        (dead / "apps").mkdir(parents=True)
    (tmp_path / "p1" / f"{early}.part").touch()

    async with writer.draft("p1") as first:
        await first.write({"report.json": b"first"})
        async with writer.draft("p1") as second:
            await second.write({"report.json": b"second"})
            await second.publish()
        assert (first.folder / "report.json").read_bytes() == b"first"

    assert there(tmp_path / "p1") == {"report.json": b"second"}
    assert [path.name for path in (tmp_path / "p1").iterdir()] == ["report.json"]


class Held:
    """Holds a call of a thread until it is let go."""

    def __init__(self, owner: type, name: str, patch: pytest.MonkeyPatch) -> None:
        self._began, self._go, self._ended = (threading.Event() for _ in range(3))
        self._call = getattr(owner, name)
        patch.setattr(owner, name, lambda *args: self._held(*args))

    def _held(self, *args: Any) -> Any:
        self._began.set()
        assert self._go.wait(10)
        try:
            return self._call(*args)
        finally:
            self._ended.set()

    async def cancel(self, work: Coroutine[Any, Any, None]) -> None:
        """Cancel `work` while the call is held, let the call go, and wait for both."""
        task = asyncio.ensure_future(work)
        assert await asyncio.to_thread(self._began.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_soon(self._go.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(self._ended.wait, 10)


@pytest.mark.parametrize(
    ("owner", "name"), [(Draft, "_put"), (Draft, "_place"), (FileReportWriter, "_begin")]
)
async def test_a_report_that_is_cancelled_while_a_thread_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    held = Held(owner, name, monkeypatch)

    async def write() -> None:
        async with FileReportWriter(tmp_path).draft("p1") as draft:
            await draft.write({"apps/a.json": b"{}"})

    await held.cancel(write())

    assert list((tmp_path / "p1").iterdir()) == []


async def test_an_upload_that_the_report_has_no_more_goes(tmp_path: Path) -> None:
    writer = FileReportWriter(tmp_path)
    for names in (("m-app1.github.sarif", "m-app2.github.sarif", "m-app2.sarif"), ()):
        async with writer.draft("p1") as draft:
            await draft.write(dict.fromkeys(("m-app1.github.sarif", *names), b"{}"))
            await draft.write({"report.json": b"{}"})
            assert set(names) <= draft.names
            await draft.publish()

    assert set(there(tmp_path / "p1")) == {"report.json", "m-app1.github.sarif", "m-app2.sarif"}


async def test_many_files_are_published_too(tmp_path):
    files = {f"apps/m-app{number}.json": b"{}" for number in range(300)}

    async with FileReportWriter(tmp_path).draft("p1") as draft:
        await draft.write(files)
        await draft.publish()

    assert there(tmp_path / "p1") == files


@pytest.mark.parametrize(
    "name", ["../report.json", "a/../b", "/a", "A/b", "a/b/c/d", ".a", "", "a/"]
)
async def test_names_cannot_lead_elsewhere(tmp_path, name):
    async with FileReportWriter(tmp_path).draft("p") as draft:
        with pytest.raises(PlatformError) as refused:
            await draft.write({name: b""})
        assert draft.names == set()

    assert refused.value.code is ErrorCode.INVALID_ARGUMENT
    assert there(tmp_path) == {}


@pytest.mark.parametrize("pipeline_id", ["../p", "", "a/b"])
async def test_an_id_cannot_lead_elsewhere(tmp_path, pipeline_id):
    with pytest.raises(PlatformError) as refused:
        async with FileReportWriter(tmp_path).draft(pipeline_id):
            pass

    assert refused.value.code is ErrorCode.INVALID_ARGUMENT
    assert list(tmp_path.iterdir()) == []
