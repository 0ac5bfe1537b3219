"""The search over what was said: one row for each turn of a recording's newest transcript, found by words and labels.

Labels narrow inside the same index as the words; whether the reader may see a hit is asked of his ties themselves, in
the same statement, so that a label that is behind hides a turn at worst and never shows one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.care_team import CareTeamRepository, tie_condition
from db.metadata import closed_set, instant, metadata
from db.recordings import transcripts
from followup.recordings import Channel, Recording, Transcript
from followup.searches import HitCount, IndexedTurn, Phrase, Term, TurnFilter, TurnHit, TurnMark, TurnQuery

COUNTED = 1000
"""Hits are counted up to here; nobody reads more."""

FIRST_SLICE = timedelta(days=2)
"""How far back is looked at first: what everybody says is found there, and nothing older need be read."""

_AMPLE = 2.0
"""The next slice is so many times as long as it would have to be if people went on saying it as often."""

_LONGEST_SLICE = timedelta(days=1000)
"""What is not found so far back is looked for in all there is."""

_NAMED_PATIENTS = 500
"""So many patients to whom a reader is tied himself are looked up in the words' index; more by their rows."""


def _of(name: str, target: str) -> Column[Any]:
    return Column(name, Uuid(as_uuid=False), ForeignKey(target, ondelete="CASCADE"), nullable=False, index=True)


indexed_transcripts = Table(
    "indexed_transcripts",
    metadata,
    Column("recording_id", Uuid(as_uuid=False), ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True),
    _of("transcript_id", "transcripts.id"),
    Column("words_version", String(64), nullable=False),
    Column("turns", Integer, nullable=False),
    instant("indexed_at"),
)

