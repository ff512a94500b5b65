"""The interval of a share where apps of one template are alike."""

from collections.abc import Sequence

from scipy import stats

from reports.statistics.resampling import Interval
from reports.statistics.shares import wilson_interval

METHOD = "Wilson, for clusters"


def clustered_wilson(clusters: Sequence[tuple[float, float]]) -> Interval:
    """Wilson's interval with the number of apps that independent draws would need.

    Franco, Little, Louis and Slud, "Comparative Study of Confidence Intervals for Proportions in
    Complex Sample Surveys" (2019): n / design effect, from the variance of a ratio over clusters,
    with Student's instead of the normal quantile. Where all clusters agree, they count as one app
    each.

    Args:
        clusters: passed and decided of each template, only those with any.
    """
    count, passed = len(clusters), sum(c for c, _ in clusters)
    decided = sum(n for _, n in clusters)
    if count < 2 or not decided:
        return Interval(reason="fewer than two clusters: apps of one cluster are alike")
    rate = passed / decided
    spread = sum((c - rate * n) ** 2 for c, n in clusters)
    variance = count / (count - 1) * spread / decided**2
    binomial = rate * (1 - rate)
    size = min(binomial / variance, decided) if variance > 0 and binomial > 0 else count
    student = float(stats.t.ppf(0.975, count - 1))
    low, high = wilson_interval(rate * size, size, student) or (0.0, 1.0)
    return Interval(low, high, method=METHOD)
