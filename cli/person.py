"""Who types: as lists of pipelines and the log of changes name them."""

import os
import pwd
import socket


def person() -> str:
    """`user@host`, by whom this process belongs to: variables like `LOGNAME` are anybody's."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # a container's user without an entry
        name = f"uid{user}"
    return f"{name}@{socket.gethostname()}"
