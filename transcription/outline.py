"""What a call adds to its note, by a fixed outline: deterministic lines, each with its seconds and the words it quotes.

Nothing is proposed from passages that the engine was unsure of: those are named, to be listened to.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from followup.alerts import AlertLevel
from followup.notes import Clarity, NoteSection, Passage
from followup.recordings import Channel, Turn
from transcription.measurements import measurements_in
from transcription.note_words import Meaning, NoteWords
from transcription.outline_lines import HeardCall, OutlineLine, answered_line, line_of, made_line, quoted, stands_in
from transcription.red_flags import HeardAlert
from transcription.statements import (
    Reply,
    Sentence,
    Standing,
    holds,
    is_question,
    occurrences,
    reply_of,
    sentences_of,
)
from transcription.values_in_words import gain_in_words, value_in_words
from transcription.weight_gain import gains_in

_OPENING_SECONDS = 90.0
_SHORTEST_QUESTION = {"zh": 5, "en": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """How well a call was understood, what could be added to its note, and what has to be listened to."""

    clarity: Clarity
    confidence: float
    lines: tuple[OutlineLine, ...]
    passages: tuple[Passage, ...]


def outline_of(
    turns: Sequence[Turn],
    alerts: Sequence[HeardAlert],
    note: str,
    words: NoteWords,
    language: str,
    *,
    by_relative: bool = False,
) -> Outline:
    """The outline of a call: the same turns give the same lines, in the outline's order and then by time.

    What `note` says already is left out. `by_relative`: whoever spoke, spoke of the patient as of another.
    """
    clear = {number for number, turn in enumerate(turns) if turn.confidence >= words.limits.turn}
    clarity = clarity_of(turns, words)
    call = HeardCall(
        turns=turns,
        patient=_sentences(turns, clear, Channel.PATIENT),
        agent=_sentences(turns, clear, Channel.AGENT),
        note=note.lower(),
        words=words,
        language=language,
        by_relative=by_relative,
    )
    found = [*_of_alerts(call, alerts, clear)]
    if clarity is not Clarity.UNCLEAR:
        for section in _SECTIONS:
            found += section(call)
    order = list(NoteSection)
    lines = sorted(_once(found), key=lambda line: (order.index(line.section), line.start))
    passages = tuple(
        Passage(start=turn.start, end=turn.end, confidence=turn.confidence)
        for number, turn in enumerate(turns)
        if number not in clear
    )
    return Outline(clarity=clarity, confidence=_confidence(turns), lines=tuple(lines), passages=passages)


def clarity_of(turns: Sequence[Turn], words: NoteWords) -> Clarity:
    """How well the patient was understood; a call in which he was not heard at all is unclear."""
    spoken = [(turn.end - turn.start, turn.confidence) for turn in turns if turn.channel is Channel.PATIENT]
    whole = sum(seconds for seconds, _ in spoken)
    doubtful = sum(seconds for seconds, confidence in spoken if confidence < words.limits.turn)
    if whole <= 0 or doubtful / whole >= words.limits.unclear_share:
        return Clarity.UNCLEAR
    return Clarity.CLEAR if all(turn.confidence >= words.limits.turn for turn in turns) else Clarity.PARTLY


def _confidence(turns: Sequence[Turn]) -> float:
    spoken = [turn for turn in turns if turn.channel is Channel.PATIENT]
    length = sum(len(turn.text) for turn in spoken)
    return round(sum(turn.confidence * len(turn.text) for turn in spoken) / length, 3) if length else 0.0


def _sentences(turns: Sequence[Turn], clear: set[int], channel: Channel) -> list[Sentence]:
    return [
        sentence
        for number, turn in enumerate(turns)
        if turn.channel is channel and number in clear
        for sentence in sentences_of(turn, number)
    ]


def _once(lines: Sequence[OutlineLine]) -> list[OutlineLine]:
    """A thing said twice is one line, at its first second."""
    first: dict[tuple[NoteSection, str], OutlineLine] = {}
    for line in sorted(lines, key=lambda line: line.start):
        what = line.text.partition("“" if "“" in line.text else '"')[0]
        first.setdefault((line.section, what if line.section in _NAMED else line.quote), line)
    return list(first.values())


def _of_alerts(call: HeardCall, alerts: Sequence[HeardAlert], clear: set[int]) -> Iterator[OutlineLine]:
    for alert in alerts:
        turn = call.turns[alert.turn]
        label = call.word(_LEVELS[alert.level])
        if alert.turn not in clear:
            label += call.word(("(听得不清, 请先听录音)", " (not clearly heard, listen first)"))
        whole = Sentence(
            text=turn.as_written, turn=alert.turn, start=turn.start, end=turn.end, confidence=turn.confidence
        )
        yield line_of(call, NoteSection.RED_FLAG, label, alert.heard, whole)


def _who_was_reached(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.patient:
        if sentence.start > _OPENING_SECONDS:
            return
        text = sentence.lower
        kin = _relation(text, call)
        if kin is not None:
            yield line_of(call, NoteSection.REACHED, call.word(("接听者自述", "Reached")), kin, sentence)
            return
        if any(
            call.said(sentence, *span) is Standing.SAID
            for word in call.words.himself.of(call.language)
            for span in occurrences(word, text, call.language)
        ):
            who = call.word(("本人", "the patient"))
            yield line_of(call, NoteSection.REACHED, call.word(("接听者自述", "Reached")), who, sentence)
            return


def _relation(text: str, call: HeardCall) -> str | None:
    """What somebody calls himself: 我是他女儿, this is her daughter."""
    for kin in call.words.kin.of(call.language):
        said = (
            rf"我(?:就)?是(?:[他她]|患者|病人|您|[^，,。吗]{{0,4}})的?{re.escape(kin)}(?!吗)"
            if call.chinese
            else rf"\b(?:this is|i'm|i am) (?:his|her|the patient's|\w+'s) {re.escape(kin)}\b"
        )
        if re.search(said, text):
            return kin
    return None


def _how_it_goes(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.patient:
        found = _meaning(call.words.condition, sentence, call)
        if found is not None:
            yield line_of(
                call,
                NoteSection.CONDITION,
                call.word(("病情自述", "Condition")),
                found.title.of(call.language),
                sentence,
            )


def _meaning(meanings: Sequence[Meaning], sentence: Sentence, call: HeardCall) -> Meaning | None:
    """What a sentence means by its longest phrase that is plainly said."""
    found: list[tuple[int, Meaning]] = []
    for meaning in meanings:
        for word in meaning.of(call.language):
            for start, end in occurrences(word, sentence.lower, call.language):
                if call.said(sentence, start, end) is Standing.SAID:
                    found.append((len(word), meaning))
    return max(found, key=lambda pair: pair[0])[1] if found else None


_STANDINGS = {
    Standing.SAID: ("症状", "Symptoms"),
    Standing.DENIED: ("否认症状", "Denies"),
    Standing.PAST: ("曾有症状", "Earlier symptoms"),
}


def _symptoms(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.patient:
        by_standing: dict[Standing, list[str]] = {}
        for word, how in _symptoms_in(sentence, call):
            if how in _STANDINGS and not stands_in(word, call):
                by_standing.setdefault(how, []).append(word)
        for how, names in by_standing.items():
            yield line_of(call, NoteSection.SYMPTOM, call.word(_STANDINGS[how]), call.listed(names), sentence)
        if not by_standing:
            yield from _symptoms_asked(sentence, call)


def _symptoms_in(sentence: Sentence, call: HeardCall) -> list[tuple[str, Standing]]:
    """The symptoms of a sentence, longest words first taken, in their order; a denial holds for a list of them."""
    text, taken = sentence.lower, [False] * len(sentence.lower)
    hits: list[tuple[int, int, str, Standing]] = []
    for word in sorted(call.words.symptom.of(call.language), key=len, reverse=True):
        for start, end in occurrences(word, text, call.language):
            if not any(taken[start:end]):
                taken[start:end] = [True] * (end - start)
                hits.append((start, end, word, call.said(sentence, start, end)))
        if call.chinese and len(word) == _TWO:
            hits += [
                (*match.span(), word, Standing.DENIED)
                for match in re.finditer(rf"{word[0]}(?:也|都|就|已经|现在)*不(?:再|怎么)?{word[1]}", text)
                if not any(taken[match.start() : match.end()])
            ]
    hits.sort()
    for place in range(1, len(hits)):
        before, this = hits[place - 1], hits[place]
        if before[3] is Standing.DENIED and text[before[1] : this[0]] == "":
            hits[place] = (*this[:3], Standing.DENIED)
    return list(dict.fromkeys((word, how) for _, _, word, how in hits))


def _symptoms_asked(sentence: Sentence, call: HeardCall) -> Iterator[OutlineLine]:
    """The symptoms that the agent asked about and the patient affirms (one only) or denies (all) with a short reply."""
    question = call.asked_before(sentence)
    if question is None or question.confidence < call.words.limits.turn:
        return
    last = sentences_of(question, sentence.turn - 1)[-1:]
    if not last or not is_question(last[0].lower, call.language):
        return
    reply = reply_of(sentence.lower, call.language, asked=last[0].lower)
    names = [word for word, _ in _symptoms_in(last[0], call) if not stands_in(word, call)]
    if not names or reply is None or (reply is Reply.YES and len(names) > 1):
        return
    how = Standing.SAID if reply is Reply.YES else Standing.DENIED
    label, what = call.word(_STANDINGS[how]), call.listed(names)
    yield answered_line(call, NoteSection.SYMPTOM, f"{label}: {what}", last[0], sentence)


_NOT_MEASURED = (Standing.OF_ANOTHER, Standing.PAST, Standing.SUPPOSED)


def _values(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.patient:
        new = [
            each
            for each in measurements_in(sentence.text, call.language)
            if f"{each.value:g}" not in call.note
            and each.exact
            and call.said(sentence, each.start, each.end) not in _NOT_MEASURED
        ]
        values = [value_in_words(each, sentence.lower, call.language) for each in new]
        values += [
            gain_in_words(gain, call.language)
            for gain in gains_in(sentence.lower, call.language)
            if call.said(sentence, gain.start, gain.end) is Standing.SAID
        ]
        if values:
            yield line_of(call, NoteSection.NUMBER, call.word(("数值", "Values")), call.listed(values), sentence)


def _medicines(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.patient:
        names = _medicines_in(sentence, call)
        intake = _meaning(call.words.intake, sentence, call)
        if intake is None and names and _all_denied(names, sentence, call):
            how: str | None = call.word(("未服", "not taken"))
        else:
            how = intake.title.of(call.language) if intake else None
        plain = [name for name in names if name not in _UNNAMED[call.language]]
        if how is None and not [name for name in plain if not stands_in(name, call)]:
            continue
        if is_question(sentence.lower, call.language) or (not names and not (intake and intake.alone)):
            continue
        what = call.listed(plain)
        if how is not None:
            what = (f"{what}({how})" if call.chinese else f"{what} ({how})") if what else how
        yield line_of(call, NoteSection.MEDICINE, call.word(("用药", "Medicines")), what, sentence)


_UNNAMED = {
    "zh": frozenset({"药", "吃药", "服药"}),
    "en": frozenset({"tablets", "pills", "medicine", "medicines", "medication", "medications"}),
}
"""They tell that a sentence is about medicines, not about which."""


def _medicines_in(sentence: Sentence, call: HeardCall) -> list[str]:
    words = call.words.medicine.of(call.language)
    heard = [word for word in words if holds((word,), sentence.lower, call.language)]
    return [word for word in heard if not any(word != other and word in other for other in heard)]


def _all_denied(names: Sequence[str], sentence: Sentence, call: HeardCall) -> bool:
    return all(
        call.said(sentence, start, end) is Standing.DENIED
        for name in names
        for start, end in occurrences(name, sentence.lower, call.language)
    )


def _questions(call: HeardCall) -> Iterator[OutlineLine]:
    asked = call.words.question
    for sentence in call.patient:
        text = sentence.lower
        if len(text) < _SHORTEST_QUESTION[call.language] or not is_question(text, call.language):
            continue
        if holds(asked.excluded.of(call.language), text, call.language):
            continue
        if not holds(asked.of(call.language), text, call.language):
            continue
        label = call.word(("患者提问", "The patient asked"))
        answer = next((each for each in call.agent if each.turn == sentence.turn + 1), None)
        words = quoted(sentence.text, call)
        text = f"{label}: {words}"
        if answer is None:
            yield made_line(NoteSection.QUESTION, text, sentence)
            continue
        reply = call.word(("答", "Answer"))
        yield made_line(NoteSection.QUESTION, f"{text} {reply}: {quoted(answer.text, call)}", sentence, answer)


def _advice(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in call.agent:
        if is_question(sentence.lower, call.language) or _when(sentence, call) is not None:
            continue
        if holds(call.words.advice.of(call.language), sentence.lower, call.language):
            label = call.word(("医护建议", "Advice given"))
            yield made_line(NoteSection.ADVICE, f"{label}: {quoted(sentence.text, call)}", sentence)


def _appointments(call: HeardCall) -> Iterator[OutlineLine]:
    for sentence in sorted((*call.agent, *call.patient), key=lambda each: each.start):
        when = _when(sentence, call)
        if when is None or (is_question(sentence.lower, call.language) and when == ""):
            continue
        who = call.word(
            ("医护", "agent") if call.turns[sentence.turn].channel is Channel.AGENT else ("患者", "patient")
        )
        label = call.word(("复诊", "Next appointment"))
        words = quoted(sentence.text, call)
        text = f"{label}({who}): {when}。{words}" if call.chinese else f"{label} ({who}): {when}. {words}"
        yield made_line(NoteSection.APPOINTMENT, text, sentence)


def _when(sentence: Sentence, call: HeardCall) -> str | None:
    """The times in a sentence about an appointment, as they were said; None if it is about none or names no time."""
    text = sentence.lower
    if not holds(call.words.appointment.of(call.language), text, call.language):
        return None
    spans = sorted(
        match.span() for pattern in call.words.time.of(call.language) for match in re.finditer(pattern, text)
    )
    if not spans:
        return None
    start, end = spans[0]
    for begin, until in spans[1:]:
        if begin - end > _BETWEEN_TIMES:
            break
        end = max(end, until)
    return sentence.text[start:end].strip()


_BETWEEN_TIMES = 4  # characters, as in "Tuesday at 9 am"
_TWO = 2
_LEVELS = {
    AlertLevel.RED: ("红色警示", "Red alert"),
    AlertLevel.AMBER: ("橙色警示", "Amber alert"),
    AlertLevel.YELLOW: ("黄色警示", "Yellow alert"),
}
_SECTIONS: tuple[Callable[[HeardCall], Iterator[OutlineLine]], ...] = (
    _who_was_reached,
    _how_it_goes,
    _symptoms,
    _values,
    _medicines,
    _questions,
    _advice,
    _appointments,
)
_NAMED = frozenset(
    {NoteSection.RED_FLAG, NoteSection.SYMPTOM, NoteSection.NUMBER, NoteSection.MEDICINE, NoteSection.CONDITION}
)
"""Here the same finding in other words is the same line."""
