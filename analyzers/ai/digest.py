"""Digests of what judges read, and of everything but the app that a verdict depends on."""

import hashlib
import json
from functools import cache
from pathlib import Path

from analyzers.ai.config import AiConfig
from analyzers.ai.prompts import RUBRIC, Question, build_messages
from analyzers.ai.sources import Part


def prompts_digest(system: str, control: str) -> str:
    """sha256 of every word that a judge reads, except for the app and its template."""
    questions = (*RUBRIC, Question("control", control))
    messages = build_messages(system, questions, Part((), ""), "part 1 of 1", "marker")
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()


def rules_digest(config: AiConfig) -> str:
    """sha256 of everything but the app that affects a verdict: one changed word changes the judge.

    Prompts, controls, and the rules of injection, evidence and merging are code of this package:
    its whole text counts, so that nothing can be forgotten here.
    """
    settings = (
        *(config.base_url, config.models, config.temperature, config.seed),
        *(config.max_output_tokens, config.part_chars, config.json_mode),
    )
    text = json.dumps([_own_code_digest(), settings])
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _own_code_digest() -> str:
    return code_digest(Path(__file__).parent)


def code_digest(folder: Path) -> str:
    """sha256 of the modules below `folder`. Blocking."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        whole.update(f"{path.relative_to(folder)}\0{len(text)}\0".encode() + text)
    return whole.hexdigest()
