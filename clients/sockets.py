"""The kernel's tables of TCP sockets: which ports listen, and which have connections."""

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

_LISTEN, _ESTABLISHED = "0A", "01"
# The name server that a Docker engine itself runs in every container.
_ENGINE_DNS = "127.0.0.11"


@dataclass(frozen=True, slots=True)
class Listening:
    """Ports that a container accepts connections on.

    Attributes:
        known: whether the tables could be read at all.
        outside: ports that others can reach.
        loopback: ports that only its own processes can reach.
        in_use: ports with open connections, whoever opened them.
    """

    known: bool = False
    outside: tuple[int, ...] = ()
    loopback: tuple[int, ...] = ()
    in_use: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.known:
            return "what it listens on cannot be read"
        inside = [f"127.0.0.1:{port}" for port in self.loopback if port not in self.outside]
        places = [*(f"port {port}" for port in self.outside), *inside]
        return f"it listens on {', '.join(places)}" if places else "it listens on no port"


def parse(lines: Iterable[str]) -> Listening:
    """Read the kernel's tables of TCP sockets."""
    outside: set[int] = set()
    loopback: set[int] = set()
    in_use: set[int] = set()
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or fields[3] not in (_LISTEN, _ESTABLISHED) or ":" not in fields[1]:
            continue
        with suppress(ValueError, struct.error, OSError):
            address, port = _address(fields[1])
            if fields[3] == _ESTABLISHED:
                in_use.add(port)
            elif address != _ENGINE_DNS:
                (loopback if _is_loopback(address) else outside).add(port)
    return Listening(True, *(tuple(sorted(found)) for found in (outside, loopback, in_use)))


def _address(text: str) -> tuple[str, int]:
    """`0100007F:1F40` as (`127.0.0.1`, 8000): words of 32 bits in the order of the machine."""
    digits, _, port = text.partition(":")
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def _is_loopback(address: str) -> bool:
    return address.removeprefix("::ffff:").startswith("127.") or address == "::1"
