"""Pages behind a patient's link, as HTML in large print: plain forms and no script. The door names nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from care.forms import AnswerValue, FormItem, ItemType
from care.patient_links import LinkKind

_STYLE = (
    "html{font-size:20px}body{font:1.2rem/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',"
    "sans-serif;margin:0 auto;max-width:40rem;padding:1rem;color:#111;background:#fff}"
    "h1{font-size:1rem;font-weight:600;color:#444}"
    "h2{font-size:1.3rem;margin:.6rem 0}label.option{display:block;border:2px solid #888;border-radius:.6rem;"
    "padding:.7rem 1rem;margin:.5rem 0}label.option input{width:1.4rem;height:1.4rem;vertical-align:middle;"
    "margin-right:.7rem}input[type=text],input[type=date],textarea,select{font:inherit;padding:.6rem;width:100%;"
    "box-sizing:border-box;border:2px solid #888;border-radius:.6rem}select{width:auto;min-width:5.2rem}"
    "label.pick{white-space:nowrap;margin-right:.6rem}"
    "button{font:inherit;font-weight:600;padding:.8rem 1.6rem;border:0;border-radius:.6rem;background:#0b5394;"
    "color:#fff;margin:1rem 0;width:100%}button.plain{background:none;color:#0b5394;text-decoration:underline;"
    "width:auto;padding:.4rem;margin:0;font-weight:400}.fault{border-left:.4rem solid #b00020;padding:.3rem .8rem;"
    "color:#b00020;font-weight:600}.danger{border:.2rem solid #b00020;border-radius:.6rem;padding:.8rem 1rem;"
    "margin:0 0 1rem;background:#fff4f4}.danger a{font-size:1.3rem;font-weight:700;color:#b00020;"
    "display:inline-block;margin:.2rem 1rem .2rem 0}a.button{display:block;text-align:center;text-decoration:none;"
    "font-weight:600;padding:.8rem 1.6rem;border-radius:.6rem;background:#0b5394;color:#fff}"
    ".numbers a{display:block;font-size:1.3rem;font-weight:700;padding:.5rem 0}"
    ".small{font-size:1rem;color:#444}a{color:#0b5394}a.button{color:#fff}"
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "title": "随访问卷",
        "who": "为了保护您的隐私,请先选择您的出生月份和日期。请由本人填写。",
        "month": "月",
        "day": "日",
        "go_on": "继续",
        "wrong": "月份或日期不对,请再选一次。",
        "next": "下一题",
        "back": "上一题",
        "skip_hint": "不想回答的,可以直接点“下一题”。",
        "question": "第{number}题,共{count}题",
        "yes": "是",
        "no": "否",
        "empty": "请先选择或填写答案。",
        "refused": "这个答案不合适:{reason}。请改一下。",
        "sure": "您填的是{value},上次是{last},相差比较大。请核对;没有写错的话,请勾选后再点“下一题”。",
        "sure_tick": "没有写错",
        "end": "题目答完了",
        "open": "还有几个问题需要回答:",
        "submit": "提交",
        "submit_hint": "提交以后不能再修改。",
        "done": "谢谢您,已经收到。您可以关闭这个页面。",
        "gone": "这个链接已经失效。需要的话,请拨打医院电话。",
        "many": "操作太快了,请等一分钟再试。",
        "danger": "您现在的感受很重要,您不必独自承受。如果有立即的危险,请马上拨打120。心理援助热线12356,随时可以打。"
        "我们的工作人员会尽快给您打电话。",
        "danger_body": "您说的情况可能有危险。如果现在不舒服,请马上拨打120。我们的工作人员会尽快给您打电话。",
        "emergency": "急救120",
        "hotline": "心理援助12356",
        "hospital_phone": "医院",
        "setting": "文件正在生成,请等几秒后刷新页面。",
        "saved": "每答一题都会保存,中途关闭也不会丢失。",
        "language": "English",
    },
    "en": {
        "title": "Follow-up questions",
        "who": "To protect your privacy, please choose the month and day of your birth first. Please answer in person.",
        "month": "month",
        "day": "day",
        "go_on": "Continue",
        "wrong": "Month or day is not right, please choose again.",
        "next": "Next",
        "back": "Back",
        "skip_hint": "If you do not want to answer, just press Next.",
        "question": "Question {number} of {count}",
        "yes": "Yes",
        "no": "No",
        "empty": "Please choose or write an answer first.",
        "refused": "This answer does not fit: {reason}. Please correct it.",
        "sure": "You wrote {value}; last time it was {last}. If that is right, tick the box and press Next.",
        "sure_tick": "It is right",
        "end": "That was the last question",
        "open": "These questions still need an answer:",
        "submit": "Send",
        "submit_hint": "You cannot change it afterwards.",
        "done": "Thank you, we have received it. You can close this page.",
        "gone": "This link is no longer valid. If you need us, please call the hospital.",
        "many": "That was too fast, please wait a minute and try again.",
        "danger": "What you feel matters, and you do not have to bear it alone. In immediate danger call 120 now. "
        "The hotline 12356 is there at any time. A person of ours will call you as soon as possible.",
        "danger_body": "What you describe may be dangerous. If you feel unwell now, call 120 at once. "
        "A person of ours will call you as soon as possible.",
        "emergency": "Emergency 120",
        "hotline": "Hotline 12356",
        "hospital_phone": "Hospital",
        "setting": "The document is being set; please reload the page in a few seconds.",
        "saved": "Each answer is saved; closing the page loses nothing.",
        "language": "中文",
    },
}

_WORDS_OF_KIND: Mapping[LinkKind, Mapping[str, Mapping[str, str]]] = {
    LinkKind.FORM: {},
    LinkKind.REPORT: {
        "zh": {
            "title": "健康资料",
            "who": "为了保护您的隐私,请先选择您的出生月份和日期。",
            "open_report": "打开文件",
            "once": "这个链接只能打开一次,30分钟内可以反复看。需要保存请下载。",
        },
        "en": {
            "title": "Your document",
            "who": "To protect your privacy, please choose the month and day of your birth first.",
            "open_report": "Open the document",
            "once": "The link opens once, and for 30 minutes you can read on. To keep the document, save it.",
        },
    },
    LinkKind.RECORD: {
        "zh": {
            "title": "健康资料",
            "who": "为了保护隐私,请先选择病人的出生月份和日期。这个链接只能打开一次。",
        },
        "en": {
            "title": "Health page",
            "who": "To protect privacy, please choose the month and day of the patient's birth first. "
            "This link opens once.",
        },
    },
}
"""Words that stand instead of the common ones."""

_UNITS: Mapping[str, Mapping[str, str]] = {
    "mm[Hg]": {"zh": "毫米汞柱", "en": "mmHg"},
    "Cel": {"zh": "°C", "en": "°C"},
    "d": {"zh": "天", "en": "days"},
    "kg": {"zh": "公斤", "en": "kg"},
    "/min": {"zh": "次/分", "en": "per minute"},
}


def unit_in_words(unit: str, language: str) -> str:
    """A unit (UCUM) as people write it."""
    return _UNITS.get(unit, {}).get(language, unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the page is shown: the link's address, language, and how to reach the hospital."""

    kind: LinkKind
    address: str
    language: str
    hospital: str
    number: str
    danger: str | None = None  # what is said above everything else, once an answer was a sign of danger

    def word(self, key: str, **values: object) -> str:
        """One text of the page."""
        own = _WORDS_OF_KIND[self.kind].get(self.language, {})
        text = own[key] if key in own else _WORDS[self.language][key]
        return text.format(**values) if values else text


