"""Exit code 0 when what listens on this port is ready to work, else 1: a container's HEALTHCHECK.

    python analyzers/runtime/wire/healthcheck.py 2001
    python analyzers/runtime/wire/healthcheck.py 8240 192.168.1.4            # the dashboard
    python analyzers/runtime/wire/healthcheck.py 8240 192.168.1.4 /health    # does it live?

It is run as a file and needs the standard library only, so it starts quickly.
"""

import sys
from http.client import HTTPConnection, HTTPException

_LIMIT_S = 4.0
_LOOPBACK = "127.0.0.1"
_CALLED = {"localhost": _LOOPBACK, "0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104


def is_ready(port: int, host: str = _LOOPBACK, path: str = "/ready") -> bool:
    """Whether `GET path` of what listens on `host` answers 200 within 4 s."""
    connection = HTTPConnection(_CALLED.get(host.lower(), host), port, timeout=_LIMIT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """The exit code for `arguments`: a port, where it is if not on loopback, what is asked."""
    if len(arguments) not in (1, 2, 3) or not arguments[0].isdecimal():
        print("usage: healthcheck.py PORT [HOST [PATH]]", file=sys.stderr)
        return 1
    return 0 if is_ready(int(arguments[0]), *arguments[1:]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
