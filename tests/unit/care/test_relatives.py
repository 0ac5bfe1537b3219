"""What a relative may hear: what the patient said, while it holds, and never more."""

from datetime import UTC, datetime, timedelta

import pytest

from care.patients import PatientId
from care.relatives import Matter, Relative, Speaker, matters_open_to, may_be_told
from care.responses import SkipReason, skip_reason
from runtime.content.library import Content
from runtime.settings import REPOSITORY

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FORMS = Content(REPOSITORY / "content").forms


def son(**values: object) -> Relative:
    return Relative(
        **{  # type: ignore[arg-type]
            "id": "r",
            "patient_id": PatientId("p"),
            "name": "李强",
            "relation": "儿子",
            "scope": ["symptoms", "appointments"],
            "consent_id": "c",
            "recorded_at": NOW,
            **values,
        }
    )


def test_a_relative_hears_his_scope_and_what_is_not_about_health() -> None:
    scope = son().matters(NOW)
    assert [matter for matter in Matter if may_be_told(scope, matter)] == [
        Matter.GENERAL,
        Matter.APPOINTMENTS,
        Matter.SYMPTOMS,
    ]


@pytest.mark.parametrize(
    "changed", [{"consent_id": None}, {"expires_at": NOW}, {"ended_at": NOW - timedelta(days=1)}, {"scope": []}]
)
def test_without_a_living_word_of_the_patient_a_relative_hears_nothing(changed: dict[str, object]) -> None:
    assert son(**changed).matters(NOW) == frozenset()


@pytest.mark.parametrize("speaker", [Speaker.MACHINE, Speaker.UNKNOWN])
def test_a_machine_and_an_unknown_person_are_told_nothing_at_all(speaker: Speaker) -> None:
    assert matters_open_to(speaker, son(), now=NOW) == frozenset()


def test_the_patient_hears_everything_and_a_relative_who_ended_nothing() -> None:
    assert matters_open_to(Speaker.PATIENT) == frozenset(Matter)
    assert matters_open_to(Speaker.RELATIVE, son(ended_at=NOW), now=NOW) == frozenset()
    assert Matter.PSYCHOLOGY not in matters_open_to(Speaker.RELATIVE, son(), now=NOW)


def test_questions_beyond_the_scope_are_skipped_with_the_reason() -> None:
    scope = son().matters(NOW)
    core, phq2 = FORMS["discharge_core"], FORMS["phq2"]
    reasons = {item.link_id: skip_reason(item, scope) for item in (*core.questions(), *phq2.questions())}
    assert reasons["feeling"] is None
    assert reasons["missed_days"] is SkipReason.BEYOND_SCOPE
    assert reasons["phq2_1"] is SkipReason.NOT_FOR_RELATIVES
