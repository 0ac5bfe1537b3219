"""Spoken Chinese numbers as they are written down: 一百四十 → 140, 三十八度五 → 38.5℃, 百分之九十五 → 95%.

Each rule is one substitution; what only looks like a number (三七, 万一, 两三天, a medicine's name) is put aside first.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache

from transcription.number_rules import Rule, written_by

_ONES = "一二三四五六七八九"
_D = f"[{_ONES}两]"
_DIGITS = f"零〇{_ONES}两幺"
_ANY = f"{_DIGITS}十百千万点"
_U = f"[{_ONES}](?![十百千])"
_TENS = f"(?:[{_ONES}]?十(?:{_U})?)"
_HUNDREDS = f"(?:{_D}百(?:零{_U}|{_TENS}|{_U})?)"
_THOUSANDS = f"(?:{_D}千(?:零(?:{_TENS}|{_U})|{_HUNDREDS}|{_U})?)"
_SMALL = f"(?:{_THOUSANDS}|{_HUNDREDS}|{_TENS})"
_INTEGER = f"(?>(?:{_SMALL}|{_D})万(?:零?{_SMALL}|零?{_U})?|{_SMALL})"
_DECIMAL = rf"(?:{_INTEGER}|[{_DIGITS}]|\d+)点[{_DIGITS}]+(?![{_ANY}分刻])"
_NUMBER = rf"(?:{_DECIMAL}|{_INTEGER}|[{_DIGITS}]+|\d+(?:\.\d+)?)"

_NOT_NUMBERS = (
    "千万别", "千万不", "千万要", "万一", "百分之百", "百分百", "一一", "七七八八", "乱七八糟", "三三两两", "十有八九",
    "八九不离十", "七上八下", "一五一十", "三番五次", "十二指肠", "一点一点", "一点半点",
)  # fmt: skip
"""Words of the language; the names of medicines come from content."""

_PAIR = "(?:一二|两三|二三|三四|四五|五六|六七|七八|八九)"
_ABOUT = rf"(?<![{_ANY}\d])(?:{_D}千)?(?:{_D}百)?(?:[{_ONES}]?十)?{_PAIR}(?![{_DIGITS}]|点[{_DIGITS}])[十百千万]*"
"""Two neighbors mean "about": 三四天 is three or four days, never 34, and 一百二三十 is no number either."""

_UNITS = {
    "毫米汞柱": "mmHg", "毫摩尔每升": "mmol/L", "毫摩尔": "mmol/L", "毫克": "mg", "微克": "μg", "克": "g", "毫升": "ml",
    "升": "L", "公斤": "kg", "千克": "kg", "厘米": "cm", "公分": "cm", "毫米": "mm", "国际单位": "IU",
}  # fmt: skip
_UNIT = "毫米汞柱|毫摩尔每升|毫摩尔|毫克|微克|毫升|公斤|千克|厘米|公分|毫米|国际单位|升(?![高到至上降])|克(?![服制])"
_DOSE = "片|粒|颗|丸|支|滴|包|袋|瓶|贴|勺|喷|揿|针|剂|枚"
_COUNTED = (
    rf"{_UNIT}|{_DOSE}|个?单位|斤|大卡|千卡|米|个小时|个钟头|个月|个疗程|个星期|个礼拜|小时|分钟|秒钟?|天|日|周|年|岁|次|遍|顿"
    "|号|楼|层|床|级|步|块|元|月(?!经)"
)
_COUNTED_ONCE = rf"{_UNIT}|{_DOSE}|个?单位|个小时|个月|个疗程|个星期|小时|分钟|次|号|楼|层|床|级|月份"
"""What 一 is a figure with; 一天, 一年 and the like are as often words as numbers."""
_HALVED = "片|粒|颗|支|袋|包|瓶|勺|斤|天|年|周|小时"

_DAY_PART = "(?:凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜|今早|今晚|昨晚|明早|明晚)"
_HOUR = rf"(?:[二]?十[{_ONES}]?|[{_ONES}两零]|\d{{1,2}})"
_MINUTE = rf"(?:[{_ONES}]?十{_U}|[{_ONES}]?十|\d{{2}}|[零{_ONES}]?[{_ONES}](?=分)|\d(?=分))"

_COUNT = rf"(?:{_INTEGER}|{_D}|\d+)"
_DEGREES = (
    rf"(?P<whole>{_DECIMAL}|\d+\.\d+|(?P<even>{_INTEGER}|[{_DIGITS}]|\d+))(?P<celsius>摄氏)?度"
    rf"(?(even)(?P<tenths>半(?!天)|[零{_ONES}](?![{_ANY}\d个天次])|\d(?!\d))?)"
)
_PAST_HOUR = rf"(?:(?P<half>半)|(?P<quarters>[一三13])刻钟?|(?P<minute>{_MINUTE})(?:分(?![之钟])|(?![{_ANY}\d分])))"
_ZERO_MINUTES = f"(?P<half>(?!))?(?P<quarters>(?!))?(?P<minute>零[{_ONES}])"

_MEASURED = (
    "(?:高压|低压|收缩压|舒张压|血糖|体温|心率|心跳|脉搏|血氧|饱和度)(?:是|有|大概|大约|差不多|在|就|才|[,，、 ]){0,3}"
)
_FEVER = re.compile(r"(?:体温|温度|发烧|发热|低烧|高烧|烧到|烧)[^。！？\d]{0,8}$")
_BODY_HEAT = (34.0, 43.0)
_PRESSURE = re.compile(r"血压[^。！？]{0,16}$")


def written_chinese(text: str, names: Collection[str] = ()) -> str:
    """The text with its numbers in figures and their units as signs; writing that again changes nothing."""
    return written_by([(_kept(frozenset(names)), None), *_RULES], text)


@lru_cache(maxsize=4)
def _kept(names: frozenset[str]) -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    others = rf"(?<![{_ANY}\d])(?:{'|'.join(_NOT_NUMBERS)})(?![{_DIGITS}])"
    return re.compile(f"{words}|{others}" if words else others)


def _figures(spoken: str) -> str:
    whole, point, fraction = spoken.partition("点")
    if point:
        return f"{_figures(whole)}.{_digits(fraction)}"
    return str(_value(whole)) if re.search("[十百千万]", whole) else _digits(whole)


def _value(spoken: str) -> int:
    """A number with its units; a last digit without one is of the next lower (一百四 is 140)."""
    total = section = digit = 0
    unit = 10
    for each in spoken:
        if each == "万":
            total, section, digit, unit = (section + digit) * 10_000, 0, 0, 10_000
        elif each in _POWERS:
            unit = _POWERS[each]
            section, digit = section + (digit or 1) * unit, 0
        else:
            digit = int(_digits(each))
            unit = unit if digit else 10
    return total + section + digit * unit // 10


_POWERS = {"十": 10, "百": 100, "千": 1000}
_TO_DIGITS = str.maketrans("零〇一二三四五六七八九两幺洞", "00123456789210")


def _digits(spoken: str) -> str:
    return spoken.translate(_TO_DIGITS)


def _number(found: re.Match[str]) -> str:
    return _figures(found.group())


def _read_out(found: re.Match[str]) -> str:
    return _digits(found.group())


def _percent(found: re.Match[str]) -> str:
    sign = "%" if found["of"] == "百" else "‰"
    until = f"{found['and']}{_figures(found['until'])}{sign}" if found["until"] else ""
    return f"{_figures(found['part'])}{sign}{until}"


def _fraction(found: re.Match[str]) -> str:
    return f"{_figures(found['part'])}/{_figures(found['of'])}"


def _degrees(found: re.Match[str]) -> str:
    value, tenths = _figures(found["whole"]), found["tenths"]
    if tenths:
        value += ".5" if tenths == "半" else f".{_digits(tenths)}"
    told = found["celsius"] or "." in value or _FEVER.search(found.string[: found.start()])
    warm = found["celsius"] or _BODY_HEAT[0] <= float(value) <= _BODY_HEAT[1]
    return f"{value}{'℃' if told and warm else '度'}"


def _date(found: re.Match[str]) -> str:
    return f"{_figures(found['month'])}月{_figures(found['day'])}{found['what']}"


def _time(found: re.Match[str]) -> str:
    hour = int(_figures(found["hour"]))
    if found["half"]:
        minute = 30
    elif found["quarters"]:
        minute = 45 if found["quarters"] in "三3" else 15
    else:
        minute = int(_figures(found["minute"]))
    return f"{found['part'] or ''}{hour}:{minute:02}" if hour <= 24 and minute < 60 else found.group()


def _hour(found: re.Match[str]) -> str:
    return f"{found['part'] or ''}{_figures(found['hour'])}{found['what']}"


def _counted(found: re.Match[str]) -> str:
    return f"{_figures(found['number'])}{found['what']}"


def _and_a_half(found: re.Match[str]) -> str:
    return f"{_figures(found['number'])}.5{found['each']}{found['what']}"


def _tall(found: re.Match[str]) -> str:
    return f"{_digits(found['meters'])}.{_digits(found['more'])}米"


def _sign(found: re.Match[str]) -> str:
    return _UNITS[found.group()]


def _two_numbers(found: re.Match[str]) -> str:
    return f"{_figures(found['number'])}，"


def _pressure(found: re.Match[str]) -> str:
    high, low = int(found["high"]), int(found["low"])
    if not (80 <= high <= 260 and 30 <= low <= high - 15):
        return found.group()
    if found["by"] not in ("到", "比", "杠") and not _PRESSURE.search(found.string[: found.start()]):
        return found.group()
    return f"{high}/{low}"


_ABOUTS = re.compile(_ABOUT)
_READINGS = re.compile(rf"(?P<what>{_MEASURED})(?P<digits>[{_ONES}]{{2}}(?![{_ANY}])|[零{_ONES}](?=[,，.。、！？ ]|$))")
"""低压八五 is 85 there, though nowhere else."""

_FREE = rf"(?<![{_ANY}\d.])"  # not inside another number
_ALONE = rf"(?<![第几{_ANY}\d.])"  # nor behind a word that makes a place in a row of it
_NEVER = "(?!)"

_Rule = tuple[str, Callable[[re.Match[str]], str]]
_SPOKEN: tuple[_Rule, ...] = (
    (rf"(?P<of>[百千])分之(?P<part>{_NUMBER})(?:(?P<and>[到至])(?:[百千]分之)?(?P<until>{_NUMBER}))?", _percent),
    (rf"(?<![{_ANY}])(?P<of>{_INTEGER}|{_D}|\d+)分之(?P<part>{_INTEGER}|{_D}|\d+)", _fraction),
    (r"(?P<whole>\d)点(?P<tenths>\d)(?![\d十分刻])", lambda found: f"{found['whole']}.{found['tenths']}"),
    (rf"{_FREE}(?![一两]度){_DEGREES}", _degrees),
    (rf"(?<![{_ANY}])(?P<number>[零〇{_ONES}]{{4}}|[零〇][零〇{_ONES}])(?P<what>年)", _counted),
    (rf"(?<![{_ANY}])(?P<month>十[一二]?|[{_ONES}]|\d+)月(?P<day>{_TENS}|[{_ONES}]|\d+)(?P<what>[号日])", _date),
    (rf"{_FREE}(?P<part>{_NEVER})?(?P<hour>{_HOUR})点钟?{_PAST_HOUR}", _time),
    (rf"(?P<part>{_DAY_PART})(?P<hour>{_HOUR})点{_ZERO_MINUTES}(?![{_ANY}])", _time),
    (rf"(?P<part>{_DAY_PART})(?P<hour>{_HOUR})(?P<what>点)(?![{_DIGITS}\d])", _hour),
    (rf"(?<![{_ANY}])(?P<part>{_NEVER})?(?P<hour>{_HOUR})(?P<what>点钟)", _hour),
    (rf"(?<![{_ANY}\d]){_DECIMAL}", _number),
    (rf"{_ALONE}(?P<number>{_COUNT})(?P<each>)(?P<what>{_HALVED})半(?!夜|天)", _and_a_half),
    (rf"{_ALONE}(?P<number>{_COUNT})(?P<each>个)半(?P<what>小时|钟头|月)", _and_a_half),
    ("半(?=[片粒颗支袋包])", lambda _: "0.5"),
    (rf"(?<![{_ANY}\d])(?P<number>{_INTEGER})(?={_INTEGER}(?![{_ANY}]))", _two_numbers),
    (rf"(?<![{_ANY}\d])(?!十(?!{_U}|[,，.。、！？ ]|$)){_INTEGER}(?![{_ANY}])", _number),
    (rf"(?<![{_ANY}])(?:[零〇{_ONES}幺洞]{{4,}}|[零〇{_ONES}幺]{{3}})(?![{_ANY}])", _read_out),
    (rf"(?P<meters>{_D})米(?P<more>[{_DIGITS}]{{1,2}})(?![{_ANY}])", _tall),
    (rf"{_ALONE}(?P<number>[二两三四五六七八九十])(?P<what>{_COUNTED})", _counted),
    (rf"{_ALONE}(?P<number>一)(?P<what>{_COUNTED_ONCE})", _counted),
    (rf"(?<=\d)(?:{_UNIT})", _sign),
    (r"(?<![\d./:])(?P<high>\d{2,3})(?P<by>到|至|比|杠|[,，、 ])(?P<low>\d{2,3})(?![\d.%℃片岁年天:/])", _pressure),
)
_RULES: list[Rule] = [
    (_READINGS, lambda found: found["what"] + _digits(found["digits"])),
    (_ABOUTS, None),
    *((re.compile(pattern), replacement) for pattern, replacement in _SPOKEN),
]
