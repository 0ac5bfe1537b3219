"""Writes docs/state-machines.md from the transition tables: `python -m docs.generate_state_machines`."""

from collections.abc import Mapping
from pathlib import Path

from care.appointments import AppointmentState
from followup.alerts import ALERT_TRANSITIONS, AlertState
from followup.appointments import APPOINTMENT_TRANSITIONS
from followup.attempts import ATTEMPT_TRANSITIONS, AttemptState
from followup.calls import CALL_TRANSITIONS, CallState
from followup.campaigns import CAMPAIGN_TRANSITIONS, CampaignState
from followup.feeds import FEED_TRANSITIONS, FeedState
from followup.imports import IMPORT_TRANSITIONS, ImportState
from followup.inbound import INBOUND_TRANSITIONS, InboundState
from followup.messages import MESSAGE_TRANSITIONS, MessageState
from followup.plans import PLAN_TRANSITIONS, TASK_TRANSITIONS, PlanState, TaskState
from followup.proposals import PROPOSAL_TRANSITIONS, ProposalState
from followup.queues import AGENT_TRANSITIONS, AgentState
from followup.recordings import RECORDING_TRANSITIONS, RecordingState
from followup.requests import REQUEST_TRANSITIONS, RequestState
from followup.states import State, Trigger
from followup.supervision import SUPERVISION_TRANSITIONS, SupervisionState
from followup.transfers import TRANSFER_TRANSITIONS, TransferState

PAGE = Path(__file__).with_name("state-machines.md")

_HEAD = """\
# State machines

Generated from the transition tables in `followup/` by `python -m docs.generate_state_machines`; do not edit.
State says where something is; why a call ended and whose doing it was are `EndReason` and `Party`. A command that a
state does not allow is refused with the reason; a late or doubled event is recorded and ignored.
"""


def page() -> str:
    """The whole page."""
    sections = (
        _section("Plan", "plans", PlanState.RUNNING, PLAN_TRANSITIONS),
        _section("Task", "plans", TaskState.PLANNED, TASK_TRANSITIONS),
        _section("Attempt", "attempts", AttemptState.RESERVED, ATTEMPT_TRANSITIONS),
        _section("Call", "calls", CallState.PLANNED, CALL_TRANSITIONS),
        _section("Agent", "queues", AgentState.OFFLINE, AGENT_TRANSITIONS),
        _section("Recording", "recordings", RecordingState.EXPECTED, RECORDING_TRANSITIONS),
        _section("Alert", "alerts", AlertState.RAISED, ALERT_TRANSITIONS),
        _section("Request or complaint", "requests", RequestState.RECEIVED, REQUEST_TRANSITIONS),
        _section("Proposal to a doctor", "proposals", ProposalState.PROPOSED, PROPOSAL_TRANSITIONS),
        _section("Transfer", "transfers", TransferState.DIALING, TRANSFER_TRANSITIONS),
        _section("Supervision", "supervision", SupervisionState.RINGING, SUPERVISION_TRANSITIONS),
        _section("Message", "messages", MessageState.PLANNED, MESSAGE_TRANSITIONS),
        _section("Inbound call", "inbound", InboundState.RINGING, INBOUND_TRANSITIONS),
        _section("Appointment", "appointments", AppointmentState.BOOKED, APPOINTMENT_TRANSITIONS),
        _section("Campaign", "campaigns", CampaignState.DRAFT, CAMPAIGN_TRANSITIONS),
        _section("Import", "imports", ImportState.READ, IMPORT_TRANSITIONS),
        _section("Feed message", "feeds", FeedState.STORED, FEED_TRANSITIONS),
    )
    return "\n".join([_HEAD, *sections])


def _section(title: str, module: str, start: State, transitions: Mapping[tuple[State, Trigger], State]) -> str:
    arrows = [
        f"    {state.value} --> {target.value}: {trigger.value}"
        for listed in type(start)
        for (state, trigger), target in transitions.items()
        if state is listed
    ]
    left = {state for state, _ in transitions}
    ends = [state.value for state in type(start) if state not in left]
    lines = [
        f"## {title}",
        "",
        f"`followup/{module}.py`",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {start.value}",
        *arrows,
        *(f"    {end} --> [*]" for end in ends),
        "```",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
