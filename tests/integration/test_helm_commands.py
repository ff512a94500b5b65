"""The commands for Helm that pages tell, as far as they can be tried without a cluster."""

import re
import shlex
from itertools import pairwise

import pytest

from store.migrate import known_schemas
from tests.integration.test_helm_chart import BASE, CHART, ROOT, helm, objects

PAGES = (ROOT / "docs/deploy.md", CHART / "README.md")
SCHEMA = "0009"
SHARED = "data.accessModes={ReadWriteMany}"  # as several hosts have it


def commands(program: str) -> list[list[str]]:
    """Words of each line of a block of `bash` that calls `program`; lines that go on are joined."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    return [
        shlex.split(line, comments=True) for line in blocks.splitlines() if line[:4] == program[:4]
    ]


HELM = commands("helm")


def told(words: list[str]) -> tuple[str, list[str], list[str]]:
    """Subcommand, what it is about, and its options."""
    assert words[1:3] == ["-n", "assay"], words
    takes = {"--set"}
    about, options = [], []
    rest = iter(words[4:])
    for word in rest:
        if word in takes:
            options += [word, next(rest)]
        else:
            (options if word.startswith("-") else about).append(word)
    return words[3], about, options


@pytest.mark.parametrize("words", HELM, ids=lambda words: " ".join(words[3:]))
def test_each_command_names_its_release_and_helm_knows_its_options(words: list[str]):
    sub, about, options = told(words)
    known = helm(sub, "--help").stdout

    wanted = {"upgrade": ["assay", "deploy/helm/assay"], "rollback": ["assay", "REVISION"]}
    assert about == wanted.get(sub, ["assay"])
    assert all(f"{option} " in known for option in options if option.startswith("-"))


def values(step: list[str]) -> list[str]:
    sets = [value for name, value in pairwise(step) if name == "--set"]
    return [re.sub("SCHEMA", SCHEMA, value) for value in sets]


def test_the_chart_takes_the_values_of_each_step_on_top_of_those_before():
    steps = [told(words)[2] for words in HELM if told(words)[0] == "upgrade"]
    given = ",".join(BASE)
    for step in steps:
        given = ",".join((given, *values(step)))
        done = helm("template", "assay", str(CHART), "--set", given, "--set", SHARED)
        assert done.returncode == 0, done.stderr
        given = given.removesuffix(",store.downgradeTo=0009")  # its chart is rolled back
    assert len(steps) >= 5


def test_a_way_back_stops_all_first_then_takes_the_store_back_then_names_a_revision():
    text = (ROOT / "docs/deploy.md").read_text().partition("## Helm")[2]
    way = re.findall(r"```bash\n(.*?)```", text.partition("**Roll back.**")[2], re.DOTALL)[0]
    places = [
        way.index(part)
        for part in (
            *("hosts=0,dashboard.enabled=false", "wait --for=delete", "store.downgradeTo=SCHEMA"),
            "rollback assay REVISION",
        )
    ]

    assert places == sorted(places)
    assert way.index("--wait-for-jobs") < way.index("rollback")


def test_what_kubectl_is_asked_about_is_there():
    deployed = {f"deploy/{name}" for name in objects("default", "Deployment")}
    deployed |= {f"pod/{name}-0" for name in objects("default", "StatefulSet")}
    deployed |= {f"job/{name}" for name in objects("downgrade", "Job")}
    named = {
        re.sub("SCHEMA", SCHEMA, word)
        for words in commands("kubectl")
        for word in words
        if re.match("(deploy|pod|job)/", word)
    }

    assert len(named) >= 3
    assert named <= deployed


def test_the_number_of_a_schema_is_that_of_its_file():
    files = sorted((ROOT / "store/migrations/versions").glob("[0-9]*.py"))

    assert tuple(path.name.partition("_")[0] for path in files) == known_schemas()
    assert SCHEMA in known_schemas()
