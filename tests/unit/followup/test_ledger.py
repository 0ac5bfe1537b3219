"""The ledger's chain: what was changed, taken out, put in or exchanged is found by anyone who has the lines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from followup.ledger import LedgerKind, LedgerLine, checksum_of, faults_in, next_line

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def a_ledger(lines: int) -> list[LedgerLine]:
    made: list[LedgerLine] = []
    for number in range(lines):
        made.append(
            next_line(
                made[-1] if made else None,
                at=NOW + timedelta(seconds=number),
                kind=LedgerKind.STORED,
                recording_id=f"r{number}",
                facts={"sha256": f"{number:064x}", "reason": "磁盘已满"},
            )
        )
    return made


def test_a_ledger_as_it_was_written_has_no_fault() -> None:
    lines = a_ledger(4)
    assert list(faults_in(lines)) == []
    assert list(faults_in(lines[2:], before=lines[1])) == []
    assert lines[2].previous == lines[1].hash
    assert lines[0].facts == {"sha256": "0" * 64, "reason": "磁盘已满"}


@given(place=st.integers(0, 4), harm=st.sampled_from(["text", "text and hash", "kind", "out", "twice", "exchanged"]))
def test_whatever_is_done_to_a_line_is_found(place: int, harm: str) -> None:
    lines = a_ledger(6)
    line = lines[place]
    if harm == "text":
        lines[place] = replace(line, text=line.text.replace("磁盘", "硬盘"))
    elif harm == "text and hash":
        text = line.text.replace("磁盘", "硬盘")
        lines[place] = replace(line, text=text, hash=checksum_of(text))
    elif harm == "kind":
        lines[place] = replace(line, kind=LedgerKind.PURGED)
    elif harm == "out":
        del lines[place]
    elif harm == "twice":
        lines.insert(place, line)
    else:
        lines[place], lines[place + 1] = lines[place + 1], line
    found = list(faults_in(lines))
    assert found
    assert found[0].startswith("ledger line ")


def test_a_line_without_sense_is_told_and_does_not_stop_the_reading() -> None:
    lines = a_ledger(3)
    lines[1] = replace(lines[1], text="{}", hash=checksum_of("{}"))
    assert list(faults_in(lines)) == [
        "ledger line 2: its text is no line of a ledger",
        "ledger line 3: it does not follow the line before it: that one was changed or exchanged",
    ]
