"""Makes the study of a fleet from the summaries of its apps. Imports scipy: see the package."""

from collections.abc import Iterable

from contract.spec import RankingSpec
from reports.study.figures import Agreement
from reports.study.model import Study
from reports.summary import AppSummary


def study_of(
    apps: Iterable[AppSummary],
    *,
    ranking: RankingSpec | None = None,
    agreement: Iterable[Agreement] = (),
) -> Study:
    """The study of these apps; those that are no subjects stand apart.

    Args:
        apps: every app of the pipeline, in any order: subjects and others.
        ranking: what the spec asks for.
        agreement: of the judges, from `reports.study.agreement.JudgeAgreement`.
    """
    return Study()
