"""What is told of the versions of the workers, and of what runs on each."""

from datetime import datetime

from contract.base import Frozen


class DeployedVersion(Frozen):
    """One version of the workers' code.

    Attributes:
        state: `current`: what begins, begins here; `ramping`: a part of it does; `draining`: it
            still has work; `drained`: it has none; `inactive`: it never was current.
        workers: how many asked for work within the last 90 s.
        pipelines: how many pipelines run on it.
        workflows: how many workflows in all: also those of apps.
        stranded: whether they wait for ever: no worker has this code any more.
    """

    build_id: str
    state: str
    workers: int = 0
    pipelines: int = 0
    workflows: int = 0
    stranded: bool = False
    last_current_at: datetime | None = None


class DeploymentStatus(Frozen):
    """The versions of one deployment.

    Attributes:
        current: build ID on which begins what begins; empty: on workers that are not versioned.
        former: the build ID that was current before; empty: none, or it is forgotten.
        versions: the current one first, then the latest.
        unversioned_workers: how many of those that asked for work say no version.
    """

    deployment: str
    current: str = ""
    former: str = ""
    versions: tuple[DeployedVersion, ...] = ()
    unversioned_workers: int = 0

    @property
    def current_workers(self) -> int:
        """How many workers would do what begins."""
        if not self.current:
            return self.unversioned_workers
        return sum(one.workers for one in self.versions if one.build_id == self.current)

    @property
    def problem(self) -> str:
        """What keeps work from being done; empty: nothing."""
        stranded = [one for one in self.versions if one.stranded]
        if stranded:
            names = ", ".join(f"{one.build_id} ({one.pipelines} pipelines)" for one in stranded)
            return f"no worker has the code that running pipelines began with: {names}"
        if self.current and self.unversioned_workers:
            return f"{self.unversioned_workers} workers say no build ID, and get no work"
        if not self.current and any(one.workers for one in self.versions):
            return "no version is current: versioned workers get no work that begins"
        others = [one.build_id for one in self.versions if one.workers]
        if others and not self.current_workers:
            names = ", ".join(others)
            return f"pipelines begin on build {self.current}, which has no worker; {names} has some"
        return ""


class Moved(Frozen):
    """Running work that was moved off a version.

    Attributes:
        build_id: the version that it was on.
        workflows: how many workflows.
        pipelines: names of the pipelines among them.
    """

    build_id: str
    workflows: int
    pipelines: tuple[str, ...] = ()


class Switched(Frozen):
    """Which version is current now.

    Attributes:
        current: its build ID; empty: workers that are not versioned.
        former: which one it was before; the same where nothing changed.
        moved: running work that waited for a version without workers, and goes on here now.
    """

    deployment: str
    current: str
    former: str = ""
    moved: tuple[Moved, ...] = ()
