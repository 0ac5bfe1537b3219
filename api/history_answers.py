"""What several sources say of a patient, as the API tells it: the word that holds, and the others beside it."""

from datetime import date

from api.fields import Answer, Instant
from care.conflicts import Finding, PersonField, Settled, StatedValue
from care.history import EntryState, HistoryEntry, HistoryKind
from runtime.content.documents import Wording
from runtime.content.record_words import RecordWordsDocument


class EntryAnswer(Answer):
    """One version of a diagnosis, allergy, operation or illness of the family, with its source and instant."""

    id: str
    patient_id: str
    kind: HistoryKind
    code: str
    name: str
    state: EntryState
    since: date | None
    until: date | None
    relation: str
    note: str
    source: str
    source_title: Wording
    version: int
    decided: bool  # a person's word on what the source sent
    stated_at: Instant | None
    superseded_at: Instant | None
    confirmed_at: Instant | None
    recorded_at: Instant
    recorded_by: str | None


class FindingAnswer(Answer):
    """What holds, and what other sources say of the same thing."""

    holds: EntryAnswer
    others: list[EntryAnswer]
    in_conflict: bool


class StatedValueAnswer(Answer):
    """One source's word about the person."""

    field: PersonField
    value: str | None
    source: str
    source_title: Wording
    version: int
    stated_at: Instant
    superseded_at: Instant | None
    recorded_at: Instant
    recorded_by: str | None
    reason: str


class SettledAnswer(Answer):
    """A field: the word that holds, and the words that differ from it."""

    field: PersonField
    title: Wording
    holds: StatedValueAnswer | None
    others: list[StatedValueAnswer]


def entry_answer(entry: HistoryEntry, words: RecordWordsDocument) -> EntryAnswer:
    """A version with its source in words."""
    plain = {name: getattr(entry, name) for name in EntryAnswer.model_fields if name != "source_title"}
    return EntryAnswer(**plain, source_title=words.source_title(entry.source))


def finding_answer(finding: Finding, words: RecordWordsDocument) -> FindingAnswer:
    """A finding with everything that is said of it."""
    return FindingAnswer(
        holds=entry_answer(finding.holds, words),
        others=[entry_answer(other, words) for other in finding.others],
        in_conflict=finding.in_conflict,
    )


def stated_answer(word: StatedValue, words: RecordWordsDocument) -> StatedValueAnswer:
    """A word with its source in words."""
    plain = {name: getattr(word, name) for name in StatedValueAnswer.model_fields if name != "source_title"}
    return StatedValueAnswer(**plain, source_title=words.source_title(word.source))


def settled_answer(field: PersonField, settled: Settled, words: RecordWordsDocument) -> SettledAnswer:
    """A field with everything that is said of it now."""
    return SettledAnswer(
        field=field,
        title=words.person[field],
        holds=stated_answer(settled.holds, words) if settled.holds else None,
        others=[stated_answer(other, words) for other in settled.others],
    )
