"""Was the call real: what about a follow-up that an agent wrote down does not fit what was on the line."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

SHORTEST_TALK = timedelta(seconds=30)
LEAST_SPEECH = timedelta(seconds=2)
"""Less than this of the patient's own voice is a greeting at most."""
MOST_ON_ONE_NUMBER = 2
"""A couple may share a number; households that the record knows count as one."""


class Doubt(StrEnum):
    """Why somebody should look at a follow-up; the gravest first."""

    FORM_WITHOUT_CALL = "form_without_call"
    NO_PATIENT_SPEECH = "no_patient_speech"
    SHORT_TALK = "short_talk"
    ANSWERS_AGAINST_TRANSCRIPT = "answers_against_transcript"
    ONE_NUMBER_MANY_PATIENTS = "one_number_many_patients"
    IDENTITY_SKIPPED = "identity_skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A question whose written answer is another one than was heard, and the second at which it was heard."""

    form_id: str
    link_id: str
    written: bool | float | str | None
    heard: bool | float | str | None
    at_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpFacts:
    """What the line and the record say of one follow-up. None: nobody knows."""

    claims_a_talk: bool  # answers were written down, or it was said to be done
    answers: int  # that an agent wrote down for it
    talk: timedelta | None  # None: no line of it was ever answered
    patient_speech: timedelta | None  # of the newest transcript
    people_on_number: int  # households reached lately on the number that was dialed
    identity_confirmed: bool
    patient_on_line: bool  # by its outcome the patient or his relative spoke
    contradictions: tuple[Contradiction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDoubt:
    """One doubt, the figure behind it, and the second at which to listen, where there is one."""

    kind: Doubt
    figure: float | None = None
    at_second: float | None = None


def doubts_of(facts: FollowUpFacts) -> tuple[FoundDoubt, ...]:
    """Every doubt about a follow-up; none where nobody claims that there was a talk."""
    if not facts.claims_a_talk:
        return ()
    found = []
    if facts.talk is None:
        found.append(FoundDoubt(kind=Doubt.FORM_WITHOUT_CALL, figure=float(facts.answers)))
    elif facts.talk < SHORTEST_TALK:
        found.append(FoundDoubt(kind=Doubt.SHORT_TALK, figure=facts.talk.total_seconds()))
    if facts.talk is not None and facts.patient_speech is not None and facts.patient_speech < LEAST_SPEECH:
        found.append(FoundDoubt(kind=Doubt.NO_PATIENT_SPEECH, figure=facts.patient_speech.total_seconds()))
    if facts.contradictions:
        first = min(facts.contradictions, key=lambda each: each.at_second)
        found.append(
            FoundDoubt(
                kind=Doubt.ANSWERS_AGAINST_TRANSCRIPT,
                figure=float(len(facts.contradictions)),
                at_second=first.at_second,
            )
        )
    if facts.people_on_number > MOST_ON_ONE_NUMBER:
        found.append(FoundDoubt(kind=Doubt.ONE_NUMBER_MANY_PATIENTS, figure=float(facts.people_on_number)))
    if facts.talk is not None and facts.patient_on_line and not facts.identity_confirmed:
        found.append(FoundDoubt(kind=Doubt.IDENTITY_SKIPPED))
    return tuple(sorted(found, key=lambda each: list(Doubt).index(each.kind)))


class CheckSubject(StrEnum):
    """What was looked at: a follow-up with a call, or answers that no call belongs to."""

    ATTEMPT = "attempt"
    RESPONSE = "response"


class CheckVerdict(StrEnum):
    """What somebody found who looked."""

    REAL = "real"
    EXPLAINED = "explained"  # not as it should be, and there is a good reason
    NOT_REAL = "not_real"
    UNCLEAR = "unclear"  # it stays on the list


@dataclass(kw_only=True, eq=False)
class RealityCheck:
    """Somebody looked at a doubtful follow-up and said what he found; checks are added, never changed."""

    id: str
    subject_kind: CheckSubject
    subject_id: str
    patient_id: str
    verdict: CheckVerdict
    text: str
    by: str
    at: datetime
    doubts: list[str] = field(default_factory=list)  # as they stood then

    @property
    def settles(self) -> bool:
        """Whether the follow-up leaves the list by it."""
        return self.verdict is not CheckVerdict.UNCLEAR
