"""One attempt to hand a message to a mail server, in a thread that never outlives its time."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from email.message import EmailMessage

from clients.notify.faults import RefusedError
from clients.notify.model import Email
from clients.notify.texts import line

_OPERATION_S = 10.0


class _Call:
    """One conversation; `cut` ends it from another thread."""

    def __init__(self, receiver: Email, password: str, ca: ssl.SSLContext) -> None:
        self._receiver = receiver
        self._password = password
        self._ca = ca
        self._server: smtplib.SMTP | None = None

    def run(self, message: EmailMessage) -> None:
        receiver = self._receiver
        name = socket.gethostname()  # smtplib would ask the network for it
        if receiver.security == "tls":
            server = smtplib.SMTP_SSL(local_hostname=name, timeout=_OPERATION_S, context=self._ca)
        else:
            server = smtplib.SMTP(local_hostname=name, timeout=_OPERATION_S)
        self._server = server
        # The certificate is checked against this name, which `connect` does not set.
        vars(server)["_host"] = receiver.host
        try:
            code, said = server.connect(receiver.host, receiver.port_number)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            if receiver.security == "starttls":
                server.starttls(context=self._ca)
            if receiver.username:
                server.login(receiver.username, self._password)
            server.send_message(message)
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.close()

    def cut(self) -> None:
        sock = self._server.sock if self._server else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


async def hand_over(
    receiver: Email, password: str, message: EmailMessage, ca: ssl.SSLContext
) -> None:
    """Give `message` to the mail server of `receiver`.

    Raises:
        RefusedError: it was not taken.
    """
    call = _Call(receiver, password, ca)
    try:
        await asyncio.to_thread(call.run, message)
    except asyncio.CancelledError:
        call.cut()
        raise
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is refused: {error.verify_message}"
        raise RefusedError(why, may_pass=False) from None
    except smtplib.SMTPException as error:
        raise _refused(error) from None
    except TimeoutError:
        raise RefusedError("no answer within 10 s", may_pass=True) from None
    except (OSError, UnicodeError) as error:
        why = line(getattr(error, "strerror", None) or str(error), 150)
        raise RefusedError(f"it cannot be reached: {why}", may_pass=True) from None


def _refused(error: smtplib.SMTPException) -> RefusedError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b"no recipient"))
        return RefusedError(f"it answers {_said(code, said)}", may_pass=code < 500)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return RefusedError(f"it refuses the login ({error.smtp_code})", may_pass=False)
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        return RefusedError(f"it answers {_said(code, error.smtp_error)}", may_pass=code < 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return RefusedError(line(str(error), 150), may_pass=False)
    return RefusedError(f"the conversation broke: {line(str(error), 150)}", may_pass=True)


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {line(text, 150)}"
