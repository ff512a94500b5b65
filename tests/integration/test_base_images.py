"""Stand-ins are laid out like the images they stand for, as multi-stage Dockerfiles expect."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.builds import Builds, builds_in

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

FOLDER = Path(__file__).parents[2] / "deploy" / "base-images"
SITE = "/usr/local/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    """The Python stand-in as it is built now, under a name of its own."""
    name = f"test-python:{uuid.uuid4().hex[:12]}"
    client: Any = docker.DockerClient(timeout=280)
    client.images.build(path=str(FOLDER), dockerfile="python.Dockerfile", tag=name, rm=True)
    yield name
    client.images.remove(name, force=True)
    client.close()


@pytest.fixture
def builds(tmp_path: Path) -> Iterator[Builds]:
    with builds_in(tmp_path) as builds:
        yield builds


LAYOUTS = {
    "its packages": ("pip install six", f"COPY --from=b {SITE} {SITE}"),
    "a prefix": ("pip install --prefix=/install six", "COPY --from=b /install /usr/local"),
    "a user's": ("pip install --user six", "COPY --from=b /root/.local /root/.local"),
    "an environment": (
        "python -m venv /v && /v/bin/pip install six",
        "COPY --from=b /v /v\nENV PATH=/v/bin:$PATH",
    ),
    "a target": (
        "pip install --target=/t six",
        "COPY --from=b /t /t\nENV PYTHONPATH=/t",
    ),
}


@pytest.mark.parametrize(("install", "copy"), LAYOUTS.values(), ids=LAYOUTS)
async def test_packages_of_a_stage_are_found_where_they_are_copied_to(
    builds: Builds, python: str, install: str, copy: str
):
    text = f"FROM {python} AS b\nRUN {install}\nFROM {python}\n{copy}\nRUN python -c 'import six'\n"

    image = await builds.ensure(builds.plan(text))

    assert "six" in builds.run(image, "python", "-c", "import six; print(six.__name__)")
