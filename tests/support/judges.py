"""Panels of judges for tests: an app, its template, and models that are honest or dishonest."""

from pathlib import Path
from typing import Any

from analyzers.ai.config import AiConfig
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.ai.tools.requirements import Requirements
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.tool import Parsed, SourceTree, ToolRun
from contract.analysis import SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef
from contract.template import Requirement, TemplateSpec
from tests.support.openai_stub import OpenAiStub, source_of

CODE = 'app = Flask(__name__)\n@app.get("/notes")\ndef notes():\n    return all_notes()\n'
APP = {"app.py": CODE}
TEMPLATE = TemplateSpec(
    slug="notes",
    requirements=(
        Requirement(id="R1", text="GET /notes lists the notes"),
        Requirement(id="R2", text="A user can log in"),
    ),
)


def run_of(
    tmp_path: Path,
    files: dict[str, str],
    template: TemplateSpec | None = TEMPLATE,
    subtask_id: str = "p/m/app1/ai",
) -> ToolRun:
    root = tmp_path / "source"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    request = SubtaskRequest(
        subtask_id=subtask_id,
        analyzer=AnalyzerKind.AI,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(root), digest="d"),
        template=template,
        deadline_s=20,
    )
    return ToolRun(request, SourceTree(root, tuple(sorted(files))), tmp_path, tmp_path)


def honest(_model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
    """Answers "met" where the word of the requirement is in the code, with true evidence."""
    found = [line for line in source_of(prompt).splitlines() if "/notes" in line]
    verdicts = []
    for one in asked:
        if "/notes" in one["text"] and found:
            number, quote = found[0].split("|", 1)
            proof = [{"path": "app.py", "line": int(number), "quote": quote.strip()}]
            verdicts.append({"id": one["id"], "verdict": "met", "evidence": proof})
        else:
            verdicts.append({"id": one["id"], "verdict": "not_met"})
    return {"verdicts": verdicts}


def obedient(_model: str, asked: list[dict[str, str]], prompt: str) -> dict[str, Any]:
    """A judge that answers "met" to everything if the app asks it to, with true evidence."""
    if "approve" not in prompt:
        return honest(_model, asked, prompt)
    proof = [{"path": "app.py", "line": 2, "quote": '@app.get("/notes")'}]
    return {"verdicts": [{"id": q["id"], "verdict": "met", "evidence": proof} for q in asked]}


def is_control(question: dict[str, str]) -> bool:
    return "paper tape" in question["text"]


def config_of(stub: OpenAiStub, **more: Any) -> AiConfig:
    return AiConfig(**{"base_url": stub.url, "models": ("judge",), **more})


async def judge(run: ToolRun, config: AiConfig) -> Parsed:
    return await Requirements(config).run(run, Runner(run.workspace))


async def score(run: ToolRun, config: AiConfig) -> Parsed:
    return await CodeQuality(config).run(run, Runner(run.workspace))


def verdicts_of(parsed: Parsed) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in parsed.data["requirements"]}


def figure(parsed: Parsed, name: str, target: str = "") -> float | None:
    found = [m.value for m in parsed.metrics if (m.name, m.target) == (name, target)]
    return found[0] if found else None


def scoring(points: int, control: int) -> Any:
    def answer(_model: str, asked: list[dict[str, str]], _prompt: str) -> dict[str, Any]:
        proof = [{"path": "app.py", "line": 3, "quote": "def notes():"}]
        return {
            "scores": [
                {
                    "id": one["id"],
                    "score": control if is_control(one) else points,
                    "evidence": proof,
                }
                for one in asked
            ]
        }

    return answer
