"""What an archive of a pipeline is: a ZIP file with a manifest that names every other member.

`manifest.json`                          this, the last member written
`pipelines/<id>/journal.jsonl`           what happened, one `JournalEntry` a line
`pipelines/<id>/suppressions.json`       decisions that hold for the pipeline
`artifacts/<sha256>.zst`                 results and logs, as the store keeps them
`sources/<digest>.tar`                   the apps' source trees
`report/...`                             the report as it was written, its tables as Parquet
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contract.base import Frozen
from contract.spec import PipelineId

ARCHIVE_VERSION = 1
MANIFEST_NAME = "manifest.json"
# A member's name: plain segments, never a parent folder, never absolute.
_SEGMENT = r"[A-Za-z0-9%_~][A-Za-z0-9._~%-]{0,254}"
MEMBER_PATTERN = rf"^(?:pipelines|artifacts|sources|report)(?:/{_SEGMENT}){{1,4}}$"

MemberName = Annotated[str, StringConstraints(pattern=MEMBER_PATTERN, max_length=600)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ArchiveMember(Frozen):
    """One member of an archive.

    Attributes:
        size_bytes, sha256: of its content as it is read from the archive.
    """

    name: MemberName
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class ArchiveManifest(Frozen):
    """What an archive holds.

    Attributes:
        version: of this format; a reader refuses a higher one.
        pipeline_id: the pipeline that was exported.
        pipelines: all that the archive holds: that one, and the baselines that its report needs.
        made_by: version of Assay that made it.
        not_held: what belongs to the pipeline and is not in the archive, with the reason.
    """

    format: Literal["assay-archive"] = "assay-archive"
    version: int = ARCHIVE_VERSION
    pipeline_id: PipelineId
    pipelines: tuple[PipelineId, ...]
    made_at: datetime
    made_by: str
    members: tuple[ArchiveMember, ...]
    not_held: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_its_pipelines(self) -> Self:
        if len(set(self.pipelines)) != len(self.pipelines):
            raise ValueError("pipelines: each at most once")
        if self.pipeline_id not in self.pipelines:
            raise ValueError("pipelines: without the one that was exported")
        return self


def artifact_member(sha256: str) -> str:
    """Name of the member that holds an artifact."""
    return f"artifacts/{sha256}.zst"


def source_member(digest: str) -> str:
    """Name of the member that holds a source tree."""
    return f"sources/{digest}.tar"


def journal_member(pipeline_id: str) -> str:
    """Name of the member that says what happened to a pipeline."""
    return f"pipelines/{pipeline_id}/journal.jsonl"


def suppressions_member(pipeline_id: str) -> str:
    """Name of the member with the decisions that hold for a pipeline."""
    return f"pipelines/{pipeline_id}/suppressions.json"
