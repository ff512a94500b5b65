"""Which GET operations change an app's state: by the words of path and handler, and by its body.

A load test never asks them; a scan does so with care. `GET /reset-db` repeated a thousand times is
no measurement of the app.
"""

import itertools
import re
from typing import Protocol

_VERBS = frozenset(
    {
        "create",
        "init",
        "initialize",
        "initialise",
        "seed",
        "reseed",
        "reset",
        "delete",
        "drop",
        "clear",
    }
    | {"remove", "logout", "signout", "logoff", "migrate", "shutdown", "add", "update", "toggle"}
    | {"increment", "decrement", "incr", "decr", "insert", "save", "submit", "destroy", "purge"}
    | {"flush", "truncate", "wipe", "erase", "populate", "setup", "install", "uninstall", "restart"}
    | {"kill", "exit", "quit", "unsubscribe", "upvote", "downvote", "vote", "cancel", "approve"}
    | {"reject", "publish", "unpublish", "rebuild", "reindex", "recreate", "reinit", "rollback"}
    | {"modify", "rename", "enable", "disable", "activate", "deactivate", "revoke", "unban"}
    | {"unlock", "promote", "demote", "buy", "crash", "restore", "grant", "unassign", "follow"}
    | {"unfollow", "like", "unlike", "append", "increase", "decrease", "regenerate", "cleanup"}
    | {"terminate", "complete", "uncomplete"}
)
"""Words that are hardly ever nouns in a path: `store`, `edit` and `upload` are left out."""
_PAIRS = (("log", "out"), ("sign", "out"), ("log", "off"), ("shut", "down"), ("set", "up"))
_GLUED = re.compile(
    r"(create|init|seed|reset|delete|drop|clear|remove|migrate|add|populate|purge|wipe|truncate)"
    r"(db|database|data|all|tables?|users?|items?|notes?|admin|samples?|demo|schema|cache|cart|"
    r"products?|posts?|orders?|entries|entry|records?|tasks?|todos?|files?|session)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STATIC = re.compile(r"\.(?:js|css|png|svg|ico|map|woff2?|jpe?g|gif|html|txt|json)$", re.IGNORECASE)


class Changing(Protocol):
    """The facts of a route that matter here; `route_map.Route` has them."""

    @property
    def method(self) -> str:
        """HTTP method."""
        ...

    @property
    def path(self) -> str:
        """Path with its parameters in braces."""
        ...

    @property
    def handler(self) -> str:
        """Name of the handler; empty where it is unknown."""
        ...

    @property
    def writes(self) -> str:
        """What its body visibly writes; empty where nothing."""
        ...


def changes_state(route: Changing) -> str:
    """Why a GET changes state; empty where nothing says so, and for every other method."""
    if route.method.upper() not in {"GET", "HEAD"}:
        return ""
    if reason := path_changes_state(route.path):
        return reason
    if route.writes:
        return f"its handler writes: {route.writes}"
    # `users.create_user`, `self.reset`: the last part is the function.
    if word := _verb_in(route.handler.rpartition(".")[2]):
        return f"its handler {route.handler} says {word}"
    return ""


def path_changes_state(path: str) -> str:
    """Why a GET of `path` changes state, judged only by its words.

    >>> path_changes_state("/admin/reset-db"), path_changes_state("/address/dropdown")
    ('its path says reset', '')
    """
    bare = path.split("?")[0].split("#")[0]
    if _STATIC.search(bare):
        return ""
    for part in bare.split("/"):
        if not part.startswith(("{", ":", "<")) and (word := _verb_in(part)):
            return f"its path says {word}"
    return ""


def _verb_in(name: str) -> str:
    words = [word.lower() for word in _WORD.findall(name)]
    for word in words:
        if word in _VERBS:
            return word
        if glued := _GLUED.fullmatch(word):
            return glued[1]
    for pair in itertools.pairwise(words):
        if pair in _PAIRS:
            return " ".join(pair)
    return ""
