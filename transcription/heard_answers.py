"""Answers to a form's questions heard in a call: the agent asks, the patient answers. What is not plain is left out.

They are proposals: a person accepts them, and the answer is written as one that was typed in.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from pypinyin import lazy_pinyin
from rapidfuzz import fuzz

from care.forms import AnswerRefusedError, Answers, AnswerValue, Form, FormItem, ItemType, enabled_items, fitting
from followup.recordings import Channel, Turn
from transcription.measurements import Measurement, Quantity, measurements_in
from transcription.question_phrases import Question, QuestionPhrases
from transcription.replied_numbers import as_measured, numbers_in
from transcription.statements import Reply, Sentence, Standing, asks, is_question, reply_of, sentences_of, standing

_ANSWER_WITHIN = 30.0
"""So many seconds after a question its answer may begin."""
_AMBIGUOUS = 6.0
_READ_OUT = 90.0
_SHORTEST_ALIKE = 4
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHeard:
    """An answer that could be proposed: the question, its value, and the words it was heard in."""

    link_id: str
    value: AnswerValue
    quote: str
    asked: str
    turns: tuple[int, ...]
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """A question of the agent, and what the patient says until the next one."""

    question: Sentence
    is_last: bool  # of its turn: a bare yes or no answers the last question only
    replies: Sequence[Sentence]
    is_direct: bool  # the patient spoke next: 好的 behind "one moment, please" answers that
    by_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    value: AnswerValue
    sentence: Sentence


def answers_heard(
    turns: Sequence[Turn],
    form: Form,
    answers: Answers,
    phrases: QuestionPhrases,
    language: str,
    *,
    at_least: float,
    by_relative: bool = False,
) -> list[AnswerHeard]:
    """What the patient answered to questions that stand open or were answered otherwise, in order of the call.

    Turns in which the engine was surer than `at_least` count. A question asked twice with different answers, or one
    that sounds like two of the form's, has none. `by_relative`: only what relatives may answer.
    """
    heard: dict[str, AnswerHeard] = {}
    doubtful: set[str] = set()
    wordings = [item.text[language] for item in form.questions()]
    for exchange in _exchanges(turns, wordings, language, at_least, by_relative):
        known = {**answers, **{link_id: one.value for link_id, one in heard.items()}}
        asked = [item for item in enabled_items(form, known) if item.for_proxies or not by_relative]
        item = _asked(exchange.question, asked, form, phrases, language)
        if item is None:
            continue
        found = _answer(exchange, item, phrases.of(form.id, item.link_id), language)
        if found is None:
            continue
        made = _made(item, found, exchange.question)
        before = heard.get(item.link_id)
        if before is not None and before.value != made.value:
            doubtful.add(item.link_id)
        heard.setdefault(item.link_id, made)
        if phrases.of(form.id, item.link_id).quantity is Quantity.SYSTOLIC:
            heard |= {one.link_id: one for one in _other_of_pair(exchange, asked, form, phrases, language, heard)}
    for made in _told_unasked(turns, form, answers, phrases, language, at_least):
        if made.link_id not in heard:
            heard[made.link_id] = made
    return [
        one
        for link_id, one in sorted(heard.items(), key=lambda pair: (pair[1].start, pair[0]))
        if link_id not in doubtful and not _is_same(answers.get(link_id), one.value)
    ]


def _other_of_pair(
    exchange: _Exchange,
    items: Sequence[FormItem],
    form: Form,
    phrases: QuestionPhrases,
    language: str,
    heard: Mapping[str, AnswerHeard],
) -> Iterator[AnswerHeard]:
    """The lower number of a pressure, told in one breath with the upper one."""
    for item in items:
        if phrases.of(form.id, item.link_id).quantity is not Quantity.DIASTOLIC or item.link_id in heard:
            continue
        for sentence in exchange.replies[:3]:
            found = _measured(Quantity.DIASTOLIC, sentence, language, exchange.by_relative)
            lower = [each.value for each in found if each.exact]
            if len(found) == len(lower) == 1:
                yield _made(item, _Value(value=int(lower[0]), sentence=sentence), exchange.question)
                return


def _is_same(given: AnswerValue | None, heard: AnswerValue) -> bool:
    return given == heard and isinstance(given, bool) is isinstance(heard, bool)


def _exchanges(
    turns: Sequence[Turn], wordings: Sequence[str], language: str, at_least: float, by_relative: bool
) -> Iterator[_Exchange]:
    said = [
        (turn.channel, sentence)
        for number, turn in enumerate(turns)
        if turn.confidence >= at_least
        for sentence in sentences_of(turn, number)
    ]
    questions = [
        place
        for place, (channel, sentence) in enumerate(said)
        if channel is Channel.AGENT
        and (asks(sentence.lower, language) or _is_read_out(sentence.text, wordings, language))
    ]
    for order, place in enumerate(questions):
        question = said[place][1]
        until = questions[order + 1] if order + 1 < len(questions) else len(said)
        # Two questions in one breath are answered together.
        if until < len(said) and said[until][1].turn == question.turn:
            later = [each for each in questions[order + 1 :] if said[each][1].turn != question.turn]
            until, is_last = (later[0] if later else len(said)), False
        else:
            is_last = True
        replies = [
            sentence
            for channel, sentence in said[place + 1 : until]
            if channel is Channel.PATIENT and sentence.start - question.end <= _ANSWER_WITHIN
        ]
        if replies:
            yield _Exchange(
                question=question,
                is_last=is_last,
                replies=replies,
                is_direct=said[place + 1][0] is Channel.PATIENT,
                by_relative=by_relative,
            )


def _is_read_out(text: str, wordings: Sequence[str], language: str) -> bool:
    """Whether a sentence is one of the form's, which are not all questions: "总体满意度"."""
    said = _sound(text, language)
    return any(fuzz.ratio(_sound(wording, language), said) >= _READ_OUT for wording in wordings)


