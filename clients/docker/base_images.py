"""Base images on hosts without a registry: what stands in for `python:3.12-slim` and its kind."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Substitution:
    """`original` was replaced by `used`; `musl`: the original's tools are Alpine's."""

    original: str
    used: str
    musl: bool = False

    def __str__(self) -> str:
        return f"base image {self.original} -> {self.used}"


@dataclass(slots=True)
class BaseImages:
    """Decides for each image name what is built on.

    Attributes:
        mapping: patterns (`python:*`) to images, or `auto`: stand-ins of `make base-images` for
            what is neither local nor pullable.
    """

    mapping: BaseImageMap = "auto"

    def mapped(self, image: str) -> Substitution | None:
        """What the explicit map says about `image`."""
        if self.mapping == "auto":
            return None
        short = short_name(image)
        used = next(
            (value for key, value in self.mapping.items() if fnmatch.fnmatchcase(short, key)), None
        )
        return Substitution(image, used, is_alpine(image)) if used and used != image else None

    def stand_in(self, image: str, local: set[str]) -> Substitution | None:
        """The local image that comes nearest to `image`: same family, nearest version."""
        repository, _, tag = short_name(image).partition(":")
        family = _STAND_INS.get(repository)
        if self.mapping != "auto" or family is None:
            return None
        candidates = sorted(name for name in local if name.startswith(f"{family}:"))
        if not candidates:
            return None
        wanted = version(tag)
        used = min(candidates, key=lambda name: _distance(wanted, version(name.partition(":")[2])))
        return Substitution(image, used, is_alpine(image))


def short_name(image: str) -> str:
    """`image` without the default registry, with an explicit tag and without a digest."""
    name = re.sub(r"^(?:(?:docker\.io|index\.docker\.io)/)?(?:library/)?", "", image.split("@")[0])
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def is_alpine(image: str) -> bool:
    """Whether the image's distribution is Alpine, whose tools a Debian stand-in lacks."""
    repository, _, tag = short_name(image).partition(":")
    return repository == "alpine" or "alpine" in tag


def version(tag: str) -> tuple[int, ...]:
    """Leading numbers of a tag; a tag without any (`latest`, `lts`) wants the newest."""
    match = re.match(r"\d+(?:\.\d+)*", tag)
    return tuple(int(part) for part in match[0].split(".")) if match else (10_000,)


def _distance(wanted: tuple[int, ...], offered: tuple[int, ...]) -> tuple[int, ...]:
    """Smaller is nearer; at the same distance the newer version is better."""
    pairs = [
        (abs(want - offer), -offer) for want, offer in zip(wanted[:2], offered[:2], strict=False)
    ]
    return tuple(number for pair in pairs for number in pair)
