"""Facts of an app: one value for each that there is."""

from contract.analysis import ArtifactRef
from contract.outcome import AppFacts, ServiceImage


def log(name: str) -> ArtifactRef:
    """A log that is kept under `name`."""
    digest = name.encode().hex().ljust(64, "0")[:64]
    return ArtifactRef(key=f"sha256/{digest}", sha256=digest, size_bytes=len(name), name=name)


ALL_FACTS = AppFacts(
    logs=(log("build.log"),),
    images=(ServiceImage(service="web", name="assay/apps:ab", size_bytes=48_000_000),),
    notes=("compose: web.privileged was dropped",),
    restarts=1,
    retry_causes=("UNAVAILABLE",),
)
