"""The patient's own page as HTML: one part below the other, in large print, each number with its date and source."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from html import escape
from typing import TypeVar
from zoneinfo import ZoneInfo

from api.link_html import Place, language_switch, numbers, page
from care.own_page import (
    AnsweredForm,
    AppointmentLine,
    ContactAhead,
    Listener,
    NewestResult,
    OwnPage,
    OwnPart,
    SignedSummary,
    Told,
)
from care.relatives import Matter
from care.stage_facts import GoalLine, MedicineLine

_Line = TypeVar("_Line")

_STYLE = (
    "<style>section{border-top:.15rem solid #bbb;margin:1.2rem 0;padding:.2rem 0}h2{font-size:1.4rem}"
    "ul.rows{list-style:none;padding:0;margin:0}ul.rows>li{border-bottom:1px solid #ccc;padding:.7rem 0}"
    "ul.rows>li:last-child{border-bottom:0}.lead{font-weight:700;overflow-wrap:anywhere}.value{font-size:1.4rem;"
    "font-weight:700}.low,.high{color:#b00020;font-weight:700}p{margin:.3rem 0}.text{white-space:pre-line;"
    "overflow-wrap:anywhere}dl{margin:.4rem 0}dt{color:#444;font-size:1rem;margin-top:.5rem}dd{margin:0;"
    "font-weight:600;overflow-wrap:anywhere;white-space:pre-line}summary{font-weight:700;padding:.5rem 0;"
    "cursor:pointer}.warn{border-left:.4rem solid #0b5394;padding:.3rem .8rem}nav a{display:block;padding:.4rem 0}"
    "ul.rows>li>p:first-child{margin-top:0}</style>"
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "heading": "{name}的健康资料",
        "as_of": "{at}的内容。30分钟后这一页自动关闭,看完请关闭页面。",
        "reader": "您是以“{relation}”的身份查看,只显示病人同意让您知道的内容。",
        "contents": "目录",
        "appointments": "复诊与预约",
        "no_appointments": "目前没有登记的预约。",
        "contacts": "接下来的随访",
        "no_contacts": "目前没有安排随访电话。",
        "between": "{first}至{last}",
        "call": "我们会给您打电话",
        "machine": "自动电话会问您几个问题",
        "results": "最近的检查和测量结果",
        "no_results": "目前没有结果。",
        "band": "参考范围:{low}–{high} {unit}",
        "at_least": "参考范围:不低于{low} {unit}",
        "at_most": "参考范围:不高于{high} {unit}",
        "high": "↑ 偏高",
        "low": "↓ 偏低",
        "results_warning": "结果偏高或偏低不一定是生病,请听医生的解释。",
        "medicines": "正在用的药",
        "no_medicines": "档案中没有正在用的药。",
        "since": "从{day}开始",
        "medicine_warning": "请不要自己停药、加药或减药;和您手里的药不一样时,请打电话问我们。",
        "goals": "您的目标",
        "no_goals": "目前没有设定目标。",
        "goal_active": "进行中,最迟{day}",
        "goal_achieved": "已经达到",
        "goal_missed": "这一次没有达到",
        "latest": "最近一次:{value}",
        "advice": "给您的健康建议",
        "no_advice": "目前没有健康建议。",
        "answers": "您填过的问卷",
        "no_answers": "目前没有填过的问卷。",
        "kept_back": "关于心情的问卷不在这里显示。想了解,请打医院电话,我们核对身份后告诉您。",
        "summaries": "医生签名的总结",
        "no_summaries": "目前没有可以在这里打开的总结。",
        "period": "{since}至{until}",
        "signed": "{signer}签名,{day}",
        "open_summary": "打开文件",
        "failed": "这份文件暂时打不开,请打医院电话。",
        "back": "返回",
        "listeners": "您同意让谁知道",
        "no_listeners": "您没有同意让别人知道您的情况。",
        "until": "到{day}为止",
        "no_end": "没有写期限",
        "change": "想修改,请在电话里告诉我们。",
        "wrong": "内容不对或看不懂,请打医院电话告诉我们。",
        "urgent": "胸痛、呼吸困难、说话不清、手脚无力等急症,马上打120。心里难受,随时可以打12356。",
    },
    "en": {
        "heading": "Health page of {name}",
        "as_of": "As of {at}. The page shuts itself after 30 minutes; please close it when you have read it.",
        "reader": "You read as {relation}: only what the patient lets you know is shown.",
        "contents": "Contents",
        "appointments": "Appointments",
        "no_appointments": "No appointment is booked.",
        "contacts": "What is planned",
        "no_contacts": "No follow-up call is planned.",
        "between": "{first} to {last}",
        "call": "We will ring you",
        "machine": "An automated call with a few questions",
        "results": "Newest results",
        "no_results": "There are no results.",
        "band": "Reference: {low}–{high} {unit}",
        "at_least": "Reference: {low} {unit} or more",
        "at_most": "Reference: {high} {unit} or less",
        "high": "↑ high",
        "low": "↓ low",
        "results_warning": "High or low does not have to mean illness; let the doctor explain it.",
        "medicines": "Medicines you take now",
        "no_medicines": "The record names no medicine that is taken now.",
        "since": "since {day}",
        "medicine_warning": "Do not stop, add or change a medicine by yourself. If yours are different, ring us.",
        "goals": "Your goals",
        "no_goals": "No goal is set.",
        "goal_active": "under way, by {day}",
        "goal_achieved": "reached",
        "goal_missed": "not reached this time",
        "latest": "Last: {value}",
        "advice": "Advice given to you",
        "no_advice": "No advice was given yet.",
        "answers": "Questionnaires you answered",
        "no_answers": "No questionnaire was answered yet.",
        "kept_back": "Questionnaires about your mood are not shown here. Ring us: we check who you are and tell you.",
        "summaries": "Summaries signed by a doctor",
        "no_summaries": "There is no summary that can be opened here.",
        "period": "{since} to {until}",
        "signed": "signed by {signer}, {day}",
        "open_summary": "Open the document",
        "failed": "This document cannot be opened now; please ring the hospital.",
        "back": "Back",
        "listeners": "Who may know what about you",
        "no_listeners": "You have not let anybody else know.",
        "until": "until {day}",
        "no_end": "no end was named",
        "change": "To change it, tell us on the telephone.",
        "wrong": "If something is wrong or not clear, please ring the hospital.",
        "urgent": "Chest pain, trouble breathing, slurred speech or sudden weakness: call 120 at once. "
        "If you feel desperate, 12356 is there at any time.",
    },
}

_MATTERS: Mapping[Matter, Mapping[str, str]] = {
    Matter.GENERAL: {"zh": "一般情况", "en": "general matters"},
    Matter.APPOINTMENTS: {"zh": "预约时间", "en": "appointments"},
    Matter.BOOKING: {"zh": "代为预约", "en": "booking"},
    Matter.COMPLAINTS: {"zh": "意见", "en": "complaints"},
    Matter.SYMPTOMS: {"zh": "身体情况", "en": "how you are"},
    Matter.MEDICINES: {"zh": "用药", "en": "medicines"},
    Matter.RESULTS: {"zh": "检查结果和诊断", "en": "results and diagnoses"},
    Matter.PSYCHOLOGY: {"zh": "心理情况", "en": "mental health"},
}


class OwnPageHtml:
    """The page in one language."""

    def __init__(self, place: Place, own: OwnPage) -> None:
        self._place = place
        self._own = own
        self._language = place.language
        self._zone = ZoneInfo(own.zone)

    def whole(self) -> str:
        """Every part that is for this reader."""
        own = self._own
        parts = [
            (OwnPart.APPOINTMENTS, self._rows(own.appointments, self._appointment, "no_appointments"), ""),
            (OwnPart.CONTACTS, self._rows(own.contacts, self._contact, "no_contacts"), ""),
            (OwnPart.RESULTS, self._rows(own.results, self._result, "no_results"), "results_warning"),
            (OwnPart.MEDICINES, self._rows(own.medicines, self._medicine, "no_medicines"), "medicine_warning"),
            (OwnPart.GOALS, self._rows(own.goals, self._goal, "no_goals"), ""),
            (OwnPart.ADVICE, self._rows(own.advice, self._told, "no_advice"), ""),
            (
                OwnPart.ANSWERS,
                self._rows(own.answers, self._answered, "no_answers"),
                "kept_back" if own.answers_kept_back else "",
            ),
            (OwnPart.SUMMARIES, self._rows(own.summaries, self._summary, "no_summaries"), ""),
            (OwnPart.LISTENERS, self._rows(own.listeners, self._listener, "no_listeners"), "change"),
        ]
        shown = [(part, body, remark) for part, body, remark in parts if part in own.parts]
        contents = "".join(f"<a href='#{part.value}'>{self._word(part.value)}</a>" for part, _, _ in shown)
        sections = "".join(
            f"<section id={part.value}><h2>{self._word(part.value)}</h2>{body}"
            f"{f'<p class=small>{self._word(remark)}</p>' if remark else ''}</section>"
            for part, body, remark in shown
        )
        reader = f"<p class=warn>{self._word('reader', relation=own.reader)}</p>" if own.reader else ""
        at = self._moment(own.at)
        return page(
            self._place,
            f"<h2>{self._word('heading', name=own.name)}</h2>{reader}<p class=small>{self._word('as_of', at=at)}</p>"
            f"{language_switch(self._place)}<nav><details><summary>{self._word('contents')}</summary>{contents}</details></nav>"
            f"{sections}"
            f"<section><p>{self._word('urgent')}</p><p>{self._word('wrong')}</p>"
            f"{numbers(self._place, emergency=True)}</section>",
            head=_STYLE,
        )

    def _word(self, key: str, **values: object) -> str:
        text = _WORDS[self._language][key]
        return escape(text.format(**values) if values else text, quote=True)

    def _day(self, day: date, *, after: date | None = None) -> str:
        if self._language != "zh":
            return f"{day:%Y-%m-%d}"
        year = "" if after is not None and after.year == day.year else f"{day.year}年"
        return f"{year}{day.month}月{day.day}日"

    def _moment(self, at: datetime) -> str:
        there = at.astimezone(self._zone)
        return f"{self._day(there.date())} {there:%H:%M}"

    def _rows(self, lines: Iterable[_Line], write: Callable[[_Line], str], none: str) -> str:
        rows = "".join(f"<li>{write(line)}</li>" for line in lines)
        return f"<ul class=rows>{rows}</ul>" if rows else f"<p>{self._word(none)}</p>"

    def _appointment(self, line: AppointmentLine) -> str:
        where = " · ".join(each for each in (line.department, line.ward, line.doctor) if each)
        return f"<p class=lead>{escape(self._moment(line.at))}</p><p>{escape(where)}</p>"

    def _contact(self, line: ContactAhead) -> str:
        days = self._day(line.first_day)
        if line.last_day > line.first_day:
            days = self._word("between", first=days, last=self._day(line.last_day, after=line.first_day))
        about = f": {escape(line.about)}" if line.about else ""
        return f"<p class=lead>{days}</p><p>{self._word('machine' if line.automated else 'call')}{about}</p>"

    def _result(self, line: NewestResult) -> str:
        mark = f" <span class={line.mark}>{self._word(line.mark)}</span>" if line.mark in ("low", "high") else ""
        band = "band" if line.low and line.high else "at_least" if line.low else "at_most" if line.high else ""
        limits = {"low": line.low, "high": line.high, "unit": line.unit}
        reference = f"<p>{self._word(band, **limits).strip()}</p>" if band else ""
        return (
            f"<p class=lead>{escape(line.name)}</p><p><span class=value>{escape(line.value)}</span> "
            f"{escape(line.unit)}{mark}</p>{reference}<p class=small>{self._day(line.on)} · {escape(line.source)}</p>"
        )

    def _medicine(self, line: MedicineLine) -> str:
        dose = f"<p>{escape(line.dose)}</p>" if line.dose else ""
        since = f"<p class=small>{self._word('since', day=self._day(line.since))}</p>" if line.since else ""
        return f"<p class=lead>{escape(line.name)}</p>{dose}{since}"

    def _goal(self, line: GoalLine) -> str:
        zh = self._language == "zh"
        due = self._day(line.due_on) if line.due_on else ""
        latest = ""
        if line.latest and line.latest_at is not None:
            day = self._day(line.latest_at.astimezone(self._zone).date())
            latest = f"<p class=small>{self._word('latest', value=line.latest)} · {day}</p>"
        return (
            f"<p class=lead>{escape(line.name.zh if zh else line.name.en)}</p>"
            f"<p>{escape(line.target.zh if zh else line.target.en)}</p>"
            f"<p>{self._word(f'goal_{line.state.value}', day=due)}</p>{latest}"
        )

    def _told(self, line: Told) -> str:
        return (
            f"<p class=lead>{escape(line.title)}</p><p class=text>{escape(line.text)}</p>"
            f"<p class=small>{self._day(line.on)}</p>"
        )

    def _answered(self, line: AnsweredForm) -> str:
        answers = "".join(f"<dt>{escape(question)}</dt><dd>{escape(answer)}</dd>" for question, answer in line.answers)
        return (
            f"<details><summary>{escape(line.title)}<br><span class=small>{self._day(line.on)}</span></summary>"
            f"<dl>{answers}</dl></details>"
        )

    def _summary(self, line: SignedSummary) -> str:
        period = self._word("period", since=self._day(line.since), until=self._day(line.until))
        signed = self._word("signed", signer=line.signer, day=self._day(line.signed_on))
        return (
            f"<p class=lead>{period}</p><p class=small>{signed} · {escape(line.number)}</p>"
            f"<form method=post action='{self._place.address}/summaries/{line.place}'>"
            f"<button>{self._word('open_summary')}</button></form>"
        )

    def _listener(self, line: Listener) -> str:
        comma = "、" if self._language == "zh" else ", "
        matters = comma.join(_MATTERS[matter][self._language] for matter in line.matters)
        end = self._word("until", day=self._day(line.until)) if line.until else self._word("no_end")
        return (
            f"<p class=lead>{escape(line.name)} ({escape(line.relation)})</p><p>{matters}</p><p class=small>{end}</p>"
        )


def not_set_page(place: Place) -> str:
    """A document that could not be set, and the way back."""
    words = _WORDS[place.language]
    return page(
        place,
        f"<h2>{words['failed']}</h2>{numbers(place, emergency=False)}"
        f"<p><a href='{place.address}'>{words['back']}</a></p>",
    )
