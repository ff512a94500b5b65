"""Who may use the dashboard, and what they changed, as every database keeps it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import Connection, inspect

from contract.access import (
    AuditQuery,
    Change,
    ChangeOutcome,
    Scope,
    SessionRecord,
    TokenRecord,
)
from contract.errors import ErrorCode, PlatformError
from store.access import AccessStore
from store.migrate import alembic_config

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD = NOW - timedelta(days=30)
TABLES = {"access_tokens", "access_sessions", "access_links", "audit"}


def token(name: str = "ana") -> TokenRecord:
    return TokenRecord(name=name, scope=Scope.READ, created_at=NOW, created_by="bea")


def session(at: datetime = NOW, token: str | None = "ana") -> SessionRecord:
    return SessionRecord(
        id="",
        name="ana",
        scope=Scope.OPERATE,
        token=token,
        address="::1",
        began_at=at,
        seen_at=at,
    )


class AccessBehaviour:
    """Part of `StoreBehaviour`."""

    @pytest.fixture
    async def access(self, store, store_url):
        access = AccessStore.from_url(store_url)
        yield access
        await access.close()

    async def test_tables_of_access_come_and_go_with_their_migration(self, store, engine):
        def to(connection: Connection, revision: str) -> set[str]:
            config = alembic_config()
            config.attributes["connection"] = connection
            move = command.downgrade if revision == "0006" else command.upgrade
            move(config, revision)
            return set(inspect(connection).get_table_names())

        async with engine.begin() as connection:
            assert not TABLES & await connection.run_sync(to, "0006")
            assert await connection.run_sync(to, "head") >= TABLES

    async def test_a_token_is_found_by_its_digest_alone(self, access):
        await access.add_token(token(), "d1")

        assert await access.token("d1") == token()
        assert await access.token("d2") is None

    async def test_of_two_tokens_of_one_name_one_is_kept(self, access):
        made = await asyncio.gather(
            *(access.add_token(token(), f"d{number}") for number in range(4)),
            return_exceptions=True,
        )
        refused = [each for each in made if isinstance(each, PlatformError)]

        assert len(refused) == 3
        assert {each.code for each in refused} == {ErrorCode.ALREADY_EXISTS}
        assert len(await access.tokens()) == 1

    async def test_a_revoked_token_takes_its_sessions_with_it(self, access):
        await access.add_token(token(), "d1")
        await access.add_session(session(), "s1", local=False, began_after=OLD)
        await access.add_session(session(token=None), "s2", local=True, began_after=OLD)

        assert await access.revoke_token("ana", NOW)
        assert not await access.revoke_token("ana", NOW + timedelta(days=1))
        assert (await access.tokens())[0].revoked_at == NOW
        assert await access.session("s1") is None
        assert (await access.session("s2")).local
        with pytest.raises(PlatformError) as missing:
            await access.revoke_token("bea", NOW)
        assert missing.value.code is ErrorCode.NOT_FOUND

    async def test_a_session_knows_its_token_as_it_is_now(self, access):
        await access.add_token(token(), "d1")
        await access.add_session(session(), "s1", local=False, began_after=OLD)
        await access.use_token("ana", NOW)
        await access.see_session("s1", NOW + timedelta(hours=1))
        found = await access.session("s1")

        assert found.token.last_used_at == NOW
        assert found.record.seen_at == NOW + timedelta(hours=1)

    async def test_old_sessions_are_forgotten(self, access):
        await access.add_session(session(OLD, None), "s1", local=False, began_after=OLD)
        await access.add_session(session(NOW, None), "s2", local=False, began_after=NOW)

        assert await access.session("s1") is None
        assert [each.id for each in await access.sessions(OLD, OLD)] == ["s2"]

    async def test_a_link_lets_one_of_many_in(self, access):
        later = NOW + timedelta(minutes=10)
        await access.add_link("l1", "ana", Scope.OPERATE, NOW, later)
        took = await asyncio.gather(*(access.take_link("l1", NOW) for _ in range(5)))

        assert Counter(took) == {("ana", Scope.OPERATE): 1, None: 4}

    async def test_a_link_that_is_over_lets_nobody_in(self, access):
        await access.add_link("l1", "ana", Scope.READ, NOW, NOW + timedelta(minutes=10))
        late = NOW + timedelta(minutes=11)

        assert await access.link("l1", NOW) == ("ana", Scope.READ)
        assert await access.link("l1", late) is None
        assert await access.take_link("l1", late) is None

    async def test_changes_are_kept_before_and_after(self, access):
        change = Change(who="ana", action="pause", subject="pipeline p1\0", detail="\ud800")
        number = await access.begin_change(change, NOW)
        (begun,) = await access.changes(AuditQuery())
        await access.end_change(number, ChangeOutcome.FAILED, "x" * 5_000, NOW)
        (ended,) = await access.changes(AuditQuery())

        assert (begun.outcome, begun.ended_at) == (ChangeOutcome.BEGUN, None)
        assert (begun.subject, begun.detail) == ("pipeline p1\ufffd", "\ufffd")
        assert (ended.outcome, ended.ended_at) == (ChangeOutcome.FAILED, NOW)
        assert ended.reason == "x" * 2_000 + " ... and 3,000 more letters"

    async def test_concurrent_changes_have_numbers_of_their_own(self, access):
        changes = [Change(who=str(number), action="pause") for number in range(20)]
        numbers = await asyncio.gather(*(access.begin_change(each, NOW) for each in changes))
        found = await access.changes(AuditQuery())

        assert len(set(numbers)) == 20
        assert [each.id for each in found] == sorted(numbers, reverse=True)
        assert await access.actions() == ["pause"]

    async def test_a_percent_sign_is_no_wildcard(self, access):
        for who in ("100%", "ana", "a_b", "É"):
            await access.begin_change(Change(who=who, action="pause"), NOW)

        def asked(who: str):
            return access.changes(AuditQuery(who=who))

        assert [each.who for each in await asked("%")] == ["100%"]
        assert [each.who for each in await asked("_")] == ["a_b"]
        assert [each.who for each in await asked("AN")] == ["ana"]
