"""The call worker: one process, one SIP endpoint, one conversation, steered by its telephony node over a Unix socket.

Started as `python -m telephony.sip.worker --config FILE` in a process group of its own, it outlives its node: media go
on, events wait in the journal, and only a worker nobody adopts says BYE and leaves.
"""

import sys

if __name__ == "__main__":
    for unused in ("rich", "greenlet", "ssl"):  # structlog and asyncio load them where they find them: 9 MB a worker
        sys.modules[unused] = None  # type: ignore[assignment]

import argparse
import faulthandler
import fcntl
import gc
import logging
import math
import os
import resource
import sched
import select
import selectors
import signal
import socket
import time
from pathlib import Path

import structlog

from followup.calls import EndReason
from runtime.clock import WorkerClock
from telephony.call_control import CallControlError, Refusal, RejectedError
from telephony.sip import wire
from telephony.sip.calls import Signals
from telephony.sip.config import WorkerConfig, WorkerConfigError, read_worker_config
from telephony.sip.endpoint import Endpoint, EndpointError
from telephony.sip.event_book import EventBook
from telephony.sip.journal import FinishedLine, Journal, WorkerLine
from telephony.sip.legs import Legs
from telephony.sip.link import NodeLink
from telephony.sip.registration import Registrations

log = structlog.get_logger(__name__)

EXIT_CONFIG = 64
EXIT_ENDPOINT = 69
EXIT_FAULT = 70
EXIT_LOCKED = 75
IDLE_POLL_SECONDS = 0.5  # nothing is up: only strangers' requests and the library's own timers
QUIET_POLL_SECONDS = 0.05  # a call is being set up or ended: retransmissions are timed in the library
LEAVE_LIMIT_SECONDS = 5.0  # from SIGTERM to the end, whatever the far ends do


