"""Injection, each finding with proof: an error of the database, a computed value, a known file."""

import re
import secrets
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.crawl import LEAVES
from analyzers.dynamic.forms import FormState, form_state, wants_token
from analyzers.dynamic.insertion_points import SECRET, InsertionPoint, build, insertion_points
from analyzers.dynamic.marks import new_mark
from analyzers.dynamic.payloads import (
    ATTACKS,
    BOOLEAN_PAIRS,
    CANARY_HOST,
    LOGIN_BYPASS,
    TEXT_MARKS,
    URL_NAMES,
    Attack,
    proven,
    redirected_away,
    reflected,
    without_echo,
)
from analyzers.dynamic.probe import Probe, Scope, behind, request_line
from analyzers.dynamic.sessions import LOGIN, REGISTER, token_of
from analyzers.dynamic.surface import Operation, ServiceSurface
from analyzers.runtime.tool import Canary
from contract.analysis import Category

CLOSED = {401, 403, 405, 429}
MAX_POINTS = 60
DESTROYS = re.compile(
    r"delet|remov|destroy|drop|reset|truncat|wipe|purge|clear|flush|erase|init|seed|populat|migrat|"
    r"setup|install|shut|restart|kill|exit|quit|crash|restore|rollback|unlink|rmdir|rmtree|ALTER",
    re.IGNORECASE,
)
MAX_SHOWN = 15  # pages to look at for a value that one request stored
PORTS = (80, 3000, 5000, 8000, 8080)
TITLES = {
    "sql-injection": "is built into a database query",
    "command-injection": "reaches a shell",
    "template-injection": "is evaluated as a template",
    "code-injection": "is evaluated as code",
    "path-traversal": "names any file of the server",
    "ssrf": "makes the server fetch any address",
}


class Injection(Probe):
    """Tries each input of each operation; reports only what an answer proves."""

    name = "injection"
    looks_for = frozenset({Category.SECURITY})
    canary = Canary(
        serve={
            "GET /": (200, {"Content-Type": "text/html"}, '<a href="/search?q=a">search</a>'),
            "GET /search": (200, {"Content-Type": "text/html"}, "<p>{query:q}</p>"),
        },
        expect=frozenset({"reflected-xss"}),
    )
    cost = 0.5
    after = behind("injection")
    needs_login = True

    def applies_to(self, surface: ServiceSurface) -> str:
        """A service without inputs has nothing to inject into."""
        return "" if insertion_points(surface) else "no operation takes an input"

    def can_judge(self, status: int, path: str) -> bool:
        """An input that was refused unread was not tried; a login refuses after reading it."""
        return status < 500 and not is_closed(status, path)

    def asks_anyway(self, operation: Operation) -> bool:
        """A GET that takes input and destroys nothing is tried like a POST.

        So is a logout, which takes a page to go on to: without a session nobody is logged out.
        """
        if LEAVES.search(operation.path):
            return True
        takes = any(parameter.place == "query" for parameter in operation.parameters)
        return takes and not DESTROYS.search(f"{operation.path} {operation.effect}")

    async def check(self, scope: Scope) -> None:
        """Try every insertion point in turn, then look for stored values."""
        headers = scope.sessions[0].headers if scope.sessions else {}
        points = insertion_points(scope.surface)
        for left_out in points[MAX_POINTS:]:
            operation = left_out.operation
            shown = f"{left_out.parameter.name} of {operation.method} {operation.path}"
            scope.client.leave_out(shown, f"beyond the first {MAX_POINTS} inputs")
        for point in points[:MAX_POINTS]:
            is_logout = LEAVES.search(point.operation.path) is not None
            await _check_point(_Aim(scope, point, {} if is_logout else headers))
        await _check_stored(scope, headers)


def is_closed(status: int, path: str) -> bool:
    """Whether an operation refused a request before it looked at its inputs."""
    return status in CLOSED and LOGIN.search(path) is None


class _Aim:
    """One insertion point under attack."""

    def __init__(self, scope: Scope, point: InsertionPoint, headers: dict[str, str]):
        self.scope, self.point, self.headers = scope, point, headers
        self.path = point.operation.path
        self.hits: set[str] = set()
        # A login must fail: never with a password that our registration may have used.
        passwords = [
            parameter.name
            for parameter in point.operation.parameters
            if "pass" in parameter.name.lower()
        ]
        is_login = LOGIN.search(self.path) is not None
        self.others = {name: secrets.token_hex(12) for name in passwords} if is_login else {}

    async def send(self, value: str) -> Answer | None:
        """Send one request with `value` at the point, with a new token where the form needs one."""
        others, headers = self.others, self.headers
        if wants_token(self.point.operation):
            state = await form_state(self.scope.client, self.point.operation, headers)
            others, headers = {**others, **state.fields}, state.headers
        method, path, content = self.point.request(value, others)
        return await self.scope.client.send(method, path, headers=headers, **content)

    def report(self, rule: str, title: str, payload: str, answer: Answer, proof: str) -> None:
        if rule in self.hits:
            return
        self.hits.add(rule)
        name, operation = self.point.parameter.name, self.point.operation
        evidence = f"{name}={payload}\n{request_line(answer)}\n{proof}"
        self.scope.add(
            rule,
            f"The {self.point.parameter.place} parameter {name} {title}",
            operation.path,
            method=operation.method,
            operation=operation,
            parameter=name,
            evidence=evidence,
            shown=(answer,),
        )


