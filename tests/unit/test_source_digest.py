from pathlib import Path

import pytest

from clients import source
from clients.source import digest_tree
from contract.errors import ErrorCode, PlatformError


def tree(root: Path) -> Path:
    (root / "sub").mkdir(parents=True)
    (root / "a.py").write_text("a")
    (root / "sub" / "b.py").write_text("b")
    return root


def test_equal_trees_have_equal_digests_wherever_they_lie(tmp_path: Path):
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    (two / "node_modules").mkdir()
    (two / "node_modules" / "x.js").write_text("x")
    (two / "__pycache__").mkdir()

    assert digest_tree(one).digest == digest_tree(two).digest
    assert (digest_tree(two).files, digest_tree(two).size_bytes) == (2, 2)


@pytest.mark.parametrize("change", ["content", "name", "link"])
def test_any_change_changes_the_digest(tmp_path: Path, change: str):
    root = tree(tmp_path / "app")
    before = digest_tree(root).digest
    match change:
        case "content":
            (root / "a.py").write_text("A")
        case "name":
            (root / "a.py").rename(root / "c.py")
        case _:
            (root / "l").symlink_to("/etc/passwd")

    assert digest_tree(root).digest != before


def test_a_link_is_never_followed(tmp_path: Path):
    outside = tree(tmp_path / "outside")
    root = tree(tmp_path / "app")
    (root / "link").symlink_to(outside)
    before = digest_tree(root)
    (outside / "a.py").write_text("changed")

    assert digest_tree(root) == before
    assert before.files == 3


def test_bounds_and_missing_folders_are_said_in_one_sentence(tmp_path: Path, monkeypatch):
    with pytest.raises(PlatformError, match="no app folder") as missing:
        digest_tree(tmp_path / "nothing")
    assert missing.value.code is ErrorCode.INVALID_ARGUMENT

    monkeypatch.setattr(source, "MAX_FILES", 1)
    with pytest.raises(PlatformError, match="more than 1 files") as large:
        digest_tree(tree(tmp_path / "app"))
    assert large.value.code is ErrorCode.RESOURCE_EXHAUSTED
