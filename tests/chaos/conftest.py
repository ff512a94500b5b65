"""A site of its own, the report of an undisturbed run, and the figures of the whole session."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos import engine, postgres
from tests.chaos.life import Round, broken_promises, live_through, load_tests_at_once, wasted
from tests.chaos.oracle import Cell, cells_of, median_and_worst, resume_times
from tests.chaos.schedule import FaultKind
from tests.chaos.site import Site

CI_FAULTS = 12
# Its twelve faults kill worker, server, engine and analyzers, and take store and disk away.
CI_SEED = 154


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of `make chaos`."""
    group = parser.getgroup("chaos")
    group.addoption("--chaos-seed", type=int, default=CI_SEED, help="seed of the faults' schedule")
    group.addoption("--chaos-faults", type=int, default=CI_FAULTS, help="how many faults are drawn")


@dataclass(slots=True)
class Ledger:
    """Results and figures of a whole session."""

    rounds: list[Round] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    impossible: set[FaultKind] = field(default_factory=set)
    seed: int = 0

    def enter(self, one: Round, reference: list[Cell]) -> list[str]:
        """Add a round; returns what is wrong with it."""
        found = [f"{one.pipeline_id}: {text}" for text in broken_promises(reference, one)]
        self.rounds.append(one)
        self.broken += found
        return found

    def resume_s(self) -> list[float]:
        """Resume times of every worker kill."""
        return [
            time_s
            for one in self.rounds
            for time_s in resume_times(one.worker_kills(), one.starts_of_all())
        ]

    def wasted_s(self) -> tuple[float, ...]:
        """Tool seconds of all rounds: thrown away, the unexplained part of these, and counted."""
        return tuple(map(sum, zip(*map(wasted, self.rounds), strict=True)))

    def unexplained_waste(self) -> float:
        """Tool time thrown away that no fault explains, as a share of what counted."""
        _, unexplained, counted = self.wasted_s()
        return unexplained / counted

    def lines(self) -> list[str]:
        """The figures."""
        done = [str(entry.fault.kind) for one in self.rounds for entry in one.injections]
        waste, _, counted = self.wasted_s()
        kinds = ", ".join(f"{kind} {done.count(kind)}" for kind in sorted(set(done)))
        return [
            f"seed {self.seed}: {len(done)} faults in {len(self.rounds)} pipelines: {kinds}",
            f"left out on this machine: {', '.join(sorted(self.impossible)) or 'nothing'}",
            f"broken promises: {len(self.broken)}",
            f"wasted work: {waste:.1f} s beside {counted:.1f} s that counted; "
            f"{self.unexplained_waste():.1%} beyond the killed steps",
            f"resume after a worker's death: {median_and_worst(self.resume_s())}",
            f"load tests at the same moment, at most: {load_tests_at_once(self.rounds)}",
        ]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running stack; everything of it is gone afterwards."""
    base = tmp_path_factory.mktemp("chaos")
    with ExitStack() as stack:
        place = Site(base / "data", _engine(base, stack), _postgres())
        try:
            place.up()
            yield place
        finally:
            left = place.down()
        assert left == []


def _engine(base: Path, stack: ExitStack) -> engine.Engine | engine.MachineEngine:
    if not engine.possible():
        return engine.MachineEngine()
    stack.enter_context(engine.own_network())
    own = engine.Engine(base / "engine")
    stack.callback(own.stop)
    own.start()
    own.wait()
    own.load_base()
    return own


def _postgres() -> postgres.Postgres | None:
    """A folder that is not below pytest's, because PostgreSQL's user cannot enter there."""
    if postgres.binary("initdb") is None:
        return None
    return postgres.Postgres(Path(tempfile.mkdtemp(prefix="assay-chaos-postgres-")))


@pytest.fixture(scope="package")
def undisturbed(site: Site) -> list[Cell]:
    """Cells of a run without faults; all of them must be measured."""
    one = asyncio.run(live_through(site, "undisturbed", []))
    cells = cells_of(one.apps)
    assert {cell.state for cell in cells} == {"measured"}, cells
    assert broken_promises(cells, one) == []
    return cells


@pytest.fixture(scope="package")
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """The session's figures, shown at its end."""
    book = Ledger(seed=request.config.getoption("chaos_seed", 1) or 1)
    yield book
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and book.rounds:
        reporter.ensure_newline()
        for line in [*book.lines(), *book.broken]:
            reporter.write_line(f"chaos: {line}")
