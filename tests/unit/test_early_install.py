"""Which installs may run before the rest of the source is copied, and which may not."""

import json
from pathlib import Path

import pytest

from clients.docker.dockerfile import read
from clients.docker.dockerfile_writer import written
from clients.docker.early_install import is_moved, with_early_installs
from clients.docker.frontends import Builder

PIP = "FROM a\nWORKDIR /app\nCOPY . .\nRUN {}\nCMD x\n"
PLAIN = "pip install --no-cache-dir -r requirements.txt"
SCRIPT = {"hasInstallScript": True}
LOCK = {"packages": {"": {}, "node_modules/x": {"resolved": "https://r.invalid/x.tgz"}}}


def sent(root: Path, text: str) -> list[str]:
    found = with_early_installs(read(text, {}), root)
    return written(found, lambda image: image, {}, Builder("buildkit", (1, 2)))[0].splitlines()


def test_requirements_are_copied_and_installed_first(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("flask==3.0  # web\nrequests[socks]>=2 ; a == 'b'\n")

    assert sent(tmp_path, PIP.format(PLAIN)) == [
        "FROM a",
        "WORKDIR /app",
        'COPY ["requirements.txt", "./requirements.txt"]',
        f"RUN {PLAIN}",
        "COPY . .",
        "CMD x",
    ]


@pytest.mark.parametrize(
    "copy", ["COPY . /app", "COPY . /app/", "COPY ./ ./", "copy --chown=1 . ."]
)
def test_the_working_directory_may_be_named(tmp_path: Path, copy: str):
    (tmp_path / "requirements.txt").write_text("flask\n")

    assert is_moved(
        with_early_installs(read(PIP.format(PLAIN).replace("COPY . .", copy), {}), tmp_path)
    )


MOVED = [
    "pip install --upgrade pip && pip install -r requirements.txt",
    "python -m pip install --user --requirement=requirements.txt gunicorn",
    "pip3 install -rrequirements.txt",
]
KEPT = [
    "pip install -r requirements.txt && python manage.py migrate",
    "pip install -e . -r requirements.txt",
    "pip install -r requirements.txt || true",
    "pip install -r ../requirements.txt",
    "pip install -r /etc/requirements.txt",
    "pip install -r missing.txt",
    "pip install -r requirements.txt > log",
    "pip install --index-url http://x.invalid -r requirements.txt",
    "pip install .",
    "pip install flask",
    "pip install x-1.0-py3-none-any.whl -r requirements.txt",
    "make install",
    'pip install "unclosed',
]


@pytest.mark.parametrize("command", MOVED)
def test_plain_installs_are_moved(tmp_path: Path, command: str):
    (tmp_path / "requirements.txt").write_text("flask\n")

    assert is_moved(with_early_installs(read(PIP.format(command), {}), tmp_path))


@pytest.mark.parametrize("command", KEPT)
def test_what_may_read_more_is_left_where_it_is(tmp_path: Path, command: str):
    (tmp_path / "requirements.txt").write_text("flask\n")
    text = PIP.format(command)

    assert sent(tmp_path, text) == text.splitlines()


LINES = [
    "-r other.txt", "-e .", "./local", "x @ file:///x", "git+https://x.invalid/y", "-c c.txt",
    "/abs/x.whl", "x.whl/../y", "x.whl", "--find-links wheels",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_requirements_that_name_files_are_left(tmp_path: Path, line: str):
    (tmp_path / "requirements.txt").write_text(f"flask\n{line}\n")

    assert not is_moved(with_early_installs(read(PIP.format(PLAIN), {}), tmp_path))


def test_neither_links_nor_other_encodings_nor_ignored_files_are_followed(tmp_path: Path):
    outside = tmp_path / "secret"
    outside.write_text("flask\n")
    root = tmp_path / "app"
    root.mkdir()
    (root / "requirements.txt").symlink_to(outside)
    assert not is_moved(with_early_installs(read(PIP.format(PLAIN), {}), root))

    (root / "requirements.txt").unlink()
    (root / "requirements.txt").write_bytes("flask\n".encode("utf-16"))
    assert not is_moved(with_early_installs(read(PIP.format(PLAIN), {}), root))

    (root / "requirements.txt").write_text("flask\n")
    (root / ".dockerignore").write_text("*.txt\n")
    assert not is_moved(with_early_installs(read(PIP.format(PLAIN), {}), root))


@pytest.mark.parametrize(
    "body",
    [
        "COPY . /app\nRUN {}\n",
        "WORKDIR /app\nCOPY . /src\nRUN {}\n",
        "WORKDIR /app\nWORKDIR sub\nCOPY . /app\nRUN {}\n",
        "COPY . .\nRUN apt-get install gcc\nRUN {}\n",
        "COPY src .\nRUN {}\n",
        "COPY --from=a . .\nRUN {}\n",
        "COPY . .\nRUN <<E\n{}\nE\n",
        'COPY . .\nRUN ["pip", "install", "-r", "requirements.txt"]\n',
    ],
)
def test_only_a_copy_of_all_right_before_it_is_passed(tmp_path: Path, body: str):
    (tmp_path / "requirements.txt").write_text("flask\n")

    text = "FROM a\n" + body.format("pip install -r requirements.txt")
    assert not is_moved(with_early_installs(read(text, {}), tmp_path))


def npm(root: Path, command: str, package: object, lock: object = None) -> bool:
    (root / "package.json").write_text(json.dumps(package))
    if lock is not None:
        (root / "package-lock.json").write_text(json.dumps(lock))
    return is_moved(with_early_installs(read(PIP.format(command), {}), root))


@pytest.mark.parametrize("command", ["npm install", "npm ci", "npm ci --omit=dev --no-audit"])
def test_a_plain_package_is_installed_first(tmp_path: Path, command: str):
    package = {"scripts": {"build": "vite build"}, "dependencies": {"x": "^1.0"}}

    assert npm(tmp_path, command, package, LOCK)
    assert 'COPY ["package-lock.json", "./package-lock.json"]' in sent(
        tmp_path, PIP.format(command)
    )


PACKAGES: dict[str, tuple[object, object]] = {
    "a script of its own": ({"scripts": {"postinstall": "node x.js"}}, LOCK),
    "a local package": ({"dependencies": {"x": "file:../x"}}, LOCK),
    "a folder": ({"devDependencies": {"x": "./x"}}, LOCK),
    "workspaces": ({"workspaces": ["a"]}, LOCK),
    "a link in the lock": ({}, {"packages": {"node_modules/x": {"link": True}}}),
    "a local package in the lock": ({}, {"packages": {"node_modules/x": {"resolved": "file:x"}}}),
    "a workspace in the lock": ({}, {"packages": {"packages/a": {}}}),
    "an old lock": ({}, {"dependencies": {}}),
    "a script of a package": ({}, {"packages": {"node_modules/@prisma/client": SCRIPT}}),
    "no lock": ({}, None),
    "no object": ([], LOCK),
    "scripts that are none": ({"scripts": ["postinstall"]}, LOCK),
    "dependencies that are none": ({"dependencies": ["x"]}, LOCK),
}


@pytest.mark.parametrize(("package", "lock"), PACKAGES.values(), ids=PACKAGES)
def test_a_package_that_may_read_more_is_left(tmp_path: Path, package: object, lock: object):
    assert not npm(tmp_path, "npm ci", package, lock)


@pytest.mark.parametrize("name", ["binding.gyp", ".npmrc", "yarn.lock"])
def test_a_package_with_other_inputs_is_left(tmp_path: Path, name: str):
    (tmp_path / name).touch()

    assert not npm(tmp_path, "npm install", {}, LOCK)


def test_scripts_that_are_known_or_do_not_run_are_no_obstacle(tmp_path: Path):
    known = {"packages": {"node_modules/vite/node_modules/esbuild": SCRIPT}}
    other = {"packages": {"node_modules/@prisma/client": SCRIPT}}

    assert npm(tmp_path, "npm ci", {}, known)
    assert npm(tmp_path, "npm ci --ignore-scripts", {}, other)


def test_a_variable_that_names_a_file_for_the_installer_is_an_obstacle(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    text = PIP.format(PLAIN).replace("WORKDIR /app", "ENV PIP_CONSTRAINT=c.txt")

    assert not is_moved(with_early_installs(read(text, {}), tmp_path))
