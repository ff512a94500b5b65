"""All decisions that hold for a pipeline: of its fleet's file, by command, and of its baselines."""

from datetime import datetime

from activities.ports import ResultStore
from contract.base import Frozen
from contract.errors import ErrorCode, PlatformError
from contract.spec import PipelineSpec
from contract.suppression import Suppression

_LONGEST_CHAIN = 100
_NOT_TOLD = frozenset({ErrorCode.NOT_FOUND, ErrorCode.FAILED_PRECONDITION})


class Decided(Frozen):
    """A decision and where it was taken.

    Attributes:
        pipeline_id: for which pipeline: this one, or a baseline whose decisions it inherits.
        decided_at: when, by command; null: it stands in the file that came with the plan.
    """

    suppression: Suppression
    pipeline_id: str
    decided_at: datetime | None = None


async def all_decisions(results: ResultStore, pipeline_id: str) -> tuple[Decided, ...]:
    """The decisions for a pipeline, expired ones too; of two about the same, the last counts.

    First those by command for its baseline, for the baseline of that one, and so on, the oldest
    first; then the file that came with its plan; then those by command for itself.

    Raises:
        PlatformError: the store does not answer.
    """
    chain = await _chain(results, pipeline_id)
    kept = await results.suppressions(list(chain))
    found: list[Decided] = []
    for name in reversed(chain):
        spec = chain[name]
        if spec and name == pipeline_id and isinstance(spec.suppressions, tuple):
            found += [Decided(suppression=each, pipeline_id=name) for each in spec.suppressions]
        found += [
            Decided(suppression=each.suppression, pipeline_id=name, decided_at=each.decided_at)
            for each in kept
            if each.pipeline_id == name
        ]
    return tuple({each.suppression.key: each for each in found}.values())


async def decisions_of(results: ResultStore, pipeline_id: str) -> tuple[Suppression, ...]:
    """`all_decisions`, without where they were taken."""
    return tuple(each.suppression for each in await all_decisions(results, pipeline_id))


async def _chain(results: ResultStore, pipeline_id: str) -> dict[str, PipelineSpec | None]:
    """Specs of the pipeline, of its baseline, of the baseline of that one, and so on."""
    chain: dict[str, PipelineSpec | None] = {}
    name: str | None = pipeline_id
    while name and name not in chain and len(chain) < _LONGEST_CHAIN:
        spec = chain[name] = await spec_of(results, name)
        name = spec.baseline if spec else None
    return chain


async def spec_of(results: ResultStore, pipeline_id: str) -> PipelineSpec | None:
    """The spec of a pipeline; None: there is no such pipeline, or its version kept no plan.

    Raises:
        PlatformError: the store does not answer.
    """
    try:
        return (await results.load_header(pipeline_id)).spec
    except PlatformError as error:
        if error.code in _NOT_TOLD:
            return None
        raise
