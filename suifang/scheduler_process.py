"""`suifang scheduler`: wires one scheduler and runs it until it is told to stop; any number may run, one leads."""

import signal
from datetime import timedelta

from celery import Celery

from db.engine import make_engine
from db.gate import Gate
from db.leadership import Leadership
from db.outbox import OUTBOX_CHANNEL
from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.live_events import LiveStream
from runtime.log import configure_logging
from runtime.settings import Settings
from runtime.task_queue import make_task_queue
from scheduler.alert_clock import AlertDesk
from scheduler.following import PlanDesk
from scheduler.leader import Duties, Leader
from scheduler.outbox_relay import OutboxRelay
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from scheduler.timetable import Timetable
from suifang.keeping import keeping_policy
from suifang.start import refuse_wrong_start

LOCK = "scheduler"


def run(settings: Settings) -> None:
    """Lead or stand by until SIGTERM or SIGINT."""
    configure_logging(settings, "scheduler")
    refuse_wrong_start(settings)
    urls = engine_urls(settings)
    content = Content(settings.content_dir)
    engine = make_engine(urls.database_url, application="suifang-scheduler")
    task_queue = make_task_queue(urls.broker_url)
    with LiveStream(urls.broker_url) as live:
        leader = Leader(
            Leadership(urls.database_url, name=LOCK, channel=OUTBOX_CHANNEL),
            duties(settings, content, UnitsOfWork(engine), task_queue, live),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: leader.stop())
        leader.run()
    engine.dispose()


def duties(
    settings: Settings, content: Content, units_of_work: UnitsOfWork, task_queue: Celery, live: LiveStream
) -> Duties:
    """What a leading scheduler of this installation does."""
    policies = AttemptPolicies.of(settings, content)
    gate = Gate.of(settings, content)
    repairs = Repairs(
        units_of_work=units_of_work,
        task_queue=task_queue,
        live=live,
        policies=policies,
        profile=gate.profile,
        zone=settings.hospital_zone,
        alert_desk=AlertDesk.of(settings, content),
        plan_desk=PlanDesk.of(settings, content),
        keeping=keeping_policy(settings, content),
        ring=timedelta(seconds=settings.ring_seconds),
    )
    return Duties(
        units_of_work=units_of_work,
        gate=gate,
        policies=policies,
        relay=OutboxRelay(units_of_work, task_queue, live),
        timetable=Timetable(repairs),
    )
