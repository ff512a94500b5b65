"""What a verdict depends on is part of a tool's identity; what it does not depend on is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import analyzers.ai
from analyzers.ai.config import AiConfig, Price
from analyzers.ai.digest import code_digest, prompts_digest, rules_digest
from analyzers.ai.tools import build_tools

CONFIG = AiConfig(base_url="http://127.0.0.1:1/v1", models=("judge",))
CODE = Path(analyzers.ai.__file__).parent


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        ({"models": ("other",)}, True),
        ({"base_url": "http://127.0.0.1:2/v1"}, True),
        ({"temperature": 0.5}, True),
        ({"seed": None}, True),
        ({"max_output_tokens": 100}, True),
        ({"part_chars": 2_000}, True),
        ({"json_mode": False}, True),
        ({"api_key": "other"}, False),
        ({"timeout_s": 1.0}, False),
        ({"prices": {"judge": Price(1, 1)}, "budget_usd": 1.0}, False),
    ],
)
def test_settings_that_move_a_verdict_make_another_judge(change: dict, matters: bool) -> None:
    assert (rules_digest(CONFIG) != rules_digest(replace(CONFIG, **change))) is matters


@pytest.mark.parametrize(
    "name", ["prompts.py", "injection.py", "evidence.py", "tools/requirements.py"]
)
def test_rules_and_prompts_that_change_make_another_judge(name: str, tmp_path: Path) -> None:
    shutil.copytree(CODE, tmp_path / "ai", ignore=shutil.ignore_patterns("__pycache__"))
    same = code_digest(tmp_path / "ai")
    with (tmp_path / "ai" / name).open("a") as file:
        file.write("# one more\n")

    assert same == code_digest(CODE)
    assert code_digest(tmp_path / "ai") != same


def test_the_prompts_digest_covers_system_frame_and_control() -> None:
    digests = {
        prompts_digest(system, control) for system in "ab" for control in ("c", "d {marker}")
    }

    assert len(digests) == 4


def test_tools_are_known_by_their_prompts_and_rules() -> None:
    first, second = build_tools(CONFIG)

    assert first.rules_digest() == rules_digest(CONFIG) == second.rules_digest()
