"""Who or what answered, what was heard before the answer, and what a queue does about a machine."""

from enum import StrEnum

from followup.calls import Answered


class EarlySound(StrEnum):
    """What was heard before the answer, as far as the network let us hear it."""

    NOTHING = "nothing"  # no sound was sent
    SILENCE = "silence"
    RINGBACK = "ringback"
    BUSY_TONE = "busy_tone"
    CONGESTION_TONE = "congestion_tone"
    SPECIAL_TONE = "special_tone"  # the three rising tones before "this number is not in use"
    SONG = "song"  # a song instead of the ringing tone
    SPEECH = "speech"  # somebody speaks: an announcement
    UNCLEAR = "unclear"


class Announcement(StrEnum):
    """What an announcement of the network says of the number."""

    EMPTY_NUMBER = "empty_number"  # 空号
    SWITCHED_OFF = "switched_off"  # 关机
    SUSPENDED = "suspended"  # 停机
    OUT_OF_REACH = "out_of_reach"  # 暂时无法接通, 不在服务区
    BUSY = "busy"  # 正在通话中
    NO_ANSWER = "no_answer"  # 暂时无人接听
    BARRED = "barred"  # 已设置呼入限制


ANNOUNCED_BY_TONE = {
    EarlySound.BUSY_TONE: Announcement.BUSY,
}
"""Tones that say what an announcement would have said in words."""


class OnMachine(StrEnum):
    """What a queue wants done when a machine answers one of its automated calls."""

    HANG_UP = "hang_up"
    NEUTRAL_MESSAGE = "neutral_message"  # after the beep: hospital and "please call us back", nothing about health
    TO_AGENT = "to_agent"  # the call ends and the task asks for a person


class AfterAnswer(StrEnum):
    """What to do with an answered call now that there is a verdict."""

    GO_ON = "go_on"  # as with a person
    SHOW = "show"  # an agent hears for herself: she is told, and decides
    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"  # when the greeting is over


def what_to_do(who: Answered, policy: OnMachine, *, with_agent: bool) -> AfterAnswer:
    """The act that follows a verdict. Whoever may be a person is treated as one."""
    if with_agent:
        return AfterAnswer.SHOW
    if who is not Answered.MACHINE:
        return AfterAnswer.GO_ON
    return AfterAnswer.LEAVE_MESSAGE if policy is OnMachine.NEUTRAL_MESSAGE else AfterAnswer.HANG_UP
