"""Searches over what was said: who looks for what is kept, every hit that is opened too."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import Allowed, CareTeam
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.consent import Purpose
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import AlertLevel
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel
from followup.searches import TurnFilter, TurnHit, TurnMark
from runtime.identifiers import new_id
from transcription.snippets import Marker
from transcription.turn_query import NothingToSearchError

router = APIRouter(tags=["searches"], route_class=Route)

TURNS_AROUND = 3
_SEE_ALL_CALLS = frozenset({Role.SUPERVISOR, Role.DOCTOR})

Ids = Annotated[tuple[Id, ...], Field(max_length=50)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class SearchAsk(Ask):
    """What to look for, and where; a filter that is left out does not matter.

    Words are set apart by blanks and must all be in one turn; "quoted words" stand side by side, -word is not there,
    word* begins so. 140 finds 一百四十 and the other way round; pinyin finds characters; names of medicines and
    symptoms find each other. `by_sound` also finds what sounds the same, for words that were misheard.
    """

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    by_sound: bool = False
    departments: Annotated[tuple[Name, ...], Field(max_length=50)] = ()  # of the visit that the call was about
    queue_ids: Ids = ()
    agent_ids: Ids = ()
    patient_id: Id | None = None
    since: Instant | None = None
    until: Instant | None = None
    outcomes: Annotated[tuple[AttemptOutcome, ...], Field(max_length=50)] = ()
    purposes: Annotated[tuple[Purpose, ...], Field(max_length=10)] = ()
    alert_levels: Annotated[tuple[AlertLevel, ...], Field(max_length=3)] = ()
    channel: Channel | None = None
    least_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    shortest_seconds: Seconds | None = None  # of the whole recording
    longest_seconds: Seconds | None = None
    after: Annotated[str, StringConstraints(max_length=80)] | None = None  # `next` of the page before
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    count: bool = False  # also how many there are, which costs a second search


class MarkAnswer(Answer):
    """Where a word that was looked for stands in the snippet's text."""

    start: int
    end: int


class SnippetAnswer(Answer):
    """What was said around the find; `cut_before` and `cut_behind` say that the turn goes on there."""

    text: str
    marks: list[MarkAnswer]
    cut_before: bool
    cut_behind: bool


class HitAnswer(Answer):
    """A turn in which it was said: `start` is the second in the recording from which to play."""

    id: str
    recording_id: str
    call_id: str
    patient_id: str
    at: Instant
    channel: Channel
    start: float
    end: float
    confidence: float
    snippet: SnippetAnswer


class CountAnswer(Answer):
    """So many turns in so many recordings; `more`: at least so many."""

    turns: int
    recordings: int
    more: bool


class SearchAnswer(Answer):
    """Hits, newest first; ask again with after=`next`, which is empty on the last page."""

    search_id: str
    hits: list[HitAnswer]
    next: str | None
    count: CountAnswer | None


class TurnAround(Answer):
    """A turn near a hit."""

    channel: Channel
    start: float
    end: float
    text: str
    written: str  # as it would be written down, empty where that is the same
    confidence: float
    is_hit: bool


class OpenedAnswer(Answer):
    """A hit with what was said around it; GET /recordings/{recording_id}/audio plays it, `start` is the second."""

    id: str
    recording_id: str
    call_id: str
    patient_id: str
    transcript_id: str
    at: Instant
    start: float
    turns: list[TurnAround]


@router.post("/searches", responses=problems(Kind.UNKNOWN_PATIENT, Kind.NOT_YOURS))
def search_turns(
    ask: SearchAsk,
    caller: Annotated[Caller, Depends(Allowed(Role.AGENT, Role.SUPERVISOR, Role.DOCTOR, repeatable="it only reads"))],
    request: Request,
    uow: Work,
) -> SearchAnswer:
    """Where something was said, in calls of patients whom the caller may see; agents find their own calls.

    An agent who names a patient searches all of that patient's calls.
    """
    among = _among(ask, caller, uow)
    language = wiring_of(request).search
    try:
        query = language.query(ask.text, uow.turn_search, by_sound=ask.by_sound)
    except NothingToSearchError as error:
        raise Problem.of(Kind.INVALID_REQUEST, "text", str(error)) from error
    page = uow.turn_search.find(query, among, now=uow.now, after=_mark(ask.after), limit=ask.limit + 1)
    hits, more = page[: ask.limit], len(page) > ask.limit
    count = uow.turn_search.count(query, among, now=uow.now) if ask.count else None
    search_id = new_id()
    uow.audit.note(
        user_id=caller.user_id,
        action="turns_searched",
        subject_kind="search",
        subject=search_id,
        patient_id=ask.patient_id,
        detail={
            "asked": ask.model_dump(mode="json", exclude_defaults=True),
            "shown": [str(hit.mark.turn_id) for hit in hits],
            "recordings": list(dict.fromkeys(hit.recording_id for hit in hits)),
        },
    )
    marker = Marker.of(query, language.words)
    return SearchAnswer(
        search_id=search_id,
        hits=[_hit(hit, marker) for hit in hits],
        next=_written(hits[-1].mark) if more else None,
        count=CountAnswer.model_validate(count) if count else None,
    )


