"""ORU: results, each with its order, its instant and its state; a pure reading of the message."""

from datetime import datetime

from care.observations import ObservationStatus
from followup.feeds import FeedReason
from interop.hl7.persons import FeedRules, Remarks, first_at, or_remark, person_of
from interop.hl7.reading import Hl7Message, Segment, instant
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


def results_told(message: Hl7Message, at: datetime, rules: FeedRules) -> ResultsTold:
    """What the message tells; NotUsableError if there is no result in it, or one without its order."""
    remarks = Remarks()
    person = person_of(message, rules, remarks)
    results: list[ToldResult] = []
    order = report = Segment("", ())
    for segment in message.segments:
        if segment.name == "ORC":
            order = segment
        elif segment.name == "OBR":
            report = segment
        elif segment.name == "OBX":
            told = _result(segment, report, order, at, rules, remarks)
            if told is not None:
                results.append(told)
    if not results and not remarks.told:
        raise NotUsableError(FeedReason.RESULT_REFUSED, "there is no OBX in it: nothing was found")
    return ResultsTold(
        at=at,
        person=person,
        visit_number=next(iter(first_at(message, rules.sender.visit_number)), None),
        results=tuple(results),
        remarks=tuple(remarks.told),
    )


def _result(
    obx: Segment, report: Segment, order: Segment, at: datetime, rules: FeedRules, remarks: Remarks
) -> ToldResult | None:
    code, name, system = (obx.text(3, part) for part in (1, 2, 3))
    line = obx.text(1) or "?"
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
    taken_at = (
        or_remark(lambda: instant(obx.text(14), rules.zone), f"OBX-14 of {line}", remarks)
        or or_remark(lambda: instant(report.text(7), rules.zone), "OBR-7", remarks)
        or or_remark(lambda: instant(report.text(22), rules.zone), "OBR-22", remarks)
        or at
    )
    told_at = or_remark(lambda: instant(report.text(22), rules.zone), "OBR-22", remarks) or at
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
        told_at=told_at,
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
