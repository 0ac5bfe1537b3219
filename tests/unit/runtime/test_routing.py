"""The table of tasks after events names only events that exist."""

from followup.events import EventKind
from runtime.routing import ROUTES, tasks_for


def test_every_routed_kind_is_a_domain_event_and_every_task_has_its_components_name() -> None:
    assert set(ROUTES) <= set(EventKind)
    for names in ROUTES.values():
        for name in names:
            assert name.split(".")[0] in {
                "interop",
                "record",
                "recordings",
                "reports",
                "scheduler",
                "telephony",
                "transcription",
            }


def test_an_event_is_routed_by_its_written_kind_and_others_go_nowhere() -> None:
    assert tasks_for("recording_stored") == ("transcription.transcribe",)
    assert tasks_for("agent_changed") == ()
