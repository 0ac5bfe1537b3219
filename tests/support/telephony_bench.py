"""A telephony node as a test sees it: real call workers on a real database, trunks to whatever the test puts there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from care.consent import Purpose
from db.calls import CallCommand
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.calls import Call, CallState
from followup.dialing_rules import Mode
from followup.inbound import InboundRules
from followup.plans import TaskMode
from followup.queues import HeadsetState
from followup.screening import OnMachine
from runtime.clock import WorkerClock
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from scheduler.dialer import reserve
from telephony.call_control import LegEvent
from telephony.commands import Commands, DialingRules
from telephony.conversation import Conversation
from telephony.inbound import InboundCalls
from telephony.node import TelephonyNode
from telephony.patient_dialing import PatientDialing
from telephony.redialing import Redialing
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.trunks import Trunks
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences
from telephony.voices.speech import Speech
from telephony.voices.spoken_files import SpokenFiles
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.waiting import until

CONTENT = Content(REPOSITORY / "content")
PROMPTS = load_prompts(REPOSITORY / "content" / "prompts")
RTP_PORTS_EACH = 40
WORKERS = 3
PORTS = 10 + RTP_PORTS_EACH * (WORKERS + 1)  # what a place needs from its first port on, with a front worker's


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node of the test works; a second node at the same place is the first one's successor."""

    folder: Path
    ports: int
    trunks: Trunks
    units: UnitsOfWork
    database_url: str
    front: bool = False  # somebody may ring us, at `front_port`
    silence: timedelta = timedelta(seconds=60)  # of a patient's line, until it is ended
    no_reply: timedelta = timedelta(seconds=8)  # to an INVITE
    screened: bool = False  # a phone that presses keys at once would press them before anything was said

    def pool(self) -> PoolSettings:
        return PoolSettings(
            node="node-1",
            folder=self.folder / "telephony",
            socket_folder=self.folder / "run",
            log_folder=self.folder / "logs",
            front_workers=int(self.front),
            sip_port_base=self.front_port + 1,
            rtp_port_base=self.ports + 10 + RTP_PORTS_EACH,
            rtp_ports_each=RTP_PORTS_EACH,
            workers_warm=1,
            workers_max=WORKERS,
            orphan_seconds=30.0,
            silent_seconds=min(5.0, self.silence.total_seconds() / 2),
            silent_end_seconds=self.silence.total_seconds(),
            no_reply_seconds=self.no_reply.total_seconds(),
            rest_seconds=0.0,
        )

    @property
    def front_port(self) -> int:
        """Where patients ring: the front worker's port lies below those of all others."""
        return self.ports

    def call(self, call_id: str) -> Call:
        with self.units() as uow:
            call = uow.calls.get(call_id)
            assert call is not None
            return call


def speech_in(folder: Path) -> Speech:
    """The shipped prompts, with sentences put together in this folder."""
    files = SpokenFiles(folder=folder / "voice", most_bytes=10_000_000)
    speech = Speech(load_sentences(PROMPTS), files)
    speech.prepare()
    return speech


@contextmanager
def node_at(place: Place, *, clock: Callable[[], WorkerClock] = WorkerClock) -> Iterator[WorkerPool]:
    """A running node; leaving it stops the node as SIGTERM would."""
    conversation = Conversation(
        CONTENT.flows,
        InboundCalls(
            node="node-1",
            spool=place.folder / "spool",
            rules=InboundRules(patience=timedelta(seconds=8), offer=timedelta(seconds=5)),
            profile=CONTENT.jurisdictions["demo"],
            zone="Asia/Shanghai",
        ),
        Redialing(PatientDialing(trunks=place.trunks, ring_seconds=5.0, spool=place.folder / "spool")),
        CONTENT,
    )
    nodes: list[TelephonyNode] = []

    def sink(event: LegEvent) -> None:
        nodes[0].on_event(event)

    pool = WorkerPool(place.pool(), sink)
    nodes.append(
        TelephonyNode(
            name="node-1",
            units=place.units,
            database_url=place.database_url,
            control=SipCallControl(pool),
            lines=pool,
            conversation=conversation,
            commands=Commands(
                conversation=conversation,
                trunks=place.trunks,
                lines=pool,
                rules=DialingRules(
                    gate=GATE,
                    ring_seconds=5.0,
                    spool=place.folder / "spool",
                    screened=place.screened,
                    music=PROMPTS.prompt("hold_music", "zxx"),
                ),
            ),
            trunks=place.trunks,
            voice=speech_in(place.folder),
            clock=clock,
        )
    )
    pool.start()
    thread = threading.Thread(target=nodes[0].run, name="node")
    thread.start()
    try:
        yield pool
    finally:
        nodes[0].stop()
        thread.join(timeout=10)
        pool.close(quit_idle=True)


GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())


def dial(
    place: Place,
    number: str,
    *,
    mode: TaskMode = TaskMode.AGENT,
    consent: bool = True,
    played_notice: bool = False,
    on_machine: OnMachine = OnMachine.HANG_UP,
    flow: str = "appointment_reminder",
    born: date | None = None,
) -> tuple[str, str | None]:
    """Reserve an attempt for a patient with this number; (call id, agent id)."""
    purpose = Purpose.CARE if mode is TaskMode.AGENT else Purpose.REMINDER
    with place.units() as uow:
        patient = a_patient(uow, born=born)
        patient.contact_points[0].number = number
        queue = a_queue(uow, mode=mode, purpose=purpose, played_notice=played_notice, on_machine=on_machine)
        task = a_task(uow, patient, queue, **({"flow": flow} if mode is TaskMode.AUTOMATED else {}))
        agent = None
        if mode is TaskMode.AGENT:
            agent = an_agent(
                uow, queue, headset_state=HeadsetState.DOWN, headset_leg_id=None, headset_node=None, headset="desk"
            )
        uow.commit()
    if agent is not None:
        agent_id = agent.id
        until(lambda: _headset_is_up(place, agent_id), timeout=20, what="the headset is up")
        with place.units() as uow:
            ready = uow.queues.agent_for_update(agent_id)
            assert ready is not None
            ready.heartbeat_at = uow.now
            uow.commit()
    with place.units() as uow:
        stored = uow.plans.task(task.id)
        assert stored is not None
        attempt = reserve(uow, task=stored, agent_id=agent.id if agent else None, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        if not consent:
            closed = uow.patients.get(patient.id)
            assert closed is not None
            closed.contact_points[0].do_not_call = True
        uow.commit()
    return call.id, agent.id if agent else None


def take_off_headset(place: Place, agent_id: str) -> None:
    """End the agent's shift, so that her call worker is free again."""
    command(place, "detach_headset", agent_id)
    until(lambda: not _headset_is_up(place, agent_id), timeout=10, what="the headset is down")


def command(place: Place, verb: str, subject: str) -> None:
    """Ask the node to do something with a call or a headset."""
    with place.units() as uow:
        uow.calls.command(
            CallCommand(
                node="node-1",
                verb=verb,
                subject=subject,
                idempotency_key=new_id(),
                deadline=uow.now + timedelta(minutes=1),
                created_at=uow.now,
            )
        )
        uow.commit()


def _headset_is_up(place: Place, agent_id: str) -> bool:
    with place.units() as uow:
        agent = uow.queues.agent(agent_id)
        return agent is not None and agent.headset_state is HeadsetState.UP


def ended(place: Place, call_id: str) -> Call:
    until(lambda: place.call(call_id).state is CallState.ENDED, timeout=30, what="the call has ended")
    return place.call(call_id)
