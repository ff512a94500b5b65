"""Passwords, access tokens and response headers of the shop."""

import hashlib
import secrets
import threading
import time
from collections import defaultdict, deque
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from db import Database

TOKEN_LIFETIME_S = 3600
MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_hashing_slots = threading.BoundedSemaphore(2)  # each hash holds 19 MiB
_absent_user_hash = _hasher.hash(secrets.token_hex(16))
_failures: dict[str, deque[float]] = defaultdict(deque)
_bearer = HTTPBearer(auto_error=False, description="The token of POST /api/login")


def hash_password(password: str) -> str:
    """Argon2id hash with its own salt."""
    with _hashing_slots:
        return _hasher.hash(password)


def password_matches(stored: str | None, password: str) -> bool:
    """Compare in the same time whether or not the user exists."""
    with _hashing_slots:
        try:
            matches = _hasher.verify(stored or _absent_user_hash, password)
        except VerificationError:
            return False
    return matches and stored is not None


def check_throttle(username: str) -> None:
    """Refuse with 429 when too many logins of this user failed in the last minute."""
    recent = _failures.get(username, deque())
    while recent and time.monotonic() - recent[0] > FAILURE_WINDOW_S:
        recent.popleft()
    if len(recent) >= MAX_FAILURES:
        raise HTTPException(429, "too many failed logins, wait a minute")


def record_failure(username: str) -> None:
    """Count one failed login of this user."""
    if len(_failures) > 10_000:
        _failures.clear()
    _failures[username].append(time.monotonic())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(db: Database, user_id: int) -> str:
    """A new random token; only its digest is stored."""
    token = secrets.token_urlsafe(32)
    expires_at = int(time.time()) + TOKEN_LIFETIME_S
    query = "INSERT INTO tokens (digest, user_id, expires_at) VALUES (?, ?, ?)"
    db.execute(query, (_digest(token), user_id, expires_at))
    return token


def current_user_id(
    db: Database, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> int:
    """The user of the bearer token; 401 when it is missing, unknown or expired."""
    token = credentials.credentials if credentials else ""
    query = "SELECT user_id FROM tokens WHERE digest = ? AND expires_at > ?"
    row = db.execute(query, (_digest(token), int(time.time()))).fetchone()
    if row is None:
        raise HTTPException(401, "log in first", headers={"WWW-Authenticate": "Bearer"})
    return row["user_id"]


UserId = Annotated[int, Depends(current_user_id)]
