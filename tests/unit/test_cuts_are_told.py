"""A list that is cut says how many more there are: on pages, and of what the server is asked."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.analyzers import AnalyzerKind
from contract.ids import janitor_schedule_id
from control.hosts import hosts_at_work
from control.live_documents import HostQueue
from dashboard.rendering import fragment
from settings import PROJECT_ROOT

TEMPLATES = sorted((PROJECT_ROOT / "dashboard" / "templates").glob("*.j2"))
CUT = re.compile(r"\bfor [\w, ]+ in ([\w.]+)\[:(\d+)\]")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_page_that_shows_the_first_of_a_list_says_how_many_more_there_are(path: Path) -> None:
    text = path.read_text()
    for name, most in CUT.findall(text):
        told = (f"more({name}, {most},", f"{name} | length - {most}")
        assert any(words in text for words in told), f"{name}[:{most}] is cut without a word"


def test_pages_do_cut_lists() -> None:
    assert sum(len(CUT.findall(path.read_text())) for path in TEMPLATES) > 5


class Server:
    """One on which so many hosts have a janitor; nobody asks it for work."""

    def __init__(self, hosts: int) -> None:
        self.namespace = "n"
        self.workflow_service = self
        self._ids = [janitor_schedule_id(f"h{number}") for number in range(hosts)]

    async def list_workers(self, _: object) -> Any:
        return SimpleNamespace(workers_info=())

    async def describe_task_queue(self, _: object) -> Any:
        return SimpleNamespace(pollers=())

    async def list_schedules(self, **_: object) -> AsyncIterator[Any]:
        async def listed() -> AsyncIterator[Any]:
            for id_ in (*self._ids, "of-others"):
                yield SimpleNamespace(id=id_)

        return listed()


@pytest.mark.parametrize(("hosts", "left_out"), [(3, 0), (50, 0), (53, 3)])
async def test_hosts_that_the_server_is_not_asked_about_are_counted(
    hosts: int, left_out: int
) -> None:
    server: Any = Server(hosts)
    assert (await hosts_at_work(server, (AnalyzerKind.DYNAMIC,))).left_out == left_out


@pytest.mark.parametrize("left_out", [0, 3])
def test_a_page_says_how_many_hosts_are_left_out(left_out: int) -> None:
    seen = SimpleNamespace(
        hosts=(HostQueue(host="h", queue="apps"),), hosts_left_out=left_out, is_over=False
    )
    told = fragment("live_part.html.j2", seen=seen, part_name="hosts")

    assert ("3 more hosts are left out" in told) is bool(left_out)
