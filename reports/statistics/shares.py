"""Statistics of rates with missing data."""

import math

_Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


def wilson_interval(passed: int, total: float, z: float = _Z95) -> tuple[float, float] | None:
    """Wilson score interval of a rate; 95 % by default. None when nothing was observed.

    `total` may be the weight of several observations, so it need not be whole.

    Unlike the textbook interval it stays inside 0..1 and has a width at 0 of n and n of n.

    >>> wilson_interval(17, 20)
    (0.6396, 0.9476)
    """
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} is no rate")
    if total == 0:
        return None
    rate, z_square = passed / total, z * z
    centre = rate + z_square / (2 * total)
    spread = z * math.sqrt(rate * (1 - rate) / total + z_square / (4 * total * total))
    scale = 1 + z_square / total
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return round(max(low, 0.0), 4), round(min(high, 1.0), 4)


def missing_data_bounds(passed: int, failed: int, missing: int) -> tuple[float, float] | None:
    """The rate if everything missing had failed, and if it had passed. None when there is nothing.

    Whatever the missing values are, the true rate lies between the two; nothing is assumed.
    """
    total = passed + failed + missing
    if total == 0:
        return None
    return round(passed / total, 4), round((passed + missing) / total, 4)
