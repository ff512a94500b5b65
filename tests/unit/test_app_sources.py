"""Lines of an app's source: shown as measured only if that is known."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import clients.source
from clients.source import digest_tree
from contract.analysis import Finding, Location, Severity
from contract.spec import SourceRef
from control import app_sources
from control.app_sources import excerpt_of

entry = clients.source._entry
TEXT = "one\r\ntwo\rthree = eval(x)\n" + "".join(f"line {n}\n" for n in range(4, 60))


def found(line: int | None = 3, evidence: str = "three = eval(x)", **where: str) -> Finding:
    return Finding(
        tool="bandit",
        rule_id="B307",
        message="m",
        severity=Severity.HIGH,
        location=Location(path="a.py", line=line, **where),
        evidence=evidence,
    )


@pytest.fixture
def source(tmp_path: Path) -> SourceRef:
    (tmp_path / "a.py").write_bytes(TEXT.encode())
    return digest_tree(tmp_path)


def test_lines_end_as_in_an_editor(source: SourceRef):
    told = excerpt_of(source, found())

    assert told is not None
    assert told.state == "same"
    assert [(line.number, line.text) for line in told.lines if line.marked] == [
        (3, "three = eval(x)")
    ]
    assert [line.number for line in told.lines] == list(range(1, 10))


def test_a_folder_that_is_too_large_to_compare_is_not_called_the_same(source: SourceRef):
    large = source.model_copy(update={"size_bytes": 10**9})

    told = excerpt_of(large, found())
    other = excerpt_of(large, found(evidence="something else"))

    assert told is not None and other is not None
    assert (told.state, "nobody compared" in told.note) == ("changed", True)
    assert (other.state, other.lines) == ("other", ())


def test_a_folder_that_grew_is_read_no_further_than_one_that_was_as_large(
    source: SourceRef, monkeypatch: pytest.MonkeyPatch
):
    for name in ("b", "c", "d"):
        (Path(source.path) / name).write_bytes(b"x" * 1_000)
    read: list[Path] = []
    monkeypatch.setattr(app_sources, "_MOST_COMPARED_BYTES", 2_000)
    monkeypatch.setattr(clients.source, "_entry", lambda path: read.append(path) or entry(path))

    told = excerpt_of(source, found())

    assert told is not None
    assert told.state == "changed"
    assert [path.name for path in read] == ["a.py", "b", "c"]


def test_who_comes_while_a_folder_is_read_waits_for_the_same_answer(
    source: SourceRef, monkeypatch: pytest.MonkeyPatch
):
    reads: list[Path] = []

    def slow(root: Path, most_bytes: int) -> SourceRef:
        reads.append(root)
        time.sleep(0.05)
        return digest_tree(root, most_bytes)

    monkeypatch.setattr(app_sources, "digest_tree", slow)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: excerpt_of(source, found()), range(4)))

    assert {each.state for each in told if each} == {"same"}
    assert len(reads) == 1


def test_what_a_request_showed_is_no_quote_of_the_line(source: SourceRef):
    unknown = source.model_copy(update={"digest": ""})
    shown = found(evidence="GET / -> 200", method="GET", url="/")

    alone = excerpt_of(unknown, shown)
    quoted = excerpt_of(unknown, shown, [found(line=9), found()])

    assert alone is not None and quoted is not None
    assert (alone.state, alone.quote) == ("other", "")
    assert (quoted.state, quoted.quote) == ("changed", "three = eval(x)")


def test_a_place_that_is_not_there_is_told(source: SourceRef):
    beyond, whole = excerpt_of(source, found(line=999)), excerpt_of(source, found(line=None))

    assert beyond is not None and whole is not None
    assert (beyond.lines, beyond.note) == ((), "the file has 59 lines")
    assert whole.note == "no line is named"
    assert excerpt_of(source, Finding(**{**dict(found()), "location": Location(url="/")})) is None
