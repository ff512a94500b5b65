"""`token`: who may use the dashboard, from the command line."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cli.app import app
from cli.exits import Exit
from contract.access import AuditQuery
from control.access import Access, Known
from control.access_kept import KeptAccess
from control.audit import AuditLog
from tests.support.store_folder import stored_in


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("ASSAY_DASHBOARD_PORT", "8299")
    return tmp_path


def typed(*words: str) -> Exit:
    return Exit(app(["token", *words], standalone_mode=False))


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert typed(*words, "--json") is Exit.OK
    return json.loads(capsys.readouterr().out)


def kept(data: Path) -> KeptAccess:
    return KeptAccess(stored_in(data))


def asked(data: Path, question: Any) -> Any:
    async def ask() -> Any:
        store = kept(data)
        try:
            return await question(store)
        finally:
            await store.close()

    return asyncio.run(ask())


async def owner(store: KeptAccess, token: str) -> Known | None:
    access = Access(store)
    try:
        return await access.by_token(token)
    finally:
        await access.close()  # it keeps that the token was used


def test_a_token_is_shown_once_and_lets_its_owner_in(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    made = document(capsys, "create", "ana", "--scope", "operate")
    listed = document(capsys, "list")
    known = asked(data, lambda store: owner(store, made["token"]))

    assert (known.name, known.scope) == ("ana", "operate")
    assert made["token"] not in json.dumps(listed)
    assert [token["name"] for token in listed["tokens"]] == ["ana"]


def test_a_token_reads_unless_it_is_said_otherwise(capsys: pytest.CaptureFixture[str]):
    assert document(capsys, "create", "ana")["record"]["scope"] == "read"


def test_a_revoked_token_lets_nobody_in(data: Path, capsys: pytest.CaptureFixture[str]):
    made = document(capsys, "create", "ana")

    assert document(capsys, "revoke", "ana") == {"done": "ended"}
    assert document(capsys, "revoke", "ana") == {"done": "unchanged"}
    assert asked(data, lambda store: owner(store, made["token"])) is None


def test_a_link_leads_to_the_dashboard_of_the_installation(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    link = document(capsys, "link")
    address, _, key = link["url"].partition("?key=")
    known = asked(data, lambda store: Access(store).link(key))

    assert address == "http://127.0.0.1:8299/enter"
    assert (known.name, known.scope) == (link["name"], "operate")


def test_a_link_fits_on_one_line_of_any_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "20")
    typed("link", "--url", "https://lab.example/")

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("https://lab.example/enter?key=")


def test_every_change_is_in_the_log_and_no_secret(data: Path, capsys: pytest.CaptureFixture[str]):
    made = document(capsys, "create", "ana", "--days", "2")
    typed("create", "ana")
    typed("revoke", "ana")
    changes = asked(data, lambda store: AuditLog(store).changes(AuditQuery())).changes

    told = [(each.action, each.subject, each.outcome) for each in changes]
    assert told == [
        ("revoke token", "token ana", "done"),
        ("create token", "token ana", "failed"),
        ("create token", "token ana", "done"),
    ]
    assert changes[-1].detail == "scope read for 2 days"
    assert "@" in changes[0].who
    assert made["token"] not in str(changes)


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "a b"),
        ("create", "ana", "--days", "0"),
        ("create", "ana", "--days", "nan"),
        ("create", "ana", "--url", "http://x"),
        ("list", "ana"),
        ("link", "--days", "1"),
        ("revoke", "ana"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]):
    assert typed(*words) is Exit.USAGE
