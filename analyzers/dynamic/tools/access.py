"""Two accounts of ours against each other: who may read, change and delete whose objects."""

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.insertion_points import build
from analyzers.dynamic.probe import Probe, Scope, behind, request_line
from analyzers.dynamic.sessions import LOGIN, REGISTER, Session, find_operation
from analyzers.dynamic.surface import Operation, Parameter, ServiceSurface
from analyzers.dynamic.tools.accounts import check_mass_assignment, check_throttle
from analyzers.dynamic.tools.tokens import check_token
from analyzers.runtime.tool import Canary, ToolFault
from contract.analysis import Category

GENERIC = ("title", "name", "body", "content", "text", "description")
GONE = {404, 410}
MAX_RESOURCES = 12
JSON = {"Content-Type": "application/json"}
_ME = {"get": {"security": [{"bearer": []}], "responses": {}}}
CANARY_DOCUMENT = {"openapi": "3.0.0", "paths": {"/api/me": _ME}}


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection in which objects can be made, and the operations on one of them."""

    create: Operation
    path: str
    items: dict[str, Operation]

    def fields(self) -> tuple[Parameter, ...]:
        """Body fields: those declared for making or changing an object, else the usual ones."""
        for operation in (self.create, self.items.get("PUT"), self.items.get("PATCH")):
            body = operation.named("json") + operation.named("form") if operation else ()
            if body:
                return body
        return tuple(Parameter(name=name, place="json") for name in GENERIC)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object that we made; `mark` stands in its text fields."""

    path: str
    mark: str
    made: Answer


class AccessControl(Probe):
    """Broken object-level authorization, missing authentication, mass assignment, weak tokens."""

    name = "access-control"
    looks_for = frozenset({Category.SECURITY})
    canary = Canary(
        serve={
            "GET /": (200, JSON, "{}"),
            "GET /openapi.json": (200, JSON, json.dumps(CANARY_DOCUMENT)),
            "GET /api/me": (200, JSON, '{"id": 1, "email": "canary@example.com"}'),
        },
        expect=frozenset({"missing-authentication"}),
    )
    after = behind("access-control")
    needs_login = True

    def applies_to(self, surface: ServiceSurface) -> str:
        """A service without a login has nothing to keep users apart."""
        guarded = any(operation.auth for operation in surface.operations)
        known = find_operation(surface, LOGIN) or guarded
        return "" if known else "no login operation was found"

    async def check(self, scope: Scope) -> None:
        """Check objects first, then accounts and tokens."""
        await _check_declared(scope)
        login = find_operation(scope.surface, LOGIN)
        if not scope.sessions and login:
            raise ToolFault(
                f"found a login at {login.path} but could not log in: give the options "
                "auth_username and auth_password, or auth_header"
            )
        if not scope.sessions:
            scope.notes.append("no login operation was found: only declared guards were tried")
            return
        resources = resources_of(scope.surface)
        for left_out in resources[MAX_RESOURCES:]:
            reason = f"beyond the first {MAX_RESOURCES} collections"
            scope.client.leave_out(f"objects of {left_out.path}", reason)
        for resource in resources[:MAX_RESOURCES]:
            await _check_resource(scope, resource)
        await _check_open_delete(scope)
        await check_mass_assignment(scope)
        await check_token(scope)
        await check_throttle(scope)


def resources_of(surface: ServiceSurface) -> list[Resource]:
    """Collections with a POST and at least one operation on an item."""
    found = []
    for create in surface.operations:
        account = REGISTER.search(create.path) or LOGIN.search(create.path)
        if create.method != "POST" or account or create.path.endswith("}"):
            continue
        stem = create.path.rstrip("/")
        items = {
            operation.method: operation
            for operation in surface.operations
            if re.fullmatch(re.escape(stem) + r"/\{[^/}]+\}/?", operation.path)
        }
        if items:
            found.append(Resource(create, stem, items))
    return found


