"""`wizard`: asks a few questions, writes a spec file, and submits it if the user agrees."""

from dataclasses import dataclass
from pathlib import Path

import typer
import yaml

from cli.commands.submit import run_submit
from cli.documents import Written
from cli.errors import UserError
from cli.exits import Exit
from cli.output import print_json, say
from cli.program import command
from cli.safe import one_line
from cli.words import AI_IS_OFF
from contract.analyzers import AnalyzerKind
from control.fleet import folder_of
from control.naming import new_id
from control.plans import plan_line, resolve
from control.specfile import parse_spec
from settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers: how many apps the spec has, where it is, and whether to submit it."""

    apps: int
    target: Path
    submit: bool


def ask() -> Answers:
    """Ask, and write the spec. Questions are on standard error: standard output is for results."""
    settings = load_settings()
    answer = typer.prompt("Folder of the fleet (<root>/<model>/app<N>/)", err=True)
    root = folder_of(Path.cwd(), answer, "the folder")
    with_tools = [kind for kind in AnalyzerKind if kind.row.equipment == "tools"]
    kinds = list(AnalyzerKind) if settings.ai_configured else with_tools
    if not settings.ai_configured:
        say(AI_IS_OFF)
    analyzers = [kind.value for kind in kinds if _confirm(f"Run {kind.value}?")]
    parallelism = typer.prompt("Apps in flight at once", default=3, type=int, err=True)
    document = {"apps": {"root": str(root)}, "analyzers": analyzers, "parallelism": parallelism}
    spec = parse_spec(document, "your answers")
    plan = resolve(spec, Path.cwd(), "wizard", say)
    say(f"that is {plan_line(plan)}")
    target = Path(typer.prompt("Write the spec to", default="pipeline.yaml", err=True))
    _write_new(target, yaml.safe_dump(document, sort_keys=False))
    say(f"submit it any time: {command(f'submit {target} --wait')}")
    return Answers(len(plan.apps), target, _confirm("Submit it now?"))


async def run_answers(settings: Settings, answers: Answers, *, as_json: bool) -> Exit:
    """Submit the spec, if that was the answer."""
    if answers.submit:
        name = new_id(answers.target.stem)
        return await run_submit(settings, answers.target, name, wait=True, as_json=as_json)
    if as_json:
        print_json(Written(spec=str(answers.target.absolute()), apps=answers.apps))
    return Exit.OK


def _confirm(question: str, *, default: bool = True) -> bool:
    return typer.confirm(question, default=default, err=True)


def _write_new(target: Path, text: str) -> None:
    question = f"{one_line(str(target))} exists. Overwrite?"
    if target.exists() and not _confirm(question, default=False):
        raise UserError("nothing written", next_step="run the wizard again with another file name")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target}: {error.strerror}") from error
