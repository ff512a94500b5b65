"""How long silence is waited for, and when it proves a hang; time is made up."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clients.calm import Host, Moment, Patience, look, strain


@dataclass
class Clock:
    """A host whose time passes as it is asked; `pressure` of each second that passes."""

    pressure: float = 0.0
    now_s: float = 0.0
    stalled_us: float = 0.0

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        self.stalled_us += seconds * self.pressure * 1e6

    def look(self) -> Moment:
        return Moment(self.now_s, {"cpu": int(self.stalled_us)}, 0.0)


@dataclass
class Service:
    """Answers the request with number `answers_at` (from 1); never: 0."""

    clock: Clock
    answers_at: int = 0
    ends_at: int = 0
    busy: str = ""
    calm_after: int = 10**6
    waited_s: list[float] = field(default_factory=list)

    async def answers(self, timeout_s: float) -> bool:
        self.waited_s.append(timeout_s)
        self.clock.pass_by(timeout_s)
        if len(self.waited_s) >= self.calm_after:
            self.clock.pressure = 0.0
        return len(self.waited_s) == self.answers_at

    async def interrupted(self) -> bool:
        return len(self.waited_s) == self.ends_at


def patience(clock: Clock, local: bool = True) -> Patience:
    return Patience(Host(local, clock.look), poll_s=0.0)


async def test_an_answer_ends_the_waiting():
    clock = Clock()
    service = Service(clock, answers_at=2)

    assert await patience(clock).wait(service) is None
    assert len(service.waited_s) == 2


async def test_an_end_is_no_silence():
    clock = Clock()

    assert await patience(clock).wait(Service(clock, ends_at=1)) is None


async def test_long_silence_on_a_calm_host_is_a_hang_with_its_evidence():
    clock = Clock()
    service = Service(clock)

    silence = await patience(clock).wait(service)

    assert silence is not None
    assert silence.proven
    assert silence.text.startswith("3 requests in 75 s")
    assert max(service.waited_s) >= 60


@pytest.mark.parametrize(
    ("pressure", "busy", "local", "why"),
    [
        (0.9, "", True, "CPU pressure 90%"),
        (0.0, "it has other connections open", True, "other connections"),
        (0.0, "", False, "load is not known"),
    ],
)
async def test_silence_that_something_else_explains_proves_nothing(pressure, busy, local, why):
    clock = Clock(pressure)
    service = Service(clock, busy=busy)

    silence = await patience(clock, local).wait(service)

    assert silence is not None
    assert not silence.proven
    assert why in silence.text
    assert clock.now_s < 240  # an activity has its limits


async def test_a_host_that_grows_calm_is_asked_again_and_its_busy_time_does_not_count():
    clock = Clock(pressure=0.9)
    service = Service(clock, calm_after=3)

    silence = await patience(clock).wait(service)

    assert silence is not None
    assert silence.proven
    assert len(service.waited_s) == 4


def kernel(folder: Path, **pressure: str) -> Path:
    (folder / "pressure").mkdir(exist_ok=True)
    for name, text in pressure.items():
        (folder / "pressure" / name).write_text(text)
    (folder / "loadavg").write_text("4096.0 1.0 1.0 1/1 1\n")
    return folder


async def test_the_kernels_counters_are_read(tmp_path: Path):
    some = "some avg10=1.00 avg60=0.92 avg300=1.21 total=8864496\n"
    full = "full avg10=0.49 avg60=0.39 avg300=0.88 total=6924232\n"

    found = look(kernel(tmp_path, cpu=some, io=some + full, memory="rubbish"))

    assert found.stalled_us == {"cpu": 8864496, "io": 6924232}


async def test_a_kernel_without_pressure_is_judged_by_its_load(tmp_path: Path):
    found = look(kernel(tmp_path))

    assert "per core" in strain(found, found)


@pytest.mark.parametrize(("name", "share"), [("memory", 0.5), ("io", 0.5), ("cpu", 0.7)])
def test_each_kind_of_waiting_is_a_strain(name: str, share: float):
    before, after = Moment(0, {name: 0}, 9), Moment(10, {name: int(share * 1e7)}, 9)

    assert f"pressure {share:.0%}" in strain(before, after)
    assert strain(before, Moment(10, {name: 1}, 9)) == ""
