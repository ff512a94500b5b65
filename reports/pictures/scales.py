"""From a figure to a place on a sheet, with the figures that stand at the axis."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIMES_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600)
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` to `high` in the unit of the figure, `start` to `end` in pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where `value` stands; what is outside stands at the edge."""
        value = min(max(value, self.low), self.high)
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(value) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 6) -> list[float]:
        """Round figures between the ends, about as many as `wanted`."""
        return (_decades if self.logarithmic else _rounds)(self.low, self.high, wanted)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


def logarithmic(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale of decades that holds all values above zero."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known), max(known)
    return Scale(low / 1.25, max(high * 1.25, low * 4), start, end, logarithmic=True)


def from_zero(highest: float, start: float, end: float) -> Scale:
    """A scale from zero to a round figure that is not below `highest`."""
    step = _step(highest / 5) if highest > 0 else 0.2
    return Scale(0, math.ceil(round(highest / step, 6)) * step or 1.0, start, end)


def of_time(seconds: float, start: float, end: float) -> tuple[Scale, list[float]]:
    """A scale of `seconds` from zero, and its ticks at round times."""
    longest = max(seconds, 1.0)
    days = math.ceil(longest / _DAY_S / 6) * _DAY_S
    step = next((one for one in _TIMES_S if longest / one <= 7), days)
    return Scale(0, longest, start, end), [n * step for n in range(int(longest / step) + 1)]


def time_label(seconds: float) -> str:
    """`90 s` as `1:30 min`, `5400 s` as `1:30 h`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    large, unit = (seconds / 60, "min") if seconds < 3_600 else (seconds / 3_600, "h")
    whole, rest = int(large), round((large - int(large)) * 60)
    return f"{whole}:{rest:02d} {unit}" if rest else f"{whole} {unit}"


def label(value: float) -> str:
    """A figure at an axis."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.6g}"


def figure(value: float) -> str:
    """A measured figure, to three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounds(low: float, high: float, wanted: int) -> list[float]:
    if high <= low:
        return [low]
    step = _step((high - low) / wanted)
    first = math.ceil(round(low / step, 9))
    return [round(n * step, 12) for n in range(first, math.floor(round(high / step, 9)) + 1)]


def _step(least: float) -> float:
    """The smallest round figure that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(one * power for one in _STEPS if one * power >= least * 0.999_999)


def _decades(low: float, high: float, wanted: int) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1,)):
        found = [f * 10.0**e for e in exponents for f in factors if low <= f * 10.0**e <= high]
        if len(found) <= wanted + 2:
            return found
    return found[:: math.ceil(len(found) / wanted)]
