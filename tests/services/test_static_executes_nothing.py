"""No static tool executes what it reads: an app's configuration and modules stay text."""

from contextlib import suppress
from pathlib import Path

import pytest

from analyzers.runtime.tool import NotApplicable, Tool, ToolFault
from analyzers.static.tools import TOOLS
from tests.support.static_run import measure

NEEDS_THE_NETWORK = {"pip-audit", "npm-audit"}
SCRIPTS = (
    *(".eslintrc.js", ".eslintrc.cjs", "eslint.config.js", "eslint.config.mjs"),
    *("stylelint.config.js", ".stylelintrc.js", "stylelint.config.mjs", "postcss.config.js"),
    *(".htmlvalidate.js", ".htmlvalidate.cjs", ".htmlvalidate.mjs", "prettier.config.js"),
    *("babel.config.js", "index.js", ".pnpmfile.cjs"),
)
MODULES = (
    *("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "noxfile.py", "app.py"),
    *("json.py", "ast.py", "typing.py", "plugin.py", "pylint.py", "mypy.py", "whitelist.py"),
)


def plant(folder: Path, mark: Path) -> None:
    """An app of which every file would leave `mark`, were it executed."""
    for name in SCRIPTS:
        (folder / name).write_text(f"require('fs').writeFileSync('{mark}', '{name}')\n")
    for name in MODULES:
        (folder / name).write_text(f"open({str(mark)!r}, 'w').write('{name}')\n")
    hook = f"open({str(mark)!r}, 'w').write('init-hook')"
    section = "load-plugins=plugin\n"
    (folder / ".pylintrc").write_text(f"[MASTER]\ninit-hook={hook}\n{section}")
    (folder / "pylintrc").write_text(f"[MASTER]\ninit-hook={hook}\n{section}")
    (folder / "mypy.ini").write_text("[mypy]\nplugins = plugin.py\n")
    (folder / "setup.cfg").write_text("[mypy]\nplugins = plugin.py\n[options]\nname = app\n")
    (folder / "pyproject.toml").write_text(
        f'[tool.mypy]\nplugins = ["plugin.py"]\n[tool.pylint.main]\ninit-hook = "{hook}"\n'
    )
    for name in (".eslintrc.json", ".stylelintrc.json", ".htmlvalidate.json"):
        (folder / name).write_text(
            '{"root": true, "plugins": ["./index.js"], "extends": "./index.js"}'
        )
    (folder / "package.json").write_text(
        '{"name": "a", "version": "1.0.0", "eslintConfig": {"extends": "./index.js"}, "stylelint":'
        ' {"plugins": ["./index.js"]}, "scripts": {"preinstall": "node index.js"}}'
    )
    (folder / "index.html").write_text(
        "<!DOCTYPE html><title>a</title><script src=index.js></script>"
    )
    (folder / "a.css").write_text("a { color: red }")
    (folder / "Dockerfile").write_text("FROM python:3.11\nCMD python app.py\n")
    (folder / "requirements.txt").write_text("-e .\nflask==2.0.0\n")


@pytest.mark.parametrize(
    "tool", [one for one in TOOLS if one.name not in NEEDS_THE_NETWORK], ids=lambda one: one.name
)
async def test_a_static_tool_executes_nothing_of_the_app(tool: Tool, tmp_path: Path):
    mark, app, workspace = tmp_path / "executed", tmp_path / "app", tmp_path / "work"
    app.mkdir()
    workspace.mkdir()
    plant(app, mark)

    with suppress(NotApplicable, ToolFault):  # what it says of them is another test's
        await measure(tool, app, workspace)

    assert not mark.exists(), mark.read_text()
