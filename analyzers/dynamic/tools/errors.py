"""What an app reveals when a request makes it fail: stack traces, debuggers, server errors."""

import re
import secrets
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.marks import new_mark
from analyzers.dynamic.probe import Probe, Scope, behind, request_line
from analyzers.dynamic.surface import Operation
from analyzers.runtime.tool import Canary
from contract.analysis import Category

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("interactive-debugger", re.compile(r"EVALEX\s*=\s*true")),
    (
        "debug-error-page",
        re.compile(r"You(&#x27;|')re seeing this error because you have|Whoops\\"),
    ),
    ("debug-error-page", re.compile(r"<title>[^<]*// Werkzeug Debugger</title>")),
    ("stack-trace", re.compile(r"Traceback \(most recent call last\)")),
    (
        "stack-trace",
        re.compile(r'File (&#34;|&quot;|\\?")/[^"&]+\.py(&#34;|&quot;|\\?"), line \d+'),
    ),
    (
        "stack-trace",
        re.compile(r"\bat [\w.<>\[\] ]+ \(?(file://)?/[^\s()]+\.[cm]?[jt]s:\d+:\d+\)?"),
    ),
    ("stack-trace", re.compile(r"\bat [\w.]+\([\w]+\.java:\d+\)")),
    ("stack-trace", re.compile(r"(Fatal error|Warning)</b>:.+ in <b>/[^<]+\.php</b>")),
)
MESSAGES = {
    "interactive-debugger": "An error opens a debugger that runs code for anyone",
    "debug-error-page": "An error shows the framework's debug page",
    "stack-trace": "An error shows a stack trace with the app's internals",
    "server-error": "A malformed request makes the app fail with a server error",
}
MAX_OPERATIONS = 60


class ErrorPages(Probe):
    """Sends each operation requests that it should refuse politely."""

    name = "error-pages"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    canary = Canary(
        serve={
            "GET /": (
                500,
                {"Content-Type": "text/plain"},
                'Traceback (most recent call last):\n  File "/app/app.py", line 1',
            )
        },
        expect=frozenset({"stack-trace"}),
    )
    after = behind("error-pages")
    needs_login = True
    judges_errors = True

    async def check(self, scope: Scope) -> None:
        """Provoke each operation, anonymous and logged in."""
        judge(scope, await scope.client.get("/"))
        for nowhere in (f"/{secrets.token_hex(12)}", "/%ff%00'\""):
            judge(scope, await scope.client.send("GET", nowhere, counted=False))
        identities: list[dict[str, str]] = [
            {},
            *(session.headers for session in scope.sessions[:1]),
        ]
        for left_out in scope.surface.operations[MAX_OPERATIONS:]:
            reason = f"beyond the first {MAX_OPERATIONS} operations"
            scope.client.leave_out(f"{left_out.method} {left_out.path}", reason)
        for operation in scope.surface.operations[:MAX_OPERATIONS]:
            for headers in identities:
                for path, content in provocations(operation):
                    content.setdefault("headers", {}).update(headers)
                    answer = await scope.client.send(operation.method, path, **content)
                    judge(scope, answer, operation)


def provocations(operation: Operation) -> list[tuple[str, dict[str, Any]]]:
    """(path, content) of requests that a careful app answers with 4xx."""
    query = "&".join(f"{parameter.name}=%27%22%00%ff" for parameter in operation.named("query"))
    arrays = "&".join(
        f"{parameter.name}[]=1&{parameter.name}[a]=1" for parameter in operation.named("query")
    )
    if operation.method in {"GET", "HEAD", "OPTIONS"}:
        paths = [
            operation.url(),
            *(
                f"{operation.url()}?{query_string}"
                for query_string in (query, arrays)
                if query_string
            ),
        ]
        if operation.named("path"):
            paths += [_with_ids(operation, value) for value in ("%27", "99999999999999999999")]
        return [(path, {}) for path in paths]
    if operation.method == "DELETE":
        return []
    mark = new_mark()  # if the app stores it, we recognise it as ours
    fields = {
        parameter.name: {mark: [1]}
        for parameter in operation.parameters
        if parameter.place in {"json", "form"}
    }
    as_json = {"Content-Type": "application/json"}
    return [
        (operation.url(), {"content": b'{"a":', "headers": dict(as_json)}),
        (operation.url(), {"content": b"[1]", "headers": dict(as_json)}),
        (operation.url(), {"json": fields or {"a": {"b": [1]}}}),
        (operation.url(), {"json": dict.fromkeys(fields, 1)}),
        (operation.url(), {"content": b"%ff=%00", "headers": {"Content-Type": "text/plain"}}),
    ]


def classify(answer: Answer) -> str:
    """The rule that an answer breaks; empty when none."""
    if answer.status < 400:
        return ""
    for rule, pattern in PATTERNS:
        if pattern.search(answer.text):
            return rule
    return "server-error" if answer.status in {500, 502} else ""


def judge(scope: Scope, answer: Answer | None, operation: Operation | None = None) -> None:
    """Record what `answer` reveals, once per rule and operation."""
    rule = classify(answer) if answer else ""
    if answer is None or not rule:
        return
    pattern = next((known for name, known in PATTERNS if name == rule), None)
    hit = pattern.search(answer.text) if pattern else None
    start = max(0, hit.start() - 200) if hit else 0
    evidence = f"{request_line(answer)}\n{answer.text[start : start + 1_200]}"
    debugging = rule in {"interactive-debugger", "debug-error-page"}
    if debugging and rule in {finding.rule_id for finding in scope.findings}:
        return  # one setting of the framework, shown by every operation that fails
    scope.add(
        rule,
        MESSAGES[rule],
        answer.path,
        method=answer.method,
        operation=operation,
        evidence=evidence,
        shown=(answer,),
    )


def _with_ids(operation: Operation, value: str) -> str:
    return operation.url({parameter.name: value for parameter in operation.named("path")})
