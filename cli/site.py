"""The installation of these settings as its dashboard sees it."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version as version_of
from pathlib import Path

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from cli.installation import login_finder, machine_of, store_of
from cli.program import command, version
from cli.stack.lifecycle import running_stack
from cli.stack.records import recorded_stack
from clients.artifacts import FileArtifactStore
from clients.runtime import choose_runtime
from clients.shared_keys import require_shared_keys
from clients.temporal import connect
from contract.analyzers import AnalyzerKind
from control.errors import ServerAwayError
from control.namespace import require_namespace
from control.server_errors import server_asked
from dashboard.site import Doors, Site
from settings import PROJECT_ROOT, Settings, temporal_is_configured

_PARTS = ("temporalio", "fastapi", "uvicorn", "pydantic", "sqlalchemy")


def site_of(settings: Settings) -> Site:
    """What the dashboard shows: of the configured server, else of the local stack.

    Raises:
        PlatformError: the configuration of the server cannot be read.
    """
    elsewhere = temporal_is_configured()
    stack = None if elsewhere else recorded_stack(settings)
    named = settings.analyzer_urls
    urls = {kind: named[kind] for kind in AnalyzerKind if kind in named}
    return Site(
        data_dir=settings.data_dir,
        stored=store_of(settings),
        connect=_connector(settings, elsewhere=elsewhere),
        static=settings.tools_dir / "dashboard" / "node_modules",
        fleets=Path(settings.dashboard_fleets or PROJECT_ROOT).expanduser().absolute(),
        namespace=_namespace() if elsewhere else "default",
        ui_url=settings.dashboard_ui.rstrip("/") or (stack.ui_url if stack else ""),
        assay=version(),
        lacks=(lambda _: "") if elsewhere else settings.lacks,
        secret=login_finder(settings),
        analyzer_urls=stack.analyzer_urls if stack else urls,
        token_file=stack.token_file if stack else settings.token_file,
        doors=doors_of(settings),
        worker_url=stack.worker_url if stack else "",
        engine=None if elsewhere else lambda: _engine(settings),
        versions={name: version_of(name) for name in _PARTS},
        deployment=settings.deployment if elsewhere or not stack else stack.deployment,
        machine=machine_of(settings),
    )


def doors_of(settings: Settings) -> Doors:
    """Who may come in."""
    return Doors(
        hosts=settings.dashboard_names,
        local=settings.dashboard_local,
        proxy=settings.dashboard_proxy,
        proxy_user_header=settings.dashboard_proxy_user,
        proxy_scopes_header=settings.dashboard_proxy_scopes,
    )


def _engine(settings: Settings) -> str:
    artifacts = FileArtifactStore(settings.data_dir / "artifacts")
    return choose_runtime(settings, artifacts, docker_host=settings.docker_host).description


def _namespace() -> str:
    try:
        return ClientConfig.load_client_connect_config().get("namespace") or "default"
    except (RuntimeError, OSError, ValueError):  # connecting says what is wrong
        return "default"


def _connector(settings: Settings, *, elsewhere: bool) -> Callable[[], Awaitable[Client]]:
    async def connected() -> Client:
        keys = settings.payload_key_text
        address = None if elsewhere else _local_address(settings)
        client = await connect(address, None if elsewhere else "default", keys=keys)
        await require_namespace(client, with_worker=False)
        with server_asked():
            await require_shared_keys(client)
        return client

    return connected


def _local_address(settings: Settings) -> str:
    stack = running_stack(settings)
    if stack is None:
        raise ServerAwayError(
            "the local stack does not run: pages show what is stored, and nothing can be started",
            next_step=f"start it with {command('up')}",
        )
    return stack.temporal_address
