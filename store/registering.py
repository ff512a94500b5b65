"""What registering a page of a plan changes, decided without a database."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contract.errors import ErrorCode, PlatformError
from contract.plan import PlanHeader
from contract.spec import AppRef
from store.rows import Row, spec_digest_of


class Registered(NamedTuple):
    """An app that is registered; `digest` is the identity of what is to be analysed."""

    ordinal: int
    digest: str


def require_same_plan(header: PlanHeader, registered_digest: str) -> None:
    """A plan of several pages goes on with the very plan that is registered.

    Its pages come one by one: a refusal of a later one would leave the apps of those before.

    Raises:
        PlatformError: ALREADY_EXISTS when it is another plan.
    """
    if len(header.pages) > 1 and header.digest != registered_digest:
        raise _exists(header, "its apps differ")


def rows_to_add(
    header: PlanHeader,
    wanted: Sequence[Row],
    spec_digest: str,
    registered: Mapping[AppRef, Registered],
) -> list[Row]:
    """Rows of the apps that a page adds to its registered pipeline; empty for a page that it has.

    A plan may have more apps than the registered one. An app beyond the plan's own, which was added
    while the pipeline ran, must be new: it has its ordinal only if this very page added it.

    Args:
        header: of the plan.
        wanted: the app rows that the page would make, with ordinals as if it were new.
        spec_digest: of the registered pipeline.
        registered: the apps that it has.

    Raises:
        PlatformError: ALREADY_EXISTS when the plan is not the registered one with apps added.
    """
    if spec_digest_of(header.spec) != spec_digest:
        raise _exists(header, "its spec differs")
    for row in wanted:
        ref = _ref(row)
        known = registered.get(ref)
        if known and known.digest != row["plan_digest"]:
            raise _exists(header, f"{ref.label} has other files or another template")
        if known and row["ordinal"] >= header.total and known.ordinal != row["ordinal"]:
            raise PlatformError(ErrorCode.ALREADY_EXISTS, f"duplicate app: {ref.label}")
    missing = [row for row in wanted if _ref(row) not in registered]
    _require_all_in_plan(header, wanted, len(missing), registered)
    return [{**row, "ordinal": len(registered) + index} for index, row in enumerate(missing)]


def _require_all_in_plan(
    header: PlanHeader, wanted: Sequence[Row], new: int, registered: Mapping[AppRef, Registered]
) -> None:
    """Refuse the last page of a plan when an app is registered that the plan does not have."""
    is_last = bool(wanted) and wanted[-1]["ordinal"] == header.total - 1
    if not is_last or len(registered) + new == header.total:
        return
    names = set(map(_ref, wanted))
    lost = next((ref for ref in registered if len(header.pages) == 1 and ref not in names), None)
    raise _exists(header, f"{lost.label} is missing" if lost else "it lacks a registered app")


def _ref(row: Row) -> AppRef:
    return AppRef(model=row["target_model"], app_number=row["target_app_number"])


def _exists(header: PlanHeader, cause: str) -> PlatformError:
    id_ = header.pipeline_id
    message = f"pipeline {id_!r} exists with a different plan: {cause}; use another ID"
    return PlatformError(ErrorCode.ALREADY_EXISTS, message)
