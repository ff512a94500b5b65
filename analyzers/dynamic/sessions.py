"""Two accounts of our own on the app, so that pages behind a login are looked at, too.

The recipe is found among the app's operations (register, then log in, as JSON or as a form) or
given by options. A session counts only when the same login with a wrong password is refused.
"""

import re
import secrets
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.forms import (
    CSRF_WORDS,
    TOKEN_HEADERS,
    cookie_header,
    csrf_of,
    document_of,
    form_state,
)
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.options import ScanOptions, scan_options
from analyzers.dynamic.surface import Operation, Parameter, ServiceSurface, Surface
from analyzers.dynamic.target_facts import facts_of
from analyzers.runtime.tool import ToolFault, ToolRun
from contract.analysis import Target
from contract.base import Frozen

REGISTER = re.compile(
    r"/(register|sign[-_]?up|registration|create[-_]?account)(\.\w+)?/?$|/(users|accounts)/?$"
)
LOGIN = re.compile(
    r"/(do[-_]?)?(log[-_]?in|sign[-_]?in|log[-_]?on)(\.\w+)?/?$|"
    r"/(session|sessions|token|access-token|authenticate|auth)/?$"
)
TOKEN_KEYS = ("access_token", "accessToken", "token", "jwt", "id_token", "auth_token", "authToken")


class Session(Frozen):
    """A logged-in account.

    Attributes:
        headers: sent with every request.
        set_cookies: raw Set-Cookie headers of the login.
        token: bearer token, empty for cookie sessions.
        account: fields that the account was made with.
    """

    service: str
    login_path: str
    headers: dict[str, str]
    set_cookies: tuple[str, ...] = ()
    token: str = ""
    account: dict[str, str] = {}
    as_json: bool = True


async def sessions_of(run: ToolRun, target: Target, surface: ServiceSurface) -> tuple[Session, ...]:
    """Up to two sessions on a service; made once per run and passed on in `run.shared`."""
    shared: dict[str, Any] = run.shared.setdefault("dynamic-sessions", {})
    if target.service not in shared:
        budget = Budget(max_requests=80, limit_s=90)
        async with BoundedClient(target, budget, facts=facts_of(run, target)) as client:
            made = await log_in_all(client, scan_options(run.request), surface)
        shared[target.service] = [session.model_dump() for session in made]
    return tuple(Session.model_validate(session) for session in shared[target.service])


LOGIN_REFUSED = (
    "the login of the options auth_username and auth_password was not taken by the app: correct "
    "them, or give auth_login_path"
)


async def require_login(run: ToolRun, surface: Surface) -> None:
    """Refuse to look at an app without the login that its spec gives.

    An app that only answers server errors has other faults, which are reported instead.

    Raises:
        ToolFault: no service took it.
    """
    answers = any(
        service.lowest_status and service.lowest_status < 500 for service in surface.services
    )
    if not answers or not scan_options(run.request).gives_login:
        return
    for target in run.request.targets:
        if await sessions_of(run, target, surface.of(target.service)):
            return
    raise ToolFault(LOGIN_REFUSED)


async def log_in_all(
    client: BoundedClient, options: ScanOptions, surface: ServiceSurface
) -> list[Session]:
    """Two accounts where registration works; one where options give it; otherwise none."""
    given = given_session(client.target.service, options)
    if given:
        return [given]
    login = find_operation(surface, LOGIN, options.plain("auth_login_path"))
    if login is None:
        return []
    if options.auth_username:
        account = _named(options.plain("auth_username"), options.plain("auth_password"))
        return [session for session in [await _log_in(client, login, account, surface)] if session]
    register = find_operation(surface, REGISTER, options.plain("auth_register_path"))
    if register is None:
        return []
    made = [await register_and_log_in(client, register, login, surface) for _ in range(2)]
    return [session for session in made if session]


def given_session(service: str, options: ScanOptions) -> Session | None:
    """A session given by options `auth_header` (`Name: value`) or `auth_cookie`."""
    headers: dict[str, str] = {}
    name, _, value = options.plain("auth_header").partition(":")
    if value.strip():
        headers[name.strip()] = value.strip()
    if options.auth_cookie:
        headers["Cookie"] = options.plain("auth_cookie")
    if not headers:
        return None
    bearer = headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return Session(service=service, login_path="", headers=headers, token=bearer)


def find_operation(
    surface: ServiceSurface, pattern: re.Pattern[str], path: str = ""
) -> Operation | None:
    """The POST operation that fits: the given path, or the best match of the pattern."""
    if path:
        return surface.find("POST", path) or Operation(method="POST", path=path)
    posts = [
        operation
        for operation in surface.operations
        if operation.method == "POST" and "{" not in operation.path
    ]
    fitting = [post for post in posts if pattern.search(post.path)]
    if not fitting and pattern is LOGIN:
        fitting = [
            post for post in posts if asks_for_account(post) and not REGISTER.search(post.path)
        ]
    return min(
        fitting,
        key=lambda post: (post.path.endswith(("users", "accounts")), len(post.path)),
        default=None,
    )


