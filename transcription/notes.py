"""The note of an attempt: a draft from form and outcome at hang-up, and what the transcript would add to it.

No statement is made up: a draft repeats what was entered, and each proposal quotes the turn it comes from.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from followup.alerts import AlertLevel
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Turn
from transcription.content_file import read_content
from transcription.measurements import Measurement, Quantity, measurements_in
from transcription.red_flags import HeardAlert


class ProposalKind(StrEnum):
    """What a proposal is about; the order is the order in the tray."""

    RED_FLAG = "red_flag"
    SYMPTOM = "symptom"
    MEDICINE = "medicine"
    NUMBER = "number"


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    zh: tuple[str, ...]
    en: tuple[str, ...]


class NoteWords(BaseModel):
    """Words worth a line in a note (content/note_words)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int
    status: str
    source: str
    symptom: _Words
    medicine: _Words


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteProposal:
    """A line that could be added, with the turn and the seconds of the recording it was heard in."""

    kind: ProposalKind
    text: str
    turn: int
    start: float
    end: float


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


def load_note_words(path: Path) -> NoteWords:
    """The words from their YAML file; ContentError says what is wrong in it."""
    return read_content(path, NoteWords)


def propose_additions(
    turns: Sequence[Turn], alerts: Sequence[HeardAlert], note: str, words: NoteWords, language: str
) -> list[NoteProposal]:
    """What the patient said that the note does not hold yet, each as a quotation: signs of danger first, then by time.

    The same turns give the same proposals; one turn gives at most one of each kind.
    """
    proposals = [*_of_alerts(turns, alerts, language)]
    for number, turn in enumerate(turns):
        if turn.channel is Channel.PATIENT:
            proposals += _of_words(turn, number, words, note, language)
            proposals += _of_numbers(turn, number, note, language)
    return sorted(proposals, key=lambda each: (each.kind is not ProposalKind.RED_FLAG, each.start))


def _of_alerts(turns: Sequence[Turn], alerts: Sequence[HeardAlert], language: str) -> Iterator[NoteProposal]:
    for alert in alerts:
        turn = turns[alert.turn]
        level = _LEVELS[alert.level][0 if language == "zh" else 1]
        yield _proposal(ProposalKind.RED_FLAG, turn, alert.turn, level, alert.heard, language)


def _of_words(turn: Turn, number: int, words: NoteWords, note: str, language: str) -> Iterator[NoteProposal]:
    text, written = turn.text.lower(), note.lower()
    for kind, group in ((ProposalKind.SYMPTOM, words.symptom), (ProposalKind.MEDICINE, words.medicine)):
        listed = group.zh if language == "zh" else group.en
        heard = [word for word in listed if _occurs(word, text, language) and not _occurs(word, written, language)]
        telling = [word for word in heard if not any(word != other and word in other for other in heard)]
        if telling:
            label = _LABELS[kind][0 if language == "zh" else 1]
            yield _proposal(kind, turn, number, label, _listed(telling, language), language)


def _of_numbers(turn: Turn, number: int, note: str, language: str) -> Iterator[NoteProposal]:
    new = [each for each in measurements_in(turn.as_written, language) if f"{each.value:g}" not in note]
    if new:
        label = _LABELS[ProposalKind.NUMBER][0 if language == "zh" else 1]
        values = _listed([_value(each, language) for each in new], language)
        yield _proposal(ProposalKind.NUMBER, turn, number, label, values, language)


def _proposal(kind: ProposalKind, turn: Turn, number: int, label: str, what: str, language: str) -> NoteProposal:
    said = turn.as_written
    text = f"{label}: {what}。患者原话: “{said}”" if language == "zh" else f'{label}: {what}. Quote: "{said}"'
    return NoteProposal(kind=kind, text=text, turn=number, start=turn.start, end=turn.end)


def _occurs(word: str, text: str, language: str) -> bool:
    return word in text if language == "zh" else re.search(rf"\b{re.escape(word)}\b", text) is not None


def _listed(parts: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)


def _value(measured: Measurement, language: str) -> str:
    name, unit = _QUANTITIES[measured.quantity][0 if language == "zh" else 1], _UNITS[measured.quantity]
    return f"{name} {measured.value:g} {unit}"


_LEVELS = {
    AlertLevel.RED: ("红色警示", "Red alert"),
    AlertLevel.AMBER: ("橙色警示", "Amber alert"),
    AlertLevel.YELLOW: ("黄色警示", "Yellow alert"),
}
_LABELS = {
    ProposalKind.SYMPTOM: ("症状", "Symptoms"),
    ProposalKind.MEDICINE: ("用药", "Medicines"),
    ProposalKind.NUMBER: ("数值", "Values"),
}
_QUANTITIES = {
    Quantity.TEMPERATURE: ("体温", "temperature"),
    Quantity.SYSTOLIC: ("收缩压", "systolic pressure"),
    Quantity.DIASTOLIC: ("舒张压", "diastolic pressure"),
    Quantity.GLUCOSE: ("血糖", "glucose"),
    Quantity.OXYGEN_SATURATION: ("血氧饱和度", "oxygen saturation"),
    Quantity.HEART_RATE: ("心率", "heart rate"),
}
_UNITS = {
    Quantity.TEMPERATURE: "°C",
    Quantity.SYSTOLIC: "mmHg",
    Quantity.DIASTOLIC: "mmHg",
    Quantity.GLUCOSE: "mmol/L",
    Quantity.OXYGEN_SATURATION: "%",
    Quantity.HEART_RATE: "/min",
}

_NUMERALS = "0-9０-９零〇一二两三四五六七八九幺"
_IDENTIFYING = re.compile(rf"[+＋]?[{_NUMERALS}](?:[\s\-–—.·()（）,，、]{{0,2}}[{_NUMERALS}xXＸ]){{6,}}")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MASK = "***"


def redact(text: str) -> str:
    """The text for index and log: identity and telephone numbers, in figures or spoken, and mail addresses masked.

    Any seven or more numerals in a row count as such; what was measured is never that long.
    """
    return _MAIL.sub(MASK, _IDENTIFYING.sub(MASK, text))
