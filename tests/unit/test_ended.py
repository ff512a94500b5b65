"""Ended apps are counted by state, and those that Assay added apart."""

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.plan import AddedApps, PlanHeader
from contract.role import AppRole
from contract.spec import AppsSpec, PipelineSpec
from workflows.ended import Ended

M = MeasurementState
SPEC = PipelineSpec(apps=AppsSpec(root="/apps"), analyzers=(AnalyzerKind.STATIC,))
HEADER = PlanHeader(
    pipeline_id="p",
    spec=SPEC,
    total=5,
    digest="d",
    pages=("d",),
    added=(
        AddedApps(role=AppRole.CONTROL, first=0, apps=2),
        AddedApps(role=AppRole.REPEAT, first=4, apps=1),
    ),
)


def test_subjects_are_counted_without_what_was_added():
    ended = Ended(HEADER, {}, {})
    for position in range(6):  # the last one was added while the pipeline ran
        ended.add(position, M.MEASURED if position else M.INFRA_FAILED)

    assert ended.total == 6
    assert ended.every() == {M.INFRA_FAILED: 1, M.MEASURED: 5}
    assert ended.subjects() == {M.MEASURED: 3}
    assert ended.beside() == {
        AppRole.CONTROL: {M.INFRA_FAILED: 1, M.MEASURED: 1},
        AppRole.REPEAT: {M.MEASURED: 1},
    }


def test_a_control_that_runs_again_leaves_the_subjects_as_they_are():
    ended = Ended(HEADER, {M.MEASURED: 5}, {AppRole.CONTROL: {M.MEASURED: 2}})
    ended.add(1, M.MEASURED, -1)

    assert ended.subjects() == {M.MEASURED: 3}
    assert ended.beside() == {AppRole.CONTROL: {M.MEASURED: 1}}


def test_what_is_carried_is_what_was_counted():
    first = Ended(HEADER, {}, {})
    first.add(0, M.APP_FAILED)
    first.add(2, M.MEASURED)

    second = Ended(HEADER, first.every(), first.beside())

    assert (second.subjects(), second.beside()) == (first.subjects(), first.beside())


def test_a_header_of_an_earlier_version_has_subjects_alone():
    old = HEADER.model_copy(update={"added": ()})
    ended = Ended(old, {M.MEASURED: 2}, {})
    ended.add(0, M.MEASURED)

    assert (ended.subjects(), ended.beside()) == ({M.MEASURED: 3}, {})
