import shlex
from pathlib import Path

import pytest

from clients.appfolder import ServicePlan
from clients.limits import AppLimits
from clients.process.environments import app_environment
from clients.process.recipe import Recipe, recipe, written_ports
from clients.process.sandbox import Installer, Sandbox
from contract.errors import PlatformError

DOCKERFILE = """\
FROM python:3.11 AS build
ENV PORT=1 OTHER=1
FROM python:3.11
ENV PORT=8000 NAME="two words"
CMD ["python", "app.py"]
"""


def service(context: Path, dockerfile: str = DOCKERFILE, **more) -> ServicePlan:
    (context / "requirements.txt").write_text("flask\n")
    return ServicePlan("app", context=context, dockerfile=dockerfile, **more)


def test_the_last_stage_says_how_a_process_runs(tmp_path: Path):
    found = recipe(service(tmp_path, environment={"EXTRA": "1"}))

    assert (found.language, found.command) == ("python", ("python", "app.py"))
    assert found.environment == {"PORT": "8000", "NAME": "two words", "EXTRA": "1"}


def test_the_port_it_was_written_for_is_not_the_one_it_is_given(tmp_path: Path):
    assert written_ports(service(tmp_path)) == (8000,)
    assert written_ports(service(tmp_path, ports=(8000, 9000))) == (8000, 9000)
    assert written_ports(service(tmp_path, environment={"PORT": "${X}"})) == ()


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ('FROM x\nCMD ["a"]\n', "listens on PORT"),
        ('FROM x\nENV PORT=1\nENTRYPOINT ["a"]\nCMD ["b"]\n', "entrypoint"),
        ("FROM x\nENV PORT=1\n", "no plain Python, Node or static app"),
    ],
)
def test_what_needs_an_engine_says_so(tmp_path: Path, dockerfile: str, why: str):
    with pytest.raises(PlatformError, match=f"no container engine: .*{why}"):
        recipe(service(tmp_path, dockerfile))


def test_a_database_image_needs_an_engine():
    with pytest.raises(PlatformError, match="is the image postgres:16"):
        recipe(ServicePlan("db", image="postgres:16"))


def test_other_services_are_addressed_where_they_really_listen(tmp_path: Path):
    urls = {"A": "http://backend:5000/x", "B": "http://backend", "C": "http://backend2:5000"}
    one = Recipe("web", tmp_path, "node", ("node", "x"), urls)

    values = app_environment(one, {"web": 1111, "backend": 2222}, None)

    assert values["A"] == "http://127.0.0.1:2222/x"
    assert values["B"] == "http://127.0.0.1:2222"
    assert values["C"] == "http://backend2:5000"
    assert (values["HOST"], values["PORT"]) == ("127.0.0.1", "1111")


def test_an_installer_sees_its_own_folder_at_its_final_place_and_no_secrets(tmp_path: Path):
    work, target = tmp_path / "work", tmp_path / "python-1"
    installer = Installer(work, target, (), (tmp_path,), tmp_path / "cache")

    argv = installer.argv(["pip", "install"], target, AppLimits())

    line = shlex.join(argv)
    assert "--die-with-parent" in argv
    assert "--ro-bind / /" in line
    assert f"--bind {work} {target}" in line
    assert line.index(f"--tmpfs {tmp_path}") < line.index(f"--bind {work}")
    assert "--unsetenv ASSAY_AI_API_KEY" in line
    assert line.endswith(f"--chdir {target} -- pip install")


def test_the_sandbox_hides_the_projects_data_and_gives_up_capabilities(tmp_path: Path):
    folder = tmp_path / "processes" / "app"
    sandbox = Sandbox(folder, None, (), (tmp_path,))

    argv = sandbox.argv(("python", "app.py"), {"PORT": "1"}, AppLimits(), 5)

    line = shlex.join(argv)
    assert f"--tmpfs {tmp_path}" in line
    assert "--ro-bind / /" in line
    assert "--cap-drop ALL" in line
    assert "--unshare-pid" in argv
    assert "--clearenv --setenv PORT 1 -- python app.py" in line
    assert argv.index("--clearenv") > argv.index("--tmpfs")
