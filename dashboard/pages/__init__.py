"""The pages: one module each. A route asks `control` and renders the answer."""

from dashboard.pages import (
    access,
    app,
    compare,
    files,
    findings,
    live,
    models,
    pipelines,
    reports,
    system,
    tools,
    wizard,
)

ROUTERS = tuple(
    module.router
    for module in (
        access,
        app,
        compare,
        files,
        findings,
        live,
        models,
        pipelines,
        reports,
        system,
        tools,
        wizard,
    )
)
