"""Keywords that supervisors want to hear of: shipped sets, their own, and where each was said."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, Field, StringConstraints, field_validator

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line
from api.permissions import Overseers, SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.keywords import ListedHit
from db.unit_of_work import UnitOfWork
from followup.keywords import RETIRED, KeywordSet, KeywordSide
from followup.recordings import Channel
from runtime.content.documents import Wording
from runtime.content.keywords import KeywordDocument, codes_once
from transcription.phrase_patterns import PatternError, spelled_out

router = APIRouter(tags=["keywords"], route_class=Route)

SetId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def _readable(keywords: tuple[KeywordDocument, ...]) -> tuple[KeywordDocument, ...]:
    for keyword in keywords:
        for phrase in (*keyword.zh, *keyword.zh_exact, *keyword.en):
            try:
                spelled_out(phrase, {})
            except PatternError as error:
                raise ValueError(f"keyword {keyword.code}: {error}") from error
    return codes_once(keywords)


Keywords = Annotated[tuple[KeywordDocument, ...], AfterValidator(_readable)]


class KeywordAnswer(Answer):
    """One keyword and its phrases."""

    code: str
    title: dict[str, str]
    zh: list[str]
    zh_exact: list[str]
    en: list[str]


class KeywordSetAnswer(Answer):
    """A set. `own`: a supervisor wrote it; it stands in place of a shipped one of the same id."""

    id: str
    version: int
    status: str
    source: str
    title: dict[str, str]
    side: KeywordSide
    keywords: list[KeywordAnswer]
    own: bool
    changed_at: Instant | None
    changed_by: str | None


class KeywordSetsAnswer(Answer):
    """Every set, retired ones too, by id."""

    sets: list[KeywordSetAnswer]


class KeywordSetAsk(Ask):
    """A set as it shall be from the next transcript on; `reason` says why it is changed."""

    title: Wording
    side: KeywordSide
    keywords: Keywords = Field(min_length=1, max_length=200)
    reason: Line

    @field_validator("keywords", mode="before")
    @classmethod
    def _as_tuple(cls, given: object) -> object:
        return tuple(given) if isinstance(given, list) else given


class RetireAsk(Ask):
    """Why nobody listens for it any more."""

    reason: Line


class KeywordHitAnswer(Answer):
    """A keyword said in a call, `at_second` of its recording, which asks for a ground to be opened."""

    position: int
    recording_id: str
    call_id: str
    patient_id: str
    agent_id: str | None
    queue_id: str
    set_id: str
    set_version: int
    code: str
    title: dict[str, str]
    channel: Channel
    turn: int
    at_second: float
    heard: str
    said_at: Instant


class KeywordHitsAnswer(Answer):
    """The newest first; `next` is the `before` of the next page."""

    hits: list[KeywordHitAnswer]
    next: int | None


@router.get("/keyword-sets")
def list_keyword_sets(caller: Overseers, request: Request, uow: Work) -> KeywordSetsAnswer:  # noqa: ARG001
    """What is listened for besides signs of danger."""
    every = _every(uow, request)
    return KeywordSetsAnswer(sets=[_answer(every[name]) for name in sorted(every)])


@router.post("/keyword-sets/{set_id}", responses=problems(Kind.NOT_POSSIBLE_NOW))
def write_keyword_set(
    set_id: SetId, ask: KeywordSetAsk, caller: SupervisorCommanding, request: Request, uow: Work
) -> KeywordSetAnswer:
    """Write a set, new or in place of the one with this id; transcripts made from now on are looked through with it."""
    before = _every(uow, request).get(set_id)
    written = KeywordSet(
        id=set_id,
        version=before.version + 1 if before else 1,
        status="active",
        source=ask.reason,
        title={"zh": ask.title.zh, "en": ask.title.en},
        side=ask.side,
        keywords=tuple(keyword.value() for keyword in ask.keywords),
        own=True,
        changed_at=uow.now,
        changed_by=caller.user_id,
    )
    return _put(uow, caller, written, "write_keyword_set")


@router.post("/keyword-sets/{set_id}/retire", responses=problems(Kind.UNKNOWN_KEYWORD_SET))
def retire_keyword_set(
    set_id: SetId, ask: RetireAsk, caller: SupervisorCommanding, request: Request, uow: Work
) -> KeywordSetAnswer:
    """Listen for a set no longer; its hits so far stay. Writing it again brings it back."""
    before = _every(uow, request).get(set_id)
    if before is None:
        raise Problem.of(Kind.UNKNOWN_KEYWORD_SET, "set_id", "there is none; GET /api/v1/keyword-sets lists them")
    retired = KeywordSet(
        id=set_id,
        version=before.version + 1,
        status=RETIRED,
        source=ask.reason,
        title=before.title,
        side=before.side,
        keywords=before.keywords,
        own=True,
        changed_at=uow.now,
        changed_by=caller.user_id,
    )
    return _put(uow, caller, retired, "retire_keyword_set")


@router.get("/keyword-hits")
def list_keyword_hits(
    caller: SupervisorOnly,
    request: Request,
    uow: Work,
    set_id: SetId | None = None,
    code: SetId | None = None,
    agent_id: Id | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Limit = 100,
) -> KeywordHitsAnswer:
    """Where keywords were said, with the second and the words; who looked is noted."""
    hits = uow.keywords.hits(
        set_id=set_id, code=code, agent_id=agent_id, since=since, until=until, before=before, limit=limit + 1
    )
    titles = {
        (one.id, keyword.code): dict(keyword.title) for one in _every(uow, request).values() for keyword in one.keywords
    }
    uow.audit.note(
        user_id=caller.user_id, action="list_keyword_hits", subject_kind="keyword_set", subject=set_id or "every"
    )
    return KeywordHitsAnswer(
        hits=[_hit(hit, titles) for hit in hits[:limit]], next=hits[limit - 1].position if len(hits) > limit else None
    )


def _every(uow: UnitOfWork, request: Request) -> dict[str, KeywordSet]:
    return {**wiring_of(request).content.keyword_sets, **uow.keywords.own_sets()}


def _put(uow: UnitOfWork, caller: Caller, written: KeywordSet, action: str) -> KeywordSetAnswer:
    uow.keywords.put(written)
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="keyword_set", subject=written.id)
    return _answer(written)


def _answer(one: KeywordSet) -> KeywordSetAnswer:
    return KeywordSetAnswer(
        id=one.id,
        version=one.version,
        status=one.status,
        source=one.source,
        title=dict(one.title),
        side=one.side,
        keywords=[
            KeywordAnswer(
                code=each.code,
                title=dict(each.title),
                zh=list(each.zh),
                zh_exact=list(each.zh_exact),
                en=list(each.en),
            )
            for each in one.keywords
        ],
        own=one.own,
        changed_at=one.changed_at,
        changed_by=one.changed_by,
    )


def _hit(hit: ListedHit, titles: dict[tuple[str, str], dict[str, str]]) -> KeywordHitAnswer:
    return KeywordHitAnswer(
        position=hit.position,
        recording_id=hit.recording_id,
        call_id=hit.call_id,
        patient_id=hit.patient_id,
        agent_id=hit.agent_id,
        queue_id=hit.queue_id,
        set_id=hit.set_id,
        set_version=hit.set_version,
        code=hit.code,
        title=titles.get((hit.set_id, hit.code), {"zh": hit.code, "en": hit.code}),
        channel=hit.channel,
        turn=hit.turn,
        at_second=hit.at_second,
        heard=hit.heard,
        said_at=hit.said_at,
    )
