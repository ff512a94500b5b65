"""Security headers, cookie flags and CORS of the pages an app serves."""

from http.cookies import CookieError, SimpleCookie

from analyzers.dynamic.answer import SEEN, Answer
from analyzers.dynamic.probe import Probe, Scope
from analyzers.runtime.live.answers import Unseen, Verdict
from analyzers.runtime.tool import Canary
from contract.analysis import Category

FOREIGN_ORIGIN = "https://assay-origin.invalid"
MAX_PAGES = 40
MAX_CORS = 8
SESSION_WORDS = ("sess", "auth", "token", "jwt", "sid", "remember", "login", "user")


class HttpHeaders(Probe):
    """The instructions for browsers in every answer."""

    name = "http-headers"
    looks_for = frozenset({Category.SECURITY})
    canary = Canary(
        serve={"GET /": (200, {"Content-Type": "text/html"}, "<h1>canary</h1>")},
        expect=frozenset({"missing-csp"}),
    )
    needs_login = True

    def can_judge(self, status: int, path: str) -> bool:
        """Only answers that a browser would show or follow: an error page is no page of the app."""
        return status < 400

    def why_not(self, status: int, path: str, verdict: Verdict) -> str:
        """Headers are complete even where the body is cut."""
        is_cut = verdict.reason is Unseen.CAPPED
        return super().why_not(status, path, SEEN if is_cut else verdict)

    async def check(self, scope: Scope) -> None:
        """Ask for each known page once, and for a few with a foreign Origin."""
        gets = [
            operation.url() for operation in scope.surface.operations if operation.method == "GET"
        ]
        paths = list(dict.fromkeys(["/", *scope.surface.pages, *gets]))
        for path in paths[MAX_PAGES:]:
            scope.client.leave_out(f"GET {path}", f"beyond the first {MAX_PAGES} pages")
        answers = [reply for path in paths[:MAX_PAGES] if (reply := await _ask(scope, path))]
        answers = [
            reply for reply in answers if not self.why_not(reply.status, reply.path, reply.verdict)
        ]
        for answer in sorted(answers, key=lambda reply: reply.path):
            _check_headers(scope, answer)
            _check_cookies(scope, answer.headers.get_list("set-cookie"), answer.path)
        for session in scope.sessions[:1]:
            _check_cookies(scope, session.set_cookies, session.login_path, "POST")
        shared = [reply.path for reply in answers]
        for path in shared[MAX_CORS:]:
            scope.client.leave_out(f"CORS of {path}", f"beyond the first {MAX_CORS} pages")
        await _check_cors(scope, shared[:MAX_CORS])


async def _ask(scope: Scope, path: str) -> Answer | None:
    """A page as anyone sees it; where it is closed to others, as a logged-in person sees it."""
    answer = await scope.client.get(path)
    is_closed = answer and (answer.status in {401, 403} or answer.verdict.reason is Unseen.TO_LOGIN)
    if is_closed and scope.sessions:
        return await scope.client.get(path, headers=scope.sessions[0].headers)
    return answer


def missing_headers(answer: Answer) -> list[tuple[str, str]]:
    """(rule, message) of headers that an answer lacks or that reveal too much."""
    headers, found = answer.headers, list[tuple[str, str]]()
    policy = headers.get("content-security-policy", "")
    if answer.is_html and answer.ok:
        if not policy:
            found.append(("missing-csp", "The page has no Content-Security-Policy"))
        elif weak := weak_csp(policy):
            found.append(("csp-unsafe", f"The Content-Security-Policy allows {weak}"))
        if "x-frame-options" not in headers and "frame-ancestors" not in policy:
            found.append(("missing-frame-protection", "The page may be framed by any site"))
        if "referrer-policy" not in headers:
            found.append(("missing-referrer-policy", "The page has no Referrer-Policy"))
    if answer.ok and headers.get("x-content-type-options", "").strip().lower() != "nosniff":
        found.append(("missing-nosniff", "X-Content-Type-Options: nosniff is missing"))
    for name in ("server", "x-powered-by"):
        value = headers.get(name, "")
        if any(char.isdigit() for char in value) or (name == "x-powered-by" and value):
            message = f"The {name} header names the software: {value[:100]}"
            found.append(("server-version-disclosed", message))
    return found


