"""Decisions by command that weaknesses of a recorded pipeline need no action."""

from datetime import UTC, date, datetime
from typing import Literal

import yaml
from pydantic import ValidationError

from activities.decisions import Decided, all_decisions
from activities.ports import ResultStore
from contract.base import Frozen, first_problem
from contract.findings import FindingsQuery
from contract.role import AppRole
from contract.suppression import Suppression
from control.errors import WrongInputError
from control.stored import Stored


class Suppressed(Frozen):
    """What came of a decision by command.

    Attributes:
        done: `suppressed`, `withdrawn`; `unchanged`: it was so already.
    """

    pipeline_id: str
    done: Literal["suppressed", "withdrawn", "unchanged"]
    suppression: Suppression


class ListedDecision(Decided):
    """A decision that is listed; `holds`: it has not expired."""

    holds: bool


class Decisions(Frozen):
    """All decisions for a pipeline.

    Attributes:
        decisions: each a `ListedDecision`.
    """

    pipeline_id: str
    decisions: tuple[ListedDecision, ...]


def decision(**fields: str | date | None) -> Suppression:
    """A decision of these fields; those that are None or empty are left out.

    Raises:
        WrongInputError: it names no weakness, nobody, no reason, or is over already.
    """
    try:
        made = Suppression.model_validate({name: text for name, text in fields.items() if text})
    except ValidationError as error:
        raise WrongInputError(
            f"no decision: {first_problem(error)}",
            next_step="give a fingerprint, or a rule and a path; and who decides, and why",
        ) from error
    if not made.holds_on(_today()):
        raise WrongInputError(
            f"until {made.until} is over: it would never hold", next_step="name a later day"
        )
    return made


async def suppress(stored: Stored, pipeline_id: str, suppression: Suppression) -> Suppressed:
    """Keep a decision for a pipeline, and for those that have it as their baseline.

    A decision about the same weaknesses is replaced; the same once more changes nothing.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: the pipeline has no weakness with this fingerprint.
        PlatformError: the store does not answer.
    """

    async def ask(results: ResultStore) -> Suppressed:
        await _require_known(results, pipeline_id, suppression)
        kept = await results.suppress(pipeline_id, suppression)
        done = "suppressed" if kept else "unchanged"
        return Suppressed(pipeline_id=pipeline_id, done=done, suppression=suppression)

    return await stored.answered(pipeline_id, ask)


async def withdraw(stored: Stored, pipeline_id: str, key: tuple[str, str, str, str]) -> Suppressed:
    """Forget a decision that was taken for this pipeline by command.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: there is no such decision, or it was taken elsewhere.
        PlatformError: the store does not answer.
    """

    async def ask(results: ResultStore) -> Suppressed:
        await results.overview(pipeline_id)
        found = {each.suppression.key: each for each in await all_decisions(results, pipeline_id)}
        if key not in found:
            raise WrongInputError(
                "there is no decision about exactly this", next_step="list the decisions"
            )
        _require_own(pipeline_id, found[key])
        await results.unsuppress(pipeline_id, found[key].suppression)
        return Suppressed(
            pipeline_id=pipeline_id, done="withdrawn", suppression=found[key].suppression
        )

    return await stored.answered(pipeline_id, ask)


async def decisions(stored: Stored, pipeline_id: str) -> Decisions:
    """All decisions for a pipeline, also those that it inherits from its baselines.

    Raises:
        NotStoredError: there is no such pipeline.
        PlatformError: the store does not answer.
    """

    async def ask(results: ResultStore) -> Decisions:
        await results.overview(pipeline_id)
        every = await all_decisions(results, pipeline_id)
        listed = (
            ListedDecision(**dict(each), holds=each.suppression.holds_on(_today()))
            for each in every
        )
        return Decisions(pipeline_id=pipeline_id, decisions=tuple(listed))

    return await stored.answered(pipeline_id, ask)


def as_file(listed: Decisions) -> str:
    """The decisions as a file `suppressions.yaml`, to be reviewed and kept with the fleet."""
    entries = [each.suppression.model_dump(exclude_defaults=True) for each in listed.decisions]
    return yaml.safe_dump({"suppressions": entries}, sort_keys=False, allow_unicode=False)


async def _require_known(results: ResultStore, pipeline_id: str, suppression: Suppression) -> None:
    name = suppression.fingerprint
    names = (name,) if name else ()
    query = FindingsQuery(
        pipeline_id=pipeline_id, fingerprints=names, roles=tuple(AppRole), limit=1
    )
    page = await results.findings_page(query)
    if not name or page.items or page.unlisted_apps:
        return
    by_alias = query.model_copy(update={"fingerprints": (), "identities": names})
    if not (await results.findings_page(by_alias)).items:
        raise WrongInputError(
            f"no weakness of pipeline {pipeline_id} has the fingerprint {name}",
            next_step="list the findings: each has its fingerprint",
        )


def _require_own(pipeline_id: str, found: Decided) -> None:
    if found.decided_at is None:
        raise WrongInputError(
            "this decision stands in the reviewed file that came with the plan",
            next_step="remove it there; the next pipeline is submitted without it",
        )
    if found.pipeline_id != pipeline_id:
        raise WrongInputError(
            f"this decision was taken for pipeline {found.pipeline_id}, the baseline",
            next_step="withdraw it there",
        )


def _today() -> date:
    return datetime.now(UTC).date()
