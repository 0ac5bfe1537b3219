"""`suifang telephony`: wires a telephony node with its pool of call workers and runs it until it is told to stop."""

import signal
from dataclasses import replace
from datetime import timedelta

import structlog

from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.dialing_rules import Mode
from followup.inbound import InboundRules
from followup.pacing import NOT_AHEAD
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.foreign_endpoints import usable
from runtime.log import configure_logging
from runtime.private_files import short_enough
from runtime.settings import Settings
from runtime.trunks_file import trunk_entries
from suifang.flow_command import refuse_faulty_flows
from suifang.live_voice import live_voice
from suifang.start import refuse_wrong_start
from telephony.ahead import AheadRules
from telephony.call_control import LegEvent, Trunk
from telephony.commands import Commands, DialingRules
from telephony.conversation import Conversation
from telephony.inbound import InboundCalls
from telephony.node import TelephonyNode
from telephony.patient_dialing import PatientDialing
from telephony.redialing import Redialing
from telephony.screening_file import load_screening
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.sip.rtp_guard import RtpSources
from telephony.trunks import Trunks, terms_of
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences
from telephony.voices.speech import Speech
from telephony.voices.spoken_files import SpokenFiles

log = structlog.get_logger(__name__)

LONGEST_SOCKET_NAME = "worker-0000000000000000.sock"


def run(settings: Settings) -> None:
    """Own this node's calls until SIGTERM or SIGINT; calls that are up then wait for the next node in their workers."""
    configure_logging(settings, "telephony")
    refuse_wrong_start(settings)
    urls = engine_urls(settings)
    units = UnitsOfWork(make_engine(urls.database_url, application="suifang-telephony"))
    content = Content(settings.content_dir)
    refuse_faulty_flows(settings, content)
    screening = load_screening(settings.content_dir / "screening.yaml")
    prompts = load_prompts(settings.content_dir / "prompts")
    trunks = trunks_of(settings)
    dialing = PatientDialing(trunks=trunks, ring_seconds=settings.ring_seconds, spool=settings.spool_dir)
    gate = Gate.of(settings, content)
    ahead = AheadRules(rule=gate.profile.predictive or NOT_AHEAD, zone=settings.hospital_zone)
    conversation = Conversation(content.flows, inbound_of(settings, content), Redialing(dialing), content, ahead)
    inbox: list[TelephonyNode] = []

    def sink(event: LegEvent) -> None:
        inbox[0].on_event(event)

    voice = live_voice(settings)
    made = SpokenFiles(folder=settings.voice_dir, most_bytes=settings.voice_cache_mb * 1_000_000)
    speech = Speech(load_sentences(prompts), made, voice)
    speech.prepare()
    pool = WorkerPool(replace(pool_settings(settings), screening=screening.rules), sink)
    node = TelephonyNode(
        name=settings.node_name,
        units=units,
        database_url=urls.database_url,
        control=SipCallControl(pool, voice=voice, voice_seconds=settings.voice_seconds),
        lines=pool,
        conversation=conversation,
        commands=Commands(
            conversation=conversation,
            trunks=trunks,
            lines=pool,
            rules=DialingRules(
                gate=replace(gate, trunk_is_loopback=trunks.patients_are_loopback),
                ring_seconds=settings.ring_seconds,
                spool=settings.spool_dir,
                screened=screening.enabled,
                music=prompts.prompt("hold_music", "zxx"),
            ),
        ),
        trunks=trunks,
        voice=speech,
    )
    inbox.append(node)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: node.stop())
    if voice is not None:
        voice.start()
    pool.start()
    try:
        node.run()
    finally:
        pool.close(quit_idle=True)
        if voice is not None:
            voice.close()


def inbound_of(settings: Settings, content: Content) -> InboundCalls:
    """How this node serves those who ring us."""
    return InboundCalls(
        node=settings.node_name,
        spool=settings.spool_dir,
        rules=InboundRules(
            patience=timedelta(seconds=settings.inbound_patience_seconds),
            offer=timedelta(seconds=settings.inbound_offer_seconds),
            remember=timedelta(days=settings.inbound_remember_days),
        ),
        profile=content.jurisdictions[settings.jurisdiction.value],
        zone=settings.hospital_zone,
        queue=settings.inbound_queue,
        menu=content.inbound_menus["default"],
        region=settings.calendar_region,
    )


def trunks_of(settings: Settings) -> Trunks:
    """The trunks of this installation that its law allows; in the demo none can reach anything but this machine."""
    entries = trunk_entries(settings)
    if entries:
        profile = Content(settings.content_dir).jurisdictions[settings.jurisdiction.value]
        entries = usable(settings, entries, profile)
    if not entries:
        # Nothing is set: this machine itself is dialed, so that an installation can be tried.
        here = Trunk(name="trunk", host="127.0.0.1", caller_id=settings.trunk_caller_id, loopback_only=True)
        return Trunks(patients=here, headsets=here)
    return Trunks.of([terms_of(entry, loopback_only=settings.mode is Mode.DEMO) for entry in entries])


def pool_settings(settings: Settings) -> PoolSettings:
    """What the pool of call workers has to know."""
    return PoolSettings(
        node=settings.node_name,
        folder=settings.telephony_dir,
        socket_folder=short_enough(settings.run_dir, LONGEST_SOCKET_NAME),
        log_folder=settings.logs_dir,
        sip_host=settings.sip_host,
        sip_port_base=settings.sip_port_base,
        rtp_port_base=settings.rtp_port_base,
        front_workers=settings.fronts,
        registrations=tuple(terms.trunk for terms in trunks_of(settings).terms if terms.register),
        rtp_sources=RtpSources(settings.rtp_sources),
        workers_warm=settings.workers_warm,
        workers_max=settings.workers_max,
        calls_per_worker=settings.calls_per_worker,
        silent_seconds=settings.silent_seconds,
        silent_end_seconds=settings.silent_end_seconds,
        log_level=settings.log_level.lower(),
        log_format=settings.log_format.value,
    )
