"""Who or what answered: the verdict on what was heard since the answer, as early as it is safe."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from followup.calls import Answered
from followup.screening import SURE
from telephony.screening.cadence import Cadence, Tone, cadence_of
from telephony.screening.rules import ScreeningRules
from telephony.screening.sound import Slice

_KEY_ROWS = (697.0, 770.0, 852.0, 941.0)
_KEY_COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
_KEY_TOLERANCE = 0.025


class Why(StrEnum):
    """What a verdict rests on."""

    SHORT_SPEECH = "short_speech"  # a few words, then a wait for ours
    LONG_SPEECH = "long_speech"  # more words at a stretch than anybody answers a telephone with
    STEADY_TONE = "steady_tone"  # a beep, a fax, a tone of the network
    SILENCE = "silence"  # nobody has said anything
    NOT_CLEAR = "not_clear"  # the time was over before the pattern was
    NO_SOUND = "no_sound"  # the line brought nothing to listen to
    WORDS = "words"  # the transcript holds what only a machine says


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who answered, how sure that is (0 to 1), and how many seconds of sound it took."""

    who: Answered
    confidence: float
    after_seconds: float
    why: Why


def judged(slices: Sequence[Slice], rules: ScreeningRules) -> Verdict | None:
    """The verdict on all that was heard since the answer; None while more has to be heard."""
    cadence = cadence_of(slices, rules)
    if machine_tone(cadence) is not None:
        return _said(Answered.MACHINE, 0.95, cadence, Why.STEADY_TONE)
    if not cadence.bursts:
        if cadence.seconds >= rules.initial_silence_seconds:
            return _said(Answered.UNKNOWN, 0.5, cadence, Why.SILENCE)
        return None
    if cadence.talk >= rules.machine_speech_seconds:
        return _said(Answered.MACHINE, _surer(0.8, cadence.talk_share - 0.8), cadence, Why.LONG_SPEECH)
    if cadence.quiet_now >= rules.quiet_seconds:
        shorter = (rules.machine_speech_seconds - cadence.talk) / rules.machine_speech_seconds
        return _said(Answered.HUMAN, 0.7 + 0.25 * shorter, cadence, Why.SHORT_SPEECH)
    if cadence.seconds < rules.limit_seconds:
        return None
    if cadence.talk >= rules.doubtful_speech_seconds and cadence.quiet_now < rules.breath_seconds:
        return _said(Answered.MACHINE, 0.6, cadence, Why.LONG_SPEECH)
    return _said(Answered.UNKNOWN, 0.5, cadence, Why.NOT_CLEAR)


def reconsidered(slices: Sequence[Slice], verdict: Verdict, rules: ScreeningRules) -> Verdict | None:
    """A verdict made surer or taken back by what came after it; None while it stands."""
    if verdict.who is Answered.MACHINE and verdict.confidence >= SURE:
        return None
    cadence = cadence_of(slices, rules)
    if machine_tone(cadence) is not None:
        return _said(Answered.MACHINE, 0.95, cadence, Why.STEADY_TONE)
    if verdict.who is Answered.MACHINE:
        if cadence.talk >= rules.sure_speech_seconds:
            return _said(Answered.MACHINE, 0.92, cadence, Why.LONG_SPEECH)
        if cadence.quiet_now >= rules.sure_quiet_seconds:
            return _said(Answered.HUMAN, 0.6, cadence, Why.SHORT_SPEECH)
        return None
    if cadence.talk >= rules.late_speech_seconds and cadence.talk_share >= rules.late_speech_share:
        return _said(Answered.MACHINE, SURE, cadence, Why.LONG_SPEECH)
    return None


class GreetingEnd(StrEnum):
    """How a machine's greeting came to its end."""

    BEEP = "beep"
    SILENCE = "silence"
    TIME_LIMIT = "time_limit"


def greeting_end(slices: Sequence[Slice], rules: ScreeningRules) -> GreetingEnd | None:
    """Whether a machine waits for our message now: its beep is over, or it has fallen silent."""
    cadence = cadence_of(slices, rules)
    tone = machine_tone(cadence)
    if tone is not None and cadence.seconds - tone.end >= 0.1:
        return GreetingEnd.BEEP
    if cadence.seconds >= rules.message_limit_seconds:
        return GreetingEnd.TIME_LIMIT
    if cadence.bursts and cadence.quiet_now >= rules.message_quiet_seconds:
        return GreetingEnd.SILENCE
    return None


def machine_tone(cadence: Cadence) -> Tone | None:
    """The last steady tone that is not a key somebody presses."""
    return next((tone for tone in reversed(cadence.tones) if not _is_key(tone.hertz)), None)


def _is_key(hertz: tuple[float, ...]) -> bool:
    return (
        len(hertz) == 2
        and any(abs(hertz[0] / row - 1) <= _KEY_TOLERANCE for row in _KEY_ROWS)
        and any(abs(hertz[1] / column - 1) <= _KEY_TOLERANCE for column in _KEY_COLUMNS)
    )


def _surer(least: float, beyond: float) -> float:
    return min(0.95, least + 0.1 * beyond)


def _said(who: Answered, confidence: float, cadence: Cadence, why: Why) -> Verdict:
    return Verdict(who=who, confidence=round(confidence, 2), after_seconds=round(cadence.seconds, 2), why=why)
