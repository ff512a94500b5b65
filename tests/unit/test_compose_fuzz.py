"""Whatever a stranger writes: a plan or one sentence, never a traceback, a hang or a way out."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.appfolder import AppFault, read_plan

KEYS = [
    "build", "context", "dockerfile", "dockerfile_inline", "args", "target", "image", "command",
    "entrypoint", "environment", "env_file", "ports", "expose", "depends_on", "healthcheck",
    "test", "interval", "retries", "volumes", "working_dir", "user", "container_name", "hostname",
    "profiles", "privileged", "source", "published", "type", "condition", "path", "services", "a",
    "b",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70_000),
    st.sampled_from(
        [".", "..", "/", "../../etc", "8000:80", "80/udp", "a:/b", "${X:?}", "$$", "'"]
    ),
    st.text(max_size=12),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers(0, 3)), inner, max_size=4),
    ),
    max_leaves=12,
)
SERVICES = st.dictionaries(
    st.sampled_from(["a", "b", "web", "x y"]),
    st.one_of(VALUES, st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)),
    max_size=3,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("app")
    (root / "Dockerfile").write_text("FROM python:3.11\n")
    return root


def assert_plan_or_sentence(root: Path, text: str) -> None:
    (root / "compose.yaml").write_text(text)
    try:
        plan = read_plan(root)
    except AppFault as fault:
        assert fault.reason
        assert len(fault.reason) < 1_000
        return
    for service in plan.services:
        assert service.context is None or service.context.is_relative_to(root.resolve())
        assert all(0 < port < 65_536 for port in service.ports)
        assert all("/" not in name for name, _ in service.volumes)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(services=SERVICES)
def test_any_services(root: Path, services: object):
    assert_plan_or_sentence(root, yaml.safe_dump({"services": services}))


@settings(max_examples=50, deadline=None)
@given(text=st.text(alphabet="{}[]:&*!|>-?#'\"\n ab<%@`,\t\\0", max_size=60))
def test_any_text(root: Path, text: str):
    assert_plan_or_sentence(root, text)
