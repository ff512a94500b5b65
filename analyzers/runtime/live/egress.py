"""Runs one program with a single way out: a SOCKS proxy that knows the app's own origins.

Run by path as its own small program (standard library only, isolated mode), below a process reaper:

    egress.py JOB ARGV...            start ARGV confined, serve its way out, exit as it exits
    egress.py inside ... -- ARGV...  first program within the confinement, which becomes ARGV

`confine.py` writes JOB, a JSON file. It says which names lead where (`localhost:3000` to the port
that the app really has), and the ways to confine ARGV, the best first; the first that holds is
used. In a network namespace of its own the program has a loopback and nothing else. `inside` makes
the listening socket there and hands it out, so that nothing but ARGV runs within. Connections are
opened outside, to the addresses in JOB and never to a name that the program asked for.

The proxy speaks SOCKS version 5 (RFC 1928), which says host and port before the first byte of
content: HTTP, WebSocket and TLS pass unread. A name that is not in JOB is refused (code 2, "not
allowed by ruleset"), counted, and listed in the report beside JOB.
"""

import array
import asyncio
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

NOT_CONFINED = 125
PORT_WORD, SANDBOX_WORD = "{egress}", "{sandbox}"
_PORT_INSIDE = 1080  # nobody else is in the namespace
_START_S = 20.0
_CONNECT_S = 10.0
_HANDSHAKE_S = 15.0
_MAX_OPEN = 512
_MAX_NAMES = 200
_BLOCK_BYTES = 256 * 1024
_ALLOWED, _REFUSED, _NO_CONNECTION, _UNKNOWN_COMMAND = 0, 2, 5, 7
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


class Gate:
    """The proxy: the one way out.

    Attributes:
        routes: `host:port` as it is asked for -> `host:port` that is connected to.
        served, refused, silent: how often each name was let through, was refused, had no answer.
        connections: tasks of open connections; asyncio itself does not keep them alive.
    """

    def __init__(self, routes: dict[str, str]) -> None:
        self.routes = routes
        self.served, self.refused = Counter[str](), Counter[str]()
        self.silent = Counter[str]()
        self.connections = set[asyncio.Task[None] | None]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the confined program. What it sends can end only this one."""
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            if len(self.connections) <= _MAX_OPEN:
                await self._connection(reader, writer)
        except (OSError, EOFError, TimeoutError, ValueError):
            pass
        finally:
            self.connections.discard(task)
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HANDSHAKE_S):
            asked = await _asked(reader, writer)
        if asked is None:
            self._note(self.refused, "(neither a connection nor a known kind of address)")
            return await _answer(writer, _UNKNOWN_COMMAND)
        if (there := self.routes.get(asked)) is None:
            self._note(self.refused, asked)
            return await _answer(writer, _REFUSED)
        host, _, port = there.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_S):
                onward = await asyncio.open_connection(
                    host.strip("[]"), int(port), limit=_BLOCK_BYTES
                )
        except (OSError, TimeoutError):
            self._note(self.silent, asked)
            return await _answer(writer, _NO_CONNECTION)
        self._note(self.served, asked)
        try:
            await _answer(writer, _ALLOWED)
            await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))
        finally:
            onward[1].close()
        return None

    def _note(self, into: Counter[str], name: str) -> None:
        known = name in into or len(into) < _MAX_NAMES
        into[name if known else "(further names)"] += 1


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
    """`host:port` of a request for a connection; None for any other request."""
    version, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    if version != 5:
        raise ValueError("no SOCKS 5")
    writer.write(b"\x05\x00")
    _, command, _, kind = await reader.readexactly(4)
    if kind == 3:
        length = (await reader.readexactly(1))[0]
        host = _printable(await reader.readexactly(length))
    elif kind in (1, 4):
        address = ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16))
        host = str(address) if kind == 1 else f"[{address}]"
    else:
        return None
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    return f"{host}:{port}" if command == 1 else None


def _printable(name: bytes) -> str:
    text = name.decode("ascii", "backslashreplace").lower().rstrip(".")
    return "".join(char if char.isprintable() else "?" for char in text)


async def _answer(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0)))
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until they end; the other direction may go on."""
    try:
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


# --- outside: starting the confined program -------------------------------------------------------


