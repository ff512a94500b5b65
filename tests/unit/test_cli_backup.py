"""`backup`, `restore` and `store` as commands: what they print, log and refuse."""

import json
from pathlib import Path

import pytest

from cli.commands import backup
from cli.errors import UserError, explained
from cli.exits import Exit
from cli.recorded import recorded, typed
from cli.stack.model import Stack
from contract.access import AuditQuery
from contract.errors import NewerSchemaError, PlatformError
from control.access_kept import KeptAccess
from control.actions import Action
from control.audit import AuditLog
from control.stored import Stored
from settings import Settings
from store.migrate import known_schemas, schema_of


@pytest.fixture
async def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with a store that has one entry in its log."""
    monkeypatch.setattr(backup, "temporal_is_configured", lambda: False)
    settings = Settings(_env_file=None, data=tmp_path / "data")
    async with recorded(settings, typed("first")):
        pass
    return settings


async def log_of(settings: Settings) -> list[tuple[str, str]]:
    kept = KeptAccess(Stored(settings.database_url, in_use=lambda: False))
    try:
        entries = (await AuditLog(kept).changes(AuditQuery())).changes
    finally:
        await kept.close()
    return [(each.action, each.detail) for each in entries]


async def test_a_restore_is_in_the_log_that_it_brought_back(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = tmp_path / "backup"
    assert await backup.run_backup(settings, target, secrets=False, as_json=False) is Exit.OK
    assert "keys, logins and the analyzers' token are not in it" in capsys.readouterr().out
    async with recorded(settings, typed("later")):
        pass
    await backup.run_restore(settings, target, None, force=True, as_json=True)
    said = json.loads(capsys.readouterr().out)

    entries = await log_of(settings)
    assert [action for action, _ in entries] == [Action.RESTORE, "first"]
    assert said["aside"] in entries[0][1]
    await backup.run_restore(settings, target, tmp_path / "other", force=False, as_json=False)
    assert f"set ASSAY_DATA={tmp_path / 'other'}" in capsys.readouterr().out


async def test_the_store_goes_back_with_a_copy_and_an_entry_and_forward_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    newest, earlier = known_schemas()[-1], known_schemas()[-2]
    await backup.run_store(settings, "downgrade", earlier, backup=True, as_json=True)
    back = json.loads(capsys.readouterr().out)
    assert await schema_of(settings.database_url) == earlier
    await backup.run_store(settings, "show", "", backup=True, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    await backup.run_store(settings, "upgrade", "", backup=True, as_json=False)

    assert (back["before"], back["schema_revision"]) == (newest, earlier)
    assert Path(back["backup"]).is_file()
    assert (shown["schema_revision"], shown["newest"]) == (earlier, newest)
    assert [action for action, _ in await log_of(settings)] == [
        Action.UPGRADE,
        Action.DOWNGRADE,
        "first",
    ]
    with pytest.raises(PlatformError, match="is no schema before"):
        await backup.run_store(settings, "downgrade", "9999", backup=True, as_json=True)


async def test_nothing_is_replaced_below_a_running_stack(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await backup.run_backup(settings, tmp_path / "b.zip", secrets=False, as_json=True)
    monkeypatch.setattr(backup, "running_stack", lambda _: Stack(str(tmp_path), 1, 2, {}))
    for attempt in (
        backup.run_restore(settings, tmp_path / "b.zip", None, force=True, as_json=True),
        backup.run_store(settings, "downgrade", "0001", backup=True, as_json=True),
        backup.run_store(settings, "upgrade", "", backup=True, as_json=True),
    ):
        with pytest.raises(UserError, match="runs") as refused:
            await attempt
        assert "down" in refused.value.next_step


def test_who_meets_a_newer_store_is_told_the_command():
    told = explained(NewerSchemaError("store x", "0012", "0009"))
    assert "store downgrade 0009" in told.next_step
    assert told.code is Exit.USAGE
