"""Attacks on accounts: fields that a registration should not take, and endless password tries."""

import json
import re
import secrets
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.probe import Scope, request_line
from analyzers.dynamic.sessions import (
    LOGIN,
    REGISTER,
    find_operation,
    session_from,
    submit,
)

PRIVILEGES: dict[str, Any] = {"role": "admin", "is_admin": True, "isAdmin": True, "admin": True}
PROFILE = re.compile(r"/(me|profile|account|whoami|user|current[-_]?user|session)/?$")
WRONG_LOGINS = 15
SLOWED = {403, 423, 429}


async def check_mass_assignment(scope: Scope) -> None:
    """Register with privileges, and see whether the app grants them."""
    register = find_operation(scope.surface, REGISTER)
    if register is None:
        return
    plain = await _new_account(scope, {})
    raised = await _new_account(scope, PRIVILEGES)
    if plain is None or raised is None:
        return
    for (path, before), (_, after) in zip(plain, raised, strict=False):
        granted = granted_privileges(_document(before), _document(after))
        if granted:
            name = granted[0]
            shown = f"{name}: {_document(before).get(name)!r} -> {_document(after).get(name)!r}"
            scope.add(
                "mass-assignment",
                f"A registration may set the field {name}",
                register.path,
                method="POST",
                operation=register,
                parameter=name,
                evidence=f"sent {json.dumps(PRIVILEGES)}\n{request_line(after)} ({path})\n{shown}",
                shown=[answer for _, answer in raised],
            )
            return


def granted_privileges(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Fields that the app itself shows and that our registration set to the value we sent."""
    return [
        name
        for name, value in PRIVILEGES.items()
        if name in before and before[name] != value and after.get(name) == value
    ]


async def _new_account(scope: Scope, extra: dict[str, Any]) -> list[tuple[str, Answer]] | None:
    """Answers that describe a new account: of its registration, its login and its profile."""
    register = find_operation(scope.surface, REGISTER)
    login = find_operation(scope.surface, LOGIN)
    name = f"assay{secrets.token_hex(4)}"
    account = {"username": name, "email": f"{name}@example.com", "password": f"Pw-{name}-7!"}
    if register is None or login is None:
        return None
    made, _ = await submit(scope.client, register, account, extra, scope.surface)
    entered, as_json = await submit(scope.client, login, account, {}, scope.surface)
    if made is None or entered is None or made.status >= 400 or entered.status >= 400:
        return None
    rows = [(register.path, made), (login.path, entered)]
    service = scope.target.service
    session = session_from(service, login.path, entered, account, as_json=as_json)
    for operation in scope.surface.operations:
        if (
            session
            and operation.method == "GET"
            and PROFILE.search(operation.path)
            and "{" not in operation.path
        ):
            answer = await scope.client.get(operation.path, headers=session.headers)
            rows += [(operation.path, answer)] if answer else []
    return rows


async def check_throttle(scope: Scope) -> None:
    """Send wrong passwords in a row for one account of ours."""
    login = find_operation(scope.surface, LOGIN)
    account = scope.sessions[-1].account
    if login is None or not account:
        return
    last: Answer | None = None
    for number in range(WRONG_LOGINS):
        wrong = {**account, "password": f"wrong-{number}"}
        answer, _ = await submit(scope.client, login, wrong, {}, scope.surface, patient=False)
        if answer is None or answer.status in SLOWED or "retry-after" in answer.headers:
            return
        last = answer
    if last is None:
        return
    scope.add(
        "login-without-throttle",
        f"{WRONG_LOGINS} wrong passwords in a row are all checked",
        login.path,
        method="POST",
        operation=login,
        evidence=f"the last of {WRONG_LOGINS}: {request_line(last)}",
        shown=(last,),
    )


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    inner = document.get("user")
    return {**document, **inner} if isinstance(inner, dict) else document
