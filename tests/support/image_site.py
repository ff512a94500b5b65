"""An installation in containers for tests: images on the local base, four analyzers, a worker,
the dashboard.

It is confined as docker-compose.yml says, and on a private network. Every resource has a label with
a scope of its own and is removed by that label. Images stay, so that the next run finds its layers.
"""

import io
import json
import os
import socket
import tarfile
import time
import urllib.request
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from clients.docker.labels import LABEL_PEER
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth, ToolHealth
from contract.ids import LABEL_SCOPE
from contract.quiet import LOAD_LOCK, work_lock
from tests.support.compose_file import ROOT, load, sdk_options

BASE = "assay/python:3.11"
LABEL_IMAGE = "dev.assay.test-image"
LABEL_SITE = "dev.assay.test-site"
_HEALTHY_LIMIT_S = 420
# AI first: the layers it shares with the others. Performance after dynamic: both have Chromium.
_FIRST, _SIDE_BY_SIDE = (
    "ai",
    (
        ("dynamic", "performance"),
        ("static", "worker", "dashboard"),
    ),
)


def tag(name: str) -> str:
    """Name of the image of an analyzer or the worker."""
    return f"assay/test-{name}:{load()['services'][name]['image'].rpartition(':')[2]}"


def build_all(client: Any) -> None:
    """Build the six images, two at a time, and remove the images that they replace."""
    _build(client, (_FIRST,))
    with ThreadPoolExecutor(len(_SIDE_BY_SIDE)) as pool:
        list(pool.map(lambda names: _build(client, names), _SIDE_BY_SIDE))
    client.images.prune(filters={"dangling": True, "label": LABEL_IMAGE})


def _build(client: Any, names: Sequence[str]) -> None:
    for name in names:
        dockerfile = load()["services"][name]["build"]["dockerfile"]
        image = tag(name)
        if " AS tools" in (ROOT / dockerfile).read_text():
            # Tagged too: an engine that is tidied drops untagged stages, and all tools with them.
            _build_stage(client, dockerfile, image.replace(":", "-tools:"), {}, target="tools")
        _build_stage(client, dockerfile, image, {LABEL_IMAGE: name})


def _build_stage(
    client: Any, dockerfile: str, image: str, labels: dict[str, str], **more: str
) -> None:
    try:
        client.images.build(
            path=str(ROOT),
            dockerfile=dockerfile,
            tag=image,
            buildargs={"BASE": BASE},
            labels=labels,
            rm=True,
            forcerm=True,
            **more,
        )
    except BuildError as error:
        lines = [str(line.get("stream", line.get("error", ""))) for line in error.build_log]
        raise AssertionError(f"{image}: {''.join(lines)[-2000:]}") from error


