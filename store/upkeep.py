"""What is done to a store as a whole: pipelines removed, pipelines made again."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.errors import ErrorCode, PlatformError
from contract.record import FINISHED_STATES
from store.connected import Connected
from store.moving import covers, move_pipeline
from store.tables import apps, cells, pipelines, pruned

_ROWS = 1_000


async def unprune(connection: AsyncConnection, pipeline_id: str) -> None:
    """Forget that a pipeline was removed: its ID is in use again."""
    await connection.execute(delete(pruned).where(pruned.c.pipeline_id == pipeline_id))


class Upkeep(Connected):
    """Part of the result store."""

    async def prune(self, pipeline_ids: Collection[str]) -> list[str]:
        """Remove ended pipelines with all their rows; the IDs of those that were removed.

        One that is running again meanwhile stays. The store remembers that they were removed.
        """
        gone: list[str] = []
        async with self.writing() as connection:
            ended = pipelines.c.state.in_(FINISHED_STATES)
            for pipeline_id in pipeline_ids:
                this = pipelines.c.pipeline_id == pipeline_id
                removed = await connection.execute(delete(pipelines).where(this, ended))
                if removed.rowcount:
                    row = {"pipeline_id": pipeline_id, "pruned_at": datetime.now(UTC)}
                    await connection.execute(self.upsert(pruned, row, replace=True))
                    gone.append(pipeline_id)
        return gone

    async def pruned(self) -> frozenset[str]:
        """IDs of the pipelines that were removed on purpose."""
        async with self.reading() as connection:
            return frozenset(await connection.scalars(select(pruned.c.pipeline_id)))

    async def artifacts(self, without: Collection[str] = ()) -> frozenset[str]:
        """Digests of the artifacts that rows refer to, but for the rows of some pipelines."""
        found: set[str] = set()
        async with self.reading() as connection:
            packed = select(cells.c.artifact).where(
                cells.c.artifact.is_not(None), cells.c.pipeline_id.not_in(without)
            )
            async for row in await connection.stream(packed.execution_options(yield_per=_ROWS)):
                found.add(row.artifact["sha256"])
            bodies = select(apps.c.body).where(apps.c.pipeline_id.not_in(without))
            async for row in await connection.stream(bodies.execution_options(yield_per=_ROWS)):
                found |= {log["sha256"] for log in row.body["facts"].get("logs", ())}
        return frozenset(found)

    async def baselines(self) -> dict[str, str]:
        """The baseline of each pipeline that names one."""
        async with self.reading() as connection:
            rows = await connection.execute(select(pipelines.c.pipeline_id, pipelines.c.spec))
            return {
                row.pipeline_id: row.spec["baseline"] for row in rows if row.spec.get("baseline")
            }

    async def check(self) -> None:
        """Require that the database can be read from end to end.

        Raises:
            PlatformError: DATA_LOSS: it cannot.
        """
        if self.dialect != "sqlite":
            return
        async with self.reading() as connection:
            verdict = await connection.exec_driver_sql("PRAGMA quick_check(1)")
            if (first := verdict.scalar()) != "ok":
                raise PlatformError(ErrorCode.DATA_LOSS, f"store {self.where}: {first}")

    async def adopt(
        self, other: "Upkeep", pipeline_ids: Sequence[str]
    ) -> tuple[dict[str, int], list[str]]:
        """Put the other store's rows of these pipelines in place of this one's, all or none.

        Rows of a pipeline of which the other store knows less stay as they are.

        Returns:
            Cells of each pipeline that was taken over, and the IDs of those that stayed.
        """
        taken: dict[str, int] = {}
        stayed: list[str] = []
        async with other.reading() as source, self.writing() as target:
            for pipeline_id in pipeline_ids:
                if await covers(source, target, pipeline_id):
                    await unprune(target, pipeline_id)
                    taken[pipeline_id] = await move_pipeline(source, target, pipeline_id)
                else:
                    stayed.append(pipeline_id)
        return taken, stayed
