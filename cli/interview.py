"""The questions of the wizard on a terminal, one after another; any of them can be gone back to."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.choosing import ALL, BACK, GoBackError, asked, chosen, confirmed, numbers
from cli.errors import explained
from cli.installation import machine_of, platform_of, store_of
from cli.output import report_error, say
from cli.safe import one_line
from cli.surveyed import survey_lines
from cli.terminal import progress_out
from contract.analyzers import AnalyzerKind
from control.authoring import Answers, Step, answered, checked, require_pipeline, text_of
from control.declared import tools_of
from control.dryrun import no_engine
from control.errors import WrongInputError
from control.fleet import folder_of
from control.fleets import Fleet, find_fleets, look_at
from control.more_options import Question, offered, told
from control.plans import resolve
from control.specs import SpecExistsError, write_spec
from control.surveying import survey
from settings import Settings

_LISTED = 9
_NUMBERS_LISTED = 30
_NONE = "none"


class Interview:
    """What was answered so far.

    Attributes:
        answers: to the questions until now.
        fleet: what is in the folder.
        apps: how many apps the pipeline would have.
        target: the file that was written.
        start: whether the pipeline is to start.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        on = [
            kind.value for kind in AnalyzerKind if kind.row.by_default or not settings.lacks(kind)
        ]
        self.answers = Answers(analyzers=tuple(on))
        self.fleet = Fleet(root="", models=())
        self.apps = 0
        self.target = Path("pipeline.yaml")
        self.start = False

    def run(self) -> None:
        """Ask everything, and write the spec. A wrong answer is told, and asked for again."""
        say(f"Enter takes what is in brackets, {BACK} goes back, Ctrl-C ends")
        questions = self._questions()
        place = 0
        were_asked: list[int] = []
        while place < len(questions):
            try:
                if questions[place]():
                    were_asked.append(place)
                place += 1
            except GoBackError:
                place = were_asked.pop() if were_asked else 0
            except WrongInputError as error:
                report_error(explained(error), as_json=False)

    def _questions(self) -> tuple[Callable[[], bool], ...]:
        return (
            self._folder,
            self._models,
            self._numbers,
            self._templates,
            self._analyzers,
            self._trusted,
            self._limits,
            self._file,
            self._begin,
        )

    def _answer(self, **fields: object) -> None:
        self.answers = self.answers.model_copy(update=fields)

    def _folder(self) -> bool:
        found = find_fleets(Path.cwd())
        near = [Path(fleet.root) for fleet in found.fleets[:_LISTED]]
        names = [_relative(path) for path in near]
        where = f"{found.depth} folders deep below {found.below}"
        part = "" if found.whole else ", which was not looked through to the end"
        say(f"fleets at most {where}{part}:" if near else f"no fleet at most {where}{part}")
        for place, (name, fleet) in enumerate(zip(names, found.fleets, strict=False), 1):
            say(f"  {place}  {name} ({fleet.models} models, {fleet.apps} apps)")
        if len(found.fleets) > _LISTED:
            say(f"  and {len(found.fleets) - _LISTED} more")
        kind = "its number, or any folder" if near else "<root>/<model>/app<N>/"
        answer = asked(f"Folder of the fleet ({kind})", names[0] if near else "")
        if answer.isdecimal() and 1 <= int(answer) <= len(names):
            answer = names[int(answer) - 1]
        self.fleet = look_at(folder_of(Path.cwd(), answer, "the folder"))
        self._answer(
            root=self.fleet.root, models=None, numbers=None, templates={}, templates_dir=""
        )
        for note in self.fleet.notes:
            say(note)
        return True

    def _models(self) -> bool:
        names = [model.name for model in self.fleet.models]
        if len(names) == 1:
            say(f"one model: {names[0]}")
            return False
        say("models: " + "  ".join(f"{place} {name}" for place, name in enumerate(names, 1)))
        picked = chosen(asked("Models (names or numbers, 1,3-4)", ALL), names, "model")
        self._answer(models=None if len(picked) == len(names) else picked)
        self._check(Step.APPS, numbers=None)
        return True

    def _numbers(self) -> bool:
        models = self.answers.models
        of = [model for model in self.fleet.models if models is None or model.name in models]
        there = sorted({number for model in of for number in model.numbers})
        if len(there) == 1:
            return False
        listed = ", ".join(map(str, there[:_NUMBERS_LISTED]))
        more = f" and {len(there) - _NUMBERS_LISTED} more" if len(there) > _NUMBERS_LISTED else ""
        say(f"apps of each model: {listed}{more}; an app number stands for a template")
        picked = numbers(asked("Apps (1,3-4)", ALL), there, "app")
        self._answer(numbers=None if len(picked) == len(there) else picked)
        self._check(Step.APPS)
        return True

    def _templates(self) -> bool:
        known = answered(Step.APPS, Answers(), self.fleet)
        if known.templates:
            named = ", ".join(f"app{n} {slug}" for n, slug in known.templates.items())
            use = confirmed(f"Templates as in {self.fleet.told_by}: {named}?", default=True)
            folder = known.templates_dir if use else ""
            self._answer(templates=known.templates if use else {}, templates_dir=folder)
        elif self.fleet.declared:
            self._ask_templates()
        else:
            return False
        self._check(Step.APPS)
        return True

    def _ask_templates(self) -> None:
        there = self.answers.numbers or self.fleet.numbers
        say(f"templates in {self.fleet.templates_dir}: {', '.join(self.fleet.declared)}")
        apps = ", ".join(f"app{number}" for number in there[:_NUMBERS_LISTED])
        answer = asked(f"Templates of {apps}, in this order (a, b; Enter: none is named)")
        slugs = [slug.strip() for slug in answer.split(",") if slug.strip()]
        if slugs and len(slugs) != len(there):
            raise WrongInputError(
                f"{len(slugs)} templates for {len(there)} apps", next_step="name one for each"
            )
        named = dict(zip(there, slugs, strict=False))
        self._answer(templates=named, templates_dir=self.fleet.templates_dir if named else "")

    def _analyzers(self) -> bool:
        names = [kind.value for kind in AnalyzerKind]
        for place, kind in enumerate(AnalyzerKind, 1):
            lacking = self._settings.lacks(kind)
            missing = f"  cannot measure here: {lacking}" if lacking else ""
            say(f"  {place}  {kind} ({len(tools_of(kind))} tools){missing}")
        on = ",".join(self.answers.analyzers)
        picked = chosen(asked("Analyzers (names or numbers)", on), names, "analyzer")
        kept = {kind: tools for kind, tools in self.answers.tools.items() if kind in picked}
        self._answer(analyzers=picked, tools=kept)
        self._check(Step.ANALYZERS)
        return True

    def _trusted(self) -> bool:
        """Only where it matters: without an engine, live analyzers measure trusted apps alone."""
        machine = machine_of(self._settings)
        live = any(AnalyzerKind(name).is_live for name in self.answers.analyzers)
        cause = no_engine(machine) if live and machine else ""
        if not cause:
            self._answer(trusted=False)
            return False
        say(f"apps of others cannot run here: {cause}")
        question = "Did you write all of these apps yourself, so that they may run confined?"
        self._answer(trusted=confirmed(question, default=False))
        return True

    def _limits(self) -> bool:
        own = self.answers
        tools = "some tools" if own.tools else "every tool"
        say(
            f"limits: {own.parallelism} apps in flight, way out {own.egress}, "
            f"controls {own.controls}, {tools}, "
            f"{f'compared with {own.baseline}' if own.baseline else 'no baseline'}, "
            f"{told(own, own.analyzers) or 'no more options'}"
        )
        if confirmed("Change one of them?", default=False):
            self._ask_limits()
        self._check(Step.LIMITS)
        asyncio.run(require_pipeline(store_of(self._settings), self.answers.baseline))
        self._look()
        return True

    def _ask_limits(self) -> None:
        own = self.answers
        self._answer(parallelism=asked("Apps in flight at once (1 to 50)", own.parallelism))
        self._answer(egress=asked("May running apps reach the outside (deny, allow)", own.egress))
        self._answer(
            controls=asked("Control apps that prove the tools (auto, on, off)", own.controls)
        )
        baseline = asked("Compare weaknesses with pipeline (its ID)", own.baseline or _NONE)
        self._answer(baseline="" if baseline == _NONE else baseline)
        for kind in own.analyzers:
            names = self._tools(kind)
            others = {other: its for other, its in self.answers.tools.items() if other != kind}
            self._answer(tools=others | ({kind: names} if names else {}))
        questions = offered(own.analyzers)
        names = ", ".join(each.field for each in questions)
        if confirmed(f"More options ({names})?", default=bool(told(own, own.analyzers))):
            self._ask_more(questions)

    def _ask_more(self, questions: Sequence[Question]) -> None:
        for each in questions:
            if each.field == "password" and not self.answers.login:
                self._answer(password="")
                continue
            before = getattr(self.answers, each.field) or _NONE
            answer = asked(f"{each.text} ({each.example})", before)
            self._answer(**{each.field: "" if answer == _NONE else answer})

    def _tools(self, kind: str) -> tuple[str, ...]:
        """The tools of an analyzer that are to run; none: all of them."""
        names = tools_of(AnalyzerKind(kind))
        before = ",".join(self.answers.tools.get(kind, ())) or ALL
        picked = chosen(asked(f"Tools of {kind}: {', '.join(names)}", before), names, "tool")
        return () if len(picked) == len(names) else picked

    def _look(self) -> None:
        spec = checked(self.answers, self.fleet)
        notes: list[str] = []
        plan = resolve(spec, Path.cwd(), "wizard", notes.append)
        self.apps = len(plan.apps)
        found = asyncio.run(survey("your answers", plan, platform_of(self._settings)))
        for line in survey_lines(found):
            progress_out.print(line)

    def _file(self) -> bool:
        self.target = Path(asked("Write the spec to", str(self.target))).expanduser()
        text = text_of(self.answers, self.fleet)
        try:
            write_spec(self.target, text)
        except SpecExistsError:
            name = one_line(str(self.target))
            if not confirmed(f"{name} exists. Overwrite?", default=False):
                raise WrongInputError(
                    f"{name} was left as it is", next_step="name another file"
                ) from None
            write_spec(self.target, text, replace=True)
        return True

    def _begin(self) -> bool:
        self.start = confirmed("Start it now?", default=True)
        return True

    def _check(self, step: Step, **also: object) -> None:
        """Refuse what was answered if it cannot be; `also`: what is forgotten with it."""
        self._answer(**also)
        checked(self.answers, self.fleet, step)


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd()))
