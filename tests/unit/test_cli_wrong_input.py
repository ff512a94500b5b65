"""Wrong input, command by command: one clear error, its next step, and the documented exit code."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from cli.exits import Exit

USAGE, UNAVAILABLE = Exit.USAGE, Exit.UNAVAILABLE
# What is wrong with a spec (or is no spec), what is said, and the next step or the right word.
SPECS: dict[str, tuple[str | bytes, str, str]] = {
    "no YAML": ("apps: [", "not valid YAML at line 1", "next:"),
    "no text": (b"apps: \xff\xfe", "not UTF-8 text at byte 6", "next:"),
    "empty": ("", "expected a mapping of fields", "apps: {root: FOLDER}"),
    "a list": ("- apps", "expected a mapping of fields, got list", "apps: {root: FOLDER}"),
    "twice": ("apps: {root: fleet}\napps: {root: x}", "'apps' is written twice", "next:"),
    "a misspelt field": ("app: {root: fleet}", "app: no such field", "did you mean 'apps'"),
    "no root": ("apps: {}", "apps.root: Field required", "next:"),
    "no folder": ("apps: {root: nowhere}", "no such folder", "correct apps.root"),
    "no apps": ("apps: {root: empty}", "no apps below", "<root>/<model>/app<N>/"),
    "a misspelt model": ("apps: {root: fleet, models: [gtp-4o]}", "gtp-4o", "mean 'gpt-4o'"),
    "no such number": ("apps: {root: fleet, numbers: [9]}", "has no app9", "has: app1, app2"),
    "no such app": ("apps: {root: fleet, only: [gpt-4o/app7]}", "gpt-4o/app7", "MODEL/appN"),
    "too many at once": ("apps: {root: fleet}\nparallelism: 51", "parallelism", "got '51'"),
    "an odd number": ("apps: {root: fleet}\nparallelism: yes", "expected a number", "next:"),
    "an analyzer": ("apps: {root: fleet}\nanalyzers: [statik]", "statik", "did you mean 'static'"),
    "a tool": (
        "apps: {root: fleet}\nanalyzers: [static]\ntools: {static: [bandi]}",
        "bandi",
        "did you mean 'bandit'",
    ),
    "no tool": (
        "apps: {root: fleet}\nanalyzers: [static]\ntools: {static: []}",
        "names no tool",
        "leave it out",
    ),
    "a login": (
        "apps: {root: fleet}\noptions: {dynamic: {auth_usrname: ann}}",
        "auth_usrname",
        "did you mean 'auth_username'",
    ),
    "two times": (
        "apps: {root: fleet}\nschedule: {cron: '0 2 * * *', every: 1h}",
        "schedule: write either cron or every",
        "next:",
    ),
    "a cron line": (
        "apps: {root: fleet}\nschedule: {cron: '0 25 * * *'}",
        "schedule.cron: hour: '25' is not within 0 to 23",
        "next:",
    ),
    "a day that never comes": (
        "apps: {root: fleet}\nschedule: {cron: ['@daily', '0 0 31 2 *']}",
        "schedule.cron: '0 0 31 2 *' never comes",
        "next:",
    ),
    "a jitter as long as the interval": (
        "apps: {root: fleet}\nschedule: {every: 60m, jitter: 1h}",
        "schedule.jitter: 1h is not less than every: 60m",
        "next:",
    ),
    "a time": ("apps: {root: fleet}\nschedule: {every: daily}", "write a number and s, m", "12h"),
    "a time zone": (
        "apps: {root: fleet}\nschedule: {cron: '@daily', timezone: Europe/Berln}",
        "schedule.timezone",
        "did you mean 'Europe/Berlin'",
    ),
    "[bold]markup[/nope]": ("'[/bold]': 1", "[/bold]: no such field", "next:"),
}
COMMANDS: list[tuple[list[str], Exit, str, str]] = [
    (["submti", "x"], USAGE, "submti", "did you mean 'submit'"),
    (["frobnicate[/bold]"], USAGE, "No such command 'frobnicate[/bold]'", "--help"),
    (["submit"], USAGE, "Missing argument", "submit --help"),
    (["submit", "--nope", "x"], USAGE, "No such option: --nope", "submit --help"),
    (["submit", "nowhere.yaml"], USAGE, "nowhere.yaml: No such file", "readable spec file"),
    (["submit", "."], USAGE, "Is a directory", "readable spec file"),
    (["submit", "x.yaml", "--id", ""], USAGE, "pipeline id '' is not usable", "letters, digits"),
    (["submit", "x.yaml", "--id", "a/b"], USAGE, "'a/b' is not usable", "letters, digits"),
    (["submit", "x.yaml", "--id", "x" * 64], USAGE, "is not usable", "at most 63"),
    (["validate", "x.yaml", "--id", "\x1b[2J"], USAGE, r"\x1b[2J", "letters, digits"),
    (["status", "p", "q"], USAGE, "unexpected extra argument", "status --help"),
    (["status", "--watch"], USAGE, "--watch needs the ID", "status --help"),
    (["status", "nowhere"], UNAVAILABLE, "no local stack runs", "starter.py up"),
    (["watch", "nowhere"], UNAVAILABLE, "no local stack runs", "starter.py up"),
    (["pause", "nowhere"], UNAVAILABLE, "no local stack runs", "starter.py up"),
    (["add", "nowhere", "m/app1"], UNAVAILABLE, "no local stack runs", "starter.py up"),
    (["add", "p", "m-app1"], USAGE, "'m-app1' names no app", "MODEL/appN"),
    (["retry", "p", "app1"], USAGE, "'app1' names no app", "MODEL/appN"),
    (["retry", "p", "m/app0"], USAGE, "'m/app0' names no app", "MODEL/appN"),
    (["retry", "../p"], USAGE, "'../p' is not usable", "letters, digits"),
    (["report", "nowhere"], USAGE, "no report of pipeline nowhere", "status nowhere"),
    (["report", "../../etc"], USAGE, "is not usable", "letters, digits"),
    (["logs", "nowhere", "m/app1"], USAGE, "no pipeline nowhere", "starter.py status"),
    (["logs", "p", "m"], USAGE, "'m' names no app", "MODEL/appN"),
    (["logs", "p", "m/app1", "--lines", "-1"], USAGE, "greater than or equal to 0", "logs --help"),
    (["parallelism", "p", "0"], USAGE, "greater than or equal to 1", "parallelism --help"),
    (["parallelism", "p", "many"], USAGE, "valid integer", "parallelism --help"),
    (["schedule", "add"], USAGE, "add needs a SPEC", "schedule --help"),
    (["schedule", "pause"], USAGE, "pause needs a NAME", "schedule --help"),
    (["schedule", "list", "x"], USAGE, "list takes no argument", "schedule --help"),
    (["schedule", "show", "x", "--cancel"], USAGE, "--cancel belongs to remove", "schedule --help"),
    (["schedule", "show", "a/b"], USAGE, "'a/b' of a schedule is not usable", "letters, digits"),
    (["schedule", "add", "nowhere.yaml"], USAGE, "nowhere.yaml: No such file", "readable spec"),
    (["schedule", "run-now", "x"], UNAVAILABLE, "no local stack runs", "starter.py up"),
    (["doctor", "please"], USAGE, "unexpected extra argument", "doctor --help"),
]


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user's shell in a folder with a fleet; nothing runs and nothing is stored."""
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        folder = tmp_path / "fleet" / "gpt-4o" / f"app{number}"
        folder.mkdir(parents=True)
        (folder / "app.py").write_text("x = 1\n")
    (tmp_path / "empty").mkdir()
    yield
    assert not (tmp_path / "data").exists(), "something was started"


