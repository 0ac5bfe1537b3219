"""Searching a million turns for two-character Chinese words: `python -m benchmarks.search --json`.

Three readers ask: one of the whole house, one of a large department, one of a ward that few patients know; their rights
are part of every statement, ours and the peers'. A figure is the time from the query to the first page of hits in the
process that asks, with the words already cut; `cpu` in the conditions is what asker and database's process spent of
the processor, which a busy machine does not lengthen.
"""

import argparse
import logging
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, Select, event, select, text

from benchmarks.row import Row, print_rows
from benchmarks.search_load import (
    DEPARTMENTS,
    LARGE_DEPARTMENT,
    RARE_DEPARTMENT,
    TURNS_OF_A_CALL,
    House,
    fill,
    sentences,
)
from care.care_team import Reader
from db.care_team import tie_condition
from db.engine import make_engine
from db.migrate import upgrade
from db.turn_search import transcript_turns
from db.unit_of_work import UnitsOfWork
from followup.recordings import Channel, Transcript, Turn
from followup.searches import Lexeme, Term, TurnFilter, TurnQuery
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from tests.support.engines import running_engines
from transcription.search_language import SearchLanguage
from transcription.spoken_words import SpokenWords, han_runs
from transcription.turn_index import TurnIndex
from transcription.written import written

GOAL_MS = 50.0
PAGE = 51
WORDS = 40
CALLS_INDEXED = 30


@dataclass(slots=True)
class Took:
    """Milliseconds of each search: by the clock, and of the processor."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    def told(self) -> str:
        """In words."""
        return (
            f"p50 {statistics.median(self.wall):.1f}, p95 {p95(self.wall):.1f}, worst {max(self.wall):.1f} ms; "
            f"cpu p50 {statistics.median(self.cpu):.1f}, p95 {p95(self.cpu):.1f} ms; n {len(self.wall)}"
        )


class Processor:
    """What the database's processes that serve an engine, and this thread, have spent of the processor."""

    def __init__(self, engine: Engine) -> None:
        self._backends: set[int] = set()
        event.listen(engine, "connect", self._note)

    def _note(self, connection: Any, entry: object) -> None:  # noqa: ARG002
        self._backends.add(connection.info.backend_pid)

    def milliseconds(self) -> float:
        """So far."""
        served = sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self._backends)
        return served / 1e6 + time.thread_time() * 1000


