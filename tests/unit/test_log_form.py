"""Records as they are written: one line each, with what they are about, nothing secret."""

import json
import logging
from collections.abc import Iterator

import pytest

from analyzers.runtime.redact import Redaction
from contract.ids import app_workflow_id, subtask_id
from telemetry.bound import bound, masking, of_subtask, of_workflow
from telemetry.logs import MAX_CHARS, formatter


class Kept(logging.Handler):
    def __init__(self, *, pretty: bool) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(formatter("worker", pretty=pretty))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(params=["json", "pretty"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    handler = Kept(pretty=request.param == "pretty")
    LOG.addHandler(handler)
    yield handler
    LOG.removeHandler(handler)


# Of no tree: pytest would keep the text, which is no UTF-8.
LOG = logging.Logger("form")
HOSTILE = "\x1b]0;title\x07 \u202e\n2026-01-31 ERROR forged \udc80"


def test_a_hostile_text_is_one_line_that_commands_nothing(kept: Kept):
    LOG.warning("said: %s", HOSTILE, extra={"cause": HOSTILE, "message_of": object()})
    (line,) = kept.lines
    assert "\n" not in line
    assert line.isprintable()
    line.encode()


def test_secrets_of_a_run_are_masked(kept: Kept):
    with masking(Redaction({"login": "correct horse battery"}).text):
        try:
            raise ValueError("it answered correct horse battery")
        except ValueError:
            LOG.exception(
                "failed with %s", "correct horse battery", extra={"x": "?q=correct+horse+battery"}
            )
    (text,) = kept.lines
    assert "ValueError" in text
    assert "correct" not in text


def test_a_long_text_is_cut(kept: Kept):
    LOG.warning("x" * 1_000_000)
    assert len(kept.lines[0]) < MAX_CHARS + 500


def test_what_it_is_about(kept: Kept):
    with bound(pipeline="p1", app="m/app1", subtask=""):
        LOG.warning("one")
    LOG.warning("two", extra={"temporal_workflow": {"workflow_id": "pipeline/p1/m/app1/guard"}})
    for line in kept.lines:
        if line.startswith("{"):
            told = json.loads(line)
            assert (told["pipeline"], told["app"], told["part"]) == ("p1", "m/app1", "worker")
            assert told["at"].endswith("Z")
            assert "subtask" not in told
        else:
            assert "pipeline=p1 app=m/app1" in line


def test_names_of_workflows_and_subtasks():
    model = "openai/gpt 4.1"
    about = {"pipeline": "p1", "app": f"{model}/app3"}
    assert of_workflow(app_workflow_id("p1", model, 3)) == about
    assert of_workflow("pipeline/p1") == {"pipeline": "p1"}
    assert of_workflow("assay-janitor-h1") == {}
    name = subtask_id("p1", model, 3, "static")
    assert of_subtask(name) == {**about, "subtask": name}
    assert of_subtask("x") == {"subtask": "x"}
