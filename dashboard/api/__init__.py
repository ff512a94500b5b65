"""The API: one module for each subject. A route asks `control` and answers with its document."""

from dashboard.api import (
    access,
    apps,
    compare,
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
        apps,
        compare,
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
