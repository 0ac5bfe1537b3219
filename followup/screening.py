"""Who or what answered, what was heard before the answer, and what a queue does about a machine."""

from enum import StrEnum

from followup.calls import Announcement, Answered, EarlySound

ANNOUNCED_BY_TONE = {
    EarlySound.BUSY_TONE: Announcement.BUSY,
}
"""Tones that say what an announcement would have said in words."""

SPOKEN_BEFORE = frozenset({EarlySound.SPEECH, EarlySound.SONG, EarlySound.SPECIAL_TONE, EarlySound.UNCLEAR})
"""Sounds that may hold words: they are kept until the speech engine has heard them."""


class OnMachine(StrEnum):
    """What a queue wants done when a machine answers one of its automated calls."""

    HANG_UP = "hang_up"
    NEUTRAL_MESSAGE = "neutral_message"  # after the beep: hospital and "please call us back", nothing about health
    TO_AGENT = "to_agent"  # an agent is sought as after key 0: she hears what is there, and decides


SURE = 0.9
"""A machine less surely known is not hung up on: it may be a person with much to say, who will stop in a moment."""


class AfterAnswer(StrEnum):
    """What to do with an answered call now that there is a verdict."""

    GO_ON = "go_on"  # as with a person
    SHOW = "show"  # an agent hears for herself: she is told, and decides
    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"  # when the greeting is over
    SEEK_AGENT = "seek_agent"
    WAIT = "wait"  # say nothing, until it is surer


_ON_MACHINE = {
    OnMachine.HANG_UP: AfterAnswer.HANG_UP,
    OnMachine.NEUTRAL_MESSAGE: AfterAnswer.LEAVE_MESSAGE,
    OnMachine.TO_AGENT: AfterAnswer.SEEK_AGENT,
}


def what_to_do(who: Answered, confidence: float, policy: OnMachine, *, with_agent: bool) -> AfterAnswer:
    """The act that follows a verdict. Whoever may be a person is treated as one."""
    if with_agent:
        return AfterAnswer.SHOW
    if who is not Answered.MACHINE:
        return AfterAnswer.GO_ON
    if confidence < SURE:
        return AfterAnswer.WAIT
    return _ON_MACHINE[policy]