def identity_page(place: Place, *, wrong: bool) -> str:
    """Month and day of birth, before anything else is shown."""
    months = "".join(f"<option>{month}</option>" for month in range(1, 13))
    days = "".join(f"<option>{day}</option>" for day in range(1, 32))
    fault = f"<p class=fault role=alert>{place.word('wrong')}</p>" if wrong else ""
    picks = "".join(
        f"<label class=pick><select name={name} required><option value=''>–</option>{options}</select> "
        f"{place.word(name)}</label>"
        for name, options in (("month", months), ("day", days))
    )
    return page(
        place,
        f"<p>{place.word('who')}</p>{fault}<form method=post action='{place.address}/identity'>"
        f"<p>{picks}</p><button>{place.word('go_on')}</button></form>{language_switch(place)}",
    )


def question_page(
    place: Place,
    item: FormItem,
    *,
    number: int,
    place_in_row: int,
    count: int,
    given: AnswerValue | None,
    fault: str | None = None,
    confirm: bool = False,
    before: int | None = None,
) -> str:
    """One question; `number` stands in the address, `place_in_row` of `count` is what the patient reads."""
    where = place.word("question", number=place_in_row, count=count)
    warned = f"<p class=fault role=alert>{escape(fault)}</p>" if fault else ""
    sure = (
        f"<label class=option><input type=checkbox name=sure value=yes>{place.word('sure_tick')}</label>"
        if confirm
        else ""
    )
    hint = "" if item.required else f"<p class=small>{place.word('skip_hint')}</p>"
    back = f"<p><a href='{place.address}/{before}'>{place.word('back')}</a></p>" if before is not None else ""
    return page(
        place,
        f"<p class=small>{where}</p><form method=post action='{place.address}/{number}'>"
        f"<h2 id=q>{escape(item.text[place.language])}</h2>{warned}{_field(place, item, given)}{sure}{hint}"
        f"<button>{place.word('next')}</button></form>{back}<p class=small>{place.word('saved')}</p>",
    )


