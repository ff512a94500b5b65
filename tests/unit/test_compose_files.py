"""Several files make one app, as Docker Compose puts them together; nothing else is read."""

from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, read_plan
from clients.blame import PlatformFault
from contract.errors import PlatformError
from tests.support.cases import case_app
from tests.support.compose_app import app_of, plan_of

ONE = "services: {a: {build: ., ports: [80]}}"


def test_an_own_base_and_an_override_are_honoured():
    by_name = {one.name: one for one in read_plan(case_app("11")).services}

    assert by_name["web"].environment == {"ROLE": "public"}
    assert by_name["admin"].environment == {"ROLE": "admin"}
    assert by_name["web"].published == ((8000, 8000),)
    assert by_name["admin"].published == ((8001, 8000),)


def test_extends_alone_is_honoured():
    (web,) = read_plan(case_app("19d")).services

    assert web.context is not None
    assert web.environment == {"ROLE": "public"}


MERGED = {
    "an override file": (
        ONE,
        {"docker-compose.override.yml": "services: {a: {environment: {A: over}}}"},
    ),
    "files that .env names": (
        "services: {b: {build: .}}",
        {
            ".env": "COMPOSE_FILE=one.yml:two.yml\n",
            "one.yml": ONE,
            "two.yml": "services: {a: {environment: {A: over}}}",
        },
    ),
    "another file": (
        "include: [sub/other.yml]\nservices: {}",
        {"sub/other.yml": "services: {a: {build: .., ports: [80], environment: {A: over}}}"},
    ),
    "an anchor": (
        "x-base: &base {environment: {A: over}}\nservices: {a: {<<: *base, build: ., ports: [80]}}",
        {},
    ),
    "a chain of bases": (
        "services: {a: {extends: b, ports: [80]}, b: {extends: {file: c.yml, service: c}}}",
        {"c.yml": "services: {c: {build: ., environment: {A: over}}}"},
    ),
    "a base whose value is reset": (
        "services: {a: {extends: {file: c.yml, service: c}, command: !reset null}}",
        {"c.yml": "services: {c: {build: ., command: x, ports: [80], environment: {A: over}}}"},
    ),
    "a byte order mark and carriage returns": (
        "\ufeffservices:\r\n  a:\r\n    build: .\r\n    ports: [80]\r\n"
        "    environment: {A: over}\r\n",
        {},
    ),
    "a name that is a number": (
        'version: "3.8"\nservices: {a: {build: ., ports: [80], environment: ["A=over"]}}',
        {},
    ),
}


@pytest.mark.parametrize(("compose", "files"), MERGED.values(), ids=MERGED)
def test_each_way_to_put_a_file_together(tmp_path: Path, compose: str, files: dict[str, str]):
    root = app_of(tmp_path / "app", compose)
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)

    service = read_plan(root).services[0]

    assert service.environment == {"A": "over"}
    assert service.command is None
    assert service.context == root


@pytest.mark.parametrize("image", ["shop", "shop:latest", "registry.invalid:5000/shop:1"])
def test_an_image_that_another_service_builds_is_that_build(tmp_path: Path, image: str):
    named = "shop" if image == "shop:latest" else image
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{build: {{context: ., target: x}}, image: '{named}', ports: [80]}},"
        f" b: {{image: '{image}', command: work}}, c: {{image: 'shop:other'}}}}",
    )

    by_name = {one.name: one for one in plan.services}
    assert (by_name["b"].context, by_name["b"].target) == (tmp_path, "x")
    assert by_name["b"].image == ""
    assert (by_name["c"].context, by_name["c"].image) == (None, "shop:other")


def test_only_a_file_that_env_names(tmp_path: Path):
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    (tmp_path / "stack.yml").write_text(ONE)
    (tmp_path / ".env").write_text("# the stack\nCOMPOSE_FILE=stack.yml\n")

    assert [one.name for one in read_plan(tmp_path).services] == ["a"]


