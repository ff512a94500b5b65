"""Base images on hosts without a registry: the stand-ins for `python:3.12-slim` and others."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clients.substitution import NEWEST, Substitution, version_of

BaseImageMap = Mapping[str, str] | Literal["auto"]

_STAND_INS = {
    "python": "assay/python",
    "node": "assay/node",
    "nginx": "assay/nginx",
    "debian": "assay/debian",
    "ubuntu": "assay/debian",
    "alpine": "assay/debian",
    "buildpack-deps": "assay/debian",
}
# How many major versions a stand-in may differ. Another major version is another program for Python
# 2 or a very old Node.js. For other images version numbers do not compare (Ubuntu).
_MAJOR_SPAN = {"python": 0, "nginx": 0, "node": 6, "debian": 2}
_CODENAMES = {
    "debian": {"jessie": 8, "stretch": 9, "buster": 10, "bullseye": 11, "bookworm": 12},
    "node": {
        "carbon": 8,
        "dubnium": 10,
        "erbium": 12,
        "fermium": 14,
        "gallium": 16,
        "hydrogen": 18,
    },
}


@dataclass(slots=True)
class BaseImages:
    """Decides which local image replaces an image name.

    mapping: patterns (`python:*`) to images, or `auto`: stand-ins of `make base-images` for images
    that are neither local nor pullable.
    """

    mapping: BaseImageMap = "auto"

    def mapped(self, image: str) -> Substitution | None:
        """The image that the explicit map has for `image`."""
        if self.mapping == "auto":
            return None
        short = short_name(image)
        used = next(
            (
                value
                for key, value in self.mapping.items()
                if fnmatch.fnmatchcase(short, key) and serves(short, value)
            ),
            None,
        )
        return Substitution(image, used, is_alpine(image)) if used and used != image else None

    def stand_in(self, image: str, local: set[str]) -> Substitution | None:
        """The local image that is nearest to `image`: same family, nearest version."""
        repository = short_name(image).partition(":")[0]
        family = _STAND_INS.get(repository)
        if self.mapping != "auto" or family is None:
            return None
        candidates = sorted(
            name for name in local if name.startswith(f"{family}:") and serves(image, name)
        )
        if not candidates:
            return None
        wanted = (_major(image), *version_of(image)[1:])
        used = min(candidates, key=lambda name: _distance(wanted, version_of(name)))
        return Substitution(image, used, is_alpine(image))


def short_name(image: str) -> str:
    """`image` without the default registry, with an explicit tag and without a digest."""
    name = re.sub(r"^(?:(?:docker\.io|index\.docker\.io)/)?(?:library/)?", "", image.split("@")[0])
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def is_alpine(image: str) -> bool:
    """Whether the image is based on Alpine, whose tools a Debian stand-in lacks."""
    repository, _, tag = short_name(image).partition(":")
    return repository == "alpine" or "alpine" in tag


def serves(original: str, used: str) -> bool:
    """Whether the major version of `used` is near enough to that of `original`."""
    family = short_name(original).partition(":")[0]
    span = _MAJOR_SPAN.get(family)
    if span is None or short_name(used).partition(":")[0].rpartition("/")[2] != family:
        return True
    wanted, offered = _major(original), _major(used)
    return NEWEST in (wanted, offered) or abs(wanted - offered) <= span


def _major(image: str) -> int:
    """Major version of an image; the code name of an old version counts, too."""
    repository, _, tag = short_name(image).rpartition(":")
    names = _CODENAMES.get(repository, {})
    return names.get(tag.partition("-")[0], version_of(image)[0])


def _distance(wanted: tuple[int, ...], offered: tuple[int, ...]) -> tuple[int, ...]:
    """Sort key: smaller is nearer; at the same distance the newer version is better."""
    pairs = [
        (abs(want - offer), -offer) for want, offer in zip(wanted[:2], offered[:2], strict=False)
    ]
    return tuple(number for pair in pairs for number in pair)