def end_page(place: Place, missing: Sequence[tuple[int, FormItem]]) -> str:
    """What is still open, or the button that sends it all."""
    if missing:
        rows = "".join(
            f"<li><a href='{place.address}/{number}'>{escape(item.text[place.language])}</a></li>"
            for number, item in missing
        )
        return page(place, f"<h2>{place.word('open')}</h2><ul>{rows}</ul>")
    return page(
        place,
        f"<h2>{place.word('end')}</h2><p>{place.word('submit_hint')}</p>"
        f"<form method=post action='{place.address}/end'><button>{place.word('submit')}</button></form>",
    )


def plain_page(place: Place, key: str) -> str:
    """A single sentence: done, gone, too fast."""
    return page(place, f"<h2>{place.word(key)}</h2>{numbers(place, emergency=False) if key == 'gone' else ''}")


def waiting_page(place: Place) -> str:
    """A document is being set; the page asks again by itself."""
    return page(place, f"<p role=status>{place.word('setting')}</p>", head="<meta http-equiv=refresh content=3>")


def report_page(place: Place) -> str:
    """The button that opens the document."""
    return page(
        place,
        f"<p><a class=button href='{place.address}/file'>{place.word('open_report')}</a></p>"
        f"<p class=small>{place.word('once')}</p>",
    )


def _field(place: Place, item: FormItem, given: AnswerValue | None) -> str:
    match item.type:
        case ItemType.CHOICE:
            choices = [(option.value, option.text[place.language]) for option in item.options]
            return _radios(choices, given if isinstance(given, str) else None)
        case ItemType.BOOLEAN:
            chosen = None if given is None else ("yes" if given else "no")
            return _radios([("yes", place.word("yes")), ("no", place.word("no"))], chosen)
        case ItemType.INTEGER | ItemType.DECIMAL:
            mode = "numeric" if item.type is ItemType.INTEGER else "decimal"
            unit = f" {escape(unit_in_words(item.unit, place.language))}" if item.unit else ""
            value = "" if given is None else f"{given:g}"
            return f"<p><input type=text name=answer inputmode={mode} aria-labelledby=q value='{value}'>{unit}</p>"
        case ItemType.DATE:
            return (
                f"<p><input type=date name=answer aria-labelledby=q value='{escape(str(given or ''), quote=True)}'></p>"
            )
        case _:
            text = escape(str(given or ""))
            return f"<p><textarea name=answer rows=4 maxlength=2000 aria-labelledby=q>{text}</textarea></p>"


def _radios(choices: Sequence[tuple[str, str]], chosen: str | None) -> str:
    return "".join(
        f"<label class=option><input type=radio name=answer value='{escape(value, quote=True)}'"
        f"{' checked' if value == chosen else ''}>{escape(text)}</label>"
        for value, text in choices
    )


def numbers(place: Place, *, emergency: bool) -> str:
    """Telephone numbers that can be touched: the hospital's, and those for an emergency."""
    hospital = (
        f"<a href='tel:{escape(place.number, quote=True)}'>{place.word('hospital_phone')} {escape(place.number)}</a>"
        if place.number
        else ""
    )
    urgent = (
        f"<a href='tel:120'>{place.word('emergency')}</a><a href='tel:12356'>{place.word('hotline')}</a>"
        if emergency
        else ""
    )
    return f"<p class=numbers>{urgent}{hospital}</p>"


def language_switch(place: Place) -> str:
    """The button for the other language."""
    return (
        f"<form method=post action='{place.address}/language'>"
        f"<button class=plain>{place.word('language')}</button></form>"
    )


def page(place: Place, body: str, *, head: str = "") -> str:
    """A whole page."""
    danger = (
        f"<div class=danger role=alert><p>{escape(place.danger)}</p>{numbers(place, emergency=True)}</div>"
        if place.danger
        else ""
    )
    lang = "zh-CN" if place.language == "zh" else "en"
    return (
        f"<!doctype html><html lang={lang}><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'><meta name=robots content=noindex>"
        f"{head}<title>{place.word('title')}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(place.hospital)}</h1>{danger}<main>{body}</main></body></html>"
    )
