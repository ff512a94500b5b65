"""The data that `openloop` leaves for later tools: the operations, and its figures of them."""

from collections.abc import Mapping, Sequence

from analyzers.performance.openloop.limits import RateLimit
from analyzers.performance.openloop.plan import LoadResult
from analyzers.performance.operations import Operation
from analyzers.runtime.tool import ToolRun
from contract.analysis import Target
from contract.base import Frozen

_KEY = "openloop"


class HeldStep(Frozen):
    """Figures of one step that held the objective, by metric name."""

    rate: float
    figures: dict[str, float]


class SharedOperation(Frozen):
    """An operation that can be loaded; ports change with every start, so it has no address.

    Attributes:
        limit: how the app limited us there, if it did.
    """

    service: str
    path: str
    name: str
    headers: tuple[tuple[str, str], ...] = ()
    is_page: bool = False
    held: tuple[HeldStep, ...] = ()
    limit: RateLimit | None = None

    def at(self, targets: Sequence[Target]) -> Operation | None:
        """The operation at the address of today's target; None where its service is gone."""
        addresses = {target.service: target.base_url for target in targets}
        if self.service not in addresses:
            return None
        place = (self.service, addresses[self.service], self.path, self.name)
        return Operation(*place, self.headers, self.is_page)


def hand_on(
    run: ToolRun, operations: Sequence[Operation], results: Mapping[str, LoadResult]
) -> None:
    """Leave `operations` with the steps of `results`, as JSON, so that the report can be cached."""
    rows = (
        SharedOperation(
            service=operation.service,
            path=operation.path,
            name=operation.name,
            headers=operation.headers,
            is_page=operation.is_page,
            limit=results[operation.name].limit if operation.name in results else None,
            held=_held(results[operation.name]) if operation.name in results else (),
        )
        for operation in operations
    )
    run.shared[_KEY] = [row.model_dump(mode="json") for row in rows]


def taken_over(run: ToolRun) -> list[SharedOperation]:
    """The data that `hand_on` left; empty where `openloop` was not part of the run."""
    return [SharedOperation.model_validate(row) for row in run.shared.get(_KEY, ())]


def _held(result: LoadResult) -> tuple[HeldStep, ...]:
    return tuple(
        HeldStep(
            rate=step.rate,
            figures={
                "throughput": step.throughput,
                **{f"latency_{name}": value for name, value in step.latency.known().items()},
            },
        )
        for step in result.steps
        if not step.broke and step.latency
    )