def say(words: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def rows(turns: int, rounds: int) -> Sequence[Row]:
    """Fill a hospital and search it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with running_engines() as (_, engines), tempfile.TemporaryDirectory() as folder:
        upgrade(engines.database_url)
        engine = make_engine(engines.database_url)
        processor = Processor(engine)
        units = UnitsOfWork(engine)
        language = SearchLanguage(Content(REPOSITORY / "content"), Path(folder))
        language.load()
        house = fill(engines.database_url, units, language.words, turns, say)
        say(f"{house}")
        made = [*searches(units, processor, house, language.words, rounds), _indexing(units, processor, language.words)]
        engine.dispose()
    return made


def searches(units: UnitsOfWork, processor: Processor, house: House, words: SpokenWords, rounds: int) -> Iterator[Row]:
    """Each word as each reader, ours and the peers'."""
    chosen = two_character_words(words)
    readers = {
        "whole house": None,
        "large department": Reader(user_id=house.large, departments=(LARGE_DEPARTMENT,)),
        "rare ward": Reader(user_id=house.rare, departments=(RARE_DEPARTMENT,)),
    }
    ours: dict[str, Took] = {}
    everything, pages, statement, like = Took(), Took(), Took(), Took()
    for name, reader in readers.items():
        ours[name] = Took()
        for turn in range(rounds + 1):
            # The first round warms the caches, ours and the database's.
            took, paged = (ours[name], pages) if turn else (Took(), Took())
            for word in chosen:
                with units() as uow:
                    uow.care_team.reader = reader
                    with _timed(processor, took):
                        page = uow.turn_search.find(_query(word), TurnFilter(), now=uow.now, limit=PAGE)
                    took.hits.append(len(page))
                    if len(page) == PAGE:
                        last = page[-1].mark
                        with _timed(processor, paged):
                            uow.turn_search.find(_query(word), TurnFilter(), now=uow.now, after=last, limit=PAGE)
        everything.wall += ours[name].wall
        everything.cpu += ours[name].cpu
        everything.hits += ours[name].hits
        say(f"ours, {name}: {ours[name].told()}")
        with units() as uow:
            now = uow.now
        for word in chosen[::4]:
            for condition, asked, took in (
                ("words @@ CAST(:asked AS tsquery)", f"'{word}'", statement),
                ("text LIKE :asked", f"%{word}%", like),
            ):
                with units.engine.connect() as connection:
                    query = _bare(reader, now, condition, asked)
                    with _timed(processor, took):
                        connection.execute(query).all()
        say(f"one statement, up to {name}: {statement.told()}; LIKE: {like.told()}")
    fts = _sqlite(units, chosen, rounds)
    conditions = (
        f"{house.turns} turns of {house.calls} calls in a year, {len(chosen)} words of two characters from the most "
        f"said to the least, {rounds} rounds, page of {PAGE - 1}, {DEPARTMENTS} departments; "
        + "; ".join(f"{name}: {took.told()}" for name, took in ours.items())
        + f"; {sum(hits < PAGE for hits in everything.hits)} searches found less than a page; table "
        f"{house.table_mb:.0f} MB, index {house.index_mb:.0f} MB built in {house.index_seconds:.0f} s; load average "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; the bound is the goal"
    )
    yield _row("search.p95_ms", "one-statement", everything, statement, f"peer: {statement.told()}; {conditions}")
    spent = Took(wall=everything.cpu), Took(wall=statement.cpu)
    yield _row(
        "search.cpu_p95_ms", "one-statement", *spent, "processor time of asker and database, of the same searches"
    )
    yield _row("search.p95_ms", "like", everything, like, f"peer: {like.told()}; {conditions}")
    no_rights = f"the peer asks no rights and gives row numbers only; ours is the whole house; peer: {fts.told()}"
    yield _row("search.p95_ms", "sqlite-fts5", ours["whole house"], fts, no_rights)
    yield _row("search.next_page_p95_ms", "one-statement", pages, statement, f"{pages.told()}; the peer's first page")


def two_character_words(words: SpokenWords) -> list[str]:
    """Words of two characters that people say in such calls, evenly from the most said to the least."""
    said = Counter(
        word
        for each in sentences(random.Random(6), 20_000)  # noqa: S311 the same texts each time
        for word in set(words.places(each))
        if len(word) == 2 and han_runs(word)
    )
    ranked = [word for word, _ in said.most_common()]
    return ranked[:: max(1, len(ranked) // WORDS)][:WORDS]


def _query(word: str) -> TurnQuery:
    return TurnQuery(readings=((Term(any_of=((Lexeme(text=word),),)),),))


@contextmanager
def _timed(processor: Processor, took: Took) -> Iterator[None]:
    spent, began = processor.milliseconds(), time.perf_counter()
    yield
    took.wall.append((time.perf_counter() - began) * 1000)
    took.cpu.append(processor.milliseconds() - spent)


def _bare(reader: Reader | None, now: datetime, condition: str, asked: str) -> Select[Any]:
    """The same page by one plain statement, with the same rights."""
    hit = transcript_turns.alias("hit")
    shown = [column for column in hit.columns if column.name not in ("words", "labels")]
    query = select(*shown).where(text(condition).bindparams(asked=asked))
    if reader is not None:
        query = query.where(tie_condition("hit.patient_id", reader, now))
    return query.order_by(hit.c.at.desc(), hit.c.id.desc()).limit(PAGE)


def _sqlite(units: UnitsOfWork, chosen: Sequence[str], rounds: int) -> Took:
    """SQLite's FTS5 over the same words: the newest page, nobody's rights asked."""
    took = Took()
    with tempfile.TemporaryDirectory() as folder, sqlite3.connect(Path(folder) / "turns.db") as table:
        table.execute("CREATE VIRTUAL TABLE turns USING fts5(words, content='', tokenize='unicode61')")
        with units.engine.connect().execution_options(stream_results=True, yield_per=5000) as connection:
            said = connection.execute(
                text("SELECT id, array_to_string(tsvector_to_array(words), ' ') FROM transcript_turns ORDER BY at, id")
            )
            table.executemany(
                "INSERT INTO turns (rowid, words) VALUES (?, ?)",
                ((number, words) for number, (_, words) in enumerate(said, start=1)),
            )
        table.commit()
        for turn in range(rounds + 1):
            for word in chosen:
                spent, began = time.thread_time(), time.perf_counter()
                query = "SELECT rowid FROM turns WHERE turns MATCH ? ORDER BY rowid DESC LIMIT ?"
                table.execute(query, (f'"{word}"', PAGE)).fetchall()
                if turn:
                    took.wall.append((time.perf_counter() - began) * 1000)
                    took.cpu.append((time.thread_time() - spent) * 1000)
    return took


def _indexing(units: UnitsOfWork, processor: Processor, words: SpokenWords) -> Row:
    """What putting a call into the full index costs, beside cutting its words alone."""
    said = sentences(random.Random(7), CALLS_INDEXED * TURNS_OF_A_CALL)  # noqa: S311 the same texts each time
    with units() as uow:
        recordings = uow.turn_search.to_index(after=None, limit=CALLS_INDEXED)
        for number, recording_id in enumerate(recordings):
            turns = said[number * TURNS_OF_A_CALL : (number + 1) * TURNS_OF_A_CALL]
            uow.recordings.add_transcript(_heard(recording_id, turns, uow.now))
        uow.commit()
    index, whole, cut = TurnIndex(units, words), Took(), Took()
    for recording_id in recordings:
        with _timed(processor, whole):
            index.bring(recording_id)
    for number in range(len(recordings)):
        with _timed(processor, cut):
            for each in said[number * TURNS_OF_A_CALL : (number + 1) * TURNS_OF_A_CALL]:
                words.places(each, written(each, "en" if each.isascii() else "zh"))
    ours, peer = (1000 * statistics.median(each.cpu) / TURNS_OF_A_CALL for each in (whole, cut))
    return Row(
        name="search.index_cpu_us_per_turn",
        unit="us",
        ours=round(ours),
        peer="cutting-the-words-alone",
        peer_value=round(peer),
        ratio=round(peer / ours, 2),
        bound=None,
        n=len(recordings),
        spread=None,
        conditions=f"calls of {TURNS_OF_A_CALL} turns into the full index, each in place of an older transcript, in a "
        "transaction of its own; processor time of indexer and database",
    )


def _heard(recording_id: str, said: Sequence[str], now: datetime) -> Transcript:
    turns = []
    for position, each in enumerate(said):
        figures = written(each, "en" if each.isascii() else "zh")
        turns.append(
            Turn(
                channel=Channel.PATIENT if position % 2 else Channel.AGENT,
                start=5.0 * position,
                end=5.0 * position + 4,
                text=each,
                written="" if figures == each else figures,
                confidence=0.9,
            )
        )
    return Transcript(
        id=new_id(),
        recording_id=recording_id,
        language="zh",
        engine="made",
        model="again",
        parameters={},
        turns=turns,
        created_at=now,
    )


def _row(name: str, peer: str, ours: Took, theirs: Took, conditions: str) -> Row:
    return Row(
        name=name,
        unit="ms",
        ours=round(p95(ours.wall), 2),
        peer=peer,
        peer_value=round(p95(theirs.wall), 2),
        ratio=round(p95(theirs.wall) / p95(ours.wall), 4),
        bound=GOAL_MS,
        n=len(ours.wall),
        spread=round((max(ours.wall) - min(ours.wall)) / statistics.median(ours.wall), 2),
        conditions=conditions,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    arguments = parser.parse_args()
    print_rows(rows(arguments.turns, arguments.rounds), as_json=arguments.json)


if __name__ == "__main__":
    main()
