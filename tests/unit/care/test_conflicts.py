"""Whose word holds: by rank, by age, or whoever says that it is so; nothing that was said is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.conflicts import (
    ConflictRule,
    PersonField,
    SourcePolicy,
    StatedValue,
    findings_of,
    same_name,
    settle,
)
from care.history import EntryState, HistoryEntry, HistoryKind
from care.patients import PatientId
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
RANK = SourcePolicy(rule=ConflictRule.RANK, ranks=("hl7:HIS", "hl7:", "hand:", "card"))
NEWEST = SourcePolicy(rule=ConflictRule.NEWEST, ranks=())
ACTIVE = SourcePolicy(rule=ConflictRule.ACTIVE, ranks=("hl7:", "form:"))
POLICIES = {kind: ACTIVE if kind is HistoryKind.ALLERGY else RANK for kind in HistoryKind}


def word(source: str, value: str | None, hours: int = 0) -> StatedValue:
    return StatedValue(
        id=new_id(),
        patient_id=PatientId("p"),
        field=PersonField.NAME,
        value=value,
        source=source,
        stated_at=NOON + timedelta(hours=hours),
        recorded_at=NOON,
    )


def entry(source: str, name: str, hours: int = 0, **more: object) -> HistoryEntry:
    values: dict[str, object] = {
        "kind": HistoryKind.CONDITION,
        "source_key": new_id(),
        "recorded_at": NOON + timedelta(hours=hours),
    }
    return HistoryEntry(id=new_id(), patient_id=PatientId("p"), source=source, name=name, **(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "words", "holds", "others"),
    [
        (RANK, [("card", "王明", 5), ("hl7:EMR", "王小明", 0)], "王小明", ["王明"]),
        (RANK, [("hl7:EMR", "王明", 5), ("hl7:HIS", "王小明", 0)], "王小明", ["王明"]),
        (RANK, [("hand:1", "王明", 5), ("hand:2", "王小明", 6)], "王小明", ["王明"]),
        (RANK, [("unheard of", "王明", 9), ("card", "王小明", 0)], "王小明", ["王明"]),
        (RANK, [("hl7:HIS", None, 9), ("card", "王小明", 0)], "王小明", []),
        (RANK, [("hl7:HIS", "王小明", 9), ("card", "王小明", 0)], "王小明", []),
        (NEWEST, [("hl7:HIS", "王明", 1), ("card", "王小明", 2)], "王小明", ["王明"]),
    ],
)
def test_the_word_that_holds(
    policy: SourcePolicy, words: list[tuple[str, str | None, int]], holds: str, others: list[str]
) -> None:
    settled = settle([word(*each) for each in words], policy)
    assert settled.holds is not None
    assert settled.holds.value == holds
    assert [other.value for other in settled.others] == others


def test_nobody_says_anything() -> None:
    assert settle([word("card", None)], RANK).holds is None


def test_an_allergy_stands_against_a_more_trusted_source_that_says_there_is_none() -> None:
    told = entry("form:intake", "青霉素", kind=HistoryKind.ALLERGY)
    denied = entry("hl7:HIS", "青霉素", hours=3, kind=HistoryKind.ALLERGY, state=EntryState.REFUTED)
    (finding,) = findings_of([denied, told], POLICIES)
    assert (finding.holds, finding.others, finding.in_conflict) == (told, (denied,), True)


def test_a_diagnosis_goes_by_the_more_trusted_source() -> None:
    told = entry("form:intake", "高血压", code="I10", hours=3)
    ruled_out = entry("hl7:HIS", "原发性高血压", code="i10", state=EntryState.REFUTED)
    (finding,) = findings_of([told, ruled_out], POLICIES)
    assert (finding.holds, finding.in_conflict) == (ruled_out, True)


def test_the_same_name_in_another_width_or_case_is_the_same_thing() -> None:
    assert same_name("ＣＯＰＤ  急性加重") == same_name("copd急性加重")
    one, other = entry("hl7:HIS", "COPD"), entry("form:intake", "copd ")
    assert len(findings_of([one, other], POLICIES)) == 1


def test_a_third_entry_shows_that_two_were_the_same() -> None:
    by_code = entry("hl7:HIS", "2型糖尿病", code="E11.9")
    by_name = entry("form:intake", "糖尿病")
    both = entry("list:physical", "糖尿病", code="E11.9")
    (finding,) = findings_of([by_code, by_name, both], POLICIES)
    assert finding.holds is by_code
    assert {other.id for other in finding.others} == {by_name.id, both.id}


def test_the_mothers_illness_is_not_the_fathers() -> None:
    mother = entry("hl7:HIS", "高血压", kind=HistoryKind.FAMILY, relation="mother")
    father = entry("hl7:HIS", "高血压", kind=HistoryKind.FAMILY, relation="father")
    assert len(findings_of([mother, father], POLICIES)) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hl7:HIS", "form:x", "hand:1", "list:y"]),
            st.sampled_from(["甲", "乙", "丙"]),
            st.sampled_from(["", "I10", "E11"]),
            st.sampled_from(list(EntryState)),
            st.sampled_from([HistoryKind.ALLERGY, HistoryKind.CONDITION]),
            st.integers(0, 9),
        ),
        max_size=12,
    )
)
def test_every_entry_is_told_exactly_once_and_no_active_allergy_is_outvoted(
    rows: list[tuple[str, str, str, EntryState, HistoryKind, int]],
) -> None:
    entries = [
        entry(source, name, hours, code=code, state=state, kind=kind) for source, name, code, state, kind, hours in rows
    ]
    findings = findings_of(entries, POLICIES)
    told = [one.id for finding in findings for one in (finding.holds, *finding.others)]
    assert sorted(told) == sorted(one.id for one in entries)
    for finding in findings:
        if finding.holds.kind is HistoryKind.ALLERGY and finding.holds.state is not EntryState.ACTIVE:
            assert not any(other.state is EntryState.ACTIVE for other in finding.others)


def test_the_shipped_ranks_say_something_of_everything() -> None:
    ranks = Content(REPOSITORY / "content").source_ranks
    assert ranks.history[HistoryKind.ALLERGY].rule is ConflictRule.ACTIVE
    assert set(ranks.person) == set(PersonField)