def weak_csp(policy: str) -> str:
    """Why a policy is useless against script injection; empty when it is not."""
    rows = [part.split() for part in policy.lower().split(";") if part.split()]
    directives = {row[0]: row[1:] for row in rows}
    script = directives.get("script-src", directives.get("default-src"))
    if script is None:
        return "scripts from anywhere (no script-src or default-src)"
    strict = any(source.startswith(("'nonce-", "'sha", "'strict-dynamic")) for source in script)
    if "'unsafe-inline'" in script and not strict:
        return "'unsafe-inline' scripts"
    return "scripts from anywhere (*)" if "*" in script else ""


def cookie_faults(header: str) -> list[tuple[str, str, str]]:
    """(rule, cookie name, message) of one Set-Cookie header."""
    jar = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return []
    found = list[tuple[str, str, str]]()
    for name, cookie in jar.items():
        sensitive = any(word in name.lower() for word in SESSION_WORDS)
        if sensitive and not cookie["httponly"]:
            found.append(("cookie-without-httponly", name, "can be read by scripts (no HttpOnly)"))
        if sensitive and not cookie["samesite"]:
            found.append(("cookie-without-samesite", name, "has no SameSite attribute"))
        if sensitive and not cookie["secure"]:
            found.append(("cookie-without-secure", name, "is also sent over plain HTTP"))
    return found


def _check_headers(scope: Scope, answer: Answer) -> None:
    reported = {finding.rule_id for finding in scope.findings}
    for rule, message in missing_headers(answer):
        if rule not in reported:  # one per service: one setting is the remedy
            proof = "\n".join(f"{key}: {value[:200]}" for key, value in answer.headers.items())
            evidence = f"GET {answer.path} -> {answer.status}\n{proof}"
            scope.add(rule, message, answer.path, evidence=evidence, shown=(answer,))


def _check_cookies(
    scope: Scope, headers: list[str] | tuple[str, ...], path: str, method: str = "GET"
) -> None:
    for header in headers:
        for rule, name, message in cookie_faults(header):
            shown = f"Set-Cookie: {name}=***; " + "; ".join(header.split(";")[1:])
            known = {(finding.rule_id, finding.location.parameter) for finding in scope.findings}
            if (rule, name) not in known:
                text = f"The cookie {name} {message}"
                scope.add(rule, text, path, method=method, parameter=name, evidence=shown)


async def _check_cors(scope: Scope, paths: list[str]) -> None:
    for path in paths:
        for origin in (FOREIGN_ORIGIN, "null"):
            answer = await scope.client.get(path, headers={"Origin": origin})
            rule = cors_fault(answer, origin) if answer else ""
            if rule and rule not in {finding.rule_id for finding in scope.findings}:
                evidence = f"Origin: {origin}\n" + "\n".join(_cors_headers(answer))
                text = f"Pages of {origin} may read answers of this app"
                scope.add(rule, text, path, evidence=f"GET {path}\n{evidence}", shown=(answer,))
                return


def cors_fault(answer: Answer, origin: str) -> str:
    """The rule that an answer to a request from a foreign `origin` breaks; empty when none."""
    allowed = answer.headers.get("access-control-allow-origin", "")
    credentials = answer.headers.get("access-control-allow-credentials", "").lower() == "true"
    if allowed == origin and credentials:
        kind = "null-origin" if origin == "null" else "any-origin"
        return f"cors-{kind}-with-credentials"
    return "cors-any-origin" if allowed in {"*", FOREIGN_ORIGIN} else ""


def _cors_headers(answer: Answer | None) -> list[str]:
    headers = answer.headers.items() if answer else []
    return [f"{key}: {value[:200]}" for key, value in headers if key.startswith("access-control")]
