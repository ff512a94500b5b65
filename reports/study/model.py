"""The study of a fleet as readers see it. Figures are None, never zero, where nothing is known.

Each figure is made once, here, and every form (HTML, LaTeX, JSON, Parquet, dashboard) shows it.
A figure is found by the name of its measure; `Study.measures` says what each measure means.
"""

from contract.base import Frozen
from reports.study.compared import Comparison, CountModel, Noise, Ordering, Ranking, RankTest
from reports.study.figures import Design, Group, Measure


class Study(Frozen):
    """All figures of a fleet.

    Attributes:
        fleet: all subjects.
        models, templates, cells: per model, per template, per model on a template.
        comparisons: every pair of models on every measure that is compared.
        counts: regressions.
        ranking: None: the spec asks for none.
        noise: one entry for each measure that repeats were made for.
        methods: what was done, as sentences for a paper.
    """

    design: Design = Design()
    measures: tuple[Measure, ...] = ()
    fleet: Group = Group()
    models: tuple[Group, ...] = ()
    templates: tuple[Group, ...] = ()
    cells: tuple[Group, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    ranks: tuple[RankTest, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    counts: tuple[CountModel, ...] = ()
    ranking: Ranking | None = None
    noise: tuple[Noise, ...] = ()
    methods: tuple[str, ...] = ()

    def measure(self, name: str) -> Measure | None:
        """The measure of this name."""
        return next((measure for measure in self.measures if measure.name == name), None)