@dataclass
class Site:
    """One installation; `close` removes all of it.

    Attributes:
        apps: folder of the fleet, seen by the worker, the dashboard and the static analyzer alone:
            the live analyzers are sent their sources.
        dashboard: its address, once it runs; it shares the worker's data.
    """

    client: Any
    folder: Path
    apps: Path
    temporal_address: str
    scope: str = field(default_factory=lambda: f"images-{uuid.uuid4().hex[:10]}")
    containers: dict[str, Any] = field(default_factory=dict)
    dashboard: str = ""

    @property
    def name(self) -> str:
        """Beginning of the names of containers and volumes."""
        return f"assay-test-{self.scope}"

    @property
    def network(self) -> str:
        """Name of the live analyzers' network, the compose file's: it sorts before every app's."""
        return load()["networks"]["quiet"]["name"].replace("${ASSAY_SCOPE:-compose}", self.scope)

    @property
    def _labels(self) -> dict[str, str]:
        return {LABEL_SITE: self.scope}

    def start(self) -> None:
        """Start the analyzers, then a worker that knows where they are."""
        quiet = load()["networks"]["quiet"]["driver_opts"]
        self.client.networks.create(self.network, labels=self._labels, options=quiet)
        self.client.networks.create(self.name, labels=self._labels)
        token = self.folder / "token"
        token.write_text(uuid.uuid4().hex)
        token.chmod(0o644)  # the containers' user is another one
        for kind in AnalyzerKind:
            self.containers[kind] = self._run_analyzer(kind, token)
        self.containers["worker"] = self._run_worker(token)
        self.containers["dashboard"] = self._run_dashboard(token)

    def _run_analyzer(self, kind: AnalyzerKind, token: Path) -> Any:
        locks = {
            str(lock): {"bind": str(lock), "mode": "ro"}
            for lock in (LOAD_LOCK, work_lock(LOAD_LOCK))
        }
        mounts = {
            AnalyzerKind.STATIC: {str(self.apps): {"bind": str(self.apps), "mode": "ro"}, **locks},
            AnalyzerKind.DYNAMIC: locks,
            AnalyzerKind.PERFORMANCE: locks,
        }
        peer = {LABEL_PEER: self.scope} if kind.is_live else {}
        return self._run(
            kind,
            token,
            mounts.get(kind, {}),
            labels={**self._labels, **peer},
            network=self.network if kind.is_live else self.name,
            ports={f"{AnalyzerKind(kind).row.port}/tcp": ("127.0.0.1", None)},
        )

    def _run_worker(self, token: Path) -> Any:
        engine = "/var/run/docker.sock"
        urls = {kind: f"ws://127.0.0.1:{self.port(kind)}" for kind in AnalyzerKind}
        return self._run(
            "worker",
            token,
            {
                engine: {"bind": engine, "mode": "rw"},
                str(self.apps): {"bind": str(self.apps), "mode": "ro"},
            },
            labels=self._labels,
            network_mode="host",
            group_add=[str(os.stat(engine).st_gid)],
            environment={
                "TEMPORAL_ADDRESS": self.temporal_address,
                "TEMPORAL_NAMESPACE": "default",
                "ASSAY_ANALYZER_LOCATION": "network",
                "ASSAY_ANALYZER_URLS": json.dumps(urls),
                "ASSAY_TOKEN_FILE": "/run/secrets/analyzer-token",
                "ASSAY_METRICS_ADDRESS": f"127.0.0.1:{_free_port()}",
                "ASSAY_HOST": self.scope,
                "ASSAY_SCOPE": self.scope,
            },
        )

    def _run_dashboard(self, token: Path) -> Any:
        port = _free_port()
        self.dashboard = f"http://127.0.0.1:{port}"
        return self._run(
            "dashboard",
            token,
            {str(self.apps): {"bind": str(self.apps), "mode": "ro"}},
            data="worker",
            labels=self._labels,
            network_mode="host",
            environment={
                "TEMPORAL_ADDRESS": self.temporal_address,
                "TEMPORAL_NAMESPACE": "default",
                "ASSAY_TOKEN_FILE": "/run/secrets/analyzer-token",
                "ASSAY_HOST": self.scope,
                "ASSAY_SCOPE": self.scope,
                "ASSAY_DASHBOARD_PORT": str(port),
                "ASSAY_DASHBOARD_FLEETS": str(self.apps),
            },
        )

    def _run(
        self,
        name: str,
        token: Path,
        mounts: dict[str, Any],
        *,
        labels: dict[str, str],
        data: str = "",
        **more: Any,
    ) -> Any:
        volume = f"{self.name}-{data or name}"
        self.client.volumes.create(volume, labels=self._labels)
        return self.client.containers.run(
            tag(name),
            name=f"{self.name}-{name}",
            detach=True,
            labels=labels,
            volumes={
                **mounts,
                volume: {"bind": "/data", "mode": "rw"},
                str(token): {"bind": "/run/secrets/analyzer-token", "mode": "ro"},
            },
            **sdk_options(load()["services"][name]),
            **more,
        )

    def port(self, kind: AnalyzerKind) -> int:
        """Where Docker published the analyzer on 127.0.0.1."""
        container = self.containers[kind]
        container.reload()
        return int(container.ports[f"{AnalyzerKind(kind).row.port}/tcp"][0]["HostPort"])

    def tools(self, kind: AnalyzerKind) -> tuple[ToolHealth, ...]:
        """What the analyzer says about each of its tools."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port(kind)}/health") as answer:
            return AnalyzerHealth.model_validate_json(answer.read()).tools

    def health(self, kind: str) -> str:
        """Docker's verdict; waits for `healthy`, because a busy machine may be slow."""
        container = self.containers[kind]
        deadline, status = time.monotonic() + _HEALTHY_LIMIT_S, ""
        while time.monotonic() < deadline and status != "healthy":
            container.reload()
            state = container.attrs["State"]
            assert state["Running"], f"{kind}: {self.log(kind)}"
            status = state["Health"]["Status"]
            time.sleep(0.3)
        return status if status == "healthy" else f"{status}: {self.log(kind)}"

    def log(self, name: str) -> str:
        """End of a container's log."""
        return self.containers[name].logs(tail=40).decode(errors="replace")

    def shell(self, name: str, line: str) -> tuple[int, str]:
        """Exit code and output of a shell line in a container."""
        code, output = self.containers[name].exec_run(["sh", "-c", line])
        return code, output.decode(errors="replace")

    def read(self, name: str, path: str) -> bytes:
        """One file of a container."""
        blocks, _ = self.containers[name].get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(blocks))) as archive:
            member = archive.extractfile(archive.next() or "")
            assert member is not None
            return member.read()

    def close(self) -> list[str]:
        """Remove everything of this scope; returns what is still there afterwards."""
        for container in self.client.containers.list(all=True, filters=self._mine(LABEL_SITE)):
            container.remove(force=True, v=True)
        # The worker has torn its apps down itself; their images are kept by it for the next time.
        left = [f"app container {c.name}" for c in self._apps(self.client.containers, all=True)]
        left += [f"app network {n.name}" for n in self._apps(self.client.networks)]
        for image in self._apps(self.client.images):
            self.client.images.remove(image.id, force=True)
        for volume in self.client.volumes.list(filters=self._mine(LABEL_SITE)):
            volume.remove()
        for network in self.client.networks.list(filters=self._mine(LABEL_SITE)):
            network.remove()
        return left + self._leftovers()

    def _apps(self, collection: Any, **options: Any) -> list[Any]:
        return collection.list(filters=self._mine(LABEL_SCOPE), **options)

    def _leftovers(self) -> list[str]:
        client = self.client
        return [
            f"{kind} {getattr(one, 'name', one)}"
            for label in (LABEL_SITE, LABEL_SCOPE)
            for kind, found in (
                ("container", client.containers.list(all=True, filters=self._mine(label))),
                ("network", client.networks.list(filters=self._mine(label))),
                ("volume", client.volumes.list(filters=self._mine(label))),
                ("image", client.images.list(filters=self._mine(label))),
            )
            for one in found
        ]

    def _mine(self, label: str) -> dict[str, Any]:
        return {"label": f"{label}={self.scope}"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
