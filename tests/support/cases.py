"""The small apps of `tests/fixtures/cases`: as people write them, each with one right value."""

from pathlib import Path

CASES = Path(__file__).parents[1] / "fixtures" / "cases"


def case_app(name: str) -> Path:
    """Folder of the app of the case whose name begins with `name` (`22`, `19c-new`)."""
    (case,) = CASES.glob(f"{name}-*") if "-" not in name else CASES.glob(f"{name}*")
    (app,) = case.glob("apps/*/app1")
    return app