async def _check_point(aim: _Aim) -> None:
    baseline = await aim.send(new_mark())
    if baseline is None or is_closed(baseline.status, aim.path):
        return
    for template in TEXT_MARKS:
        mark = f"<{new_mark()}>"  # of this request: another one may have stored its own
        marked = await aim.send(template.format(mark=mark))
        if marked and (proof := reflected(marked, mark)):
            title = "comes back as markup in a page"
            aim.report("reflected-xss", title, template.format(mark=mark), marked, proof)
    in_path = aim.point.parameter.place == "path"
    # An account's fields go to the database; each request there costs the app a password hash.
    is_account = LOGIN.search(aim.path) or REGISTER.search(aim.path)
    for attack in ATTACKS:
        if in_path and attack.rule in {"code-injection", "ssrf"}:
            continue
        if is_account and attack.rule != "sql-injection":
            continue
        await _try(aim, attack, baseline)
    await _check_boolean(aim)
    await _check_login(aim, baseline)
    if not in_path and not is_account:
        await _check_redirect(aim)
        await _check_ssrf(aim, baseline)


async def _try(aim: _Aim, attack: Attack, baseline: Answer) -> None:
    if attack.rule in aim.hits or (attack.rule == "ssrf" and "path-traversal" in aim.hits):
        return
    answer = await aim.send(attack.payload)
    proof = proven(attack, answer, baseline) if answer else ""
    if answer and proof:
        aim.report(attack.rule, TITLES[attack.rule], attack.payload, answer, proof)


async def _check_boolean(aim: _Aim) -> None:
    """Check twice whether a true and a false condition of equal length answer differently."""
    for yes, no in BOOLEAN_PAIRS:
        if "sql-injection" in aim.hits:
            return
        seen: list[str] = []
        last: Answer | None = None
        for payload in (yes, no, yes, no):
            last = await aim.send(payload)
            if last is None or last.status >= 500:
                break
            seen.append(without_echo(last, payload))
        if last and len(seen) == 4 and seen[0] == seen[2] != seen[1] == seen[3]:
            proof = f"{yes!r} answers {seen[0][:300]}\n{no!r} answers {seen[1][:300]}"
            aim.report("sql-injection", TITLES["sql-injection"], yes, last, proof)


async def _check_login(aim: _Aim, baseline: Answer) -> None:
    operation = aim.point.operation
    if operation.method != "POST" or not LOGIN.search(operation.path) or baseline.status < 400:
        return
    for payload in LOGIN_BYPASS:
        answer = await aim.send(payload)
        opened = answer and answer.status < 400
        if answer and opened and ("set-cookie" in answer.headers or token_of(answer.body)):
            title = "logs in without a password by a database query"
            proof = f"an unknown name gets {baseline.status}, this one is logged in"
            aim.report("sql-injection-login-bypass", title, payload, answer, proof)


async def _check_redirect(aim: _Aim) -> None:
    for payload in (f"https://{CANARY_HOST}/", f"//{CANARY_HOST}/"):
        answer = await aim.send(payload)
        if answer and redirected_away(answer):
            proof = f"Location: {answer.headers.get('location', '')[:300]}"
            aim.report("open-redirect", "redirects to any site", payload, answer, proof)


async def _check_ssrf(aim: _Aim, baseline: Answer) -> None:
    """Make the app fetch its own start page: we need no listener."""
    if not URL_NAMES.search(aim.point.parameter.name) or "ssrf" in aim.hits:
        return
    own = await aim.scope.client.get("/")
    sign = own.text[:150].strip() if own else ""
    if len(sign) < 20 or sign in baseline.text:
        return
    for port in PORTS:
        payload = f"http://127.0.0.1:{port}/"
        answer = await aim.send(payload)
        if answer and answer.status < 400 and sign in answer.text:
            aim.report("ssrf", TITLES["ssrf"], payload, answer, sign)
            return


async def _check_stored(scope: Scope, headers: dict[str, str]) -> None:
    """Look for values that one request stored and a page shows to others unescaped."""
    for operation in scope.surface.operations:
        texts = [
            parameter for parameter in operation.parameters if parameter.place in {"json", "form"}
        ]
        if operation.method != "POST" or not texts or LOGIN.search(operation.path):
            continue
        mark = f"<{new_mark()}>"
        values: dict[str, Any] = {
            parameter.name: f"a{mark}"
            for parameter in texts
            if parameter.kind == "string"
            and not parameter.example
            and not SECRET.search(parameter.name)
        }
        state = FormState(headers=headers)
        if wants_token(operation):
            state = await form_state(scope.client, operation, headers)
        method, path, content = build(operation, values, state.fields)
        answer = await scope.client.send(method, path, headers=state.headers, **content)
        if not values or answer is None or answer.status >= 400:
            continue
        for page in _pages_after(scope, answer):
            shown = await scope.client.get(page, headers=headers)
            if shown and (proof := reflected(shown, mark)):
                text = f"What {method} {operation.path} stores is shown as markup"
                evidence = f"{request_line(answer)}\n{request_line(shown)}\n{proof}"
                scope.add("stored-xss", text, page, evidence=evidence, shown=(answer, shown))


def _pages_after(scope: Scope, answer: Answer) -> list[str]:
    """Pages that may show the value that was just stored."""
    onward = scope.client.redirect_path(answer)
    known = [path for path, media in scope.surface.pages.items() if media == "text/html"]
    first = [onward] if onward else []
    pages = list(dict.fromkeys(first + known))
    for page in pages[MAX_SHOWN:]:
        where = f"GET {page} after {answer.method} {answer.path}"
        scope.client.leave_out(where, f"beyond the first {MAX_SHOWN} pages")
    return pages[:MAX_SHOWN]