def _start(attempt: dict[str, Any], job: dict[str, Any], argv: Sequence[str]) -> Any:
    """(process, listener, message of `inside`); the process is None if it did not start."""
    ours, theirs = socket.socketpair()
    errors_read, errors_write = os.pipe()
    errors = os.dup(2)
    listener = None if attempt["own_network"] else socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1] if listener else _PORT_INSIDE
    line = [*attempt["argv"], *job["inside"], "inside", str(theirs.fileno()), str(errors)]
    line += [str(job["uid"]), str(port), str(int(attempt["own_network"])), "--", *argv]
    passed = (theirs.fileno(), errors)
    try:
        process = subprocess.Popen(
            line, cwd=attempt["cwd"], env=attempt["env"], stderr=errors_write, pass_fds=passed
        )
    except OSError as error:
        os.close(errors_write)
        return None, None, {"error": f"{line[0]}: {error.strerror}"}
    finally:
        os.close(errors)
        theirs.close()
    os.close(errors_write)
    ours.settimeout(_START_S)
    message, handed = _received(ours)
    if "error" in message or not message:
        process.kill()
        process.wait()
        with os.fdopen(errors_read, "rb") as errors:
            text = errors.read(4096).decode("utf-8", "replace").strip()
        return None, None, {"error": message.get("error") or text[:300] or "it did not start"}
    os.close(errors_read)
    return process, listener or handed, message


def _received(ours: socket.socket) -> tuple[dict[str, Any], socket.socket | None]:
    fds = array.array("i")
    try:
        data, ancillary, _, _ = ours.recvmsg(4096, socket.CMSG_LEN(fds.itemsize))
    except OSError:
        return {"error": f"nothing came out of it within {_START_S:.0f} s"}, None
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: fds.itemsize])
    return json.loads(data or b"{}"), socket.socket(fileno=fds[0]) if fds else None


async def _serve(
    listener: socket.socket, process: "subprocess.Popen[bytes]", job: dict[str, Any], facts: Any
) -> NoReturn:
    """Serve until the program ends, write the report, and exit with its code."""
    gate = Gate(job["routes"])
    await asyncio.start_server(gate, sock=listener, limit=_BLOCK_BYTES, backlog=512)
    code = await asyncio.to_thread(process.wait)
    counts = {"served": gate.served, "refused": gate.refused, "silent": gate.silent}
    Path(job["report"]).write_text(json.dumps({**facts, **counts}), encoding="utf-8")
    # Nobody waits for the open connections any more.
    os._exit(code if code >= 0 else 128 - code)


def _outside(job_file: Path, argv: Sequence[str]) -> int:
    job = json.loads(job_file.read_bytes())
    failed = dict[str, str]()
    for attempt in job["attempts"]:
        process, listener, message = _start(attempt, job, argv)
        if process is None:
            failed[attempt["name"]] = message["error"]
            continue
        facts = {"held": attempt["name"], "failed": failed, **message}
        asyncio.run(_serve(listener, process, job, facts))
    reasons = "; ".join(f"{name}: {why}" for name, why in failed.items())
    print(f"not confined, so not run: {reasons}", file=sys.stderr)
    return NOT_CONFINED


# --- inside: the first program of the confinement -------------------------------------------------


def _inside(words: Sequence[str]) -> NoReturn:
    """Give up root, prove the confinement, hand out the listening socket, become the program."""
    channel = socket.socket(fileno=int(words[0]))
    errors, uid, port, own_network = (int(word) for word in words[1:5])
    argv = list(words[6:])
    try:
        # Without this the program would outlive its proxy.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _become(uid)
        names = [name for _, name in socket.if_nameindex()]
        if own_network and names != ["lo"]:
            raise OSError(f"its network has {', '.join(names)}")
        sandbox = _may_make_namespaces()
        message = json.dumps({"sandbox": sandbox}).encode()
        if own_network:
            with socket.create_server(("127.0.0.1", port), backlog=512) as listener:
                handed = array.array("i", [listener.fileno()])
                channel.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])
        else:
            channel.send(message)
    except OSError as error:
        channel.send(json.dumps({"error": str(error)[:300]}).encode())
        os._exit(NOT_CONFINED)
    channel.close()
    os.dup2(errors, 2)
    os.close(errors)
    flag = "" if sandbox else "--no-sandbox"
    words = [w.replace(PORT_WORD, str(port)).replace(SANDBOX_WORD, flag) for w in argv]
    words = [word for word, before in zip(words, argv, strict=True) if word or not before]
    try:
        os.execvp(words[0], words)  # noqa: S606
    except OSError as error:
        hint = f"is it installed, and readable for user {os.getuid()}? bubblewrap would show it"
        print(f"{words[0]}: {error.strerror}: {hint}", file=sys.stderr)
    os._exit(127)


def _become(uid: int) -> None:
    """Become an ordinary user for good. With `uid` 0: stay as one, but never as root."""
    if uid and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if 0 in os.getresuid():
        raise PermissionError("it would run as root")
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _may_make_namespaces() -> bool:
    """Whether Chromium's own sandbox, which needs namespaces, is possible here."""
    child = os.fork()
    if child == 0:
        flags = _NEW_USER | _NEW_PID | _NEW_NET
        os._exit(1 if ctypes.CDLL(None).unshare(flags) else 0)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        _inside(sys.argv[2:])
    sys.exit(_outside(Path(sys.argv[1]), sys.argv[2:]))