async def _check_resource(scope: Scope, resource: Resource) -> None:
    owner = scope.sessions[0]
    thing = await _make(scope, resource, owner)
    if thing is None:
        scope.notes.append(f"no object could be made with POST {resource.path}")
        return
    anonymous = await _make(scope, resource, None)
    if len(scope.sessions) > 1 and not await _is_shared(scope, resource, thing):
        other = scope.sessions[1]
        await _check_read(scope, resource, thing, owner, other)
        await _check_write(scope, resource, thing, owner, other)
        if anonymous is None:
            await _check_delete(scope, resource, owner, None)
        await _check_delete(scope, resource, owner, other)
    elif anonymous is None:
        await _check_delete(scope, resource, owner, None)


async def _make(scope: Scope, resource: Resource, session: Session | None) -> Thing | None:
    mark = f"assay{secrets.token_hex(5)}"
    values = {field.name: mark for field in resource.fields() if _is_text(field)}
    operation = resource.create.model_copy(
        update={"parameters": (*resource.create.named("path"), *resource.fields())}
    )
    method, path, content = build(operation, values)
    answer = await scope.client.send(method, path, headers=_headers(session), **content)
    if answer is None or answer.status >= 400:
        return None
    key = identifier(answer)
    return Thing(f"{path}/{key}", mark, answer) if key else None


def identifier(answer: Answer) -> str:
    """Id of the new object: from the JSON answer, at the top or one level below, or Location."""
    document = _json(answer)
    if isinstance(document, dict):
        for level in (document, *(part for part in document.values() if isinstance(part, dict))):
            for key in ("id", "_id", "uuid", "slug"):
                if isinstance(level.get(key), str | int):
                    return str(level[key])
    last = answer.headers.get("location", "").rstrip("/").rsplit("/", 1)[-1]
    return last if re.fullmatch(r"\d+|[0-9a-f-]{20,}", last) else ""


async def _is_shared(scope: Scope, resource: Resource, thing: Thing) -> bool:
    """Whether the app shows the object to everyone on purpose: in their lists, or without login."""
    if "GET" in resource.items:
        anyone = await scope.client.get(thing.path)
        if anyone and anyone.ok and _shows(anyone, thing):
            return True
    listed = await scope.client.get(resource.path, headers=scope.sessions[1].headers)
    return listed is not None and listed.ok and _lists(listed, thing)


async def _check_read(
    scope: Scope, resource: Resource, thing: Thing, owner: Session, other: Session
) -> None:
    if "GET" not in resource.items:
        return
    owned = await scope.client.get(thing.path, headers=owner.headers)
    seen = await scope.client.get(thing.path, headers=other.headers)
    if owned and seen and owned.ok and seen.ok and _same_object(owned, seen, thing):
        text = "Any user can read objects that belong to another user"
        evidence = f"as another user: {request_line(seen)}\n{seen.text[:600]}"
        scope.add(
            "object-read-by-other-user", text, thing.path, evidence=evidence, shown=(owned, seen)
        )


async def _check_write(
    scope: Scope, resource: Resource, thing: Thing, owner: Session, other: Session
) -> None:
    method = next((verb for verb in ("PUT", "PATCH") if verb in resource.items), None)
    if method is None or "GET" not in resource.items:
        return
    mark = f"assay{secrets.token_hex(5)}"
    body = {field.name: mark for field in resource.fields() if _is_text(field)}
    answer = await scope.client.send(method, thing.path, headers=other.headers, json=body)
    seen = await scope.client.get(thing.path, headers=owner.headers)
    if answer and answer.ok and seen and mark in seen.text:
        text = "Any user can change objects that belong to another user"
        evidence = f"as another user: {request_line(answer)}\nthe owner sees: {seen.text[:600]}"
        rule, shown = "object-write-by-other-user", (answer, seen)
        scope.add(rule, text, thing.path, method=method, evidence=evidence, shown=shown)


