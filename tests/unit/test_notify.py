"""Notices reach receivers whatever these do, and say nothing that an app under test wanted said."""

import asyncio
import base64
import time
from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from clients.notify.notifier import FileNotifier
from clients.notify.reading import read_alerts
from contract.alert import Notice, Severity
from contract.errors import PlatformError
from contract.secret import SecretRef
from tests.support.receivers import alerts_file, certificate, hook, mailbox

NOTICE = Notice(
    key="AnalyzerBlind/static/bandit",
    name="AnalyzerBlind",
    severity=Severity.CRITICAL,
    summary="bandit is blind",
    labels={"analyzer": "static"},
    link="runbook.md#analyzerblind",
    began_at=datetime(2026, 11, 29, 10, tzinfo=UTC),
)


def _notifier(path: Path | None, counted: list[tuple[str, str]] | None = None, **limits: Any):
    def secret(ref: SecretRef) -> str:
        return f"value of {ref.env}"

    def count(*outcome: str) -> None:
        if counted is not None:
            counted.append(outcome)  # type: ignore[arg-type]

    fast: dict[str, Any] = {"attempt_s": 0.4, "whole_s": 1.5, "pauses_s": (0.01, 0.02)}
    return FileNotifier(path, secret, count, **(fast | limits))


async def test_each_receiver_gets_what_it_wants(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    async with hook() as critical, hook() as info, hook(500, "hang", 200) as flaky:
        (tmp_path / "slack").write_text(critical.url)
        path = alerts_file(
            tmp_path,
            [
                {"name": "chat", "type": "slack", "url_file": "slack", "min_severity": "critical"},
                {"name": "hook", "type": "webhook", "url": info.url, "token_file": "token"},
                {"name": "flaky", "type": "webhook", "url": flaky.url, "min_severity": "info"},
            ],
            links="https://assay.example/docs",
        )
        counted: list[tuple[str, str]] = []
        notifier = _notifier(path, counted)
        assert await notifier.send(NOTICE) == ()
        assert sorted(counted) == [("chat", "sent"), ("flaky", "sent"), ("hook", "sent")]
        assert await notifier.wanting(Severity.WARNING) == ("hook", "flaky")
    body, headers = info.got[0]
    assert headers["authorization"] == "bearer s3cret"
    assert (headers["idempotency-key"], body["id"]) == (NOTICE.id, NOTICE.id)
    assert (body["status"], body["severity"], body["labels"]) == (
        "firing",
        "critical",
        {"analyzer": "static"},
    )
    assert body["link"] == "https://assay.example/docs/runbook.md#analyzerblind"
    assert len(flaky.got) == 3
    assert len({one["id"] for one in flaky.bodies}) == 1
    assert "AnalyzerBlind" in critical.bodies[0]["text"]


@pytest.mark.parametrize(
    ("answer", "says", "attempts"),
    [
        (500, "answers 500: no", 3),
        (404, "answers 404: no", 1),
        (302, "redirect", 1),
        ("hang", "no answer within 0.4 s", 3),
        ("drip", "no answer within 0.4 s", 3),
    ],
)
async def test_a_receiver_that_fails_is_named_and_bounded(
    tmp_path: Path, answer: int | str, says: str, attempts: int
) -> None:
    async with hook(answer) as bad, hook() as good:
        receivers = [
            {"name": "bad", "type": "webhook", "url": bad.url},
            {"name": "good", "type": "webhook", "url": good.url},
        ]
        counted: list[tuple[str, str]] = []
        began = time.monotonic()
        told = await _notifier(alerts_file(tmp_path, receivers), counted).send(NOTICE)
        assert time.monotonic() - began < 3
    assert len(told) == 1
    assert told[0].startswith("bad: ")
    assert says in told[0]
    assert bad.url not in told[0]
    assert len(bad.got) == attempts
    assert sorted(counted) == [("bad", "failed"), ("good", "sent")]


async def test_certificates_are_checked(tmp_path: Path) -> None:
    context, pem = certificate(tmp_path)
    async with hook(context=context) as secure:
        unknown = {"name": "unknown", "type": "webhook", "url": secure.url}
        known = {**unknown, "name": "known", "ca_file": pem.name}
        told = await _notifier(alerts_file(tmp_path, [unknown, known])).send(NOTICE)
    assert len(told) == 1
    assert told[0].startswith("unknown: its certificate is refused: ")
    assert len(secure.got) == 1


async def test_nobody_answers_or_a_secret_is_missing(tmp_path: Path) -> None:
    receivers = [
        {"name": "away", "type": "webhook", "url": "http://127.0.0.1:9/"},
        {"name": "secretless", "type": "slack", "url_file": "missing"},
    ]
    away, secretless = await _notifier(alerts_file(tmp_path, receivers)).send(NOTICE)
    assert away.startswith("away: it cannot be reached")
    assert secretless.startswith("secretless: its secret cannot be read: ")
    assert await _notifier(None).send(NOTICE) == ()


async def test_mail_is_encrypted_first_and_carries_no_header_of_an_app(tmp_path: Path) -> None:
    context, pem = certificate(tmp_path)
    hostile = NOTICE.model_copy(
        update={
            "name": "Evil\r\nBcc: all@example.org",
            "summary": "wörds\r\n.\r\nMAIL FROM:<x@y>\r\n\x1b[2J",
        }
    )
    async with mailbox(certificate=context) as box, mailbox(hangs=True) as silent:
        mail = {
            "name": "mail",
            "type": "email",
            "host": "127.0.0.1",
            "port": box.port,
            "sender": "assay@example.org",
            "to": ["ops@example.org", "dev@example.org"],
            "username": "assay",
            "password_env": "ASSAY_LOGIN_MAIL",
            "ca_file": pem.name,
        }
        hangs = {**mail, "name": "hangs", "port": silent.port}
        untrusted = {**mail, "name": "untrusted", "ca_file": None}
        path = alerts_file(tmp_path, [mail, hangs, untrusted])
        told = await _notifier(path, whole_s=1.0).send(hostile)
        await asyncio.sleep(0.05)
    assert [text.split(": ")[0] for text in told] == ["hangs", "untrusted"]
    assert "certificate is refused" in told[1]
    assert len(box.data) == 1
    verbs = [text.split()[0] for text in box.said]
    assert verbs.index("STARTTLS") < verbs.index("AUTH")
    secret = base64.b64decode(next(text for text in box.said if "AUTH" in text).split()[-1])
    assert secret == b"\0assay\0value of ASSAY_LOGIN_MAIL"
    message = message_from_string(box.data[0].removesuffix(".\r\n"))
    assert message["Bcc"] is None
    assert "Bcc" in str(make_header(decode_header(message["Subject"])))
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "wörds . MAIL FROM" in payload.decode()
    assert b"\x1b" not in payload


async def test_slack_shows_what_apps_wrote_letter_by_letter(tmp_path: Path) -> None:
    async with hook() as chat:
        (tmp_path / "url").write_text(chat.url)
        path = alerts_file(tmp_path, [{"name": "chat", "type": "slack", "url_file": "url"}])
        text = "<!channel> @here *b* https://evil.example " + "x" * 5_000
        hostile = NOTICE.model_copy(update={"summary": text, "detail": "&" * 50_000})
        assert await _notifier(path).send(hostile) == ()
    shown = chat.bodies[0]["text"]
    assert "&lt;!channel&gt;" in shown
    for bad in ("<", "@here", "*b*", "https://evil"):
        assert bad not in shown
    assert len(shown) < 12_000


_RIGHT = "receivers:\n- name: a\n  type: webhook\n  url: http://127.0.0.1/\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("receivers:\n- name: a\n  type: webhook\n  url: ftp://x\n", "line 4: receivers.0.url: "),
        ("receivers:\n- name: a\n  type: slack\n  url: http://x\n", "line 4: receivers.0.url: "),
        (_RIGHT + "  token: s3cret\n", "line 5: receivers.0.token: there is no such field"),
        (_RIGHT + "- name: a\n  type: slack\n  url_env: PATH\n", "line 7: receivers.1.url_env: "),
        (_RIGHT + "- name: a\n  type: slack\n  url_file: x\n", "two receivers are named a"),
        (_RIGHT + "repeat_minutes: 1\n", "line 5: repeat_minutes: "),
        ("receivers: []\n", "line 1: receivers: "),
        ("receivers: [\n", "line 2: "),
        ("a: &a [1]\nb: *a\n", "line 2: an alias"),
        ("name: a\nname: b\n", "line 2: 'name' is written twice"),
        ("just text\n", "expected a mapping"),
        ("", "expected a mapping"),
        ("receivers:\n- name: a\n  type: fax\n", "line 2: receivers.0: "),
        (
            "receivers:\n- {name: a, type: email, host: h, security: none, sender: a@b, to: [c@d],"
            " username: u, password_file: p}\n",
            "encrypted line only",
        ),
    ],
)
def test_a_wrong_file_names_line_and_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(text)
    with pytest.raises(PlatformError) as caught:
        read_alerts(path)
    assert str(path) in caught.value.message
    assert says in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "docs/alerts.md" in caught.value.next_step


async def test_a_file_that_became_wrong_is_said_and_a_corrected_one_is_read(tmp_path: Path) -> None:
    async with hook() as good:
        path = alerts_file(tmp_path, [{"name": "a", "type": "webhook", "url": good.url}])
        notifier = _notifier(path)
        assert await notifier.rewritten() == ("a",)
        path.write_text("receivers: 1")
        assert await notifier.rewritten() == ()
        told = await notifier.send(NOTICE)
        assert "receivers: Input should be" in told[0]
        alerts_file(tmp_path, [{"name": "a", "type": "webhook", "url": good.url}])
        assert await notifier.send(NOTICE) == ()
        assert [await notifier.rewritten(), await notifier.rewritten()] == [("a",), ()]
    path.unlink()
    assert "No such file" in (await notifier.send(NOTICE))[0]
