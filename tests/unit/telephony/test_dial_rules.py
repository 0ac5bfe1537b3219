"""How numbers are written for a trunk."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.dial_rules import DialRuleError, DialRules, NumberFormat, dialed

NATIONAL = NumberFormat.NATIONAL
MOBILE, BEIJING, SHANGHAI, LONDON = "+8613901012345", "+861055550000", "+862155550000", "+442079460000"


def out_of_town(home: str, *, outside_line: str = "") -> DialRules:
    return DialRules(
        number_format=NATIONAL, out_of_town_prefix="0", home_mobile_ranges=(home,), outside_line=outside_line
    )


@pytest.mark.parametrize(
    ("rules", "number", "expected"),
    [
        (DialRules(), MOBILE, MOBILE),
        (DialRules(), LONDON, LONDON),
        (DialRules(number_format=NumberFormat.DIGITS), MOBILE, "8613901012345"),
        (DialRules(number_format=NumberFormat.DIGITS, outside_line="0"), MOBILE, "08613901012345"),
        (DialRules(number_format=NATIONAL), MOBILE, "13901012345"),
        (DialRules(number_format=NATIONAL), BEIJING, "01055550000"),
        (DialRules(number_format=NATIONAL), LONDON, "00442079460000"),
        (DialRules(number_format=NATIONAL, international_prefix="17900"), LONDON, "17900442079460000"),
        (DialRules(number_format=NATIONAL, outside_line="9"), MOBILE, "913901012345"),
        (DialRules(number_format=NATIONAL, outside_line="9"), LONDON, "900442079460000"),
        (
            out_of_town("1390101"),
            MOBILE,
            "13901012345",
        ),
        (
            out_of_town("1390102"),
            MOBILE,
            "013901012345",
        ),
        (
            DialRules(
                number_format=NATIONAL, out_of_town_prefix="0", home_mobile_ranges=("1390102",), outside_line="9"
            ),
            MOBILE,
            "9013901012345",
        ),
        (out_of_town("1390102"), "+8616601012345", "016601012345"),
        (out_of_town("1"), SHANGHAI, "02155550000"),
        (DialRules(number_format=NATIONAL, home_area_code="010"), BEIJING, "55550000"),
        (DialRules(number_format=NATIONAL, home_area_code="010"), SHANGHAI, "02155550000"),
        (DialRules(number_format=NATIONAL, outside_line="9"), "desk7", "desk7"),
        (DialRules(number_format=NATIONAL, outside_line="9"), "sip:desk7@127.0.0.1:5080", "sip:desk7@127.0.0.1:5080"),
    ],
)
def test_a_number_is_written_as_the_trunk_wants_it(rules: DialRules, number: str, expected: str) -> None:
    assert dialed(number, rules) == expected


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(DialRuleError, match=r"E\.164"):
        dialed("+", DialRules(number_format=NATIONAL))


mobiles = st.from_regex(r"\+861[3-9][0-9]{9}", fullmatch=True)
rules = st.builds(
    DialRules,
    number_format=st.sampled_from([NumberFormat.DIGITS, NATIONAL]),
    outside_line=st.sampled_from(["", "0", "9"]),
    out_of_town_prefix=st.sampled_from(["", "0"]),
    home_mobile_ranges=st.lists(st.from_regex(r"1[3-9][0-9]{2,5}", fullmatch=True), max_size=3).map(tuple),
)


@given(mobiles, rules)
def test_nothing_is_lost_and_nothing_but_prefixes_is_added(number: str, wanted: DialRules) -> None:
    written = dialed(number, wanted)
    assert re.fullmatch(r"\d+", written)
    assert written.startswith(wanted.outside_line)
    assert written.endswith(number.removeprefix("+86"))
    added = written.removesuffix(number.removeprefix("+86")).removeprefix(wanted.outside_line)
    assert added in {"", "86", wanted.out_of_town_prefix}


@given(mobiles, rules)
def test_two_numbers_are_never_dialed_alike(number: str, wanted: DialRules) -> None:
    other = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert dialed(number, wanted) != dialed(other, wanted)
