"""Several cases as one tree for one start of a tool, and the results of each case."""

from dataclasses import replace

from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Parsed, SourceTree
from tests.support.cases import CASES, case_app


def merged(cases: tuple[str, ...]) -> SourceTree:
    """The apps of all cases as one tree; authorship was decided for each app alone."""
    trees = [(list_source(case_app(case)), case_app(case).relative_to(CASES)) for case in cases]
    return SourceTree(
        CASES,
        tuple(sorted(f"{at}/{name}" for tree, at in trees for name in tree.files)),
        tuple((f"{at}/{name}", why) for tree, at in trees for name, why in tree.left_out),
        tuple(f"{at}/{name}" for tree, at in trees for name in tree.idle),
    )


def part(whole: Parsed, case: str) -> Parsed:
    """The part of a result that is about one case, with paths relative to its app."""
    prefix = f"{case_app(case).relative_to(CASES)}/"
    findings = [
        found.model_copy(
            update={
                "location": found.location.model_copy(
                    update={"path": (found.location.path or "").removeprefix(prefix)}
                )
            }
        )
        for found in whole.findings
        if (found.location.path or "").startswith(prefix)
    ]
    away = [
        one.model_copy(update={"what": one.what.removeprefix(prefix)})
        for one in whole.coverage.skipped
        if one.what.startswith(prefix)
    ]
    return replace(
        whole,
        findings=tuple(findings),
        coverage=whole.coverage.model_copy(update={"skipped": tuple(away)}),
    )
