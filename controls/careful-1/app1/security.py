"""What every request passes through: secret key, sessions, headers, limits, input checks."""

import os
import secrets
import time
from collections import defaultdict, deque
from pathlib import Path

from flask import Flask, Response, abort, request, session

MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0
LINE_CHARACTERS = str.maketrans("", "", "\r\n\t")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_failures: dict[tuple[str, str], deque[float]] = defaultdict(deque)


def load_secret_key(folder: Path) -> bytes:
    """The key from SECRET_KEY, or a random one kept in the data folder."""
    if value := os.environ.get("SECRET_KEY"):
        return value.encode()
    path = folder / "secret.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(secrets.token_bytes(32))
    return path.read_bytes()


def add_headers(response: Response) -> Response:
    """Set the security headers on every answer, errors included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def init_app(app: Flask, folder: Path) -> None:
    """Sessions that scripts, other sites and plain HTTP cannot read."""
    app.config.update(
        SECRET_KEY=load_secret_key(folder),
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1024 * 1024,
    )
    app.after_request(add_headers)


def current_user_id() -> int:
    """The id of the user who is logged in; 401 otherwise."""
    user_id = session.get("user_id")
    if not isinstance(user_id, int):
        abort(401, "log in first")
    return user_id


def body_value(name: str) -> object:
    """A field of the JSON or form body; None where it is absent or the body is no object."""
    data = request.get_json() if request.is_json else request.form
    return data.get(name) if hasattr(data, "get") else None


def text_field(name: str, max_chars: int, *, min_chars: int = 1) -> str:
    """A required text field of the form or JSON body; 400 when it is not usable text."""
    value = body_value(name)
    if not isinstance(value, str) or not min_chars <= len(value) <= max_chars:
        abort(400, f"{name} must be text of {min_chars} to {max_chars} characters")
    if not value.translate(LINE_CHARACTERS).isprintable():
        abort(400, f"{name} has characters that cannot be printed")
    return value


def check_throttle(username: str) -> None:
    """Refuse with 429 when this address failed too often for this user."""
    now = time.monotonic()
    recent = _failures[(request.remote_addr or "", username)]
    while recent and now - recent[0] > FAILURE_WINDOW_S:
        recent.popleft()
    if len(recent) >= MAX_FAILURES:
        abort(429, "too many failed logins, wait a minute")


def record_failure(username: str) -> None:
    """Count one failed login of this address for this user."""
    if len(_failures) > 10_000:
        _failures.clear()
    _failures[(request.remote_addr or "", username)].append(time.monotonic())
