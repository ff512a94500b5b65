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
    regressions,
    reports,
    schedules,
    specs,
    suppressions,
    system,
    tools,
    wizard,
)

ROUTERS = (
    access.router,
    app.router,
    compare.router,
    files.router,
    findings.router,
    live.router,
    models.router,
    pipelines.router,
    regressions.router,
    reports.router,
    schedules.router,
    specs.router,
    suppressions.router,
    system.router,
    tools.router,
    wizard.router,
)
