"""Names as they are searched and compared: characters, full pinyin and initials, from each character on."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product

_READINGS_OF_A_CHARACTER = 3
_READINGS_OF_A_NAME = 24
_LONG_NAME = 6
"""Of longer names (阿卜杜拉·买买提) each character is read in its usual way only."""

_LACKING: Mapping[str, tuple[str, ...]] = {"𠮷": ("ji",)}
"""Characters of names that pypinyin's tables lack."""

_BEGINNINGS = 12
"""What stands behind that many characters of a name is found with what is before it only."""

_WORDS = re.compile(r"[\W_]+")


def plain_name(name: str) -> str:
    """A name without width, case, blanks and dots, for comparison."""
    return _WORDS.sub("", unicodedata.normalize("NFKC", name).casefold())


def name_sound(name: str) -> str:
    """How a name is usually read: pinyin without tones, blanks and case."""
    return "".join(readings[0] for readings in _units(name))


def name_keys(name: str) -> tuple[str, ...]:
    """What finds a name by its beginning: written, read and in initials, from each of its characters on.

    王小明 is found by 小明, wangxiaoming, xiaoming, wangxm, wxm and xm; 曾国藩 by zeng and by ceng.
    """
    written = _split(name)
    units = _units(name)
    keys = {"".join(written[start:]) for start in range(min(len(written), _BEGINNINGS))}
    if len(units) > _LONG_NAME:
        units = [readings[:1] for readings in units]
    for start in range(min(len(units), _BEGINNINGS)):
        for read in islice(product(*units[start:]), _READINGS_OF_A_NAME):
            keys.add("".join(read))
            keys.update(_shortened(read))
    return tuple(sorted(keys))


def name_query(text: str) -> tuple[tuple[str, ...], ...]:
    """Alternatives, each of beginnings of keys that must all be found; none for a text without letters or digits.

    `wxm` is a beginning; `wei li` finds Li Wei; `王xm` is the character and the initials of all.
    """
    whole = plain_name(text)
    if not whole:
        return ()
    alternatives: list[tuple[str, ...]] = [(whole,)]
    words = _split(text)
    hanzi = "".join(word for word in words if _is_hanzi(word))
    if not hanzi and len(words) > 1:
        alternatives.append(tuple(words))
    if hanzi and hanzi != whole and whole.startswith(hanzi):
        rest = whole.removeprefix(hanzi)
        read = [sorted({sound[0] for sound in _readings(char)}) for char in hanzi]
        alternatives += [(hanzi, "".join(initials) + rest) for initials in islice(product(*read), _READINGS_OF_A_NAME)]
        sounds = islice(product(*(_readings(char) for char in hanzi)), _READINGS_OF_A_NAME)
        alternatives += [(hanzi, "".join(sound) + rest) for sound in sounds]
    return tuple(dict.fromkeys(alternatives))


def _shortened(read: Sequence[str]) -> Iterator[str]:
    """wxm, wangxm; of three and more ouyangxm."""
    initials = "".join(sound[0] for sound in read)
    for whole in range(min(3, len(read) - 1)):
        yield "".join(read[:whole]) + initials[whole:]


def _split(name: str) -> list[str]:
    """Characters one by one, other words whole."""
    parts: list[str] = []
    for word in _WORDS.split(unicodedata.normalize("NFKC", name).casefold()):
        parts += _characters(word)
    return parts


def _characters(word: str) -> Iterator[str]:
    run = ""
    for char in word:
        if _is_hanzi(char):
            if run:
                yield run
            run = ""
            yield char
        else:
            run += char
    if run:
        yield run


def _units(name: str) -> list[Sequence[str]]:
    return [_readings(part) if _is_hanzi(part) else (part,) for part in _split(name)]


def _is_hanzi(part: str) -> bool:
    return len(part) == 1 and ("㐀" <= part <= "鿿" or part == "〇" or "豈" <= part <= "﫿" or ord(part) >= 0x20000)


@cache
def _readings(char: str) -> tuple[str, ...]:
    # Loaded on the first name: its tables are 50 MB, and most processes that open the database never search one.
    from pypinyin import Style, pinyin

    if char in _LACKING:
        return _LACKING[char]
    (found,) = pinyin(char, style=Style.NORMAL, heteronym=True)
    return tuple(_written_otherwise(found[:_READINGS_OF_A_CHARACTER]))


def _written_otherwise(readings: Iterable[str]) -> Iterator[str]:
    """吕 is lv on a keyboard and lyu in a passport."""
    for reading in readings:
        yield reading
        if "v" in reading:
            yield reading.replace("v", "yu")
