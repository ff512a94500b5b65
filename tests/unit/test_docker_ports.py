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
    plan = ServicePlan("a", environment={"PORT": "3000"})

    assert candidate_ports(plan, {})[0] == 3000
    assert set(candidate_ports(plan, {})) == set(WELL_KNOWN_PORTS)
    many = ServicePlan("a", ports=tuple(range(1, 50)))
    assert len(candidate_ports(many, {})) <= 16


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
