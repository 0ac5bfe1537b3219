"""What the leader does by the clock: a table of names, intervals and functions, and the one that keeps to it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from scheduler import (
    audit_sealing,
    campaigns,
    caption_repairs,
    closing_windows,
    feed_repairs,
    frozen_months,
    goal_dates,
    list_repairs,
    queue_repairs,
    reconcile,
    recording_gaps,
    recording_keeping,
    report_repairs,
    unsent_messages,
    vault_repairs,
)
from scheduler.previews import PREVIEW_NET
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing done every so often; `work` answers how many rows it had to mend."""

    name: str
    every: timedelta
    work: Callable[[Repairs], int]


TIMETABLE: tuple[Entry, ...] = (
    Entry(name="tell_of_alerts", every=timedelta(seconds=2), work=reconcile.tell_of_alerts),
    Entry(name="close_past_windows", every=timedelta(seconds=5), work=reconcile.close_past_windows),
    Entry(name="raise_closing_tasks", every=timedelta(seconds=30), work=closing_windows.raise_closing_tasks),
    Entry(name="send_waiting_messages", every=timedelta(seconds=10), work=unsent_messages.send_waiting_messages),
    Entry(name="end_expired_previews", every=PREVIEW_NET, work=queue_repairs.end_expired_previews),
    Entry(name="tell_of_unserved_lanes", every=timedelta(minutes=5), work=queue_repairs.tell_of_unserved_lanes),
    Entry(name="free_tasks_taken_along", every=timedelta(seconds=30), work=queue_repairs.free_tasks_taken_along),
    Entry(name="follow_closed_tasks", every=timedelta(seconds=5), work=reconcile.follow_closed_tasks),
    Entry(name="finish_campaigns", every=timedelta(seconds=5), work=campaigns.finish_campaigns),
    Entry(name="release_unsent_attempts", every=timedelta(seconds=5), work=reconcile.release_unsent_attempts),
    Entry(name="release_silent_agents", every=timedelta(seconds=5), work=reconcile.release_silent_agents),
    Entry(name="ask_about_silent_calls", every=timedelta(seconds=15), work=reconcile.ask_about_silent_calls),
    Entry(name="decide_forgotten_attempts", every=timedelta(seconds=30), work=reconcile.decide_forgotten_attempts),
    Entry(name="draft_forgotten_notes", every=timedelta(minutes=1), work=reconcile.draft_forgotten_notes),
    Entry(name="capture_left_recordings", every=timedelta(seconds=30), work=reconcile.capture_left_recordings),
    Entry(name="seal_audit_log", every=timedelta(seconds=5), work=audit_sealing.seal_audit_log),
    Entry(name="drop_unclaimed_sound", every=timedelta(hours=1), work=reconcile.drop_unclaimed_sound),
    Entry(name="ask_to_tend_the_vault", every=timedelta(minutes=2), work=vault_repairs.ask_to_tend_the_vault),
    Entry(name="send_recordings_again", every=timedelta(minutes=1), work=reconcile.send_recordings_again),
    Entry(
        name="store_waiting_recordings",
        every=timedelta(minutes=5),
        work=recording_keeping.store_waiting_recordings,
    ),
    Entry(name="find_recording_gaps", every=timedelta(minutes=1), work=recording_gaps.find_recording_gaps),
    Entry(name="find_old_recording_gaps", every=timedelta(hours=6), work=recording_gaps.find_old_recording_gaps),
    Entry(name="settle_keepings", every=timedelta(minutes=5), work=recording_keeping.settle_keepings),
    Entry(name="mind_legal_holds", every=timedelta(minutes=5), work=recording_keeping.mind_legal_holds),
    Entry(name="purge_recordings", every=timedelta(hours=1), work=recording_keeping.purge_recordings),
    Entry(name="copy_recordings", every=timedelta(minutes=5), work=recording_keeping.copy_recordings),
    Entry(name="end_calls_of_lost_nodes", every=timedelta(minutes=1), work=reconcile.end_calls_of_lost_nodes),
    Entry(name="tell_of_forgotten_wrap_ups", every=timedelta(minutes=5), work=reconcile.tell_of_forgotten_wrap_ups),
    Entry(name="watch_caller_ids", every=timedelta(hours=1), work=reconcile.watch_caller_ids),
    Entry(name="resume_stalled_imports", every=timedelta(minutes=1), work=list_repairs.resume_stalled_imports),
    Entry(name="resume_stalled_prints", every=timedelta(minutes=1), work=report_repairs.resume_stalled_prints),
    Entry(name="freeze_months", every=timedelta(hours=1), work=frozen_months.freeze_months),
    Entry(name="look_at_goals_past_due", every=timedelta(hours=1), work=goal_dates.look_at_goals_past_due),
    Entry(name="look_at_old_tags", every=timedelta(hours=1), work=goal_dates.look_at_old_tags),
    Entry(name="forget_import_rows", every=timedelta(hours=1), work=list_repairs.forget_import_rows),
    Entry(name="follow_forgotten_feeds", every=timedelta(seconds=30), work=feed_repairs.follow_forgotten_feeds),
    Entry(
        name="ask_again_for_refused_plans",
        every=timedelta(minutes=5),
        work=feed_repairs.ask_again_for_refused_plans,
    ),
    Entry(
        name="try_messages_of_known_patients",
        every=timedelta(minutes=5),
        work=feed_repairs.try_messages_of_known_patients,
    ),
    Entry(name="settle_overlooked_results", every=timedelta(minutes=5), work=feed_repairs.settle_overlooked_results),
    Entry(name="forget_feed_messages", every=timedelta(hours=1), work=feed_repairs.forget_feed_messages),
    Entry(name="forget_old_captions", every=timedelta(hours=1), work=caption_repairs.forget_old_captions),
    Entry(name="forget_stored_answers", every=timedelta(hours=1), work=reconcile.forget_stored_answers),
    Entry(name="forget_published_events", every=timedelta(hours=1), work=reconcile.forget_published_events),
)


class Timetable:
    """Runs each entry when its interval is over; every entry once at the start."""

    def __init__(
        self,
        repairs: Repairs,
        entries: Sequence[Entry] = TIMETABLE,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repairs = repairs
        self._monotonic = monotonic
        self._due = {entry: monotonic() for entry in entries}

    def run_due(self) -> float:
        """Do what is due; the seconds until something is due again."""
        for entry, at in list(self._due.items()):
            if self._monotonic() >= at:
                self._run(entry)
                self._due[entry] = self._monotonic() + entry.every.total_seconds()
        return max(0.0, min(self._due.values()) - self._monotonic())

    def _run(self, entry: Entry) -> None:
        try:
            mended = entry.work(self._repairs)
        except Exception:
            # One repair that fails must not keep the others from being made; it is tried again at its next hour.
            log.exception("repair_failed", entry=entry.name)
            return
        if mended:
            log.warning("repaired", entry=entry.name, count=mended)
