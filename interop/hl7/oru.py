"""ORU: results, each with its order, its instant and its state; a pure reading of the message."""

from dataclasses import replace
from datetime import datetime

from care.observations import ObservationStatus
from followup.feeds import FeedReason
from interop.hl7.persons import FeedRules, Remarks, first_at, past, person_of
from interop.hl7.reading import Hl7Message, Segment
from interop.hl7.telling import NotUsableError, ResultsTold, ToldResult

_STATES = {
    "F": ObservationStatus.FINAL,
    "U": ObservationStatus.FINAL,
    "": ObservationStatus.FINAL,
    "C": ObservationStatus.CORRECTED,
    "P": ObservationStatus.PRELIMINARY,
    "R": ObservationStatus.PRELIMINARY,
    "S": ObservationStatus.PRELIMINARY,
    "D": ObservationStatus.ENTERED_IN_ERROR,
    "W": ObservationStatus.ENTERED_IN_ERROR,
}
"""HL7 table 0085. What is only ordered (I, O) or cannot be got (X, N) is no result."""

_NO_RESULT = frozenset({"I", "O", "X", "N"})
_TEXT = 500
_NOT_FOR_A_CELL = frozenset({"ED", "RP"})
"""Pictures and documents."""


def results_told(message: Hl7Message, received_at: datetime, rules: FeedRules) -> ResultsTold:
    """What the message tells; NotUsableError if there is no result in it, or one of a state that is none."""
    remarks = Remarks()
    person = person_of(message, rules, remarks)
    sent_at = past(message.first("MSH").text(7), "MSH-7", rules, remarks, now=received_at)
    results: list[ToldResult] = []
    of_key: dict[str, list[ToldResult]] = {}
    order = report = Segment("", ())
    for segment in message.segments:
        if segment.name == "ORC":
            order = segment
        elif segment.name == "OBR":
            report = segment
        elif segment.name == "OBX":
            told = _result(segment, report, order, rules, remarks, sent_at=sent_at, received_at=received_at)
            if told is not None:
                results.append(_told_apart(told, of_key.setdefault(told.key, [])))
    if not results and not remarks.told:
        raise NotUsableError(FeedReason.RESULT_REFUSED, "there is no OBX in it: nothing was found")
    return ResultsTold(
        at=sent_at or received_at,
        person=person,
        visit_number=next(iter(first_at(message, rules.sender.visit_number)), None),
        results=tuple(results),
        remarks=tuple(remarks.told),
    )


def _told_apart(told: ToldResult, alike: list[ToldResult]) -> ToldResult:
    """The same test several times in one order, as a glucose curve sends it: each is a result, by its place.

    A corrected copy that comes with what it corrects is none.
    """
    if any(each.status is not told.status for each in alike) or told in alike:
        return told
    alike.append(told)
    return told if len(alike) == 1 else replace(told, key=f"{told.key}#{len(alike)}")


def _result(
    obx: Segment,
    report: Segment,
    order: Segment,
    rules: FeedRules,
    remarks: Remarks,
    *,
    sent_at: datetime | None,
    received_at: datetime,
) -> ToldResult | None:
    def at(segment: Segment, place: int, named: str) -> datetime | None:
        return past(segment.text(place), named, rules, remarks, now=received_at)

    code, name, system = (obx.text(3, part) for part in (1, 2, 3))
    line = obx.text(1)[:4] or "?"
    state = obx.text(11).upper()
    if state in _NO_RESULT:
        remarks.add(f"OBX {line} is left out: its state {state} is no result")
        return None
    if obx.text(2).upper() in _NOT_FOR_A_CELL:
        remarks.add(f"OBX {line} is left out: it holds a document ({obx.text(2)}), kept with the message only")
        return None
    if not code and not name:
        remarks.add(f"OBX {line} is left out: OBX-3 is empty")
        return None
    if state not in _STATES:
        raise NotUsableError(FeedReason.RESULT_REFUSED, f"OBX {line}: the state {state[:10]} (OBX-11) is not known")
    number = report.text(3) or report.text(2) or order.text(3) or order.text(2)
    reported_at = at(report, 22, "OBR-22")
    taken_at = at(obx, 14, f"OBX-14 of {line}") or at(report, 7, "OBR-7") or reported_at or sent_at or received_at
    # Without an order's number the same test of the same instant is the same result.
    key = f"{number or taken_at.isoformat()}/{code or name}/{obx.text(4)}"
    return ToldResult(
        key=key,
        ordered=bool(number),
        code=code,
        system=system,
        name=name,
        panel=report.text(4),
        value=_value(obx)[:_TEXT],
        unit=obx.text(6)[:40],
        reference=obx.text(7)[:100],
        flags=tuple(obx.values(8)),
        status=_STATES[state],
        taken_at=taken_at,
        # When it came in says nothing of which version is newer.
        told_at=reported_at or sent_at,
    )


def _value(obx: Segment) -> str:
    """What was found: a number, a structured one (`>^100`), a code with its words, or text of several lines."""
    repetitions = obx.repetitions(5)
    kind = obx.text(2).upper()
    if kind == "SN":
        return "".join(repetitions[0][:4]) if repetitions else ""
    if kind in {"CE", "CWE", "CNE"}:
        return "; ".join((parts[1] if len(parts) > 1 and parts[1] else parts[0]) for parts in repetitions if parts)
    return "\n".join("^".join(parts).rstrip("^") for parts in repetitions)
