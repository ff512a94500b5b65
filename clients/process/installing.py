"""The dependencies that an app needs before its processes start, installed once per content."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clients.appfolder import AppPlan, read_plan
from clients.logs import Artifacts
from clients.process.environments import Environments
from clients.process.recipe import Recipe, recipe
from contract.analysis import ArtifactRef
from contract.spec import AppSpec
from telemetry.spans import span


@dataclass(slots=True)
class Installation:
    """The installation of one app, so far.

    Attributes:
        folders: by service, its installed dependencies.
        notes: substitutions and settings not honoured.
        logs: of installations done now; of one `ahead` of the start, also what was there already.
        ahead: whether it is only installed.
        anew: whether anything had to be installed.
    """

    plan: AppPlan = field(default_factory=lambda: AppPlan(()))
    recipes: list[Recipe] = field(default_factory=list[Recipe])
    folders: dict[str, Path | None] = field(default_factory=dict[str, Path | None])
    notes: list[str] = field(default_factory=list[str])
    logs: list[ArtifactRef] = field(default_factory=list[ArtifactRef])
    ahead: bool = False
    anew: bool = False

    async def install(
        self,
        app: AppSpec,
        environments: Environments,
        artifacts: Artifacts,
        on_progress: Callable[[str], None],
    ) -> None:
        """Read the app's folder and install what each service needs.

        Raises:
            AppFault: the app is at fault.
            PlatformError: the platform is.
        """
        with span("build app") as seen:
            await self._install(app, environments, artifacts, on_progress)
            seen.set(unchanged=not self.anew)

    async def _install(
        self,
        app: AppSpec,
        environments: Environments,
        artifacts: Artifacts,
        on_progress: Callable[[str], None],
    ) -> None:
        self.plan = await asyncio.to_thread(read_plan, Path(app.source.path))
        self.notes += self.plan.dropped
        self.recipes = [await asyncio.to_thread(recipe, service) for service in self.plan.services]
        self.notes += [
            f"{known.name}: {found}" for known in self.recipes for found in known.substitutions
        ]
        for known in self.recipes:
            folder, text = await environments.ensure(known, on_progress)
            self.folders[known.name] = folder
            self.anew = self.anew or bool(text)
            if self.ahead and folder and not text:
                text = f"{known.name}: dependencies unchanged, installed earlier: {folder.name}\n"
            if text:
                self.logs.append(await artifacts.put_bytes(text.encode(), "build.log"))
