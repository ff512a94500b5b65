"""Both tools against a stub endpoint over real HTTP."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzers.ai.config import AiConfig, Price
from analyzers.ai.tools import build_tools
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import NotApplicable, ToolFault
from tests.support.judges import (
    APP,
    config_of,
    figure,
    honest,
    judge,
    run_of,
    score,
    scoring,
    verdicts_of,
)
from tests.support.openai_stub import OpenAiStub, Refusal, source_of, stubbing


async def test_verdicts_with_evidence_usage_and_settings(tmp_path: Path) -> None:
    async with stubbing(OpenAiStub(honest)) as stub:
        parsed = await judge(
            run_of(tmp_path, APP), config_of(stub, prices={"judge": Price(1.0, 2.0)})
        )

    assert verdicts_of(parsed) == {"R1": "met", "R2": "not_met"}
    assert [finding.rule_id for finding in parsed.findings] == ["R2"]
    assert parsed.data["requirements"][0]["judges"]["judge"]["evidence"][0]["line"] == 2
    assert figure(parsed, "compliance") == 0.5
    assert figure(parsed, "input_tokens", "judge") == 100
    assert figure(parsed, "cost", "judge") == pytest.approx(0.00014)
    assert stub.requests[0]["temperature"] == 0
    assert stub.requests[0]["seed"] == 7
    assert (parsed.data["temperature"], parsed.data["seed"]) == (0, 7)
    (call,) = parsed.data["calls"]
    assert len(call["prompt_digest"]) == len(parsed.data["prompts_digest"]) == 64
    assert (call["input_tokens"], call["output_tokens"]) == (100, 20)
    assert (call["answered_by"], call["fingerprint"]) == ("judge", "fp-1")
    assert call["latency_s"] > 0


async def test_evidence_that_does_not_exist_proves_nothing(tmp_path: Path) -> None:
    def inventing(_model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
        answer = honest(_model, asked, prompt)
        for verdict in answer["verdicts"]:
            for proof in verdict.get("evidence", ()):
                proof["line"] = 999
        return answer

    async with stubbing(OpenAiStub(inventing)) as stub:
        parsed = await judge(run_of(tmp_path, APP), config_of(stub))

    assert verdicts_of(parsed) == {"R1": "cannot_tell", "R2": "not_met"}
    assert figure(parsed, "evidence_rejected", "judge") == 1


async def test_a_wrong_answer_is_repaired_once(tmp_path: Path) -> None:
    async with stubbing(OpenAiStub(honest, script=["I think it is fine."])) as stub:
        parsed = await judge(run_of(tmp_path, APP), config_of(stub))

    assert verdicts_of(parsed)["R1"] == "met"
    assert "no JSON object" in stub.requests[1]["messages"][-1]["content"]


async def test_a_wrong_answer_twice_is_a_tool_fault(tmp_path: Path) -> None:
    script: list[Refusal | str] = ['{"verdicts": []}', '{"verdicts": [{"id": "R1"}]}']
    async with stubbing(OpenAiStub(honest, script=script)) as stub:
        with pytest.raises(ToolFault, match="does not match the schema, also after one repair"):
            await judge(run_of(tmp_path, APP), config_of(stub))

    assert len(stub.requests) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_rate_limit_is_waited_for(tmp_path: Path, status: int) -> None:
    script: list[Refusal | str] = [Refusal(status, {"Retry-After": "0.05"})]
    async with stubbing(OpenAiStub(honest, script=script)) as stub:
        parsed = await judge(run_of(tmp_path, APP), config_of(stub))

    assert 0 < parsed.data["calls"][0]["waited_s"] <= 0.05
    assert len(stub.requests) == 2


async def test_what_one_call_was_told_to_wait_holds_for_all(tmp_path: Path) -> None:
    script: list[Refusal | str] = [Refusal(429, {"Retry-After": "3600"})]
    async with stubbing(OpenAiStub(honest, script=script)) as stub:
        for tool in build_tools(config_of(stub)) * 2:
            with pytest.raises(ToolFault, match=r"asked to wait 3[56]\d\d s"):
                await tool.run(run_of(tmp_path, APP), Runner(tmp_path))

    assert len(stub.requests) == 1


async def test_a_rate_limit_without_end_is_given_up_without_a_last_wait(tmp_path: Path) -> None:
    waits = ["0", "0", "0", "0", "90"]
    script: list[Refusal | str] = [Refusal(429, {"Retry-After": one}) for one in waits]
    async with stubbing(OpenAiStub(honest, script=script)) as stub:
        with pytest.raises(ToolFault, match="rate limited 5 times in a row"):
            await judge(run_of(tmp_path, APP), config_of(stub))

    assert len(stub.requests) == 5


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Refusal(429, {"Retry-After": "3600"}), "asked to wait 3600 s"),
        (Refusal(401), "check ASSAY_AI_API_KEY"),
        (Refusal(404), "check ASSAY_AI_BASE_URL and ASSAY_AI_MODELS"),
        (Refusal(500), "endpoint answered 500"),
        (Refusal(200, body="{not json"), "judge: "),
        (Refusal(200, body="{}"), "without content"),
    ],
)
async def test_a_failing_endpoint_is_a_tool_fault_at_once(
    tmp_path: Path, refusal: Refusal, reason: str
) -> None:
    async with stubbing(OpenAiStub(honest, script=[refusal])) as stub:
        with pytest.raises(ToolFault, match=reason):
            await judge(run_of(tmp_path, APP), config_of(stub))

    assert len(stub.requests) == 1


async def test_an_endpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = AiConfig(base_url="http://127.0.0.1:9/v1", models=("judge",))
    with pytest.raises(ToolFault, match=r"cannot reach http://127\.0\.0\.1:9/v1"):
        await judge(run_of(tmp_path, APP), config)


async def test_without_an_endpoint_the_next_step_is_told(tmp_path: Path) -> None:
    tool = CodeQuality(AiConfig())
    run = run_of(tmp_path, APP)
    with pytest.raises(ToolFault, match="set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS"):
        await tool.version(run, Runner(tmp_path))
    with pytest.raises(ToolFault, match="no endpoint configured"):
        await tool.run(run, Runner(tmp_path))


async def test_without_declared_requirements_it_is_not_applicable(tmp_path: Path) -> None:
    async with stubbing(OpenAiStub(honest)) as stub:
        with pytest.raises(NotApplicable):
            await judge(run_of(tmp_path, APP, template=None), config_of(stub))

    assert not stub.requests


async def test_a_long_app_is_read_in_parts_to_its_last_line(tmp_path: Path) -> None:
    filler = "".join(f"value_{number} = compute({number})\n" for number in range(400))
    files = {"a.py": filler, **APP, "logo.svg": "x" * 5000}
    async with stubbing(OpenAiStub(honest)) as stub:
        parsed = await judge(run_of(tmp_path, files), config_of(stub, part_chars=4_000))

    sent = "\n".join(source_of(one["messages"][1]["content"]) for one in stub.requests)
    assert len(stub.requests) > 2
    assert all(f"value_{number} =" in sent for number in range(400))
    assert verdicts_of(parsed) == {"R1": "met", "R2": "not_met"}
    assert (parsed.coverage.reached, parsed.coverage.given) == (2, 3)
    assert parsed.coverage.skipped[0].what == "logo.svg"


async def test_not_met_needs_the_whole_source(tmp_path: Path) -> None:
    run = run_of(tmp_path, {**APP, "bundle.js": "x" * 5_000})
    async with stubbing(OpenAiStub(honest)) as stub:
        parsed = await judge(run, config_of(stub))

    assert verdicts_of(parsed) == {"R1": "met", "R2": "cannot_tell"}
    assert parsed.findings == ()
    assert parsed.notes == ("no requirement is called not met: source not read: bundle.js",)
    assert figure(parsed, "compliance") is None


async def test_a_panel_that_lost_a_judge_says_which_and_is_not_kept(tmp_path: Path) -> None:
    script: list[Refusal | str] = ["", Refusal(500)]
    config = {"models": ("lost", "found")}
    async with stubbing(OpenAiStub(honest, script=script)) as stub:
        parsed = await judge(run_of(tmp_path, APP), config_of(stub, **config))
        whole = await judge(run_of(tmp_path, APP), config_of(stub, **config))

    (note,) = parsed.notes
    assert note.startswith("judge missing: lost: endpoint answered 500")
    assert note.endswith("not read by lost: app.py:1-4")
    assert parsed.findings[0].evidence == "1 of 2 judges: not met; 1 gave no opinion"
    assert parsed.data["requirements"][1]["judges"]["lost"]["verdict"] == "missing"
    assert parsed.fresh_for == timedelta(0)
    assert (whole.notes, whole.fresh_for) == ((), None)


async def test_judges_that_disagree_lower_the_agreement(tmp_path: Path) -> None:
    def split(model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
        if model == "a":
            return honest(model, asked, prompt)
        return {"verdicts": [{"id": one["id"], "verdict": "not_met"} for one in asked]}

    async with stubbing(OpenAiStub(split)) as stub:
        parsed = await judge(run_of(tmp_path, APP), config_of(stub, models=("a", "b")))

    assert verdicts_of(parsed) == {"R1": "cannot_tell", "R2": "not_met"}
    assert figure(parsed, "agreement_alpha") == pytest.approx(0.0)


async def test_a_quality_judge_without_evidence_is_named(tmp_path: Path) -> None:
    def mixed(model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
        answer = scoring(6, 0)(model, asked, prompt)
        if model == "vague":
            answer["scores"] = [{**one, "evidence": []} for one in answer["scores"]]
        return answer

    async with stubbing(OpenAiStub(mixed)) as stub:
        parsed = await score(run_of(tmp_path, APP), config_of(stub, models=("vague", "exact")))

    assert figure(parsed, "quality_mean") == 6
    assert parsed.notes == ("no score with evidence that exists from vague",)


async def test_code_quality_scores_every_criterion(tmp_path: Path) -> None:
    run = run_of(tmp_path, APP)
    async with stubbing(OpenAiStub(scoring(6, 0), usage=None)) as stub:
        parsed = await score(run, config_of(stub))

    assert figure(parsed, "quality_readability") == 6
    assert figure(parsed, "quality_mean") == 6
    assert figure(parsed, "input_tokens", "judge") is None
    assert "latency" in {one.name for one in parsed.metrics}
