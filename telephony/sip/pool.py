"""The pool of a telephony node: call workers that wait, talk, are adopted by the next node, are buried when dead."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_all
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import structlog

from followup.calls import LegId
from runtime.clock import now
from telephony.call_control import (
    EventSink,
    LegEvent,
    LegEventKind,
    RejectedError,
    TrunkBusyError,
    UnreachableError,
)
from telephony.sip.burial import (
    Burial,
    archived_in,
    journals_in,
    open_burial,
    was_anything_sent,
    was_leg_known,
)
from telephony.sip.config import WorkerConfigError, read_worker_config
from telephony.sip.event_delivery import EventDelivery
from telephony.sip.leases import Leases, held, is_held
from telephony.sip.pool_settings import PoolSettings
from telephony.sip.pooled_worker import PooledWorker, WorkerPhase
from telephony.sip.pulse import DISK_PATIENCE, waits_for_disk
from telephony.sip.roster import Roster, WorkerSummary
from telephony.sip.wire import Answer, AttachHeadset, Originate, Quit, Register, Request, Transfer
from telephony.sip.worker_link import connect
from telephony.sip.worker_start import living_process, new_worker_config, put_down, put_down_unborn, start_worker
from telephony.sip.worker_watch import TICK_SECONDS, WorkerWatch

log = structlog.get_logger(__name__)

LONGEST_PAUSE_AFTER_FAILED_STARTS = 60.0
REGISTRATIONS = "registrations"  # folder of the files that tell how our numbers stand with their registrars
EXIT_LOCKED = 75  # a worker's exit status when its number is held; its module is not imported, for it loads pjsua2


class WorkerPool:
    """Keeps a node's call workers. Events go to `sink`; `acknowledge` must follow once each is stored."""

    def __init__(self, settings: PoolSettings, sink: EventSink) -> None:
        self._settings = settings
        self._leases = Leases(
            folder=settings.folder / "leases",
            sip_host=settings.sip_host,
            sip_port_base=settings.sip_port_base,
            rtp_port_base=settings.rtp_port_base,
            rtp_ports_each=settings.rtp_ports_each,
            numbers=settings.workers_max + 16,
            rest_seconds=settings.rest_seconds,
        )
        self._configs = settings.folder / "workers" / settings.node
        self._journals = settings.folder / "journals" / settings.node
        self._delivery = EventDelivery(sink)
        self._care = ThreadPoolExecutor(thread_name_prefix="worker-care")
        self._roster = Roster()
        self._watch = WorkerWatch(self._roster, self._delivery, on_death=self._on_death, on_turn=self._tend)
        self._changed = self._roster.changed  # guards all below as well
        self._takers = 0
        self._failed_starts = 0
        self._no_start_before = 0.0
        self._closing = False  # nothing is started any more
        self._last_turn = time.monotonic()

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Adopt the living, bury the dead, have workers warm; returns when every living worker is adopted."""
        for folder in (self._leases.folder, self._configs, self._journals, self._settings.socket_folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settings.log_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._put_away_strays()
        self._forget_old_journals(now())
        self._delivery.start()
        self._watch.start()
        adoptions = [future for file in sorted(self._configs.glob("*.json")) if (future := self._find(file))]
        wait_for_all(adoptions)
        with self._changed:
            self._changed.wait_for(
                lambda: not self._roster.in_phase(WorkerPhase.STARTING), self._settings.answer_seconds
            )
            self._top_up()
            self._keep_fronts()

    def close(self, *, quit_idle: bool = False) -> None:
        """Let go of all workers; they go on by themselves and wait for the next node. Idle ones leave if told to."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
            leaving = [worker for worker in self._roster.in_phase(WorkerPhase.READY) if quit_idle and worker.is_idle]
            for worker in leaving:
                worker.retiring = True
            self._watch.wake()
            self._changed.wait_for(
                lambda: all(worker.burial or self._roster.get(worker.worker_id) is None for worker in leaving),
                self._settings.answer_seconds,
            )
        self._care.shutdown(wait=True, cancel_futures=True)
        self._watch.stop()
        self._delivery.close()

    # --- what call control asks ------------------------------------------------------------------------------------

    def take(self, leg_id: LegId) -> str:
        """Reserve an idle worker for a new leg and return its id; TrunkBusyError when none can be had."""
        deadline = time.monotonic() + self._settings.start_seconds
        with self._changed:
            self._takers += 1
            try:
                while (worker := self._roster.reserve_idle(leg_id)) is None:
                    self._top_up()
                    remaining = deadline - time.monotonic()
                    if self._closing or remaining <= 0 or not self._roster.in_phase(WorkerPhase.STARTING):
                        raise TrunkBusyError("no call worker is free: ask again when a call has ended")
                    self._changed.wait(remaining)
                return worker.worker_id
            finally:
                self._takers -= 1
                self._top_up()

    def join(self, leg_id: LegId, other: LegId) -> str:
        """Reserve room for a new leg in the worker where `other` is up; RejectedError when it is not."""
        worker = self._roster.reserve_beside(leg_id, other)
        if worker is None:
            raise RejectedError(f"leg {other} is not up here: attach the headset first")
        return worker.worker_id

    def release(self, leg_id: LegId) -> None:
        """Give back the room reserved for a leg that was refused."""
        self._roster.release(leg_id)

    def living_worker_of(self, leg_id: LegId) -> str | None:
        """The living worker where this leg is up or on its way."""
        worker = self._roster.living_worker_of(leg_id)
        return None if worker is None else worker.worker_id

    def address_of(self, worker_id: str) -> tuple[str, int]:
        """Where another worker can call this one."""
        worker = self._roster.get(worker_id)
        if worker is None:
            raise UnreachableError(f"call worker {worker_id} is gone: its calls are being ended")
        return worker.config.sip_host, worker.config.sip_port

    def ask(self, worker_id: str, request: Request) -> Answer:
        """Give a worker a command and wait until it is accepted; a refusal is raised as the error it stands for."""
        worker = self._roster.get(worker_id)
        link = worker.link if worker is not None else None
        if worker is None or link is None or worker.put_down:
            raise UnreachableError(f"call worker {worker_id} is gone: its calls are being ended")
        try:
            answer = link.ask(request).result(self._settings.answer_seconds)
        except TimeoutError:
            log.exception("command_unanswered", worker=worker_id, verb=request.verb)
            raise UnreachableError(
                f"call worker {worker_id} did not answer within {self._settings.answer_seconds:g} s", anything_sent=True
            ) from None
        except UnreachableError as gone:
            raise UnreachableError(gone.reason, anything_sent=self._sent_before_death(worker, request)) from gone
        if (error := answer.error()) is not None:
            raise error
        if isinstance(request, AttachHeadset | Originate | Transfer):
            with self._changed:
                worker.calls_made += 1
        return answer

    def acknowledge(self, event: LegEvent) -> None:
        """The event is stored: never to be told again once all before it are stored too."""
        worker_id, _, number = event.event_id.rpartition(":")
        with self._changed:
            worker = self._roster.get(worker_id)
            if worker is None:
                return
            up_to = worker.ledger.store(int(number))
            if up_to is None:
                return
            if worker.burial is not None:
                worker.burial.acknowledge(up_to)
                self._archive_when_told(worker)
            elif worker.link is not None:
                with suppress(OSError):  # it has just died: the burial begins with what the ledger holds
                    worker.link.acknowledge(up_to)

    def was_anything_sent(self, attempt_id: str) -> bool:
        """Whether an INVITE of this attempt left, or was about to leave, any of this node's workers."""
        return was_anything_sent(attempt_id, journals_in(self._journals))

    def knew(self, leg_id: LegId) -> bool:
        """Whether any worker, living or buried, ever had this leg."""
        return self._roster.knew(leg_id) or was_leg_known(leg_id, journals_in(self._journals))

    def knows(self, leg_id: LegId) -> bool:
        """Whether a living worker holds this leg."""
        return self.living_worker_of(leg_id) is not None

    def free(self) -> int:
        """How many more conversations could be begun, by workers that are there or may still be started."""
        with self._changed:
            living = self._roster.conversing()
            engaged = sum(worker.phase is WorkerPhase.READY and not worker.takes_calls for worker in living)
            return max(0, self._settings.workers_max - engaged)

    def workers(self) -> list[WorkerSummary]:
        """All workers that are not yet buried and forgotten."""
        return self._roster.summaries()

    # --- how many there are ----------------------------------------------------------------------------------------

    def _top_up(self) -> None:
        """Start what is missing to the warm spares; called with the lock held whenever a number may have changed."""
        if self._closing or time.monotonic() < self._no_start_before:
            return
        while True:
            living = self._roster.conversing()
            spare = [worker for worker in living if worker.phase is WorkerPhase.STARTING or worker.takes_calls]
            if len(spare) >= self._settings.workers_warm + self._takers or len(living) >= self._settings.workers_max:
                return
            taken = frozenset(worker.config.sip_port for worker in self._roster.all() if worker.burial is None)
            lease = self._leases.free(taken)
            if lease is None:
                log.error("no_worker_number_free", base=self._settings.sip_port_base)
                self._put_off_starts()
                return
            worker = PooledWorker(config=new_worker_config(self._settings, lease), phase=WorkerPhase.STARTING)
            self._roster.add(worker)
            self._care.submit(self._guarded, self._bring_up, worker)

    def _keep_fronts(self) -> None:
        """Have the workers that take calls from outside, and let the first register; called with the lock held."""
        living = {self._settings.sip_port_base - 1 - worker.config.sip_port: worker for worker in self._roster.fronts()}
        for place, front in living.items():
            front.retiring = front.retiring or place >= self._settings.front_workers
        for place in range(self._settings.front_workers):
            if place not in living and not self._closing and time.monotonic() >= self._no_start_before:
                lease = self._leases.front(place)
                if lease is not None:  # else another node of this machine has it, or a dead one's calls are being ended
                    living[place] = front = PooledWorker(
                        config=new_worker_config(self._settings, lease), phase=WorkerPhase.STARTING
                    )
                    self._roster.add(front)
                    self._care.submit(self._guarded, self._bring_up, front)
        first = living.get(0)
        if first is None or first.registered or first.phase is not WorkerPhase.READY or first.link is None:
            return
        first.registered = True
        for trunk in self._settings.registrations:
            standing = self._settings.folder / REGISTRATIONS / f"{trunk.name}.json"
            first.link.ask(Register(trunk=trunk, standing=standing))

    def _put_off_starts(self) -> None:
        self._failed_starts += 1
        pause = min(2.0**self._failed_starts, LONGEST_PAUSE_AFTER_FAILED_STARTS)
        self._no_start_before = time.monotonic() + pause

    # --- bringing up, adopting (worker-care threads) -----------------------------------------------------------------

    def _guarded(self, care: Callable[[PooledWorker], None], worker: PooledWorker) -> None:
        """Care must not die unseen in its thread."""
        try:
            care(worker)
        except Exception:
            log.exception("worker_care_failed", worker=worker.worker_id, care=care.__name__)
            with self._changed:
                if worker.phase is WorkerPhase.STARTING and worker.link is None:
                    self._put_off_starts()
                    self._forget(worker, keep_files=True)

    def _config_file(self, worker: PooledWorker) -> Path:
        return self._configs / f"{worker.worker_id}.json"

    def _bring_up(self, worker: PooledWorker) -> None:
        """Start a worker and connect to it."""
        log_file = self._settings.log_folder / f"worker-{worker.config.sip_port}.log"
        child = start_worker(worker.config, self._config_file(worker), log_file)
        try:
            line = connect(
                worker.config.socket,
                patience_seconds=self._settings.start_seconds,
                alive=lambda: child.poll() is None and not self._closing,
            )
        except OSError:
            if child.poll() is None:
                child.kill()
            status = child.wait()
            log.warning("worker_not_started", worker=worker.worker_id, exit=status, log=str(log_file))
            if worker.config.journal.exists():
                open_burial(worker.config.journal).archive()
            with self._changed:
                if status != EXIT_LOCKED:  # another node was quicker: the next number will do
                    self._put_off_starts()
                self._forget(worker)
                self._top_up()
            return
        with self._changed:
            self._failed_starts = 0
        self._watch.add(worker, line)

    def _find(self, file: Path) -> Future[None] | None:
        """Adopt or bury the worker of a configuration left by an earlier node."""
        try:
            config = read_worker_config(file)
        except WorkerConfigError:
            log.exception("worker_config_unreadable", file=str(file))
            return None
        with self._changed:
            if is_held(config.lock) and (not config.journal.exists() or living_process(config, file) is not None):
                worker = PooledWorker(config=config, phase=WorkerPhase.STARTING, adopted=True)
                self._roster.add(worker)
                return self._care.submit(self._guarded, self._adopt, worker)
            worker = PooledWorker(config=config, phase=WorkerPhase.DEAD)
            self._roster.add(worker)
            self._care.submit(self._guarded, self._bury, worker)
            return None

    def _adopt(self, worker: PooledWorker) -> None:
        try:
            line = connect(
                worker.config.socket,
                patience_seconds=self._settings.answer_seconds,
                alive=lambda: is_held(worker.config.lock),
            )
        except OSError:
            log.exception("worker_not_adopted", worker=worker.worker_id)
            put_down(worker.config, self._config_file(worker))
            with self._changed:
                self._watch.bury(worker)
            return
        self._watch.add(worker, line)

    # --- every turn of the watch (lock held) -----------------------------------------------------------------------

    def _tend(self) -> None:
        self._feel_pulses()
        self._send_home()
        self._top_up()
        self._keep_fronts()

    def _feel_pulses(self) -> None:
        """Put down the workers that hang: only then may their calls be ended in their name."""
        now = time.monotonic()
        late, self._last_turn = max(0.0, now - self._last_turn - TICK_SECONDS), now
        for worker in self._roster.in_phase(WorkerPhase.READY):
            if worker.link is None or worker.put_down:
                continue
            silence = worker.pulse.silence(worker.link, worker.pid, late=late)
            limit = self._settings.hung_seconds * (3 if worker.is_idle else 1)
            if silence > limit and (silence > limit * DISK_PATIENCE or not waits_for_disk(worker.pid)):
                log.error("worker_hangs", worker=worker.worker_id, silent_seconds=round(silence, 1))
                self._put_down(worker)

    def _put_down(self, worker: PooledWorker) -> None:
        if not worker.put_down and worker.phase is WorkerPhase.READY:
            worker.put_down = True
            put_down(worker.config, self._config_file(worker))

    def _send_home(self) -> None:
        """Let workers that have made their calls leave, and drop those that now belong to another node."""
        for worker in self._roster.all():
            if worker.phase is WorkerPhase.STARTING and worker.is_mute(self._settings.answer_seconds):
                log.error("worker_mute", worker=worker.worker_id)
                put_down(worker.config, self._config_file(worker))
            if worker.phase is not WorkerPhase.READY:
                continue
            if worker.parting_since is not None:
                if time.monotonic() - worker.parting_since > 2 * TICK_SECONDS:
                    log.warning("worker_taken_over", worker=worker.worker_id)
                    worker.phase = WorkerPhase.PARTED
                    self._watch.drop(worker)
                    self._forget(worker, keep_files=True)
                continue
            worker.retiring = worker.retiring or worker.calls_made >= self._settings.calls_per_worker
            if worker.retiring and worker.is_idle and worker.link is not None and not worker.asked_to_quit():
                worker.quit_answer = worker.link.ask(Quit())

    # --- death -------------------------------------------------------------------------------------------------------

    def _on_death(self, worker: PooledWorker) -> None:
        with suppress(RuntimeError):  # care has been shut down: the next node buries
            self._care.submit(self._guarded, self._bury, worker)

    def _bury(self, worker: PooledWorker) -> None:
        """Free its phones, tell its last events, put its journal away once they are stored."""
        died_at = now()
        if not worker.config.journal.exists():
            put_down_unborn(self._config_file(worker))
            with self._changed:
                self._forget(worker)
            return
        with ExitStack() as lease:
            try:
                lease.enter_context(held(worker.config.lock, patience_seconds=TICK_SECONDS))
            except BlockingIOError:
                if living_process(worker.config, self._config_file(worker)) is not None:
                    log.warning("burial_put_off", worker=worker.worker_id)
                    with self._changed:
                        self._forget(worker, keep_files=True)
                    return
                # Another node's worker has taken the number since; the dead one's calls are still to be ended.
                log.warning("burial_without_lease", worker=worker.worker_id)
            burial = open_burial(worker.config.journal)
            self._hand_on(worker, burial, burial.unheard())
            burial.part()
        self._hand_on(worker, burial, list(burial.events(died_at)))
        with self._changed:
            worker.burial = burial
            if worker.ledger.floor is not None and worker.ledger.floor > burial.record.acknowledged:
                burial.acknowledge(worker.ledger.floor)
            self._archive_when_told(worker)
            self._top_up()

    def _hand_on(self, worker: PooledWorker, burial: Burial, events: list[LegEvent]) -> None:
        with self._changed:
            if worker.ledger.floor is None:
                worker.ledger.floor = worker.ledger.handed_on = burial.record.acknowledged
            for event in events:
                if event.kind is LegEventKind.ENDED:
                    worker.legs[event.leg_id] = False
                if worker.ledger.hand_on(int(event.event_id.rpartition(":")[2])):
                    self._delivery.put(event)

    def _archive_when_told(self, worker: PooledWorker) -> None:
        if worker.burial is not None and (worker.ledger.floor or 0) >= worker.burial.last_number():
            worker.burial.archive()
            self._forget(worker)

    def _forget(self, worker: PooledWorker, *, keep_files: bool = False) -> None:
        self._roster.remove(worker)
        if not keep_files:
            self._leases.let_rest(worker.config.lock)
            self._config_file(worker).unlink(missing_ok=True)
            worker.config.socket.unlink(missing_ok=True)

    def _put_away_strays(self) -> None:
        """Put away what is left of workers that died while they started, of which no node knew: nobody asked them."""
        known = {file.stem for file in self._configs.glob("*.json")}
        for journal in self._journals.glob("*.jsonl"):
            if journal.stem in known:
                continue
            stray = open_burial(journal)
            port = stray.record.worker.sip_port if stray.record.worker else None
            if stray.record.events or (port is not None and is_held(self._leases.folder / f"{port}.lock")):
                continue
            stray.archive()
            (self._settings.socket_folder / f"{journal.stem}.sock").unlink(missing_ok=True)

    def _forget_old_journals(self, at: datetime) -> None:
        oldest = (at - self._settings.keep_journals).timestamp()
        for journal in archived_in(self._journals):
            if journal.stat().st_mtime < oldest:
                journal.unlink()

    def _sent_before_death(self, worker: PooledWorker, request: Request) -> bool:
        """Whether a command that died with its worker had gone out: a dead worker's journal knows for certain."""
        if not isinstance(request, AttachHeadset | Originate | Transfer):
            return False
        dialed = request.to if isinstance(request, Transfer) else request.leg
        with self._changed:
            # The connection ends a moment before the process does.
            if not self._changed.wait_for(lambda: worker.phase is WorkerPhase.DEAD, 2 * TICK_SECONDS):
                return True
        return was_anything_sent(dialed.attempt_id, journals_in(self._journals))
