"""One answer of an app, read within bounds, with the verdict whether it answers the request."""

import zlib
from dataclasses import dataclass

import httpx

from analyzers.runtime.live.answers import Reply, Verdict, text_of

BODY_CAP_BYTES = 512 * 1024
SEEN = Verdict()


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: header fields, the beginning of the body, and how long all of it was."""

    headers: httpx.Headers
    body: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        path: path and query of the request, without origin.
        body: at most `BODY_CAP_BYTES`, decompressed.
        note: how the body was cut (`body cut at ...`); empty when it was not.
        verdict: whether it can be an answer to the request.
        sent: its request; None: it is not known.
    """

    method: str
    path: str
    status: int
    headers: httpx.Headers
    body: bytes
    elapsed_s: float
    note: str = ""
    verdict: Verdict = SEEN
    sent: Sent | None = None

    @property
    def text(self) -> str:
        """The body as text, in the character set that it names; broken characters are replaced."""
        return text_of(self.reply) or self.body.decode("utf-8", "replace")

    @property
    def media_type(self) -> str:
        """`text/html`, lower case, without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether a browser would render the body as a page."""
        return self.media_type in {"text/html", "application/xhtml+xml"}

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def reply(self) -> Reply:
        """The answer in the form that `runtime.live.answers` judges."""
        return Reply(self.status, self.headers, self.body, capped=bool(self.note))


def inflate(data: bytes) -> bytes:
    """Decompress gzip or zlib data up to `BODY_CAP_BYTES`; other data is returned unchanged."""
    decoder = zlib.decompressobj(wbits=47)
    try:
        return decoder.decompress(data, BODY_CAP_BYTES)
    except zlib.error:
        return data
