"""The Helm chart: helm, the schemas of Kubernetes, and what every container promises."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.analyzers import AnalyzerKind

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/assay"
HELM = ROOT / ".tools/tests/helm"
BASE = ("temporal.address=temporal:7233",)
WATCHED = ("monitoring.serviceMonitor=true", "monitoring.prometheusRule=true")
SETS = {
    "default": (),
    "sidecar": ("engine.kind=sidecar", "apps.existingClaim=fleets", *WATCHED),
    "node": ("engine.kind=node", "engine.node.group=998"),
    "several": ("hosts=3", "data.accessModes={ReadWriteMany}", "build.id=abc"),
    "open": (
        *("dashboard.expose=true", "dashboard.asksAnalyzers=true", "secrets.payloadKeys=true"),
        *("secrets.alerts=true", "secrets.aiApiKey=true", "analyzers.ai.settings.MODELS=small"),
        *("settings.APP_MEMORY_MB=2048", *WATCHED),
    ),
    "process": ("engine.processSeccompProfile=profiles/userns.json", "dashboard.enabled=false"),
}
# Of the Prometheus Operator: Kubernetes has no schema for them.
OPERATORS = {"ServiceMonitor", "PrometheusRule"}


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    assert HELM.exists(), "make test-tools"
    return subprocess.run([HELM, *words], capture_output=True, text=True)


def sets(values: tuple[str, ...]) -> list[str]:
    return [word for value in (*BASE, *values) for word in ("--set", value)]


@cache
def rendered(name: str) -> tuple[str, tuple[dict[str, Any], ...]]:
    done = helm("template", "assay", str(CHART), *sets(SETS[name]))
    assert done.returncode == 0, done.stderr
    return done.stdout, tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def objects(name: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in rendered(name)[1] if one["kind"] == kind}


def pods(name: str) -> dict[str, dict[str, Any]]:
    found = objects(name, "StatefulSet") | objects(name, "Deployment")
    return {
        key.removeprefix("assay-"): one["spec"]["template"]["spec"] for key, one in found.items()
    }


def containers(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for pod in pods(name).values():
        for one in (*pod.get("initContainers", ()), *pod["containers"]):
            yield one["name"], one, pod


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_wrong(name: str):
    done = helm("lint", "--strict", str(CHART), *sets(SETS[name]))

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SETS)
def test_kubernetes_takes_every_object(name: str, tmp_path: Path):
    known = [one for one in rendered(name)[1] if one["kind"] not in OPERATORS]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(known))
    command = [ROOT / ".venv/bin/kubernetes-validate", "--strict", tmp_path / "objects.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(known) >= 15


@pytest.mark.parametrize("name", SETS)
def test_every_container_is_confined_bounded_and_watched(name: str):
    seen: set[str] = set()
    for container_name, container, pod in containers(name):
        seen.add(container_name)
        security = container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]
        assert "startupProbe" in container
        if container_name == "engine":  # off unless asked for, and the only one
            continue
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security
        assert "/health" in json.dumps(container["livenessProbe"])
        assert "/ready" in json.dumps(container["readinessProbe"])
        if name != "process":
            assert "seccompProfile" not in security
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    dashboard = {"dashboard"} if name != "process" else set()
    engine = {"engine"} if name == "sidecar" else set()
    assert seen == {*AnalyzerKind, "worker"} | dashboard | engine


@pytest.mark.parametrize("name", SETS)
def test_no_secret_is_a_variable_and_each_file_that_is_named_is_mounted(name: str):
    for container_name, container, pod in containers(name):
        text = json.dumps([container.get("env", []), container.get("args", [])])
        assert "secretKeyRef" not in text
        mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
        files = {
            f"{mounts[volume['name']]}/{item['path']}"
            for volume in pod["volumes"]
            if volume["name"] in mounts and "secret" in volume
            for item in volume["secret"]["items"]
        }
        named = set(re.findall(r"/run/secrets/[\w/-]+", text))
        assert named == files, container_name
        assert {m["name"] for m in container["volumeMounts"]} <= {v["name"] for v in pod["volumes"]}


def test_nothing_reaches_the_host_unless_it_is_asked_for():
    for name in SETS:
        for key, pod in pods(name).items():
            is_node = name == "node" and key == "worker"
            assert pod.get("hostNetwork", False) is is_node
            assert any("hostPath" in volume for volume in pod["volumes"]) is is_node
    listens = {n: c for n, c, _ in containers("node")}
    assert "--host=127.0.0.1" in listens["dynamic"]["args"]
    assert {"name": "ASSAY_METRICS_ADDRESS", "value": "127.0.0.1:9464"} in listens["worker"]["env"]
    assert listens["worker"]["readinessProbe"]["httpGet"]["host"] == "127.0.0.1"


def test_a_release_with_a_build_id_makes_itself_current_unless_that_is_done_by_hand():
    def said(*values: str) -> dict[str, Any]:
        done = helm("template", "assay", str(CHART), *sets(("build.id=abc", *values)))
        objects_ = [one for one in yaml.safe_load_all(done.stdout) if one]
        (worker,) = (
            one["spec"]["template"]["spec"]["containers"][0]
            for one in objects_
            if one["kind"] == "StatefulSet" and one["metadata"]["name"] == "assay-worker"
        )
        given = {one["name"]: one.get("value") for one in worker["env"]}
        return {name: given[name] for name in ("ASSAY_BUILD_ID", "ASSAY_MAKE_CURRENT")}

    assert said() == {"ASSAY_BUILD_ID": "abc", "ASSAY_MAKE_CURRENT": "true"}
    assert said("build.makeCurrent=false")["ASSAY_MAKE_CURRENT"] == "false"


def test_a_worker_finds_the_analyzers_of_its_own_number():
    env = {
        one["name"]: one for n, c, _ in containers("several") if n == "worker" for one in c["env"]
    }
    urls = json.loads(env["ASSAY_ANALYZER_URLS"]["value"].replace("$(HOST_NUMBER)", "2"))

    names = [one["name"] for n, c, _ in containers("several") if n == "worker" for one in c["env"]]
    assert names.index("HOST_NUMBER") < names.index("ASSAY_ANALYZER_URLS")
    for kind in AnalyzerKind:
        host, _, port = urls[kind].removeprefix("ws://").partition(":")
        assert int(port) == kind.row.port
        if not kind.is_live:
            service = objects("several", "Service")[host.partition(".")[2]]
            assert service["spec"]["ports"][0]["port"] == kind.row.port
            assert host == f"assay-{kind}-2.assay-{kind}"


def test_network_policies_let_through_what_is_needed_and_no_more():
    policies = objects("default", "NetworkPolicy")

    deny = policies["assay-default-deny"]["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert {p["port"] for rule in deny["egress"] for p in rule["ports"]} == {53}
    ports = {
        name.removeprefix("assay-"): {
            way: sorted(p["port"] for rule in one["spec"].get(way) or () for p in rule["ports"])
            for way in ("ingress", "egress")
        }
        for name, one in policies.items()
        if one is not policies["assay-default-deny"]
    }
    assert ports == {
        "worker": {"ingress": [2002, 2003, 9464], "egress": [2001, 2004, 5432, 7233]},
        "dashboard": {"ingress": [], "egress": [5432, 7233]},
        "static": {"ingress": [2001], "egress": [443]},
        "ai": {"ingress": [2004], "egress": [443]},
    }
    every_pod = [one["metadata"]["labels"] for one in _templates("default")]
    for policy in policies.values():
        selector = policy["spec"]["podSelector"]["matchLabels"].items()
        assert any(selector <= labels.items() for labels in every_pod)
    outside = policies["assay-static"]["spec"]["egress"][0]["to"][0]["ipBlock"]
    assert "10.0.0.0/8" in outside["except"]


def test_each_budget_is_of_pods_that_exist():
    budgets = objects("default", "PodDisruptionBudget")
    labels = [one["metadata"]["labels"] for one in _templates("default")]

    assert len(budgets) == len(labels) == 4
    for budget in budgets.values():
        chosen = budget["spec"]["selector"]["matchLabels"].items()
        assert sum(chosen <= one.items() for one in labels) == 1


def test_the_rules_are_those_of_docker_compose():
    files = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
    rules = objects("sidecar", "PrometheusRule")

    assert [one["spec"] for _, one in sorted(rules.items())] == [
        yaml.safe_load(path.read_text()) for path in files
    ]
    assert files


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("temporal.address=", "host:port of your Temporal frontend"),
        ("hosts=2", "set data.accessModes to [ReadWriteMany]"),
        ("engine.kind=node", "engine.node.group"),
        ("engine.kind=podman", "process"),
        ("dashbord.expose=true", "dashbord"),
        ("analyzers.performance.capacity=2", "capacity"),
    ],
)
def test_wrong_values_are_refused_by_name(value: str, said: str):
    done = helm("template", "assay", str(CHART), *sets((value,)))

    assert done.returncode != 0
    assert said in done.stderr


def _templates(name: str) -> list[dict[str, Any]]:
    found = objects(name, "StatefulSet") | objects(name, "Deployment")
    return [one["spec"]["template"] for one in found.values()]
