"""Receivers of notices in a test: webhooks with a script of answers, a mail server."""

import asyncio
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Hook:
    """A webhook: what it got, and what it answers next.

    Attributes:
        answers: status codes in turn, or `hang` and `drip`; the last one stays.
        got: body, and headers in lower case, of each request.
    """

    answers: list[int | str] = field(default_factory=lambda: [200])
    got: list[tuple[Any, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[Any]:
        return [body for body, _ in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:]
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.got.append((json.loads(body or b"null"), headers))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer == "hang":
                await asyncio.sleep(60)
            if answer == "drip":
                for _ in range(600):
                    writer.write(b"H")
                    await writer.drain()
                    await asyncio.sleep(0.1)
            where = f"Location: {self.url}/elsewhere\r\n" if answer == 302 else ""
            writer.write(f"HTTP/1.1 {answer} X\r\n{where}Content-Length: 2\r\n\r\nno".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def hook(
    *answers: int | str, context: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Hook]:
    """A webhook that answers so, in turn."""
    receiver = Hook(list(answers) or [200], scheme="https" if context else "http")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


@dataclass
class Mailbox:
    """A mail server that takes everything, or hangs."""

    certificate: ssl.SSLContext | None = None
    hangs: bool = False
    port: int = 0
    said: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        try:
            await asyncio.sleep(60 if self.hangs else 0)
            await say("220 test")
            while command := (await reader.readline()).decode().strip():
                self.said.append(command)
                verb = command.split()[0].upper()
                if verb == "EHLO":
                    more = "250-STARTTLS\r\n" if self.certificate else ""
                    await say(f"250-test\r\n{more}250 AUTH PLAIN")
                elif verb == "STARTTLS":
                    await say("220 go")
                    await writer.start_tls(self.certificate)  # type: ignore[arg-type]
                elif verb == "DATA":
                    await say("354 go")
                    self.data.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    await say("250 ok")
                else:
                    await say("235 ok" if verb == "AUTH" else "250 ok")
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def mailbox(*, certificate: ssl.SSLContext | None = None, hangs: bool = False):
    """A mail server on 127.0.0.1."""
    box = Mailbox(certificate, hangs)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own for 127.0.0.1, and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, private)
    return context, pem


def alerts_file(folder: Path, receivers: Sequence[dict[str, Any]], **more: Any) -> Path:
    """An alerts file with these receivers."""
    path = folder / "alerts.yaml"
    path.write_text(json.dumps({"receivers": list(receivers), **more}))
    return path
