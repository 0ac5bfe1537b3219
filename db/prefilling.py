"""What the record says beside the questions of a form, what keeps it from being passed over, and what is told anew."""

from collections.abc import Sequence
from dataclasses import dataclass

from care.conflicts import findings_of, same_name
from care.forms import AnswerRefusedError, Form, counted_answers
from care.history import EntryState, HistoryEntry, HistoryKind
from care.intake import HISTORY_OF, EntryReview, names_told
from care.responses import Response
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from runtime.content.library import Content
from runtime.identifiers import new_id

_TOLD = "told/"
"""How the keys begin of what a patient says by a form without any other source having said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefilled:
    """An entry of the record beside a question; `review` is what was said of it in this response."""

    link_id: str
    entry: HistoryEntry
    review: EntryReview | None


def prefilled(
    uow: UnitOfWork, content: Content, form: Form, response: Response, *, link_id: str | None = None
) -> Sequence[Prefilled]:
    """What holds in the record for the form's questions, or for one of them.

    An entry that was spoken of in this response stays, as the version that was shown then.
    """
    asked = [
        item for item in form.questions() if item.prefill is not None and (link_id is None or item.link_id == link_id)
    ]
    if not asked:
        return []
    reviews = uow.reviews.of_response(response.id)
    spoken_of = {(review.link_id, review.entry_id): review for review in reviews}
    came_of_it = {review.result_id for review in reviews}
    findings = findings_of(uow.history.current_of(response.patient_id), content.source_ranks.history)
    found: list[Prefilled] = []
    for item in asked:
        kind = HISTORY_OF[item.prefill] if item.prefill is not None else None
        for (link, entry_id), review in spoken_of.items():
            entry = uow.history.get(entry_id) if link == item.link_id else None
            if entry is not None:
                found.append(Prefilled(link_id=item.link_id, entry=entry, review=review))
        for finding in findings:
            entry = finding.holds
            if entry.kind is not kind or entry.state is not EntryState.ACTIVE or entry.id in came_of_it:
                continue
            if _told_here(form, response, entry):
                continue
            if not _spoken_of(uow, entry, item.link_id, reviews):
                found.append(Prefilled(link_id=item.link_id, entry=entry, review=None))
    return found


def refuse_unreviewed(uow: UnitOfWork, content: Content, form: Form, response: Response, link_id: str) -> None:
    """AnswerRefusedError while the record says something of this question that nobody has confirmed or corrected."""
    if (item := form.item(link_id)) is None or item.prefill is None:
        return
    waiting = [one for one in prefilled(uow, content, form, response, link_id=link_id) if one.review is None]
    if waiting:
        raise AnswerRefusedError(
            link_id,
            f"the record has {len(waiting)} entries for this question that nobody has confirmed or corrected",
            f"read GET /responses/{response.id}/prefill and send what was said of each to "
            f"POST /responses/{response.id}/review/{link_id}",
        )


def take_told(uow: UnitOfWork, content: Content, form: Form, response: Response, *, by: str | None) -> None:
    """Keep what was answered in words as entries of the history; what other sources say stays as it is."""
    taken = False
    for link_id, answer in counted_answers(form, response.answers).items():
        item = form.item(link_id)
        if item is None or item.prefill is None or not isinstance(answer, str):
            continue
        kind = HISTORY_OF[item.prefill]
        current = uow.history.current_of(response.patient_id, kind)
        known = {same_name(entry.name) for entry in current if entry.state is EntryState.ACTIVE}
        for name in names_told(answer):
            if content.record_words.says_nothing(name) or same_name(name) in known:
                continue
            tell(uow, form, response, kind, name, by=by)
            taken = True
    if taken:
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=response.patient_id))


def tell(
    uow: UnitOfWork,
    form: Form,
    response: Response,
    kind: HistoryKind,
    name: str,
    *,
    by: str | None,
    state: EntryState = EntryState.ACTIVE,
    about: HistoryEntry | None = None,
) -> HistoryEntry:
    """What the patient says by a form: of an entry of another source (`about`), or something new."""
    first = uow.history.versions_of(about.id)[0].id if about is not None else None
    return uow.history.put(
        HistoryEntry(
            id=new_id(),
            patient_id=response.patient_id,
            kind=kind,
            code=about.code if about is not None else "",
            name=name,
            state=state,
            relation=about.relation if about is not None else "",
            source=f"form:{form.id}",
            source_key=f"on/{first}" if first is not None else _TOLD + same_name(name)[:150],
            recorded_at=uow.now,
            recorded_by=by,
        )
    )


def names_told_here(uow: UnitOfWork, form: Form, response: Response, kind: HistoryKind) -> tuple[str, ...]:
    """What was added while this response was filled in, and holds."""
    return tuple(
        entry.name
        for entry in reversed(uow.history.current_of(response.patient_id, kind))
        if entry.state is EntryState.ACTIVE and _told_here(form, response, entry)
    )


def _told_here(form: Form, response: Response, entry: HistoryEntry) -> bool:
    return (
        entry.source == f"form:{form.id}"
        and entry.source_key.startswith(_TOLD)
        and entry.recorded_at >= response.started_at
    )


def _spoken_of(uow: UnitOfWork, entry: HistoryEntry, link_id: str, reviews: Sequence[EntryReview]) -> bool:
    """True if this entry, in whichever version, was spoken of for the question already."""
    mine = {review.entry_id for review in reviews if review.link_id == link_id}
    return bool(mine) and any(version.id in mine for version in uow.history.versions_of(entry.id))
