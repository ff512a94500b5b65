"""Which file stands for a whole app."""

import os
from pathlib import Path

import pytest

from clients.main_file import main_file
from clients.source import digest_tree


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["app.py", "Dockerfile", "docker-compose.yml", "a.py"], "docker-compose.yml"),
        (["app.py", "examples/compose.yaml", "package.json"], "package.json"),
        (["backend/app.py", "frontend/index.html", "LICENSE"], "backend/app.py"),
        (["z.c", "src/a.c"], "z.c"),
        (["src/b.c", "src/a.c"], "src/a.c"),
        (["x/README.md", "x/y/Dockerfile"], "x/README.md"),
        (["Containerfile\udcff", "b.c"], "b.c"),
        (["\udcff"], ""),
        ([], ""),
    ],
)
def test_the_best_known_name_highest_up_stands_for_the_app(names: list[str], expected: str):
    assert main_file(names) == expected
    assert main_file(reversed(names)) == expected


def test_a_link_or_what_is_no_source_stands_for_nothing(tmp_path: Path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/package.json").write_text("{}")
    (tmp_path / "Dockerfile").symlink_to("/etc/passwd")
    (tmp_path / "own.c").write_text("x")
    with open(os.fsencode(tmp_path) + b"/\xff.py", "w"):
        pass

    assert digest_tree(tmp_path).main_file == "own.c"