def one_clear_error(result: Result, code: Exit, cause: str, hint: str) -> None:
    assert result.exit_code == code, result.stderr
    assert isinstance(result.exception, SystemExit)
    starts = [line.partition(":")[0] for line in result.stderr.splitlines()]
    assert starts.count("error") == starts.count("next") == 1, result.stderr
    assert cause.lower() in result.stderr.lower()
    assert hint.lower() in result.stderr.lower()
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("command", [["validate"], ["schedule", "add"]])
def test_a_comparison_with_a_pipeline_that_never_ran(command: list[str]) -> None:
    Path("s.yaml").write_text(
        "apps: {root: fleet}\nschedule: {every: 1h, jitter: 59m, compare_with: nosuchpipe}"
    )

    cause, hint = "schedule.compare_with: no pipeline nosuchpipe", "or write last"
    one_clear_error(assay(*command, "s.yaml"), USAGE, cause, hint)


@pytest.mark.parametrize("command", ["submit", "validate"])
@pytest.mark.parametrize(("text", "cause", "hint"), SPECS.values(), ids=SPECS)
def test_a_wrong_spec(command: str, text: str | bytes, cause: str, hint: str) -> None:
    Path("s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    result = assay(command, "s.yaml")

    one_clear_error(result, USAGE, cause, hint)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "cause", "hint"), COMMANDS, ids=lambda value: str(value)[:40]
)
def test_a_wrong_command_line(arguments: list[str], code: Exit, cause: str, hint: str) -> None:
    result = assay(*arguments)

    one_clear_error(result, code, cause, hint)
    assert result.stdout == ""


@pytest.mark.parametrize(("arguments", "code"), [row[:2] for row in COMMANDS], ids=str)
def test_with_json_the_error_is_the_one_document(arguments: list[str], code: Exit) -> None:
    result = assay(*arguments, "--json")

    error = json.loads(result.stdout)["error"]
    assert result.exit_code == error["exit_code"] == code
    assert error["exit"] == code.name.lower()
    assert error["message"]
    assert error["next_step"]


def test_a_wrong_setting_is_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_APP_MEMORY_MB", "lots")

    one_clear_error(assay("status"), USAGE, "ASSAY_APP_MEMORY_MB", "correct it")


def test_questions_that_nobody_answers_are_wrong_input() -> None:
    result = CliRunner().invoke(app, ["wizard"], input="")

    assert result.exit_code == USAGE
    assert "error: standard input ended before all was answered" in result.stderr


@pytest.mark.parametrize(
    "line",
    [
        "history m/app1 --until {}",
        "plan spec.yaml --like {}",
        "regressions {}",
        "compare {} b",
        "compare a {}",
        "status {}",
        "pause {}",
    ],
)
def test_what_is_no_name_of_a_pipeline_is_said_wherever_one_is_typed(line: str) -> None:
    done = CliRunner().invoke(app, line.format("../x").split())

    assert done.exit_code == USAGE
    assert "../x" in done.output + str(done.exception)
