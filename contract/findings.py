"""Questions about the weaknesses of a pipeline, and the answers, page by page."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from contract.analysis import Confidence, Severity
from contract.analyzers import Category
from contract.base import Frozen
from contract.spec import AppRef, AppRole, PipelineId
from contract.weakness import BaselineState, Origin, Suppression, Weakness

PAGE_LIMIT = 1_000
TEXT_LETTERS = 200


class FindingsQuery(Frozen):
    """Which weaknesses of a pipeline are wanted. An empty field excludes nothing.

    Values of one field are alternatives; all fields must hold.

    Attributes:
        tools: those that saw it, alone or among others.
        cwe: numbers of the most specific weakness.
        owasp: categories of the OWASP Top 10 2021 (`A03`).
        identities: fingerprints, their own or aliases; of no index, so it takes a look at all.
        baselines, origins: as they were when the weaknesses were listed last: each report does.
        roles: of the apps; left out: subjects alone.
        text: the page leaves out only what cannot have it, in any case, in the weakness; of what is
            left, whoever asks looks at each.
        after: of the page before; empty: the first page.
        limit: weaknesses per page, at most 1,000.
        counted: whether the page says how many there are on all pages.
        doubted: whether the page says how many apps' weaknesses were not compared with others.
        most_rows: look at about so many weaknesses for this page and for its total: the page may
            hold few of many, even none, and then says where the next one begins; None: at all.
    """

    pipeline_id: PipelineId
    models: tuple[str, ...] = ()
    apps: tuple[AppRef, ...] = ()
    tools: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    confidences: tuple[Confidence, ...] = ()
    categories: tuple[Category, ...] = ()
    cwe: tuple[int, ...] = ()
    owasp: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    baselines: tuple[BaselineState, ...] = ()
    origins: tuple[Origin, ...] = ()
    roles: tuple[AppRole, ...] = (AppRole.SUBJECT,)
    text: Annotated[str, Field(max_length=TEXT_LETTERS)] = ""
    after: str = ""
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 100
    counted: bool = False
    doubted: bool = False
    most_rows: Annotated[int, Field(ge=1)] | None = None


class FoundWeakness(Frozen):
    """One weakness and the app that has it. `ordinal`: its place in the app, gravest first."""

    ref: AppRef
    role: AppRole = AppRole.SUBJECT
    ordinal: int
    weakness: Weakness


class FindingsPage(Frozen):
    """Weaknesses in the order of severity, then of apps in the plan, then of the app's own list.

    Attributes:
        after: where the next page begins; None: this is the last one.
        total: weaknesses on all pages; None: they were not counted.
        total_at_least: there are more than `total`; they were not counted to the end.
        unlisted_apps: ended apps of the pipeline whose weaknesses are not listed yet: nobody may
            take an empty page for an app without weaknesses while this is above zero.
        uncompared_apps: apps with weaknesses of which no baseline says anything yet: those of an
            app are listed when it ends, and compared when the report is written; 0: not asked.
        unsure_apps: apps with weaknesses of which nobody knows who brought them; 0: not asked.
    """

    items: tuple[FoundWeakness, ...] = ()
    after: str | None = None
    total: int | None = None
    total_at_least: bool = False
    unlisted_apps: int = 0
    uncompared_apps: int = 0
    unsure_apps: int = 0


class StoredSuppression(Frozen):
    """A decision as it is stored.

    Attributes:
        pipeline_id: for which it was made.
        decided_at: when it was kept in this form.
    """

    pipeline_id: str
    suppression: Suppression
    decided_at: datetime
