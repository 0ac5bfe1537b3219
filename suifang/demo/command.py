"""`suifang demo`: a synthetic hospital calls a town of simulated patients over real SIP, on this machine only."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork, database_is_away
from followup.recordings import RecordingState
from runtime.embedded import EngineError, Engines, ensure_engines
from runtime.log import configure_logging
from runtime.settings import Settings, private_folder
from suifang.calendar_command import ensure_loaded
from suifang.demo.client import ApiClient
from suifang.demo.headset_process import HeadsetProcess
from suifang.demo.hospital import HospitalScript, load_script
from suifang.demo.narration import Narration, tell_records
from suifang.demo.opening import HUMAN_ADMIN, HUMAN_SUPERVISOR, SUPERVISOR, OwedCall, open_round, open_users
from suifang.demo.place import CALLERS_QUEUE, DemoPlace, demo_place
from suifang.demo.report import FollowUp, report
from suifang.demo.ring_back import PatientRingsBack
from suifang.demo.scripted_agent import ScriptedAgent
from suifang.demo.supervisor_visit import SupervisorVisit
from suifang.demo.town_plan import DEFAULT_PLAN, load_town_plan
from suifang.demo.watch import Standing, mismatches, standing
from suifang.supervision import Program, Supervision, SupervisionError, own_programs

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
KEEP_SECONDS = 2.0
API_PATIENCE = timedelta(minutes=4)
GUESTS_PATIENCE = timedelta(seconds=40)
"""How long a round that is over waits for the supervisor and for the patient who rings back."""
GOES_HOME = timedelta(seconds=10)
SETTLE = timedelta(seconds=2)
"""Between a transcript and the signature: its proposals come a moment later."""


def run(*, once: bool, report_file: Path | None, minutes: float, port_base: int | None) -> int:
    """Set everything up, play the scripted round, print the records; 0 only if every follow-up ended as scripted."""
    started_at = datetime.now(UTC)
    script = load_script()
    place = demo_place(base=port_base, hospital_name=script.name.en)
    narration = Narration()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        private_folder(place.settings.logs_dir)
        log_file = stack.enter_context((place.settings.logs_dir / "demo.log").open("a", encoding="utf-8"))
        configure_logging(place.settings, "demo", stream=log_file)  # the screen belongs to the follow-ups
        narration.say(f"{script.name.zh} · {script.name.en}: demo, open at all hours, loopback only")
        narration.say("starting PostgreSQL and Valkey …")
        engines = stack.enter_context(ensure_engines(place.settings))
        upgrade(engines.database_url)
        ensure_loaded(engines.database_url, place.settings.calendar_region)
        units = UnitsOfWork(make_engine(engines.database_url, application="suifang-demo"))
        stack.callback(units.engine.dispose)
        narration.say("starting the town, the headsets and every process …")
        supervision = stack.enter_context(_supervised(place))
        leaving = threading.Event()
        headsets = HeadsetProcess(
            [agent.login for agent in script.agents],
            port=place.headset_port,
            log_file=place.settings.logs_dir / "headsets.log",
        )
        stack.callback(headsets.close)
        keeper = threading.Thread(target=_keep_alive, args=(engines, supervision, headsets, leaving), name="keeper")
        keeper.start()
        stack.callback(keeper.join)
        stack.callback(leaving.set)
        passwords = open_users(units, script)
        _wait_for_api(place)
        client = ApiClient(place.url)
        stack.callback(client.close)
        client.log_in(SUPERVISOR, passwords[SUPERVISOR])
        owed = open_round(client, units, script, started_at.strftime("%Y%m%dT%H%M%S"))
        agents = _agents(script, passwords, place, headsets, owed, units)
        stack.callback(_send_home, agents)
        for agent in agents:
            agent.start()
        narration.say(f"{len(owed)} follow-ups are due")
        doors = _doors(place, script, passwords)
        narration.say(doors)
        rings_back = _rings_back(script, place, client, narration)
        visit = SupervisorVisit(
            script.supervisor,
            client=ApiClient(place.url),
            password=passwords[script.supervisor.login],
            port=place.supervisor_port,
            log_file=place.settings.logs_dir / "supervisor.log",
            say=narration.tell,
        )
        for guest in (rings_back, visit):
            guest.start()
            stack.callback(guest.stop)
        ending = _play(
            narration,
            units,
            owed,
            stopping,
            timedelta(minutes=minutes),
            rings_back,
            visit,
            partial(_send_home, agents),
        )
        wrong = mismatches(ending)
        with units() as uow:
            tell_records(narration, uow, owed, load_town_plan(DEFAULT_PLAN))
            outcome = report(
                uow,
                [FollowUp(task_id=item.task_id, expected=item.script.expected.value) for item in owed],
                started_at=started_at,
                engines=_engine_names(engines, place.settings),
            )
        if report_file is not None:
            report_file.write_text(json.dumps(outcome, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            narration.say(f"\nreport: {report_file}")
        for line in wrong:
            narration.say(f"NOT AS SCRIPTED  {line}")
        narration.say(f"\n{len(owed) - len(wrong)} of {len(owed)} follow-ups ended as scripted")
        if not once and not stopping.is_set():
            narration.say(f"\nstill serving until Ctrl-C.\n{doors}")
            stopping.wait()
        return 1 if wrong else 0


def _doors(place: DemoPlace, script: HospitalScript, passwords: Mapping[str, str]) -> str:
    """Where a person at the machine comes in, and as whom."""
    people = {"agent": script.human.login, "supervisor": HUMAN_SUPERVISOR, "administrator": HUMAN_ADMIN}
    rows = "\n".join(f"  {role:<14} {login:<11} {passwords[login]}" for role, login in people.items())
    return (
        f"open {place.url}/ in a browser and log in:\n{rows}\n"
        f"the agent's queue is {CALLERS_QUEUE}: put the headset on, be available, dial the next patient"
    )


def _keep_alive(engines: Engines, supervision: Supervision, headsets: HeadsetProcess, leaving: threading.Event) -> None:
    """Bring back a killed PostgreSQL, Valkey or supervisor, as `suifang up` does, and the headsets."""
    while not leaving.wait(KEEP_SECONDS):
        try:
            for name in (*engines.revive(), *supervision.revive(), *headsets.revive()):
                log.warning("revived", name=name)
        except (EngineError, SupervisionError, OSError) as error:
            log.error("not_revived", reason=str(error))  # noqa: TRY400 the sentence says all


def _supervised(place: DemoPlace) -> Supervision:
    town = Program(
        name="town",
        command=(
            sys.executable,
            "-m",
            "suifang.demo.town",
            "--config",
            str(DEFAULT_PLAN),
            "--port",
            str(place.town_port),
            "--log",
            str(place.town_log),
        ),
        order=10,
    )
    return Supervision(
        place.settings,
        (town, *own_programs(captions=place.settings.captions)),
        environment={**os.environ, **place.environment},
        on_line=lambda _line: None,  # every line is in the log file
    )


def _wait_for_api(place: DemoPlace) -> None:
    def ask() -> None:
        httpx.get(f"{place.url}/readyz", timeout=5.0).raise_for_status()

    Retrying(
        retry=retry_if_exception_type(httpx.HTTPError),
        wait=wait_fixed(0.3),
        stop=stop_after_delay(API_PATIENCE),
        reraise=True,
    )(ask)


def _agents(
    script: HospitalScript,
    passwords: Mapping[str, str],
    place: DemoPlace,
    headsets: HeadsetProcess,
    owed: Sequence[OwedCall],
    units: UnitsOfWork,
) -> list[ScriptedAgent]:
    scripts = {item.task_id: item.script for item in owed}
    return [
        ScriptedAgent(
            agent,
            client=ApiClient(place.url),
            password=passwords[agent.login],
            headsets=headsets,
            scripts=scripts,
            may_sign=lambda attempt_id: _is_complete(units, attempt_id),
        )
        for agent in script.agents
    ]


def _send_home(agents: Sequence[ScriptedAgent]) -> None:
    for agent in agents:
        agent.stop()
    for agent in agents:
        agent.join(GOES_HOME.total_seconds())


def _rings_back(script: HospitalScript, place: DemoPlace, client: ApiClient, narration: Narration) -> PatientRingsBack:
    patient = next(item.patient for item in script.round if item.record_number == script.rings_back.record_number)
    return PatientRingsBack(script.rings_back, patient, place=place, client=client, say=narration.tell)


def _is_complete(units: UnitsOfWork, attempt_id: str) -> bool:
    """The attempt's recording is transcribed (a moment ago, so that its proposals are there), or will never be."""
    with units() as uow:
        call = uow.calls.of_attempt(attempt_id)
        recording = uow.recordings.of_call(call.id) if call else None
        if recording is None:
            return call is not None and call.answered_at is None
        if recording.state in (RecordingState.FAILED, RecordingState.EXPIRED):
            return True
        transcript = uow.recordings.latest_transcript(recording.id)
        return transcript is not None and uow.now - transcript.created_at > SETTLE


