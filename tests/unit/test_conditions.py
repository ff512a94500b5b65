"""When figures of two runs may stand side by side."""

from dataclasses import replace
from typing import Any

import pytest

from clients.conditions import conditions
from clients.limits import AppLimits

LIMITS = AppLimits()
SAME: dict[str, Any] = {
    "engine": "docker", "limits": LIMITS, "egress": "deny", "builds": ["sha256:1", "sha256:2"]
}  # fmt: skip


def test_the_same_app_under_the_same_limits_has_the_same_conditions():
    limits = replace(LIMITS, build_deadline_s=1.0)

    again = conditions(**SAME | {"limits": limits, "builds": ["sha256:2", "sha256:1"]})

    assert again == conditions(**SAME)
    assert again


@pytest.mark.parametrize(
    "other",
    [
        {"engine": "process"},
        {"limits": replace(LIMITS, cpus=2.0)},
        {"limits": replace(LIMITS, memory_bytes=1)},
        {"limits": replace(LIMITS, pids=1)},
        {"egress": "allow"},
        {"builds": ["sha256:1", "sha256:3"]},
    ],
)
def test_other_conditions_have_another_digest(other: dict[str, Any]):
    assert conditions(**SAME | other) != conditions(**SAME)
