"""The one place that calls an endpoint, waits for a rate limit and checks an answer.

A rate limit is not a failure: the endpoint says when to ask again, and a retry of the whole subtask
    would lose the work done so far. So every call waits here for its model's rate limit, within the
    tool's deadline. Every other failure is a `ToolFault`, which the platform retries.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from analyzers.ai.config import AiConfig
from analyzers.ai.costs import Call, Costs
from analyzers.ai.schema import JudgeAnswer
from analyzers.runtime.tool import ToolFault

Answer = TypeVar("Answer", bound=JudgeAnswer)
Message = dict[str, str]
_RATE_LIMIT_TRIES = 5
_MAX_WAIT_S = 120.0
_MAX_PAUSE_S = 3600.0
# Errors of the library below openai's (httpx2 since its version 3) before anything was sent.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class _NotSentError(ToolFault):
    """The endpoint never got the call."""


class RateLimits:
    """Until when each model must not be called; for all calls of this process.

    At most one hour: a longer wait that an endpoint asks for is cut.
    """

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}

    def hold(self, model: str, wait_s: float) -> None:
        """Let nobody call `model` before `wait_s` seconds are over."""
        until_s = time.monotonic() + min(wait_s, _MAX_PAUSE_S)
        self._until_s[model] = max(until_s, self._until_s.get(model, 0.0))

    def left_s(self, model: str) -> float:
        """Seconds until `model` may be called."""
        return max(0.0, self._until_s.get(model, 0.0) - time.monotonic())


@dataclass(slots=True)
class Judge:
    """One model at one endpoint, during one tool run.

    Attributes:
        deadline: `time.monotonic()` at which the tool must have ended.
    """

    config: AiConfig
    model: str
    costs: Costs
    limits: RateLimits
    deadline: float
    client: AsyncOpenAI

    async def ask(
        self, messages: Sequence[Message], schema: type[Answer], expected_ids: Sequence[str]
    ) -> Answer:
        """The model's answer as `schema`, with every expected ID once; one repair try.

        Raises:
            ToolFault: the endpoint failed, or gave two wrong answers.
            BudgetSpentError: the call was not made.
        """
        text = await self._complete(messages)
        try:
            return _checked(text, schema, expected_ids)
        except ValueError as error:
            repair = [
                *messages,
                {"role": "assistant", "content": text[:20_000]},
                {"role": "user", "content": _repair_prompt(error, schema)},
            ]
        text = await self._complete(repair)
        try:
            return _checked(text, schema, expected_ids)
        except ValueError as error:
            reason = f"{self.model}: answer does not match the schema, also after one repair"
            raise ToolFault(f"{reason}: {error}") from error

    async def _complete(self, messages: Sequence[Message]) -> str:
        prompt = json.dumps(list(messages), ensure_ascii=False)
        waited_s = 0.0
        for attempt in range(_RATE_LIMIT_TRIES):
            waited_s += await self._wait()
            reserved_usd = self.costs.reserve(self.model, prompt, len(messages))
            began = time.monotonic()
            try:
                completion = await self._request(messages)
            except _NotSentError:
                self.costs.refused(reserved_usd)
                raise
            except openai.APIStatusError as error:
                self.costs.refused(reserved_usd)
                wait_s = _rate_limit_wait_s(error, attempt)
                if wait_s is None:
                    raise ToolFault(self._refusal(error)) from error
                self.limits.hold(self.model, wait_s)
                continue
            latency_s = time.monotonic() - began
            self.costs.record(self._call(completion, prompt, latency_s, waited_s), reserved_usd)
            return _content(completion, self.model)
        raise ToolFault(f"{self.model}: rate limited {_RATE_LIMIT_TRIES} times in a row")

    async def _request(self, messages: Sequence[Message]) -> ChatCompletion:
        config = self.config
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise _NotSentError(f"{self.model}: no time left before the deadline")
        extra: dict[str, Any] = {}
        if config.json_mode:
            extra["response_format"] = {"type": "json_object"}
        if config.seed is not None:
            extra["seed"] = config.seed
        limit_s = min(config.timeout_s, left_s)
        try:
            async with asyncio.timeout(limit_s):
                return await self.client.chat.completions.create(
                    model=self.model,
                    messages=cast(list[ChatCompletionMessageParam], list(messages)),
                    temperature=config.temperature,
                    max_tokens=config.max_output_tokens,
                    timeout=limit_s,
                    **extra,
                )
        except (TimeoutError, openai.APITimeoutError) as error:
            raise _fault(error)(f"{self.model}: no answer within {limit_s:.0f} s") from error
        except openai.APIConnectionError as error:
            reason = f"cannot reach {config.base_url}: {error.__cause__ or error}"
            raise _fault(error)(f"{reason}: check ASSAY_AI_BASE_URL") from error
        except openai.APIStatusError:
            raise
        except (openai.OpenAIError, ValueError) as error:
            raise ToolFault(f"{self.model}: unreadable answer: {error}") from error

    async def _wait(self) -> float:
        """Wait until the model may be called; returns for how many seconds."""
        waited_s = 0.0
        while wait_s := self.limits.left_s(self.model):
            self._check_wait(wait_s)
            await asyncio.sleep(wait_s)
            waited_s += wait_s
        return waited_s

    def _check_wait(self, wait_s: float) -> None:
        left_s = self.deadline - time.monotonic()
        if wait_s > min(_MAX_WAIT_S, left_s):
            raise ToolFault(
                f"{self.model}: rate limited, asked to wait {wait_s:.0f} s; "
                f"{max(left_s, 0):.0f} s are left and at most {_MAX_WAIT_S:.0f} s are waited"
            )

    def _refusal(self, error: openai.APIStatusError) -> str:
        steps = {
            401: "check ASSAY_AI_API_KEY",
            403: "check ASSAY_AI_API_KEY",
            404: "check ASSAY_AI_BASE_URL and ASSAY_AI_MODELS",
            400: "if it rejects response_format, set ASSAY_AI_JSON_MODE=false",
        }
        step = steps.get(error.status_code, "see the endpoint's own log")
        return f"{self.model}: endpoint answered {error.status_code}: {error.message[:300]}: {step}"

    def _call(
        self, completion: ChatCompletion, prompt: str, latency_s: float, waited_s: float
    ) -> Call:
        usage, price = completion.usage, self.config.prices.get(self.model)
        cost_usd = None
        if usage and price:
            cost_usd = price.cost_usd(usage.prompt_tokens, usage.completion_tokens)
        return Call(
            model=self.model,
            answered_by=completion.model,
            fingerprint=completion.system_fingerprint,
            prompt_digest=hashlib.sha256(prompt.encode()).hexdigest(),
            input_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
            cost_usd=cost_usd,
            latency_s=round(latency_s, 3),
            waited_s=round(waited_s, 3),
        )


def new_client(config: AiConfig) -> AsyncOpenAI:
    """A client that never retries by itself: two retry layers multiply attempts."""
    return AsyncOpenAI(base_url=config.base_url, api_key=config.api_key or "none", max_retries=0)


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header (RFC 9110, 10.2.3): seconds or an HTTP date."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _rate_limit_wait_s(error: openai.APIStatusError, attempt: int) -> float | None:
    """How long to wait before asking again; None when this is no rate limit."""
    wait_s = retry_after_s(error.response.headers.get("retry-after", ""), datetime.now(UTC))
    if error.status_code == 429:
        return 2.0**attempt if wait_s is None else wait_s
    return wait_s if error.status_code == 503 else None


def _content(completion: ChatCompletion, model: str) -> str:
    if not completion.choices or completion.choices[0].message.content is None:
        raise ToolFault(f"{model}: the endpoint answered without content")
    if completion.choices[0].finish_reason == "length":
        raise ToolFault(f"{model}: answer cut: raise ASSAY_AI_MAX_OUTPUT_TOKENS")
    return completion.choices[0].message.content


def _fault(error: BaseException) -> type[ToolFault]:
    """The fault of a call without an answer: a call that was never sent cost nothing."""
    return _NotSentError if isinstance(error.__cause__, _NOT_SENT) else ToolFault


def _checked(text: str, schema: type[Answer], expected_ids: Sequence[str]) -> Answer:
    """`text` as `schema`; models like to wrap JSON in a code fence.

    Raises:
        ValueError: not JSON, not the schema, or not exactly the expected IDs.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("no JSON object in the answer")
    try:
        answer = schema.model_validate_json(text[start : end + 1])
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise ValueError("; ".join(problems)) from error
    given = answer.ids()
    if sorted(given) != sorted(expected_ids):
        raise ValueError(f"expected each of {sorted(expected_ids)} once, got {sorted(given)}")
    return answer


def _repair_prompt(error: Exception, schema: type[BaseModel]) -> str:
    return (
        f"That answer cannot be used: {error}. Answer again with one JSON object and nothing else, "
        f"following this JSON schema: {json.dumps(schema.model_json_schema())}"
    )
