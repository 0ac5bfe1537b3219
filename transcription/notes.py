"""The note of an attempt as it can be signed at hang-up: outcome and answers. It repeats what was entered, no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from followup.outcomes import AttemptOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FormAnswer:
    """A question of the form and what was entered, both as a person reads them."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """All that a draft is made of. Times are aware; the note shows them on the hospital's clock (`zone`)."""

    outcome: AttemptOutcome
    reason_for_call: str
    dialed_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    agent: str | None  # None: an automated call
    zone: ZoneInfo
    spoke_with: str | None = None  # "daughter", "女儿"; None: the patient
    answers: tuple[FormAnswer, ...] = ()
    agreed: tuple[str, ...] = ()  # what was said to be done, one sentence each
    next_contact: str | None = None


_OUTCOMES = {
    AttemptOutcome.CONNECTED_PATIENT: ("已与患者本人通话", "Spoke with the patient"),
    AttemptOutcome.CONNECTED_PROXY: ("已与家属或照护者通话", "Spoke with a relative or caregiver"),
    AttemptOutcome.CONNECTED_WRONG_PERSON: ("接听者不是患者, 患者未能接听", "Reached another person, not the patient"),
    AttemptOutcome.WRONG_NUMBER: ("号码错误", "Wrong number"),
    AttemptOutcome.ANSWERED_MACHINE: ("由语音信箱接听, 未与患者通话", "Answered by a machine; nobody was spoken with"),
    AttemptOutcome.NO_ANSWER: ("无人接听", "No answer"),
    AttemptOutcome.BUSY: ("占线", "Line busy"),
    AttemptOutcome.UNREACHABLE: ("关机或不在服务区", "Phone switched off or out of service"),
    AttemptOutcome.REJECTED: ("对方拒接", "Call declined"),
    AttemptOutcome.INVALID_NUMBER: ("空号", "Number not in use"),
    AttemptOutcome.NETWORK_FAILURE: ("线路故障, 未接通", "Line failure; not connected"),
    AttemptOutcome.CALLER_ABANDONED: ("我方中断, 未完成", "Broken off by our side"),
    AttemptOutcome.BLOCKED_BY_POLICY: ("按外呼规则未拨打", "Not dialed: not allowed by the calling rules"),
}
_FORBIDDEN_TO_SAY = frozenset({AttemptOutcome.WRONG_NUMBER, AttemptOutcome.CONNECTED_WRONG_PERSON})
"""With these the one on the line was not the patient: nothing entered belongs into this patient's note."""


def draft_note(facts: AttemptFacts, language: str) -> str:
    """The note as it can be signed at once: who was reached, when, how long, what was answered and agreed."""
    chinese = language == "zh"
    lines = [_opening(facts, chinese=chinese)]
    if facts.outcome not in _FORBIDDEN_TO_SAY:
        lines += [f"{each.question} {each.answer}" for each in facts.answers]
        lines += [("约定: " if chinese else "Agreed: ") + agreed for agreed in facts.agreed]
    if facts.next_contact:
        lines.append(("下次联系: " if chinese else "Next contact: ") + facts.next_contact)
    return "\n".join(lines)


def _opening(facts: AttemptFacts, *, chinese: bool) -> str:
    local = facts.dialed_at.astimezone(facts.zone)
    who = facts.agent or ("自动外呼" if chinese else "automated call")
    outcome = _OUTCOMES[facts.outcome][0 if chinese else 1]
    if facts.spoke_with:
        outcome += f"({facts.spoke_with})" if chinese else f" ({facts.spoke_with})"
    length = _length(facts.ended_at - facts.answered_at, chinese=chinese) if facts.answered_at else ""
    if chinese:
        return f"{local:%Y-%m-%d %H:%M} 电话随访({facts.reason_for_call}), {who}: {outcome}{length}。"
    return f"{local:%Y-%m-%d %H:%M} telephone follow-up ({facts.reason_for_call}), {who}: {outcome}{length}."


def _length(spoken: timedelta, *, chinese: bool) -> str:
    minutes, seconds = divmod(max(round(spoken.total_seconds()), 0), 60)
    if chinese:
        return f", 通话{minutes}分{seconds}秒" if minutes else f", 通话{seconds}秒"
    return f", {minutes} min {seconds} s" if minutes else f", {seconds} s"
