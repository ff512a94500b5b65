"""A survey in lines for people: what a spec takes, and what it would not measure."""

from collections.abc import Iterator

from control.forecast_words import forecast_lines
from control.surveying import Alike, Sight, Survey, SurveyedAnalyzer

_MISSES: dict[Sight, str] = {
    "lost": "cannot run",
    "blind": "blind, it did not find what was planted for it",
}
_OPEN: dict[Sight, str] = {
    "starting": "not known yet",
    "unknown": "not known",
}


def survey_lines(found: Survey) -> Iterator[str]:
    """All of it."""
    yield from forecast_lines(found.forecast)
    if found.controls:
        yield f"note: no control apps prove the tools: {found.controls}"
    for note in found.notes:
        yield f"note: {note}"
    yield from sight_lines(found.analyzers)


def sight_lines(analyzers: tuple[SurveyedAnalyzer, ...]) -> Iterator[str]:
    """What would not be measured, and of what nobody knows; with how many tools see."""
    every = sum(len(analyzer.tools) for analyzer in analyzers)
    seeing = sum(len(analyzer.of("sees")) for analyzer in analyzers)
    missing = sum(len(analyzer.of("lost", "blind")) for analyzer in analyzers)
    opened = every - seeing - missing
    if missing:
        yield f"this machine cannot measure with {missing} of {every} tools:"
        yield from _groups(analyzers, _MISSES)
    if opened:
        yield f"whether it can with {opened} of {every} tools is not known:"
        yield from _groups(analyzers, _OPEN)
    if seeing:
        yield f"{seeing} of {every} tools found what was planted for them"


def _groups(analyzers: tuple[SurveyedAnalyzer, ...], words: dict[Sight, str]) -> Iterator[str]:
    for analyzer in analyzers:
        for alike in analyzer.alike(*words):
            yield f"  {analyzer.analyzer}: {_tools(alike)}: {words[alike.sight]}: {alike.reason}"


def _tools(alike: Alike) -> str:
    count = len(alike.tools)
    if alike.whole:
        return f"all {count} tools" if count > 1 else f"{alike.tools[0]}, the only tool"
    return ", ".join(alike.tools)
