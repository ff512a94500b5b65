"""Whose work a folder is: by what lies there. A name alone decides nothing."""

from pathlib import Path

import pytest

from analyzers.runtime.source.listing import list_source

WEBPACK = b"(()=>{var t={};function __webpack_require__(e){return t[e]}})();\n"
LICENCE = b"/*!\n * Tiny Slider v2.9.3\n * Released under the MIT license\n */\nvar a = 1;\n"
CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# cache\n"


def tree(root: Path, *names: str, **content: bytes) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.get(name, b"x = 1\n"))
    return root


def write(root: Path, files: dict[str, bytes]) -> Path:
    return tree(root, *files, **files)


OFTEN_FOREIGN = (
    *("vendor", "env", "venv", "build", "dist", "coverage", "target", "out", "lib", "third_party"),
    *("vendors", "output", "public", "external"),
)


@pytest.mark.parametrize("name", OFTEN_FOREIGN)
@pytest.mark.parametrize("file", ["views.py", "app.js", "deep/er/main.ts"])
def test_the_apps_own_code_is_analysed_whatever_its_folder_is_called(
    name: str, file: str, tmp_path: Path
):
    listed = list_source(write(tmp_path, {"manage.py": b"", f"{name}/{file}": b"const x = 1;\n"}))

    assert f"{name}/{file}" in listed.files
    assert listed.left_out == ()


@pytest.mark.parametrize(
    ("files", "left_out"),
    [
        (
            {"env/pyvenv.cfg": b"", "env/bin/activate": b"", "env/lib/python3.12/os.py": b""},
            {"env/": "vendored: a virtual environment"},
        ),
        (  # its own settings lie in the same folder as an environment
            {"env/pyvenv.cfg": b"", "env/bin/python": b"", "env/settings.py": b""},
            {
                "env/bin/": "vendored: a virtual environment",
                "env/pyvenv.cfg": "vendored: a virtual environment",
            },
        ),
        (
            {"vendor/autoload.php": b"<?php", "vendor/composer/a.php": b"<?php"},
            {"vendor/": "vendored: Composer's packages"},
        ),
        (
            {
                "lib/six.py": b"",
                "lib/own.py": b"",
                "lib/six-1.16.0.dist-info/RECORD": b"six.py,,\nsix-1.16.0.dist-info/RECORD,,\n",
            },
            {
                "lib/six.py": "vendored: listed in six-1.16.0.dist-info",
                "lib/six-1.16.0.dist-info/": "vendored: listed in six-1.16.0.dist-info",
            },
        ),
        (
            {"static/vendor/slider.js": LICENCE, "static/vendor/ours.js": b"const a = 1;\n"},
            {"static/vendor/slider.js": "vendored: it brings its own licence"},
        ),
        (
            {"vendor/chart/LICENSE": b"MIT", "vendor/chart/chart.js": b"", "vendor/a.py": b""},
            {"vendor/chart/": "vendored: it brings its own licence"},
        ),
        (
            {"dist/main.js": WEBPACK, "dist/index.html": b"<p>"},
            {"dist/": "build output: all of its scripts are compiled"},
        ),
        (
            {"build/asset-manifest.json": b"{}", "build/main.js": b"x"},
            {"build/": "build output: asset-manifest.json lies in it"},
        ),
        (  # one file is compiled, the other written
            {"public/bundle.js": WEBPACK, "public/page.js": b"const a = 1;\n"},
            {"public/bundle.js": "build output: a compiler's marks are in it"},
        ),
        (
            {"coverage/lcov.info": b"", "coverage/lcov-report/a.js": b""},
            {"coverage/": "build output: a coverage report"},
        ),
        (  # a package of the app's own, into which a report was written
            {"coverage/lcov.info": b"", "coverage/quotes.py": b""},
            {"coverage/lcov.info": "build output: a coverage report"},
        ),
        (
            {"target/CACHEDIR.TAG": CACHE_TAG, "target/debug/a.js": b""},
            {"target/": "build output: CACHEDIR.TAG says so"},
        ),
        (
            {
                "tsconfig.json": b'{"compilerOptions": {"outDir": "./compiled"}}',
                "compiled/a.js": b'Object.defineProperty(exports, "__esModule", {});\n',
                "src/a.ts": b"",
            },
            {"compiled/": "build output: all of its scripts are compiled"},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_machine_or_somebody_else_wrote_is_left_out_and_named(
    files: dict[str, bytes], left_out: dict[str, str], tmp_path: Path
):
    listed = list_source(write(tmp_path, {"app.py": b"", **files}))

    assert dict(listed.left_out) == left_out
    assert "app.py" in listed.files


@pytest.mark.parametrize(
    "files",
    [
        {".gitignore": b"build/\nvendor/\n", "build/steps.py": b""},  # ignored is not generated
        {"src/a.js": b'Object.defineProperty(exports, "__esModule", {});\n'},  # a mark alone
        {"package.json": b'{"main": "dist/server.js"}', "dist/server.js": b"const a = 1;\n"},
        {"myapp.egg-info/top_level.txt": b"myapp\n", "myapp/a.py": b""},  # of an editable install
        {"vendor/package.json": b'{"name": "vendor", "version": "1.0.0"}', "vendor/a.js": b""},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_proves_nothing_leaves_nothing_out(files: dict[str, bytes], tmp_path: Path):
    assert list_source(write(tmp_path, files)).left_out == ()


def test_an_environment_at_the_root_does_not_hide_the_app(tmp_path: Path):
    files = {"pyvenv.cfg": b"", "bin/activate": b"", "lib/python3.12/x.py": b"", "app.py": b""}

    listed = list_source(write(tmp_path, files))

    assert listed.files == ("app.py",)


def test_tools_name_what_was_left_out_but_for_what_is_no_part_of_a_source(tmp_path: Path):
    files = {"vendor/modules.txt": b"", "node_modules/a/i.js": b"", ".git/x": b"", "a.js": b""}

    listed = list_source(write(tmp_path, files))

    assert listed.withheld(".js") == (("vendor/", "vendored: Go's packages"),)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.py", b"x = 'a\0b'\n", "NUL bytes in its text"),
        ("a.js", b"var a\0 = 1;\n", "NUL bytes in its text"),
        ("a.py", b"\x80\x81\x82\0\xff\xfe" * 99, "binary"),
        ("a.png", b"x\0", "binary"),
        ("a.py", "x = 1\n".encode("utf-16"), ""),
        ("a.css", "a {}\n".encode("utf-16"), ""),
    ],
)
def test_text_with_nul_bytes_is_no_picture(name: str, data: bytes, reason: str, tmp_path: Path):
    listed = list_source(write(tmp_path, {name: data}))

    assert dict(listed.left_out).get(name, "") == reason
