"""The answers that schemathesis got, by operation, and whether each answers its request."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import httpx

from analyzers.dynamic.answer import Answer, Sent
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.exchanges import Exchanges, secrets_of
from analyzers.dynamic.findings import stable_path
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.quota import Quota
from analyzers.dynamic.sessions import LOGIN
from analyzers.dynamic.surface import ServiceSurface
from analyzers.dynamic.target_facts import facts_of
from analyzers.runtime.live.answers import Unseen
from analyzers.runtime.tool import Parsed, ToolRun
from contract.analysis import Finding, Skipped, Target

LINE_CAP_BYTES = 4_000_000
MAX_OPERATIONS = 1_000
BODY_BYTES = 64 * 1024
CLOSED = {401, 403, 407}
Answers = dict[str, dict[int, Answer]]


def answers_of(events: Iterable[bytes]) -> Answers:
    """Operation (`GET /notes/{id}`) -> status -> its first answer of that status."""
    found: Answers = {}
    for line in events:
        if b'"interactions"' not in line or len(line) > LINE_CAP_BYTES:
            continue
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        label = str(recorder.get("label", ""))[:500]
        if label not in found and len(found) >= MAX_OPERATIONS:
            continue
        for exchange in recorder.get("interactions", {}).values():
            if answer := _answer(exchange):
                found.setdefault(label, {}).setdefault(answer.status, answer)
    return found


def _answer(exchange: dict[str, Any]) -> Answer | None:
    request, response = exchange.get("request") or {}, exchange.get("response") or {}
    if not isinstance(response.get("status_code"), int):
        return None
    path = re.sub(r"^https?://[^/]+", "", str(request.get("uri", ""))) or "/"
    pairs = [
        (str(name), str(value))
        for name, values in (response.get("headers") or {}).items()
        if name.lower() != "content-encoding"  # undone by schemathesis
        for value in values
    ]
    body = content_of(response.get("content"))[:BODY_BYTES]
    method, headers = str(request.get("method", "GET")), httpx.Headers(pairs)
    status, sent = response["status_code"], _sent(request)
    return Answer(method, path, status, headers, body, elapsed_s=0.0, sent=sent)


def _sent(request: dict[str, Any]) -> Sent:
    pairs = [
        (str(name), str(value))
        for name, values in (request.get("headers") or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    body = content_of(request.get("body"))
    return Sent(httpx.Headers(pairs), body[:BODY_BYTES], len(body))


def shown_of(events: Iterable[bytes]) -> dict[tuple[str, str], Answer]:
    """(failure type, operation) -> the answer to its first case."""
    found: dict[tuple[str, str], Answer] = {}
    for line in events:
        if b'"failure_info"' not in line or len(line) > LINE_CAP_BYTES:
            continue
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case, checks in recorder.get("checks", {}).items():
            answer = _answer(recorder.get("interactions", {}).get(case) or {})
            for check in checks if answer else ():
                failure = (check.get("failure_info") or {}).get("failure")
                if answer and failure:
                    found.setdefault((str(failure["type"]), str(failure["operation"])), answer)
    return found


def exchanges_of(
    findings: Iterable[Finding],
    shown: Mapping[tuple[str, str], Answer],
    headers: Mapping[str, str],
) -> Exchanges:
    """What is kept of the requests that showed these findings, without the logins in `headers`."""
    kept = Exchanges("schemathesis", secrets_of([headers]))
    by_place = {
        (kind, method, stable_path(path)): answer
        for (kind, name), answer in shown.items()
        for method, _, path in (name.partition(" "),)
    }
    for finding in findings:
        place = finding.location
        answer = by_place.get((finding.rule_id, place.method or "", place.url or ""))
        kept.add(finding, (answer,))
    return kept


def content_of(body: Any) -> bytes:
    """Bytes of a body, from the form in the events."""
    coded = body.get("$base64") if isinstance(body, dict) else None
    try:
        return base64.b64decode(coded or "")
    except (ValueError, binascii.Error):
        return b""


async def unseen_by(
    run: ToolRun,
    target: Target,
    surface: ServiceSurface,
    answers: Answers,
    headers: dict[str, str],
) -> dict[str, str]:
    """Operation -> why none of its answers answers a request; others are not included.

    A server error does: the requests are made to cause it.
    """
    found: dict[str, str] = {}
    budget = Budget(max_requests=MAX_OPERATIONS, limit_s=45)
    async with BoundedClient(target, budget, facts=facts_of(run, target)) as client:
        client.place = surface.place_of
        for label, known in answers.items():
            whys = [await _why_not(client, case, headers) for case in known.values()]
            if all(whys):
                found[label] = whys[0]
    return found


async def _why_not(client: BoundedClient, answer: Answer, headers: dict[str, str]) -> str:
    verdict = await client.judge(answer, headers)
    if answer.status >= 500 and verdict.reason is not Unseen.RATE_LIMITED:
        return ""
    if verdict.is_seen and answer.status in CLOSED and not LOGIN.search(answer.path.split("?")[0]):
        return f"refused at the door: {answer.status}"
    return str(verdict)


def within(quota: Quota) -> tuple[str, ...]:
    """Arguments that respect a quota that the app was seen to grant."""
    return ("--rate-limit", f"{max(1, quota.first)}/m") if quota.first is not None else ()


def without_unseen(
    parsed: Parsed, target: Target, answers: Answers, unseen: dict[str, str]
) -> Parsed:
    """Coverage of operations with an answer to a request; the others are skipped by name."""
    known = parsed.coverage
    seen = [label for label in answers if label not in unseen]
    skipped = [
        Skipped(what=f"{target.service} {operation}", reason=why)
        for operation, why in unseen.items()
    ]
    reached = min(len(seen), known.reached) if answers else known.reached
    coverage = known.model_copy(
        update={
            "reached": reached,
            "skipped": (*skipped, *known.skipped)[:50],
            "skipped_total": known.skipped_total + known.reached - reached,
            "items": tuple(f"{target.service} {label}"[:300] for label in seen[:200]),
        }
    )
    return replace(parsed, coverage=coverage)