def asks_for_account(operation: Operation) -> bool:
    """Whether a form asks for a name and one password, as a login does, and for nothing else."""
    names = [
        parameter.name.lower()
        for parameter in operation.parameters
        if parameter.place in {"form", "json"}
    ]
    secret = [name for name in names if "pass" in name or name in {"pw", "pwd"}]
    person = [name for name in names if re.search(r"user|mail|login|^name$", name)]
    beside = {name for name in names if CSRF_WORDS.search(name) or "remember" in name}
    return len(secret) == len(person) == 1 and len(names) <= 2 + len(beside)


async def register_and_log_in(
    client: BoundedClient, register: Operation, login: Operation, surface: ServiceSurface
) -> Session | None:
    """A new account, logged in; None when the app does not allow it."""
    suffix = secrets.token_hex(4)
    account = _named(f"assay{suffix}", f"Pw-{secrets.token_hex(8)}!7")
    answer, _ = await submit(client, register, account, {}, surface)
    if answer is None or answer.status >= 400:
        return None
    return await _log_in(client, login, account, surface)


def _named(username: str, password: str) -> dict[str, str]:
    email = username if "@" in username else f"{username}@example.com"
    return {"username": username, "email": email, "password": password}


async def _log_in(
    client: BoundedClient, login: Operation, account: dict[str, str], surface: ServiceSurface
) -> Session | None:
    wrong = {**account, "password": "not-" + account["password"]}
    refused, _ = await submit(client, login, wrong, {}, surface)
    answer, as_json = await submit(client, login, account, {}, surface)
    if answer is None or answer.status >= 400:
        return None
    session = session_from(client.target.service, login.path, answer, account, as_json=as_json)
    if session is None or (refused and _same_outcome(refused, answer)):
        return None
    return session


def session_from(
    service: str, path: str, answer: Answer, account: dict[str, str], *, as_json: bool
) -> Session | None:
    """The session that a login answer opens; None when it has neither cookie nor token."""
    set_cookies = tuple(answer.headers.get_list("set-cookie"))
    cookie, token = cookie_header(set_cookies), token_of(answer.body)
    headers = {"Cookie": cookie} if cookie else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if not headers:
        return None
    csrf = csrf_of(answer.body)
    if csrf:
        headers |= dict.fromkeys(TOKEN_HEADERS, csrf)
    return Session(
        service=service,
        login_path=path,
        headers=headers,
        set_cookies=set_cookies,
        token=token,
        account=account,
        as_json=as_json,
    )


async def submit(
    client: BoundedClient,
    operation: Operation,
    account: dict[str, str],
    extra: dict[str, Any],
    surface: ServiceSurface | None = None,
    *,
    patient: bool = True,
) -> tuple[Answer | None, bool]:
    """POST an account as JSON, then as a form; the first answer below 400, else the last one.

    Each try takes a new token from the form's page: the first try may have used the other.
    """
    places = {parameter.place for parameter in operation.parameters}
    answer: Answer | None = None
    for as_json in (True, False) if "form" not in places else (False, True):
        state = await form_state(client, operation, {}, surface)
        fields: dict[str, Any] = {**account_fields(operation, account), **state.fields, **extra}
        content: dict[str, Any] = {"json": fields} if as_json else {"data": fields}
        answer = await client.send(
            "POST", operation.path, patient=patient, headers=state.headers, **content
        )
        if answer and (answer.status < 400 or answer.status in {401, 409, 429}):
            return answer, as_json
    return answer, False


def account_fields(operation: Operation, account: dict[str, str]) -> dict[str, str]:
    """Values for the fields that an account operation declares, or for the usual ones."""
    names = [parameter for parameter in operation.parameters if parameter.place in {"json", "form"}]
    known = names or [Parameter(name=name, place="json") for name in account]
    return {parameter.name: _value(parameter, account) for parameter in known}


def _value(field: Parameter, account: dict[str, str]) -> str:
    name = field.name.lower()
    if CSRF_WORDS.search(name):
        return field.example
    if "pass" in name or name in {"pw", "pwd"}:
        return account["password"]
    if "mail" in name:
        return account["email"]
    if "user" in name or name in {"login", "name", "nickname", "handle"}:
        return account["username"]
    return field.example or f"assay {name}"


def token_of(body: bytes) -> str:
    """Bearer token of a login answer, at the top or one level below; empty when there is none."""
    document = document_of(body)
    below = [value for value in document.values() if isinstance(value, dict)]
    for level in (document, *below):
        for key in TOKEN_KEYS:
            if isinstance(level.get(key), str) and level[key]:
                return level[key]
    return ""


def _same_outcome(refused: Answer, accepted: Answer) -> bool:
    """Whether a wrong password gave the same result as the right one: then nothing is proven."""
    return (
        refused.status == accepted.status
        and bool(token_of(refused.body)) == bool(token_of(accepted.body))
        and refused.headers.get("location") == accepted.headers.get("location")
    )
