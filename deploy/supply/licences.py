"""Under which licence each package of our locks is: `python -m deploy.supply.licences [--write]`.

The list `deploy/licences.json` is made from the metadata of what is installed, from npm's locks,
and from `deploy/licence-reviews.toml` for what says nothing, is not installed here, or needs a
decision.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

from deploy.supply.locks import ROOT, Package, all_packages, normalized

LIST = ROOT / "deploy" / "licences.json"
REVIEWS = ROOT / "deploy" / "licence-reviews.toml"
UNKNOWN = "unknown"
# What may be used without a decision: permissive ones, and weak copyleft, whose terms end at the
# borders of the package itself.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BlueOak-1.0.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC0-1.0",
        "HPND",
        "ISC",
        "LGPL-2.0-or-later",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "NCSA",
        "OFL-1.1",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    }
)
# How authors write it, in lower case.
_WORDS = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd-0-clause": "0BSD",
    "3-clause bsd license": "BSD-3-Clause",
    "expat license": "MIT",
    "gpl-3.0": "GPL-3.0-only",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit and mpl-2.0": "MIT AND MPL-2.0",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl v3": "LGPL-3.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}
_spdx = get_spdx_licensing()


def licences(root: Path = ROOT) -> dict[str, str]:
    """The licence of each package of the locks, as an SPDX expression or `unknown`."""
    installed, decided = _installed(root), reviews()
    found: dict[str, str] = {}
    for package in all_packages(root):
        review = decided.get(f"{package.ecosystem}/{package.name}", {})
        found[package.key] = review.get("licence") or _said(package, installed)
    return found


def reviews() -> Mapping[str, Mapping[str, str]]:
    """Decisions of people: `licence`, `reason` and `date` of a package, by `pypi/name`."""
    return tomllib.loads(REVIEWS.read_text(encoding="utf-8"))


def problems(listed: Mapping[str, str], wanted: Iterable[Package]) -> Iterator[str]:
    """Packages without an entry, and entries that nobody decided on."""
    decided = reviews()
    for package in wanted:
        licence = listed.get(package.key)
        if licence is None:
            yield f"{package.key}: no entry; run make licences"
        elif f"{package.ecosystem}/{package.name}" not in decided and not is_allowed(licence):
            yield f"{package.key}: {licence}: decide on it in deploy/licence-reviews.toml"


def is_allowed(licence: str) -> bool:
    """Whether it may be used without a decision: of alternatives, one is enough."""
    try:
        return _allows(_spdx.parse(licence, validate=True))
    except ExpressionError:
        return False


def _allows(node: Any) -> bool:
    if node.__class__.__name__ in ("OR", "AND"):
        answers = [_allows(one) for one in node.args]
        return any(answers) if node.__class__.__name__ == "OR" else all(answers)
    with_exception = getattr(node, "license_symbol", None)
    return (with_exception or node).key in ALLOWED


def _installed(root: Path) -> dict[tuple[str, str], Distribution]:
    """What is installed for us and for the analyzers' tools, by name and version."""
    places = [
        str(place)
        for pattern in (".venv/lib/*/site-packages", ".tools/*/venv*/lib/*/site-packages")
        for place in root.glob(pattern)
    ]
    return {
        (normalized(str(one.metadata["Name"])), one.version): one
        for one in distributions(path=places)
    }


def _said(package: Package, installed: Mapping[tuple[str, str], Distribution]) -> str:
    """What its lock or its metadata says; else that of the version that is installed here."""
    if package.ecosystem == "npm":
        return _expression(package.licence) or UNKNOWN
    others = (one for (name, _), one in installed.items() if name == package.name)
    distribution = installed.get((package.name, package.version)) or next(others, None)
    if distribution is None:
        return UNKNOWN
    metadata = distribution.metadata
    named = [str(metadata[key]) for key in ("License-Expression", "License") if metadata[key]]
    classifiers = metadata.get_all("Classifier") or []
    named += [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: OSI")]
    found = (_expression(text) for text in named)
    return next(filter(None, found), "") or _of_files(distribution) or UNKNOWN


def _expression(text: str) -> str:
    """`text` as an SPDX expression; empty: it is none, and no word that we know."""
    text = _WORDS.get(" ".join(text.lower().split()), text.strip())
    if len(text) > 120:
        return _of_text(text)
    try:
        return str(_spdx.parse(text, validate=True)) if text else ""
    except ExpressionError:
        return ""


def _of_files(distribution: Distribution) -> str:
    """What the text of its licence file is."""
    for file in distribution.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            path = Path(str(distribution.locate_file(file)))
            if path.is_file() and (found := _of_text(path.read_text(errors="replace"))):
                return found
    return ""


def _of_text(text: str) -> str:
    """A licence by a sentence that only it has; empty: none of those that are simple to tell."""
    flat = " ".join(text.split())
    if "Permission is hereby granted, free of charge" in flat:
        return "MIT"
    if "Apache License Version 2.0" in flat:
        return "Apache-2.0"
    if "Redistribution and use in source and binary forms" in flat:
        is_three = "Neither the name" in flat or "may not be used to endorse" in flat
        return "BSD-3-Clause" if is_three else "BSD-2-Clause"
    return ""


def main(arguments: list[str]) -> int:
    """Write the list, or say what is wrong with it."""
    if "--write" in arguments:
        before = json.loads(LIST.read_text()) if LIST.is_file() else {}
        now = licences()
        # What is not installed on this machine keeps what another one found.
        merged = {k: before.get(k, v) if v == UNKNOWN else v for k, v in now.items()}
        LIST.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")
    listed = json.loads(LIST.read_text())
    wrong = list(problems(listed, all_packages()))
    print(
        "\n".join(wrong)
        or f"{len(listed)} packages, each with a licence that is allowed or reviewed"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
