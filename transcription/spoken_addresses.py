"""Addresses in what is said: a street with a number, what follows "I live at", a province with its district."""

import re
from collections.abc import Iterator
from functools import lru_cache

from runtime.content.redaction import ChineseSigns, EnglishSigns, RedactionSigns

Span = tuple[int, int]

_HAN = "一-鿿"
_COUNT = "[0-9零〇一二两三四五六七八九十百]+"
_BUILDING = "(?:号楼|号院|号|弄|栋|幢|座|单元|楼|层|室|房|门|组|队|排)"
_NUMBER_WORD = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy"
    "|eighty|ninety|hundred|oh|zero"
)
_LONGEST_AFTER_CUE = 30


def addresses_in(text: str, language: str, signs: RedactionSigns, known: tuple[str, ...]) -> Iterator[Span]:
    """Where addresses stand; one place may come twice."""
    for address in known:
        for hit in re.finditer(re.escape(address), text, re.IGNORECASE):
            yield hit.span()
    patterns = _chinese_patterns(signs.zh) if language == "zh" else _english_patterns(signs.en)
    for pattern in patterns:
        for hit in pattern.finditer(text):
            yield hit.span("address")


@lru_cache(maxsize=2)
def _chinese_patterns(signs: ChineseSigns) -> tuple[re.Pattern[str], ...]:
    word = "[^\\W\\da-zA-Z在到是住的了我你他她家有走过去从和]"  # a character that may stand in the name of a place
    place = f"{word}{{1,8}}?(?:{'|'.join(signs.places)})"
    numbered = f"(?:{_COUNT}{_BUILDING})"
    province = f"(?:{'|'.join(signs.provinces)})(?:省|市|自治区|特别行政区)?"
    told = (
        rf"(?!院|了|过|得|进|医院|这|那|家里|一起|一楼)[{_HAN}\dA-Za-z]{{0,{_LONGEST_AFTER_CUE}}}?"
        rf"(?:{'|'.join(signs.places)}|[市县区州]|{numbered})"
    )
    area = f"{word}{{1,4}}?(?:市|区|县|旗|州)"
    return tuple(
        re.compile(pattern)
        for pattern in (
            rf"(?P<address>(?:{province})?(?:{area}){{0,3}}(?:{place}){{1,3}}{numbered}+(?:{_COUNT})?)",
            rf"(?P<address>{province}(?:{area}){{1,3}}(?:{place})*{numbered}*)",
            rf"(?P<address>{_COUNT}(?:号楼|栋|幢)(?:{_COUNT}{_BUILDING})+(?:{_COUNT})?)",
            rf"(?:{'|'.join(signs.address_cues)})[是:：]?(?P<address>{told}(?:{numbered}|{place}|{area})*)",
        )
    )


@lru_cache(maxsize=2)
def _english_patterns(signs: EnglishSigns) -> tuple[re.Pattern[str], ...]:
    number = rf"(?:\d+[A-Za-z]?|(?:(?:{_NUMBER_WORD})[ -]){{0,5}}(?:{_NUMBER_WORD}))"
    street = rf"(?:[\w'’]+ ){{1,3}}?(?:{'|'.join(signs.streets)})"
    flat = r"(?:,? (?:apartment|apt|flat|unit|suite|room|number)\.? (?:\d+\w*|[A-Z]|\w+))"
    town = r"(?:,? (?:in )?[A-Z][a-z]+(?: [A-Z][a-z]+)?)"
    return (
        re.compile(rf"\b(?P<address>{number},? (?i:{street})\b(?:(?i:{flat}))?{town}{{0,3}}(?:,? \d{{5}})?)"),
        re.compile(rf"\b(?i:{'|'.join(signs.address_cues)}) (?P<address>[^.!?;]{{3,60}})"),
        re.compile(r"\b(?P<address>[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b"),
    )
