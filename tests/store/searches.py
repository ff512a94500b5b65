"""Weaknesses, listed and searched; decisions about them: run on SQLite and on PostgreSQL."""

from datetime import date

import pytest

from contract.analysis import (
    AnalyzerReport,
    Confidence,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
)
from contract.analyzers import AnalyzerKind, Category
from contract.errors import ErrorCode, PlatformError
from contract.findings import FindingsQuery
from contract.journal import RecordedApp
from contract.spec import AppRef, AppRole
from contract.weakness import BaselineState, Origin, Suppression, Weakness
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store
from tests.support.store_rows import rows_of

DECISION = Suppression(fingerprint="f1", who="Ada", why="test data", until=date(2030, 1, 31))


def weakness(number: int = 0, **changes) -> Weakness:
    """A weakness of an app; fields of its finding and of itself may be changed by name."""
    finding = Finding(
        tool="fusion",
        rule_id=f"rule-{number}",
        message=f"message {number}",
        severity=Severity.HIGH,
        cwe=(89, 20),
        location=Location(path="app.py", line=number + 1),
        fingerprint=f"f{number}",
        witnesses=("bandit:B608", "semgrep:sqli"),
    )
    of_finding = {name: value for name, value in changes.items() if name in Finding.model_fields}
    others = {name: value for name, value in changes.items() if name not in of_finding}
    base = {"family": "sql-injection", "owasp": ("A03",)}
    return Weakness(finding=finding.model_copy(update=of_finding), **{**base, **others})


def ref(number: int = 1) -> AppRef:
    return AppRef(model=samples.MODEL, app_number=number)


async def found(store, **filters) -> list[tuple[int, str]]:
    page = await store.findings_page(FindingsQuery(pipeline_id="p1", **filters))
    return [(item.ref.app_number, item.weakness.finding.fingerprint) for item in page.items]


class SearchBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_pages_hold_each_weakness_once_gravest_first(self, store):
        await samples.register(store, samples.plan(apps=3))
        order = [Severity.CRITICAL, Severity.HIGH, Severity.HIGH, Severity.LOW]
        for number in (3, 1, 2):
            mine = [weakness(at, severity=severity) for at, severity in enumerate(order)]
            await store.replace_weaknesses("p1", ref(number), mine)

        seen, after = [], ""
        while True:
            query = FindingsQuery(pipeline_id="p1", limit=5, after=after)
            page = await store.findings_page(query)
            seen += [(item.weakness.finding.severity, item.ref.app_number) for item in page.items]
            if not (after := page.after):
                break

        assert [number for severity, number in seen if severity is Severity.CRITICAL] == [1, 2, 3]
        assert [number for _, number in seen] == [1, 2, 3, 1, 1, 2, 2, 3, 3, 1, 2, 3]
        assert len(set(seen)) == 9

    async def test_a_page_looks_at_so_many_rows_and_says_where_it_stopped(self, store):
        await samples.register(store, samples.plan(apps=2))
        for number in (1, 2):
            mine = [weakness(at, message=f"row {at} of app {number}") for at in range(10)]
            await store.replace_weaknesses("p1", ref(number), mine)

        seen, looks, after = [], 0, ""
        while True:
            query = FindingsQuery(
                pipeline_id="p1", text="Row 7 OF", after=after, most_rows=4, counted=True
            )
            page = await store.findings_page(query)
            seen += [item.weakness.finding.message for item in page.items]
            looks += 1
            assert page.total is None
            if not (after := page.after):
                break

        assert seen == ["row 7 of app 1", "row 7 of app 2"]
        assert looks in (5, 6)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, (4, True)),
            ({"tools": ("bandit", "semgrep")}, (4, True)),
            ({"severities": (Severity.LOW,)}, (2, False)),
            ({"severities": (Severity.LOW,), "confidences": (Confidence.MEDIUM,)}, (2, False)),
            ({"confidences": (Confidence.MEDIUM,)}, (None, False)),
            ({"severities": (Severity.CRITICAL, Severity.LOW)}, (2, False)),
            ({"roles": (AppRole.CONTROL,)}, (None, False)),
            ({"roles": tuple(AppRole)}, (4, True)),
        ],
    )
    async def test_a_count_goes_no_further_than_it_may_look(self, store, filters, expected):
        await samples.register(store, samples.plan(apps=1))
        mine = [weakness(at) for at in range(5)]
        mine += [weakness(at, severity=Severity.LOW) for at in range(5, 7)]
        await store.replace_weaknesses("p1", ref(1), mine)

        query = FindingsQuery(pipeline_id="p1", counted=True, most_rows=4, **filters)
        page = await store.findings_page(query)

        assert (page.total, page.total_at_least) == expected

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ('user\'s "quoted" p_rt', True),
            ("USER'S", True),
            ("back\\slash", True),
            ("größe", True),
            ("100 %", True),
            ("1000 %", False),
            ("bandit:B608", True),
            ("nothing like it", False),
        ],
    )
    async def test_a_text_leaves_out_only_what_cannot_have_it(self, store, text, found):
        await samples.register(store, samples.plan(apps=1))
        message = 'user\'s "quoted" part, back\\slash, Größe, 100 % \n of it'
        await store.replace_weaknesses("p1", ref(1), [weakness(message=message)])

        page = await store.findings_page(FindingsQuery(pipeline_id="p1", text=text))

        assert bool(page.items) is found

    async def test_what_a_tool_looks_for_is_told_by_a_cell_of_its_own(self, store):
        """The platform writes cells in its place, before and after: they tell nothing."""
        await samples.register(store, samples.plan(apps=3))
        tools = [
            samples.measured(name).model_copy(update={"looks_for": looks_for})
            for name, looks_for in (
                ("bandit", (Category.SECURITY,)),
                ("scancode", ()),
                ("older", None),
            )
        ]
        tools.append(samples.failed().model_copy(update={"looks_for": (Category.QUALITY,)}))
        tools.append(samples.failed("lost"))
        names = [tool.tool for tool in tools]
        skipped = [samples.failed(name) for name in names]
        for number, its in enumerate((skipped, tools, skipped), 1):
            app, report = samples.app(number), samples.report(*its)
            await store.record_subtask("p1", app, samples.outcome(report, app), report)

        keys = [(AnalyzerKind.STATIC, name) for name in (*names, "nobody")]
        told = {seen.tool: seen.looks_for for seen in await store.tools_seen("p1", keys)}

        assert told == {
            "bandit": (Category.SECURITY,),
            "scancode": (),
            "older": None,
            "semgrep": (Category.QUALITY,),
            "lost": None,
        }

    async def test_a_tool_of_a_log_of_somebody_else_says_so(self, store):
        await samples.register(store, samples.plan(apps=1))
        report = samples.report(samples.measured().model_copy(update={"imported": True}))
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)

        (seen,) = await store.tools_seen("p1", [(AnalyzerKind.STATIC, "bandit")])

        assert seen.imported

    async def test_looks_are_counted_on_all_apps_and_on_one(self, store):
        await samples.register(store, samples.plan(apps=3))
        for number in (1, 2):
            app = samples.app(number)
            report = samples.report()
            await store.record_subtask("p1", app, samples.outcome(report, app), report)
        await store.record_app(samples.app(), samples.app_outcome())

        whole = await store.looks_overview("p1")
        one = await store.looks_overview("p1", samples.app(2).ref)

        assert {(g.state and g.state.value, g.apps, g.found) for g in whole.apps} == {
            ("measured", 1, 0),
            (None, 2, 1),
        }
        told = {(c.tool, c.state.value, c.cells, c.unfinished) for c in whole.cells}
        assert told == {("bandit", "measured", 2, 1), ("semgrep", "infra_failed", 2, 1)}
        assert [(g.state, g.apps, g.found) for g in one.apps] == [(None, 1, 1)]
        assert {(c.tool, c.cells, c.unfinished) for c in one.cells} == {
            ("bandit", 1, 1),
            ("semgrep", 1, 1),
        }
        assert not (await store.looks_overview("p1", samples.app(9).ref)).apps

    async def test_looks_at_a_part_are_counted_until_they_are_measured_anew(self, store):
        whole = Coverage(unit="files", reached=4, given=4)
        report = samples.report(
            samples.measured(),
            samples.measured("semgrep").model_copy(update={"coverage": whole}),
        )
        anew = samples.report(samples.measured().model_copy(update={"coverage": whole}))
        await samples.register(store, samples.plan(apps=2))
        for number in (1, 2):
            app = samples.app(number)
            await store.record_subtask("p1", app, samples.outcome(report, app), report)
        before = await store.looks_overview("p1")
        one = await store.looks_overview("p1", samples.app().ref)
        await store.record_subtask("p1", samples.app(), samples.outcome(anew), anew)
        after = await store.looks_overview("p1")

        def told(overview):
            return {cell.tool: (cell.cells, cell.partial) for cell in overview.cells}

        assert told(before) == {"bandit": (2, 2), "semgrep": (2, 0)}
        assert told(one) == {"bandit": (1, 1), "semgrep": (1, 0)}
        assert told(after)["bandit"] == (2, 1)

    async def test_a_page_is_the_same_whatever_was_read_between(self, store):
        await samples.register(store, samples.plan(apps=2))
        await store.replace_weaknesses("p1", ref(1), [weakness(at) for at in range(4)])
        first = await store.findings_page(FindingsQuery(pipeline_id="p1", limit=2))
        await store.replace_weaknesses("p1", ref(2), [weakness(9, severity=Severity.CRITICAL)])

        assert await found(store, after=first.after, limit=5) == [(1, "f2"), (1, "f3")]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"severities": (Severity.CRITICAL, Severity.LOW)}, ["f1", "f3"]),
            ({"severities": (Severity.MEDIUM,)}, ["f2"]),
            ({"categories": (Category.QUALITY,)}, ["f3"]),
            ({"cwe": (79,)}, ["f2"]),
            ({"cwe": (79, 89)}, ["f1", "f0", "f2"]),
            ({"owasp": ("A07",)}, ["f2"]),
            ({"families": ("xss",)}, ["f2"]),
            ({"tools": ("zap",)}, ["f0"]),
            ({"tools": ("bandit", "semgrep")}, ["f1", "f2", "f3"]),
            ({"tools": ("bandit",), "cwe": (79,)}, ["f2"]),
            ({"cwe": (79,), "tools": ("zap",)}, []),
            ({"rules": ("rule-1", "rule-3")}, ["f1", "f3"]),
            ({"fingerprints": ("f2", "f1")}, ["f1", "f2"]),
            ({"models": ("nobody",)}, []),
            ({"models": (samples.MODEL,), "cwe": (79,)}, ["f2"]),
            ({"apps": (ref(2),)}, []),
            ({"apps": (ref(1), ref(2)), "families": ("xss",)}, ["f2"]),
            ({"baselines": (BaselineState.NEW,)}, ["f1", "f0"]),
            ({"baselines": (BaselineState.UNKNOWN,)}, []),
            ({"origins": (Origin.SCAFFOLD,)}, ["f3"]),
            ({"origins": (Origin.SCAFFOLD,), "baselines": (BaselineState.NEW,)}, []),
            ({"roles": (AppRole.CONTROL,)}, []),
        ],
    )
    async def test_a_filter_leaves_what_it_names(self, store, filters, expected):
        await samples.register(store, samples.plan(apps=2))
        new = {"baseline": BaselineState.NEW}
        mine = [
            weakness(1, severity=Severity.CRITICAL, suppression=DECISION, **new),
            weakness(0, witnesses=("zap:40018",), **new),
            weakness(2, severity=Severity.MEDIUM, cwe=(79,), family="xss", owasp=("A07",)),
            weakness(
                3, severity=Severity.LOW, category=Category.QUALITY, origin=Origin.SCAFFOLD, cwe=()
            ),
        ]
        await store.replace_weaknesses("p1", ref(1), mine)

        for limit in (1, 50):  # page by page as at once
            seen, after = [], ""
            while True:
                query = FindingsQuery(pipeline_id="p1", limit=limit, after=after, **filters)
                page = await store.findings_page(query)
                seen += [item.weakness for item in page.items]
                if not (after := page.after):
                    break
            assert [one.finding.fingerprint for one in seen] == expected
            counted = query.model_copy(update={"after": "", "counted": True})
            assert (await store.findings_page(counted)).total == len(expected)
            assert all(one in mine for one in seen)

    async def test_listing_again_replaces_and_listing_the_same_changes_nothing(self, store):
        await samples.register(store, samples.plan(apps=2))
        many = [weakness(at) for at in range(3)]

        for _ in range(2):
            await store.replace_weaknesses("p1", ref(1), many)
            assert await found(store) == [(1, "f0"), (1, "f1"), (1, "f2")]
        await store.replace_weaknesses("p1", ref(1), many[1:])
        assert await found(store) == [(1, "f1"), (1, "f2")]
        assert await found(store, tools=("bandit",)) == [(1, "f1"), (1, "f2")]
        await store.replace_weaknesses("p1", ref(1), [])
        assert await found(store) == []

    async def test_apps_that_are_not_listed_yet_are_told(self, store):
        await samples.register(store, samples.plan(apps=2))
        await store.record_app(samples.app(), samples.app_outcome())
        query = FindingsQuery(pipeline_id="p1")

        assert (await store.findings_page(query)).unlisted_apps == 1
        await store.replace_weaknesses("p1", ref(1), [])
        assert (await store.findings_page(query)).unlisted_apps == 0

    async def test_a_list_that_was_made_of_an_earlier_record_does_not_replace_a_later_one(
        self, store
    ):
        await samples.register(store, samples.plan(apps=2))
        report = samples.report(samples.failed("bandit"))
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        assert (await store.load_apps("p1", [ref(1)])).revisions() == {}, "it has not ended"
        await store.record_app(samples.app(), samples.app_outcome(MeasurementState.INFRA_FAILED))
        read = (await store.load_apps("p1", [ref(1)])).revisions()[ref(1)]
        await store.replace_weaknesses("p1", ref(1), [weakness(0)], read)
        assert await found(store) == [(1, "f0")]

        later = samples.report(samples.measured("bandit"))
        await store.record_subtask("p1", samples.app(), samples.outcome(later), later)
        await store.record_app(samples.app(), samples.app_outcome())
        await store.replace_weaknesses("p1", ref(1), [weakness(1), weakness(2)])
        await store.replace_weaknesses("p1", ref(1), [], read)

        assert await found(store) == [(1, "f1"), (1, "f2")]

    async def test_an_app_that_runs_again_is_unlisted_until_it_ends(self, store):
        """None of what it has now is in a list that was made before."""
        await samples.register(store, samples.plan(apps=2))
        lost, later = (
            samples.report(make("bandit")) for make in (samples.failed, samples.measured)
        )
        query = FindingsQuery(pipeline_id="p1", counted=True)

        async def told(report: AnalyzerReport) -> tuple[int | None, int]:
            await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
            page = await store.findings_page(query)
            (ended,) = [count for count in (await store.overview("p1")).apps if count.state]
            assert ended.unlisted == page.unlisted_apps
            return page.total, page.unlisted_apps

        await store.record_subtask("p1", samples.app(), samples.outcome(lost), lost)
        await store.record_app(samples.app(), samples.app_outcome())
        await store.replace_weaknesses("p1", ref(1), [])
        again = await told(lost)
        measured = await told(later)
        await store.replace_weaknesses("p1", ref(1), [weakness(1)])

        assert (again, measured, await told(later)) == ((0, 0), (0, 1), (1, 0))

    async def test_what_cannot_be_listed_is_unlisted_and_not_none(self, store):
        await samples.register(store, samples.plan(apps=2))
        await store.record_app(samples.app(), samples.app_outcome())
        await store.replace_weaknesses("p1", ref(1), [weakness(0), weakness(1)])

        for _ in range(2):
            await store.replace_weaknesses("p1", ref(1), None)
            page = await store.findings_page(FindingsQuery(pipeline_id="p1", counted=True))
            assert (page.total, page.unlisted_apps) == (0, 1)
            (ended,) = [count for count in (await store.overview("p1")).apps if count.state]
            assert (ended.unlisted, ended.security) == (1, {})
        await store.replace_weaknesses("p1", ref(1), [weakness(1)])
        assert await found(store) == [(1, "f1")]

    async def test_texts_of_hostile_apps_are_listed(self, store):
        await samples.register(store, samples.plan(apps=1))
        hostile = weakness(0, fingerprint="nul \0", message="\udfff '); DROP TABLE apps")

        await store.replace_weaknesses("p1", ref(1), [hostile])

        (item,) = (await store.findings_page(FindingsQuery(pipeline_id="p1"))).items
        assert item.weakness.finding.message == "\ufffd '); DROP TABLE apps"

    async def test_a_cursor_that_is_none_and_an_unknown_pipeline_are_named(self, store):
        await samples.register(store, samples.plan(apps=1))

        for cursor in ("x", "9.1.1", "1.2", "1.2.3.4", "1.-2.3", "1." + "9" * 40 + ".1"):
            with pytest.raises(PlatformError, match="no place in a list") as wrong:
                await store.findings_page(FindingsQuery(pipeline_id="p1", after=cursor))
            assert wrong.value.code is ErrorCode.INVALID_ARGUMENT
        with pytest.raises(PlatformError, match="NOT_FOUND"):
            await store.findings_page(FindingsQuery(pipeline_id="nowhere"))
        with pytest.raises(PlatformError, match="no app 'x/app7'"):
            await store.replace_weaknesses("p1", AppRef(model="x", app_number=7), [])

    async def test_apps_whose_weaknesses_nobody_compared_are_told(self, store):
        await samples.register(store, samples.plan(apps=3))
        query = FindingsQuery(pipeline_id="p1", doubted=True)
        compared = weakness(0).model_copy(update={"baseline": BaselineState.NEW})
        unsure = compared.model_copy(update={"origin": Origin.UNKNOWN})
        alone = compared.model_copy(update={"baseline": None})

        for number, listed in enumerate(([compared], [unsure, unsure], [alone, alone]), start=1):
            await store.replace_weaknesses("p1", ref(number), listed)

        page = await store.findings_page(query)
        assert (page.uncompared_apps, page.unsure_apps) == (1, 1)
        page = await store.findings_page(FindingsQuery(pipeline_id="p1"))
        assert (page.uncompared_apps, page.unsure_apps) == (0, 0)

    async def test_a_weakness_is_found_by_an_alias(self, store):
        await samples.register(store, samples.plan(apps=2))
        joined = weakness(0, aliases=("v2-alone", "v2-%_"), message="v2-told of")
        await store.replace_weaknesses("p1", ref(1), [joined, weakness(1)])

        for name in ("f0", "v2-alone", "v2-%_"):
            assert await found(store, identities=(name,)) == [(1, "f0")]
        for name in ("v2-", "v2-told", "v2-a%", "alone"):
            assert await found(store, identities=(name,)) == []
        assert await found(store, fingerprints=("v2-alone",)) == []

    async def test_an_overview_counts_apps_cells_and_weaknesses(self, store):
        await samples.register(store, samples.plan(apps=3))
        report = samples.report()
        await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
        await store.record_app(samples.app(), samples.app_outcome())
        quality = weakness(5, category=Category.QUALITY)
        mine = [weakness(0, severity=Severity.CRITICAL), weakness(1), quality]

        (before,) = [a for a in (await store.overview("p1")).apps if a.state]
        await store.replace_weaknesses("p1", ref(1), mine)
        overview = await store.overview("p1")

        assert (before.apps, before.unlisted, before.weaknesses) == (1, 1, 0)
        ended = next(group for group in overview.apps if group.state)
        waiting = next(group for group in overview.apps if not group.state)
        assert (ended.apps, ended.unlisted, ended.weaknesses) == (1, 0, 3)
        assert ended.security == {Severity.CRITICAL: 1, Severity.HIGH: 1}
        assert (waiting.apps, waiting.unlisted, waiting.role) == (2, 0, AppRole.SUBJECT)
        assert [(c.tool, c.state, c.cells) for c in overview.cells] == [
            ("bandit", "measured", 1),
            ("semgrep", "infra_failed", 1),
        ]
        assert overview.listing.apps == 3
        with pytest.raises(PlatformError, match="NOT_FOUND"):
            await store.overview("nowhere")

    async def test_a_decision_is_kept_once_and_replaced_by_a_later_one(self, store):
        by_rule = Suppression(rule="CWE-89", path="*", who="Eve", why="known")
        other = Suppression(fingerprint="f9", who="Bob", why="elsewhere")

        assert await store.suppress("p1", DECISION)
        assert not await store.suppress("p1", DECISION)
        assert await store.suppress("p1", by_rule)
        assert await store.suppress("p2", other)

        kept = await store.suppressions(["p1"])
        assert [one.suppression for one in kept] == [DECISION, by_rule]
        assert len(await store.suppressions(["p1", "p2"])) == 3
        later = DECISION.model_copy(update={"why": "reviewed again", "until": None})
        assert await store.suppress("p1", later)
        assert [one.suppression for one in await store.suppressions(["p1"])] == [by_rule, later]
        assert await store.unsuppress("p1", DECISION)
        assert not await store.unsuppress("p1", DECISION)
        assert [one.suppression for one in await store.suppressions(["p1"])] == [by_rule]


