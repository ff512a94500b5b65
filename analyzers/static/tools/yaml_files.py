"""Our own check of YAML files: syntax, and keys that occur twice."""

from pathlib import Path

from analyzers.runtime.tool import Canary
from analyzers.static.own_check import OwnCheck, Rule
from contract.analysis import Category, Severity


class YamlFiles(OwnCheck):
    """Runs `yaml_check.py`."""

    name = "yaml-files"
    looks_for = frozenset({Category.QUALITY})
    file_kind = "YAML"
    suffixes = (".yml", ".yaml")
    script = Path(__file__).parent.parent / "yaml_check.py"
    rules = {
        "yaml-duplicate-key": Rule((), Severity.MEDIUM, category=Category.QUALITY),
        "yaml-syntax": Rule((), Severity.MEDIUM, category=Category.QUALITY),
    }
    canary = Canary(files={"a.yml": "a: 1\na: 2\n"}, expect=frozenset({"yaml-duplicate-key"}))
