"""Who types: as lists of pipelines and the log of changes name them."""

import getpass
import socket


def person() -> str:
    """`user@host`; a user that the system has no name for is left out."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        return socket.gethostname()
    return f"{user}@{socket.gethostname()}"