def _asked(
    question: Sentence, items: Sequence[FormItem], form: Form, phrases: QuestionPhrases, language: str
) -> FormItem | None:
    """The one item that a sentence asks: by its longest phrase, else by likeness to the form's wording."""
    by_phrase = [
        (len(match.group()), item)
        for item in items
        if (match := phrases.of(form.id, item.link_id).asked.found_in(question.lower, language)) is not None
    ]
    if by_phrase:
        longest = max(length for length, _ in by_phrase)
        best = [item for length, item in by_phrase if length == longest]
        return best[0] if len(best) == 1 else None
    alike = sorted(
        ((_likeness(item.text[language], question.text, language), item.link_id, item) for item in items), reverse=True
    )
    if not alike or alike[0][0] < phrases.likeness:
        return None
    if len(alike) > 1 and alike[0][0] - alike[1][0] < _AMBIGUOUS:
        return None
    return alike[0][2]


def _likeness(wording: str, said: str, language: str) -> float:
    ours, theirs = _sound(wording, language), _sound(said, language)
    if len(theirs) < _SHORTEST_ALIKE:
        return 0.0
    # What is much shorter than the form's wording is in it by chance.
    longer = len(theirs) >= 0.7 * len(ours)
    return float((fuzz.partial_ratio if longer else fuzz.ratio)(ours, theirs))


@lru_cache(maxsize=2048)
def _sound(text: str, language: str) -> tuple[str, ...]:
    """Syllables without tones, or English words: models write homophones."""
    plain = re.sub(r"[^\w\s]", " ", text.lower())
    return tuple(part for part in (lazy_pinyin(plain) if language == "zh" else plain.split()) if part.strip())


def _answer(exchange: _Exchange, item: FormItem, question: Question, language: str) -> _Value | None:
    match item.type:
        case ItemType.BOOLEAN:
            found = _yes_or_no(exchange, item, question, language)
        case ItemType.INTEGER | ItemType.DECIMAL:
            found = _number(exchange, question, language)
        case ItemType.CHOICE:
            found = _choice(exchange, item, question, language)
        case ItemType.TEXT if question.words:
            found = _own_words(exchange, question, language)
        case _:
            found = None
    if found is None:
        return None
    try:
        return _Value(value=fitting(item, found.value), sentence=found.sentence)
    except AnswerRefusedError:
        return None


_OPEN_CHOICE = re.compile(r"有没有|是不是|会不会|能不能|要不要|可不可以|(.)不\1")
_NEGATED = {"zh": re.compile(r"[没不]"), "en": re.compile(r"\bnot\b|n't\b|\bnever\b")}