OUTSIDE = {
    "a build context": "services: {a: {build: ../other, ports: [80]}}",
    "a build context by a full path": "services: {a: {build: /srv/other, ports: [80]}}",
    "a build context of the network": "services: {a: {build: 'https://example.invalid/x.git'}}",
    "a Dockerfile": "services: {a: {build: {context: ., dockerfile: ../../etc/passwd}}}",
    "variables": "services: {a: {build: ., env_file: ../x.env}}",
    "variables by a full path": "services: {a: {build: ., env_file: /etc/passwd}}",
    "variables of a home": "services: {a: {build: ., env_file: ~/x.env}}",
    "variables behind a link": "services: {a: {build: ., env_file: out/passwd}}",
    "labels": "services: {a: {build: ., label_file: ../l}}",
    "a base": "services: {a: {extends: {file: ../x.yml, service: b}}}",
    "another file": "include: [../other.yml]\nservices: {a: {build: .}}",
    "a file of the system": "include: [/etc/passwd]\nservices: {a: {build: .}}",
    "a file of the network": "include: ['https://github.com/docker/compose.git']\n" + ONE,
    "a file of a registry": "include: ['oci://example.invalid/x']\n" + ONE,
    "a configuration": "services: {a: {build: ., configs: [x]}}\nconfigs: {x: {file: ../x}}",
    "a secret of a link": "services: {a: {build: ., secrets: [x]}}\nsecrets: {x: {file: out/x}}",
    "a folder of the host": "services: {a: {build: ., ports: [80], volumes: ['/:/host']}}",
    "a folder of a home": "services: {a: {build: ., ports: [80], volumes: ['~/.ssh:/x']}}",
    "a folder beside": "services: {a: {build: ., ports: [80], volumes: ['../other:/x']}}",
    "a folder behind a link": "services: {a: {build: ., ports: [80], volumes: ['./out:/x']}}",
    "the engine": "services: {a: {build: ., volumes: ['/var/run/docker.sock:/docker.sock']}}",
}


@pytest.mark.parametrize("compose", OUTSIDE.values(), ids=OUTSIDE)
def test_what_lies_outside_of_the_app_is_never_read_and_said_to_be_our_doing(
    tmp_path: Path, compose: str
):
    """Also where it exists: on its author's machine it may, and our sandbox is our doing."""
    (tmp_path / "x.env").write_text("SECRET=1\n")
    (tmp_path / "x.yml").write_text("services: {b: {image: x, environment: {SECRET: 1}}}")
    (tmp_path / "other").mkdir()
    root = app_of(tmp_path / "app", compose)
    (root / "out").symlink_to("/etc")

    with pytest.raises(PlatformFault) as caught:
        read_plan(root)

    assert caught.value.row == blame.SETTING_DROPPED.key
    assert "/run/assay" not in caught.value.message


@pytest.mark.parametrize("name", [".env", "docker-compose.override.yml", "Dockerfile"])
def test_a_link_out_of_the_app_folder_is_not_followed(tmp_path: Path, name: str):
    secret = tmp_path / "secret"
    secret.write_text("SECRET=1\n")
    root = app_of(tmp_path / "app", ONE)
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(secret)

    with pytest.raises(PlatformError, match="leads out of the app folder"):
        read_plan(root)


def test_links_within_the_app_folder_are_followed(tmp_path: Path):
    root = app_of(tmp_path / "app", ONE, conf__env="A=1\n", conf__c_yml=ONE)
    (root / "docker-compose.yml").unlink()
    (root / "compose.yaml").symlink_to("conf/c_yml")
    (root / ".env").symlink_to("conf/env")

    assert [one.name for one in read_plan(root).services] == ["a"]


def test_each_full_path_that_is_quoted_is_the_authors(tmp_path: Path):
    with pytest.raises(AppFault) as caught:
        plan_of(tmp_path / "My App", "services: {a: {build: ., env_file: conf/x.env}}")

    assert caught.value.reason.startswith("compose file: env file ./conf/x.env not found")
