"""Static tools start without what they do not need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from analyzers.runtime.tool import Command, Completed
from analyzers.static.tools.eslint import CONFIG
from analyzers.static.tools.opengrep import Opengrep
from tests.support.static_run import ROOT, TOOLS_DIR, list_source, make_run

AFTER_INSTALL = ROOT / "analyzers/static/after-install.sh"
CORE = '#!/bin/sh\\ntest "$1" = -version && echo opengrep-core version: 1.2.3\\n'
PACKED = f"""#!/bin/sh
mkdir -p "$HOME/.cache/opengrep/bin" && echo run >> "$(dirname "$0")/starts"
printf '{CORE}' > "$HOME/.cache/opengrep/bin/opengrep-core"
chmod 700 "$HOME/.cache/opengrep/bin/opengrep-core"
"""


def installed(tools: Path, program: str, lock: str = "one") -> Path:
    packed = tools / "venv/lib/python3.13/site-packages/tackbox_opengrep/bin/opengrep"
    packed.parent.mkdir(parents=True, exist_ok=True)
    packed.write_text(program)
    packed.chmod(0o755)
    (tools / "venv/.assay-stamp").write_text(lock)
    return packed


def after_install(tools: Path) -> str:
    """Called as `make` does it, by a relative path."""
    done = subprocess.run(
        [AFTER_INSTALL, tools.name],
        cwd=tools.parent,
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    return done.stderr


def test_a_program_that_unpacks_itself_does_so_once_for_each_lock(tmp_path: Path):
    packed = installed(tmp_path, PACKED)
    after_install(tmp_path)
    after_install(tmp_path)
    assert (packed.parent / "starts").read_text() == "run\n"
    installed(tmp_path, PACKED, lock="two")
    after_install(tmp_path)
    assert (packed.parent / "starts").read_text() == "run\nrun\n"
    assert Opengrep().program(tmp_path) == (str(tmp_path / "opengrep/opengrep-cli"),)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opengrep", "venv"]


def test_types_are_read_once_for_each_lock(tmp_path: Path):
    installed(tmp_path, PACKED)
    programs = tmp_path / "venv/bin"
    programs.mkdir()
    makes = 'echo run >> "$(dirname "$0")/starts" && mkdir made && touch made/builtins.json'
    for name, text in {"python": "echo import sys", "mypy": makes}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    assert after_install(tmp_path) + after_install(tmp_path) == ""

    assert (programs / "starts").read_text() == "run\n"
    assert (tmp_path / "mypy-cache/builtins.json").exists()


@pytest.mark.parametrize(
    "program", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 1.30.0\n", "no program"]
)
def test_one_that_cannot_be_unpacked_is_used_as_it_is(tmp_path: Path, program: str):
    packed = installed(tmp_path, program)
    assert "could not be unpacked" in after_install(tmp_path)
    assert Opengrep().program(tmp_path) == (str(packed),)
    assert not (tmp_path / "opengrep").exists()


@pytest.mark.parametrize("unpacked", [False, True])
async def test_the_version_is_what_the_program_says(tmp_path: Path, unpacked: bool):
    packed = installed(tmp_path, PACKED)
    if unpacked:
        after_install(tmp_path)
    asked: list[str] = []

    async def execute(command: Command) -> Completed:
        asked.extend(command.argv)
        return Completed(command.argv, 0, b"opengrep-core version: 1.30.0\n", b"", b"", 0.1)

    run = make_run(list_source(tmp_path), tmp_path, tmp_path)
    assert await Opengrep().version(run, execute) == "1.30.0"
    core = str(tmp_path / "opengrep/opengrep-core")
    assert asked == ([core, "-version"] if unpacked else [str(packed), "--version"])


FAKE_MYPY = """#!/bin/sh
for word; do case $word in --cache-dir=*) cache=${word#*=} ;; esac; done
test -s assay_stdlib.py && mkdir "$cache" && echo made >> "$(dirname "$0")/starts"
"""


def test_mypys_cache_is_made_once_for_each_lock(tmp_path: Path):
    installed(tmp_path, PACKED)
    programs = tmp_path / "venv/bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    (programs / "mypy").write_text(FAKE_MYPY)
    (programs / "mypy").chmod(0o755)
    for lock, starts in (("one", 1), ("one", 1), ("two", 2)):
        installed(tmp_path, PACKED, lock)
        assert after_install(tmp_path) == ""
        assert (programs / "starts").read_text() == "made\n" * starts
    (programs / "mypy").write_text("#!/bin/sh\necho no such option; exit 2\n")
    installed(tmp_path, PACKED, "three")
    assert "no such option\nmypy's cache could not be made" in after_install(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opengrep", "venv"]


HOOKS = {  # a script, and whether the rules of hooks must look at it
    "export function Comp(c) { if (c) { useState(1); } }": True,
    "export function Comp(c) { if (c) { \\u0075seState(1); } }": True,
    "export function plain(c) { React /* x */ . /* y */ use(c); }": True,
    "export function plain(c) { return `${use\n(c)}`; }": True,
    "class K { render() { return Lib.useMemo(() => 1, []); } } new K();": True,
    "export const C = ({ a }) => { useEffect(() => { a(); }, []); };": True,
    "import express from 'express'; const app = express(); app.use(express.json());": False,
    "'use strict'; /* use() */ router().use('use', reuse, { used: 1 });": False,
    "export function Comp(c) { if (c) { fetch('/use'); } }": False,
}


@pytest.mark.parametrize(("text", "may_call"), HOOKS.items())
def test_eslint_loads_the_rules_of_hooks_only_for_a_script_that_may_call_one(
    tmp_path: Path, text: str, may_call: bool
):
    said = in_eslint(
        tmp_path,
        "const { Linter } = require('eslint');\n"
        "const lint = (config) => JSON.stringify(new Linter().verify("
        f"{json.dumps(text)}, config, 'app.js'));\n"
        "const lazy = lint(config);\n"
        "const loaded = Object.keys(Module._cache).some("
        "(file) => file.includes('/eslint-plugin-react-hooks/'));\n"
        "const compiler = Object.keys(Module._cache).some("
        "(file) => file.includes('/@babel/core/'));\n"
        "const hooks = require('eslint-plugin-react-hooks');\n"
        "const eager = lint(config.map((one) => one.plugins"
        " ? { ...one, plugins: { ...one.plugins, 'react-hooks': hooks } } : one));\n"
        "console.log(loaded, compiler, lazy === eager, lazy.includes('react-hooks/'));\n",
    )
    assert said == [json.dumps(may_call), "false", "true", json.dumps(may_call)]


def in_eslint(folder: Path, script: str) -> list[str]:
    """What a script says that has our configuration as `config`."""
    (folder / CONFIG.name).write_bytes(CONFIG.read_bytes())
    (folder / "node_modules").symlink_to((TOOLS_DIR / "node_modules").resolve())
    head = (
        "import Module from 'node:module';\n"
        f"const require = Module.createRequire('{folder}/');\n"
        f"const config = (await import('{folder / CONFIG.name}')).default;\n"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", head + script],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return done.stdout.split()


def test_eslint_loads_typescripts_compiler_only_for_a_file_that_asks_for_it(tmp_path: Path):
    said = in_eslint(
        tmp_path,
        "const loaded = () => Object.keys(Module._cache).some("
        "(file) => file.includes('/node_modules/typescript/'));\n"
        "const before = loaded();\n"
        "const parser = config.find((one) => one.files[0].includes('ts')).languageOptions.parser;\n"
        "const parsed = parser.parseForESLint('let one: number = 1;', {});\n"
        "console.log(before, loaded(), parsed.ast.type);\n",
    )
    assert said == ["false", "true", "Program"]
