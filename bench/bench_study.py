"""The study of a fleet: seconds and size at several sizes, and whether its intervals hold.

python bench/bench_study.py [--coverage]
"""

import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy.special import expit

from bench.recording import recorded
from reports.statistics.clusters import clustered_wilson
from reports.statistics.counts import FEWEST_CLUSTERS, negative_binomial
from reports.statistics.resampling import interval_of_ratio
from reports.statistics.shares import wilson_interval
from reports.study.build import study_of
from tests.support.summaries import fleet

SIZES = ((2, 2, 1), (3, 10, 1), (10, 30, 1), (10, 30, 5), (10, 100, 3), (10, 100, 10))
RUNS = 300


def sizes() -> None:
    print("models x templates x samples     apps   seconds (CPU)   document (MB)   peak (MB)")
    for models, templates, samples in SIZES:
        names = [f"m{number}" for number in range(models)]
        skills = [number / models for number in range(models)]
        apps = fleet(names, templates, samples, ability=skills, lost=0.02)
        before = time.process_time()
        study = study_of(apps)
        spent = time.process_time() - before
        size = len(study.model_dump_json()) / 1e6
        tracemalloc.start()
        study_of(apps)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        design = f"{models} x {templates} x {samples}"
        print(f"{design:28} {len(apps):8} {spent:15.1f} {size:15.2f} {peak:11.0f}")


def coverage() -> None:
    """How often 95 % intervals hold the truth, and how often no difference is called one."""
    rng = np.random.default_rng(7)
    print("\nshare, templates alike: interval for clusters, plain Wilson")
    for templates, samples in ((10, 5), (20, 5), (30, 3)):
        truth = float(expit(rng.normal(0.5, 1.2, 400_000)).mean())
        drawn = [rng.binomial(samples, expit(rng.normal(0.5, 1.2, templates))) for _ in range(RUNS)]
        held = [clustered_wilson([(float(c), samples) for c in counts]) for counts in drawn]
        plain = [wilson_interval(int(counts.sum()), templates * samples) for counts in drawn]
        ours = np.mean([one.low <= truth <= one.high for one in held])
        naive = np.mean([low <= truth <= high for low, high in plain])
        print(f"  {templates} x {samples}: {ours:.0%}, {naive:.0%}")
    print("findings per kLOC, bootstrap over templates")
    for templates in (8, 10, 20, 30):
        held = [_ratio(rng, templates) for _ in range(RUNS)]
        print(f"  {templates}: {np.mean([one.low <= 3 <= one.high for one in held]):.0%}")
    print("regression of counts, share of differences called real that are none")
    for templates in (FEWEST_CLUSTERS, 30):
        called = [_regression(rng, templates) < 0.05 for _ in range(RUNS // 2)]
        print(f"  {templates}: {np.mean(called):.0%}")


def _ratio(rng, templates):
    kloc = rng.uniform(0.5, 3, templates)
    return interval_of_ratio(rng.poisson(3 * rng.gamma(2, 0.5, templates) * kloc), kloc)


def _regression(rng, templates) -> float:
    mood = rng.gamma(3, 1 / 3, templates)
    level, cluster = np.tile([0, 1], templates), np.repeat(np.arange(templates), 2)
    kloc = rng.uniform(0.5, 3, 2 * templates)
    counts = rng.negative_binomial(2, 2 / (2 + 3 * kloc * mood[cluster]))
    return negative_binomial(list(counts), list(level), list(kloc), list(cluster)).ratios[0].p


def main() -> None:
    """Sizes; with `--coverage` also how often intervals cover the truth."""
    sizes()
    if "--coverage" in sys.argv:
        coverage()


if __name__ == "__main__":
    recorded(__file__, main)
