"""Exit code 0 when the analyzer on this port is healthy, else 1: a container's HEALTHCHECK.

    python analyzers/runtime/wire/healthcheck.py 2001

It is run as a file and needs the standard library only, so it starts quickly.
"""

import sys
from http.client import HTTPConnection, HTTPException

_LIMIT_S = 4.0


def is_healthy(port: int) -> bool:
    """Whether `GET /health` on this machine answers 200 within 4 s."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """The exit code for `arguments`: one port."""
    if len(arguments) != 1 or not arguments[0].isdecimal():
        print("usage: healthcheck.py PORT", file=sys.stderr)
        return 1
    return 0 if is_healthy(int(arguments[0])) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
