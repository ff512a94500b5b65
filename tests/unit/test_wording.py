"""What is wrong is said in our words, with the next step; nothing shines through."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.commands.doctor import analyzer_checks, engine_check
from cli.words import next_step_of
from clients.notify.reading import read_alerts
from contract.errors import PlatformError
from control.errors import NoScheduleError, WrongInputError
from control.specfile import parse_spec
from settings import Settings


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schedule": {"cron": []}}, "needs 1 entry at least"),
        ({"schedule": {"cron": ["@daily"] * 21}}, "takes 20 entries at most"),
        ({"schedule": {"every": "1h", "name": "a b"}}, "first, 40 characters at most (got 'a b')"),
        ({"schedule": {"every": "1h", "compare_with": "-"}}, "63 characters at most (got '-')"),
        ({"schedule": {"every": "often"}}, "schedule.every: 'often' is no time"),
    ],
)
def test_a_wrong_spec_is_told_in_our_words(fields: dict[str, Any], said: str):
    with pytest.raises(PlatformError) as caught:
        parse_spec({"apps": {"root": "fleet"}} | fields, "s.yaml")

    assert isinstance(caught.value, WrongInputError)
    (line,) = caught.value.lines
    assert said in line
    for word in ("Tuple", "String should", "Value error", "Input"):
        assert word not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("receivers: []\n", "line 1: receivers: needs 1 entry at least"),
        (
            "receivers:\n- name: a\n  type: webhok\n",
            "line 2: receivers.0: type is none of webhook, slack, email; did you mean 'webhook'?",
        ),
        ("receivers:\n- name: a\n", "line 2: receivers.0: needs the field type"),
        (
            "receivers:\n" + "- {name: a, type: slack, url_env: ASSAY_LOGIN_X}\n" * 2,
            "line 1: two receivers are named a",
        ),
    ],
)
def test_a_wrong_alerts_file_is_told_in_our_words(tmp_path: Path, text: str, said: str):
    path = tmp_path / "alerts.yaml"
    path.write_text(text)

    with pytest.raises(PlatformError) as caught:
        read_alerts(path)

    assert caught.value.message.startswith(f"{path} {said}")


def test_a_missing_argument_is_no_invalid_value():
    told = CliRunner().invoke(app, ["schedule", "show"]).stderr

    assert "show needs a NAME" in told
    assert "Invalid value" not in told


def test_the_next_step_for_an_unknown_schedule_is_a_command():
    assert "schedule list' lists the schedules" in next_step_of(NoScheduleError("x"))


async def test_doctor_names_the_log_of_a_hung_analyzer_and_misses_no_engine_nobody_wants():
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    log = Path("/data/run/static.log")
    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as client:
        (check,) = await analyzer_checks(client, "static", "http://127.0.0.1:1/health", log)

    assert (check.ok, check.detail) == (False, "does not answer (ReadTimeout)")
    assert check.next_step == f"read {log}"
    asked = [
        engine_check(Settings(engine=engine), "why", is_used=False).ok
        for engine in ("process", "auto")
    ]
    assert asked == [True, False]
