"""What differences between models are shown, and which are not."""

from typing import Literal

from contract.base import Frozen
from reports.study.figures import Figure

MOST_COMPARED = 24
"""Models of a fleet that are compared in pairs, at most: more would take minutes."""
PairVerdict = Literal["first", "second", "tied", "within noise", "unknown"]


class Comparison(Frozen):
    """Two models on one measure, over the templates on which both were measured.

    Attributes:
        test: which one.
        blocks: templates on which both were measured.
        left_out: templates on which one of the two was not.
        only_first, only_second: McNemar: templates on which only this one passes.
        difference: mean over templates of first minus second, in the measure's unit.
        delta: Cliff's delta: how often a value of the first is above one of the second, minus how
            often it is below; from -1 to 1.
        p: of this pair alone; None: no test is possible, and `reason` says why.
        p_holm: after Holm's correction for all pairs of the measure.
        verdict: which one is shown to be better at the 5 % level after correction; `tied`: no
            difference is shown; `within noise`: the difference is no larger than what repeats of
            one app differ by; `unknown`: no test, or what is missing could turn it.
        turned: what is missing could turn it.
    """

    measure: str
    first: str
    second: str
    test: str = ""
    blocks: int = 0
    left_out: int = 0
    only_first: int | None = None
    only_second: int | None = None
    difference: Figure = Figure()
    delta: Figure = Figure()
    p: float | None = None
    p_holm: float | None = None
    verdict: PairVerdict = "unknown"
    turned: bool = False
    reason: str = ""


class RankTest(Frozen):
    """Friedman's test over templates, and Nemenyi's critical difference of mean ranks.

    Janez Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets" (2006).

    Attributes:
        mean_ranks: by model; 1 is the best.
        blocks: templates on which every one of these models was measured.
        left_out: models that are not in the test, each with the reason.
        critical_distance: mean ranks nearer than this are not shown to be different.
        groups: models that are not shown to be different, best first; they may overlap.
        reason: why there is no test.
    """

    measure: str
    mean_ranks: dict[str, float] = {}
    blocks: int = 0
    left_out: dict[str, str] = {}
    statistic: float | None = None
    p: float | None = None
    critical_distance: float | None = None
    groups: tuple[tuple[str, ...], ...] = ()
    reason: str = ""


class Ordering(Frozen):
    """What may be said of the order of models by one measure: sets of tied models, no bare ranks.

    Attributes:
        groups: models that are not shown to be different, best first; they may overlap. Empty:
            no order is given, and `reason` says why.
        best: models that no other one is shown to be better than.
        unplaced: models that have no place, each with the reason: nothing was measured, what is
            missing could turn a difference, or no template is shared with the others.
        turned: pairs whose order what is missing could turn.
    """

    measure: str
    groups: tuple[tuple[str, ...], ...] = ()
    best: tuple[str, ...] = ()
    unplaced: dict[str, str] = {}
    turned: tuple[tuple[str, str], ...] = ()
    reason: str = ""


class RateRatio(Frozen):
    """How many times as many findings per kLOC as the reference model."""

    model: str
    ratio: Figure = Figure()
    p: float | None = None
    p_holm: float | None = None


class CountModel(Frozen):
    """Negative binomial regression of a count on the model, log kLOC as offset.

    Errors are robust against apps of one template being alike.

    Attributes:
        measure: `grave_findings` or `security_findings`.
        reference: the model with which the others are compared.
        apps, clusters: behind the fit; clusters are templates.
        left_out: apps that are not in it: not measured whole, or their kLOC is not known.
        dispersion: alpha of the variance mean + alpha * mean^2.
        reason: why it is not given (it did not converge, a model has no finding at all, ...).
    """

    measure: str
    reference: str = ""
    apps: int = 0
    clusters: int = 0
    left_out: int = 0
    ratios: tuple[RateRatio, ...] = ()
    dispersion: float | None = None
    reason: str = ""


class Place(Frozen):
    """One model in a ranking by several criteria.

    Attributes:
        score: from 0 to 1, more is better.
        first_share: share of random weights under which it is first.
        mean_place: its mean place under random weights.
        places: its best and its worst place under random weights.
    """

    model: str
    score: float
    first_share: float
    mean_place: float
    places: tuple[int, int]


class RankingMethod(Frozen):
    """TOPSIS or weighted sum: places under the given weights, and how much weights decide.

    Attributes:
        groups: places in order; models whose order turns under enough random weights (each is
            above the other in at least 5 % of them) stand together.
    """

    method: Literal["topsis", "weighted_sum"]
    places: tuple[Place, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()


class Ranking(Frozen):
    """A ranking by several criteria, only where a spec asks for one.

    Attributes:
        weights: by measure, their sum is 1.
        methods: empty: none is given, and `reason` says why.
        draws: random weights that were tried (flat Dirichlet distribution).
        left_out: models that are in no ranking, each with the reason.
    """

    weights: dict[str, float]
    methods: tuple[RankingMethod, ...] = ()
    draws: int = 0
    left_out: dict[str, str] = {}
    reason: str = ""


class Noise(Frozen):
    """How much one figure differs when the same app is measured again.

    Attributes:
        apps: that were measured more than once.
        measurements: of these apps, all together.
        within_sd: standard deviation between measurements of one app.
        between_sd: standard deviation between apps, without the former; None: not known.
        limit: two single measurements of one app differ by at most so much in 95 of 100 cases
            (repeatability limit, ISO 5725-1). Smaller differences of two apps are no differences.
        noise_share: share of the variance that is noise.
    """

    measure: str
    unit: str = ""
    apps: int = 0
    measurements: int = 0
    within_sd: float | None = None
    between_sd: float | None = None
    limit: float | None = None
    noise_share: float | None = None
    reason: str = ""