def _yes_or_no(exchange: _Exchange, item: FormItem, question: Question, language: str) -> _Value | None:
    for sentence in exchange.replies[:2]:
        no = question.denied.found_in(sentence.lower, language)
        yes = question.affirmed.found_in(sentence.lower, language)
        if yes and _stands(sentence.lower, *yes.span(), language) in (Standing.DENIED, Standing.ASKED):
            yes = None
        if no and _stands(sentence.lower, *no.span(), language) is Standing.ASKED:
            no = None
        if no and yes:
            lengths = len(no.group()), len(yes.group())
            return None if lengths[0] == lengths[1] else _Value(value=lengths[1] > lengths[0], sentence=sentence)
        if yes and reply_of(sentence.lower, language) is Reply.NO:
            return None
        if no or yes:
            return _Value(value=yes is not None, sentence=sentence)
        if is_question(sentence.lower, language):
            continue  # 拿到了吗? repeats the question, 不是, 我想问一下... puts another
        if not exchange.is_last or not exchange.is_direct or _is_turned_round(exchange.question, item, language):
            return None
        reply = reply_of(sentence.lower, language, asked=exchange.question.lower)
        if reply is Reply.YES and _asks_more(exchange.question, item, language):
            return None
        if reply is not None:
            return _Value(value=reply is Reply.YES, sentence=sentence)
    return None


def _stands(text: str, start: int, end: int, language: str, *, by_relative: bool = False) -> Standing:
    """How words of a reply stand; a denial in it does not reach over a comma: 没有红肿, 挺干净的."""
    opens = max(text.rfind(mark, 0, start) for mark in ",，") + 1
    return standing(text[opens:], start - opens, end - opens, language, by_relative=by_relative)


_ALTERNATIVES = {"zh": re.compile("[、或]|还是"), "en": re.compile(r",|\bor\b")}


def _asks_more(question: Sentence, item: FormItem, language: str) -> bool:
    """Whether the agent asked about several things and the form about fewer: a yes is to whichever of them."""
    asked, ours = (len(_ALTERNATIVES[language].findall(text)) for text in (question.lower, item.text[language]))
    return asked > ours


def _is_turned_round(question: Sentence, item: FormItem, language: str) -> bool:
    """Whether the agent asked the question in the negative and the form does not: yes and no change places."""
    asked, ours = (_OPEN_CHOICE.sub("", text) for text in (question.lower, item.text[language].lower()))
    return bool(_NEGATED[language].search(asked)) and not _NEGATED[language].search(ours)


_PAIR = (Quantity.SYSTOLIC, Quantity.DIASTOLIC)
_PRESSURE = {"zh": "血压", "en": "pressure "}


def _measured(quantity: Quantity, sentence: Sentence, language: str, by_relative: bool) -> list[Measurement]:
    """The values in a reply that are the patient's and of now."""
    # Who was asked for the pressure says two numbers and no word.
    before = _PRESSURE[language] if quantity in _PAIR else ""
    return [
        each
        for each in measurements_in(before + sentence.text, language)
        if each.quantity is quantity
        and standing(before + sentence.lower, each.start, each.end, language, by_relative=by_relative)
        not in (Standing.OF_ANOTHER, Standing.PAST, Standing.SUPPOSED)
    ]


def _number(exchange: _Exchange, question: Question, language: str) -> _Value | None:
    for sentence in exchange.replies[:3]:
        if question.quantity is not None:
            found = _measured(question.quantity, sentence, language, exchange.by_relative)
            values = {each.value for each in found}
            if len(values) > 1 or not all(each.exact for each in found):
                return None
            if values:
                return _Value(value=values.pop(), sentence=sentence)
        if question.zero.found_in(sentence.lower, language):
            return _Value(value=0, sentence=sentence)
        if not exchange.is_last and question.count is None:
            continue
        if _is_not_his(sentence, language, exchange.by_relative):
            return None
        numbers = numbers_in(sentence.lower, question, language)
        if len(numbers) > 1:
            return None
        if numbers:
            value = as_measured(numbers[0], question.quantity, reply=sentence.lower, asked=exchange.question.lower)
            return None if value is None else _Value(value=value, sentence=sentence)
        if question.count is not None and sentence is exchange.replies[0] and exchange.is_last:
            reply = reply_of(sentence.lower, language, asked=exchange.question.lower)
            if reply is Reply.NO and (question.zero.zh or question.zero.en):
                return _Value(value=0, sentence=sentence)
    return None


