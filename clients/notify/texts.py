"""A notice as each kind of receiver takes it; texts of apps under test are hostile."""

import json
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from contract.alert import Notice, Severity

VERSION = 1
"""Of the JSON that a webhook gets; higher if a field changes its meaning."""
_SUMMARY, _DETAIL, _LABEL, _LABELS, _SLACK = 300, 2_000, 200, 20, 30_000
# Commands to a terminal or to a reader's eyes, and halves of characters; a line end may stay.
_COMMANDS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MARKS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


def plain(text: str, most: int) -> str:
    """`text` without what commands a reader's eyes, at most so many characters."""
    text = _COMMANDS.sub(" ", text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def line(text: str, most: int) -> str:
    """`plain`, on one line."""
    return " ".join(plain(text, most).split())


def document(notice: Notice, links: str = "") -> dict[str, Any]:
    """The JSON that a webhook gets: bounded; by its `id` one that came twice is known.

    Args:
        notice: what is told.
        links: put before a link that is no whole address.
    """
    return {
        "version": VERSION,
        "id": notice.id,
        "status": "resolved" if notice.is_over else "firing",
        "forgotten": notice.is_forgotten,
        "key": line(notice.key, _SUMMARY),
        "name": line(notice.name, _LABEL),
        "severity": notice.severity.value,
        "summary": line(notice.summary, _SUMMARY),
        "detail": plain(notice.detail, _DETAIL),
        "labels": labels(notice),
        "next_step": plain(notice.next_step, _DETAIL),
        "link": link_of(notice, links),
        "began_at": notice.began_at.isoformat(),
        "repeat": notice.repeat,
    }


def labels(notice: Notice) -> dict[str, str]:
    """Its labels, bounded in number and length."""
    pairs = sorted(notice.labels.items())[:_LABELS]
    return {line(name, _LABEL): line(value, _LABEL) for name, value in pairs}


def link_of(notice: Notice, links: str) -> str:
    """Its link as a whole address, if one can be made."""
    link = line(notice.link, 2_000)
    if not link or link.startswith(("http://", "https://")) or not links:
        return link
    return f"{links.rstrip('/')}/{link.lstrip('/')}"


def slack(notice: Notice, links: str = "") -> dict[str, Any]:
    """The JSON that Slack's incoming webhooks take; no text can mention, link or format."""
    head = f"{_mark(notice)} *{_title(notice, _escaped)}*"
    link = re.sub(r"[<>&|]", "", link_of(notice, links))
    lines = [head, *(_escaped(text) for text in _paragraphs(notice)), link]
    return {
        "text": "\n".join(filter(None, lines))[:_SLACK],
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": 0,
        "parse": "none",
    }


def mail(notice: Notice, sender: str, to: tuple[str, ...], links: str = "") -> EmailMessage:
    """A message; what is in its headers is on one line, so that no text adds a header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender)
    message["To"] = tuple(map(_address, to))
    message["Subject"] = line(f"[Assay] {_title(notice, str)}", 200)
    message["Message-ID"] = f"<{notice.id}@{sender.partition('@')[2] or 'assay'}>"
    message["Date"] = notice.began_at
    message["Auto-Submitted"] = "auto-generated"
    message["X-Assay-Notice"] = notice.id
    facts = json.dumps(labels(notice), ensure_ascii=False)
    since = f"since {notice.began_at:%F %T} UTC {facts}"
    text = "\n\n".join(filter(None, [*_paragraphs(notice), link_of(notice, links), since]))
    message.set_content(text, charset="utf-8", cte="base64")
    return message


def _address(text: str) -> Address:
    name, _, domain = text.partition("@")
    return Address(username=name, domain=domain)


def _title(notice: Notice, shown: Any) -> str:
    ended = "forgotten" if notice.is_forgotten else "over"
    state = ended if notice.is_over else notice.severity.value
    return f"{state}: {shown(line(notice.name, _LABEL))}"


def _mark(notice: Notice) -> str:
    if notice.is_forgotten:
        return "⚪"
    return "✅" if notice.is_over else _MARKS[notice.severity]


def _paragraphs(notice: Notice) -> list[str]:
    step = "" if notice.is_over else plain(notice.next_step, _DETAIL)
    found = (line(notice.summary, _SUMMARY), plain(notice.detail, _DETAIL), step)
    return [text for text in found if text]


def _escaped(text: str) -> str:
    """`text` as Slack shows it letter by letter: no mention, no link, no format, no emoji."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A format needs its sign at the edge of a word: an invisible joiner keeps it from being one.
    return re.sub(r"[*_~`:@#]", lambda found: f"{found[0]}\u2060", text)
