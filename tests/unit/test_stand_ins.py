"""Stand-ins for base images: looked for once, and again when they are gone."""

from contextlib import closing

import docker
import pytest

from clients.appfolder import ServicePlan
from clients.blame import PlatformFault
from clients.docker import AppLimits
from clients.docker.base_images import BaseImages
from clients.docker.building import Building
from clients.docker.images import Images
from clients.docker.stream import EngineStream
from tests.support.fake_engine import FakeEngine

STAND_IN = "assay/python:3.11"
LISTING = "GET /images/json"


async def no_network() -> str:
    raise AssertionError("nothing is built")


async def test_all_images_are_listed_once_while_the_stand_in_is_there(engine: FakeEngine):
    engine.says(LISTING, [{"RepoTags": [STAND_IN]}])
    engine.says(f"GET /images/{STAND_IN}/json", {"Id": "sha256:1"})
    engine.fails("POST /images/create", "manifest unknown", 404)
    with closing(docker.DockerClient(engine.address)) as client:
        stream, limits = EngineStream(engine.address), AppLimits()
        building = Building.on(client, stream, engine.address, limits)
        images = Images(client, stream, "test", BaseImages("auto"), limits, building)

        async def used(image: str) -> str:
            plan = ServicePlan("web", image=image)
            return (await images.ensure(plan, no_network, lambda _: None)).name

        for image in ("python:3.11-slim", "python:3.12", "python:3.11-slim"):
            assert await used(image) == STAND_IN
        assert engine.calls.count(LISTING) == 1

        engine.fails(f"GET /images/{STAND_IN}/json", "no such image", 404)
        engine.says(LISTING, [])
        for listed in (2, 3):
            with pytest.raises(PlatformFault, match="neither local nor pullable"):
                await used("python:3.11-slim")
            assert engine.calls.count(LISTING) == listed
