"""A pipeline as the API tells it: its document, then what differs."""

from collections.abc import Iterator
from typing import Any

from contract.progress import AppProgress
from control.live_documents import LiveChange, LivePipeline
from dashboard.live.changes import Changes, Part
from dashboard.live.view import View, event

_APP = "app:"


class Document(View):
    """The events `state` (a whole `LivePipeline`) and `change` (a `LiveChange`), in ASCII.

    Not every reader of lines ends them where the others do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changes = Changes[Any]()
        self._whole: LivePipeline | None = None

    @property
    def changes(self) -> Changes[Any]:
        """Fields by name, and apps by label."""
        return self._changes

    async def _make(self, seen: LivePipeline) -> bool:
        if seen == self._whole:
            return False
        self._whole = seen
        return self._changes.update(dict(_parts(seen)))

    def _told(self, version: int) -> str:
        assert self._whole is not None  # noqa: S101 (told only when there is something)
        if version == 0:
            return event(self._whole.model_dump_json(ensure_ascii=True), "state")
        news = self._changes.since(version)
        apps = {name.removeprefix(_APP): a for name, a in news.items() if name.startswith(_APP)}
        change = LiveChange(
            fields={n: value for n, value in news.items() if not n.startswith(_APP)},
            apps=tuple(app for app in apps.values() if app is not None),
            gone=tuple(label for label, app in apps.items() if app is None),
        )
        return event(change.model_dump_json(ensure_ascii=True), "change")


def _parts(seen: LivePipeline) -> Iterator[tuple[str, Part[Any]]]:
    fields = seen.model_dump(mode="json", exclude={"apps"})
    for name, value in fields.items():
        yield name, Part(repr(value), value)
    for app in seen.apps:
        yield f"{_APP}{app.ref.label}", Part[AppProgress](app, app)
