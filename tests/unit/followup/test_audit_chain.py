"""The audit log's chain: whatever is changed, taken out or exchanged is told, by its link."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.audit_chain import AuditRow, Link, faults_in, next_link

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def a_chain(length: int) -> list[tuple[Link, AuditRow | None]]:
    made: list[tuple[Link, AuditRow | None]] = []
    last = None
    for number in range(1, length + 1):
        row = AuditRow(
            position=number * 2,
            at=NOW,
            user_id="u1",
            action="record_viewed",
            subject_kind="patient",
            subject="p1",
            patient_id="p1",
            detail={"part": "record", "n": number},
        )
        last = next_link(last, row, sealed_at=NOW + timedelta(seconds=number))
        made.append((last, row))
    return made


def test_an_untouched_chain_has_no_fault() -> None:
    assert list(faults_in(a_chain(5))) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", NOW - timedelta(days=1)),
        ("user_id", None),
        ("action", "record_printed"),
        ("subject_kind", "call"),
        ("subject", "p2"),
        ("patient_id", "p2"),
        ("detail", {"part": "record"}),
        ("position", 99),
    ],
)
def test_every_changed_field_of_a_row_is_found(field: str, value: object) -> None:
    chain = a_chain(3)
    link, row = chain[1]
    assert row is not None
    chain[1] = (link, replace(row, **{field: value}))  # type: ignore[arg-type]
    assert list(faults_in(chain)) == [
        "audit link 2 (row 4): its row, or the link before it, was changed after it was sealed"
    ]


def test_a_row_that_is_gone_is_told() -> None:
    chain = a_chain(3)
    chain[2] = (chain[2][0], None)
    assert list(faults_in(chain)) == ["audit link 3 (row 6): its row was taken out of the log"]


@given(st.integers(min_value=0, max_value=7))
def test_a_link_taken_out_with_its_row_is_told_by_the_next_one(place: int) -> None:
    chain = a_chain(8)
    del chain[place]
    faults = list(faults_in(chain))
    assert faults == (
        []
        if place == 7
        else [f"audit link {place + 2} (row {(place + 2) * 2}): the links before it are missing, from {place + 1} on"]
    )


def test_a_row_resealed_by_somebody_who_stops_there_breaks_the_next_link() -> None:
    chain = a_chain(4)
    link, row = chain[1]
    assert row is not None
    forged = replace(row, user_id="u2")
    chain[1] = (next_link(chain[0][0], forged, sealed_at=link.sealed_at), forged)
    assert [fault.split(":")[0] for fault in faults_in(chain)] == ["audit link 3 (row 6)"]
