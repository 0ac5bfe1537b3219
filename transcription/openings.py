"""What is said right after an answer, or before a call ended without one: heard, told to the node, and destroyed."""

import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from followup.calls import Call
from followup.ports import SpeechProbe
from transcription.answer_phrases import AnswerPhrases, Found, phrase_in

log = structlog.get_logger(__name__)

HEARD = "heard"
_WORTH_HEARING = timedelta(seconds=60)
"""An opening heard later than this can change nothing: a worker that was busy so long leaves it."""

_FORGOTTEN = timedelta(hours=1)

_DEADLINES = {"opening": timedelta(seconds=15), "early": timedelta(hours=1)}


class Part(StrEnum):
    """Which few seconds of a call."""

    OPENING = "opening"
    EARLY = "early"


def hear(
    units_of_work: Callable[[], UnitOfWork],
    probe: SpeechProbe,
    phrases: AnswerPhrases,
    spool: Path,
    call_id: str,
    part: Part,
) -> None:
    """Tell the call's node which phrase was heard, if any; the sound is destroyed whatever comes of it.

    The words themselves are kept nowhere. May run twice: the second time there is no file any more.
    """
    _destroy_forgotten(spool)
    sound = spool / f"{call_id}.{part.value}.wav"
    if not sound.is_file():
        log.info("nothing_to_hear", call=call_id, part=part.value)
        return
    try:
        with units_of_work() as uow:
            call = uow.calls.get(call_id)
            language = _language(uow, call) if call is not None else "zh"
            late = call is None or (
                part is Part.OPENING and call.answered_at is not None and uow.now - call.answered_at > _WORTH_HEARING
            )
        if late:
            log.info("opening_came_too_late", call=call_id)
            return
        text = probe.words(sound, language)
        found = phrase_in(text, phrases) if text else None
        log.info("opening_heard", call=call_id, part=part.value, spoken=text is not None, code=found and found.code)
        with units_of_work() as uow:
            _tell(uow, call_id, part, found)
            uow.commit()
    finally:
        sound.unlink(missing_ok=True)


def _destroy_forgotten(spool: Path) -> None:
    """Sound that nobody asked for: its worker died before it could tell of it."""
    for part in Part:
        for sound in spool.glob(f"*.{part.value}.wav"):
            try:
                age = time.time() - sound.stat().st_mtime
            except FileNotFoundError:
                continue  # another task has just heard and destroyed it
            if age > _FORGOTTEN.total_seconds():
                sound.unlink(missing_ok=True)


def _tell(uow: UnitOfWork, call_id: str, part: Part, found: Found | None) -> None:
    call = uow.calls.get(call_id)
    if call is None:
        return
    uow.calls.command(
        CallCommand(
            node=call.node,
            verb=HEARD,
            subject=call.id,
            arguments={
                "of": part.value,
                "code": found.code if found else None,
                "announcement": found.announcement.value if found and found.announcement else None,
            },
            idempotency_key=f"{HEARD}-{part.value}-{call.id}",
            deadline=uow.now + _DEADLINES[part.value],
            created_at=uow.now,
        )
    )


def _language(uow: UnitOfWork, call: Call) -> str:
    """What the patient speaks; networks speak it too."""
    patient, queue = uow.patients.get(call.patient_id), uow.queues.get(call.queue_id)
    return (patient.language if patient else None) or (queue.language if queue else None) or "zh"
