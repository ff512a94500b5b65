"""JSON Web Tokens as an attacker handles them: read, forged, their secrets guessed."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

COMMON_SECRETS = (
    "secret", "secretkey", "secret-key", "secret_key", "mysecret", "my-secret", "mysecretkey",
    "my-secret-key", "my_secret_key", "jwt-secret", "jwt_secret", "jwtsecret", "jwt-secret-key",
    "jwt_secret_key", "your-secret-key", "your_secret_key", "your-secret", "your-256-bit-secret",
    "your_jwt_secret", "your-jwt-secret", "your_jwt_secret_key", "your-jwt-secret-key",
    "supersecret", "super-secret", "super_secret", "supersecretkey", "super-secret-key",
    "super_secret_key", "supersecretjwtkey", "changeme", "change-me", "change_me",
    "change-this-secret", "change-me-in-production", "change_this_in_production",
    "dev", "dev-secret", "dev-secret-key", "dev_secret", "development", "default", "default-secret",
    "test", "testsecret", "key", "private", "password", "123456", "12345678", "admin", "token",
    "app-secret", "app_secret", "flask-secret", "django-insecure", "fallback-secret",
    "fallback_secret", "fallback-secret-key", "fallback_secret_key", "s3cr3t", "qwerty", "jwt",
    "supersecretkey123", "secret123", "mysecretkey123", "mysupersecretkey", "shhhhh", "hello",
)  # fmt: skip
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def header_of(token: str) -> dict[str, Any] | None:
    """Header of a token; None when this is no JWT."""
    parts = token.split(".")
    if len(parts) != 3 or not all(parts[:2]):
        return None
    try:
        header = json.loads(_decode(parts[0]))
    except (ValueError, binascii.Error):
        return None
    return header if isinstance(header, dict) and isinstance(header.get("alg"), str) else None


def without_signature(token: str) -> str:
    """The same claims under `alg: none`."""
    header = {**(header_of(token) or {}), "alg": "none"}
    return f"{_encode(json.dumps(header).encode())}.{token.split('.')[1]}."


def with_wrong_signature(token: str) -> str:
    """The same header and claims with an invalid signature."""
    signature = hashlib.sha256(token.encode()).digest()
    return ".".join([*token.split(".")[:2], _encode(signature)])


def guessed_secret(token: str) -> str | None:
    """The common secret that signed an HMAC token; None when it is none of them."""
    digest = DIGESTS.get((header_of(token) or {}).get("alg", ""))
    if digest is None:
        return None
    signed, _, signature = token.rpartition(".")
    for secret in COMMON_SECRETS:
        made = hmac.new(secret.encode(), signed.encode(), digest).digest()
        if hmac.compare_digest(_encode(made), signature):
            return secret
    return None


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
