"""What became known of an app is added up, kept over retries, and loses no fact on the way."""

from contract.outcome import AppFacts
from tests.support.facts import ALL_FACTS, log

NOTHING = AppFacts()


def test_the_sample_has_each_fact_there_is():
    """A new fact has to be in it: then the tests of the store and the report look for it, too."""
    assert [name for name in AppFacts.model_fields if _is_default(name)] == []


def _is_default(name: str) -> bool:
    return getattr(ALL_FACTS, name) == getattr(NOTHING, name)


def test_no_fact_is_lost_when_nothing_is_added_to_it_or_it_to_nothing():
    assert NOTHING.plus(ALL_FACTS) == ALL_FACTS == ALL_FACTS.plus(NOTHING)
    assert NOTHING.of_later_run(ALL_FACTS) == ALL_FACTS == ALL_FACTS.of_later_run(NOTHING)


def test_steps_of_a_run_add_up_and_tell_no_log_or_note_twice():
    built = AppFacts(logs=(log("build.log"),), notes=("a stand-in",), retry_causes=("UNAVAILABLE",))
    ran = AppFacts(
        logs=(log("build.log"), log("app.log")),
        images=ALL_FACTS.images,
        notes=("a stand-in", "privileged dropped"),
        restarts=1,
        retry_causes=("UNAVAILABLE",),
    )

    facts = built.plus(ran).plus(AppFacts(restarts=1))

    assert [one.name for one in facts.logs] == ["build.log", "app.log"]
    assert facts.notes == ("a stand-in", "privileged dropped")
    assert facts.images == ALL_FACTS.images, "the last step said nothing of images"
    assert (facts.restarts, facts.retry_causes) == (2, ("UNAVAILABLE", "UNAVAILABLE"))


def test_a_later_run_replaces_all_but_the_logs():
    later = AppFacts(logs=(log("start.log"),), notes=("a stand-in",))

    kept = ALL_FACTS.of_later_run(later)

    assert kept.logs == (*ALL_FACTS.logs, *later.logs)
    assert kept.without_logs() == later.without_logs()
    assert kept.of_later_run(later) == kept, "recorded twice, it changes nothing"


def test_a_later_run_that_learnt_nothing_replaces_nothing():
    later = AppFacts(logs=(log("start.log"),), retry_causes=("WORKER_LOST",))
    kept = ALL_FACTS.of_later_run(later)

    assert kept.without_logs() == ALL_FACTS.without_logs()
    assert kept.logs[-1].name == "start.log"
