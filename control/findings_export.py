"""Weaknesses that a filter leaves, as a file for other programs, written as it is read."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal
from zipfile import ZIP_DEFLATED, ZipFile

from activities.ports import ResultStore
from contract.findings import FindingsQuery
from contract.standing import Standing
from control.findings import Search
from control.findings_asked import Asked
from control.findings_unseen import unseen
from control.stored import Stored
from reports.found import found_head, found_lines, found_sarif
from reports.sarif_results import MAX_RESULTS

if TYPE_CHECKING:
    from typing_extensions import Buffer

ExportForm = Literal["csv", "json", "sarif"]
_AHEAD = 2
Write = Callable[[bytes], Awaitable[None]]


async def exported(
    stored: Stored, pipeline_id: str, wanted: Asked, form: ExportForm
) -> AsyncIterator[bytes]:
    """The file, piece by piece. What is wrong with the question is said before the first piece.

    `json` is a `Findings`; `sarif` has at most 25,000 results, and says so if there are more; `csv`
    is a zip archive: `findings.csv` has the columns of the table `findings`, and `not_known.csv` a
    line for everything that nobody could see. No table by itself would be read as a proven zero.

    Args:
        stored: has the pipeline.
        pipeline_id: of the pipeline.
        wanted: the filters.
        form: of the file.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: a filter names nothing of the pipeline.
        PlatformError: the store cannot be read; later, while it is read: the file is not whole.
    """
    query = wanted.query(pipeline_id)
    pieces = _pieces(stored, query, wanted.standings, form)
    first = await anext(pieces, b"")

    async def whole() -> AsyncGenerator[bytes]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return whole()


async def _pieces(
    stored: Stored, query: FindingsQuery, standings: frozenset[Standing], form: ExportForm
) -> AsyncGenerator[bytes]:
    """What the search writes while the store is open; it is read no faster than it is taken."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)

    async def ask(results: ResultStore) -> None:
        search = await Search.open(results, query, standings)
        await _FORMS[form](search, query.pipeline_id, queue.put)

    working = asyncio.create_task(stored.answered(query.pipeline_id, ask, lags=True))
    try:
        while (piece := await _next(queue, working)) is not None:
            yield piece
        await working
    finally:
        working.cancel()
        await asyncio.wait({working})  # it closes the store


async def _next(queue: asyncio.Queue[bytes], working: asyncio.Task[None]) -> bytes | None:
    """The next piece; None: there comes no more."""
    getting = asyncio.create_task(queue.get())
    try:
        await asyncio.wait({getting, working}, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        return None if queue.empty() else queue.get_nowait()
    finally:
        getting.cancel()


async def _csv(search: Search, pipeline_id: str, write: Write) -> None:
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED) as folder:
        with folder.open("findings.csv", "w", force_zip64=True) as lines:
            lines.write(found_head())
            async for found in search.pages():
                lines.write(found_lines(pipeline_id, found))
                await write(sink.taken())
        folder.writestr("not_known.csv", _table("not_known", unseen(search.document(()))))
    await write(sink.taken())


def _table(column: str, texts: Iterable[str]) -> str:
    table = io.StringIO()
    csv.writer(table).writerows([[column], *([text] for text in texts)])
    return table.getvalue()


class _Sink(io.RawIOBase):
    """What an archive has written so far."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer", /) -> int:
        self._bytes += data
        return memoryview(data).nbytes

    def taken(self) -> bytes:
        """All that was not taken yet."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


async def _json(search: Search, pipeline_id: str, write: Write) -> None:
    await write(f'{{"pipeline_id":{json.dumps(pipeline_id)},"findings":['.encode())
    comma = ""
    async for found in search.pages():
        if found:
            await write((comma + ",".join(item.model_dump_json() for item in found)).encode())
            comma = ","
    rest = search.document(()).model_dump_json(exclude={"pipeline_id", "findings"})
    await write(f"],{rest[1:]}".encode())


async def _sarif(search: Search, pipeline_id: str, write: Write) -> None:
    found = await search.take(MAX_RESULTS)
    notices = [("warning", text) for text in unseen(search.document(found))]
    log = await asyncio.to_thread(found_sarif, pipeline_id, found, notices, not notices)
    await write(json.dumps(log).encode())


_FORMS: dict[ExportForm, Callable[[Search, str, Write], Awaitable[None]]] = {
    "csv": _csv,
    "json": _json,
    "sarif": _sarif,
}
