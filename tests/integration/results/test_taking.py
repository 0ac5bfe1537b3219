"""Results come in: once, in one unit, corrected, out of order, unknown; nothing that was sent is lost."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.concepts import MappedCode
from care.observations import ObservationStatus, Setting
from care.patients import Patient
from db.observations import PutOutcome
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.unmapped_results import ParkReason, Settlement
from followup.events import EventKind
from interop.results import SentResult, TakenOutcome, TakenResult, settle_waiting, take_result, take_results
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from tests.support.builders import a_patient

CONTENT = Content(REPOSITORY / "content")
DAY = datetime(2025, 3, 1, 0, 30, tzinfo=UTC)


def sent(patient: Patient, **values: Any) -> SentResult:
    made = {"code": "FPG", "value": "5.8", "unit": "mmol/L", "taken_at": DAY, "source": "hl7:LIS"}
    made |= {"patient_id": patient.id, "source_key": new_id()}
    return SentResult(**{**made, **values})


def take(units: UnitsOfWork, *results: SentResult, reinstate: bool = False) -> tuple[TakenResult, ...]:
    with units() as uow:
        taken = take_results(uow, CONTENT, results, reinstate=reinstate)
        uow.commit()
    return taken


def changes_told(uow: UnitOfWork, patient: Patient) -> int:
    count: int = uow._session.execute(
        text("SELECT count(*) FROM outbox WHERE kind = :kind AND subject = :subject"),
        {"kind": EventKind.RECORD_CHANGED.value, "subject": patient.id},
    ).scalar_one()
    return count


def test_glucose_in_two_units_over_four_years_stands_on_one_axis(units: UnitsOfWork, patient: Patient) -> None:
    years = [("2023", "104", "mg/dL"), ("2024", "5.9", "mmol/L"), ("2025", "112", "mg/dl"), ("2026", "6.4", "mmol/l")]
    take(
        units,
        *(
            sent(patient, value=value, unit=unit, taken_at=datetime.fromisoformat(f"{year}-05-01T08:00+08:00"))
            for year, value, unit in years
        ),
    )
    with units() as uow:
        series = uow.observations.series(patient.id, "glucose_fasting")
        assert [each.value for each in series] == [5.77, 5.9, 6.22, 6.4]
        assert {each.unit for each in series} == {"mmol/L"}
        assert (series[0].sent_value, series[0].sent_unit) == ("104", "mg/dL")
        by_year = uow.observations.years(patient.id, "glucose_fasting", "Asia/Shanghai")
        assert [span.begins.year for span in by_year] == [2023, 2024, 2025, 2026]


def test_the_newest_of_each_code_is_found_as_it_is_and_as_it_was(units: UnitsOfWork, patient: Patient) -> None:
    for days, value in ((0, "5.1"), (10, "5.2"), (20, "溶血")):
        take(units, sent(patient, value=value, taken_at=DAY + timedelta(days=days)))
    take(units, sent(patient, code="TC", value="4.4"))
    with units() as uow:
        codes = ["glucose_fasting", "total_cholesterol", "ldl"]
        now = uow.observations.latest(patient.id, codes)
        assert {code: each.value for code, each in now.items()} == {"glucose_fasting": 5.2, "total_cholesterol": 4.4}
        then = uow.observations.latest(patient.id, codes, until=DAY + timedelta(days=1))
        assert then["glucose_fasting"].value == 5.1
        assert uow.observations.latest(patient.id, []) == {}


def test_a_corrected_result_takes_the_place_and_the_old_one_is_kept(units: UnitsOfWork, patient: Patient) -> None:
    first = sent(patient, value="5.8", issued_at=DAY)
    corrected = sent(
        patient,
        source_key=first.source_key,
        value="8.5",
        status=ObservationStatus.CORRECTED,
        issued_at=DAY + timedelta(hours=2),
    )
    assert take(units, first)[0].outcome is TakenOutcome.NEW
    assert take(units, corrected)[0].outcome is TakenOutcome.SUPERSEDED
    with units() as uow:
        (current,) = uow.observations.series(patient.id, "glucose_fasting")
        assert (current.value, current.version) == (8.5, 2)
        assert [each.value for each in uow.observations.versions_of(current.id)] == [5.8, 8.5]
        told = changes_told(uow, patient)
    # The same feed once more, in its order and the other way round: nothing changes, and nobody is told.
    assert {taken.outcome for taken in take(units, first, corrected, first)} == {TakenOutcome.SAME}
    with units() as uow:
        assert len(uow.observations.versions_of(current.id)) == 2
        assert changes_told(uow, patient) == told == 2


def test_a_correction_that_overtakes_its_original_stays_what_counts(units: UnitsOfWork, patient: Patient) -> None:
    for issued in (DAY, None):
        key = new_id()
        late = sent(patient, source_key=key, value="5.8", issued_at=issued)
        later = issued + timedelta(hours=1) if issued else None
        early = sent(patient, source_key=key, value="8.5", status=ObservationStatus.CORRECTED, issued_at=later)
        assert take(units, early)[0].outcome is TakenOutcome.NEW
        assert take(units, late)[0].outcome is TakenOutcome.OLDER
        with units() as uow:
            current = uow.observations.current("hl7:LIS", key)
            assert current is not None
            assert current.value == 8.5
            assert len(uow.observations.versions_of(current.id)) == 2


def test_a_result_taken_back_counts_no_more_unless_it_is_said_again_on_purpose(
    units: UnitsOfWork, patient: Patient
) -> None:
    said = sent(patient, source="list:check-up", code="空腹血糖")
    (observation,) = take(units, said)[0].observations
    with units() as uow:
        put = uow.observations.withdraw(observation, by=None, reason="import undone", now=uow.now)
        assert put.outcome is PutOutcome.SUPERSEDED
        assert uow.observations.withdraw(observation, by=None, reason="again", now=uow.now).outcome is PutOutcome.SAME
        uow.commit()
    with units() as uow:
        assert uow.observations.series(patient.id, "glucose_fasting") == []
        assert uow.observations.latest(patient.id, ["glucose_fasting"]) == {}
    assert take(units, said)[0].outcome is TakenOutcome.SAME
    assert take(units, said, reinstate=True)[0].outcome is TakenOutcome.SUPERSEDED
    with units() as uow:
        assert uow.observations.latest(patient.id, ["glucose_fasting"])["glucose_fasting"].version == 3
        again = uow.observations.current("list:check-up", said.source_key)
        assert again is not None
        assert uow.observations.withdraw(again, by=None, reason="again", now=uow.now).outcome is PutOutcome.SUPERSEDED


def test_a_source_that_deletes_its_result_needs_no_value(units: UnitsOfWork, patient: Patient) -> None:
    first = sent(patient)
    take(units, first)
    gone = sent(patient, source_key=first.source_key, value="", status=ObservationStatus.ENTERED_IN_ERROR)
    assert take(units, gone)[0].outcome is TakenOutcome.SUPERSEDED
    with units() as uow:
        assert uow.observations.series(patient.id, "glucose_fasting") == []


def test_a_result_that_turns_out_to_be_another_persons_changes_both_records(
    units: UnitsOfWork, patient: Patient
) -> None:
    first = sent(patient)
    take(units, first)
    with units() as uow:
        other = a_patient(uow)
        uow.commit()
    moved = sent(other, source_key=first.source_key, status=ObservationStatus.CORRECTED)
    take(units, moved)
    with units() as uow:
        assert uow.observations.series(patient.id, "glucose_fasting") == []
        assert len(uow.observations.series(other.id, "glucose_fasting")) == 1
        assert (changes_told(uow, patient), changes_told(uow, other)) == (2, 1)


def test_what_is_unknown_is_parked_seen_mapped_and_then_applied_in_its_order(
    units: UnitsOfWork, patient: Patient
) -> None:
    source, key = f"hl7:{new_id()}", new_id()
    first = sent(patient, source=source, source_key=key, code="GLU-7", name="葡萄糖", value="104", unit="mg/dL")
    corrected = sent(
        patient,
        source=source,
        source_key=key,
        code="GLU-7",
        value="110",
        unit="mg/dL",
        status=ObservationStatus.CORRECTED,
    )
    assert [taken.outcome for taken in take(units, first, corrected, first)] == [TakenOutcome.PARKED] * 3
    with units() as uow:
        (waiting,) = uow.unmapped_results.codes(source=source)
        assert (waiting.code, waiting.waiting, waiting.reasons) == ("glu-7", 2, (ParkReason.UNMAPPED_CODE,))
        assert waiting.example["unit"] == "mg/dL"
        uow.unmapped_results.decide(
            source, "GLU-7", MappedCode(concept="glucose_fasting"), reason="asked the laboratory", by=None, at=uow.now
        )
        assert settle_waiting(uow, CONTENT, source, "GLU-7").settled == 2
        assert settle_waiting(uow, CONTENT, source, "GLU-7").looked_at == 0
        uow.commit()
    with units() as uow:
        (current,) = uow.observations.series(patient.id, "glucose_fasting")
        assert (current.value, current.version) == (6.11, 2)
        assert uow.unmapped_results.count_waiting(source) == 0
    later = sent(patient, source=source, code="GLU-7", value="5.5")
    assert take(units, later)[0].outcome is TakenOutcome.NEW


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"value": "104", "unit": ""}, ParkReason.UNKNOWN_UNIT),
        ({"value": "104", "unit": "mmol/L"}, ParkReason.IMPLAUSIBLE),
        ({"value": "5.6", "unit": "furlong"}, ParkReason.UNKNOWN_UNIT),
        ({"value": "5.6", "unit": "kPa"}, ParkReason.UNKNOWN_UNIT),
        ({"value": " "}, ParkReason.NO_VALUE),
        ({"value": "9" * 400}, ParkReason.IMPLAUSIBLE),
        ({"code": "血压", "value": "152", "unit": ""}, ParkReason.NO_VALUE),
        ({"code": "QQ"}, ParkReason.UNMAPPED_CODE),
    ],
)
def test_what_cannot_be_placed_says_why(
    units: UnitsOfWork, patient: Patient, values: dict[str, str], reason: ParkReason
) -> None:
    (taken,) = take(units, sent(patient, **values))
    assert taken.outcome is TakenOutcome.PARKED
    assert taken.parked is not None
    assert taken.parked.reason is reason


def test_a_code_that_nobody_wants_is_not_kept_and_what_waited_of_it_is_settled(
    units: UnitsOfWork, patient: Patient
) -> None:
    source = f"hl7:{new_id()}"
    (taken,) = take(units, sent(patient, source=source, code="COMMENT"))
    with units() as uow:
        uow.unmapped_results.decide(source, "comment", MappedCode(concept=""), reason="no result", by=None, at=uow.now)
        assert settle_waiting(uow, CONTENT, source, "COMMENT").settled == 1
        uow.commit()
    assert taken.parked is not None
    with units() as uow:
        parked = uow.unmapped_results.get(taken.parked.id)
        assert parked is not None
        assert parked.settlement is Settlement.IGNORED
    assert take(units, sent(patient, source=source, code="Comment"))[0].outcome is TakenOutcome.IGNORED


def test_a_blood_pressure_in_one_field_is_two_results(units: UnitsOfWork, patient: Patient) -> None:
    (taken,) = take(units, sent(patient, code="血压", value="152/ 108", unit=""))
    assert [(each.code, each.value) for each in taken.observations] == [("systolic", 152), ("diastolic", 108)]


def test_words_signs_and_ranges_of_a_result_are_kept(units: UnitsOfWork, patient: Patient) -> None:
    high, words = take(
        units,
        sent(patient, value=">33.3", reference="70-110", unit="mmol/L"),
        sent(patient, value="溶血,请重抽", reference="70-110 mg/dL", unit="mg/dL"),
    )
    assert (high.observations[0].value, high.observations[0].text) == (33.3, ">33.3")
    assert (words.observations[0].value, words.observations[0].text) == (None, "溶血,请重抽")
    assert words.observations[0].reference_low == pytest.approx(3.886, abs=0.001)
    with units() as uow:
        assert uow.observations.latest(patient.id, ["glucose_fasting"])["glucose_fasting"].value == 33.3


def test_a_fresh_result_raises_its_alert_once_and_an_old_one_none(units: UnitsOfWork, patient: Patient) -> None:
    with units() as uow:
        now = uow.now

    def pressure(hours: float) -> tuple[SentResult, ...]:
        return tuple(
            sent(patient, source="device:cuff", code=code, value=value, unit="", setting=Setting.DEVICE,
                 taken_at=now - timedelta(hours=hours))
            for code, value in (("收缩压", "186"), ("舒张压", "112"))
        )  # fmt: skip

    take(units, *pressure(24 * 365))
    with units() as uow:
        assert uow.alerts.of_patient(patient.id) == []
    take(units, *pressure(1))
    take(units, *pressure(0.5))
    with units() as uow:
        (alert,) = uow.alerts.of_patient(patient.id)
        assert alert.code == "blood_pressure_very_high"
        assert alert.evidence["answers"] == {"systolic": 186, "diastolic": 112}


def test_a_weight_that_rises_within_days_raises_its_alert(units: UnitsOfWork, patient: Patient) -> None:
    with units() as uow:
        now = uow.now
    for days, weight in ((2, "70.0"), (0, "72.4")):
        take(
            units,
            sent(
                patient,
                source="device:scale",
                code="体重",
                value=weight,
                unit="kg",
                taken_at=now - timedelta(days=days),
            ),
        )
    with units() as uow:
        assert [each.code for each in uow.alerts.of_patient(patient.id)] == ["weight_gain"]


def test_many_at_once_leave_one_version_that_counts(units: UnitsOfWork, patient: Patient) -> None:
    key = new_id()
    versions = [
        sent(patient, source_key=key, value=f"5.{place}", issued_at=DAY + timedelta(minutes=place))
        for place in range(6)
    ]
    threads = [threading.Thread(target=take, args=(units, each)) for each in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with units() as uow:
        current = uow.observations.current("hl7:LIS", key)
        assert current is not None
        assert current.value == 5.5
        held = uow.observations.versions_of(current.id)
        assert sorted(each.version for each in held) == [1, 2, 3, 4, 5, 6]
        assert [each.id for each in held if each.superseded_at is None] == [current.id]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE results SET value = 1",
        "UPDATE results SET superseded_at = NULL WHERE superseded_at IS NOT NULL",
        "DELETE FROM results",
        "TRUNCATE results CASCADE",
        "DELETE FROM code_mappings",
    ],
)
def test_no_result_is_changed_or_removed(units: UnitsOfWork, patient: Patient, statement: str) -> None:
    first = sent(patient)
    take(units, first, sent(patient, source_key=first.source_key, value="6", status=ObservationStatus.CORRECTED))
    with units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))


def test_results_go_over_when_two_records_are_merged(units: UnitsOfWork, patient: Patient) -> None:
    first = sent(patient)
    take(units, first)
    with units() as uow:
        other_id = a_patient(uow).id
        uow.merges.merge(from_patient=patient.id, into_patient=other_id, reason="same", by=new_id(), at=uow.now)
        uow.commit()
    with units() as uow:
        assert len(uow.observations.series(other_id, "glucose_fasting")) == 1


_any_text = st.text(max_size=400)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    code=st.one_of(st.sampled_from(["FPG", "血压", "收缩压", "TC"]), _any_text),
    value=st.one_of(st.sampled_from(["5.6", "120/80", "\x00", "∞", "1e400", "NaN"]), _any_text),
    unit=st.one_of(st.sampled_from(["mmol/L", "mg/dL", ""]), _any_text),
    reference=_any_text,
    key=st.text(min_size=1, max_size=600),
)
def test_whatever_is_sent_is_kept_or_parked_and_sent_again_it_changes_nothing(
    units: UnitsOfWork, patient: Patient, code: str, value: str, unit: str, reference: str, key: str
) -> None:
    strange = sent(patient, code=code, value=value, unit=unit, reference=reference, source_key=f"{new_id()}{key}")
    with units() as uow:
        first = take_result(uow, CONTENT, strange)
        again = take_result(uow, CONTENT, strange)
        assert first.observations or first.parked is not None
        assert again.outcome in {TakenOutcome.SAME, TakenOutcome.PARKED}
        assert again.parked is None
