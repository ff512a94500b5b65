"""What a spec chooses is held against what the analyzers declare, before anything starts."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from analyzers.dynamic.options import ScanOptions, scan_options
from analyzers.dynamic.probe import Probe
from analyzers.dynamic.tools import TOOLS
from analyzers.performance.options import LoadOptions, read_options
from analyzers.runtime.tool import ToolFault
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.base import meanings
from contract.errors import PlatformError
from contract.spec import AppRef, PipelineSpec, SourceRef
from control.choices import require_logins, secret_names
from control.declared import options_of, tools_of
from control.specfile import parse_spec
from settings import Settings

LOGIN = {"auth_username": "ann", "auth_password": {"env": "ASSAY_LOGIN_ANN"}}


def spec_of(**more: Any) -> dict[str, Any]:
    return {"apps": {"root": "fleet"}, **more}


def refusal(**more: Any) -> str:
    with pytest.raises(PlatformError) as caught:
        parse_spec(spec_of(**more), "spec")
    return "\n".join(caught.value.lines)


def request(kind: AnalyzerKind, **options: Any) -> SubtaskRequest:
    return SubtaskRequest(
        subtask_id="p/m/app1/x",
        analyzer=kind,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path="/app", digest="0" * 64),
        options=options,
    )


@pytest.mark.parametrize(
    ("dynamic", "expected"),
    [
        ({"auth_pasword": "x"}, "auth_pasword: no such field; did you mean 'auth_password'?"),
        ({"auth_user": "x"}, "did you mean 'auth_username'?"),
        ({"login": "x"}, "options.dynamic.login: no such field; fields here: auth_username"),
        ({"wapiti_limit": 9}, "did you mean 'wapiti_limit_s'?"),
        ({"wapiti_limit_s": 0}, "options.dynamic.wapiti_limit_s: Input should be greater than 0"),
        ({"wapiti_limit_s": float("nan")}, "options.dynamic.wapiti_limit_s"),
        ({"max_requests": True}, "options.dynamic.max_requests: expected a number"),
        ({"max_requests": {"env": "ASSAY_LOGIN_X"}}, "max_requests: Input should be a valid"),
        ({"auth_login_path": "login"}, "options.dynamic.auth_login_path"),
        ({"auth_username": "ann"}, "auth_username and auth_password belong together"),
        ({"auth_password": {"env": "ASSAY_LOGIN_X"}}, "belong together"),
        (LOGIN | {"auth_password": {"enw": "X"}}, "auth_password.enw: no such field; did you mean"),
        (LOGIN | {"auth_password": {"env": "PATH"}}, "begins with ASSAY_LOGIN_"),
        (LOGIN | {"auth_password": {"file": "../../etc/shadow"}}, "without a path"),
        (LOGIN | {"auth_password": {}}, "write {env: ASSAY_LOGIN_NAME} or {file: NAME}"),
        (
            LOGIN | {"auth_password": {"env": "ASSAY_LOGIN_X", "file": "x"}},
            "write {env: ASSAY_LOGIN_NAME} or {file: NAME}",
        ),
    ],
)
def test_a_wrong_option_is_named_with_the_nearest_right_one(dynamic: dict[str, Any], expected: str):
    assert expected in refusal(options={"dynamic": dynamic})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"performance": {"rates": "20,x"}}, "options.performance.rates.1"),
        ({"performance": {"rates": "20,10"}}, "rates must rise"),
        ({"performance": {"rates": [20, 40]}}, "a list is written as text"),
        ({"performance": {"wapiti_limit_s": 3}}, "is an option of dynamic: write it under"),
        ({"performance": {"stepp_s": 3}}, "did you mean 'step_s'?"),
        ({"performance": {"p95_ms": float("inf")}}, "options.performance.p95_ms"),
        ({"static": {"max_requests": 3}}, "options.static: static has no options"),
    ],
)
def test_options_of_every_analyzer_are_checked(options: dict[str, Any], expected: str):
    assert expected in refusal(options=options)


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ({"static": []}, "tools.static: names no tool; leave it out for all of them"),
        ({"static": ["banditt"]}, "tools.static.0: unknown tool 'banditt'; did you mean 'bandit'?"),
        ({"static": ["ruff", "ruff"]}, "tools.static.1: 'ruff' is listed twice"),
        ({"dynamic": ["zzz"]}, "its tools: discovery"),
        ({"ai": ["requirements"]}, "tools.ai: does not run"),
    ],
)
def test_a_wrong_tool_is_named(tools: dict[str, Any], expected: str):
    assert expected in refusal(tools=tools)


@pytest.mark.parametrize("name", ["auth_password", "auth_header", "auth_cookie"])
@pytest.mark.parametrize("value", ["hunter2", 20260101, ["hunter2"]])
def test_a_secret_in_clear_text_is_refused_and_not_repeated(name: str, value: Any):
    said = refusal(options={"dynamic": {"auth_username": "ann", name: value}})

    assert f"options.dynamic.{name}" in said
    assert "hunter2" not in said
    assert "20260101" not in said


def test_a_misspelt_secret_is_not_repeated_either():
    assert "hunter2" not in refusal(options={"dynamic": {"auth_pass": "hunter2"}})


def test_a_right_choice_passes_as_it_is():
    options = {"dynamic": LOGIN | {"wapiti_limit_s": "35"}, "performance": {"rates": "20,40"}}
    spec = parse_spec(spec_of(options=options, tools={"dynamic": ["wapiti"]}), "spec")

    assert spec.options[AnalyzerKind.PERFORMANCE] == {"rates": "20,40"}
    assert PipelineSpec.model_validate_json(spec.model_dump_json()) == spec


def test_every_tool_and_option_has_a_name_and_a_meaning():
    for kind in AnalyzerKind:
        model = options_of(kind)
        assert tools_of(kind)
        assert meanings(model).keys() == model.model_fields.keys()


def test_every_probe_has_the_limit_that_it_asks_for():
    for tool in TOOLS:
        if isinstance(tool, Probe) and tool.name != "discovery":
            assert ScanOptions().limit_s(tool.name) > 0


def test_the_options_that_hold_secrets_are_marked():
    assert secret_names(ScanOptions) == {"auth_password", "auth_header", "auth_cookie"}
    assert secret_names(LoadOptions) == frozenset()


def test_a_digest_of_a_spec_that_was_registered_before_stays_the_same():
    assert "only" not in PipelineSpec.model_validate(spec_of()).model_dump(mode="json")["apps"]


def test_an_analyzer_refuses_what_it_does_not_declare():
    with pytest.raises(ToolFault, match="dynamic options: auth_pass: no such option"):
        scan_options(request(AnalyzerKind.DYNAMIC, auth_pass="x"))
    with pytest.raises(ToolFault, match="performance options: rates must rise"):
        read_options(request(AnalyzerKind.PERFORMANCE, rates="5,5"))


def test_an_analyzer_takes_the_value_that_came_with_the_call():
    asked = request(AnalyzerKind.DYNAMIC, **LOGIN).with_secrets({"auth_password": "hunter2"}, "d")

    assert scan_options(asked).plain("auth_password") == "hunter2"
    assert "hunter2" not in repr(scan_options(asked))


def test_a_secret_that_did_not_come_is_no_scan_without_a_login():
    with pytest.raises(ToolFault, match="no value came for auth_password"):
        scan_options(request(AnalyzerKind.DYNAMIC, **LOGIN))


def test_a_header_that_is_none_is_refused_without_being_shown():
    asked = request(AnalyzerKind.DYNAMIC, auth_header={"env": "ASSAY_LOGIN_X"})
    with pytest.raises(ToolFault, match="`Name: value`") as caught:
        scan_options(asked.with_secrets({"auth_header": "hunter2"}, "d"))
    assert "hunter2" not in str(caught.value)


def test_a_login_that_is_not_set_is_named_before_the_local_stack_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("ASSAY_LOGIN_ANN", raising=False)
    spec = parse_spec(spec_of(options={"dynamic": LOGIN}), "spec")
    settings = Settings(_env_file=None, data=tmp_path)
    with pytest.raises(PlatformError, match=r"auth_password: .*ASSAY_LOGIN_ANN"):
        require_logins(spec, settings.secret)
    monkeypatch.setenv("ASSAY_LOGIN_ANN", "hunter2")
    require_logins(spec, settings.secret)


def test_a_value_out_of_a_models_range_does_not_become_its_default():
    with pytest.raises(ValidationError):
        ScanOptions(auth_username="ann", auth_password=SecretStr(""))


def test_a_misspelt_criterion_is_refused_with_the_nearest_one():
    text = refusal(ranking={"weights": {"functonal": 1, "load/k6/latency_p95": 2}})
    assert text == "ranking.weights: unknown measure 'functonal'; did you mean 'functional'?"


@pytest.mark.parametrize("weights", [{"runs": 1}, {"runs": 0, "secure": 1}, {"runs": True}, {}])
def test_weights_that_decide_nothing_are_refused(weights: dict[str, Any]):
    assert "ranking.weights" in refusal(ranking={"weights": weights})


def test_a_spec_without_ranking_keeps_its_text():
    assert "ranking" not in parse_spec(spec_of(), "spec").model_dump_json()
