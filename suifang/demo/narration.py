"""What the demo tells a person: each follow-up as it happens, then the records."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from db.unit_of_work import UnitOfWork
from followup.recordings import Channel, Turn
from suifang.demo.opening import OwedCall
from suifang.demo.speech_manifest import load_utterances
from suifang.demo.town_plan import Talks, TownPlan
from suifang.demo.watch import Standing
from transcription.error_rate import error_rate

COLUMNS = ("record", "patient", "queue", "try", "call", "outcome", "recording", "note", "next")


class Narration:
    """A live table in a terminal, a line for each change elsewhere."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._console = Console(file=out)
        self._live = Live(console=self._console, refresh_per_second=4) if self._console.is_terminal else None
        self._told: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        """Something that happens beside the follow-ups, with its time."""
        self.say(f"{datetime.now().astimezone():%H:%M:%S}  {text}")

    def show(self, standings: Sequence[Standing]) -> None:
        """Show where every follow-up stands."""
        if self._live is not None:
            self._live.update(_table(standings))
            return
        for at in standings:
            record = at.owed.script.record_number
            if self._told.get(record) != at.line:
                self._told[record] = at.line
                self.say(f"{datetime.now().astimezone():%H:%M:%S}  " + _plain(at))


def tell_records(narration: Narration, uow: UnitOfWork, owed: Sequence[OwedCall], town: TownPlan) -> None:
    """Print each follow-up record, its transcripts and how far they are from what was said."""
    for item in owed:
        task = uow.plans.task(item.task_id)
        if task is None:
            continue
        script = item.script
        narration.say("")
        narration.say(f"── {script.record_number} {script.patient.name} ({script.patient.language}, {script.queue})")
        for attempt in uow.attempts.of_task(task.id):
            call = uow.calls.of_attempt(attempt.id)
            recording = uow.recordings.of_call(call.id) if call else None
            transcript = uow.recordings.latest_transcript(recording.id) if recording else None
            outcome = attempt.outcome.value if attempt.outcome else "open"
            narration.say(
                f"   attempt {attempt.ordinal}: {outcome}" + (f", keys {call.digits}" if call and call.digits else "")
            )
            if recording is not None and recording.seconds is not None:
                narration.say(
                    f"   recording: {recording.seconds:.1f} s, {recording.channels} channels, {recording.uri}"
                )
            for turn in transcript.turns if transcript else ():
                narration.say(f"   {turn.start:6.1f}–{turn.end:5.1f}  {turn.channel.value:7}  {turn.text}")
            for alert in uow.alerts.of_attempt(attempt.id):
                narration.say(f"   ALERT {alert.level.value} {alert.code} at {alert.at_second:.1f} s")
            if transcript is not None and call is not None and call.bridged_at is not None:
                _tell_errors(narration, item, transcript.turns, town)
            note = uow.notes.of_attempt(attempt.id)
            if note is not None:
                narration.say(f"   note ({note.state.value}):")
                for line in note.text.splitlines():
                    narration.say(f"      {line}")
        at = f" at {task.next_at:%Y-%m-%d %H:%M}" if task.next_at else ""
        narration.say(f"   next: {task.next_action}{at}; task {task.state.value}")


def _tell_errors(narration: Narration, item: OwedCall, turns: Sequence[Turn], town: TownPlan) -> None:
    script, language = item.script, item.script.patient.language
    texts = {utterance.file: utterance.text for utterance in load_utterances()}
    spoken = {
        Channel.AGENT: [f"{language}_agent_{line}.wav" for line in (script.agent.says if script.agent else ())],
        Channel.PATIENT: _patient_says(town, script.patient.number),
    }
    measure = "character" if language == "zh" else "word"
    for channel, files in spoken.items():
        if files:
            heard = " ".join(turn.text for turn in turns if turn.channel is channel)
            rate = error_rate(" ".join(texts[file] for file in files), heard, language)
            narration.say(f"   {measure} error rate, {channel.value}: {100 * rate:.1f} %")


def _patient_says(town: TownPlan, number: str) -> list[str]:
    patient = next((patient for patient in town.patients if patient.number == number), None)
    last = patient.calls[-1] if patient else None
    return list(last.speech) if isinstance(last, Talks) else []


def _cells(at: Standing) -> tuple[str, ...]:
    script = at.owed.script
    return (
        script.record_number,
        script.patient.name,
        script.queue,
        str(at.attempt),
        at.call,
        at.outcome,
        at.recording,
        at.note,
        at.next,
    )


def _plain(at: Standing) -> str:
    cells = [cell for cell in _cells(at)[3:] if cell]
    return f"{at.owed.script.record_number}  {at.owed.script.patient.name}: try " + " · ".join(cells)


def _table(standings: Sequence[Standing]) -> Table:
    table = Table(*COLUMNS, title="Follow-ups · 随访")
    for at in standings:
        table.add_row(*_cells(at))
    return table
