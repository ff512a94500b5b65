"""A key of this analyzer's own: its digests of secrets are worth nothing to who has them alone."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def own_key(path: Path) -> bytes:
    """The key in the file at `path`, made at the first call; readable for this user. Blocking.

    A key that is lost costs the cached reports of apps with a login.

    Raises:
        OSError: it can be neither read nor written.
    """
    try:
        known = path.read_bytes()
    except FileNotFoundError:
        known = b""
    if len(known) == KEY_BYTES:
        return known
    made = secrets.token_bytes(KEY_BYTES)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(made)
    part.replace(path)
    return made
