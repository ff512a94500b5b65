"""Settings of services: honoured within our limits, or said to be needed, or reason to refuse."""

from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import PlatformFault
from clients.docker.settings import settings_of
from clients.limits import AppLimits
from tests.support.compose_app import plan_of

MIB = 1024 * 1024
SETTINGS = """
services:
  a:
    build: .
    ports: [80]
    entrypoint: ["/bin/sh", "-c"]
    command: "exec serve 'two words'"
    working_dir: /srv
    user: "1000:1000"
    hostname: shop
    tmpfs: [/run, /devices, "/tmp:size=16m,mode=1777,exec"]
    volumes: [{type: tmpfs, target: /scratch, tmpfs: {size: 100g}}]
    ulimits: {nofile: {soft: 1024, hard: 99999999}, nproc: 512, memlock: -1, fsize: 99999999999}
    shm_size: 128m
    sysctls: {net.core.somaxconn: 1024, kernel.msgmax: 1}
    extra_hosts: ["api.test:10.1.2.3", "host.docker.internal:host-gateway"]
    group_add: ["20"]
    read_only: true
    stdin_open: true
    tty: true
    cap_add: [NET_BIND_SERVICE, CAP_CHOWN]
"""


def test_settings_of_its_own_container_are_honoured_within_our_limits(tmp_path: Path):
    plan = plan_of(tmp_path, SETTINGS)
    limits = AppLimits()

    (service,) = plan.services
    options = settings_of(service, limits)

    assert service.entrypoint == ("/bin/sh", "-c")
    assert service.command == ("exec", "serve", "two words")
    assert options["working_dir"] == "/srv"
    assert (options["user"], options["hostname"]) == ("1000:1000", "shop")
    assert options["group_add"] == ["20"]
    assert options["tmpfs"] == {
        "/run": f"size={limits.volume_bytes}",
        "/devices": f"size={limits.volume_bytes}",
        "/tmp": f"mode=1777,exec,size={16 * MIB}",
        "/scratch": f"size={limits.volume_bytes}",
    }
    assert {one.name: (one.soft, one.hard) for one in options["ulimits"]} == {
        "nofile": (1024, 1_048_576),
        "nproc": (512, 512),
        "memlock": (limits.memory_bytes, limits.memory_bytes),
        "fsize": (limits.disk_bytes, limits.disk_bytes),
    }
    assert options["shm_size"] == 128 * MIB
    assert options["sysctls"] == {"net.core.somaxconn": "1024"}
    assert options["extra_hosts"] == {"api.test": "10.1.2.3"}
    assert options["read_only"]
    assert options["stdin_open"]
    assert options["tty"]
    assert {line.partition(": ")[2].partition(" (")[0] for line in plan.needed} == {
        "sysctls.kernel.msgmax",
        "extra_hosts host.docker.internal=host-gateway",
    }


def test_a_plan_without_settings_has_the_engines_own():
    options = settings_of(ServicePlan(name="a"), AppLimits())

    assert [one.name for one in options.pop("ulimits")] == ["fsize"]
    assert options == {}


@pytest.mark.parametrize(
    ("line", "command", "entrypoint"),
    [
        ("", None, None),
        ("command: []", (), None),
        ("entrypoint: []", None, ()),
        ("command: null", None, None),
        ("command: [a, 'b c']", ("a", "b c"), None),
        ("command: echo $$HOME", ("echo", "$HOME"), None),
    ],
)
def test_commands_as_docker_compose_splits_them(tmp_path: Path, line, command, entrypoint):
    (service,) = plan_of(
        tmp_path, f"services:\n  a:\n    build: .\n    ports: [80]\n    {line}\n"
    ).services

    assert (service.command, service.entrypoint) == (command, entrypoint)


def test_each_name_of_a_service_resolves_on_the_apps_network(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        """
services:
  a: {build: ., ports: [80], links: ["b:database"], networks: {front: {}, back: {aliases: [api]}}}
  b: {image: postgres, container_name: pg, hostname: store, networks: [back]}
  c: {image: nginx, networks: [front]}
networks: {front: {}, back: {internal: true}}
""",
    )

    aliases = {one.name: one.aliases for one in plan.services}
    assert aliases == {"a": ("api",), "b": ("database", "pg", "store"), "c": ()}
    assert "networks (one for the app: not separated are b and c)" in plan.dropped


REFUSED = {
    "devices": "devices: ['/dev/video0']",
    "processors of another kind": "gpus: all",
    "reserved ones": "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
    "copies": "deploy: {replicas: 3}",
    "a scale": "scale: 2",
    "a hook": "post_start: [{command: ./seed.sh}]",
    "a network of another": "network_mode: 'service:b'",
    "no network": "network_mode: none",
    "the host's network": "network_mode: host",
    "processes of another": "pid: 'service:b'",
    "memory of another": "ipc: 'service:b'",
    "data made elsewhere": "volumes: ['made:/data']",
    "a driver": "volumes: ['nfs:/data']",
    "an external secret": "secrets: [made]",
    "a secret of the host's environment": "secrets: [gone]",
    "the host's processes": "volumes: ['/proc:/host/proc:ro']",
    "a file below a volume": "volumes: ['shared:/data', './Dockerfile:/data/x']",
    "memory over the kernel's": "tmpfs: [/sys]",
    "the whole container": "volumes: ['.:/']",
    "over the kernel's": "volumes: ['./Dockerfile:/proc/x']",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_what_could_change_what_is_measured_is_refused_with_its_name(tmp_path: Path, line: str):
    with pytest.raises(PlatformFault) as caught:
        plan_of(
            tmp_path,
            f"""
services:
  a:
    build: .
    ports: [80]
    {line}
  b: {{image: redis, volumes: ['shared:/x']}}
volumes:
  made: {{external: true}}
  nfs: {{driver_opts: {{type: nfs, device: ":/x"}}}}
  shared: {{}}
secrets: {{made: {{external: true}}, gone: {{environment: GONE}}}}
""",
        )

    assert caught.value.row == blame.SETTING_DROPPED.key
    assert "could change what is measured: a: " in caught.value.message


def test_one_name_of_two_services_on_networks_apart_is_refused(tmp_path: Path):
    compose = """
services:
  a: {build: ., ports: [80], networks: [one]}
  b: {image: x, networks: {one: {aliases: [db]}}}
  c: {image: y, networks: {two: {aliases: [db]}}}
networks: {one: {}, two: {}}
"""
    with pytest.raises(PlatformFault, match="db means another service on each"):
        plan_of(tmp_path, compose)


UNSUPPORTED = {
    "a build secret": ("build: {context: ., secrets: [t]}", "`build.secrets`"),
    "a second context": (
        "build: {context: ., additional_contexts: {x: ./}}",
        "`build.additional_contexts`",
    ),
    "volumes of another": ("build: .\n    volumes_from: [b]", "`volumes_from`"),
    "a provider": ("provider: {type: x}", "`provider`"),
}


@pytest.mark.parametrize(("line", "named"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_leaves_nothing_to_run_is_refused_by_name(tmp_path: Path, line: str, named: str):
    compose = f"""
services:
  a:
    {line}
  b: {{image: redis}}
secrets: {{t: {{file: ./Dockerfile}}}}
"""
    with pytest.raises(PlatformFault) as caught:
        plan_of(tmp_path, compose)

    assert caught.value.row == blame.UNSUPPORTED.key
    assert named in caught.value.message
