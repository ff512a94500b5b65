"""Attacks on bearer tokens: forged ones must be refused."""

from analyzers.dynamic.jwt import (
    guessed_secret,
    header_of,
    with_wrong_signature,
    without_signature,
)
from analyzers.dynamic.probe import Scope, request_line
from analyzers.dynamic.surface import Operation

CLOSED = {401, 403}


async def check_token(scope: Scope) -> None:
    """Forge the token of our own session, where it is a JWT."""
    session = scope.sessions[0]
    if header_of(session.token) is None:
        return
    secret = guessed_secret(session.token)
    if secret is not None:
        shown = f"{secret[:2]}{'*' * (len(secret) - 2)} ({len(secret)} characters)"
        scope.add(
            "jwt-weak-secret",
            "Tokens are signed with a secret that anyone can guess",
            session.login_path,
            method="POST",
            evidence=f"signature reproduced with the secret {shown}",
        )
    guarded = await _guarded(scope)
    if guarded is None:
        scope.notes.append("no operation answers differently with and without the token")
        return
    await _try_forged(scope, guarded)


async def _guarded(scope: Scope) -> Operation | None:
    """A GET operation that needs the token."""
    token = {"Authorization": f"Bearer {scope.sessions[0].token}"}
    for operation in scope.surface.operations:
        if operation.method != "GET" or "{" in operation.path:
            continue
        outside = await scope.client.get(operation.path)
        if outside is None or outside.status not in CLOSED:
            continue
        inside = await scope.client.get(operation.path, headers=token)
        if inside and inside.ok:
            return operation
    return None


async def _try_forged(scope: Scope, guarded: Operation) -> None:
    token = scope.sessions[0].token
    garbage = await scope.client.get(guarded.path, headers={"Authorization": "Bearer a.b.c"})
    if garbage is None or garbage.ok:
        return
    forgeries = (
        ("jwt-signature-ignored", with_wrong_signature(token), "with a wrong signature"),
        ("jwt-alg-none", without_signature(token), "without a signature (alg: none)"),
    )
    for rule, forged, description in forgeries:
        headers = {"Authorization": f"Bearer {forged}"}
        answer = await scope.client.get(guarded.path, headers=headers)
        if answer and answer.ok:
            evidence = f"forged token: {request_line(answer)}; garbage: {garbage.status}"
            text = f"A token {description} is accepted"
            scope.add(
                rule, text, guarded.path, operation=guarded, evidence=evidence, shown=(answer,)
            )
            return
