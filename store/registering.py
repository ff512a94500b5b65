"""What registering a pipeline changes, decided without a database."""

from collections.abc import Mapping, Sequence

from contract.errors import ErrorCode, PlatformError
from store.rows import Row

AppKey = tuple[str, int]


def rows_to_add(
    pipeline: Row, planned: Sequence[Row], spec_digest: str, registered: Mapping[AppKey, str]
) -> list[Row]:
    """Rows of the apps that a plan adds to its registered pipeline; empty for the same plan.

    Args:
        pipeline: the row the plan would make.
        planned: the app rows it would make.
        spec_digest: of the registered pipeline.
        registered: `plan_digest` of each registered app.

    Raises:
        PlatformError: ALREADY_EXISTS when the plan is not the registered one with apps added.
    """
    wanted = {_key(row): row for row in planned}
    changed = [key for key, digest in registered.items() if _differs(wanted.get(key), digest)]
    if pipeline["spec_digest"] != spec_digest:
        raise _exists(pipeline["pipeline_id"], "its spec differs")
    if changed:
        model, number = changed[0]
        cause = f"{model} app{number} is missing or has other files or another template"
        raise _exists(pipeline["pipeline_id"], cause)
    missing = [row for key, row in wanted.items() if key not in registered]
    return [{**row, "ordinal": len(registered) + index} for index, row in enumerate(missing)]


def _key(row: Row) -> AppKey:
    return row["target_model"], row["target_app_number"]


def _differs(row: Row | None, digest: str) -> bool:
    return row is None or row["plan_digest"] != digest


def _exists(pipeline_id: str, cause: str) -> PlatformError:
    message = f"pipeline {pipeline_id!r} exists with a different plan: {cause}; use another ID"
    return PlatformError(ErrorCode.ALREADY_EXISTS, message)
