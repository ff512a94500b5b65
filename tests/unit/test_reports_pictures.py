"""Pictures: whole documents, of anything, that say in words and marks what colours say."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from contract.analysis import MeasurementState, Severity
from reports.counts import StateCounts
from reports.pictures import (
    ForestRow,
    LatencyRow,
    Picture,
    SeverityRow,
    Span,
    StateRow,
    critical_difference,
    forest_plot,
    gantt,
    heat_map,
    latency_plot,
    lower_bound,
    severity_bars,
)
from reports.pictures.drawing import LOOKS, shortened, width_of
from reports.pictures.gantt import lanes_of
from reports.pictures.scales import from_zero, logarithmic, of_time, time_label

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</svg><script>alert(1)</script>\x00\x1b\ud800\u202e&'\""
MEASURED, APP_FAILED, INFRA_FAILED, NOT_APPLICABLE = MeasurementState
TIED = [["a", HOSTILE], [HOSTILE, "c"]]


def hostile_pictures() -> list[Picture]:
    """Each kind of picture, with a name that somebody else chose."""
    fields = [StateCounts(**{state.value: 1}) for state in MeasurementState]
    columns = [("static", HOSTILE), ("static", "b"), ("dynamic", "c"), ("ai", "*")]
    return [
        heat_map(columns, [StateRow(HOSTILE, fields)]),
        severity_bars([SeverityRow(HOSTILE, {Severity.HIGH: 3}, HOSTILE)], HOSTILE),
        forest_plot([ForestRow(HOSTILE, 0.5, (0.4, 0.6), (0.1, 0.9), "a", HOSTILE)], HOSTILE),
        critical_difference({"a": 1.2, HOSTILE: 1.9, "c": 2.9}, 1.1, TIED, HOSTILE),
        latency_plot([LatencyRow(HOSTILE, [1.0, 2.0], 3)], HOSTILE, HOSTILE),
        gantt([Span(HOSTILE, 0, 600, MEASURED)], 700),
    ]


@pytest.mark.parametrize("picture", hostile_pictures(), ids=lambda one: one.name)
def test_a_picture_is_a_whole_document_whatever_a_name_says(picture):
    root = ET.fromstring(picture.svg.encode())

    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "g", "rect", "line", "path", "circle", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name in ("style", "href")]
    assert "alert(1)" in picture.svg


@pytest.mark.parametrize("picture", hostile_pictures(), ids=lambda one: one.name)
def test_a_picture_is_named_and_described_and_its_words_are_text(picture):
    root = ET.fromstring(picture.svg.encode())

    named = {element.get("id") for element in root.iter() if element.get("id")}
    assert root.get("role") == "img"
    assert set(root.get("aria-labelledby", "").split()) == named
    assert root.find(f"{SVG}title") is not None
    assert len(root.findtext(f"{SVG}desc", "")) > 10
    assert [text for text in root.iter(f"{SVG}text") if text.text]


@pytest.mark.parametrize("picture", hostile_pictures(), ids=lambda one: one.name)
def test_nothing_is_drawn_outside_the_sheet(picture):
    root = ET.fromstring(picture.svg.encode())
    width, height = float(root.get("width", 0)), float(root.get("height", 0))

    for element in root.iter():
        across = [float(element.get(name, 0)) for name in ("x", "x1", "x2", "cx")]
        down = [float(element.get(name, 0)) for name in ("y", "y1", "y2", "cy")]
        assert all(0 <= at <= width for at in across), element.attrib
        assert all(0 <= at <= height for at in down), element.attrib


@pytest.mark.parametrize(
    "picture",
    [
        heat_map([], []),
        severity_bars([]),
        forest_plot([], "x"),
        latency_plot([], "x", "ms"),
        gantt([]),
        critical_difference({"a": 1.0}, 0.5, [], "x"),
        severity_bars([SeverityRow("a", dict.fromkeys(Severity, 0))]),
        latency_plot([LatencyRow("a", [0.0, 5.0])], "x", "ms"),
        forest_plot([ForestRow("a", float("inf"), (0.1, float("inf")))], "x", ratio=True),
    ],
    ids=lambda one: one.name,
)
def test_little_to_show_is_a_picture_too(picture):
    root = ET.fromstring(picture.svg)
    assert "nan" not in picture.svg
    assert float(root.get("height", 0)) > 0


def lightness(colour: str) -> float:
    """Relative luminance as a person sees it, 0 to 1 (WCAG 2.1)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_severities_can_be_told_apart_in_grey():
    shades = [lightness(LOOKS[severity.value]["fill"]) for severity in Severity]

    assert shades == sorted(shades), "the graver, the darker"
    assert all(contrast(a, b) > 1.2 for a, b in pairwise(shades))


@pytest.mark.parametrize(
    ("text", "fills"),
    [
        ("on-dark", ("critical", "high")),
        ("on-light", ("medium", "low", "info")),
        ("small", ("measured", "app_failed", "not_applicable")),
        ("small-on-dark", ("infra_failed",)),
        ("soft", ("sheet",)),
        ("edge-text", ("sheet",)),
    ],
)
def test_text_can_be_read_on_what_lies_beneath_it(text, fills):
    ink = lightness(LOOKS[text]["fill"])
    assert all(contrast(ink, lightness(LOOKS[fill]["fill"])) >= 4.5 for fill in fills)


