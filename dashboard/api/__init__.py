"""The API: one module for each subject. A route asks `control` and answers with its document."""

from dashboard.api import (
    access,
    apps,
    compare,
    findings,
    live,
    models,
    pipelines,
    regressions,
    reports,
    schedules,
    system,
    tools,
    wizard,
)

ROUTERS = (
    access.router,
    apps.router,
    compare.router,
    findings.router,
    live.router,
    models.router,
    pipelines.router,
    regressions.router,
    reports.router,
    schedules.router,
    system.router,
    tools.router,
    wizard.router,
)
