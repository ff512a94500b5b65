"""The port `Notifier`: each receiver of the alerts file, with time limits and a few attempts."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from clients.measures import NOTICES
from clients.notify.faults import RefusedError
from clients.notify.mailing import hand_over
from clients.notify.model import AlertsFile, Email, Receiver, Slack, Webhook, url_of
from clients.notify.posting import post, trusted
from clients.notify.reading import read_alerts
from clients.notify.texts import document, mail, slack
from contract.alert import Notice, Severity
from contract.errors import PlatformError
from contract.secret import SecretRef

ATTEMPT_S, WHOLE_S = 10.0, 28.0
_PAUSES_S = (0.5, 2.0)
_SECRET_BYTES = 8 * 1024
Count = Callable[[str, str], None]
"""Called with the name of a receiver and `sent` or `failed`."""


def counted(receiver: str, outcome: str) -> None:
    """Count it in this process's metrics."""
    NOTICES.labels(receiver, outcome).inc()


class FileNotifier:
    """Tells the receivers of an alerts file; without a file, there are none.

    The file is read anew when it has changed: who is told can be corrected while a worker runs.
    """

    def __init__(
        self,
        path: Path | None,
        secret: Callable[[SecretRef], str],
        count: Count = counted,
        *,
        attempt_s: float = ATTEMPT_S,
        whole_s: float = WHOLE_S,
        pauses_s: tuple[float, ...] = _PAUSES_S,
    ) -> None:
        """Read nothing yet.

        Args:
            path: the alerts file; None: nobody is told.
            secret: value of a variable that the file names; blocking.
            count: told of each receiver's outcome.
            attempt_s: limit of one attempt.
            whole_s: limit of all attempts at one receiver.
            pauses_s: between attempts; one attempt more than there are pauses.
        """
        self._path = path
        self._secret = secret
        self._count = count
        self._limits = attempt_s, whole_s, pauses_s
        self._read: tuple[tuple[int, int], AlertsFile] | None = None
        self._asked: AlertsFile | None = None

    async def file(self) -> AlertsFile | None:
        """The alerts file as it is now; None: there is none.

        Raises:
            PlatformError: INVALID_ARGUMENT: it is wrong.
        """
        return await asyncio.to_thread(self._file)

    async def wanting(self, severity: Severity) -> tuple[str, ...]:
        """Names of the receivers that want to know of something so severe.

        Raises:
            PlatformError: INVALID_ARGUMENT: the alerts file is wrong.
        """
        file = await self.file()
        receivers = file.receivers if file else ()
        return tuple(one.name for one in receivers if severity.rank <= one.min_severity.rank)

    async def repeat_s(self) -> float:
        """After how many seconds an alert that lasts is sent again.

        Raises:
            PlatformError: INVALID_ARGUMENT: the alerts file is wrong.
        """
        file = await self.file()
        return (file.repeat_minutes if file else 240) * 60.0

    async def rewritten(self) -> tuple[str, ...]:
        """Names of all receivers, where the file was written since this was asked last.

        Empty where it was not, is wrong, or there is none.
        """
        try:
            file = await self.file()
        except PlatformError:
            return ()
        before, self._asked = self._asked, file
        return tuple(one.name for one in file.receivers) if file and file is not before else ()

    async def deliver(self, receiver: str, notice: Notice) -> str:
        """Send to one receiver; what went wrong in one sentence, empty if it took it.

        A receiver that was taken out of the file takes everything. At most 30 s.
        """
        try:
            file = await self.file()
        except PlatformError as error:
            return error.message
        found = [one for one in (file.receivers if file else ()) if one.name == receiver]
        if not found or file is None:
            return ""
        why = await self._attempts(found[0], notice, file.links or "")
        self._count(receiver, "failed" if why else "sent")
        return f"{receiver}: {why}" if why else ""

    async def lacking(self, receiver: Receiver) -> str:
        """Which of its secrets cannot be read, in one sentence; empty: all are there."""
        try:
            await asyncio.to_thread(trusted, self._beside(receiver.ca_file))
            if isinstance(receiver, Email):
                await self._value(receiver.password_file, receiver.password_env)
                return ""
            await self._url(receiver)
            if isinstance(receiver, Webhook):
                await self._value(receiver.token_file, receiver.token_env)
        except RefusedError as error:
            return str(error)
        return ""

    async def send(self, notice: Notice) -> tuple[str, ...]:
        """See `Notifier.send`."""
        try:
            names = await self.wanting(notice.severity)
        except PlatformError as error:
            return (error.message,)
        answers = await asyncio.gather(*(self.deliver(name, notice) for name in names))
        return tuple(filter(None, answers))

    async def _attempts(self, receiver: Receiver, notice: Notice, links: str) -> str:
        attempt_s, whole_s, pauses_s = self._limits
        why = ""
        try:
            async with asyncio.timeout(whole_s):
                for pause in (*pauses_s, None):
                    try:
                        async with asyncio.timeout(attempt_s):
                            await self._attempt(receiver, notice, links)
                        return ""
                    except RefusedError as error:
                        why = str(error)
                        if not error.may_pass:
                            return why
                    except TimeoutError:
                        why = f"no answer within {attempt_s:g} s"
                    if pause is not None:
                        await asyncio.sleep(pause)
        except TimeoutError:
            why = why or f"no answer within {whole_s:g} s"
        return why

    async def _attempt(self, receiver: Receiver, notice: Notice, links: str) -> None:
        ca = await asyncio.to_thread(trusted, self._beside(receiver.ca_file))
        if isinstance(receiver, Email):
            password = await self._value(receiver.password_file, receiver.password_env)
            message = mail(notice, receiver.sender, receiver.to, links)
            await hand_over(receiver, password, message, ca)
            return
        url = await self._url(receiver)
        headers = {"Idempotency-Key": notice.id}
        if isinstance(receiver, Webhook):
            if token := await self._value(receiver.token_file, receiver.token_env):
                headers["Authorization"] = f"Bearer {token}"
            await post(url, document(notice, links), headers, ca)
        else:
            await post(url, slack(notice, links), headers, ca)

    async def _url(self, receiver: Webhook | Slack) -> str:
        if isinstance(receiver, Webhook) and receiver.url:
            return receiver.url
        text = await self._value(receiver.url_file, receiver.url_env)
        try:
            return url_of(text)
        except ValueError as error:
            why = f"what its {'url_file' if receiver.url_file else 'url_env'} has is not {error}"
            raise RefusedError(why, may_pass=False) from None

    async def _value(self, file: Path | None, env: str | None) -> str:
        if file is not None:
            return await asyncio.to_thread(_line_of, self._beside(file))
        if env is None:
            return ""
        try:
            return await asyncio.to_thread(self._secret, SecretRef(env=env))
        except PlatformError as error:
            raise RefusedError(error.message, may_pass=False) from None

    def _beside(self, path: Path | None) -> Path | None:
        """`path`, relative to the folder of the alerts file."""
        return self._path.absolute().parent / path if path and self._path else path

    def _file(self) -> AlertsFile | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return read_alerts(self._path)  # says what is wrong
        mark = status.st_mtime_ns, status.st_size
        if self._read is None or self._read[0] != mark:
            self._read = mark, read_alerts(self._path)
        return self._read[1]


def _line_of(path: Path | None) -> str:
    """The secret in a file: one printable line."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            text = file.read(_SECRET_BYTES + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise RefusedError(f"its secret cannot be read: {path}: {why}", may_pass=False) from None
    if not text or not text.isprintable() or len(text) > _SECRET_BYTES:
        raise RefusedError(f"its secret {path} is no single line of text", may_pass=False)
    return text
