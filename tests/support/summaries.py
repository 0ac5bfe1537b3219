"""Stage summaries for tests: a three-year report of a man with rare characters in his name, and an empty one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from care.goals import GoalState
from care.patients import PatientId
from care.report_prints import PrintKind, PrintSize, ReportPrint
from care.stage_facts import (
    AdviceLine,
    ConditionLine,
    ContactLine,
    ContactWay,
    GoalLine,
    MedicineLine,
    PersonFacts,
    ResultLine,
    ResultPoint,
    RiskLine,
    StageFacts,
    Words,
)
from care.summaries import StageSummary, SummaryState
from reports.document import Letterhead
from runtime.identifiers import new_id

RARE_NAME = "𠮷䶮"
HEAD = Letterhead(hospital="海澜市第一人民医院", hospital_en="Hailan First People's Hospital", number="0595-5550100")
SIGNED_AT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def points(
    *values: float, low: float | None, high: float | None, since: date, every: int, source: str
) -> tuple[ResultPoint, ...]:
    """Results at even distances, at nine in the morning of the hospital."""
    begin = datetime(since.year, since.month, since.day, 1, tzinfo=UTC)
    return tuple(
        ResultPoint(at=begin + timedelta(days=every * place), value=value, low=low, high=high, source=source)
        for place, value in enumerate(values)
    )


def full_facts(**changes: Any) -> StageFacts:
    """Three years with something in every part."""
    begin = date(2024, 1, 10)
    lab, home = "hl7:LIS", "device:cuff"
    return StageFacts(
        **{
            "person": PersonFacts(name=RARE_NAME, record_number="00012345678", sex="male", born=date(1968, 3, 2)),
            "since": date(2024, 1, 1),
            "until": date(2026, 11, 15),
            "zone": "Asia/Shanghai",
            "gathered_at": datetime(2026, 11, 19, 6, 0, tzinfo=UTC),
            "conditions": (
                ConditionLine(name="原发性高血压", code="I10", since=date(2021, 5, 1), source="hl7:HIS"),
                ConditionLine(name="高胆固醇血症", code="E78.0", source="list:check-up"),
            ),
            "allergies": (ConditionLine(name="青霉素", source="form:intake"),),
            "goals": (
                GoalLine(
                    name=Words(zh="血压", en="Blood pressure"),
                    target=Words(zh="< 140/90 mmHg，连续3天", en="< 140/90 mmHg on 3 days in a row"),
                    state=GoalState.ACHIEVED,
                    due_on=date(2026, 9, 30),
                    settled_on=date(2026, 8, 12),
                    latest="136/84 mmHg",
                    latest_at=datetime(2026, 11, 10, 1, tzinfo=UTC),
                ),
                GoalLine(
                    name=Words(zh="戒烟", en="Stop smoking"),
                    target=Words(zh="不吸烟", en="no tobacco"),
                    state=GoalState.ACTIVE,
                    due_on=date(2026, 12, 31),
                ),
            ),
            "results": (
                ResultLine(
                    code="systolic",
                    name=Words(zh="收缩压", en="Systolic blood pressure"),
                    unit="mm[Hg]",
                    decimals=0,
                    points=points(
                        *(162, 158, 155, 151, 148, 150, 144, 141, 138, 139, 136),
                        low=90,
                        high=139,
                        since=begin,
                        every=100,
                        source=home,
                    ),
                ),
                ResultLine(
                    code="glucose_fasting",
                    name=Words(zh="空腹血糖", en="Fasting glucose"),
                    unit="mmol/L",
                    decimals=2,
                    points=points(5.77, 6.2, 6.4, low=3.9, high=6.1, since=begin, every=365, source=lab),
                ),
                ResultLine(
                    code="total_cholesterol",
                    name=Words(zh="总胆固醇", en="Total cholesterol"),
                    unit="mmol/L",
                    decimals=2,
                    points=points(5.9, 5.6, 4.2, low=None, high=5.19, since=begin, every=365, source=lab),
                ),
                ResultLine(
                    code="hdl",
                    name=Words(zh="高密度脂蛋白胆固醇", en="HDL cholesterol"),
                    unit="mmol/L",
                    decimals=2,
                    points=points(1.0, 1.05, 1.1, low=1.0, high=None, since=begin, every=365, source=lab),
                ),
                ResultLine(
                    code="waist",
                    name=Words(zh="腰围", en="Waist"),
                    unit="cm",
                    points=points(94, low=None, high=89.9, since=date(2026, 3, 1), every=1, source="list:check-up"),
                ),
            ),
            "medicines": (
                MedicineLine(
                    name="苯磺酸氨氯地平片",
                    dose="5 mg 每日一次",
                    since=date(2021, 5, 1),
                    covered=0.86,
                    source="hl7:HIS",
                ),
            ),
            "contacts": (
                *(
                    ContactLine(
                        at=datetime(2026, month, 12, 2, 15, tzinfo=UTC),
                        way=ContactWay.CALL,
                        outcome="connected-patient",
                        reached=True,
                    )
                    for month in (2, 5, 8, 11)
                ),
                ContactLine(
                    at=datetime(2026, 8, 11, 2, 15, tzinfo=UTC),
                    way=ContactWay.AUTOMATED,
                    outcome="no-answer",
                    reached=False,
                ),
            ),
            "risks": (
                RiskLine(
                    name=Words(zh="10年心血管病风险（China-PAR）", en="10-year cardiovascular risk (China-PAR)"),
                    value="15.85 %",
                    band=Words(zh="高危", en="high"),
                    at=datetime(2026, 3, 2, 1, tzinfo=UTC),
                    source="china_par v1",
                ),
            ),
            "advice": (
                AdviceLine(
                    title=Words(zh="少吃盐", en="Less salt"),
                    text=Words(
                        zh="每天吃盐不超过5克，大约是一啤酒瓶盖。酱油、咸菜、腐乳里也有盐，要算进去。",
                        en="No more than 5 g of salt a day. Soy sauce and pickles count too.",
                    ),
                    given_on=date(2026, 3, 2),
                    source="diet_salt v2",
                ),
                AdviceLine(
                    title=Words(zh="每天走路", en="Walk every day"),
                    text=Words(
                        zh="每周至少五天，每天快走30分钟。走路时如果胸痛、头晕，马上停下休息；不缓解请拨打120。",
                        en="Walk briskly for 30 minutes on at least five days a week. Stop if your chest hurts.",
                    ),
                    given_on=date(2026, 3, 2),
                    source="exercise_walk v1",
                ),
            ),
            **changes,
        }
    )


def empty_facts(**changes: Any) -> StageFacts:
    """A month of somebody of whom nothing is known yet."""
    return StageFacts(
        **{
            "person": PersonFacts(name="王小明", record_number="T-1"),
            "since": date(2026, 10, 1),
            "until": date(2026, 10, 31),
            "zone": "Asia/Shanghai",
            "gathered_at": datetime(2026, 11, 1, 1, tzinfo=UTC),
            **changes,
        }
    )


def a_summary(facts: StageFacts, *, state: SummaryState = SummaryState.SIGNED, **changes: Any) -> StageSummary:
    """A summary of these facts, signed if not said otherwise."""
    signed = state in (SummaryState.SIGNED, SummaryState.WITHDRAWN)
    return StageSummary(
        **{
            "id": new_id(),
            "number": "SF2026-000017",
            "patient_id": PatientId(new_id()),
            "since": facts.since,
            "until": facts.until,
            "state": state,
            "facts": facts,
            "conclusion": "血压逐步下降，现在已经达标，请继续按时服药。\n"
            "空腹血糖略有升高，需要注意饮食，三个月后复查。",
            "next_steps": "1. 每天早晚各量一次血压，记下来。\n2. 2027年2月到门诊复查空腹血糖和血脂，当天早上不要吃饭。",
            "created_at": SIGNED_AT - timedelta(days=1),
            "created_by": new_id(),
            "changed_at": SIGNED_AT,
            "changed_by": new_id(),
            **({"signed_at": SIGNED_AT, "signed_by": new_id(), "signer_name": "陈医生"} if signed else {}),
            **changes,
        }
    )


def a_print(summary: StageSummary, **changes: Any) -> ReportPrint:
    """The first print of a summary on paper."""
    return ReportPrint(
        **{
            "id": new_id(),
            "summary_id": summary.id,
            "ordinal": 1,
            "kind": PrintKind.ORIGINAL,
            "language": "zh",
            "size": PrintSize.NORMAL,
            "asked_at": SIGNED_AT + timedelta(minutes=5),
            "asked_by": new_id(),
            "asked_name": "王敏",
            "keep_until": SIGNED_AT + timedelta(days=1),
            **changes,
        }
    )