def words_of(picture: Picture) -> list[str]:
    return [text.text or "" for text in ET.fromstring(picture.svg.encode()).iter(f"{SVG}text")]


def test_what_is_not_known_has_words_and_no_bar():
    bars = severity_bars([SeverityRow("a", None), SeverityRow("b", {Severity.LOW: 0})])
    plot = forest_plot([ForestRow("a", None, note="no app was looked at")], "share", share=True)

    assert "unknown: not measured" in words_of(bars)
    assert bars.description == "a: not measured; b: none"
    assert "unknown: no app was looked at" in words_of(plot)
    assert 'class="p-accent"' in plot.svg, "the legend's"
    assert plot.svg.count("<circle") == 1


def test_each_state_has_a_mark_of_its_own():
    rows = [StateRow(state.value, [StateCounts(**{state.value: 1})]) for state in MeasurementState]
    alone = {
        row.label: set(re.findall(r'class="p-(mark[a-z-]*)"', heat_map([("s", "t")], [row]).svg))
        for row in rows
    }
    assert alone == {row.label: {"mark", "mark-light"} for row in rows}, "the legend has them all"
    drawn = {row.label: heat_map([("s", "t")], [row]).svg.count("l5-5M") for row in rows}
    assert drawn == {"measured": 1, "app_failed": 1, "infra_failed": 2, "not_applicable": 1}


def test_a_heat_map_of_many_rows_says_what_it_does_not_draw():
    row = StateRow("app", [StateCounts(measured=1)])
    picture = heat_map([("static", "bandit")], [row] * 403)

    assert "3 more rows are not drawn" in words_of(picture)
    assert picture.description.startswith("403 rows and 1 tools; cells: 403 measured, 0 app failed")
    assert len(picture.svg) < 60_000


def test_a_bar_joins_models_that_are_not_told_apart():
    picture = critical_difference({"a": 1.0, "b": 2.5, "c": 2.6}, 1.3, [["b", "c"], ["a"]], "x")

    tied = re.findall(r'<g class="p-tied"[^>]*>(.*?)</g>', picture.svg)
    assert len(tied) == 1
    assert tied[0].count("<line") == 1
    assert "Not told apart: b, c." in picture.description


def test_the_lower_bound_is_the_longest_app_or_the_work_shared_out():
    long = [Span("a", 0, 100, MEASURED), Span("b", 0, 10, MEASURED)]
    even = [Span(str(n), n * 10, n * 10 + 20, MEASURED) for n in range(10)]

    bound, shared = lower_bound(long), lower_bound(even)

    assert (bound.seconds, bound.why) == (100, "longest app")
    assert (shared.seconds, shared.why) == (100, "work of all apps")
    assert lower_bound([]) is None


def test_apps_have_as_many_lanes_as_ran_at_once():
    spans = [Span("a", 0, 10, None), Span("b", 5, 15, None), Span("c", 10, 20, None)]
    assert [[span.label for span in lane] for lane in lanes_of(spans)] == [["a", "c"], ["b"]]


def test_a_run_of_ten_thousand_apps_is_drawn_in_bounded_space():
    spans = [Span(f"m/app{n}", n // 40 * 60, n // 40 * 60 + 55, MEASURED) for n in range(10_000)]

    picture = gantt(spans)

    assert len(picture.svg) < 400_000
    assert "at most 40 at once" in picture.description


@pytest.mark.parametrize("highest", [0, 0.003, 1, 7, 99, 100, 12_345])
def test_an_axis_from_zero_ends_at_a_round_figure_that_holds_all(highest):
    scale = from_zero(highest, 0, 100)
    ticks = scale.ticks()

    assert scale.high >= highest
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(scale.high)
    assert 3 <= len(ticks) <= 8


def test_a_logarithmic_axis_holds_all_and_has_round_ticks():
    scale = logarithmic([3.0, 2_000.0], 0, 100)

    assert 0 < scale.at(3.0) < scale.at(2_000.0) < 100
    assert scale.ticks() == [10, 100, 1_000]


@pytest.mark.parametrize(("seconds", "last"), [(40, 40), (5_400, 5_400), (900_000, 864_000)])
def test_times_have_round_ticks(seconds, last):
    _, ticks = of_time(seconds, 0, 100)
    assert ticks[-1] == last
    assert len(ticks) <= 8


def test_times_are_written_in_their_unit():
    assert [time_label(s) for s in (0, 45, 90, 3_600, 5_400)] == [
        "0 s",
        "45 s",
        "1:30 min",
        "1 h",
        "1:30 h",
    ]


def test_a_name_is_cut_in_its_middle_and_keeps_its_ends():
    name = "vendor/model-with-a-very-long-name-2026-preview"

    cut = shortened(name, 120)

    assert cut.startswith("vendor")
    assert cut.endswith("view")
    assert width_of(cut) < 130
    assert width_of(shortened("漢" * 80, 120)) < 140
    assert shortened("short", 120) == "short"
