"""What of an app reaches the container that reads its compose files."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from clients import blame
from clients.blame import PlatformFault
from clients.docker import composer
from clients.docker.composer import pack_text
from tests.support.compose_app import app_of


def _names(root: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(pack_text(root))) as archive:
        return {one.name.removeprefix("run/assay-app/app1/"): one for one in archive}


def test_text_and_links_are_copied_and_nothing_that_would_block(tmp_path: Path):
    root = app_of(tmp_path / "app1", "services: {}", conf__a_env="A=1", node_modules__x="x")
    (root / "link").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe")
    with (root / "sparse").open("wb") as stream:
        stream.truncate(10 * 1024**3)

    found = _names(root)

    files = {name for name, one in found.items() if not one.isdir()}
    assert files == {"docker-compose.yml", "Dockerfile", "conf/a_env", "link"}
    assert found["link"].issym()
    assert found["conf/a_env"].mode == 0o644


@pytest.mark.parametrize(("limit", "value"), [("_MAX_FILES", 3), ("_MAX_BYTES", 100)])
def test_more_text_than_is_read_is_the_platforms_limit(
    tmp_path: Path, monkeypatch, limit: str, value: int
):
    monkeypatch.setattr(composer, limit, value)
    root = app_of(tmp_path / "app1", "services: {}", a="x", b="x", c="x")

    with pytest.raises(PlatformFault) as caught:
        pack_text(root)

    assert caught.value.row == blame.BEYOND_LIMITS.key
