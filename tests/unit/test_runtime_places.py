"""Findings point at files of the app, in one spelling, or at none."""

from pathlib import Path

import pytest

from analyzers.runtime.source.places import rooted
from contract.analysis import Finding, Location, Severity


@pytest.fixture
def root(tmp_path: Path) -> Path:
    app = tmp_path / "app"
    for name in ("src/a b.py", "node_modules/x/i.js"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("x")
    (tmp_path / "secret").write_text("x")
    (app / "link.py").symlink_to(app / "src/a b.py")
    (app / "out").symlink_to(tmp_path)
    return app


def located(path: str | None, message: str = "Bad") -> Finding:
    return Finding(
        tool="judge",
        rule_id="R1",
        message=message,
        severity=Severity.LOW,
        location=Location(path=path, line=3, column=2, method="GET", url="/x"),
    )


@pytest.mark.parametrize("path", ["src/a b.py", None])
def test_what_points_at_a_file_or_at_none_stays_as_it_is(root: Path, path: str | None):
    finding = located(path)

    assert rooted([finding], root)[0] is finding


@pytest.mark.parametrize("path", ["./src/a b.py", "src/../src/a b.py", "{root}/src/a b.py"])
def test_a_file_has_one_spelling(root: Path, path: str):
    (finding,) = rooted([located(path.format(root=root))], root)

    assert (finding.location.path, finding.location.line) == ("src/a b.py", 3)


@pytest.mark.parametrize(
    "path",
    [
        *("gone.py", "src", ".", "../secret", "out/secret", "link.py", "/etc/passwd", "a\0b"),
        *("node_modules/x/i.js", "n" * 5_000, "src/a b.py/x"),
    ],
)
def test_what_is_no_file_of_the_app_becomes_part_of_the_message(root: Path, path: str):
    (finding,) = rooted([located(path)], root)

    assert finding.location == Location(method="GET", url="/x")
    assert finding.message.startswith(f"Bad (said of {path}"[:4_000])


def test_a_message_keeps_its_bounds(root: Path):
    (finding,) = rooted([located("gone.py", message="m" * 4_000)], root)

    assert len(finding.message) == 4_000