async def _check_delete(
    scope: Scope, resource: Resource, owner: Session, other: Session | None
) -> None:
    operation = resource.items.get("DELETE")
    reader = resource.items.get("GET")
    known = {(finding.location.method, finding.location.url) for finding in scope.findings}
    if operation is None or reader is None or ("DELETE", f"{resource.path}/{{id}}") in known:
        return
    thing = await _make(scope, resource, owner)
    before = await scope.client.get(thing.path, headers=owner.headers) if thing else None
    if thing is None or before is None or not before.ok:
        return
    answer = await scope.client.send("DELETE", thing.path, headers=_headers(other))
    after = await scope.client.get(thing.path, headers=owner.headers)
    if answer and answer.status < 400 and after and after.status in GONE:
        actor = "another user" if other else "anyone, without logging in,"
        rule = "object-delete-by-other-user" if other else "missing-authentication"
        evidence = f"{request_line(answer)}\nthe owner then gets: {request_line(after)}"
        text = f"Objects of a user can be deleted by {actor.rstrip(',')}"
        shown = (answer, after)
        scope.add(rule, text, thing.path, method="DELETE", evidence=evidence, shown=shown)


async def _check_open_delete(scope: Scope) -> None:
    """For a collection without POST: delete the last of several objects without a login."""
    made = {resource.path for resource in resources_of(scope.surface)}
    for operation in scope.surface.operations:
        stem = re.sub(r"/\{[^/}]+\}/?$", "", operation.path)
        if operation.method != "DELETE" or stem == operation.path or "{" in stem or stem in made:
            continue
        listed = await scope.client.get(stem)
        keys = listed_ids(listed) if listed and listed.ok else []
        if len(keys) < 2:
            continue
        path = f"{stem}/{keys[-1]}"
        answer = await scope.client.send("DELETE", path)
        after = await scope.client.get(path)
        if answer and answer.status < 400 and after and after.status in GONE:
            text = "Objects can be deleted by anyone, without logging in"
            evidence = f"{request_line(answer)}\n{request_line(after)}"
            rule, shown = "missing-authentication", (answer, after)
            scope.add(rule, text, path, method="DELETE", evidence=evidence, shown=shown)


async def _check_declared(scope: Scope) -> None:
    """Report operations declared to need a login that answer without one."""
    for operation in scope.surface.operations:
        if operation.method != "GET" or operation.auth is not True or "{" in operation.path:
            continue
        outside = await scope.client.get(operation.path)
        is_open = outside and outside.ok and outside.verdict.is_seen
        if outside and is_open and outside.media_type == "application/json":
            text = "An operation that is declared to need a login answers without one"
            evidence = f"{request_line(outside)}\n{outside.text[:400]}"
            path = operation.path
            rule, shown = "missing-authentication", (outside,)
            scope.add(rule, text, path, operation=operation, evidence=evidence, shown=shown)


def listed_ids(answer: Answer) -> list[str]:
    """Ids of the objects that a collection lists."""
    document = _json(answer)
    if isinstance(document, dict):
        document = next((part for part in document.values() if isinstance(part, list)), [])
    rows = document if isinstance(document, list) else []
    return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]


def _same_object(owned: Answer, seen: Answer, thing: Thing) -> bool:
    if thing.mark in owned.text:
        return thing.mark in seen.text
    return owned.body == seen.body and isinstance(_json(owned), dict) and len(owned.body) > 10


def _shows(answer: Answer, thing: Thing) -> bool:
    key = thing.path.rsplit("/", 1)[-1]
    return thing.mark in answer.text or key in listed_ids(answer) or identifier(answer) == key


def _lists(answer: Answer, thing: Thing) -> bool:
    return thing.mark in answer.text or thing.path.rsplit("/", 1)[-1] in listed_ids(answer)


def _is_text(field: Parameter) -> bool:
    value = build(Operation(method="POST", path="/", parameters=(field,)), {})[2]
    filled = next(iter(value.values()), {}).get(field.name)
    return field.kind == "string" and filled == "a"


def _headers(session: Session | None) -> dict[str, str]:
    return session.headers if session else {}


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
