"""How long recordings are kept, what would be destroyed (a dry run), who agreed to shorter times, and the proofs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AdminCommanding, CareTeam, Overseers
from api.problems import Kind, Problem, problems
from api.routes.recording_gaps import TwoWords
from api.wiring import Wiring, wiring_of
from followup.retention import PurgeState
from runtime.content.retention import RetentionDocument

router = APIRouter(tags=["retention"], route_class=Route)

_SHOWN = 200


class RuleAnswer(Answer):
    """One class of recordings and how long it is kept; a condition that names nothing holds for all."""

    id: str
    keep: str
    words: TwoWords
    purposes: list[str]
    departments: list[str]
    outcomes: list[str]
    alert_levels: list[str]
    complaint: bool


class RetentionAnswer(Answer):
    """The rules that hold here: of several that match, the longest wins; what none matches is kept for ever."""

    edition: str
    status: str
    source: str
    floor: str
    purges: bool  # False: what is over is only told of
    rules: list[RuleAnswer]


class ClassAnswer(Answer):
    """How much is kept by a rule, and what of it would be destroyed; no rule: for ever."""

    rule: str | None
    edition: str
    recordings: int
    bytes: int
    seconds: float
    held: int
    due: int
    due_bytes: int
    would_be_shorter: int
    next_until: Instant | None


class OutlookAnswer(Answer):
    """What would be destroyed at `at`, were nothing learned or held until then. Asking destroys nothing."""

    at: Instant
    purges: bool
    due: int
    due_bytes: int
    unsettled: int  # calls that nobody has closed, or that wait for their turn
    classes: list[ClassAnswer]
    recording_ids: list[str]  # the first of those due


class ConfirmAsk(Ask):
    """Whose shorter times are agreed to, and why."""

    edition: Annotated[str, StringConstraints(min_length=3, max_length=80)]
    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class ConfirmationAnswer(Answer):
    """Somebody agreed to shorter times: for how many recordings that were made under longer ones."""

    edition: str
    confirmed_by: str
    because: str
    shortened: int
    confirmed_at: Instant


class ConfirmationsAnswer(Answer):
    """The newest first."""

    confirmations: list[ConfirmationAnswer]


class PurgeAnswer(Answer):
    """Proof of a destruction: what, when, by which rule, how many rows and objects; `trouble`: why it is not done."""

    id: str
    recording_id: str
    rule: str
    edition: str
    kept_until: Instant
    sha256: str | None
    size: int | None
    seconds: float | None
    removed: dict[str, int]
    state: PurgeState
    begun_at: Instant
    done_at: Instant | None
    trouble: str


class PurgesAnswer(Answer):
    """The newest first."""

    purges: list[PurgeAnswer]


class KeepingAnswer(Answer):
    """Until when one recording is kept and by which rule; no end: for ever."""

    recording_id: str
    settled: bool
    rule: str | None
    until: Instant | None
    held: bool


@router.get("/retention")
def read_retention(request: Request, caller: Overseers) -> RetentionAnswer:  # noqa: ARG001
    """The rules of this installation."""
    wiring = wiring_of(request)
    document = _document(wiring)
    return RetentionAnswer(
        edition=document.value().edition,
        status=document.status,
        source=document.source,
        floor=document.floor,
        purges=wiring.retention_purges,
        rules=[
            RuleAnswer(
                id=rule.id,
                keep=rule.keep,
                words=TwoWords(zh=rule.words.zh, en=rule.words.en),
                purposes=sorted(rule.purposes),
                departments=sorted(rule.departments),
                outcomes=sorted(rule.outcomes),
                alert_levels=sorted(rule.alert_levels),
                complaint=rule.complaint,
            )
            for rule in document.rules
        ],
    )


@router.get("/retention/outlook")
def read_outlook(
    request: Request,
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    at: Instant | None = None,
) -> OutlookAnswer:
    """The dry run: what would be destroyed now, or at an instant to come."""
    when = max(at or uow.now, uow.now)
    classes = uow.retention.outlook(now=uow.now, at=when)
    return OutlookAnswer(
        at=when,
        purges=wiring_of(request).retention_purges,
        due=sum(each.due for each in classes),
        due_bytes=sum(each.due_bytes for each in classes),
        unsettled=uow.retention.count_unsettled(),
        classes=[ClassAnswer.model_validate(each) for each in classes],
        recording_ids=uow.retention.due(when, limit=_SHOWN),
    )


@router.post("/retention/confirmations", responses=problems(Kind.NOT_POSSIBLE_NOW))
def confirm_shorter_times(ask: ConfirmAsk, request: Request, caller: AdminCommanding, uow: Work) -> ConfirmationAnswer:
    """Let shorter times hold for what was recorded under longer ones; else they hold for new ones only."""
    edition = _document(wiring_of(request)).value().edition
    if ask.edition != edition:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "edition", f"the rules that hold now are {edition}; look at them first")
    shortened = uow.retention.confirm_shorter(edition, by=caller.user_id, because=ask.because, now=uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="retention_shortened",
        subject_kind="retention",
        subject=edition,
        detail={"because": ask.because, "recordings": shortened},
    )
    return ConfirmationAnswer(
        edition=edition,
        confirmed_by=caller.user_id,
        because=ask.because,
        shortened=shortened,
        confirmed_at=uow.now,
    )


@router.get("/retention/confirmations")
def list_confirmations(caller: Overseers, uow: Work) -> ConfirmationsAnswer:  # noqa: ARG001
    """Who agreed to shorter times."""
    return ConfirmationsAnswer(
        confirmations=[ConfirmationAnswer.model_validate(row) for row in uow.retention.confirmations()]
    )


@router.get("/purges")
def list_purges(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    undone: bool = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PurgesAnswer:
    """Proofs of destruction."""
    return PurgesAnswer(
        purges=[PurgeAnswer.model_validate(each) for each in uow.purges.page(limit=limit, undone=undone)]
    )


@router.get("/recordings/{recording_id}/keeping", responses=problems(Kind.UNKNOWN_RECORDING))
def read_keeping(recording_id: Id, caller: CareTeam, uow: Work) -> KeepingAnswer:  # noqa: ARG001
    """Until when a recording is kept."""
    recording = found.recording(uow, recording_id)
    kept = uow.retention.keepings([recording.id]).get(recording.id)
    return KeepingAnswer(
        recording_id=recording.id,
        settled=kept is not None,
        rule=kept.rule if kept else None,
        until=kept.until if kept else None,
        held=uow.retention.is_held(recording.id, uow.now),
    )


def _document(wiring: Wiring) -> RetentionDocument:
    return wiring.content.retention_documents[wiring.gate.profile.id]
