"""The gate's reasons in words, zh and en: which field of the record each is about, what helps, and when it will go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.problems import Fault
from followup.dialing_rules import GateReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonWords:
    """A reason for a person's eyes."""

    field: str
    zh: str
    en: str


def _words(field: str, zh: str, en: str) -> ReasonWords:
    return ReasonWords(field=field, zh=zh, en=en)


WORDS: Mapping[GateReason, ReasonWords] = {
    GateReason.BEFORE_WINDOW: _words("earliest_at", "还没到这项任务的时间", "the task's window has not opened yet"),
    GateReason.AFTER_WINDOW: _words(
        "latest_at",
        "这项任务的时间已过;如仍需联系,请新建任务",
        "the task's window has closed; add a new task if the call is still wanted",
    ),
    GateReason.OUTSIDE_HOURS: _words(
        "time",
        "患者当地现在不是可以打电话的时间(时段、节假日、午休或患者自己的时间要求)",
        "it is outside the calling hours where the patient lives: the hours, a holiday, the noon rest or his own wish",
    ),
    GateReason.NO_CONSENT: _words(
        "consent",
        "患者没有同意这种用途的电话;请先记录他的同意",
        "the patient has not agreed to calls for this purpose; record his consent",
    ),
    GateReason.CONSENT_WITHDRAWN: _words(
        "consent",
        "患者已撤回对这种用途电话的同意",
        "the patient has withdrawn his consent to calls for this purpose",
    ),
    GateReason.DO_NOT_CALL: _words(
        "do_not_call",
        "患者或该号码在免打扰名单中;照护必需时由医生写明理由",
        "the patient or the number is closed to calls; for needed care a doctor can state a reasoned exception",
    ),
    GateReason.DECEASED: _words("deceased_at", "患者已去世", "the patient has died"),
    GateReason.NO_NUMBER: _words("contact_points", "没有可以拨打的号码;请补充", "there is no number to dial; add one"),
    GateReason.WRONG_NUMBER: _words(
        "contact_points",
        "已知号码是别人的;请查找正确号码",
        "the numbers known are somebody else's; find the right one",
    ),
    GateReason.NUMBER_NOT_DIALABLE: _words(
        "contact_points", "这个号码不能拨打;请核对", "the number cannot be dialed; check its digits"
    ),
    GateReason.NUMBER_NEVER_DIALED: _words(
        "contact_points",
        "这是本院的号码(病房、科室或总机),从不自动拨打",
        "the number is one of the hospital's own (a ward, a desk, the exchange), which are never dialed",
    ),
    GateReason.RELATIVE_NOT_AGREED: _words(
        "contact_points",
        "这是家属的号码,患者没有同意联系家属",
        "the number is a relative's, and the patient has not agreed that relatives are rung; record his consent",
    ),
    GateReason.UNKNOWN_ZONE: _words(
        "zone",
        "患者的时区不存在;请改正,如 Asia/Shanghai",
        "the patient's time zone does not exist; correct it, such as Asia/Shanghai",
    ),
    GateReason.DAILY_CAP: _words(
        "attempts", "今天已打到允许的次数", "the patient was called as often today as is allowed"
    ),
    GateReason.ROLLING_CAP: _words(
        "attempts",
        "近期这类电话已达允许的次数",
        "the patient was called for such matters as often lately as is allowed",
    ),
    GateReason.TASK_CAP: _words(
        "attempts",
        "这项任务已打到允许的次数;请换其他方式",
        "the patient was called for this task as often as is allowed; try another way",
    ),
    GateReason.COMPLETED_TODAY: _words("attempts", "今天已与患者通过话", "the patient was spoken with today"),
    GateReason.QUEUE_PAUSED: _words(
        "queue", "队列已停;主管可以恢复", "the queue is paused; a supervisor can resume it"
    ),
    GateReason.PLAN_STOPPED: _words(
        "plan",
        "随访计划已暂停或取消",
        "the patient's plan is paused or cancelled; whoever cares for the plan can resume it",
    ),
    GateReason.CAMPAIGN_STOPPED: _words(
        "campaign", "活动已停;主管可以恢复", "the campaign is stopped; a supervisor can let it go on"
    ),
    GateReason.CAMPAIGN_CAP: _words(
        "campaign", "活动今天的呼叫数已用完;明天继续", "the campaign's calls of today are used up; it goes on tomorrow"
    ),
    GateReason.LIVE_ATTEMPT: _words("patient", "正在与患者通话或拨打", "the patient is being called right now"),
    GateReason.NOT_ON_ALLOW_LIST: _words(
        "contact_points",
        "试运行只拨打 SUIFANG_TRIAL_ALLOW_LIST 中的号码",
        "this trial calls only the numbers in SUIFANG_TRIAL_ALLOW_LIST",
    ),
    GateReason.DEMO_PATIENT: _words(
        "synthetic", "正式运行从不拨打虚拟患者", "a synthetic person is never called in production"
    ),
    GateReason.REAL_PATIENT_IN_DEMO: _words("synthetic", "演示只拨打虚拟患者", "the demo calls synthetic people only"),
    GateReason.NOT_LOOPBACK: _words(
        "trunk",
        "线路通向本机之外;虚拟患者只在本机内",
        "the trunk leads outside this machine; a synthetic person lives only inside it",
    ),
}


def faults_of(reasons: Sequence[GateReason]) -> list[Fault]:
    """Each reason as a fault."""
    return [Fault(field=WORDS[reason].field, reason=WORDS[reason].en) for reason in reasons]
