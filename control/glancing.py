"""Looks at the apps of a plan that nobody starts, without reading their files."""

from pathlib import Path

from clients.source import has_source
from contract.spec import AppRef, PipelineSpec, PlannedApp, SourceRef
from control.errors import WrongInputError

LOOKED_INTO = 1_000
"""Apps that are opened to see whether they have files: a fleet may have many more."""


class Glance:
    """Reads apps for a plan that is only looked at: without their contents and digests.

    `files` is 1 of an app that has some and of one that was not looked into, else 0.

    Args:
        most: apps to look into.
    """

    def __init__(self, most: int = LOOKED_INTO) -> None:
        self._left = most
        self._passed = 0

    def __call__(self, spec: PipelineSpec, ref: AppRef, folder: Path) -> PlannedApp:
        """The app in `folder`.

        Raises:
            WrongInputError: it is opened, and is no folder, or one that cannot be read.
        """
        source = SourceRef(path=str(folder), digest="", files=self._files(folder))
        template = spec.apps.templates.get(ref.app_number)
        return PlannedApp(ref=ref, source=source, template=template)

    @property
    def notes(self) -> tuple[str, ...]:
        """What this look does not tell."""
        if not self._passed:
            return ()
        return (f"{self._passed} apps were not opened: whether they have files is not known yet",)

    def _files(self, folder: Path) -> int:
        if not self._left:
            self._passed += 1
            return 1
        self._left -= 1
        try:
            return int(has_source(folder))
        except OSError as error:
            raise WrongInputError(
                f"{folder}: cannot read {error.filename}: {error.strerror}"
            ) from error
