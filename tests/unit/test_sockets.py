"""Where a process listens, as the kernel's tables tell it."""

import pytest

from clients.sockets import Listening, parse

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"


def row(address: str, state: str = "0A") -> str:
    return f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0"


ANY6, ONE6 = "0" * 32, "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("00000000:1F40")], Listening(True, (8000,))),
        ([row("0100007F:1F40")], Listening(True, (), (8000,))),
        ([row("0B00007F:9C41")], Listening(True)),  # the engine's own name server
        ([row(f"{ANY6}:0BB8")], Listening(True, (3000,))),
        ([row(f"{ONE6}:0BB8"), row(f"{MAPPED}:0050")], Listening(True, (), (80, 3000))),
        ([row("0200A8C0:0050")], Listening(True, (80,))),
        ([row("0200A8C0:0050", "01"), row("0200A8C0:0051", "08")], Listening(True, (), (), (80,))),
        (["rubbish", "0: zz:zz x 0A", row("00000000:")], Listening(True)),
    ],
)
def test_listeners_are_told_from_connections_and_from_loopback(rows, found):
    assert parse([HEAD, *rows]) == found


def test_it_is_said_as_a_person_would():
    assert str(Listening()) == "what it listens on cannot be read"
    assert str(Listening(True)) == "it listens on no port"
    assert str(Listening(True, (80,), (80, 81))) == "it listens on port 80, 127.0.0.1:81"
