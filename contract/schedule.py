"""When a spec runs again by itself, what its runs are compared with, and what people are told."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contract.base import Authored
from contract.cron import check_cron
from contract.ids import PIPELINE_ID_PATTERN

SCHEDULE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
"""A name, a moment and a dash are the ID of a pipeline, which has at most 63 characters."""
LAST = "last"
"""What runs are compared with: the one before."""
_SPAN = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(seconds=10), timedelta(days=366)


def span_of(text: str) -> timedelta:
    """The time that `30s`, `15m`, `12h` or `7d` means.

    Raises:
        ValueError: it is written otherwise.
    """
    match = _SPAN.fullmatch(text)
    if match is None and text != "0s":
        raise ValueError(f"{text!r} is no time: write a number and s, m, h or d, as in 12h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)


def _span(text: str) -> str:
    if span_of(text) > _LONGEST:
        raise ValueError("at most 366d")
    return text


def _every(text: str) -> str:
    if span_of(_span(text)) < _SHORTEST:
        raise ValueError(f"at least {_SHORTEST.total_seconds():.0f}s")
    return text


def _cron(lines: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for line in (lines,) if isinstance(lines, str) else lines:
        check_cron(line)
    return lines


Span = Annotated[str, AfterValidator(_span)]
ScheduleName = Annotated[str, StringConstraints(pattern=SCHEDULE_NAME_PATTERN)]
Told = Literal["new_high", "no_longer_measured", "failed"]
Grade = Literal["critical", "high", "medium", "low", "info"]


class NotifySpec(Authored):
    """Of what the receivers of the alerts file are told.

    Attributes:
        on: `new_high`: weaknesses that the run before would have seen, of `min_severity` or worse;
            `no_longer_measured`: what was measured then and is not now; `failed`: a run that did
            not start or did not complete.
        min_severity: the least severity of a weakness that is told as new.
    """

    on: tuple[Told, ...] = ("new_high", "no_longer_measured", "failed")
    min_severity: Grade = "high"


class ScheduleSpec(Authored):
    """When a spec runs again by itself. Either `cron` or `every` is written.

    Attributes:
        name: of the schedule, and the beginning of the IDs of its pipelines; left out: the name of
            the spec file.
        cron: one line, or several: minute, hour, day of the month, month, day of the week, as in
            `0 2 * * mon-fri`; `@daily` and its like.
        every: the time from one run to the next, as in `12h`: s, m, h or d, 10s at least.
        timezone: in which `cron` is meant, as in `Europe/Berlin`.
        overlap: while the run before goes on: `skip` leaves the new one out; `buffer_one` lets one
            wait; `cancel_other` cancels the one that runs, which still writes its report;
            `allow` runs both side by side.
        catch_up: how late a run may begin after its time when the server was away; 10s at least.
        jitter: each run begins up to so much later, so that schedules do not all begin at once.
        paused: it is added, and runs nothing until it is resumed.
        note: for people.
        compare_with: `last` run of this schedule that completed, or the ID of a pipeline.
        notify: of what people are told.
    """

    name: ScheduleName | None = None
    cron: Annotated[
        str | Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] | None,
        AfterValidator(lambda lines: lines if lines is None else _cron(lines)),
    ] = None
    every: Annotated[str, AfterValidator(_every)] | None = None
    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    overlap: Literal["skip", "buffer_one", "cancel_other", "allow"] = "skip"
    catch_up: Annotated[str, AfterValidator(_every)] = "1h"
    jitter: Span = "0s"
    paused: bool = False
    note: Annotated[str, Field(max_length=500)] = ""
    compare_with: Annotated[str, StringConstraints(pattern=PIPELINE_ID_PATTERN)] = LAST
    notify: NotifySpec = NotifySpec()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cron is None) is (self.every is None):
            raise ValueError("write either cron or every")
        if self.every and self.timezone != "UTC":
            raise ValueError("timezone belongs to cron: every counts from 1970-01-01 00:00 UTC")
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of `cron`."""
        return (self.cron,) if isinstance(self.cron, str) else self.cron or ()

    @property
    def when(self) -> str:
        """When it runs, in words."""
        if self.every:
            return f"every {self.every}"
        return f"{' and '.join(self.lines)} ({self.timezone})"
