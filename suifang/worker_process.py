"""`suifang worker`: runs Celery's tasks for recordings, speech and what comes next.

The parent process holds nothing but a database engine; each of its children makes its own connections and loads the
speech model once, when it starts. A child that dies with a task is replaced, and the task is tried again.
"""

import os
from functools import partial

import structlog
from celery import Celery, signals

import interop.channels.tasks
import interop.lists.tasks
import interop.result_tasks
import record.tasks
import recordings.keeping_tasks
import recordings.tasks
import recordings.vault_tasks
import reports.tasks
import scheduler.tasks
import transcription.note_summaries
import transcription.tasks
from db.calendar import HospitalTime
from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.messages import Channel
from interop.channels.local import LocalChannel
from interop.channels.sending import ChannelParts
from interop.lists.checking import ListSurroundings
from interop.lists.tasks import ListParts
from interop.result_tasks import ResultParts
from record.following import RecordParts
from recordings.keeping_tasks import KeepingParts
from recordings.opening import open_vault
from recordings.purging import PurgeDesk
from recordings.signing import SIGNING_FILE, signing_key
from recordings.tasks import RecordingParts
from recordings.vault_tasks import VaultParts
from reports.shop import print_shop
from reports.tasks import ReportParts
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.log import configure_logging
from runtime.settings import Settings, SpeechEngine, WorkerTasks
from runtime.task_queue import OPENINGS_QUEUE, QUEUE, SPEECH_QUEUE, make_task_queue
from runtime.worker_context import provide
from scheduler.alert_clock import AlertDesk
from scheduler.listed_plans import PlanSurroundings
from scheduler.outcomes import AttemptPolicies
from scheduler.roster_rule import RosterRule
from scheduler.tasks import AlertParts, ListedPlanParts, ReadingParts, SchedulerParts
from suifang.keeping import keeping_policy
from suifang.parking import ParkingParts, park_what_fails
from suifang.start import refuse_wrong_start
from transcription.answer_phrases import load_answer_phrases
from transcription.engine_choice import Transcribers, child_megabytes
from transcription.free_summary import LanguageModel, load_summary_instructions
from transcription.note_material import NoteMaterial
from transcription.note_summaries import SummaryParts
from transcription.note_words import load_note_words
from transcription.question_phrases import load_question_phrases
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.search_language import FOLDER, SearchLanguage
from transcription.tasks import TranscriptionParts
from transcription.turn_index import TurnIndex
from transcription.weights import find_weights

log = structlog.get_logger(__name__)

QUEUES = {
    WorkerTasks.ALL: (QUEUE, OPENINGS_QUEUE, SPEECH_QUEUE),
    WorkerTasks.SPEECH: (OPENINGS_QUEUE, SPEECH_QUEUE),
    WorkerTasks.OTHERS: (QUEUE,),
}
COMPONENTS = (
    interop.channels.tasks,
    interop.lists.tasks,
    interop.result_tasks,
    record.tasks,
    recordings.keeping_tasks,
    recordings.tasks,
    recordings.vault_tasks,
    reports.tasks,
    scheduler.tasks,
    transcription.note_summaries,
    transcription.tasks,
)
"""Whoever has tasks: each registers its own."""

_MODEL_LOADING_SECONDS = 300


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is running then is finished first."""
    queues = QUEUES[settings.worker_tasks]
    name = "speech" if settings.worker_tasks is WorkerTasks.SPEECH else "worker"
    os.umask(0o077)
    configure_logging(settings, name)
    refuse_wrong_start(settings)
    if SPEECH_QUEUE in queues:
        for chosen in (settings.speech_model_named(None), *settings.queue_models):
            if chosen.engine is not SpeechEngine.ENDPOINT:
                find_weights(chosen.model, settings.state_dir)
    worker_application(settings, hears=SPEECH_QUEUE in queues).Worker(
        pool="prefork",
        queues=list(queues),
        concurrency=settings.celery_concurrency,
        hostname=f"{name}@{settings.node_name}",
        loglevel=settings.log_level,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    ).start()


def worker_application(settings: Settings, *, hears: bool) -> Celery:
    """Celery with every task registered and the parts wired; children of one that `hears` load the speech model."""
    urls = engine_urls(settings)
    app = make_task_queue(urls.broker_url)
    app.conf.worker_proc_alive_timeout = _MODEL_LOADING_SECONDS
    if hears:
        app.conf.worker_max_memory_per_child = round(child_megabytes(settings) * 1e6 / 1024)  # in KiB
    for component in COMPONENTS:
        component.register(app)
    units_of_work = UnitsOfWork(make_engine(urls.database_url, application="suifang-worker"))
    provide_parts(settings, units_of_work)
    park_what_fails()
    signals.worker_process_init.connect(partial(_begin_child, settings, units_of_work, hears=hears), weak=False)
    return app


def _begin_child(settings: Settings, units_of_work: UnitsOfWork, *, hears: bool, **_: object) -> None:
    # Connections opened by the parent belong to the parent: two processes on one would read each other's answers.
    units_of_work.engine.dispose(close=False)
    parts = provide_parts(settings, units_of_work)
    if hears:
        parts.transcriber()


def note_material(settings: Settings, content: Content) -> NoteMaterial:
    """What notes are made with in this installation; the signs of danger are everybody's and those of the plans."""
    return NoteMaterial(
        zone=settings.zone,
        forms=content.forms,
        words=load_note_words(settings.content_dir / "note_words" / "words.yaml"),
        questions=load_question_phrases(settings.content_dir / "heard_answers.yaml"),
        red_flags=RedFlagSets(load_red_flags(settings.content_dir / "red_flags"), content.diagnosis_groups),
    )


