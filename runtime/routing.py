"""Which Celery tasks follow which domain event: the one table that ties the components together."""

from collections.abc import Mapping

from followup.events import EventKind

ROUTES: Mapping[str, tuple[str, ...]] = {
    EventKind.OPENING_KEPT: ("transcription.hear_opening",),
    EventKind.EARLY_KEPT: ("transcription.hear_early",),
    EventKind.RECORDING_CAPTURED: ("recordings.ingest",),
    EventKind.VAULT_TO_TEND: ("recordings.tend_vault",),
    EventKind.RECORDING_STORED: ("transcription.transcribe",),
    EventKind.RECORDING_TIME_OVER: ("recordings.purge",),
    EventKind.RECORDING_COPY_WANTED: ("recordings.copy",),
    EventKind.TRANSCRIPTION_ASKED: ("transcription.transcribe",),
    EventKind.TRANSCRIPT_READY: ("transcription.propose", "transcription.find_keywords", "transcription.index_turns"),
    EventKind.TRANSCRIPT_CORRECTED: ("transcription.index_turns",),
    EventKind.NOTE_OUTLINED: ("transcription.summarize",),
    EventKind.ALERT_RAISED: ("scheduler.begin_alert",),
    EventKind.IMPORT_TO_APPLY: ("interop.apply_import",),
    EventKind.IMPORT_TO_UNDO: ("scheduler.stop_listed_plans", "interop.undo_import"),
    EventKind.IMPORT_PROGRESSED: ("scheduler.start_listed_plans",),
    EventKind.CODE_MAPPED: ("interop.settle_results",),
    EventKind.FEED_CONSEQUENCE_OWED: ("scheduler.follow_feeds",),
    EventKind.ATTEMPT_CLOSED: ("scheduler.decide_next", "transcription.draft_note", "record.follow_attempt"),
    EventKind.MESSAGE_PLANNED: ("interop.send_message",),
    EventKind.PRINT_ASKED: ("reports.set_print",),
    EventKind.RESPONSE_COMPLETED: ("record.follow_answers",),
    EventKind.RECORD_CHANGED: (
        "scheduler.class_readings",
        "record.follow_change",
    ),
}
"""Each task gets one argument: the event's subject."""


def tasks_for(kind: str) -> tuple[str, ...]:
    """The names of the tasks to send, none for an event that only the live stream cares about."""
    return ROUTES.get(kind, ())
