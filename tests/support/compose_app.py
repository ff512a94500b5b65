"""Apps with one compose file, written by the test itself."""

from pathlib import Path

from clients.appfolder import AppPlan, read_plan


def app_of(root: Path, compose: str, **files: str) -> Path:
    """`root` with a compose file, a Dockerfile and `files`: `a__b` is a/b, `dot_env` is .env."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "docker-compose.yml").write_text(compose)
    for name, text in {"Dockerfile": "FROM python:3.11\n", **files}.items():
        path = root / name.replace("__", "/").replace("dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def plan_of(root: Path, compose: str, **files: str) -> AppPlan:
    """Plan of such an app."""
    return read_plan(app_of(root, compose, **files))
