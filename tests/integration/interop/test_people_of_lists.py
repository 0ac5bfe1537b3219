"""Who the people on a list are: known, completed, never merged; what is unclear a human decides."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from care.consent import Consent, ConsentScope, Purpose
from care.identifiers import IdentifierKind
from care.patients import NumberOwner, NumberQuality, Patient
from db.unit_of_work import UnitsOfWork
from followup.imports import ImportRow, ImportState, ListKind, RowState
from interop.lists.applying import NotNowError, apply_import, ask_to_apply
from runtime.identifiers import new_id
from tests.integration.interop.conftest import Bring, read
from tests.support.builders import a_patient
from tests.support.lists import HEADER, SURROUNDINGS, discharge, id_number, yesterday


def patient(units: UnitsOfWork, record_number: str) -> Patient:
    with units() as uow:
        (found,) = (each for each in uow.patients.page(after=None, limit=200) if each.record_number == record_number)
        return found


def people(units: UnitsOfWork) -> int:
    with units() as uow:
        return len(uow.patients.page(after=None, limit=200))


def rows(units: UnitsOfWork, import_id: str, *states: RowState) -> list[ImportRow]:
    with units() as uow:
        return uow.imports.rows(import_id, states=states or None)


def codes(row: ImportRow) -> Sequence[str]:
    return [fault["code"] for fault in row.faults]


def test_a_row_becomes_a_person_with_identifiers_numbers_consents_and_a_visit(units: UnitsOfWork, bring: Bring) -> None:
    header = (
        *HEADER,
        "家属电话",
        "关系",
        "医保号",
        "方言",
        "语言",
        "时区",
        "同意随访",
        "住院流水号",
        "病区",
        "主管医生",
    )
    card = id_number(3)
    row = discharge(1, 身份证号=card, 联系电话="138-0000-0001 / 010-65529988转801", 性别="")
    bring(
        [[*row, "139 0000 0002", "女儿", "YB-77", "粤语", "英语", "Asia/Urumqi", "是", "V-9", "3病区", "李医生"]],
        header=header,
    )
    made = patient(units, "A000001")
    assert [(p.number, p.owner, p.label, p.rank) for p in made.contact_points] == [
        ("+8613800000001", NumberOwner.SELF, "", 1),
        ("+861065529988", NumberOwner.SELF, "转801", 2),
        ("+8613900000002", NumberOwner.RELATIVE, "女儿", 3),
    ]
    assert (made.dialect, made.language, made.zone) == ("粤语", "en", "Asia/Urumqi")
    assert (f"{made.born}", made.sex) == ("1960-03-02", "male" if int(card[16]) % 2 else "female")
    with units() as uow:
        held = {(each.kind, each.value) for each in uow.patients.identifiers_of(made.id)}
        (visit,) = uow.patients.encounters_of(made.id)
        (consent,) = uow.patients.consents_of(made.id)
    assert held == {(IdentifierKind.ID_CARD, card), (IdentifierKind.INSURANCE, "YB-77")}
    assert (visit.visit_number, visit.ward, visit.doctor, visit.department) == ("V-9", "3病区", "李医生", "心内科")
    assert visit.source.startswith("list:")
    assert (consent.purpose, consent.scope, consent.granted) == (Purpose.CARE, ConsentScope.PHONE, True)


def test_a_list_sent_twice_makes_nobody_and_no_visit_twice(units: UnitsOfWork, bring: Bring) -> None:
    listed = [discharge(place) for place in range(5)]
    bring(listed)
    again = bring(listed)
    assert (again.state, again.counts["new_person"], again.counts["new_visit"]) == (ImportState.APPLIED, 0, 0)
    assert people(units) == 5
    with units() as uow:
        assert len(uow.patients.encounters_of(patient(units, "A000001").id)) == 1


def test_a_person_is_known_by_any_of_his_identifiers(units: UnitsOfWork, bring: Bring) -> None:
    card = id_number(5)
    bring([discharge(1, 身份证号=card)])
    bring([discharge(2, 身份证号=card, 姓名="测试1", 联系电话="13900000009")])
    assert people(units) == 1
    made = patient(units, "A000001")
    assert [point.number for point in made.contact_points] == ["+8613900000009", "+8613800000001"]
    with units() as uow:
        assert {(each.kind, each.value) for each in uow.patients.identifiers_of(made.id)} == {
            (IdentifierKind.ID_CARD, card),
            (IdentifierKind.MEDICAL_RECORD, "A000002"),
        }
    # The further record number stands for him from now on.
    third = bring([discharge(2, 姓名="测试1")])
    assert third.counts["known"] == 1
    assert people(units) == 1


def test_a_number_that_was_found_right_is_still_dialed_first(units: UnitsOfWork, bring: Bring) -> None:
    bring([discharge(1)])
    with units() as uow:
        held = uow.patients.get(patient(units, "A000001").id)
        assert held is not None
        held.contact_points[0].quality = NumberQuality.VERIFIED
        uow.commit()
    brought = bring([discharge(1, 联系电话="13900000009")])
    assert brought.counts["new_numbers"] == 1
    assert [point.number for point in patient(units, "A000001").contact_points] == ["+8613800000001", "+8613900000009"]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"姓名": "别人"}, "name_differs"),
        ({"病案号": "A000002", "身份证号": id_number(1)}, "two_persons"),
        ({"身份证号": id_number(9)}, "id_differs"),
    ],
)
def test_what_contradicts_a_known_person_is_refused_not_merged(
    units: UnitsOfWork, bring: Bring, cells: dict[str, str], code: str
) -> None:
    bring([discharge(1, 身份证号=id_number(1)), discharge(2)])
    refused = bring([discharge(1, **cells)])
    (row,) = rows(units, refused.id)
    assert row.state is RowState.BAD
    assert code in codes(row)
    assert people(units) == 2


def test_same_name_and_number_is_decided_by_a_human(units: UnitsOfWork, bring: Bring) -> None:
    bring([discharge(1)])
    known = patient(units, "A000001")
    other = bring(
        [discharge(2, 姓名="测试 1", 联系电话="13800000001"), discharge(3, 姓名="测试1", 联系电话="13800000001")]
    )
    undecided = rows(units, other.id, RowState.UNDECIDED)
    assert [row.candidates for row in undecided] == [(known.id,), (known.id,)]
    assert people(units) == 1
    with units() as uow:
        made = uow.imports.locked(other.id)
        assert made is not None
        uow.imports.decide(other.id, undecided[0].line, known.id)
        uow.imports.decide(other.id, undecided[1].line, "new")
        ask_to_apply(uow, made, by=None)
        uow.commit()
    apply_import(units, other.id, SURROUNDINGS)
    assert read(units, other.id).counts["applied"] == 2
    assert people(units) == 2
    with units() as uow:
        assert [each.value for each in uow.patients.identifiers_of(known.id)] == ["A000002"]


def test_people_of_one_list_who_may_be_the_same_are_decided_too(units: UnitsOfWork, bring: Bring) -> None:
    made = bring([discharge(1), discharge(2, 姓名="测试1", 联系电话="13800000001")], apply=False)
    (row,) = rows(units, made.id, RowState.UNDECIDED)
    assert row.candidates == ("line:2",)
    with units() as uow:
        uow.imports.decide(made.id, row.line, "line:2")
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    apply_import(units, made.id, SURROUNDINGS)
    assert people(units) == 1
    assert read(units, made.id).counts["applied"] == 2


def test_another_birth_date_or_identity_card_makes_another_person(units: UnitsOfWork, bring: Bring) -> None:
    header = (*HEADER, "出生日期")
    bring([[*discharge(1), "1950-01-01"]], header=header)
    bring([[*discharge(2, 姓名="测试1", 联系电话="13800000001"), "1988-01-01"]], header=header)
    assert people(units) == 2


def test_two_rows_of_one_person_in_a_list_are_one_person_with_two_visits(units: UnitsOfWork, bring: Bring) -> None:
    brought = bring([discharge(1), discharge(1, 出院日期="2026-10-01", 联系电话="13900000009")])
    assert brought.counts["applied"] == 2
    assert people(units) == 1
    made = patient(units, "A000001")
    with units() as uow:
        assert len(uow.patients.encounters_of(made.id)) == 2
    assert len(made.contact_points) == 2


def test_a_yes_on_a_list_does_not_silence_a_patients_own_no(units: UnitsOfWork, bring: Bring) -> None:
    header = (*HEADER, "同意随访")
    with units() as uow:
        held = a_patient(uow, record_number="A000001", name="测试1", scopes=())
        uow.patients.add_consent(
            Consent(
                id=new_id(),
                patient_id=held.id,
                purpose=Purpose.CARE,
                scope=ConsentScope.PHONE,
                granted=False,
                source="call",
                recorded_at=uow.now,
            )
        )
        uow.commit()
    bring([[*discharge(1), "是"]], header=header)
    with units() as uow:
        assert [each.granted for each in uow.patients.consents_of(held.id)] == [False]


def test_numbers_alone_need_a_name_and_a_number(units: UnitsOfWork, bring: Bring) -> None:
    header = ("姓名", "手机号")
    brought = bring([["王五", "13800000001"], ["", "13800000002"], ["赵六", ""]], header=header, kind=ListKind.NUMBERS)
    assert [codes(row) for row in rows(units, brought.id)] == [[], ["no_name"], ["no_number"]]
    assert people(units) == 1
    again = bring([["王五", "13800000001"]], header=header, kind=ListKind.NUMBERS)
    assert [row.state for row in rows(units, again.id)] == [RowState.UNDECIDED]


def test_the_dead_are_not_planned_for_and_a_known_visit_does_not_move(units: UnitsOfWork, bring: Bring) -> None:
    header = (*HEADER, "住院流水号")
    bring([[*discharge(1), "V1"], [*discharge(2), "V2"]], header=header)
    with units() as uow:
        dead = uow.patients.get(patient(units, "A000002").id)
        assert dead is not None
        dead.deceased_at = uow.now
        uow.commit()
    brought = bring([[*discharge(1, 出院日期="2026-10-01"), "V1"], [*discharge(2), "V3"]], header=header)
    assert [codes(row) for row in rows(units, brought.id)] == [["visit_differs"], ["deceased"]]


def test_nothing_of_a_list_in_the_wrong_state_is_written(units: UnitsOfWork, bring: Bring) -> None:
    made = bring([discharge(1, 联系电话="110")])
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        with pytest.raises(NotNowError, match="no row of the list is ready"):
            ask_to_apply(uow, held, by=None)
    assert people(units) == 0


def test_every_person_brought_in_is_audited_without_his_numbers(units: UnitsOfWork, bring: Bring) -> None:
    card = id_number(11)
    bring([discharge(1, 身份证号=card)])
    made = patient(units, "A000001")
    with units.engine.connect() as connection:
        told = connection.execute(
            text("SELECT action, detail::text FROM audit_log WHERE patient_id = :id"), {"id": made.id}
        ).all()
        whole = connection.execute(text("SELECT string_agg(detail::text, ' ') FROM audit_log")).scalar_one()
    assert [row.action for row in told] == ["patient_imported"]
    assert card not in whole
    assert "13800000001" not in whole
    assert yesterday()[:4] not in told[0].detail.replace(made.id, "")


def test_a_record_that_was_merged_leads_to_the_one_it_went_to(units: UnitsOfWork, bring: Bring) -> None:
    bring([discharge(1), discharge(2, 姓名="测试1"), discharge(3, 姓名="测试1")])
    gone, middle, kept = (patient(units, f"A00000{place}") for place in (1, 2, 3))
    with units() as uow:
        for old, new in ((gone, middle), (middle, kept)):
            uow.merges.merge(from_patient=old.id, into_patient=new.id, reason="twice", by=new_id(), at=uow.now)
        uow.commit()
    brought = bring([discharge(1, 出院日期="2026-10-01")])
    (row,) = rows(units, brought.id)
    assert (row.state, row.patient_id) == (RowState.APPLIED, kept.id)
    assert people(units) == 3
