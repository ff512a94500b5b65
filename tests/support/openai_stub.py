"""A stub of the OpenAI chat completions API: scripted refusals, then computed answers."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[str, list[dict[str, str]], str], dict[str, Any] | str]


@dataclass
class Refusal:
    """An HTTP answer instead of a completion."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"error": {"message": "refused by the stub"}}'


@dataclass
class OpenAiStub:
    """Answers `POST /v1/chat/completions`.

    `answer` gets (model, questions, user prompt) and returns the content, as a value or as text.
    `script` is used up first, one entry per call: a `Refusal`, or a string as raw content.
    `usage` None leaves the usage out, as some servers do.
    """

    answer: Answer
    script: list[Refusal | str] = field(default_factory=list)
    usage: dict[str, int] | None = field(
        default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 20}
    )
    finish_reason: str = "stop"
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Refusal):
            return web.Response(
                status=step.status, headers=step.headers, text=step.body,
                content_type="application/json",
            )  # fmt: skip
        content = step if step is not None else self._content(body)
        return web.json_response(self._completion(body["model"], content))

    def _content(self, body: dict[str, Any]) -> str:
        prompt = next(m["content"] for m in body["messages"] if m["role"] == "user")
        answer = self.answer(body["model"], questions(prompt), prompt)
        return answer if isinstance(answer, str) else json.dumps(answer)

    def _completion(self, model: str, content: str) -> dict[str, Any]:
        choice = {
            "index": 0,
            "finish_reason": self.finish_reason,
            "message": {"role": "assistant", "content": content},
        }
        completion = {"id": "stub", "object": "chat.completion", "created": 1, "model": model,
                      "system_fingerprint": "fp-1"}  # fmt: skip
        usage = self.usage and {**self.usage, "total_tokens": sum(self.usage.values())}
        return {**completion, "choices": [choice], **({"usage": usage} if usage else {})}


def questions(prompt: str) -> list[dict[str, str]]:
    """The questions of a prompt, in the form that the judge gets."""
    return json.loads(prompt.split("\n", 2)[1])


def source_of(prompt: str) -> str:
    """The app's text between the markers."""
    found = re.search(r"<<<begin-source-(\w+)\n(.*)\nend-source-\1>>>", prompt, re.DOTALL)
    assert found, "no fenced source in the prompt"
    return found[2]


@asynccontextmanager
async def stubbing(stub: OpenAiStub) -> AsyncIterator[OpenAiStub]:
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/v1/chat/completions", stub.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield stub
    finally:
        await runner.cleanup()
