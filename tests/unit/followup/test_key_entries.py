"""Numbers by keys: `632#` is 63.2 kg, what cannot be is asked again, what is far from last time is confirmed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.key_entries import Entered, EntryKind, EntryVerdict, KeyEntry, judge_entry

WEIGHT = KeyEntry(
    kind=EntryKind.NUMBER,
    variable="weight",
    then="noted",
    jump="strange",
    decimals=1,
    minimum=Decimal(30),
    maximum=Decimal(250),
    compared_with="last_weight",
)
BIRTHDAY = KeyEntry(kind=EntryKind.BIRTHDAY, variable="born", then="matter")


@pytest.mark.parametrize(
    ("typed", "verdict", "value"),
    [
        ("632", EntryVerdict.GOOD, "63.2"),
        ("671", EntryVerdict.GOOD, "67.1"),
        ("672", EntryVerdict.JUMP, "67.2"),
        ("1632", EntryVerdict.JUMP, "163.2"),
        ("549", EntryVerdict.GOOD, "54.9"),
        ("548", EntryVerdict.JUMP, "54.8"),
        ("65", EntryVerdict.WRONG, ""),
        ("2501", EntryVerdict.WRONG, ""),
        ("99999999", EntryVerdict.WRONG, ""),
        ("16*632", EntryVerdict.GOOD, "63.2"),
        ("", EntryVerdict.EMPTY, ""),
        ("63*", EntryVerdict.EMPTY, ""),
        ("0", EntryVerdict.PERSON, ""),
        ("6A2", EntryVerdict.WRONG, ""),
    ],
)
def test_a_weight_typed_without_a_point_is_read_judged_and_compared_with_61_kg(
    typed: str, verdict: EntryVerdict, value: str
) -> None:
    assert judge_entry(WEIGHT, typed, {"last_weight": "61.0"}) == Entered(verdict=verdict, value=value)


@pytest.mark.parametrize("last", ["", "nonsense", "0", "NaN", "Infinity"])
def test_without_a_last_value_nothing_jumps(last: str) -> None:
    assert judge_entry(WEIGHT, "1632", {"last_weight": last}).verdict is EntryVerdict.GOOD
    assert judge_entry(WEIGHT, "1632", {}).verdict is EntryVerdict.GOOD


@pytest.mark.parametrize(
    ("typed", "known", "verdict"),
    [
        ("0808", {"born": "0808"}, EntryVerdict.GOOD),
        ("0809", {"born": "0808"}, EntryVerdict.WRONG),
        ("0808", {}, EntryVerdict.WRONG),
        ("0", {"born": "0808"}, EntryVerdict.PERSON),
    ],
)
def test_a_birthday_is_compared_and_never_told(typed: str, known: dict[str, str], verdict: EntryVerdict) -> None:
    assert judge_entry(BIRTHDAY, typed, known) == Entered(verdict=verdict)


@given(st.text("0123456789*#ABCD", max_size=14))
def test_whatever_is_typed_gets_a_verdict_and_no_good_value_lies_outside_its_limits(typed: str) -> None:
    entered = judge_entry(WEIGHT, typed, {"last_weight": "61.0"})
    if entered.value:
        assert 30 <= Decimal(entered.value) <= 250
    if entered.verdict is EntryVerdict.GOOD:
        assert abs(Decimal(entered.value) - 61) <= Decimal("6.1")


def test_limits_and_comparisons_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="minimum must be below maximum"):
        KeyEntry(kind=EntryKind.NUMBER, variable="weight", then="noted")
    with pytest.raises(ValueError, match="belong together"):
        KeyEntry(kind=EntryKind.BIRTHDAY, variable="born", then="noted", compared_with="last")
