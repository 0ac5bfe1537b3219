"""Cards' states, children and guardians, households, and whether two records are one person's."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from care.cards import CARD_MOVES, CardMoveRefusedError, CardState, CardTrigger, next_card_state
from care.duplicates import Evidence, Likeness, Particulars, compare
from care.guardians import GUARDIAN_PROOFS, age_on, birthday_of_age, is_child, lacks_guardian
from care.households import HouseholdMember, HouseholdRole, refusal_to_join
from care.patients import PatientId
from care.relatives import ProofKind, Relative

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def test_every_move_of_a_card_is_in_the_table_or_refused_in_words() -> None:
    for state in CardState:
        for trigger in CardTrigger:
            if (state, trigger) in CARD_MOVES:
                assert next_card_state(state, trigger) is CARD_MOVES[state, trigger]
            else:
                with pytest.raises(CardMoveRefusedError, match=f"the card is {state.value} and cannot"):
                    next_card_state(state, trigger)


def test_a_replaced_or_closed_card_never_comes_back() -> None:
    assert {state for state, _ in CARD_MOVES} == {CardState.ACTIVE, CardState.LOST}


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2012, 11, 23), date(2026, 11, 22), 13),
        (date(2012, 11, 22), date(2026, 11, 22), 14),
        (date(2012, 2, 29), date(2026, 2, 28), 13),
        (date(2012, 2, 29), date(2026, 3, 1), 14),
    ],
)
def test_years_are_full_on_the_birthday(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


def test_who_is_a_child_is_asked_where_he_lives() -> None:
    # Half past eleven at night in London is the next morning in Shanghai: there he is fourteen.
    instant = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert not is_child(date(2012, 11, 22), "Asia/Shanghai", instant)
    assert is_child(date(2012, 11, 22), "Europe/London", instant)
    assert not is_child(None, "Asia/Shanghai", instant)
    assert birthday_of_age(date(2012, 2, 29), 18) == date(2030, 3, 1)


def relative(**values: Any) -> Relative:
    return Relative(
        **{
            "id": "1",
            "patient_id": PatientId("p"),
            "name": "刘洋",
            "relation": "mother",
            "recorded_at": NOW,
            "guardian": True,
            "proof_kind": ProofKind.BIRTH_CERTIFICATE,
            **values,
        }
    )


def test_a_guardian_counts_while_his_word_holds_and_if_somebody_saw_what_showed_it() -> None:
    assert not lacks_guardian([relative()], NOW)
    assert lacks_guardian([], NOW)
    assert lacks_guardian([relative(guardian=False)], NOW)
    assert lacks_guardian([relative(ended_at=NOW)], NOW)
    assert lacks_guardian([relative(expires_at=NOW - timedelta(days=1))], NOW)
    for kind in (None, *(set(ProofKind) - GUARDIAN_PROOFS)):
        assert lacks_guardian([relative(proof_kind=kind)], NOW)


def test_a_household_has_one_head() -> None:
    head = HouseholdMember(id="1", household_id="h", patient_id=PatientId("p"), role=HouseholdRole.HEAD, joined_at=NOW)
    assert refusal_to_join([], HouseholdRole.HEAD) is None
    assert refusal_to_join([head], HouseholdRole.CHILD) is None
    assert "has its head" in (refusal_to_join([head], HouseholdRole.HEAD) or "")


WANG = Particulars(
    name="王小明",
    sound="wangxiaoming",
    born=date(1980, 5, 6),
    sex="male",
    identifiers=frozenset({("id_card", "A")}),
    numbers=frozenset({"+8613800000001"}),
)


def like(**values: Any) -> Particulars:
    return Particulars(**{"name": "王小明", "sound": "wangxiaoming", "born": date(1980, 5, 6), "sex": "male", **values})


@pytest.mark.parametrize(
    ("other", "likeness", "evidence"),
    [
        (
            like(name="赵一", sound="zhaoyi", identifiers=frozenset({("id_card", "A")})),
            Likeness.SAME,
            {Evidence.IDENTIFIER},
        ),
        (like(), Likeness.LIKELY, {Evidence.NAME, Evidence.BORN}),
        (like(name="王晓明"), Likeness.POSSIBLE, {Evidence.SOUND, Evidence.BORN}),
        (like(name="王晓明", numbers=WANG.numbers), Likeness.LIKELY, {Evidence.SOUND, Evidence.NUMBER}),
        (like(born=None, numbers=WANG.numbers), Likeness.POSSIBLE, {Evidence.NAME, Evidence.NUMBER}),
        (like(born=None), Likeness.NONE, {Evidence.NAME}),
        (like(name="王大明", sound="wangdaming", numbers=WANG.numbers), Likeness.NONE, {Evidence.NUMBER}),
        (like(born=date(1980, 6, 5), numbers=WANG.numbers), Likeness.NONE, {Evidence.OTHER_BIRTH}),
        (
            like(identifiers=frozenset({("id_card", "B")}), numbers=WANG.numbers),
            Likeness.NONE,
            {Evidence.OTHER_IDENTIFIER},
        ),
        (like(identifiers=frozenset({("insurance", "B")})), Likeness.LIKELY, {Evidence.NAME}),
        (like(name="王晓明", sex="female", numbers=WANG.numbers), Likeness.NONE, {Evidence.OTHER_SEX}),
        (like(sex="female"), Likeness.POSSIBLE, {Evidence.OTHER_SEX, Evidence.NAME}),
        (like(name="", sound="", born=date(1980, 5, 6)), Likeness.NONE, {Evidence.BORN}),
    ],
)
def test_how_alike_two_records_are(other: Particulars, likeness: Likeness, evidence: Collection[Evidence]) -> None:
    there = compare(WANG, other)
    assert there.likeness is likeness
    assert set(evidence) <= set(there.evidence)
    assert compare(other, WANG) == there, "whoever is held against whom, it comes to the same"
