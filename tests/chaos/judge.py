"""An OpenAI-compatible endpoint with slow answers, in a thread of its own."""

import asyncio
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.support.judges import is_control
from tests.support.openai_stub import OpenAiStub, source_of, stubbing

MODEL = "steady-judge"
_THINKS_S = 1.5
_PLACE = re.compile(
    r"^=== (?P<path>\S+\.py) .*?^ *(?P<line>\d+)\| (?P<quote>import \w+)", re.M | re.S
)


class _SlowStub(OpenAiStub):
    async def handle(self, request: Any) -> Any:
        await asyncio.sleep(_THINKS_S)
        return await super().handle(request)


@dataclass(slots=True)
class Judge:
    """Gives every app the same scores except for safety; its evidence is the first import.

    It is in the network namespace of the thread that starts it.
    """

    url: str = ""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _thread: threading.Thread | None = None

    def start(self) -> str:
        """Listen on a free port; the base URL."""
        listening = threading.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve(listening)), daemon=True
        )
        self._thread.start()
        assert listening.wait(5), "the judge did not start"
        return self.url

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._done.set)
        assert self._thread is not None
        self._thread.join(5)
        self._loop.close()

    async def _serve(self, listening: threading.Event) -> None:
        async with stubbing(_SlowStub(_scores)) as stub:
            self.url = stub.url
            listening.set()
            await self._done.wait()


def _scores(_model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
    place = _PLACE.search(source_of(prompt))
    assert place, "no import in the app"
    proof = [{"path": place["path"], "line": int(place["line"]), "quote": place["quote"]}]
    return {
        "scores": [{"id": one["id"], "score": _points(one), "evidence": proof} for one in asked]
    }


def _points(question: dict[str, str]) -> int:
    if is_control(question):
        return 0
    return 2 if question["text"].startswith("Secrets") else 7
