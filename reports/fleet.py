"""From the reports of the apps, one after another, to the report of their fleet. Pure."""

from collections.abc import Iterable, Sequence
from sys import intern

from contract.analysis import MeasurementState
from contract.ranking import RankingSpec
from contract.spec import AppRole
from reports.baseline_results import BaselineReport
from reports.build import pipeline_facts
from reports.controls import ControlScores
from reports.effort import EffortSpent, ToolsUsed
from reports.facts import FleetFacts
from reports.families import BugFamilies
from reports.judge_agreement import JudgeAgreement
from reports.missing import Missing
from reports.model import AppReport, FleetReport
from reports.parts import ModelReport, Totals
from reports.rates import Requirement, rates
from reports.scaffold import ScaffoldFindings
from reports.speed import load_by_tool
from reports.study.model import Study
from reports.summaries import summary_of
from reports.summary import AppSummary
from reports.suppressions import Decisions, SuppressionUses
from reports.tally import count_states, summed, total_of
from reports.verdict import verdict


class FleetBuilder:
    """Takes each app once, controls before all others, and keeps its summary alone.

    Attributes:
        facts: of the fleet; they change when it is known which tools can be believed.
        controls: what control apps say of the tools.
        scaffolds: what the apps began as.
    """

    def __init__(self, facts: FleetFacts, decisions: Decisions | None = None) -> None:
        self.facts = facts
        self.controls = ControlScores(facts.outline.spec, facts.columns)
        self.scaffolds = ScaffoldFindings()
        self._apps: list[AppSummary] = []
        self._others: list[AppSummary] = []
        self._matrix: dict[str, dict[str, MeasurementState]] = {}
        self._missing = Missing()
        self._tools = ToolsUsed()
        self._effort = EffortSpent(facts.outline.detail)
        self._families = BugFamilies()
        self._agreement = JudgeAgreement()
        self._uses = SuppressionUses(decisions) if decisions else None

    def add(self, app: AppReport) -> AppSummary:
        """Take an app into account; its summary."""
        summary = summary_of(app, self.facts)
        self._effort.add(app)
        self.controls.add(app)
        self.scaffolds.add(app)
        if app.role is not AppRole.SUBJECT:
            self._others.append(summary)
            return summary
        self._apps.append(summary)
        self._matrix[app.ref.label] = {intern(cell.name): cell.state for cell in app.cells}
        self._missing.add(app)
        self._tools.add(app)
        self._families.add(app)
        self._agreement.add(app)
        if self._uses is not None:
            self._uses.add(app.ref, [weakness.finding for weakness in app.weaknesses])
        return summary

    def study(self) -> Study:
        """Models, templates and their differences; takes seconds, and loads the numerics."""
        from reports.study.build import study_of  # not at a workflow's import

        asked = self.facts.outline.spec.get("ranking")
        return study_of(
            [*self._apps, *self._others],
            ranking=RankingSpec.model_validate(asked) if asked else None,
            agreement=self._agreement.result(),
        )

    def report(
        self, baseline: BaselineReport | None = None, study: Study | None = None
    ) -> FleetReport:
        """The report of all apps so far.

        Args:
            baseline: what an earlier pipeline says of their weaknesses.
            study: of these apps.
        """
        facts = self.facts
        totals = totals_of(self._apps, facts.required)
        return FleetReport(
            generated_at=facts.generated_at,
            verdict=verdict(facts.outline.state, totals, self._tools.without_source),
            pipeline=pipeline_facts(facts.outline),
            totals=totals,
            effort=self._effort.result(),
            models=tuple(_models(self._apps, facts)),
            apps=tuple(self._apps),
            others=tuple(self._others),
            matrix=self._matrix,
            controls=self.controls.result(),
            study=study or Study(),
            families=self._families.result(),
            baseline=baseline,
            suppressions=self._uses.result() if self._uses else (),
            void={f"{kind}/{tool}": reason for (kind, tool), reason in facts.void.items()},
            missing=self._missing.result(),
            missing_left_out=self._missing.left_out,
            tools=self._tools.result(),
        )


def totals_of(apps: Sequence[AppSummary], required: Requirement) -> Totals:
    """Some apps together.

    Args:
        apps: the apps.
        required: what is required of each app of their fleet.
    """
    return Totals(
        apps=count_states(app.state for app in apps),
        unfinished=sum(app.state is None for app in apps),
        cells=total_of(app.cells for app in apps),
        findings=summed(tally for app in apps for tally in app.findings),
        rates=rates(apps, required),
    )


def _models(apps: Iterable[AppSummary], facts: FleetFacts) -> Iterable[ModelReport]:
    by_model: dict[str, list[AppSummary]] = {}
    for app in apps:
        by_model.setdefault(app.ref.model, []).append(app)
    for model, mine in by_model.items():
        yield ModelReport(
            model=model,
            totals=totals_of(mine, facts.required),
            load=load_by_tool(mine, facts.load_tools),
        )