_SAYS_A_NUMBER = re.compile(r"[\d零一二两三四五六七八九十百]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\b")


def _is_not_his(sentence: Sentence, language: str, by_relative: bool) -> bool:
    """Whether the number that a sentence begins with is told of somebody else, or of years ago."""
    first = _SAYS_A_NUMBER.search(sentence.lower)
    if first is None:
        return False
    how = standing(sentence.lower, first.start(), first.end(), language, by_relative=by_relative)
    return how in (Standing.OF_ANOTHER, Standing.PAST, Standing.SUPPOSED)


def _choice(exchange: _Exchange, item: FormItem, question: Question, language: str) -> _Value | None:
    for sentence in exchange.replies[:3]:
        found: list[tuple[int, int, str]] = []
        for option in item.options:
            wording = re.escape(option.text[language].lower())
            pattern = wording if language == "zh" else rf"\b{wording}\b"
            spans = [match.span() for match in re.finditer(pattern, sentence.lower)] if len(wording) > 1 else []
            if option.value in question.options:
                match = question.options[option.value].found_in(sentence.lower, language)
                spans += [match.span()] if match else []
            found += [
                (start, end, option.value)
                for start, end in spans
                if _stands(sentence.lower, start, end, language, by_relative=exchange.by_relative) is Standing.SAID
            ]
        # 很不满意 holds 不满意, which holds 满意: the longest counts.
        whole = [
            (start, end, value)
            for start, end, value in found
            if not any(a <= start and end <= b and (b - a) > (end - start) for a, b, _ in found)
        ]
        values = {value for _, _, value in whole}
        if len(values) == 1:
            return _Value(value=values.pop(), sentence=sentence)
        if values:
            return None
    return None


def _own_words(exchange: _Exchange, question: Question, language: str) -> _Value | None:
    """The patient's words, unless they are a bare no or yes, or answer something else."""
    first = exchange.replies[0]
    reply = reply_of(first.lower, language, asked=exchange.question.lower)
    if reply is Reply.NO or question.unless.found_in(first.lower, language):
        return None
    same_turn = list(takewhile(lambda each: each.turn == first.turn, exchange.replies))
    words = "".join(each.text for each in same_turn) if language == "zh" else " ".join(each.text for each in same_turn)
    shortest = 3 if reply is None else 5
    if len(words.strip("。.,，!！ ")) < shortest:
        return None
    return _Value(value=words[:_LONGEST_WORDS], sentence=first)


def _told_unasked(
    turns: Sequence[Turn], form: Form, answers: Answers, phrases: QuestionPhrases, language: str, at_least: float
) -> Iterator[AnswerHeard]:
    """Measurements that the patient tells without being asked, if there is one value of each only."""
    sentences = [
        sentence
        for number, turn in enumerate(turns)
        if turn.channel is Channel.PATIENT and turn.confidence >= at_least
        for sentence in sentences_of(turn, number)
    ]
    for item in enabled_items(form, answers):
        quantity = phrases.of(form.id, item.link_id).quantity
        if quantity is None:
            continue
        found = [
            (measured.value, sentence)
            for sentence in sentences
            for measured in measurements_in(sentence.text, language)
            if measured.quantity is quantity
            and measured.exact
            and standing(sentence.lower, measured.start, measured.end, language) in (Standing.SAID, Standing.DENIED)
        ]
        if len({value for value, _ in found}) != 1:
            continue
        try:
            value = fitting(item, found[0][0])
        except AnswerRefusedError:
            continue
        yield _made(item, _Value(value=value, sentence=found[0][1]), None)


def _made(item: FormItem, found: _Value, question: Sentence | None) -> AnswerHeard:
    sentences = [found.sentence] if question is None else [question, found.sentence]
    return AnswerHeard(
        link_id=item.link_id,
        value=found.value,
        quote=found.sentence.text,
        asked=question.text if question else "",
        turns=tuple(dict.fromkeys(sentence.turn for sentence in sentences)),
        start=sentences[0].start,
        end=found.sentence.end,
        confidence=round(min(sentence.confidence for sentence in sentences), 3),
    )
