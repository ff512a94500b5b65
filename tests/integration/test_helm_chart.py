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
from queues import GRACE

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/assay"
HELM = ROOT / ".tools/tests/helm"
BASE = ("temporal.address=temporal:7233",)
WATCHED = ("monitoring.serviceMonitor=true", "monitoring.prometheusRule=true")
NAMED = (
    "networkPolicy.temporal[0].podSelector.matchLabels.app=temporal",
    "networkPolicy.store[0].ipBlock.cidr=192.0.2.7/32",
)
SMALL = "worker.resources.limits.memory=1Gi"
STOPPED = ("hosts=0", "dashboard.enabled=false")
SETS = {
    "default": (),
    "sidecar": ("engine.kind=sidecar", "apps.existingClaim=fleets", *NAMED, *WATCHED),
    "node": ("engine.kind=node", "engine.node.group=998", *WATCHED),
    "several": ("hosts=3", "data.accessModes={ReadWriteMany}", "build.id=abc"),
    "open": (
        *("dashboard.expose=true", "dashboard.asksAnalyzers=true", "secrets.payloadKeys=true"),
        *("secrets.alerts=alerts", "secrets.aiApiKey=true", "analyzers.ai.settings.MODELS=small"),
        *("settings.APP_MEMORY_MB=1536", *WATCHED),
    ),
    "process": ("engine.processSeccompProfile=profiles/userns.json", "dashboard.enabled=false"),
    "downgrade": (*STOPPED, "store.downgradeTo=0009", "secrets.payloadKeys=true"),
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
    found = objects(name, "StatefulSet") | objects(name, "Deployment") | objects(name, "Job")
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
        if container_name == "downgrade":  # it ends by itself
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            continue
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
    more = {"process": set[str](), "sidecar": {"engine", "dashboard"}, "downgrade": {"downgrade"}}
    assert seen == {*AnalyzerKind, "worker"} | more.get(name, {"dashboard"})


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
            for item in volume["secret"].get("items", [{"path": "alerts.yaml"}])
        }
        named = set(re.findall(r"/run/secrets/[\w./-]+", text))
        assert named == files, container_name
        assert {m["name"] for m in container["volumeMounts"]} <= {v["name"] for v in pod["volumes"]}


def test_who_is_told_of_alerts_is_a_folder_with_all_that_the_file_names():
    for part, pod in pods("open").items():
        volumes = {one["name"]: one for one in pod["volumes"]}
        assert ("alerts" in volumes) is (part in ("worker", "dashboard"))
        if "alerts" in volumes:
            assert volumes["alerts"]["secret"] == {"secretName": "alerts", "defaultMode": 0o440}
    for _, container, _ in containers("open"):  # one that changes is not seen through a subPath
        assert not [one for one in container["volumeMounts"] if "subPath" in one]


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


@pytest.mark.parametrize("name", SETS)
def test_no_pod_reaches_whatever_listens_on_a_port(name: str):
    for policy in objects(name, "NetworkPolicy").values():
        for rule in policy["spec"].get("egress") or ():
            assert rule["to"], f"{policy['metadata']['name']}: {rule}"
    egress = objects(name, "NetworkPolicy")["assay-worker"]["spec"]["egress"]
    servers = {rule["ports"][0]["port"]: rule["to"] for rule in egress}
    if name == "sidecar":  # its apps are strangers, and share the worker's policy
        assert servers[7233] == [{"podSelector": {"matchLabels": {"app": "temporal"}}}]
        assert servers[5432] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]
    else:
        assert servers[7233] == servers[5432] == [{"namespaceSelector": {}}]


def test_every_pod_has_the_time_that_a_worker_needs_to_end():
    for pod in pods("default").values():
        given_s = pod.get("terminationGracePeriodSeconds", 30)  # Kubernetes' own default
        assert given_s >= GRACE.total_seconds() * 3


def test_a_job_takes_the_store_back_while_nothing_else_has_it():
    job = objects("downgrade", "Job")["assay-downgrade-0009"]["spec"]["template"]
    policy = objects("downgrade", "NetworkPolicy")["assay-downgrade"]["spec"]

    one = job["spec"]["containers"][0]
    assert one["command"][1:] == ["starter.py", "store", "downgrade", "0009", "--no-backup"]
    assert one["image"] == containers_image("default", "dashboard")
    assert policy["podSelector"]["matchLabels"].items() <= job["metadata"]["labels"].items()
    assert {p["port"] for rule in policy["egress"] for p in rule["ports"]} == {5432}
    assert {o["spec"]["replicas"] for o in objects("downgrade", "StatefulSet").values()} == {0}
    assert objects("default", "Job") == {}


def test_nothing_of_a_worker_on_the_nodes_network_is_asked_for_or_missed():
    assert set(objects("node", "ServiceMonitor")) == {"assay-static", "assay-ai"}
    assert "assay-worker" in objects("sidecar", "ServiceMonitor")
    rules = {
        name: [
            rule
            for one in objects(name, "PrometheusRule").values()
            for group in one["spec"]["groups"]
            for rule in group["rules"]
        ]
        for name in ("node", "sidecar")
    }
    missing = [rule for rule in rules["sidecar"] if "absent(" in rule["expr"]]
    assert missing
    assert rules["node"] == [rule for rule in rules["sidecar"] if rule not in missing]


def test_everything_but_a_worker_is_asked_for_figures_with_the_token():
    monitors = objects("open", "ServiceMonitor")
    token = {"credentials": {"name": "assay", "key": "analyzer-token"}}
    given = {
        end["port"]: end.get("authorization")
        for one in monitors.values()
        for end in one["spec"]["endpoints"]
    }

    assert given == {"metrics": None, "http": token} | {str(kind): token for kind in AnalyzerKind}


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
        ("worker.resources.limits.memory=2Gi", "It takes 3072Mi at least"),
        ("settings.APP_MEMORY_MB=4096", "It takes 9216Mi at least"),
        ("worker.resources.limits.memory=4000X", "a number of bytes"),
        ("engine.kind=sidecar", "set networkPolicy.temporal and networkPolicy.store"),
        ("store.downgradeTo=0009", "set hosts=0 and dashboard.enabled=false"),
        ("store.downgradeTo=newest", "downgradeTo"),
    ],
)
def test_wrong_values_are_refused_by_name(value: str, said: str):
    done = helm("template", "assay", str(CHART), *sets((value,)))

    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("version", ["1.28.9", "1.29.0-eks-1"])
def test_an_engine_beside_the_worker_takes_a_kubernetes_that_keeps_it_running(version: str):
    old = version.startswith("1.28")
    for name in ("sidecar", "default"):
        words = ("template", "assay", str(CHART), "--kube-version", version, *sets(SETS[name]))
        done = helm(*words)
        assert (done.returncode != 0) is (old and name == "sidecar"), done.stderr
        assert ("1.29 or newer" in done.stderr) is (old and name == "sidecar")


def test_less_than_a_pod_with_an_engine_of_its_own_needs_is_no_mistake():
    done = helm("template", "assay", str(CHART), *sets((*SETS["node"], SMALL)))

    assert done.returncode == 0, done.stderr


def containers_image(name: str, container: str) -> str:
    return next(one["image"] for key, one, _ in containers(name) if key == container)


def _templates(name: str) -> list[dict[str, Any]]:
    found = objects(name, "StatefulSet") | objects(name, "Deployment")
    return [one["spec"]["template"] for one in found.values()]