def _play(
    narration: Narration,
    units: UnitsOfWork,
    owed: Sequence[OwedCall],
    stopping: threading.Event,
    patience: timedelta,
    rings_back: PatientRingsBack,
    visit: SupervisorVisit,
    go_home: Callable[[], None],
) -> list[Standing]:
    """Show the round until every follow-up is over, and its guests with it as far as they do not take too long."""
    deadline = datetime.now(UTC) + patience
    all_over: datetime | None = None
    standings: list[Standing] = []
    closed: dict[str, Standing] = {}  # over for good: not asked again
    with narration:
        while not stopping.is_set() and datetime.now(UTC) < deadline:
            try:
                with units() as uow:
                    standings = [closed.get(item.task_id) or standing(uow, item) for item in owed]
            except Exception as error:
                if not database_is_away(error):
                    raise
                log.warning("database_away")
            narration.show(standings)
            closed |= {at.owed.task_id: at for at in standings if at.missing is None}
            if len(closed) == len(owed):
                if all_over is None:
                    # Whoever rings back now is left to the humans: no scripted agent calls her anew.
                    go_home()
                    rings_back.missed()
                all_over = all_over or datetime.now(UTC)
                gone = rings_back.over.is_set() and visit.over.is_set()
                if gone or datetime.now(UTC) - all_over > GUESTS_PATIENCE:
                    break
            stopping.wait(LOOK_SECONDS)
    return standings


def _engine_names(engines: Engines, settings: Settings) -> dict[str, str]:
    return {
        "postgres": engines.postgres_version,
        "broker": engines.broker_version,
        "sip": "pjsua2 2.15.1",
        "speech": f"{settings.speech_engine.value} {settings.speech_model or 'base'} int8",
    }
