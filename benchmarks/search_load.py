"""A hospital with a million turns in the search's index: who was called, what was said, who cares for whom."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import yaml

from db.turn_search import written_vector
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, RecordingState, Transcript
from runtime.identifiers import new_id
from runtime.postgres_server import libpq_url
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_agent, an_attempt, an_encounter
from transcription.spoken_words import SpokenWords, sounds_of
from transcription.written import written

TURNS_OF_A_CALL = 60
DAYS = 365
DEPARTMENTS = 30
LARGE_DEPARTMENT = "department 0"
RARE_DEPARTMENT = "rare ward"
_SENTENCES = 40_000

_TEXTS = Path(__file__).with_name("search_texts.yaml")
_FIGURES = "零一二三四五六七八九"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who asks, and what was made."""

    whole: str  # users' ids: for the whole house, of a large department, of one that few patients know
    large: str
    rare: str
    turns: int
    calls: int
    load_seconds: float
    index_seconds: float
    table_mb: float
    index_mb: float


def fill(database_url: str, units: UnitsOfWork, words: SpokenWords, turns: int, say: Callable[[str], None]) -> House:
    """Make everything; the clock stops for nothing but this."""
    began = time.monotonic()
    calls = max(1, turns // TURNS_OF_A_CALL)
    readers = _prototypes(units)
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        values = {"calls": calls, "days": DAYS, "departments": DEPARTMENTS, "rare": RARE_DEPARTMENT}
        for statement in _FILL:
            connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE")
        say(f"{calls} calls in {time.monotonic() - began:.0f} s")
        connection.execute("DROP INDEX ix_transcript_turns_words")
        _copy_turns(connection, words, calls, say)
        say(f"{calls * TURNS_OF_A_CALL} turns after {time.monotonic() - began:.0f} s")
        indexing = time.monotonic()
        connection.execute(
            "CREATE INDEX ix_transcript_turns_words ON transcript_turns USING gin (words, labels) "
            "WITH (fastupdate = off)"
        )
        index_seconds = time.monotonic() - indexing
        connection.execute("VACUUM ANALYZE transcript_turns")
        sizes = connection.execute(
            "SELECT pg_table_size('transcript_turns') / 1e6, pg_relation_size('ix_transcript_turns_words') / 1e6"
        ).fetchone()
    with units() as uow:
        uow.turn_search.learn(sounds_of(_words_said(words)))
        uow.commit()
    return House(
        **readers,
        turns=calls * TURNS_OF_A_CALL,
        calls=calls,
        load_seconds=time.monotonic() - began,
        index_seconds=index_seconds,
        table_mb=float(sizes[0]) if sizes else 0.0,
        index_mb=float(sizes[1]) if sizes else 0.0,
    )


_FILL: tuple[LiteralString, ...] = (
    """
    CREATE TEMP TABLE called AS
    SELECT n, md5('p' || mod(n, %(calls)s * 6 / 10))::uuid AS patient_id, md5('q' || mod(n, 12))::uuid AS queue_id,
      now() - make_interval(days => %(days)s) * (1 - n::float / %(calls)s) - interval '1 hour' AS at
    FROM generate_series(1, %(calls)s) n
    """,
    """
    INSERT INTO patients SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('p' || n)::uuid, 'record_number', 'B-' || n))).*
    FROM (SELECT patients AS one FROM patients LIMIT 1) model, generate_series(0, 3 * %(calls)s) n
    """,
    """
    INSERT INTO encounters SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', gen_random_uuid(), 'patient_id', md5('p' || n)::uuid,
      'department', CASE WHEN mod(n, 200) = 7 AND visit = 1 THEN %(rare)s
        ELSE 'department ' || least(mod(n * visit * 7919, %(departments)s), mod(n * 31 + visit, %(departments)s)) END,
      'occurred_at', now() - make_interval(days => mod(n + visit * 100, 600))))).*
    FROM (SELECT encounters AS one FROM encounters LIMIT 1) model,
      generate_series(0, 3 * %(calls)s) n, generate_series(1, 3) visit
    """,
    """
    INSERT INTO queues SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('q' || n)::uuid, 'name', 'queue ' || n))).*
    FROM (SELECT queues AS one FROM queues LIMIT 1) model, generate_series(0, 11) n
    """,
    """
    INSERT INTO tasks SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('t' || n)::uuid, 'patient_id', called.patient_id, 'queue_id', called.queue_id, 'state', 'completed',
      'outcome', 'completed'))).*
    FROM (SELECT tasks AS one FROM tasks LIMIT 1) model, called
    """,
    """
    INSERT INTO attempts SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('a' || n)::uuid, 'task_id', md5('t' || n)::uuid, 'patient_id', called.patient_id,
      'queue_id', called.queue_id, 'closed_at', called.at + interval '10 minutes'))).*
    FROM (SELECT attempts AS one FROM attempts LIMIT 1) model, called
    """,
    """
    INSERT INTO calls SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('c' || n)::uuid, 'attempt_id', md5('a' || n)::uuid, 'patient_id', called.patient_id,
      'queue_id', called.queue_id))).*
    FROM (SELECT calls AS one FROM calls LIMIT 1) model, called
    """,
    """
    INSERT INTO recordings SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('r' || n)::uuid, 'call_id', md5('c' || n)::uuid, 'patient_id', called.patient_id,
      'started_at', called.at, 'seconds', 300))).*
    FROM (SELECT recordings AS one FROM recordings LIMIT 1) model, called
    """,
    """
    INSERT INTO transcripts SELECT (jsonb_populate_record(model.one, jsonb_build_object(
      'id', md5('s' || n)::uuid, 'recording_id', md5('r' || n)::uuid))).*
    FROM (SELECT transcripts AS one FROM transcripts LIMIT 1) model, called
    """,
)

_COPY = """
COPY transcript_turns (recording_id, transcript_id, call_id, patient_id, position, channel, start_second, end_second,
  confidence, recording_seconds, at, text, written, words, labels) FROM STDIN
"""


def _prototypes(units: UnitsOfWork) -> dict[str, str]:
    """One row of each kind, of which the others are copies; and the readers."""
    with units() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow)
        an_encounter(uow, patient)
        task = a_task(uow, patient, queue)
        attempt = an_attempt(
            uow, task, state=AttemptState.CLOSED, closed_at=uow.now, outcome=AttemptOutcome.CONNECTED_PATIENT
        )
        call = a_call(uow, attempt)
        recording = a_recording(uow, call, Path("nowhere"), state=RecordingState.TRANSCRIBED, seconds=300.0)
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=recording.id,
                language="zh",
                engine="made",
                model="up",
                parameters={},
                turns=[],
                created_at=uow.now,
            )
        )
        readers = {name: an_agent(uow, queue).id for name in ("whole", "large", "rare")}
        uow.commit()
    return readers


