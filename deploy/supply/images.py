"""Which images of others we build on and run, and their digests: `python -m deploy.supply.images`.

`deploy/images.lock` has one line for each, a variable that docker-compose.yml reads. `--pin` asks
the registries for the digest that each tag has now; without it is said which are not pinned.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.supply.locks import ROOT

LOCK = ROOT / "deploy" / "images.lock"
COMPOSE = ROOT / "docker-compose.yml"
_USED = re.compile(r"\$\{(ASSAY_IMAGE_\w+):-([^}\s]+)\}")
_LINE = re.compile(r"(ASSAY_IMAGE_\w+)=(\S+)")
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_LIMIT_S = 300
_HEAD = """# Images of others, by variable of docker-compose.yml. `make images` pins them to
# the digests that their tags have now, where a registry answers.
# docker compose --env-file .env --env-file deploy/images.lock up -d
"""


def used(compose: Path = COMPOSE) -> dict[str, str]:
    """The variable of each image of others that is used, with its tag."""
    return dict(_USED.findall(compose.read_text(encoding="utf-8")))


def locked(lock: Path = LOCK) -> dict[str, str]:
    """What the lock says."""
    return dict(_LINE.findall(lock.read_text(encoding="utf-8"))) if lock.is_file() else {}


def problems(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """Where compose file and lock do not say the same."""
    for name, tag in wanted.items():
        if found.get(name, "").partition("@")[0] != tag:
            yield f"{name}: {tag} in docker-compose.yml, {found.get(name, 'nothing')} in the lock"
    for name in found.keys() - wanted.keys():
        yield f"{name}: no image of docker-compose.yml"


def unpinned(found: Mapping[str, str]) -> list[str]:
    """Images without a digest: what they are depends on the day."""
    return [image for image in found.values() if not _PINNED.search(image)]


def digest_of(tag: str) -> str:
    """`tag` with the digest that its registry names; empty: no registry answers."""
    name = tag.rpartition(":")[0]
    for argv in (
        ["docker", "pull", "--quiet", tag],
        ["docker", "image", "inspect", "-f", "{{range .RepoDigests}}{{println .}}{{end}}", tag],
    ):
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        if done.returncode != 0:
            return ""
    digests = (line.rpartition("@")[2] for line in done.stdout.split() if name in line)
    return f"{tag}@{digest}" if (digest := next(digests, "")) else ""


def pin() -> list[str]:
    """Write the lock anew; what could not be pinned keeps the digest that it has for this tag."""
    before, said = locked(), list[str]()
    lines: dict[str, str] = {}
    for name, tag in sorted(used().items()):
        kept = before.get(name, tag)
        kept = kept if kept.partition("@")[0] == tag else tag
        lines[name] = digest_of(tag) or kept
        if lines[name] == kept:
            said.append(f"unchanged: {kept}")
        else:
            said.append(f"pinned: {lines[name]}")
    LOCK.write_text(_HEAD + "".join(f"{name}={image}\n" for name, image in lines.items()))
    return said


def main(arguments: list[str]) -> int:
    """Pin, and say what is not pinned; a fault is a lock that does not fit the compose file."""
    if "--pin" in arguments:
        print("\n".join(pin()))
    wrong = list(problems(used(), locked()))
    open_ones = unpinned(locked())
    print("\n".join([*wrong, *(f"NOT PINNED {image}" for image in open_ones)]) or "all are pinned")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
