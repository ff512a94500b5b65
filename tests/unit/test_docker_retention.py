"""Which images go when the disk is short."""

import time
from contextlib import closing
from typing import Any

import docker

from clients.docker.retention import LABEL_BASE_STEPS, Retention
from clients.limits import AppLimits
from tests.support.fake_engine import FakeEngine, container

OLD, OLDER, FRESH = "2020-02-01T00:00:00Z", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def has_image(engine: FakeEngine, name: str, used: str, **layers: int) -> None:
    """An image of ours on a base of 900 bytes."""
    tag = f"assay-app:{name}"
    known = engine.answers["GET /images/json"][1]
    engine.says("GET /images/json", [*known, {"Id": name, "Size": 900 + sum(layers.values())}])
    told = {"Created": OLDER, "RepoTags": [tag], "Metadata": {"LastTagTime": used}}
    engine.says(f"GET /images/{name}/json", told)
    steps: list[dict[str, Any]] = [
        {"Id": key, "Size": size, "Tags": None} for key, size in layers.items()
    ]
    steps[0]["Tags"] = [tag]
    base = {"Id": "base", "Size": 900, "Tags": ["assay/python:3.11"]}
    engine.says(f"GET /images/{name}/history", [*steps, base])
    engine.says(f"DELETE /images/{tag}", [])


async def prune(engine: FakeEngine, images_bytes: int) -> tuple[int, set[str]]:
    """Bytes freed, and what was removed, images by name."""
    with closing(docker.DockerClient(engine.address)) as client:
        limits = AppLimits(images_bytes=images_bytes)
        freed = await Retention(client, {"scope": "test"}, limits).prune(stages=False)
    gone = [call for call in engine.calls if call.startswith("DELETE")]
    return freed, {call.removeprefix("DELETE /images/assay-app:") for call in gone}


async def test_bases_and_shared_layers_are_not_counted_again_per_image(engine: FakeEngine):
    has_image(engine, "one", OLD, a=10, shared=100)
    has_image(engine, "two", OLD, b=20, shared=100)

    assert await prune(engine, images_bytes=130) == (0, set())


async def test_layers_by_buildkit_have_no_ids_and_are_counted_once_all_the_same(
    engine: FakeEngine,
):
    for name, own in (("one", 10), ("two", 20)):
        has_image(engine, name, OLD, **{f"{name}-layer": own})
        told = engine.answers[f"GET /images/{name}/json"][1]
        labels = {LABEL_BASE_STEPS: "1"}
        engine.says(f"GET /images/{name}/json", told | {"Config": {"Labels": labels}})
        steps = [
            {"Id": name, "Created": own, "CreatedBy": f"COPY {name}", "Size": own, "Tags": None},
            {"Id": "<missing>", "Created": 5, "CreatedBy": "RUN pip", "Size": 100, "Tags": None},
            {"Id": "<missing>", "Created": 1, "CreatedBy": "", "Size": 900, "Tags": None},
        ]
        engine.says(f"GET /images/{name}/history", steps)

    assert await prune(engine, images_bytes=130) == (0, set())
    assert await prune(engine, images_bytes=129) == (10, {"one"})


async def test_the_longest_unused_goes_first_and_frees_what_no_other_needs(engine: FakeEngine):
    has_image(engine, "old", OLD, a=10, shared=100)
    has_image(engine, "older", OLDER, b=20, shared=100)

    assert await prune(engine, images_bytes=120) == (20, {"older"})


async def test_an_image_in_use_of_late_stays_whatever_the_limit(engine: FakeEngine):
    has_image(engine, "fresh", FRESH, a=10)
    has_image(engine, "old", OLD, b=20)

    assert await prune(engine, images_bytes=0) == (20, {"old"})


async def test_an_image_that_cannot_be_removed_does_not_keep_the_next(engine: FakeEngine):
    has_image(engine, "older", OLDER, a=10)
    has_image(engine, "old", OLD, b=20)
    engine.fails("DELETE /images/assay-app:older", "a container uses it", 409)

    assert await prune(engine, images_bytes=0) == (20, {"older", "old"})


async def test_what_is_left_of_a_builds_steps_goes_and_apps_containers_stay(engine: FakeEngine):
    now = int(time.time())
    for name, created, labels in [
        ("left", 0, {}),
        ("at-work", now, {}),
        ("app", 0, {"dev.assay.workflow": "pipeline/p/m/app1"}),
    ]:
        engine.has(container(name))
        engine.answers["GET /containers/json"][1][-1] |= {"Created": created, "Labels": labels}

    assert await prune(engine, images_bytes=0) == (0, {"DELETE /containers/left"})
