"""What docs say of specs, tools and options is what the code says; schemas say it to programs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from contract.errors import PlatformError
from control.schemas import report_schema, spec_schema
from control.specfile import parse_spec
from tests.support.reference import EXAMPLE, PAGES
from tests.support.whole_report import whole
from tests.unit.report_samples import NOW, fleet

ROOT = Path(__file__).parents[2]
SPECS = sorted(ROOT.glob("controls/*.yaml")) + sorted(ROOT.glob("tests/**/fleet.yaml"))


@cache
def spec_validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(spec_schema())
    return Draft202012Validator(spec_schema())


def as_json(document: Any) -> Any:
    """Keys of JSON are text."""
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_published_is_what_the_code_says(path: Path):
    """Renew: python -m tests.support.reference"""
    assert path.read_text(encoding="utf-8") == PAGES[path]()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_real_specs_are_valid(path: Path):
    spec_validator().validate(as_json(yaml.safe_load(path.read_text())))


def test_the_example_is_a_spec():
    document = yaml.safe_load(EXAMPLE)
    spec_validator().validate(as_json(document))
    parse_spec(document, "example")


@pytest.mark.parametrize(
    "more",
    [
        "analysers: [static]",
        "analyzers: [statik]",
        "analyzers: []",
        "parallelism: 0",
        "tools: {static: []}",
        "tools: {static: [banditt]}",
        "tools: {static: [ruff, ruff]}",
        "tools: {statc: [ruff]}",
        "options: {dynamic: {auth_pasword: {env: ASSAY_LOGIN_X}}}",
        "options: {dynamic: {auth_username: ann, auth_password: hunter2}}",
        "options: {dynamic: {auth_username: ann, auth_password: {env: PATH}}}",
        "options: {dynamic: {auth_username: ann, auth_password: {file: ../x}}}",
        "options: {dynamic: {auth_username: ann, auth_password: {}}}",
        "options: {dynamic: {wapiti_limit_s: 0}}",
        "options: {performance: {rates: [20, 40]}}",
        "options: {static: {x: 1}}",
        "breaker: {on_open: finsh}",
    ],
)
def test_what_the_command_line_refuses_the_schema_refuses(more: str):
    document = yaml.safe_load(f"apps: {{root: fleet}}\n{more}")
    with pytest.raises(PlatformError):
        parse_spec(document, "spec")
    with pytest.raises(ValidationError):
        spec_validator().validate(as_json(document))


def test_a_report_as_it_is_written_is_valid():
    schema = report_schema()
    Draft202012Validator.check_schema(schema)
    report = whole(fleet(), generated_at=NOW).fleet

    Draft202012Validator(schema).validate(json.loads(report.model_dump_json()))


@pytest.mark.parametrize(("place", "value"), [("verdict", None), ("apps", {}), ("totals", 3)])
def test_a_report_that_is_none_is_refused(place: str, value: Any):
    document = json.loads(whole(fleet(), generated_at=NOW).fleet.model_dump_json())
    with pytest.raises(ValidationError):
        Draft202012Validator(report_schema()).validate(document | {place: value})
