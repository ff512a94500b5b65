"""What changes an installation, in the words of the log: pages, API and commands name it alike."""

from collections.abc import Sequence
from enum import StrEnum


class Action(StrEnum):
    """As the log of changes names it."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    PARALLELISM = "set parallelism"
    PRIORITY = "set priority"
    BREAKER = "reset breaker"
    RETRY = "retry"
    ADD = "add apps"
    SCHEDULE_ADD = "add schedule"
    SCHEDULE_UPDATE = "update schedule"
    SCHEDULE_PAUSE = "pause schedule"
    SCHEDULE_RESUME = "resume schedule"
    SCHEDULE_RUN = "run schedule"
    SCHEDULE_REMOVE = "remove schedule"
    SPEC = "write spec"
    REPORT = "write report"
    SUPPRESS = "suppress"
    WITHDRAW = "withdraw"
    IMPORT = "import"
    IMPORT_SARIF = "import log"
    PRUNE = "prune"
    TEST_ALERTS = "test alerts"
    BACK_UP_SECRETS = "back up secrets"
    REBUILD = "rebuild"
    RESTORE = "restore"
    DOWNGRADE = "take store back"
    UPGRADE = "bring store forward"
    UP = "start stack"
    DOWN = "stop stack"
    VERSION = "switch version"
    LOG_IN = "log in"
    USE_TOKEN = "use token"  # noqa: S105 (of an action)


def named(labels: Sequence[str]) -> str:
    """Apps as the log tells them: their number first, since it does not keep long lists whole.

    >>> named(["m/app1"]), named(["m/app1", "m/app2"])
    ('m/app1', '2 apps: m/app1, m/app2')
    """
    text = ", ".join(labels)
    return f"{len(labels)} apps: {text}" if len(labels) > 1 else text