@router.get("/search-hits/{hit_id}", responses=problems(Kind.UNKNOWN_SEARCH_HIT))
def open_hit(
    hit_id: Annotated[int, Path(ge=1, le=2**63 - 1)], caller: CareTeam, uow: Work, search_id: Id | None = None
) -> OpenedAnswer:
    """What was said around a hit, and where to play it; `search_id` says which search led here, for the audit log."""
    hit = uow.turn_search.hit(hit_id)
    if hit is None:
        raise Problem.of(
            Kind.UNKNOWN_SEARCH_HIT,
            "hit_id",
            "there is no such hit (any more: the recording was transcribed anew, or its time is over); search again",
        )
    uow.audit.note(
        user_id=caller.user_id,
        action="search_hit_opened",
        subject_kind="recording",
        subject=hit.recording_id,
        patient_id=hit.patient_id,
        detail={"hit": str(hit_id), "second": hit.start, **({"search": search_id} if search_id else {})},
    )
    return OpenedAnswer(
        id=str(hit.mark.turn_id),
        recording_id=hit.recording_id,
        call_id=hit.call_id,
        patient_id=hit.patient_id,
        transcript_id=hit.transcript_id,
        at=hit.mark.at,
        start=hit.start,
        turns=[
            TurnAround(
                channel=turn.channel,
                start=turn.start,
                end=turn.end,
                text=turn.text,
                written=turn.written,
                confidence=turn.confidence,
                is_hit=turn.mark == hit.mark,
            )
            for turn in uow.turn_search.around(hit, TURNS_AROUND)
        ],
    )


def _among(ask: SearchAsk, caller: Caller, uow: UnitOfWork) -> TurnFilter:
    agent_ids = ask.agent_ids
    patient_id = None
    if ask.patient_id is not None:
        patient_id = found.kept_patient(uow, ask.patient_id).id
    elif not caller.roles & _SEE_ALL_CALLS:
        if set(agent_ids) - {caller.user_id}:
            raise Problem.of(
                Kind.NOT_YOURS, "agent_ids", "agents search their own calls; name a patient to search all of his"
            )
        agent_ids = (caller.user_id,)
    return TurnFilter(
        departments=ask.departments,
        queue_ids=ask.queue_ids,
        agent_ids=agent_ids,
        patient_id=patient_id,
        since=ask.since,
        until=ask.until,
        outcomes=ask.outcomes,
        purposes=ask.purposes,
        alert_levels=ask.alert_levels,
        channel=ask.channel,
        least_confidence=ask.least_confidence,
        shortest_seconds=ask.shortest_seconds,
        longest_seconds=ask.longest_seconds,
    )


def _hit(hit: TurnHit, marker: Marker) -> HitAnswer:
    snippet = marker.snippet(hit.text, hit.written)
    return HitAnswer(
        id=str(hit.mark.turn_id),
        recording_id=hit.recording_id,
        call_id=hit.call_id,
        patient_id=hit.patient_id,
        at=hit.mark.at,
        channel=hit.channel,
        start=hit.start,
        end=hit.end,
        confidence=hit.confidence,
        snippet=SnippetAnswer(
            text=snippet.text,
            marks=[MarkAnswer(start=start, end=end) for start, end in snippet.marks],
            cut_before=snippet.cut_before,
            cut_behind=snippet.cut_behind,
        ),
    )


def _written(mark: TurnMark) -> str:
    return f"{mark.at.isoformat()}_{mark.turn_id}"


def _mark(after: str | None) -> TurnMark | None:
    if after is None:
        return None
    at, _, turn_id = after.rpartition("_")
    try:
        instant, number = datetime.fromisoformat(at), int(turn_id)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        raise _no_place() from None
    if instant.tzinfo is None or not 0 < number < 2**63:
        raise _no_place()
    return TurnMark(at=instant, turn_id=number)


def _no_place() -> Problem:
    return Problem.of(Kind.INVALID_REQUEST, "after", "is not what `next` of the page before said")
