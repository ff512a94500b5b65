"""Makes the study of a fleet from the summaries of its apps. Imports scipy: see the package."""

from collections.abc import Iterable

from contract.ranking import RankingSpec
from reports.study.agreement import Agreements
from reports.study.model import Study
from reports.study.table import Table
from reports.summary import AppSummary

_PASS = (("functional", "pass"), ("functional_and_secure", "sec_pass"))


def study_of(
    apps: Iterable[AppSummary],
    *,
    ranking: RankingSpec | None = None,
    agreement: Agreements | None = None,
) -> Study:
    """The study of these apps; those that are no subjects stand apart.

    Args:
        apps: every app of the pipeline, in any order: subjects and others.
        ranking: what the spec asks for.
        agreement: of the judges, from `reports.study.agreement.JudgeAgreement`.
    """
    return _Builder(Table.of(apps), agreement or {}).study(ranking)