def sentences(dice: random.Random, count: int) -> list[str]:
    """What people say in such calls, the common things often."""
    texts = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))
    weights, shapes = zip(*texts["said"], strict=True)
    return [_filled(shape, texts["slots"], dice) for shape in dice.choices(shapes, weights, k=count)]


def _filled(shape: str, slots: Mapping[str, Sequence[str]], dice: random.Random) -> str:
    text = shape
    for slot, choices in slots.items():
        while f"{{{slot}}}" in text:
            weights = [1 / (rank + 1) for rank in range(len(choices))]
            text = text.replace(f"{{{slot}}}", dice.choices(choices, weights)[0], 1)
    for slot, low, high in (("n", 100, 180), ("m", 50, 110), ("k", 1, 9)):
        while f"{{{slot}}}" in text:
            number = dice.randint(low, high)
            text = text.replace(f"{{{slot}}}", str(number) if text.isascii() else _spoken(number), 1)
    return text


def _spoken(number: int) -> str:
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    said = f"{_FIGURES[hundreds]}百" if hundreds else ""
    if tens:
        said += f"{_FIGURES[tens]}十"
    elif hundreds and ones:
        said += "零"
    return said + (_FIGURES[ones] if ones else "")


def _words_said(words: SpokenWords) -> set[str]:
    dice = random.Random(6)  # noqa: S311 the same texts each time
    return {word for text in sentences(dice, _SENTENCES // 4) for word in words.places(text)}


def _copy_turns(
    connection: "psycopg.Connection[Any]",
    words: SpokenWords,
    calls: int,
    say: Callable[[str], None],
) -> None:
    dice = random.Random(6)  # noqa: S311 the same texts each time
    texts = sentences(dice, _SENTENCES)
    indexed = {text: _as_indexed(words, text) for text in dict.fromkeys(texts)}
    say(f"{len(indexed)} different sentences")
    query = """
        SELECT r.id::text, s.id::text, c.id::text, r.patient_id::text, r.started_at, turn_labels(r.id)
        FROM recordings r JOIN calls c ON c.id = r.call_id JOIN transcripts s ON s.recording_id = r.id
        ORDER BY r.started_at LIMIT %s
    """
    heard = connection.execute(query, (calls,)).fetchall()
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for recording, transcript, call, patient, begun, labels in heard:
            for position in range(TURNS_OF_A_CALL):
                text = dice.choice(texts)
                as_written, vector = indexed[text]
                channel = Channel.AGENT if position % 2 == 0 else Channel.PATIENT
                copy.write_row(
                    (
                        recording,
                        transcript,
                        call,
                        patient,
                        position,
                        channel.value,
                        5.0 * position,
                        5.0 * position + 4,
                        0.9,
                        300.0,
                        begun + timedelta(seconds=5 * position),
                        text,
                        as_written,
                        vector,
                        [*labels, f"channel:{channel.value}"],
                    )
                )


def _as_indexed(words: SpokenWords, text: str) -> tuple[str, str]:
    figures = written(text, "en" if text.isascii() else "zh")
    as_written = "" if figures == text else figures
    return as_written, written_vector(words.places(text, as_written))