class Worker:
    """The loop around endpoint, legs and link."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._clock = WorkerClock()
        self._timers = sched.scheduler(time.monotonic, time.sleep)
        self._selector = selectors.EpollSelector()
        self._anybody = select.epoll()  # readable when anything in the selector is, and cheaper to wait on
        self._anybody.register(self._selector.fileno(), select.EPOLLIN)
        self._journal = Journal(config.journal)
        signals: Signals = Signals()
        self._endpoint = Endpoint(config, signals)
        self._journal.append(
            WorkerLine(
                worker=config.worker_id,
                pid=os.getpid(),
                started_at=self._clock.now(),
                sip_host=config.sip_host,
                sip_port=config.sip_port,
            ),
            durable=True,
        )
        self._link = NodeLink(config.socket, selector=self._selector, journal=self._journal, owner=self)
        self._legs = Legs(
            config=config,
            endpoint=self._endpoint,
            signals=signals,
            timers=self._timers,
            book=EventBook(clock=self._clock, journal=self._journal, tell=self._link.tell),
        )
        self._registrations = Registrations(
            endpoint=self._endpoint, signals=signals, rtp_sources=config.rtp_sources, clock=self._clock
        )
        self._sip_socket = self._endpoint.sip_socket()
        self._selector.register(self._sip_socket, selectors.EVENT_READ, None)
        self._selector.register(self._endpoint.lines, selectors.EVENT_READ, None)
        self._orphan_timer: sched.Event | None = None
        self._leave_at: float | None = None
        self._done = False
        self._wait_for_orphan()

    def run(self) -> None:
        """Work until told to leave."""
        self._listen_for_signals()
        gc.freeze()  # what is loaded by now stays: no collection looks at it again
        log.info("worker_ready", worker_id=self._config.worker_id, call_limit=self._endpoint.call_limit)
        while not self._done:
            self._turn()
        self._close()

    def _turn(self) -> None:
        if self._endpoint.clock_running:
            self._endpoint.play(self._anybody, self._next_timer())
        for key, ready in self._selector.select(self._patience()):
            if key.data is not None:
                key.data(ready)
        self._endpoint.poll()
        self._legs.take_signals()
        self._timers.run(blocking=False)
        if self._leave_at is not None:
            quiet = self._legs.idle and self._registrations.over
            self._done = quiet or time.monotonic() >= self._leave_at

    def _patience(self) -> float:
        """How long nothing needs us: sockets wake us at once, timers by this; while sound flows, `play` has waited."""
        if self._endpoint.clock_running:
            return 0.0
        limit = IDLE_POLL_SECONDS if self._legs.idle else QUIET_POLL_SECONDS
        return min(limit, max(0.0, self._next_timer() - time.monotonic()))

    def _next_timer(self) -> float:
        return math.inf if self._timers.empty() else self._timers.queue[0].time

    # --- what the link asks ---

    def greet(self) -> wire.Hello:
        """Who we are and what is up."""
        return wire.Hello(
            hello=self._config.worker_id,
            pid=os.getpid(),
            calls_made=self._legs.calls_made,
            conversations=self._endpoint.conversations,
            legs=self._legs.states(),
        )

    def obey(self, command: wire.Command) -> wire.Answer:
        """Do what the node asks, or say why not."""
        try:
            return wire.Answer(answer=command.seq, ok=True, status=self._do(command.request))
        except CallControlError as error:
            return wire.Answer(
                answer=command.seq,
                ok=False,
                refusal=error.refusal,
                reason=error.reason,
                anything_sent=error.anything_sent,
            )

    def refuse(self, seq: int, reason: str) -> wire.Answer:
        """The answer to a command that cannot be read."""
        return wire.Answer(answer=seq, ok=False, refusal=Refusal.REJECTED, reason=reason)

    def node_came(self) -> None:
        """Somebody cares for us again."""
        if self._orphan_timer is not None:
            self._timers.cancel(self._orphan_timer)
            self._orphan_timer = None
        log.info("node_came", worker_id=self._config.worker_id)

    def node_left(self) -> None:
        """Nobody does."""
        log.info("node_left", worker_id=self._config.worker_id)
        self._wait_for_orphan()

    def _do(self, request: wire.Request) -> wire.WorkerStatus | None:
        legs = self._legs
        match request:
            case wire.AttachHeadset() | wire.Originate():
                if self._leave_at is not None:
                    raise RejectedError("this worker is leaving; take another")
                legs.dial(request.leg, request.trunk)
            case wire.Bridge():
                legs.bridge(request.leg_id, request.other)
            case wire.Unbridge():
                legs.unbridge(request.leg_id, request.other)
            case wire.Expect():
                legs.expect(request)
            case wire.AnswerLeg():
                legs.answer(request.leg_id, join_leg=request.join_leg, recording_folder=request.recording_folder)
            case wire.Register():
                self._registrations.begin(request)
            case wire.Hold():
                legs.hold(request.leg_id, request.music)
            case wire.Resume():
                legs.resume(request.leg_id)
            case wire.Mute():
                legs.mute(request.leg_id)
            case wire.Unmute():
                legs.unmute(request.leg_id)
            case wire.Transfer():
                legs.transfer(request)
            case wire.EndTransfer():
                legs.end_transfer(request.leg_id, request.ending)
            case wire.Monitor():
                legs.monitor(request.leg_id, request.other, request.mode)
            case wire.StopMonitoring():
                legs.stop_monitoring(request.leg_id)
            case wire.Play():
                legs.play(request.leg_id, request.prompt, request.patience_seconds)
            case wire.StopPrompt():
                legs.stop_prompt(request.leg_id)
            case wire.CollectDigits():
                legs.collect_digits(request.leg_id, request.count, request.timeout_seconds)
            case wire.SendDigits():
                legs.send_digits(request.leg_id, request.digits, request.method)
            case wire.PauseRecording():
                legs.pause_recording(request.leg_id)
            case wire.ResumeRecording():
                legs.resume_recording(request.leg_id)
            case wire.StopRecording():
                legs.stop_recording(request.leg_id)
            case wire.HangUp():
                legs.hang_up(request.leg_id, request.reason)
            case wire.Status():
                return self._status()
            case wire.Quit():
                if legs.busy_with_calls:
                    raise RejectedError("a leg is up; hang up before quitting")
                self._leave()
        return None

    def _status(self) -> wire.WorkerStatus:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return wire.WorkerStatus(
            worker_id=self._config.worker_id,
            pid=os.getpid(),
            calls_made=self._legs.calls_made,
            call_limit=self._endpoint.call_limit,
            unacknowledged=self._link.unacknowledged,
            clock_running=self._endpoint.clock_running,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            legs=self._legs.statuses(),
        )

    # --- leaving ---

    def _wait_for_orphan(self) -> None:
        if self._orphan_timer is None:
            self._orphan_timer = self._timers.enter(self._config.orphan_seconds, 2, self._orphaned)

    def _orphaned(self) -> None:
        self._orphan_timer = None
        log.warning("nobody_adopts_this_worker", worker_id=self._config.worker_id)
        self._leave()

    def _leave(self) -> None:
        if self._leave_at is None:
            self._leave_at = time.monotonic() + LEAVE_LIMIT_SECONDS
            self._legs.hang_up_all(EndReason.WORKER_LOST)
            self._registrations.end()

    def _listen_for_signals(self) -> None:
        woken, waker = socket.socketpair()
        woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno())

        def told_to_leave(_ready: int) -> None:
            woken.recv(64)
            log.info("told_to_leave", worker_id=self._config.worker_id)
            self._leave()

        self._selector.register(woken, selectors.EVENT_READ, told_to_leave)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)

    def _close(self) -> None:
        self._legs.close()
        self._registrations.close()
        self._selector.unregister(self._sip_socket)
        self._selector.unregister(self._endpoint.lines)
        self._sip_socket.close()
        self._endpoint.close()
        self._journal.append(FinishedLine(finished=self._config.worker_id))
        self._link.close()
        self._journal.close()
        log.info("worker_left", worker_id=self._config.worker_id)


def main(arguments: list[str] | None = None) -> int:
    """Run one worker; the exit status says why it ended when not in order."""
    parser = argparse.ArgumentParser(prog="python -m telephony.sip.worker", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        config = read_worker_config(given.config)
    except WorkerConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    _configure_logging(config)
    faulthandler.enable()  # the library ends the process on misuse: its log then says where
    with config.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{config.lock}: held by another worker; choose another slot\n")
            return EXIT_LOCKED
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        try:
            worker = Worker(config)
        except EndpointError as error:
            sys.stderr.write(f"{error}\n")
            return EXIT_ENDPOINT
        try:
            worker.run()
        except Exception:
            # The way out below must be reached, or the interpreter would hang in the library. The calls that are still
            # up are ended by the node, from the journal.
            log.exception("worker_failed", worker_id=config.worker_id)
            return EXIT_FAULT
    return 0


def _configure_logging(config: WorkerConfig) -> None:
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if config.log_format == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[config.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the interpreter's own way out may touch what the library has already freed
