"""Whose fault it is when an app's container does not come up."""

from dataclasses import dataclass, replace

import pytest

from clients.appfolder import AppFault, ServicePlan
from clients.docker.containers import State
from clients.docker.launch import Launch
from clients.targets import resolve_targets
from contract.errors import ErrorCode, PlatformError
from contract.running import RunningApp

DEAD = State(
    id="c1", name="web", running=False, unbroken=False, exit_code=0, out_of_memory=False,
    health="", ports={8000: 40_000}, labels={}, dns_name="web-1", address="",
)  # fmt: skip
RUNNING = replace(DEAD, running=True, unbroken=True)


@dataclass
class FakeContainers:
    """Answers with `states` one after another, the last of them for ever."""

    states: list[State | None]
    why_taken: str = ""

    async def state(self, container_id: str) -> State | None:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    async def start(self, container_id: str) -> str:
        return ""

    async def log(self, container_id: str) -> bytes:
        return b"boom\n"

    async def taken(self, container_id: str) -> str:
        return self.why_taken


def launch(containers: FakeContainers) -> Launch:
    return Launch(
        containers, "pipeline/p/m/app1", [ServicePlan("web")], {"web": "c1"}, "host",
        deadline_s=0.0, on_progress=lambda _: None,
    )  # fmt: skip


async def test_an_app_that_exits_is_at_fault_and_its_last_words_are_told():
    with pytest.raises(AppFault, match=r"web exited with 0: boom"):
        await launch(FakeContainers([DEAD])).up()


@pytest.mark.parametrize("states", [[DEAD], [RUNNING, None], [RUNNING]])
async def test_what_the_engine_took_away_while_it_started_is_no_fault_of_the_app(states):
    why = "the Docker daemon was restarted and took its container with it"

    with pytest.raises(PlatformError, match="web: the Docker daemon was restarted") as caught:
        await launch(FakeContainers(states, why_taken=why)).up()

    assert caught.value.code is ErrorCode.UNAVAILABLE


async def test_a_service_remembers_the_ports_it_was_written_for(monkeypatch: pytest.MonkeyPatch):
    """Of what it publishes, what leads to the port that answered."""

    async def answers(_url: str) -> bool:
        return True

    monkeypatch.setattr("clients.docker.launch.answers", answers)
    one = launch(FakeContainers([RUNNING]))
    one.plans = [ServicePlan("web", published=((5432, 5432), (3000, 8000), (3001, 8000)))]

    (service,) = await one.up()

    assert (service.published, service.written_for) == ((3000, 3001), (8000,))
    app = RunningApp(workflow_id="w", host="h", engine="docker", services=(service,))
    (target,) = resolve_targets(app, "host")
    assert (target.base_url, target.published) == ("http://127.0.0.1:40000", (3000, 3001))
    assert target.written_for == (8000,)
