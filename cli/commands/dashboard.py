"""`dashboard`: the pages and the API, alone; the local stack runs this very command."""

from cli.address import announced
from cli.exits import Exit
from cli.installation import require_token
from cli.output import say
from cli.serving import Serving, listen, set_up_log
from cli.site import site_of
from cli.terminal import stdout
from dashboard.app import create_app
from dashboard.memory import settle
from settings import Settings, take_secrets


async def run_dashboard(settings: Settings, host: str | None, port: int | None) -> Exit:
    """Serve until interrupted.

    Raises:
        UserError: others could reach it and there is no token; the port is taken.
    """
    settings = settings.model_copy(update={"dashboard_host": host or settings.dashboard_host})
    await require_token(settings, settings.dashboard_host)
    set_up_log(settings.log_level, settings.log_format, requests=settings.dashboard_log)
    site = site_of(settings)
    take_secrets()
    wanted = settings.dashboard_port if port is None else port
    listening, address = listen(settings.dashboard_host, wanted)
    with listening:
        stdout.print(f"dashboard: {address}", soft_wrap=True)
        say("Ctrl-C ends it")
        server = Serving(create_app(site), log_requests=settings.dashboard_log)
        settle()
        with announced(settings, address):
            await server.serve(sockets=[listening])
    return Exit.OK
