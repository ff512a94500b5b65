"""The wizard in the browser: steps, answers that are kept, and what is written and started."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from contract.analyzers import AnalyzerKind
from control.launching import plan_below
from dashboard.wizard.form import Form
from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.new_store import new_store

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of fleets: two models, two templates."""
    for model in ("gpt-4o", "llama-3"):
        for number in (1, 2):
            app = tmp_path / "fleets" / "study" / model / f"app{number}"
            app.mkdir(parents=True)
            (app / "app.py").write_text(f"print({number})\n")
    templates = tmp_path / "fleets" / "study" / "templates"
    templates.mkdir()
    for slug in ("notes", "shop"):
        (templates / f"{slug}.yaml").write_text(f"slug: {slug}\n")
    return tmp_path


@pytest_asyncio.fixture
async def operator(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    site = site_of(folder / "data", fleets=folder / "fleets")
    (folder / "data").mkdir()
    await new_store(site.stored.url)
    async with operating(site, name="ann") as client:
        yield client


def fields(text: str) -> list[tuple[str, str]]:
    """What the first form of a page would send if nothing is touched, without its buttons."""
    form = text[text.index('action="/new') :].partition("</form>")[0]
    sent: list[tuple[str, str]] = []
    for tag in re.findall(r"<input [^>]*>", form):
        known = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        ticked = known.get("type") not in ("checkbox", "radio") or " checked" in tag
        if ticked and "name" in known:
            sent.append((unescape(known["name"]), unescape(known.get("value", ""))))
    for name, options in re.findall(r'<select name="([^"]*)">(.*?)</select>', form):
        sent += [(name, value) for value in re.findall(r'value="([^"]*)" selected', options)]
    return sent


async def step(client: httpx.AsyncClient, at: str, *sent: tuple[str, str]) -> httpx.Response:
    return await client.get("/new", params=[*sent, ("at", at)])


async def pressed(client: httpx.AsyncClient, text: str, at: str, **instead: str) -> httpx.Response:
    """What a page's form leads to when the button to the step `at` is pressed."""
    found = re.search(r'<form method="(get|post)" action="(/new[^"]*)"', text)
    assert found
    sent = body(fields(text), at=at, **instead)
    if found[1] == "get":
        return await client.get(found[2], params=sent)
    address = "/new/step" if "formaction" in text else found[2]
    return await client.post(address, data=sent, follow_redirects=True)


def without(sent: list[tuple[str, str]], *gone: tuple[str, str]) -> list[tuple[str, str]]:
    return [item for item in sent if item not in gone]


def _static_lacks(kind: AnalyzerKind) -> str:
    return "make tools" if kind is AnalyzerKind.STATIC else ""


def body(sent: list[tuple[str, str]], **instead: str) -> dict[str, list[str]]:
    """The fields as they are posted, some of them with another value."""
    found: dict[str, list[str]] = {}
    for name, value in sent:
        found.setdefault(name, []).append(value)
    return found | {name: [value] for name, value in instead.items()}


async def last_step(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """The fields of the last step, with static alone."""
    sent = [("root", "study"), ("seen", "analyzers"), ("seen", "limits"), ("analyzer", "static")]
    return fields((await step(client, "check", *sent)).text)


def written(folder: Path, name: str = "study") -> dict[str, object]:
    return yaml.safe_load((folder / "data" / "specs" / f"{name}.yaml").read_text())


async def test_two_models_on_two_templates_are_a_spec_after_five_steps(
    operator: httpx.AsyncClient, folder: Path
):
    first = await operator.get("/new")
    assert str(folder / "fleets" / "study") in first.text
    apps = await step(operator, "apps", ("root", "study"))
    chosen = [*without(fields(apps.text), ("t1", ""), ("t2", "")), ("t1", "notes"), ("t2", "shop")]
    analyzers = await step(operator, "analyzers", *chosen)
    kept = without(fields(analyzers.text), ("analyzer", "dynamic"), ("analyzer", "performance"))
    limits = await step(operator, "limits", *kept)
    check = await step(operator, "check", *fields(limits.text))
    assert "4 apps of 2 models on 2 templates" in check.text
    done = await operator.post("/new", data=body(fields(check.text), do="write"))

    assert done.status_code == 303 and done.headers["location"] == "/specs/study?done=written"
    assert written(folder) == {
        "apps": {
            "root": str(folder / "fleets" / "study"),
            "templates": {1: "notes", 2: "shop"},
            "templates_dir": str(folder / "fleets" / "study" / "templates"),
        },
        "analyzers": ["static"],
        "parallelism": 3,
    }
    shown = await operator.get(done.headers["location"])
    assert "Nothing was started" in shown.text and "templates_dir" in shown.text


async def test_a_fleet_of_many_templates_passes_every_step_and_back(
    operator: httpx.AsyncClient, folder: Path
):
    for number in range(1, 701):
        (folder / "fleets" / "wide" / "gpt" / f"app{number}").mkdir(parents=True)
    apps = await step(operator, "apps", ("root", "wide"))
    untouched = await pressed(operator, apps.text, "analyzers")
    slugs = {f"t{number}": f"template-of-app-{number}" for number in range(1, 701)}

    shown = await pressed(operator, apps.text, "analyzers", **slugs)
    for at in ("limits", "check", "apps", "check"):
        shown = await pressed(operator, shown.text, at)
        assert shown.status_code == 200, shown.text
    done = await operator.post("/new", data=body(fields(shown.text), do="write"))

    assert untouched.url.path == "/new" and len(str(untouched.url)) < 200
    assert done.headers["location"] == "/specs/wide?done=written"
    assert (
        len(yaml.safe_load((folder / "data/specs/wide.yaml").read_text())["apps"]["templates"])
        == 700
    )


async def test_a_step_with_a_short_answer_has_an_address(operator: httpx.AsyncClient):
    apps = await step(operator, "apps", ("root", "study"))

    analyzers = await pressed(operator, apps.text, "analyzers", t1="notes")

    assert (analyzers.url.path, analyzers.url.params["t1"]) == ("/new", "notes")
    assert (await operator.get("/new/step")).headers["location"] == "/new"


async def test_who_may_only_read_is_told_that_long_answers_are_not_kept(folder: Path):
    (folder / "data").mkdir()
    names = [f"a-long-name-of-a-model-{number:03}" for number in range(100)]
    for name in names:
        (folder / "fleets" / "long" / name / "app1").mkdir(parents=True)
    chosen = [("root", "long"), ("seen", "apps"), ("pick", "models"), ("seen", "limits")]
    chosen += [("model", name) for name in names[1:]]
    async with browsing(site_of(folder / "data", fleets=folder / "fleets")) as reader:
        page = await step(reader, "check", *chosen)

    assert "too long to be kept" in page.text
    assert 'href="/login?next=%2Fnew"' in page.text


async def test_a_wrong_answer_is_shown_again_with_what_was_typed(operator: httpx.AsyncClient):
    limits = await step(
        operator, "limits", ("root", "study"), ("seen", "analyzers"), ("analyzer", "static")
    )
    sent = [*without(fields(limits.text), ("parallelism", "3")), ("parallelism", HOSTILE)]

    refused = await step(operator, "check", *sent, ("baseline", ""))

    assert refused.status_code == 400
    assert "<b>your answers: 1 wrong field(s)</b>" in refused.text
    assert ("parallelism", HOSTILE) in fields(refused.text)
    assert HOSTILE not in refused.text
    assert ("analyzer", "static") in fields(refused.text)


@pytest.mark.parametrize(
    ("sent", "at", "says"),
    [
        ([("pick", "models")], "analyzers", "no model is chosen"),
        ([("pick", "models"), ("model", "gpt-4")], "analyzers", "did you mean"),
        ([("pick", "numbers"), ("number", "7")], "analyzers", "no app of these models is chosen"),
        ([("t1", "nots")], "analyzers", "not declared"),
        ([("seen", "analyzers")], "limits", "no analyzer is chosen"),
        ([("seen", "analyzers"), ("analyzer", "statik")], "limits", "did you mean"),
        ([("seen", "limits"), ("baseline", "never-ran")], "check", "baseline: no pipeline"),
        ([("seen", "limits"), ("egress", "x")], "check", "egress"),
    ],
)
async def test_a_step_is_not_passed_with_an_answer_that_cannot_be(
    operator: httpx.AsyncClient, sent: list[tuple[str, str]], at: str, says: str
):
    answer = await step(operator, at, ("root", "study"), ("seen", "apps"), *sent)

    assert answer.status_code == 400
    assert says in answer.text
    assert "What this platform would not measure" not in answer.text


@pytest.mark.parametrize("root", ["..", "/etc", "../data", "~root", "study/../../data", "\x00"])
async def test_no_folder_outside_that_of_fleets_is_looked_at(
    operator: httpx.AsyncClient, root: str
):
    answer = await step(operator, "check", ("root", root))

    assert answer.status_code in (400, 403)
    assert 'role="alert"' in answer.text and "Which fleet?" in answer.text


async def test_a_folder_whose_name_is_no_text_is_an_error_that_names_it(
    operator: httpx.AsyncClient, folder: Path
):
    bad = os.fsencode(folder / "fleets" / "study") + b"/\xff/app1"
    os.makedirs(bad)

    shown = await step(operator, "apps", ("root", "study"))
    asked = await operator.post("/api/v1/validate", json={"spec": SPEC})

    assert (shown.status_code, asked.status_code) == (400, 400)
    assert "\\udcff" in shown.text and "\\udcff" in asked.json()["detail"]
    assert (await operator.get("/new")).status_code == 200


async def test_an_existing_spec_is_replaced_only_if_that_is_said(
    operator: httpx.AsyncClient, folder: Path
):
    sent = body(await last_step(operator), do="write")
    await operator.post("/new", data=sent)
    again = await operator.post("/new", data=sent)
    assert again.status_code == 303

    other = sent | {"seen": ["analyzers", "limits"], "parallelism": ["9"]}
    refused = await operator.post("/new", data=other)

    assert refused.status_code == 409 and 'name="replace"' in refused.text
    assert written(folder)["parallelism"] == 3
    replaced = await operator.post("/new", data=other | {"replace": ["1"]})
    assert replaced.status_code == 303 and written(folder)["parallelism"] == 9


async def test_nothing_is_written_for_an_unknown_baseline(
    operator: httpx.AsyncClient, folder: Path
):
    sent = body(await last_step(operator), baseline="never", do="start")

    answer = await operator.post("/new", data=sent)

    assert answer.status_code == 400 and "baseline: no pipeline" in answer.text
    assert not (folder / "data" / "specs").exists()


async def test_a_server_that_is_away_starts_nothing_and_the_spec_is_kept(
    operator: httpx.AsyncClient, folder: Path
):
    sent = body(await last_step(operator), id="study-1", do="start")

    answer = await operator.post("/new", data=sent)

    assert answer.status_code == 503
    assert "the Temporal server does not answer" in answer.text
    assert 'name="id" value="study-1"' in answer.text
    assert written(folder)["analyzers"] == ["static"]
    changes = (await operator.get("/api/v1/audit")).json()["changes"]
    assert [(one["who"], one["action"], one["subject"]) for one in changes[:2]] == [
        ("ann", "start", "pipeline study-1"),
        ("ann", "write spec", "spec study"),
    ]


async def test_a_spec_can_be_started_again_and_is_named_when_it_is_damaged(
    operator: httpx.AsyncClient, folder: Path
):
    await operator.post("/new", data=body(await last_step(operator), do="write"))
    (folder / "data" / "specs" / "worse.yaml").write_text(f"apps: {{root: '{HOSTILE}'")
    nightly = (folder / "data" / "specs" / "study.yaml").read_text() + "\nschedule: {every: 1d}\n"
    (folder / "data" / "specs" / "nightly.yaml").write_text(nightly)

    listed = await operator.get("/specs")
    good = await operator.get("/specs/study")
    worse = await operator.get("/specs/worse")
    away = await operator.post("/specs/study/start", data={"id": "again"})

    assert "cannot be read" in listed.text and "/specs/study" in listed.text
    assert 'action="/specs/study/start"' in good.text and "left aside" not in good.text
    assert "its schedule is left aside" in (await operator.get("/specs/nightly")).text
    assert worse.status_code == 400 and "not valid YAML" in worse.text
    assert "<b>Next:</b> correct it there" in worse.text
    assert HOSTILE not in listed.text + worse.text
    assert away.status_code == 503 and 'name="id" value="again"' in away.text
    assert (await operator.get("/specs/none")).status_code == 404


async def test_a_spec_that_points_elsewhere_meanwhile_is_not_started(
    operator: httpx.AsyncClient, folder: Path
):
    specs = folder / "data" / "specs"
    specs.mkdir()
    (specs / "sly.yaml").write_text("apps: {root: /etc}\nanalyzers: [static]\n")

    answer = await operator.post("/specs/sly/start", data={"id": "x"})

    assert answer.status_code == 403 and "apps.root: /etc is not below" in answer.text


async def test_who_may_only_read_is_led_to_the_login_and_back(
    operator: httpx.AsyncClient, folder: Path
):
    async with browsing(site_of(folder / "data", fleets=folder / "fleets")) as reader:
        page = await step(reader, "check", ("root", "study"), ("seen", "limits"))
        posted = await reader.post("/new", data={"root": "study", "name": "x", "id": "x"})

    assert "/login?next=%2Fnew%3F" in page.text and 'name="do"' not in page.text
    assert posted.status_code in (401, 403)
    assert not (folder / "data" / "specs").exists()


async def test_what_cannot_be_measured_is_said_tool_by_tool(folder: Path):
    site = site_of(
        folder,
        fleets=folder / "fleets",
        lacks=_static_lacks,
        analyzer_urls={AnalyzerKind.PERFORMANCE: "ws://127.0.0.1:9"},
    )
    kinds = [("seen", "analyzers"), ("analyzer", "static"), ("analyzer", "performance")]
    async with browsing(site) as reader:
        page = await step(reader, "check", ("root", "study"), *kinds)

    assert "<b>21 of 24 tools cannot measure</b>" in page.text
    assert "<b>Of 3 it is not known</b>" in page.text
    assert "opengrep, bandit" in page.text and "make tools" in page.text
    assert "analyzer performance at" in page.text


async def test_the_answers_of_all_steps_travel_with_each_of_them():
    sent = [
        ("seen", "apps"),
        ("seen", "analyzers"),
        ("seen", "limits"),
        ("root", "/x"),
        ("pick", "models"),
        ("model", "a"),
        ("pick", "numbers"),
        ("number", "2"),
        ("t2", "shop"),
        ("analyzer", "static"),
        ("tool", "static/ruff"),
        ("trusted", "1"),
        ("parallelism", "7"),
        ("egress", "allow"),
        ("controls", "on"),
        ("baseline", "b"),
        ("login", "ann"),
        ("password", "file:ann"),
        ("rates", "20,50"),
        ("noise", "2"),
        ("scaffold", "../start"),
        ("ranking", "security_per_kloc=2, functional_and_secure"),
    ]

    form = Form.of(sent)

    assert sorted(form.items()) == sorted(sent)
    assert Form.of(form.items()) == form


def in_more(text: str) -> str:
    """What a page holds in its part that is shown on demand."""
    return text.partition('<details class="more"')[2].partition("</details>")[0]


async def limits_of(client: httpx.AsyncClient, *analyzers: str) -> str:
    sent = [("root", "study"), ("seen", "analyzers"), *(("analyzer", name) for name in analyzers)]
    return (await step(client, "limits", *sent)).text


async def test_more_options_are_folded_up_and_left_out_of_the_spec(
    operator: httpx.AsyncClient, folder: Path
):
    text = await limits_of(operator, "static")
    check = await step(operator, "check", *fields(text))
    await operator.post("/new", data=body(fields(check.text), do="write"))

    assert in_more(text).startswith("><summary>More options: scaffold, ranking</summary>")
    assert set(written(folder)) == {"apps", "analyzers", "parallelism"}


async def test_more_options_are_in_the_spec_and_shown_again(
    operator: httpx.AsyncClient, folder: Path
):
    start = folder / "fleets" / "start"
    start.mkdir()
    (start / "app.py").write_text("1\n")
    given = {
        "rates": "20, 50",
        "noise": "1",
        "scaffold": "../start",
        "ranking": "functional_and_secure=2.5, security_per_kloc",
    }
    text = await limits_of(operator, "static", "performance", "dynamic")
    check = await pressed(operator, text, "check", **given)
    done = await operator.post("/new", data=body(fields(check.text), do="write"))
    again = await pressed(operator, check.text, "limits")

    assert {"login", "password", *given} <= {name for name, _ in fields(text)}
    assert done.status_code == 303
    spec = written(folder)
    assert spec["options"] == {"performance": {"rates": "20, 50"}}
    assert (spec["noise"], spec["scaffold"]) == ({"apps": 1}, str(start))
    assert spec["ranking"] == {"weights": {"functional_and_secure": 2.5, "security_per_kloc": 1}}
    assert in_more(again.text).startswith(" open>")
    assert set(given.items()) <= set(fields(again.text))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rates": "50, 20"}, "rates must rise"),
        ({"noise": "0"}, "noise.apps"),
        ({"ranking": "functional_and_secure=x"}, "is no further measure with its weight"),
        ({"ranking": "functional_and_secur, security_per_kloc"}, "did you mean"),
        ({"login": "ann"}, "belong together"),
        ({"login": "ann", "password": "ASSAY_LOGIN_ann"}, "begins with ASSAY_LOGIN_"),
        ({"login": "ann", "password": "file:../ann"}, "without a path"),
    ],
)
async def test_a_wrong_one_of_more_options_is_said_where_it_is_asked_for(
    operator: httpx.AsyncClient, given: dict[str, str], says: str
):
    text = await limits_of(operator, "performance", "dynamic")
    refused = await pressed(operator, text, "check", **given)

    assert refused.status_code == 400
    assert says in unescape(refused.text)
    assert in_more(refused.text).startswith(" open>")
    assert set(given.items()) <= set(fields(refused.text))


