"""Confirming and correcting what the record says beside a question: each entry by itself, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from care.conflicts import same_name
from care.forms import AnswerRefusedError, Form, FormItem
from care.history import EntryState, HistoryEntry
from care.intake import HISTORY_OF, EntryReview, Verdict, names_told
from care.responses import Response, ResponseClosedError, ResponseMode, ResponseState
from db.answering import Saved, form_named, save_answer
from db.prefilling import Prefilled, names_told_here, prefilled, tell
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from runtime.content.library import Content
from runtime.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said of one entry; `text` is what it is instead."""

    verdict: Verdict
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """Who wrote it down, how, and who spoke."""

    by: str
    mode: ResponseMode
    attempt_id: str | None = None
    relative_id: str | None = None


def review(
    uow: UnitOfWork,
    content: Content,
    response: Response,
    link_id: str,
    said: Mapping[str, Said],
    *,
    more: Sequence[str],
    speaking: Speaking,
) -> Saved:
    """Confirm or correct every entry beside a question and add what is new; what holds becomes the answer in words.

    AnswerRefusedError if an entry was passed over, is not (or no longer) beside the question, or a correction says
    nothing. Nothing that another source said is changed: a denial stands beside it until a doctor decides.
    """
    held = uow.responses.for_update(response.id)
    if held is None:
        raise LookupError(f"response {response.id} does not exist")
    if held.state is not ResponseState.IN_PROGRESS:
        raise ResponseClosedError
    form = form_named(content, held.form_id)
    item = form.item(link_id)
    if item is None or item.prefill is None:
        raise AnswerRefusedError(link_id, "nothing of the record stands beside this question", "answer it in words")
    beside = prefilled(uow, content, form, held, link_id=link_id)
    _refuse_gaps(link_id, beside, said)
    holding: dict[str, str] = {}
    for one in beside:
        word = said.get(one.entry.id) or _said_before(one)
        for name in _names_that_hold(one.entry, word):
            holding.setdefault(same_name(name), name)
        if one.entry.id in said:
            _keep(uow, form, held, item, one, word, speaking)
    for name in names_told_here(uow, form, held, HISTORY_OF[item.prefill]):
        holding.setdefault(same_name(name), name)
    for name in (part for words in more for part in names_told(words)):
        if not content.record_words.says_nothing(name):
            tell(uow, form, held, HISTORY_OF[item.prefill], name, by=speaking.by)
            holding.setdefault(same_name(name), name)
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=held.patient_id))
    return save_answer(
        uow,
        content,
        held,
        link_id,
        _in_words(uow, content, held, list(holding.values())),
        by=speaking.by,
        mode=speaking.mode,
        attempt_id=speaking.attempt_id,
        relative_id=speaking.relative_id,
        reviewed=True,
    )


def _refuse_gaps(link_id: str, beside: Sequence[Prefilled], said: Mapping[str, Said]) -> None:
    known = {one.entry.id for one in beside}
    if strange := [entry_id for entry_id in said if entry_id not in known]:
        raise AnswerRefusedError(
            link_id,
            f"{len(strange)} of the entries do not stand beside this question (any more)",
            "read the prefill again: the record has changed meanwhile",
        )
    passed_over = [one for one in beside if one.review is None and one.entry.id not in said]
    if passed_over:
        raise AnswerRefusedError(
            link_id,
            f"{len(passed_over)} entries of the record were passed over",
            "say of each whether it holds, is not so, is another, or is not known",
        )
    for word in said.values():
        if (word.verdict is Verdict.CHANGED) != bool(word.text.strip()):
            raise AnswerRefusedError(
                link_id, "a text says what an entry is instead", "give it for changed, and only there"
            )


def _said_before(one: Prefilled) -> Said:
    return Said(verdict=one.review.verdict, text=one.review.text) if one.review else Said(verdict=Verdict.UNKNOWN)


def _names_that_hold(entry: HistoryEntry, said: Said) -> tuple[str, ...]:
    match said.verdict:
        case Verdict.HOLDS:
            return (entry.name,)
        case Verdict.CHANGED:
            return names_told(said.text)
        case _:
            return ()


def _keep(
    uow: UnitOfWork,
    form: Form,
    response: Response,
    item: FormItem,
    one: Prefilled,
    said: Said,
    speaking: Speaking,
) -> None:
    result = _written(uow, form, response, item, one.entry, said, speaking)
    uow.reviews.add(
        EntryReview(
            id=new_id(),
            response_id=response.id,
            link_id=one.link_id,
            entry_id=one.entry.id,
            verdict=said.verdict,
            text=said.text,
            result_id=result.id if result else None,
            by=speaking.by,
            relative_id=speaking.relative_id,
            attempt_id=speaking.attempt_id,
            at=uow.now,
        )
    )


def _written(
    uow: UnitOfWork,
    form: Form,
    response: Response,
    item: FormItem,
    shown: HistoryEntry,
    said: Said,
    speaking: Speaking,
) -> HistoryEntry | None:
    """The version of the history that a verdict makes."""
    if said.verdict is Verdict.UNKNOWN or item.prefill is None:
        return None
    current = next((v for v in uow.history.versions_of(shown.id) if v.superseded_at is None), shown)
    if said.verdict is Verdict.HOLDS:
        held = uow.history.confirm(current.id, by=speaking.by, at=uow.now)
        _take_back_denial(uow, form, response, current, speaking)
        return held
    denial = tell(uow, form, response, shown.kind, shown.name, by=speaking.by, state=EntryState.REFUTED, about=current)
    if said.verdict is Verdict.NOT_SO:
        return denial
    told = [tell(uow, form, response, shown.kind, name, by=speaking.by) for name in names_told(said.text)]
    return told[0] if told else denial


def _take_back_denial(uow: UnitOfWork, form: Form, response: Response, entry: HistoryEntry, speaking: Speaking) -> None:
    """Who denied it once and says now that it holds is not held to the denial."""
    source = f"form:{form.id}"
    first = uow.history.versions_of(entry.id)[0].id
    for other in uow.history.current_of(response.patient_id, entry.kind):
        if (other.source, other.source_key, other.state) == (source, f"on/{first}", EntryState.REFUTED):
            tell(uow, form, response, entry.kind, entry.name, by=speaking.by, about=entry)


def _in_words(uow: UnitOfWork, content: Content, response: Response, names: Sequence[str]) -> str:
    patient = uow.patients.get(response.patient_id)
    chinese = patient is None or patient.language == "zh"
    if not names:
        nothing = content.record_words.nothing
        return nothing.zh[0] if chinese else nothing.en[0]
    return ("；" if chinese else "; ").join(names)[:2000]
