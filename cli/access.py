"""Registers the command for those who may use the dashboard."""

from typing import Annotated, Literal

import typer

from cli.arguments import JsonFlag
from cli.command import run


def register(app: typer.Typer) -> None:
    """Add `token`."""
    app.command(name="token")(_token)


def _token(
    action: Annotated[
        Literal["create", "list", "revoke", "link"],
        typer.Argument(
            help="create NAME, list, revoke NAME; link: what logs one browser in, once.",
            metavar="create|list|revoke|link",
        ),
    ],
    name: Annotated[
        str, typer.Argument(help="Of the token; the log of changes names it.", metavar="[NAME]")
    ] = "",
    scope: Annotated[
        Literal["read", "operate"] | None,
        typer.Option(help="What it is good for; default: read, of a link: operate."),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(help="create: how long it is good; default: until it is revoked."),
    ] = None,
    url: Annotated[
        str, typer.Option(help="link: address of the dashboard; default: of this installation's.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Say who may use the dashboard: tokens for people and programs, a login link for a browser."""
    if bool(name) is not (action in ("create", "revoke")):
        needs = "needs a NAME" if not name else "takes no NAME"
        raise typer.BadParameter(f"{action} {needs}")
    if days is not None and action != "create":
        raise typer.BadParameter("--days belongs to create")
    if url and action != "link":
        raise typer.BadParameter("--url belongs to link")
    from cli.commands.token import Asked, run_token

    good_for = scope or ("operate" if action == "link" else "read")
    asked = Asked(action, name, good_for, days, url)
    run(lambda settings: run_token(settings, asked, as_json=as_json))