def recorded(number: int) -> RecordedApp:
    """Everything of one app, as an import has it."""
    spec = samples.app(number)
    fused = samples.finding(7).model_copy(update={"witnesses": ("bandit:B7",), "message": "a\0b"})
    report = samples.report(fused=(fused,)).model_copy(
        update={"subtask_id": spec.subtask_id(AnalyzerKind.STATIC)}
    )
    ended = samples.app_outcome(facts=samples.RAN).model_copy(update={"ref": spec.ref})
    return RecordedApp(
        spec=spec,
        subtasks=((samples.outcome(report, spec), report),),
        outcome=ended,
        weaknesses=(weakness(1), weakness(2, cwe=(79,))),
    )


class ImportBehaviour:
    """Part of `StoreBehaviour`."""

    async def test_many_apps_at_once_leave_what_one_by_one_leave(self, store):
        for pipeline_id in ("p1", "p2"):
            await samples.register(store, samples.plan(pipeline_id, apps=3))
        made = [recorded(number) for number in (1, 2, 3)]

        for app in made:
            ((outcome, report),) = app.subtasks
            await store.record_subtask("p1", app.spec, outcome, report)
            await store.record_app(app.spec, app.outcome)
            await store.replace_weaknesses("p1", app.spec.ref, app.weaknesses)
        one_by_one = await store.load_pipeline("p1")
        await store.record_new("p2", [_elsewhere(app) for app in made])

        at_once = await store.load_pipeline("p2")
        assert at_once.apps == one_by_one.apps
        assert at_once.cells == one_by_one.cells
        assert at_once.fused == one_by_one.fused
        pages = [
            await store.findings_page(FindingsQuery(pipeline_id=pipeline_id, counted=True))
            for pipeline_id in ("p1", "p2")
        ]
        assert pages[0] == pages[1]
        assert pages[0].total == 6
        assert (await store.overview("p1")).apps == (await store.overview("p2")).apps
        # What comes after an import is recorded beside it.
        report = samples.report(samples.measured("ruff"))
        again = samples.app(1, "p2")
        await store.record_subtask("p2", again, samples.outcome(report, again), report)
        assert len((await store.load_pipeline("p2")).cells) == 6

    async def test_what_would_have_to_be_merged_is_refused_whole(self, store):
        await samples.register(store, samples.plan(apps=2))
        await store.record_new("p1", [recorded(1)])
        before = await store.load_pipeline("p1")

        for apps in ([recorded(2), recorded(1)], [recorded(2), recorded(3)]):
            with pytest.raises(PlatformError) as refused:
                await store.record_new("p1", apps)
            assert refused.value.code is ErrorCode.FAILED_PRECONDITION
            assert await store.load_pipeline("p1") == before

    async def test_a_pipeline_of_another_store_takes_the_place_of_the_old_one(
        self, store, tmp_path
    ):
        url = f"sqlite:///{tmp_path / 'other.db'}"
        await new_store(url)
        other = SqlResultStore.from_url(url)
        for one in (store, other):
            await samples.register(one, samples.plan("p0", apps=1))
            await samples.register(one, samples.plan(apps=3))
        await other.record_new("p1", [recorded(number) for number in (1, 2, 3)])
        await store.record_new("p1", [recorded(1)])
        await store.replace_weaknesses("p1", ref(1), [weakness(8)])
        report, late = samples.report(), samples.app(1, "p0")
        await store.record_subtask("p0", late, samples.outcome(report, late), report)

        taken, stayed = await store.adopt(other, ["p0", "p1"])
        expected = (await rows_of(other), await rows_of(store))
        await other.close()

        assert (taken, stayed) == ({"p1": 6}, ["p0"]), "the other store knows less of p0"
        for table, rows in expected[0].items():
            mine = [row for row in rows if "p0" not in repr(row)]
            assert [row for row in expected[1][table] if "p0" not in repr(row)] == mine, table
        # The database goes on with numbers that are free.
        report, again = samples.report(samples.measured("ruff")), samples.app(2)
        await store.record_subtask("p1", again, samples.outcome(report, again), report)

    async def test_many_writes_together_are_kept_together_or_not_at_all(self, store):
        await samples.register(store, samples.plan(apps=2))

        with pytest.raises(ZeroDivisionError):
            async with store.together() as many:
                await many.replace_weaknesses("p1", ref(1), [weakness(1)])
                assert await found(many) == [(1, "f1")]
                raise ZeroDivisionError
        assert await found(store) == []
        async with store.together() as many:
            await many.replace_weaknesses("p1", ref(1), [weakness(1)])
            await many.record_pipeline_state("p1", "completed", {})
        assert await found(store) == [(1, "f1")]


def _elsewhere(app: RecordedApp) -> RecordedApp:
    spec = samples.app(app.spec.ref.app_number, "p2")
    ((outcome, report),) = app.subtasks
    subtask_id = spec.subtask_id(AnalyzerKind.STATIC)
    moved = outcome.model_copy(update={"subtask_id": subtask_id})
    return app._replace(spec=spec, subtasks=((moved, report),))
