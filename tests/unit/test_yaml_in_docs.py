"""Files as people write them: each example in the docs is taken, and words stay words."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.notify.model import AlertsFile
from clients.notify.reading import read_alerts
from clients.yaml_text import AuthoredLoader
from contract.spec import PipelineSpec
from control.specfile import parse_spec

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def load(text: str) -> Any:
    return yaml.load(text, Loader=AuthoredLoader)


def examples(*fields: str) -> list[Any]:
    """Blocks of the docs that have no other fields than these."""
    return [
        pytest.param(found[1], id=f"{path.name}:{number}")
        for path in sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
        for number, found in enumerate(BLOCK.finditer(path.read_text()))
        if isinstance(document := load(found[1]), dict) and document.keys() <= {*fields}
    ]


@pytest.mark.parametrize("text", examples(*PipelineSpec.model_fields))
def test_a_spec_of_the_docs_is_taken(text: str):
    assert parse_spec({"apps": {"root": "."}} | load(text), "example")


@pytest.mark.parametrize("text", examples(*AlertsFile.model_fields))
def test_an_alerts_file_of_the_docs_is_taken(text: str, tmp_path: Path):
    (tmp_path / "alerts.yaml").write_text(text)
    assert read_alerts(tmp_path / "alerts.yaml").receivers


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("on: [failed]", {"on": ["failed"]}),
        ("{no: 1, Yes: 2, off: 3}", {"no": 1, "Yes": 2, "off": 3}),
        ("cache: no", {"cache": False}),
        ("controls: off", {"controls": False}),
        ("controls: 'off'", {"controls": "off"}),
        ("1: a", {1: "a"}),
    ],
)
def test_a_key_is_the_word_that_was_written(text: str, document: dict[Any, Any]):
    assert load(text) == document


def test_a_word_twice_is_refused_however_it_is_quoted():
    with pytest.raises(yaml.YAMLError, match="written twice"):
        load("{on: 1, 'on': 2}")