async def test_a_scaffold_elsewhere_is_not_looked_at(operator: httpx.AsyncClient, folder: Path):
    (folder / "secret").mkdir()
    text = await limits_of(operator, "static")
    told = [
        unescape((await pressed(operator, text, "check", scaffold=place)).text)
        for place in (str(folder / "secret"), str(folder / "nowhere"))
    ]

    assert all("scaffold: " in each and " is not below " in each for each in told)


@pytest.mark.parametrize("at", ["check", "analyzers"])
async def test_a_password_is_neither_said_back_nor_in_an_address(
    operator: httpx.AsyncClient, at: str
):
    text = await limits_of(operator, "dynamic")
    answer = await pressed(operator, text, at, login="ann", password="hunter2")

    assert ("a spec never holds a password" in answer.text) is (at == "check")
    assert "ann" in answer.text
    assert "hunter2" not in answer.text + str(answer.url)


async def test_options_of_an_analyzer_that_does_not_run_are_left_out(
    operator: httpx.AsyncClient, folder: Path
):
    sent = [("root", "study"), ("seen", "analyzers"), ("seen", "limits"), ("analyzer", "static")]
    check = await step(operator, "check", *sent, ("rates", "20,50"), ("noise", "1"))
    await operator.post("/new", data=body(fields(check.text), do="write"))

    assert set(written(folder)) == {"apps", "analyzers", "parallelism"}


