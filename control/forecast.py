"""What `plan` answers: what a spec would take, and what it could show."""

from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class Took(Frozen):
    """How long one analyzer needed for an app.

    Attributes:
        p50_s, p90_s: seconds; None: it never ran here.
        runs: subtasks behind it.
    """

    analyzer: AnalyzerKind
    p50_s: float | None = None
    p90_s: float | None = None
    runs: int = 0


class Shows(Frozen):
    """What a design could show of two models.

    Attributes:
        templates, samples: of the design; apps of one model are their product.
        one_pair: smallest difference of two shares (0 to 1) that is shown in 80 of 100 studies, if
            two models are compared; None: not even the largest one is.
        all_pairs: the same after correction for all pairs of models.
    """

    templates: int
    samples: int
    one_pair: float | None = None
    all_pairs: float | None = None


class Assumed(Frozen):
    """What the simulation takes for granted.

    Attributes:
        source: `assumed`, or the ID of the pipeline whose figures were used.
        rate: share that passes.
        template_sd: how much templates differ in difficulty, in log odds.
        interaction_sd: how much models differ on single templates, in log odds.
    """

    source: str
    rate: float
    template_sd: float
    interaction_sd: float


class Forecast(Frozen):
    """What a spec would take, and what it could show; nothing is started.

    Attributes:
        subjects: apps that the pipeline is about.
        beside: controls, repeats and the like, by role.
        models, templates: how many.
        samples: apps per model and template: fewest and most.
        subtasks: one per app and analyzer.
        took: of each analyzer, from recent pipelines.
        time_s: about how long, from the medians and from the 90th percentiles; None: not known.
        cost_usd: about what asking judges costs, in the same way; None: not known.
        pipelines: recent ones behind time and cost.
        unknown: what is not known, and why.
        design: what this design could show, with the templates that any two models share; None:
            fewer than two models, or more than a report compares.
        instead: twice these templates; twice the samples; and the fewest templates that show a
            difference of 20 points, if another one.
        assumed: behind `design` and `instead`.
        advice: sentences.
    """

    spec: str
    subjects: int
    beside: dict[str, int] = {}
    models: int
    templates: int
    samples: tuple[int, int]
    parallelism: int
    subtasks: int
    took: tuple[Took, ...] = ()
    time_s: tuple[float, float] | None = None
    cost_usd: tuple[float, float] | None = None
    pipelines: int = 0
    unknown: tuple[str, ...] = ()
    design: Shows | None = None
    instead: tuple[Shows, ...] = ()
    assumed: Assumed | None = None
    advice: tuple[str, ...] = ()
