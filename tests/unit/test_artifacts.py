"""The artifact store keeps what it was given, whole and verified, or says why not."""

import asyncio
import errno
import fcntl
import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from clients.artifacts import FileArtifactStore
from contract.errors import ErrorCode, PlatformError


@pytest.fixture
def store(tmp_path) -> FileArtifactStore:
    return FileArtifactStore(tmp_path / "artifacts")


def files_of(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "artifacts").rglob("*") if path.is_file())


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


async def test_bytes_and_files_come_back_as_they_went_in(store, tmp_path):
    (tmp_path / "big.log").write_bytes(b"line\n" * 1_000_000)

    small = await store.put_bytes(b"hello", "hello.txt")
    big = await store.put_file(tmp_path / "big.log", "big.log")

    assert await store.get(small) == b"hello"
    assert await store.get(big) == (tmp_path / "big.log").read_bytes()
    assert (big.name, big.size_bytes) == ("big.log", 5_000_000)
    assert small.key == f"sha256/{small.sha256[:2]}/{small.sha256}"
    assert (tmp_path / "artifacts" / big.key).stat().st_size < 10_000


async def test_an_empty_artifact_is_kept(store):
    assert await store.get(await store.put_bytes(b"", "empty.log")) == b""


async def test_the_same_content_is_kept_once(store, tmp_path):
    refs = await asyncio.gather(*(store.put_bytes(b"same", f"{n}.log") for n in range(20)))

    assert len({ref.key for ref in refs}) == 1
    assert files_of(tmp_path) == [tmp_path / "artifacts" / refs[0].key]


@pytest.mark.parametrize("damage", ["other bytes", "cut", "longer", "no zstd"])
async def test_damage_is_found_when_it_is_read(store, tmp_path, damage):
    ref = await store.put_bytes(b"the truth" * 1_000, "report.tar")
    path = tmp_path / "artifacts" / ref.key
    path.write_bytes(
        {
            "other bytes": zstandard.compress(b"the lie!!" * 1_000),
            "cut": path.read_bytes()[:-9],
            "longer": zstandard.compress(b"the truth" * 9_000),
            "no zstd": b"garbage",
        }[damage]
    )

    with pytest.raises(PlatformError, match=r"report\.tar is damaged") as lost:
        await store.get(ref)

    assert lost.value.code is ErrorCode.DATA_LOSS


async def test_storing_it_again_heals_a_damaged_copy(store, tmp_path):
    ref = await store.put_bytes(b"content", "x")
    (tmp_path / "artifacts" / ref.key).write_bytes(b"garbage")

    assert await store.get(await store.put_bytes(b"content", "x")) == b"content"


async def test_a_missing_artifact_is_not_found(store, tmp_path):
    ref = await store.put_bytes(b"content", "x.tar")
    (tmp_path / "artifacts" / ref.key).unlink()

    with pytest.raises(PlatformError, match=r"x\.tar is not in") as missing:
        await store.get(ref)

    assert missing.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("key", ["../../etc/passwd", "sha256/ab/../../x", "/etc/passwd"])
async def test_a_reference_cannot_lead_out_of_the_store(store, key):
    ref = (await store.put_bytes(b"content", "x")).model_copy(update={"key": key})

    with pytest.raises(PlatformError) as refused:
        await store.get(ref)

    assert refused.value.code is ErrorCode.INVALID_ARGUMENT


async def test_a_full_disk_is_named_and_leaves_no_part_behind(store, tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("clients.files.os.fsync", full)

    with pytest.raises(PlatformError, match=r"disk full on .*: free space or move ASSAY_DATA") as e:
        await store.put_bytes(b"content", "x")

    assert e.value.code is ErrorCode.RESOURCE_EXHAUSTED
    assert files_of(tmp_path) == []


async def test_a_file_that_is_not_there_is_not_found(store, tmp_path):
    with pytest.raises(PlatformError, match=r"cannot read .*/nope to store it as log") as missing:
        await store.put_file(tmp_path / "nope", "log")

    assert missing.value.code is ErrorCode.NOT_FOUND


async def test_parts_of_dead_writers_go_at_start_and_those_of_living_ones_stay(store, tmp_path):
    dead = tmp_path / "artifacts" / "tmp" / f"{'d' * 32}.part"
    alive = tmp_path / "artifacts" / "tmp" / f"{'a' * 32}.part"
    dead.write_bytes(b"half")
    with alive.open("wb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)

        FileArtifactStore(tmp_path / "artifacts")

        assert (dead.exists(), alive.exists()) == (False, True)


async def test_a_cached_artifact_survives_a_restart(store, tmp_path):
    key = "p1/openai%2Fgpt-4.1/app1/static"
    ref = await store.put_bytes(b"result", "static.tar")
    await store.cache(key, await store.put_bytes(b"older", "static.tar"))
    await store.cache(key, ref)

    again = FileArtifactStore(tmp_path / "artifacts")

    assert await again.cached(key) == ref
    assert await again.cached("p1/other/app1/static") is None


async def test_a_cached_key_without_its_content_is_nothing(store, tmp_path):
    ref = await store.put_bytes(b"result", "static.tar")
    await store.cache("key", ref)
    (tmp_path / "artifacts" / ref.key).unlink()

    assert await store.cached("key") is None


def test_a_root_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(PlatformError, match="Not a directory"):
        FileArtifactStore(tmp_path / "file" / "artifacts")
