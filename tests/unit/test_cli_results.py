"""`findings`, `compare`, `suppress` and gates, over two recorded pipelines."""

import asyncio
import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from cli.app import app
from cli.exits import Exit
from contract.analyzers import Category
from contract.spec import AppRef
from contract.weakness import Origin, Weakness
from store.results import SqlResultStore
from tests.support.two_pipelines import (
    AFTER,
    BEFORE,
    MODEL,
    against,
    finding,
    looked,
    record,
    two_pipelines,
)

APP_1, APP_2, APP_4 = (f"{MODEL}/app{number}" for number in (1, 2, 4))
WHO = ("--who", "Jane", "--why", "a constant")


@pytest_asyncio.fixture(scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    await two_pipelines(folder)
    return folder


@pytest.fixture(autouse=True)
def shell(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own for each test."""
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    data = tmp_path / "data"
    shutil.copytree(recorded, data)
    monkeypatch.setenv("ASSAY_DATA", str(data))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return data


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def told(result: Result) -> str:
    """What is said beside the result, on one line."""
    return " ".join(result.stderr.split())


def document(*arguments: str) -> dict:
    result = assay(*arguments, "--json")
    assert result.exit_code == Exit.OK, result.stderr
    return json.loads(result.stdout)


def listed(*arguments: str) -> list[str]:
    """Fingerprints that `findings after` lists, without the mark of their version."""
    found = document("findings", "after", *arguments)["findings"]
    return [item["weakness"]["finding"]["fingerprint"].removeprefix("v2-") for item in found]


def test_a_comparison_tells_what_is_known_and_what_is_not() -> None:
    told = document("compare", "before", "after")

    changes = {
        change["weakness"]["finding"]["fingerprint"].removeprefix("v2-"): change
        for change in told["changes"]
    }
    states = {name: (change["state"], change["there"]) for name, change in changes.items()}
    assert states == {
        "fresh": ("new", True),
        "mended": ("fixed", False),
        "lost": ("unknown", False),
    }
    assert changes["lost"]["reason"] == "static/bandit did not measure now: killed at its limit"
    counts = {(row["severity"], row["state"]): row["count"] for row in told["summary"]["counts"]}
    assert counts == {
        ("critical", "new"): 1,
        ("high", "unchanged"): 1,
        ("high", "unknown"): 1,
        ("medium", "fixed"): 1,
    }
    assert told["summary"]["apps"] == 2
    assert told["summary"]["only_then"] == [f"{MODEL}/app3"]
    assert told["summary"]["only_now"] == [APP_4]
    assert [note.split(",")[0] for note in told["notes"]] == [
        "1 app(s) only in before",
        "1 app(s) only in after",
    ]


def test_a_comparison_for_people_names_reasons_and_apps_of_one_alone() -> None:
    result = assay("compare", "before", "after")

    assert result.exit_code == Exit.OK
    assert "unknown: 1 x static/bandit did not measure now: killed at its limit" in result.stdout
    lost = f"no longer measured: static/bandit: 1 app ({APP_2}): killed at its limit"
    assert lost in " ".join(result.stdout.split())
    assert "v2-fresh" in result.stdout
    assert f"only in before, of which nothing is said: {MODEL}/app3" in result.stderr.replace(
        "\n", " "
    )


def test_a_comparison_of_one_app_counts_that_app_alone() -> None:
    told = document("compare", "before", "after", "--app", APP_2, "--limit", "0")

    assert [row["app"] for row in told["apps"]] == [APP_2]
    assert (told["changes"], told["changes_left_out"]) == ([], 1)
    assert told["summary"]["only_then"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("before", "before"), "not compared with itself"),
        (("before", "nothing"), "no pipeline 'nothing'"),
        (("nothing", "after"), "no pipeline 'nothing'"),
        (("before", "after", "--app", f"{MODEL}/app9"), "not in pipeline after"),
        (("before", "after", "--app", "odd"), "names no app"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(arguments, expected) -> None:
    result = assay("compare", *arguments)

    assert result.exit_code == Exit.USAGE
    assert expected in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), ["fresh", "kept", "other"]),
        (("--state", "new"), ["fresh"]),
        (("--state", "unchanged", "--state", "unknown"), ["kept", "other"]),
        (("--state", "suppressed"), []),
        (("--severity", "critical"), ["fresh"]),
        (("--cwe", "cwe-89", "--app", APP_4), ["other"]),
        (("--cwe", "79"), []),
        (("--owasp", "A3"), ["fresh", "kept", "other"]),
        (("--tool", "static/bandit"), ["fresh", "kept", "other"]),
        (("--category", "quality"), []),
        (("--fingerprint", "v2-kept"), ["kept"]),
        (("--role", "control"), []),
    ],
)
def test_findings_are_filtered(filters: tuple[str, ...], expected: list[str]) -> None:
    assert listed(*filters) == expected


def test_pages_hold_each_finding_once_also_where_decisions_filter() -> None:
    assay("suppress", "after", "v2-kept", *WHO)
    for filters in ((), ("--state", "new", "--state", "suppressed", "--state", "unknown")):
        seen: list[str] = []
        after = ""
        for _ in range(4):
            page = document("findings", "after", "--limit", "1", "--after", after, *filters)
            seen += [item["weakness"]["finding"]["fingerprint"] for item in page["findings"]]
            if page["after"] is None:
                break
            after = page["after"]
        assert seen == ["v2-fresh", "v2-kept", "v2-other"]


def test_a_list_says_which_categories_it_is_about() -> None:
    alone, every = document("findings", "after"), document("findings", "after", "--category", "all")

    assert alone["categories"] == ["security"]
    assert set(every["categories"]) == set(Category)
    assert every["total"] >= alone["total"]
    assert (
        "(of security; --category all lists every other, too)" in assay("findings", "after").stdout
    )
    assert "(of every category)" in assay("findings", "after", "--category", "all").stdout
    assert assay("compare", "before", "after", "--category", "all").exit_code == Exit.OK
    assert "a filter cannot be used" in told(assay("findings", "after", "--category", "safety"))


def test_a_list_says_what_nobody_knows() -> None:
    told = document("findings", "after")
    nothing = assay("findings", "after", "--cwe", "79")

    assert told["not_measured"] == [{"tool": "static/bandit", "state": "infra_failed", "cells": 1}]
    assert told["total"] == 3
    assert "not known: static/bandit on 1 app (infra_failed)" in nothing.stderr
    assert "none is listed" in nothing.stdout


def test_an_older_pipeline_is_listed_when_its_report_is_written(shell: Path) -> None:
    async def older() -> None:
        store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{shell / 'assay.db'}")
        await record(store, "older", BEFORE, listed=False)
        await store.close()

    asyncio.run(older())
    unlisted = assay("findings", "older")
    assert "none is listed" in unlisted.stdout
    assert "weaknesses of 3 apps are not listed yet" in " ".join(unlisted.stderr.split())

    assert assay("report", "older").exit_code == Exit.OK
    assert len(document("findings", "older")["findings"]) == 4


def test_a_list_that_was_not_compared_yet_is_no_zero(shell: Path) -> None:
    """Weaknesses are listed when their app ends; the report compares them."""

    async def ended() -> None:
        store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{shell / 'assay.db'}")
        await record(store, "ended", AFTER, against("before"))
        await store.close()

    asyncio.run(ended())
    new = assay("findings", "ended", "--state", "new")
    assert "none is listed" in new.stdout
    assert "weaknesses of 2 apps are not compared with the baseline yet" in told(new)
    assert document("findings", "ended", "--state", "new")["uncompared_apps"] == 2
    unknown = document("findings", "ended", "--state", "unknown")["findings"]
    assert [item["weakness"]["baseline"] for item in unknown] == ["unknown"] * 3
    assert document("findings", "ended", "--state", "open")["findings"] == []

    assert assay("report", "ended").exit_code == Exit.OK
    new = document("findings", "ended", "--state", "new")
    assert (len(new["findings"]), new["uncompared_apps"]) == (1, 0)


def test_what_the_scaffold_brought_is_no_zero_while_nobody_knows_it(shell: Path) -> None:
    async def ended() -> None:
        store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{shell / 'assay.db'}")
        spec = against("before").model_copy(update={"baseline": None, "scaffold": "scaffold"})
        await record(store, "ended", AFTER, spec)
        unsure = Weakness(finding=finding("kept"), origin=Origin.UNKNOWN)
        for number in (1, 4):
            ref = AppRef(model=MODEL, app_number=number)
            await store.replace_weaknesses("ended", ref, [unsure])
        await store.close()

    asyncio.run(ended())
    brought = assay("findings", "ended", "--state", "scaffold")
    assert "none is listed" in brought.stdout
    assert "who brought weaknesses of 2 apps" in told(brought)
    assert document("findings", "ended", "--state", "scaffold")["unsure_apps"] == 2
    assert document("findings", "ended")["unsure_apps"] == 0


def test_what_an_app_wrote_commands_neither_terminal_nor_spreadsheet() -> None:
    table = assay("findings", "after")
    rows = list(csv.DictReader(io.StringIO(assay("findings", "after", "--csv").stdout)))

    assert "\x1b[31m" not in table.stdout
    assert [row["fingerprint"] for row in rows] == ["v2-fresh", "v2-kept", "v2-other"]
    assert all(row["message"].startswith("'=SQL") for row in rows)
    assert [row["baseline"] for row in rows] == ["new", "unchanged", "unknown"]


def test_findings_as_sarif_say_what_was_decided_and_before() -> None:
    assay("suppress", "after", "v2-fresh", *WHO)
    log = json.loads(assay("findings", "after", "--sarif", "--app", APP_1).stdout)

    (run,) = log["runs"]
    told = [(result["baselineState"], len(result["suppressions"])) for result in run["results"]]
    assert told == [("new", 1), ("unchanged", 0)]
    assert run["invocations"][0]["executionSuccessful"]  # all that was to look at it did


def test_findings_as_sarif_say_that_some_looks_are_missing() -> None:
    log = json.loads(assay("findings", "after", "--sarif").stdout)
    assert not any(run["invocations"][0]["executionSuccessful"] for run in log["runs"])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (("--tool", "bandt"), "no tool bandt ran in this pipeline next: did you mean bandit?"),
        (("--tool", "dynamic/bandit"), "no tool dynamic/bandit ran"),
        (("--model", "nobody"), "no model nobody"),
        (("--app", f"{MODEL}/app99"), "app99 in pipeline after"),
    ],
)
def test_a_filter_that_names_nothing_of_the_pipeline_is_no_zero(
    filters: tuple[str, ...], said: str
) -> None:
    for form in ((), ("--csv",), ("--json",)):
        result = assay("findings", "after", *filters, *form)
        assert result.exit_code == Exit.USAGE
    assert said in told(assay("findings", "after", *filters))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("findings", "nothing"), "no pipeline 'nothing'"),
        (("findings", "after", "--cwe", "sql"), "'sql' is no CWE"),
        (("findings", "after", "--owasp", "A11"), "no category of the OWASP"),
        (("findings", "after", "--after", "odd"), "no place in a list"),
        (("findings", "after", "--json", "--csv"), "choose one"),
        *(
            (("findings", "after", f"--{name}", "a\udcff"), f"{name}: 'a\\udcff' is no text")
            for name in ("rule", "family", "tool", "fingerprint", "model", "after")
        ),
        (("suppress", "after", "v2-\udcff", *WHO), "fingerprint: 'v2-\\udcff' is no text"),
        (("suppress", "after", "v2-kept", *WHO[:2], "--why", "\udcff"), "why: '\\udcff' is no"),
        (("suppress", "after", "v2-nothing", *WHO), "has the fingerprint v2-nothing"),
        (("suppress", "after", "v2-kept"), "no decision: who"),
        (("suppress", "after", *WHO), "name a fingerprint"),
        (("suppress", "after", "v2-kept", *WHO, "--until", "soon"), "no decision: until"),
        (("suppress", "after", "v2-kept", *WHO, "--until", "2020-01-01"), "is over"),
        (("suppress", "after", "v2-kept", "--withdraw"), "no decision about exactly this"),
        (("suppress", "nothing", "--list"), "no pipeline 'nothing'"),
    ],
)
def test_a_wrong_question_is_one_clear_error(arguments, expected) -> None:
    result = assay(*arguments)

    assert result.exit_code == Exit.USAGE
    assert expected in result.stderr.replace("\n", " ")


def test_a_decision_is_kept_once_and_can_be_taken_back() -> None:
    args = ("suppress", "after", "v2-kept", *WHO)
    done = [document(*args)["done"] for _ in range(2)]

    assert done == ["suppressed", "unchanged"]
    assert listed("--state", "suppressed") == ["kept"]
    assert listed("--state", "unchanged") == []
    assert listed() == ["fresh", "kept", "other"]
    assert document("suppress", "after", "v2-kept", "--withdraw")["done"] == "withdrawn"
    assert listed("--state", "suppressed") == []


def test_a_decision_of_the_baseline_is_inherited_and_can_be_overruled() -> None:
    assay("suppress", "before", "--rule", "CWE-89", "--path", "src/k*.py", *WHO)
    assert listed("--state", "suppressed") == ["kept"]
    (inherited,) = document("suppress", "after", "--list")["decisions"]
    assert (inherited["pipeline_id"], inherited["holds"]) == ("before", True)
    wrong = assay("suppress", "after", "--rule", "CWE-89", "--path", "src/k*.py", "--withdraw")
    assert "taken for pipeline before" in wrong.stderr

    text = assay("suppress", "after", "--yaml").stdout
    assert text.startswith("suppressions:\n- rule: CWE-89\n  path: src/k*.py\n")


def test_a_decision_may_name_a_weakness_by_an_alias(shell: Path) -> None:
    """As a pipeline in which other tools looked knows it."""

    async def joined() -> None:
        store = SqlResultStore.from_url(f"sqlite+aiosqlite:///{shell / 'assay.db'}")
        found = finding("kept").model_copy(update={"aliases": ("v2-alone",)})
        await record(store, "joined", {1: (looked(found),)})
        await store.close()

    asyncio.run(joined())
    assert assay("suppress", "joined", "v2-alone", *WHO).exit_code == Exit.OK
    (item,) = document("findings", "joined", "--state", "suppressed")["findings"]
    assert item["weakness"]["finding"]["fingerprint"] == "v2-kept"
    assert assay("suppress", "joined", "v2-alon", *WHO).exit_code == Exit.USAGE


def test_the_gates_of_a_report(shell: Path) -> None:
    def code(*gates: str, name: str = "after") -> int:
        options = [option for gate in gates for option in ("--fail-on", gate)]
        return assay("report", name, *options).exit_code

    assert code() == Exit.OK
    assert code("high") == Exit.HIGH
    assert code("new-high") == Exit.NEW_HIGH
    assert code("not-measured") == Exit.NOT_MEASURED
    assert code("not-measured", "high", "new-high") == Exit.NEW_HIGH
    assert code("not-measured", name="before") == Exit.OK
    assert code("new-high", name="before") == Exit.USAGE


def test_a_broken_gate_says_why() -> None:
    result = assay("report", "after", "--fail-on", "new-high")

    assert "2 high or critical weaknesses in 2 apps not known from the baseline" in told(result)
    assert "of 1 of them nobody knows" in told(result)


def test_a_report_tells_of_its_baseline_and_of_decisions_to_look_at_again() -> None:
    assay("suppress", "after", "v2-kept", *WHO)
    assay("suppress", "after", "--rule", "CWE-79", "--path", "**", *WHO)

    told = assay("report", "after", "--anew").stdout

    assert (
        "against before: 1 new, 1 unchanged, 1 fixed, 1 unknown security weaknesses; "
        "2 apps are in one of the two alone\n"
    ) in told
    assert "decisions: 2 say that weaknesses need no action: 1 are counted apart\n" in told
    assert "decisions: 1 are about no weakness any more: CWE-79 in **\n" in told


def test_a_gate_without_a_report_is_not_passed(shell: Path) -> None:
    shutil.rmtree(shell / "reports" / "after")

    assert assay("watch", "after").exit_code == Exit.OK
    assert assay("watch", "after", "--fail-on", "high").exit_code == Exit.USAGE
