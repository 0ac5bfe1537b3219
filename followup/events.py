"""Every domain event: the story of the system on one page. Events carry ids, never names, numbers or health data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EventKind(StrEnum):
    """What happened; `subject` of the event is the id named behind each."""

    TASK_QUEUED = "task_queued"  # task
    TASK_ESCALATED = "task_escalated"  # task: it waits for a person
    TASK_GIVEN_BACK = "task_given_back"  # task: its owner did not come to it, or somebody gave it to another
    PREVIEW_EXPIRED = "preview_expired"  # attempt: its agent neither dialed nor skipped in time
    TASK_CLOSED = "task_closed"  # task
    ATTEMPT_RESERVED = "attempt_reserved"  # attempt
    CAMPAIGN_CHANGED = "campaign_changed"  # campaign: started, paused, resumed, stopped or finished
    PACING_ALARM = "pacing_alarm"  # alarm: a queue has used most of its day's limit of abandoned calls
    QUEUE_CHANGED = "queue_changed"  # queue: it was stopped, or goes on; by whom and why stands with its switch
    CALL_CHANGED = "call_changed"  # call: its state moved
    AGENT_CHANGED = "agent_changed"  # agent: state or headset moved
    CALL_ENDED = "call_ended"  # call
    SUPERVISION_CHANGED = "supervision_changed"  # supervision: for overseers only
    HELP_CHANGED = "help_changed"  # request for help: an agent asks, a supervisor comes, it is over
    EXCEPTION_CHANGED = "exception_changed"  # exception of the day: somebody has it, or said what was done
    INBOUND_CHANGED = "inbound_changed"  # inbound call: it rings, waits, is offered, joined or over
    OPENING_KEPT = "opening_kept"  # call: its first seconds wait for the speech engine
    EARLY_KEPT = "early_kept"  # call: nobody answered, and what was heard before waits for the speech engine
    ATTEMPT_CLOSED = "attempt_closed"  # attempt
    NEXT_DECIDED = "next_decided"  # attempt
    RECORDING_CAPTURED = "recording_captured"  # recording
    RECORDING_STORED = "recording_stored"  # recording
    RECORDING_FAILED = "recording_failed"  # recording
    CAPTIONS_CHANGED = "captions_changed"  # call: told to screens alone, at once; the next one makes up for a lost one
    RECORDING_TIME_OVER = "recording_time_over"  # recording: nothing keeps it any more, it is to be destroyed
    RECORDING_PURGED = "recording_purged"  # recording: it is destroyed, with what was said in it
    RECORDING_COPY_WANTED = "recording_copy_wanted"  # recording: a smaller copy is to be made of it
    RECORDING_GAP_FOUND = "recording_gap_found"  # gap: an answered call has no whole recording
    RECORDING_GAP_SETTLED = "recording_gap_settled"  # gap: the recording came, or somebody said why there is none
    VAULT_TO_TEND = "vault_to_tend"  # the vault: files to seal or take away, or its ledger to sign
    TRANSCRIPTION_ASKED = "transcription_asked"  # recording, to be written down anew
    TRANSCRIPT_READY = "transcript_ready"  # recording
    TRANSCRIPT_CORRECTED = "transcript_corrected"  # recording: somebody set right what was misheard in a turn
    RECORDING_COMMENTED = "recording_commented"  # recording: a comment was made or taken back
    NOTE_DRAFTED = "note_drafted"  # note
    NOTE_PROPOSALS_READY = "note_proposals_ready"  # note
    NOTE_OUTLINED = "note_outlined"  # note: a new transcript was read for it
    NOTE_SIGNED = "note_signed"  # note
    ANSWERS_HEARD = "answers_heard"  # attempt: answers to its forms wait for somebody's decision
    RESPONSE_SAVED = "response_saved"  # response: one answer to a form
    RESPONSE_COMPLETED = "response_completed"  # response
    ALERT_RAISED = "alert_raised"  # alert
    ALERT_CHANGED = "alert_changed"  # alert: somebody was told, took care of it, or closed it
    DUTY_CHANGED = "duty_changed"  # shift: the roster is another now
    REQUEST_CHANGED = "request_changed"  # request: received, moved, answered
    TRUNK_CHANGED = "trunk_changed"  # trunk's name: it came up or went down, as seen by a node
    TRUNK_FAILED_OVER = "trunk_failed_over"  # call: one trunk refused before anything rang, another takes it
    MESSAGE_PLANNED = "message_planned"  # message: it is written down and leaves when its time has come
    MESSAGE_RECEIVED = "message_received"  # received message: a patient wrote to us
    NUMBER_WANTED = "number_wanted"  # search: a number was of no use, somebody has to find another
    IMPORT_TO_APPLY = "import_to_apply"  # import: somebody wants its rows written
    IMPORT_TO_UNDO = "import_to_undo"  # import: somebody wants it taken back
    IMPORT_PROGRESSED = "import_progressed"  # import: rows were written or taken back; how many stands beside
    TASK_PARKED = "task_parked"  # parked task: a worker's task failed for good and waits for a person
    TASK_REPLAYED = "task_replayed"  # parked task: it is sent once more
    TASK_DISMISSED = "task_dismissed"  # parked task: it need not be done
    GOAL_CHANGED = "goal_changed"  # goal: set, reached, missed, opened again
    TREATMENT_DECIDED = "treatment_decided"  # proposal: a doctor has decided on it
    CODE_MAPPED = "code_mapped"  # decision: what a source's code means; what waited of it can be placed now
    RECORD_CHANGED = "record_changed"  # patient: results, diagnoses, answers or behavior that rules go by
    SUMMARY_CHANGED = "summary_changed"  # summary: drafted, rewritten, signed, withdrawn
    PRINT_ASKED = "print_asked"  # print: a worker is to set it
    PRINT_CHANGED = "print_changed"  # print: it is ready, or failed with a reason
    FEED_MESSAGE_PARKED = "feed_message_parked"  # feed message: it cannot be applied as things are
    FEED_CONSEQUENCE_OWED = "feed_consequence_owed"  # patient: the hospital told what his plans have to follow
    TAGS_CHANGED = "tags_changed"  # patient: a rule or a person added a tag or took one off
    RISK_CHANGED = "risk_changed"  # risk assessment: made, made anew or withdrawn
    GLASS_BROKEN = "glass_broken"  # broken glass: somebody opened a record from outside the care team
    CALLER_ID_FELL = "caller_id_fell"  # alarm: a number is answered far less than it used to be


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """One thing that happened to one subject, with the ids that readers need to find their way."""

    kind: EventKind
    subject: str
    ids: Mapping[str, str] = field(default_factory=dict)
