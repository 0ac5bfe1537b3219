"""The roster: own people before the hospital's, substitutes for their hours, and every gap seen."""

from datetime import datetime, timedelta
from typing import Any

from followup.duty import HOUSE, DutyRole, DutyShift, Substitute, gaps, on_duty
from tests.support.builders import an_instant

EIGHT = an_instant("2026-11-22 00:00")  # 8:00 in the hospital
HOUR = timedelta(hours=1)


def a_shift(role: DutyRole, first: datetime, last: datetime, name: str = "林", **values: Any) -> DutyShift:
    return DutyShift(
        **{
            "id": f"{name}-{first:%H}",
            "department": "心内科",
            "role": role,
            "starts_at": first,
            "ends_at": last,
            "name": name,
            "phone": "+8613800000001",
            "entered_at": EIGHT - HOUR,
            **values,
        }
    )


def names(shifts: list[DutyShift], role: DutyRole, at: datetime, department: str = "心内科") -> list[str]:
    return [person.name for person in on_duty(shifts, department, role, at)]


def test_a_shift_begins_at_its_first_instant_and_is_over_at_its_last() -> None:
    shifts = [a_shift(DutyRole.NURSE, EIGHT, EIGHT + 12 * HOUR)]
    assert names(shifts, DutyRole.NURSE, EIGHT) == ["林"]
    assert names(shifts, DutyRole.NURSE, EIGHT + 12 * HOUR) == []
    assert names(shifts, DutyRole.DOCTOR, EIGHT) == []
    assert names(shifts, DutyRole.NURSE, EIGHT, "骨科") == []


def test_the_hospitals_own_duty_stands_in_where_a_department_has_nobody() -> None:
    shifts = [
        a_shift(DutyRole.DOCTOR, EIGHT, EIGHT + 24 * HOUR, "总值班", department=HOUSE),
        a_shift(DutyRole.DOCTOR, EIGHT, EIGHT + 12 * HOUR, "林"),
    ]
    assert names(shifts, DutyRole.DOCTOR, EIGHT) == ["林"]
    assert names(shifts, DutyRole.DOCTOR, EIGHT + 13 * HOUR) == ["总值班"]
    assert names(shifts, DutyRole.DOCTOR, EIGHT, "骨科") == ["总值班"]


def test_a_substitute_stands_for_his_hours_the_last_entered_first_and_not_once_withdrawn() -> None:
    shift = a_shift(DutyRole.NURSE, EIGHT, EIGHT + 12 * HOUR)
    for number, (name, first, last) in enumerate([("周", 2, 6), ("吴", 4, 5)]):
        shift.substitutes.append(
            Substitute(
                id=str(number),
                shift_id=shift.id,
                starts_at=EIGHT + first * HOUR,
                ends_at=EIGHT + last * HOUR,
                name=name,
                phone="+8613800000002",
                entered_at=EIGHT + number * timedelta(minutes=1),
            )
        )
    seen = [names([shift], DutyRole.NURSE, EIGHT + hour * HOUR)[0] for hour in (1, 3, 4, 5, 6)]
    assert seen == ["林", "周", "吴", "周", "林"]
    shift.substitutes[1].withdrawn_at = EIGHT
    assert names([shift], DutyRole.NURSE, EIGHT + 4 * HOUR) == ["周"]


def test_gaps_are_found_before_between_and_after_shifts_and_in_roles_without_any() -> None:
    shifts = [
        a_shift(DutyRole.NURSE, EIGHT + HOUR, EIGHT + 8 * HOUR),
        a_shift(DutyRole.NURSE, EIGHT + 6 * HOUR, EIGHT + 10 * HOUR, "周"),
        a_shift(DutyRole.NURSE, EIGHT + 12 * HOUR, EIGHT + 20 * HOUR, "吴"),
        a_shift(DutyRole.NURSE, EIGHT, EIGHT + 24 * HOUR, "走", withdrawn_at=EIGHT),
        a_shift(DutyRole.DOCTOR, EIGHT - HOUR, EIGHT + 48 * HOUR),
    ]
    found = [
        (gap.role, (gap.starts_at - EIGHT) / HOUR, (gap.ends_at - EIGHT) / HOUR)
        for gap in gaps(shifts, "心内科", EIGHT, EIGHT + 24 * HOUR)
    ]
    assert found == [
        (DutyRole.NURSE, 0, 1),
        (DutyRole.NURSE, 10, 12),
        (DutyRole.NURSE, 20, 24),
        (DutyRole.HEAD, 0, 24),
    ]
