"""`wizard`: a few questions, a spec file, and the pipeline if the answer is yes."""

import asyncio
from pathlib import Path

import typer
import yaml

from cli.app import AI_IS_OFF, new_id, say, stdout
from cli.errors import UserError
from cli.fleet import folder_of, resolve
from cli.run import plan_line, run_submit
from cli.specfile import parse_spec
from contract.spec import AnalyzerKind
from settings import Settings


async def run_wizard(settings: Settings) -> int:
    """Ask, write the spec, submit it on request."""
    answer = typer.prompt("Folder of the fleet (<root>/<model>/app<N>/)")
    root = folder_of(Path.cwd(), answer, "the folder")
    kinds = [kind for kind in AnalyzerKind if kind is not AnalyzerKind.AI or settings.ai_configured]
    if not settings.ai_configured:
        say(AI_IS_OFF)
    analyzers = [kind.value for kind in kinds if typer.confirm(f"Run {kind.value}?", default=True)]
    parallelism = typer.prompt("Apps in flight at once", default=3, type=int)
    document = {"apps": {"root": str(root)}, "analyzers": analyzers, "parallelism": parallelism}
    spec = parse_spec(document, "your answers")
    plan = await asyncio.to_thread(resolve, spec, Path.cwd(), "wizard")
    stdout.print(f"that is {plan_line(plan)}")
    target = Path(typer.prompt("Write the spec to", default="pipeline.yaml"))
    _write_new(target, yaml.safe_dump(document, sort_keys=False))
    stdout.print(f"submit it any time: python starter.py submit {target} --wait")
    if not typer.confirm("Submit it now?", default=True):
        return 0
    return await run_submit(settings, target, new_id(target.stem), wait=True, as_json=False)


def _write_new(target: Path, text: str) -> None:
    if target.exists() and not typer.confirm(f"{target} exists. Overwrite?", default=False):
        raise UserError("nothing written", next_step="run the wizard again with another file name")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target}: {error.strerror}") from error
