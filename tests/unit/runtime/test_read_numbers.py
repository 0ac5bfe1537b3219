"""Cells of telephone numbers as people write them, and what of them is never dialed."""

import pytest

from runtime.phone_numbers import NumberFault, read_numbers


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("13800000001", ["+8613800000001"]),
        ("+86 138-0000-0001", ["+8613800000001"]),
        ("0086 13800000001", ["+8613800000001"]),
        ("8613800000001", ["+8613800000001"]),
        ("013800000001", ["+8613800000001"]),
        ("13800000001.0", ["+8613800000001"]),
        ("'13800000001", ["+8613800000001"]),
        ("１３８－００００－０００１", ["+8613800000001"]),
        ("138 0000 0001", ["+8613800000001"]),
        ("(010)65529988", ["+861065529988"]),
        ("0591—87654321", ["+8659187654321"]),
        ("+1 650 253 0000", ["+16502530000"]),
        ("13800000001/13900000002", ["+8613800000001", "+8613900000002"]),
        ("13800000001 13900000002", ["+8613800000001", "+8613900000002"]),
        ("13800000001、13800000001", ["+8613800000001"]),
        ("010 65529988、010-65529977", ["+861065529988", "+861065529977"]),
        ("无", []),
        ("", []),
    ],
)
def test_numbers_are_repaired_to_e164(cell: str, numbers: list[str]) -> None:
    found = read_numbers(cell)
    assert ([each.number for each in found.numbers], found.faults) == (numbers, ())


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("本人13800000001,儿子13900000002", ["本人", "儿子"]),
        ("本人:138 0000 0001 儿子:139 0000 0002", ["本人", "儿子"]),
        ("13800000001(本人)13900000002(儿子)", ["本人", "儿子"]),
        ("13800000001（女儿）", ["女儿"]),
        ("son: 13800000001; home 010-65529988", ["son", "home"]),
    ],
)
def test_words_beside_a_number_go_with_it(cell: str, words: list[str]) -> None:
    assert [each.words for each in read_numbers(cell).numbers] == words


@pytest.mark.parametrize(
    "cell",
    ["010-65529988转801", "010-65529988-801", "010-65529988 分机801", "(010)65529988 ext. 801", "010-65529988#801"],
)
def test_an_extension_is_kept(cell: str) -> None:
    (found,) = read_numbers(cell).numbers
    assert (found.number, found.extension) == ("+861065529988", "801")


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("120", NumberFault.SHORT),
        ("110", NumberFault.SHORT),
        ("12356", NumberFault.SHORT),
        ("9", NumberFault.SHORT),
        ("65529988", NumberFault.AREA_CODE),
        ("1380000000", NumberFault.INVALID),
        ("138000000012", NumberFault.INVALID),
        ("1380000000113900000002", NumberFault.INVALID),
        ("1.38E+10", NumberFault.LOST_DIGITS),
    ],
)
def test_what_is_no_number_to_dial_says_why(cell: str, fault: NumberFault) -> None:
    found = read_numbers(cell)
    assert (found.numbers, found.faults) == ((), (fault,))


def test_a_landline_without_area_code_gets_the_one_given() -> None:
    assert [each.number for each in read_numbers("65529988 / 110", area_code="010").numbers] == ["+861065529988"]
