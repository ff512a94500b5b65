"""Which ports a container may answer on, and what says so."""

import time

import pytest

from clients.appfolder import ServicePlan
from clients.docker.ports import (
    WELL_KNOWN_PORTS,
    candidate_ports,
    declared_ports,
    logged_ports,
)


def test_ports_are_tried_in_order_of_likelihood():
    image = {"ExposedPorts": {"9000/tcp": {}, "5000/tcp": {}}, "Env": ["PORT=7000"]}

    assert declared_ports(ServicePlan("a", ports=(5000, 80)), image) == {
        5000: "EXPOSE",
        9000: "EXPOSE",
        80: "compose file",
        7000: "PORT",
    }
    assert declared_ports(ServicePlan("a", environment={"PORT": "1234"}), {}) == {1234: "PORT"}
    assert declared_ports(ServicePlan("a", listens=8), {"ExposedPorts": {"9/tcp": {}}}) == {
        8: "seen before",
        9: "EXPOSE",
    }


def test_what_apps_listen_on_is_published_whatever_they_declare():
    assert candidate_ports((3000,), (4321,))[:2] == (3000, 4321)
    assert set(candidate_ports((3000,), (4321,))) == {4321, *WELL_KNOWN_PORTS}
    many = declared_ports(ServicePlan("a", ports=tuple(range(1, 50))), {})
    assert len(candidate_ports(many, ())) <= 16


COMMAND = ["uvicorn", "main:app", "--port", "8001"]


@pytest.mark.parametrize(
    ("plan", "image", "declared"),
    [
        (ServicePlan("a"), {"Cmd": COMMAND}, {8001: "command"}),
        (ServicePlan("a"), {"Entrypoint": COMMAND, "Cmd": None}, {8001: "command"}),
        (ServicePlan("a", command=("node", "x.js")), {"Cmd": COMMAND}, {}),
        (ServicePlan("a", entrypoint=("./run",)), {"Cmd": COMMAND}, {}),
        (ServicePlan("a", ports=(8001,)), {"Cmd": COMMAND}, {8001: "compose file"}),
    ],
    ids=["of the image", "as entrypoint", "not what is replaced", "not of another", "once"],
)
def test_a_port_that_the_command_names_is_declared(plan, image, declared):
    assert declared_ports(plan, image) == declared


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("listening on http://0.0.0.0:3000", (3000,)),
        ("INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)", (8000,)),
        ("  \x1b[32m➜\x1b[39m  Local:   http://localhost:5173/", (5173,)),
        (" * Running on http://[::]:5000", (5000,)),
        ("Server listening on port 4000", (4000,)),
        ("Started server on 0.0.0.0:3000", (3000,)),
        ("Tomcat started on port(s): 8080 (http)", (8080,)),
        ("server is ready, PORT=1337", (1337,)),
        ("listening on 3000", (3000,)),
        ("Server started on 4000 (development)", (4000,)),
        ("running on 16 threads since start on 2026-01-01", ()),
        ("connected to redis://cache:6379", ()),
        ("GET http://localhost:9999/ 200", ()),
        ("listening on http://x:99999", ()),
        ("listening on http://x:80 and http://x:81", (81, 80)),
    ],
)
def test_a_log_that_says_where_it_listens_is_read(line: str, ports: tuple[int, ...]):
    assert logged_ports(line.encode()) == ports


def test_a_hostile_log_costs_no_time():
    log = b"listening on " + b"http://" * 200_000 + b"\n" + b"run \xff:1 " * 200_000

    began = time.process_time()
    logged_ports(log)
    assert time.process_time() - began < 1