transcript_turns = Table(
    "transcript_turns",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _of("recording_id", "recordings.id"),
    _of("transcript_id", "transcripts.id"),
    Column("call_id", Uuid(as_uuid=False), nullable=False),
    Column("patient_id", Uuid(as_uuid=False), nullable=False, index=True),  # follows the recording's, by a trigger
    Column("position", Integer, nullable=False),
    closed_set("channel", Channel),
    Column("start_second", Float, nullable=False),
    Column("end_second", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("recording_seconds", Float, nullable=True),
    instant("at"),
    Column("text", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Column("labels", ARRAY(Text), nullable=False),  # turn_labels() in the database makes them, triggers keep them
    Index("ix_transcript_turns_at", "at", "id"),
    # Without a list of what is pending: every search would read it through.
    Index(
        "ix_transcript_turns_words",
        "words",
        "labels",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    ),
)

turn_words = Table(
    "turn_words",
    metadata,
    Column("word", String(40), primary_key=True),
    Column("sound", String(200), nullable=False, index=True),
)
"""Words of the dictionary that were ever said, and how they sound: who types pinyin finds them."""

_turn = transcript_turns.c
_SHOWN = tuple(column for column in transcript_turns.columns if column.name not in ("words", "labels"))


class TurnSearch:
    """The index: fills it, empties it, asks it as the reader of this unit of work."""

    def __init__(self, session: Session, care_team: CareTeamRepository) -> None:
        self._session = session
        self._care_team = care_team

    def replace(
        self,
        recording: Recording,
        transcript: Transcript,
        turns: Sequence[IndexedTurn],
        *,
        words_version: str,
        now: datetime,
    ) -> None:
        """Put a recording's turns in place of those that were there."""
        self.forget(recording.id)
        begun = recording.started_at or transcript.created_at
        self._session.execute(
            insert(indexed_transcripts).values(
                recording_id=recording.id,
                transcript_id=transcript.id,
                words_version=words_version,
                turns=len(turns),
                indexed_at=now,
            )
        )
        if not turns:
            return
        labels: Sequence[str] = self._session.execute(
            select(func.turn_labels(cast(recording.id, Uuid(as_uuid=False)), type_=ARRAY(Text)))
        ).scalar_one()
        self._session.execute(
            insert(transcript_turns),
            [
                {
                    "recording_id": recording.id,
                    "transcript_id": transcript.id,
                    "call_id": recording.call_id,
                    "patient_id": recording.patient_id,
                    "position": turn.position,
                    "channel": turn.channel,
                    "start_second": turn.start,
                    "end_second": turn.end,
                    "confidence": turn.confidence,
                    "recording_seconds": recording.seconds,
                    "at": begun + timedelta(seconds=turn.start),
                    "text": turn.text,
                    "written": turn.written,
                    "words": written_vector(turn.places),
                    "labels": [*labels, f"channel:{turn.channel.value}"],
                }
                for turn in turns
            ],
        )

    def forget(self, recording_id: str) -> None:
        """Take a recording out of the index."""
        self._session.execute(delete(transcript_turns).where(_turn.recording_id == recording_id))
        self._session.execute(delete(indexed_transcripts).where(indexed_transcripts.c.recording_id == recording_id))

    def outdate(self, recording_id: str) -> None:
        """Let a recording's turns be found as they are until they are put in anew, which they now have to be."""
        self._session.execute(delete(indexed_transcripts).where(indexed_transcripts.c.recording_id == recording_id))

    def indexed_as(self, recording_id: str) -> tuple[str, str] | None:
        """Which transcript of a recording is in the index, and by which version of the words."""
        row = self._session.execute(
            select(indexed_transcripts.c.transcript_id, indexed_transcripts.c.words_version).where(
                indexed_transcripts.c.recording_id == recording_id
            )
        ).one_or_none()
        return (row.transcript_id, row.words_version) if row else None

    def to_index(self, *, after: str | None, limit: int, besides: str | None = None) -> Sequence[str]:
        """Recordings that have a transcript, in order of id, from behind `after`.

        `besides` leaves out those whose newest transcript is in the index by this version of the words.
        """
        query = _heard(besides).order_by(transcripts.c.recording_id).limit(limit)
        if after is not None:
            query = query.where(transcripts.c.recording_id > after)
        return self._session.scalars(query).all()

    def count_to_index(self, *, besides: str | None = None) -> int:
        """How many recordings `to_index` gives in all."""
        return self._session.scalar(select(func.count()).select_from(_heard(besides).subquery())) or 0

    def learn(self, sounds: Mapping[str, str]) -> None:
        """Note how words sound; those that are known stay."""
        if sounds:
            rows = [{"word": word, "sound": sound} for word, sound in sorted(sounds.items())]
            self._session.execute(insert_or_not(turn_words).on_conflict_do_nothing(), rows)

    def words_sounding(self, sounds: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Words that were ever said, by their sound."""
        found: dict[str, list[str]] = {}
        query = select(turn_words).where(turn_words.c.sound.in_(sounds)).order_by(turn_words.c.word)
        for row in self._session.execute(query):
            found.setdefault(row.sound, []).append(row.word)
        return found

    def words_with(self, character: str, limit: int) -> Sequence[str]:
        """Words that were ever said and hold a character, the shortest first."""
        return self._session.scalars(
            select(turn_words.c.word)
            .where(turn_words.c.word.contains(character, autoescape=True))
            .order_by(func.length(turn_words.c.word), turn_words.c.word)
            .limit(limit)
        ).all()

    def find(
        self, query: TurnQuery, among: TurnFilter, *, now: datetime, after: TurnMark | None = None, limit: int
    ) -> Sequence[TurnHit]:
        """Turns that the reader may see, newest first, from behind `after`."""
        found: list[TurnHit] = []
        wanted = self._wanted(query, among, now)
        until = among.until
        newest = min(each for each in (until, after.at if after else None, now) if each is not None)
        length: timedelta | None = FIRST_SLICE
        while True:
            since = _later(among.since, _before(newest, length))
            statement = self._seen(wanted, _between(since, until, after), limit - len(found), now)
            found += [_hit(row) for row in self._session.execute(statement)]
            if len(found) >= limit or since == among.since:
                return found
            until, length = since, _next_length(newest, since, len(found), limit)

    def count(self, query: TurnQuery, among: TurnFilter, *, now: datetime) -> HitCount:
        """How many the reader may see."""
        conditions = _between(among.since, among.until, None)
        hits = self._seen(self._wanted(query, among, now), conditions, COUNTED + 1, now, ordered=False).subquery()
        row = self._session.execute(
            select(func.count().label("turns"), func.count(hits.c.recording_id.distinct()).label("recordings"))
        ).one()
        return HitCount(turns=min(row.turns, COUNTED), recordings=row.recordings, more=row.turns > COUNTED)

    def hit(self, turn_id: int) -> TurnHit | None:
        """One turn; whether the reader may see it is not asked."""
        row = self._session.execute(select(*_SHOWN).where(_turn.id == turn_id)).one_or_none()
        return _hit(row) if row else None

    def around(self, hit: TurnHit, turns: int) -> Sequence[TurnHit]:
        """The turns before and after a hit, and the hit, in the order in which they were said."""
        rows = self._session.execute(
            select(*_SHOWN)
            .where(
                _turn.recording_id == hit.recording_id,
                _turn.position.between(hit.position - turns, hit.position + turns),
            )
            .order_by(_turn.position)
        )
        return [_hit(row) for row in rows]

    def _wanted(self, query: TurnQuery, among: TurnFilter, now: datetime) -> list[ColumnElement[bool]]:
        """What the index of words and labels decides, and what is cheap to ask of a row."""
        wanted: list[ColumnElement[bool]] = [_turn.words.bool_op("@@")(cast(_asked(query), TSQUERY))]
        if needed := _needed(among):
            wanted.append(_turn.labels.contains(needed))
        wanted += [_turn.labels.overlap(any_of) for any_of in _choices(among)]
        if (near := self._near_reader(now)) is not None:
            wanted.append(near)
        if among.least_confidence is not None:
            wanted.append(_turn.confidence >= among.least_confidence)
        if among.shortest_seconds is not None:
            wanted.append(_turn.recording_seconds >= among.shortest_seconds)
        if among.longest_seconds is not None:
            wanted.append(_turn.recording_seconds <= among.longest_seconds)
        return wanted

    def _near_reader(self, now: datetime) -> ColumnElement[bool] | None:
        """By their labels: turns of patients of the reader's departments, of nobody's and of his own."""
        reader = self._care_team.reader
        if reader is None or not reader.departments:
            return None
        cares = [f"cares:{department}" for department in ("", *reader.departments)]
        tied = self._care_team.tied_personally(reader, now)
        if len(tied) <= _NAMED_PATIENTS:
            near: ColumnElement[bool] = _turn.labels.overlap([*cares, *(f"patient:{each}" for each in tied)])
            return near
        return or_(_turn.labels.overlap(cares), _turn.patient_id.in_(tied))

    def _seen(
        self,
        wanted: Sequence[ColumnElement[bool]],
        besides: Sequence[ColumnElement[bool]],
        limit: int,
        now: datetime,
        *,
        ordered: bool = True,
    ) -> Select[Any]:
        """Hits of which the reader's ties say that he may see them: asked one by one, until there are enough."""
        inner = select(*_SHOWN).where(*wanted, *besides)
        if ordered:
            inner = inner.order_by(_turn.at.desc(), _turn.id.desc())
        reader = self._care_team.reader
        if reader is None or not reader.departments:
            return inner.limit(limit)
        # The fence keeps the dear question behind the order, so that it is asked of a page and not of every hit.
        fenced = inner.offset(0).subquery("hit")
        outer = select(fenced).where(tie_condition("hit.patient_id", reader, now))
        if ordered:
            outer = outer.order_by(fenced.c.at.desc(), fenced.c.id.desc())
        return outer.limit(limit)


def _heard(besides: str | None) -> Select[Any]:
    query: Select[Any] = select(transcripts.c.recording_id).distinct()
    if besides is None:
        return query
    newer = transcripts.alias("newer")
    indexed = indexed_transcripts.c
    is_newest = ~exists().where(
        newer.c.recording_id == transcripts.c.recording_id, newer.c.created_at > transcripts.c.created_at
    )
    is_there = exists().where(indexed.transcript_id == transcripts.c.id, indexed.words_version == besides)
    return query.where(is_newest, ~is_there)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(each for each in (one, other) if each is not None) if one or other else None


def _next_length(newest: datetime, since: datetime | None, found: int, limit: int) -> timedelta | None:
    """How far back from the newest a page is to be expected by what was found so far; None: look at everything.

    What is said so seldom that a slice held not half a page is best read whole: the words' index knows it is little.
    """
    if since is None or found * 2 < limit:
        return None
    length = (newest - since) * (limit / found * _AMPLE)
    return length if length < _LONGEST_SLICE else None


def _before(newest: datetime, length: timedelta | None) -> datetime | None:
    if length is None or newest - datetime.min.replace(tzinfo=UTC) < length:
        return None
    return newest - length


def _between(since: datetime | None, until: datetime | None, after: TurnMark | None) -> list[ColumnElement[bool]]:
    span: list[ColumnElement[bool]] = []
    if since is not None:
        span.append(_turn.at >= since)
    if until is not None:
        span.append(_turn.at < until)
    if after is not None:
        span.append(tuple_(_turn.at, _turn.id) < tuple_(after.at, after.turn_id))
    return span


def _needed(among: TurnFilter) -> list[str]:
    """Labels that a turn must have."""
    needed = []
    if among.patient_id is not None:
        needed.append(f"patient:{among.patient_id}")
    if among.channel is not None:
        needed.append(f"channel:{among.channel.value}")
    return needed


def _choices(among: TurnFilter) -> Iterator[list[str]]:
    """Lists of labels; a turn must have one of each."""
    for kind, values in (
        ("department", among.departments),
        ("queue", among.queue_ids),
        ("agent", among.agent_ids),
        ("outcome", [each.value for each in among.outcomes]),
        ("purpose", [each.value for each in among.purposes]),
        ("alert", [each.value for each in among.alert_levels]),
    ):
        if values:
            yield [f"{kind}:{value}" for value in values]


def _hit(row: Row[Any]) -> TurnHit:
    return TurnHit(
        mark=TurnMark(at=row.at, turn_id=row.id),
        recording_id=row.recording_id,
        call_id=row.call_id,
        patient_id=row.patient_id,
        transcript_id=row.transcript_id,
        position=row.position,
        channel=row.channel,
        start=row.start_second,
        end=row.end_second,
        text=row.text,
        written=row.written,
        confidence=row.confidence,
    )


def written_vector(places: Mapping[str, Sequence[int]]) -> str:
    """Words and their places, as a tsvector is written."""
    return " ".join(f"{_quoted(word)}:{','.join(map(str, at))}" for word, at in places.items())


def _asked(query: TurnQuery) -> str:
    """What is looked for, as a tsquery is written."""
    readings = " | ".join("(" + " & ".join(_term(term) for term in reading) + ")" for reading in query.readings)
    return " & ".join([f"({readings})", *(f"!{_term(term)}" for term in query.none_of)])


def _term(term: Term) -> str:
    return "(" + " | ".join(_phrase(phrase) for phrase in term.any_of) + ")"


def _phrase(phrase: Phrase) -> str:
    written = ""
    for number, word in enumerate(phrase):
        if number:
            written += f" <{word.place - phrase[number - 1].place}> "
        written += _quoted(word.text) + (":*" if word.begins else "")
    return f"({written})"


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
