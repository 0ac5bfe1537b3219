"""What works by itself in a hospital of a scenario: the worker's own tasks in place, messages heard over a socket."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Celery

from interop.hl7.applying import apply_waiting
from runtime.embedded import Engines
from runtime.routing import ROUTES
from runtime.settings import Settings
from runtime.worker_context import forget_parts
from suifang.feeds_process import feed_desk, receiving_rules
from suifang.plans_command import make_queues
from suifang.worker_process import COMPONENTS, provide_parts
from tests.integration.api.house import REPORT_KEYS, Asking
from tests.support.feeds import Sender, connect, open_server
from tests.support.scenario import CONTENT, Scenario, in_hospital_time

HOSPITAL_NAME = "海澜市第一人民医院"
CALL_BACK_NUMBER = "0595-5550100"
_LISTENS = frozenset(
    {"recordings.ingest", "transcription.transcribe", "transcription.hear_opening", "transcription.hear_early"}
)
"""Loopback lines carry no sound that anybody could write down."""


def settings_of(played: Scenario, engines: Engines, **values: Any) -> Settings:
    """The settings of this hospital, as its processes would read them."""
    folder = played.place.folder
    return Settings(
        **{
            "mode": played.gate.mode,
            "state_dir": folder / "state",
            "database_url": played.units.engine.url.render_as_string(hide_password=False),
            "broker_url": engines.broker_url,
            "hospital_name": HOSPITAL_NAME,
            "call_back_number": CALL_BACK_NUMBER,
            "public_url": "https://suifang.example",
            "report_keys": REPORT_KEYS[0],
            "area_code": "0595",
            **values,
        }
    )


@contextmanager
def working(played: Scenario, settings: Settings) -> Iterator[Sender]:
    """Each routed task is the one that the worker runs, with its parts; the hospital's system on the wire."""
    app = Celery("scenario", set_as_current=False)
    for component in COMPONENTS:
        component.register(app)
    provide_parts(settings, played.units)
    make_queues(played.units, CONTENT)
    for name in {name for names in ROUTES.values() for name in names} - _LISTENS:
        played.follow_ups[name] = app.tasks[name].run
    rules = receiving_rules(settings, CONTENT)
    try:
        with open_server(played.units, rules=rules) as port, connect(port) as sender:
            yield sender
    finally:
        forget_parts()


def settle(played: Scenario, settings: Settings) -> None:
    """Everything that runs by itself does what there is to do at this instant."""
    desk = feed_desk(settings, CONTENT)
    while apply_waiting(played.units, desk):
        pass
    played.turn()


def a_roster(asking: Asking, department: str, phones: dict[str, str], *, since: str, until: str) -> None:
    """Somebody is on duty in each role for all of these days."""
    shifts: Sequence[dict[str, str]] = [
        {
            "department": department,
            "role": role,
            "name": role,
            "phone": phone,
            "starts_at": in_hospital_time(since).isoformat(),
            "ends_at": in_hospital_time(until).isoformat(),
        }
        for role, phone in phones.items()
    ]
    made = asking.post("/duty/shifts", {"shifts": shifts})
    assert made.status_code == 201, made.text