async def test_fleets_are_read_for_one_request_at_a_time(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    reading, most = 0, 0

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        try:
            return await plan_below(*args, **kwargs)
        finally:
            reading -= 1

    monkeypatch.setattr("dashboard.wizard.survey.plan_below", counted)
    asked = [operator.post("/api/v1/plan", json={"spec": SPEC}) for _ in range(4)]
    answers = await asyncio.gather(*asked)

    assert ([answer.status_code for answer in answers], most) == ([200] * 4, 1)


SPEC = {"apps": {"root": "study"}, "analyzers": ["static"]}


async def test_a_program_asks_what_a_spec_would_run_and_take(operator: httpx.AsyncClient):
    checked = await operator.post("/api/v1/validate", json={"spec": SPEC})
    plan = await operator.post("/api/v1/plan", json={"spec": SPEC})

    assert (checked.status_code, plan.status_code) == (200, 200)
    labels = [f"{app['model']}/app{app['app_number']}" for app in checked.json()["apps"]]
    assert labels == ["gpt-4o/app1", "gpt-4o/app2", "llama-3/app1", "llama-3/app2"]
    assert checked.json()["apps_left_out"] == 0
    assert plan.json()["forecast"]["subtasks"] == 4
    assert {tool["sight"] for tool in plan.json()["analyzers"][0]["tools"]} == {"unknown"}


@pytest.mark.parametrize(
    ("spec", "status", "says"),
    [
        ({"apps": {"root": "study", "model": ["a"]}}, 400, "did you mean 'models'"),
        ({"apps": {"root": "nowhere"}}, 400, "no such folder"),
        ({"apps": {"root": "../data"}}, 403, "is not below"),
        ({"apps": {"root": "study"}, "baseline": "never"}, 400, "baseline"),
        ([], 400, "expected a mapping"),
        ({"apps": {"root": "\ud800"}}, 400, "not a folder"),
    ],
)
async def test_a_program_learns_which_field_is_wrong(
    operator: httpx.AsyncClient, spec: object, status: int, says: str
):
    for path in ("/api/v1/validate", "/api/v1/plan", "/api/v1/pipelines"):
        answer = await operator.post(
            path, content=json.dumps({"spec": spec}), headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in answer.text


async def test_a_program_that_may_only_read_starts_nothing(folder: Path):
    async with browsing(site_of(folder, fleets=folder / "fleets")) as reader:
        answer = await reader.post("/api/v1/pipelines", json={"spec": SPEC, "id": "x"})

    assert answer.status_code in (401, 403)


async def test_a_program_reads_the_specs_by_page(operator: httpx.AsyncClient, folder: Path):
    for name in ("a", "b", "c"):
        path = folder / "data" / "specs" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"apps: {{root: {name}}}\n")

    first = (await operator.get("/api/v1/specs", params={"limit": 2})).json()
    rest = (await operator.get("/api/v1/specs", params={"after": first["after"]})).json()
    one = (await operator.get("/api/v1/specs/b")).json()

    assert [line["name"] for line in (*first["specs"], *rest["specs"])] == ["a", "b", "c"]
    assert rest["after"] is None and one["text"] == "apps: {root: b}\n"
    assert (await operator.get("/api/v1/specs", params={"after": "x"})).status_code == 400
