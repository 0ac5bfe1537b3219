"""One alert for one finding, by captions, transcript or another run; for illnesses of the record, whoever speaks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from care.history import HistoryEntry, HistoryKind
from care.patients import Patient
from care.relatives import Speaker
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.identity import CheckedIdentity
from followup.notes import NoteSection
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Recording, Transcript, Turn
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from transcription.attempt_notes import draft_for_attempt
from transcription.heard_alerts import raise_heard
from transcription.note_material import NoteMaterial
from transcription.note_words import load_note_words
from transcription.question_phrases import load_question_phrases
from transcription.red_flags import RedFlagSets, load_red_flags

CONTENT = REPOSITORY / "content"
SETS = RedFlagSets(load_red_flags(CONTENT / "red_flags"), Content(CONTENT).diagnosis_groups)
MATERIAL = NoteMaterial(
    zone=ZoneInfo("Asia/Shanghai"),
    forms={},
    words=load_note_words(CONTENT / "note_words" / "words.yaml"),
    questions=load_question_phrases(CONTENT / "heard_answers.yaml"),
    red_flags=SETS,
)


@pytest.fixture(scope="module")
def units_of_work(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def _recording(uow: UnitOfWork, patient: Patient) -> tuple[Recording, str]:
    attempt = an_attempt(
        uow,
        a_task(uow, patient, a_queue(uow)),
        state=AttemptState.CLOSED,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
        closed_at=uow.now,
    )
    return a_recording(uow, a_call(uow, attempt), Path("gone")), attempt.id


def _said(*texts: str) -> list[Turn]:
    return [
        Turn(channel=Channel.PATIENT, start=10.0 * number, end=10.0 * number + 5, text=text, confidence=0.9)
        for number, text in enumerate(texts)
    ]


def _codes(uow: UnitOfWork, recording: Recording) -> list[tuple[str, str]]:
    return [(alert.code, alert.level.value) for alert in uow.alerts.of_recording(recording.id)]


def test_captions_and_transcript_and_another_run_raise_one_alert_for_one_finding(units_of_work: UnitsOfWork) -> None:
    with units_of_work() as uow:
        recording, attempt = _recording(uow, a_patient(uow))
        live = raise_heard(uow, recording, attempt, _said("我喘不上气"), "zh", SETS, live=True)
        assert [alert.code for alert in live] == ["severe_breathlessness"]
        for _ in range(2):
            assert raise_heard(uow, recording, attempt, _said("我昨天起喘不上气来", "坐着也喘"), "zh", SETS) == []
        (later,) = raise_heard(uow, recording, attempt, _said("我昨天起喘不上气来", "胸口也疼"), "zh", SETS)
        assert (later.code, later.at_second) == ("chest_pain", 10.0)
        assert _codes(uow, recording) == [("severe_breathlessness", "red"), ("chest_pain", "red")]


def test_the_database_takes_a_finding_once_even_from_who_did_not_look_first(units_of_work: UnitsOfWork) -> None:
    with units_of_work() as uow:
        recording, attempt = _recording(uow, a_patient(uow))
        (first,) = raise_heard(uow, recording, attempt, _said("我喘不上气"), "zh", SETS)
        again = replace(first, id=new_id(), at_second=first.at_second + 30, raised_at=uow.now)
        assert uow.alerts.add(again) is False
        assert uow.alerts.add(replace(again, id=new_id(), finding="chest_pain", code="chest_pain"))
        assert len(_codes(uow, recording)) == 2


def test_what_is_more_urgent_than_what_was_heard_before_is_raised_and_what_is_less_is_not(
    units_of_work: UnitsOfWork,
) -> None:
    with units_of_work() as uow:
        patient = _ill(uow, "I10")
        recording, attempt = _recording(uow, patient)
        said = ["血压150,95", "血压185,112", "血压190,115，头晕得厉害"]
        for number in (1, 2, 3, 3, 1):
            raise_heard(uow, recording, attempt, _said(*said[:number]), "zh", SETS)
        assert {level for _, level in _codes(uow, recording)} == {"yellow", "amber", "red"}
        assert len(_codes(uow, recording)) == 3


def _ill(uow: UnitOfWork, code: str) -> Patient:
    patient = a_patient(uow)
    uow.history.put(
        HistoryEntry(
            id=new_id(), patient_id=patient.id, kind=HistoryKind.CONDITION, code=code, name=code, source="hand:test",
            source_key=code, recorded_at=uow.now,
        )
    )  # fmt: skip
    return patient


@pytest.mark.parametrize(("code", "raised"), [("I50.9", ["swelling"]), ("J44.1", []), ("", [])])
def test_a_patients_illnesses_decide_what_is_listened_for_where_no_plan_does(
    units_of_work: UnitsOfWork, code: str, raised: list[str]
) -> None:
    with units_of_work() as uow:
        recording, attempt = _recording(uow, _ill(uow, code) if code else a_patient(uow))
        raise_heard(uow, recording, attempt, _said("这两天两条腿肿得厉害"), "zh", SETS)
        assert [code for code, _ in _codes(uow, recording)] == raised


def _checked(uow: UnitOfWork, attempt_id: str, patient: Patient, person: Speaker) -> None:
    uow.identity.note(
        CheckedIdentity(
            id=new_id(), attempt_id=attempt_id, patient_id=patient.id, person=person, relative_id=None, rule="standard",
            passed=[], failed=[], enough=True, by=new_id(), at=uow.now - timedelta(minutes=1),
        )
    )  # fmt: skip


@pytest.mark.parametrize(("person", "raised"), [(Speaker.RELATIVE, ["chest_pain"]), (Speaker.PATIENT, [])])
def test_whose_fathers_chest_hurts_depends_on_who_is_on_the_line(
    units_of_work: UnitsOfWork, person: Speaker, raised: list[str]
) -> None:
    with units_of_work() as uow:
        recording, attempt = _recording(uow, patient := a_patient(uow))
        uow.identity.note(
            CheckedIdentity(
                id=new_id(), attempt_id=attempt, patient_id=patient.id, person=person, relative_id=None,
                rule="standard",
                passed=[], failed=[], enough=True, by=new_id(), at=uow.now - timedelta(minutes=1),
            )
        )  # fmt: skip
        raise_heard(uow, recording, attempt, _said("我爸胸口疼"), "zh", SETS)
        assert [code for code, _ in _codes(uow, recording)] == raised


@pytest.mark.parametrize(
    ("words", "illness", "person"),
    [("这两天两条腿肿得厉害", "I50.9", Speaker.PATIENT), ("我爸胸口疼", "", Speaker.RELATIVE)],
)
def test_the_note_tells_of_the_same_signs_as_the_alerts(
    units_of_work: UnitsOfWork, words: str, illness: str, person: Speaker
) -> None:
    with units_of_work() as uow:
        patient = _ill(uow, illness) if illness else a_patient(uow)
        recording, attempt_id = _recording(uow, patient)
        _checked(uow, attempt_id, patient, person)
        raised = raise_heard(uow, recording, attempt_id, _said(words), "zh", SETS)
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(), recording_id=recording.id, language="zh", engine="written", model="none", parameters={},
                turns=_said(words), created_at=uow.now,
            )
        )  # fmt: skip
        uow.commit()
    draft_for_attempt(units_of_work, MATERIAL, attempt_id)
    with units_of_work() as uow:
        note = uow.notes.of_attempt(attempt_id)
        assert note is not None
        lines = [line for line in note.proposals if line.kind == NoteSection.RED_FLAG.value]
        assert [line.turns for line in lines] == [[alert.evidence["turn"]] for alert in raised] == [[0]]