def note_model(settings: Settings) -> LanguageModel | None:
    """The language model that words summaries, if the hospital has set one."""
    if settings.note_model_url is None:
        return None
    return LanguageModel(
        url=settings.note_model_url,
        model=settings.note_model,
        key=settings.note_model_key.get_secret_value(),
        seconds=settings.note_model_seconds,
    )


def provide_parts(settings: Settings, units_of_work: UnitsOfWork) -> TranscriptionParts:
    """Put in what every task of this process works with; what hears speech loads its model when it is asked."""
    store = open_vault(settings, units_of_work)
    content = Content(settings.content_dir)
    parts = TranscriptionParts(
        units_of_work=units_of_work,
        store=store,
        transcriber=Transcribers(settings),
        notes=note_material(settings, content),
        phrases=load_answer_phrases(settings.content_dir / "answer_phrases.yaml"),
        keywords=lambda: content.keyword_sets,
        spool=settings.spool_dir,
        names=content.medicine_names.with_numerals(),
    )
    provide(parts)
    provide(
        SummaryParts(
            units_of_work=units_of_work,
            model=note_model(settings),
            asked=load_summary_instructions(settings.content_dir / "note_summary.yaml"),
            signs=content.redaction,
            at_least=parts.notes.words.limits.turn,
        )
    )
    provide(TurnIndex(units_of_work, SearchLanguage(content, settings.state_dir / FOLDER).words))
    local = LocalChannel(settings.messages_dir)
    provide(
        ChannelParts(
            units_of_work=units_of_work,
            channels=dict.fromkeys(Channel, local),
            mode=settings.mode,
            allow_list=frozenset(settings.trial_allow_list),
            profile=content.jurisdictions[settings.jurisdiction.value],
            calendar_region=settings.calendar_region,
        )
    )
    provide(RecordingParts(units_of_work=units_of_work, store=store))
    keeping = keeping_policy(settings, content)
    provide(
        KeepingParts(
            desk=PurgeDesk(units_of_work=units_of_work, store=store, rules=keeping.rules, zone=keeping.zone),
            work=settings.state_dir / "copies",
        )
    )
    provide(
        VaultParts(
            units_of_work=units_of_work,
            vault=store,
            signing_key=partial(signing_key, settings.vault_key_path.with_name(SIGNING_FILE)),
        )
    )
    provide(
        ListParts(
            units_of_work=units_of_work,
            surroundings=ListSurroundings(zone=settings.zone, templates=frozenset(content.plans), content=content),
        )
    )
    provide(ResultParts(units_of_work=units_of_work, content=content))
    provide(ReadingParts(units_of_work=units_of_work, content=content, time=HospitalTime.of(settings)))
    provide(
        ListedPlanParts(
            units_of_work=units_of_work,
            surroundings=PlanSurroundings(
                templates=content.plans,
                time=HospitalTime.of(settings),
                roster=RosterRule.of(content) if settings.roster_required else None,
            ),
        )
    )
    provide(
        RecordParts(
            units_of_work=units_of_work,
            content=content,
            zone=settings.zone,
            calendar_region=settings.calendar_region,
        )
    )
    provide(ReportParts(units_of_work=units_of_work, shop=print_shop(settings, content)))
    provide(ParkingParts(units_of_work=units_of_work))
    provide(AlertParts(units_of_work=units_of_work, desk=AlertDesk.of(settings, content)))
    provide(
        SchedulerParts(
            units_of_work=units_of_work,
            gate=Gate.of(settings, content),
            policies=AttemptPolicies.of(settings, content),
        )
    )
    return parts
