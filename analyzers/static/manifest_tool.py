"""The common part of tools for dependencies: the manifests, read once for all of them."""

from collections.abc import Mapping

from analyzers.appsource.dependencies import (
    Manifests,
    manifest_files,
    nothing_named,
    read_manifests,
)
from analyzers.runtime.tool import Execute, NotApplicable, Parsed, SourceTree, ToolRun
from analyzers.static.adapter import CommandTool, with_skipped


class ManifestTool(CommandTool):
    """Base of adapters that read the dependencies in an app's manifests, not the files themselves.

    Attributes:
        asks_outside: whether it measures nothing where its outside source gives no answer.
    """

    asks_outside = False

    parses = False  # we read manifests with our own readers, whatever their encoding

    def candidates(self, source: SourceTree) -> tuple[str, ...]:
        """Manifests, including those that no other tool gets."""
        return manifest_files(source)

    def reads(self, source: SourceTree) -> tuple[str, ...] | None:
        """Any file: a manifest may include any file, and one in another encoding is in no list."""
        return None

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Look at the dependencies; unreadable manifests are skipped by name, not unseen."""
        folders = {name: why for name, why in run.source.withheld("") if name.endswith("/")}
        if not self.select(self.candidates(run.source)):
            if folders:
                raise nothing_named(folders)
            raise NotApplicable(f"no {self.file_kind} files")
        found = await read_manifests(run, execute)
        faults = {**self.faults(found), **folders}
        return with_skipped(await self.look(run, found, faults, execute), faults)

    def faults(self, found: Manifests) -> Mapping[str, str]:
        """The manifests that could not be read."""
        raise NotImplementedError

    async def look(
        self, run: ToolRun, found: Manifests, faults: Mapping[str, str], execute: Execute
    ) -> Parsed:
        """Measure. The caller adds `faults` to the coverage."""
        raise NotImplementedError
