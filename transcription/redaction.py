"""Who is spoken of taken out of what was said: names, identity and telephone numbers, addresses, mail addresses.

It errs on the side of hiding: a value lost from a copy is a pity, a number left in it is harm.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from followup.recordings import Turn
from runtime.content.redaction import RedactionSigns
from transcription.languages import language_of_turn
from transcription.spoken_addresses import addresses_in
from transcription.spoken_names import Known, names_in
from transcription.written import written


class Hidden(StrEnum):
    """What was taken out."""

    NAME = "name"
    NUMBER = "number"  # of a telephone, an identity card, a bank card, a file
    ADDRESS = "address"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to hide and where it stands in the text."""

    kind: Hidden
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedTurn:
    """A turn without what identifies, and what of its original text was hidden."""

    turn: Turn
    hidden: tuple[Finding, ...]


_DIGIT = "0-9０-９零〇一二两三四五六七八九幺洞"
_SIGN = r"[\s\-–—.·()（）,，、。…;；!！?？]"
_HESITATION = "嗯|呃|额|啊|哦|哎|那个|然后|接着|后面|前面|就是|再|对|是|um|uh|er|and|then"
_PAUSE = rf"{_SIGN}{{0,3}}(?:(?:{_HESITATION}){_SIGN}{{0,3}}){{0,2}}"
"""Between numerals of one number: whoever tells it takes a breath and says something meanwhile."""
_LONG_NUMBER = re.compile(rf"[+＋]?[{_DIGIT}](?:{_PAUSE}[{_DIGIT}xXＸ叉]){{6,}}", re.IGNORECASE)
"""Seven numerals in a row, in figures or spoken; what was measured is never that long."""
_SAID_NUMBER = re.compile(
    rf"(?:住院号|病历号|病案号|门诊号|就诊卡号?|医保卡号?|身份证号?码?|证件号码?|卡号|工号|微信号|号码)[是为:：\s]*"
    rf"(?P<number>[{_DIGIT}A-Za-z](?:{_PAUSE}[{_DIGIT}A-Za-z]){{2,}})"
)
_DIGIT_WORDS = {
    **dict.fromkeys(("zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), 1),
    **dict.fromkeys(
        (
            "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
            "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
        ),
        2,
    ),
    "double": 1,
    "triple": 2,
    "hundred": 2,
    "thousand": 3,
}  # fmt: skip
_WORD_NUMBER = re.compile(
    rf"\b(?:{'|'.join(sorted(_DIGIT_WORDS, key=len, reverse=True))}|\d+)"
    rf"(?:[\s,.\-();!?…]{{1,3}}(?:(?:um|uh|er|and|then|so|yeah|yes|right|ok|okay|dash)[\s,.\-…]{{1,3}}){{0,3}}"
    rf"(?:{'|'.join(sorted(_DIGIT_WORDS, key=len, reverse=True))}|\d+)\b)+",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 7
_SAID_EN = re.compile(
    r"\b(?:record|file|patient|insurance|policy|account|security|card|passport|id|identity)\s+(?:card\s+)?number\s+(?:is\s+)?"
    r"(?P<number>[A-Za-z]?\d[\dA-Za-z \-]{2,})",
    re.IGNORECASE,
)
_MAIL = re.compile(
    r"[A-Za-z0-9_.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w.]+ at [\w-]+ dot (?:com|net|org|edu|cn|co)\b", re.IGNORECASE
)
_VALUE = r"(?:[1-9]?\d\.\d|[1-9]\d{1,2})"
_VALUES = re.compile(rf"{_VALUE}(?:(?![\-–—.·]){_PAUSE}(?<=[^\d.]){_VALUE}){{1,9}}", re.IGNORECASE)
_VALUE_WORD = re.compile(
    "(?:血压|血糖|心率|脉搏|体温|体重|高压|低压|pressure|sugar|glucose|pulse|heart rate|weight|temperature)"
    "[^。！？.!?]{0,16}$",
    re.IGNORECASE,
)
"""血糖7.8，6.5，9.0，11.2 are a week's values, no number."""

MASKS = {
    "zh": {Hidden.NAME: "[姓名]", Hidden.NUMBER: "[号码]", Hidden.ADDRESS: "[地址]", Hidden.MAIL: "[邮箱]"},
    "en": {Hidden.NAME: "[name]", Hidden.NUMBER: "[number]", Hidden.ADDRESS: "[address]", Hidden.MAIL: "[mail]"},
}
_MASK = re.compile(r"\[(?:姓名|号码|地址|邮箱|name|number|address|mail)\]")

_DIGITS_ONLY = re.compile(
    rf"^(?:(?:{_HESITATION}|好|的|吧|号码|电话|手机|尾号|yes|yeah|ok|okay|right)|[{_DIGIT}xX]|[\W_])*$",
    re.IGNORECASE,
)
_BEGUN = re.compile(
    rf"(?:电话|手机|号码|联系|微信|身份证|证件|卡号|number|phone|mobile|call me)[^{_DIGIT}]{{0,12}}"
    rf"(?P<number>[{_DIGIT}](?:{_PAUSE}[{_DIGIT}])+){_SIGN}*$",
    re.IGNORECASE,
)
"""A turn that ends within a number: the rest comes in the next ones."""
_IN_PIECES_SECONDS = 20.0
_FEWEST_IN_A_PIECE = 2


def findings_in(text: str, language: str, signs: RedactionSigns, known: Known) -> list[Finding]:
    """Everything to hide in a text, in its order; what overlaps is one."""
    found = [
        *(Finding(kind=Hidden.MAIL, start=hit.start(), end=hit.end()) for hit in _MAIL.finditer(text)),
        *(Finding(kind=Hidden.NUMBER, start=start, end=end) for start, end in _numbers_in(text)),
        *(
            Finding(kind=Hidden.ADDRESS, start=start, end=end)
            for start, end in addresses_in(text, language, signs, known.addresses)
        ),
        *(Finding(kind=Hidden.NAME, start=start, end=end) for start, end in names_in(text, language, signs, known)),
    ]
    masks = [hit.span() for hit in _MASK.finditer(text)]
    return _apart(each for each in found if not any(each.start < end and start < each.end for start, end in masks))


def redacted(text: str, language: str, signs: RedactionSigns, known: Known) -> str:
    """The text with a mask in place of everything that identifies; redacting it again changes nothing."""
    while findings := findings_in(text, language, signs, known):
        text = _masked(text, findings, language)
    return text


def redact_turns(
    turns: Sequence[Turn], language: str, signs: RedactionSigns, known: Known, names: Iterable[str] = ()
) -> list[RedactedTurn]:
    """A call's turns without what identifies; a number told in pieces over several turns is hidden in each of them.

    `names` are names of medicines that look like numbers.
    """
    medicines = frozenset(names)
    in_pieces = _told_in_pieces(turns)
    return [
        _redacted_turn(turn, language_of_turn(turn.text, language), signs, known, medicines, whole=number in in_pieces)
        for number, turn in enumerate(turns)
    ]


def _redacted_turn(
    turn: Turn, language: str, signs: RedactionSigns, known: Known, medicines: frozenset[str], *, whole: bool
) -> RedactedTurn:
    if whole:
        findings = [Finding(kind=Hidden.NUMBER, start=0, end=len(turn.text))]
        text = MASKS[language][Hidden.NUMBER]
    else:
        findings = findings_in(turn.text, language, signs, known)
        text = _masked(turn.text, findings, language)
        if findings_in(text, language, signs, known):
            # Something shows only beside a mask: where it stands in the sound nobody knows, so all of the turn goes.
            return _redacted_turn(turn, language, signs, known, medicines, whole=True)
    figures = redacted(written(text, language, medicines), language, signs, known)
    mask = MASKS[language][Hidden.NUMBER]
    if figures.count(mask) > text.count(mask):
        # 一百三十八 一千二百三十四: only as figures it shows that it is a number, and nobody knows where it stands.
        return _redacted_turn(turn, language, signs, known, medicines, whole=True)
    clean = replace(turn, text=text, written=figures if figures != text else "")
    return RedactedTurn(turn=clean, hidden=tuple(findings))


def _told_in_pieces(turns: Sequence[Turn]) -> set[int]:
    """Turns that hold little but numerals and, one after the other, tell a long number; who repeats it tells it too."""
    told: set[int] = set()
    piece: list[int] = []
    for number, turn in enumerate(turns):
        numerals = len(re.findall(f"[{_DIGIT}]", turn.text))
        if not _DIGITS_ONLY.match(turn.text):
            told |= _if_long(piece, turns)
            piece = [number] if _BEGUN.search(turn.text) else []
        elif numerals >= _FEWEST_IN_A_PIECE:
            if piece and turn.start - turns[piece[-1]].end > _IN_PIECES_SECONDS:
                told |= _if_long(piece, turns)
                piece = []
            piece.append(number)
    return told | _if_long(piece, turns)


def _if_long(piece: Sequence[int], turns: Sequence[Turn]) -> set[int]:
    numerals = sum(len(re.findall(f"[{_DIGIT}]", _of_the_number(turns[number].text))) for number in piece)
    return set(piece) if len(piece) > 1 and numerals >= _FEWEST_DIGITS else set()


def _of_the_number(text: str) -> str:
    begun = _BEGUN.search(text)
    return begun["number"] if begun else text


def _numbers_in(text: str) -> Iterator[tuple[int, int]]:
    for hit in _LONG_NUMBER.finditer(text):
        if not _is_values(hit):
            yield hit.span()
    for hit in (*_SAID_NUMBER.finditer(text), *_SAID_EN.finditer(text)):
        yield hit.span("number")
    for hit in _WORD_NUMBER.finditer(text):
        words = re.findall(r"[a-z]+|\d+", hit.group().lower())
        digits = sum(_DIGIT_WORDS.get(word, len(word)) for word in words)
        if digits >= _FEWEST_DIGITS and not _is_values(hit):
            yield hit.span()


def _is_values(hit: re.Match[str]) -> bool:
    measured = _VALUES.fullmatch(hit.group()) is not None
    return measured and _VALUE_WORD.search(hit.string[: hit.start()]) is not None


def _apart(found: Iterable[Finding]) -> list[Finding]:
    """In order, those that overlap as one of the kind of the longest."""
    apart: list[Finding] = []
    for each in sorted(found, key=lambda each: (each.start, -each.end)):
        if apart and each.start < apart[-1].end:
            last = apart[-1]
            longer = max(last, each, key=lambda one: one.end - one.start)
            apart[-1] = Finding(kind=longer.kind, start=last.start, end=max(last.end, each.end))
        else:
            apart.append(each)
    return apart


def _masked(text: str, findings: Sequence[Finding], language: str) -> str:
    for each in reversed(findings):
        text = text[: each.start] + MASKS[language][each.kind] + text[each.end :]
    return text
