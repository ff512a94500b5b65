"""What judges may cost, and how each proves that it sees."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzers.ai.config import AiConfig, Price
from analyzers.ai.tools import build_tools
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.ai.tools.requirements import Requirements
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import Parsed, ToolFault
from tests.support.judges import (
    APP,
    config_of,
    honest,
    is_control,
    judge,
    run_of,
    verdicts_of,
)
from tests.support.openai_stub import OpenAiStub, source_of, stubbing


async def test_the_budget_stops_before_it_is_passed(tmp_path: Path) -> None:
    files = {f"m{number}.py": "x = 1  # line\n" * 150 for number in range(4)}
    price = {"judge": Price(1000.0, 0.0)}  # a dollar per thousand bytes at most
    async with stubbing(OpenAiStub(honest, usage={"prompt_tokens": 2000, "completion_tokens": 1})
                        ) as stub:  # fmt: skip
        config = config_of(stub, part_chars=4_000, prices=price, budget_usd=9.0)
        with pytest.raises(ToolFault, match=r"budget of 9 USD.*not read by judge: m\d\.py"):
            await judge(run_of(tmp_path, files), config)

    assert 0 < len(stub.requests) < 4


def knowing(met: str, points: Callable[[str], int]) -> Any:
    """Verdict `met` on the canary's health route; `points` by the text of a criterion."""

    def answer(_model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
        lines = source_of(prompt).splitlines()
        number, quote = next(line for line in lines if "def " in line).split("|", 1)
        proof = [{"path": "app.py", "line": int(number), "quote": quote.strip()}]
        if any(safety_last(q["text"]) == 1 for q in asked):
            return {"scores": [{"id": q["id"], "score": 0 if is_control(q) else points(q["text"]),
                                "evidence": proof} for q in asked]}  # fmt: skip
        verdicts = {q["id"]: met if "GET /health" in q["text"] else "not_met" for q in asked}
        return {"verdicts": [{"id": key, "verdict": one, "evidence": proof}
                             for key, one in verdicts.items()]}  # fmt: skip

    return answer


def safety_last(text: str) -> int:
    return 1 if text.startswith("Secrets, queries") else 7


async def look(tool: Requirements | CodeQuality, tmp_path: Path) -> Parsed:
    run = run_of(tmp_path / tool.name, dict(tool.canary.files), None)
    return await tool.run(replace(run, canary=True), Runner(tmp_path))


@pytest.mark.parametrize("kind", [Requirements, CodeQuality])
async def test_a_canary_is_seen_in_one_call_and_not_paid_for_twice(
    tmp_path: Path, kind: type[Requirements] | type[CodeQuality]
) -> None:
    async with stubbing(OpenAiStub(knowing("met", safety_last))) as stub:
        tool = kind(config_of(stub))
        first, second = await look(tool, tmp_path), await look(tool, tmp_path)

    assert tool.canary.expect & {one.rule_id for one in first.findings}
    assert first is second
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        (Requirements, knowing("not_met", safety_last), "canary-health: not_met, expected met"),
        (CodeQuality, knowing("met", lambda _text: 0), "security_practice 0.*readability 0"),
        (CodeQuality, knowing("met", lambda _text: 7), "security_practice 7"),
    ],
)
async def test_a_judge_that_answers_every_app_alike_is_blind(
    tmp_path: Path, kind: type[Requirements] | type[CodeQuality], answer: Any, reason: str
) -> None:
    async with stubbing(OpenAiStub(answer)) as stub:
        tool = kind(config_of(stub))
        for _ in range(2):
            with pytest.raises(ToolFault, match=f"canary not seen: .*{reason}"):
                await look(tool, tmp_path)

    assert len(stub.requests) == 1


async def test_a_report_says_what_its_canary_cost(tmp_path: Path) -> None:
    async with stubbing(OpenAiStub(knowing("met", safety_last))) as stub:
        tool = Requirements(config_of(stub, prices={"judge": Price(1.0, 2.0)}))
        await look(tool, tmp_path)
        parsed = await tool.run(run_of(tmp_path / "app", APP), Runner(tmp_path))

    (call,) = parsed.data["canary_calls"]
    assert call["cost_usd"] == pytest.approx(0.00014)
    assert len(parsed.data["calls"]) == 1


async def test_a_retry_goes_on_with_the_budget_that_is_left(tmp_path: Path) -> None:
    price = {"judge": Price(1000.0, 0.0)}
    async with stubbing(OpenAiStub(honest, usage={"prompt_tokens": 5000, "completion_tokens": 1})
                        ) as stub:  # fmt: skip
        config = config_of(stub, prices=price, budget_usd=6.0)
        requirements, quality = build_tools(config)
        await requirements.run(run_of(tmp_path, APP), Runner(tmp_path))
        with pytest.raises(ToolFault, match=r"budget of 6 USD: 5\.0"):
            await requirements.run(run_of(tmp_path, APP), Runner(tmp_path))
        with pytest.raises(ToolFault, match=r"budget of 6 USD: 5\.0"):
            await quality.run(run_of(tmp_path, APP), Runner(tmp_path))
        other = run_of(tmp_path, APP, subtask_id="p/m/app2/ai")
        assert verdicts_of(await requirements.run(other, Runner(tmp_path)))["R1"] == "met"


async def test_a_connection_that_never_was_costs_nothing(tmp_path: Path) -> None:
    config = AiConfig(
        base_url="http://127.0.0.1:9/v1", models=("judge",),
        prices={"judge": Price(1000.0, 0.0)}, budget_usd=8.0,
    )  # fmt: skip
    tool = Requirements(config)
    for _ in range(20):  # each asks for some dollars of the budget, and gives them back
        with pytest.raises(ToolFault, match="cannot reach"):
            await tool.run(run_of(tmp_path, APP), Runner(tmp_path))
