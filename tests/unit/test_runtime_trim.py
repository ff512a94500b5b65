"""Reports too large to be read whole: the worst findings stay, the others are named and kept."""

import json
from pathlib import Path

import pytest

from analyzers.runtime.measure import trim
from analyzers.runtime.measure.trim import fitted, whole, with_findings
from analyzers.runtime.wire import archive
from analyzers.runtime.wire.archive import write_archive
from contract import left_out
from contract.analysis import (
    AnalyzerKind,
    AnalyzerReport,
    Coverage,
    Finding,
    MeasurementState,
    Severity,
    ToolReport,
)
from contract.errors import ErrorCode, PlatformError


def findings(count: int, tool: str = "a", evidence: str = "") -> tuple[Finding, ...]:
    """The last one is the worst."""
    return tuple(
        Finding(
            tool=tool,
            rule_id=str(number),
            message="m",
            severity=Severity.HIGH if number == count - 1 else Severity.LOW,
            evidence=evidence,
        )
        for number in range(count)
    )


def cell(tool: str, found: tuple[Finding, ...] = ()) -> ToolReport:
    return ToolReport(
        tool=tool,
        state=MeasurementState.MEASURED,
        coverage=Coverage(unit="files", reached=1),
        findings=found,
    )


def report(*tools: ToolReport, fused: tuple[Finding, ...] = ()) -> AnalyzerReport:
    return AnalyzerReport(subtask_id="s", analyzer=AnalyzerKind.STATIC, tools=tools, fused=fused)


def lines(path: Path) -> list[str]:
    return [json.loads(line)["rule_id"] for line in path.read_text().splitlines()]


def test_a_tools_findings_above_its_share_are_counted_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trim, "MAX_FINDINGS", 10)
    short = with_findings(cell("a"), findings(10), tmp_path)
    assert (len(short.findings), short.attachments, short.metrics) == (10, (), ())
    cut = with_findings(cell("a"), findings(25), tmp_path)
    assert len(cut.findings) == 10
    assert cut.findings[0].severity is Severity.HIGH
    assert cut.attachments == ("findings.jsonl",)
    assert lines(tmp_path / "findings.jsonl") == [str(number) for number in range(25)]
    assert [(metric.name, metric.value) for metric in cut.metrics] == [("findings_total", 25.0)]
    assert cut.provenance.cuts == (
        "findings cut: the worst 10 of 25 are listed, all stand in findings.jsonl",
    )


def test_a_report_of_the_right_size_is_left_alone(tmp_path: Path):
    whole = report(cell("a", findings(50)), fused=findings(5))
    assert fitted(whole, tmp_path) is whole


def test_proof_goes_before_findings_do(tmp_path: Path):
    whole = report(cell("a", findings(100, evidence="x" * 2_000)))
    cut = fitted(whole, tmp_path, max_bytes=130_000)
    assert len(cut.tools[0].findings) == 100
    assert "x" * 2_000 in (tmp_path / "a/findings.jsonl").read_text()


def test_a_report_is_cut_to_its_size_and_short_lists_stay_whole(tmp_path: Path):
    fused = findings(900)
    whole = report(cell("long", findings(1_000)), cell("short", findings(20)), fused=fused)
    cut = fitted(whole, tmp_path, max_bytes=200_000)
    assert len(cut.model_dump_json()) <= 200_000
    long, short = cut.tools
    assert short == whole.tools[1]
    assert 0 < len(long.findings) < 1_000
    assert 0 < len(cut.fused) < 900
    assert len(lines(tmp_path / "long/findings.jsonl")) == 1_000
    assert len(lines(tmp_path / "long/fused.jsonl")) == 900
    assert long.attachments == ("findings.jsonl", "fused.jsonl")
    assert f"fused findings cut: the worst {len(cut.fused)} of 900" in long.provenance.cuts[-1]


def test_what_was_cut_before_keeps_its_true_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trim, "MAX_FINDINGS", 500)
    once = with_findings(cell("a"), findings(1_000), tmp_path / "a")
    (twice,) = fitted(report(once), tmp_path, max_bytes=100_000).tools
    assert len(twice.findings) < 500
    assert twice.attachments == ("findings.jsonl",)
    assert len(lines(tmp_path / "a/findings.jsonl")) == 1_000
    assert [metric.value for metric in twice.metrics] == [1_000.0]
    assert len(twice.provenance.cuts) == 1
    assert "of 1000 are listed" in twice.provenance.cuts[0]


def test_no_report_is_written_that_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(archive, "MAX_REPORT_BYTES", 1_000)
    with pytest.raises(PlatformError, match="above the limit of 1000") as caught:
        write_archive(report(cell("a", findings(50))), tmp_path, tmp_path / "r.tar", 2**30)
    assert caught.value.code is ErrorCode.RESOURCE_EXHAUSTED


def test_what_is_cut_is_told_in_numbers_whoever_cuts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trim, "MAX_FINDINGS", 500)
    once = with_findings(cell("a"), findings(1_000), tmp_path / "a")
    cut = fitted(report(once, fused=findings(700)), tmp_path, max_bytes=100_000)
    (twice,) = cut.tools

    for key, listed, total in (
        (left_out.TOOLS_KEY, twice.findings, 1_000),
        (left_out.FUSED_KEY, cut.fused, 700),
    ):
        (row,) = left_out.read(json.loads(twice.model_dump_json())["data"], key)
        assert row.severity is Severity.LOW
        assert row.count == total - len(listed)


def test_fusion_sees_what_a_report_does_not_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trim, "MAX_FINDINGS", 5)
    everything = findings(12, evidence="x")
    cut = with_findings(cell("a"), everything, tmp_path)

    assert whole(cut, tmp_path).findings == everything
    assert whole(cell("b"), tmp_path) == cell("b")
