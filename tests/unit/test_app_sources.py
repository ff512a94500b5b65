"""Lines of an app's source: shown as measured only if that is known."""

from pathlib import Path

import pytest

from clients.source import digest_tree
from contract.analysis import Finding, Location, Severity
from contract.spec import SourceRef
from control.app_sources import excerpt_of

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
