"""The analyzer's own key for digests of secrets: without the key, a digest reveals nothing."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def own_key(path: Path) -> bytes:
    """The key in the file at `path`, which the first call makes, for this user alone. Blocking.

    If the key is lost, cached reports of apps with a login are measured again.

    Raises:
        OSError: the file can be neither read nor written.
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
