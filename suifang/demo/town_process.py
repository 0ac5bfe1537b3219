"""Some patients of the town behind one phone, in a process of its own; the town starts as many as it needs."""

import argparse
import faulthandler
import json
import os
import signal
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from suifang.demo.sip_phone import Phone, PhoneCall, PhonePorts
from suifang.demo.speech_manifest import SPEECH
from suifang.demo.steps import Refuse, Step
from suifang.demo.town_plan import Patient, digits_of, load_town_plan

SIP_NOT_FOUND = 404
LOG_MODE = 0o600
READY = "ready\n"


class TownLog:
    """What happened at every number, one JSON line each, shared by all processes of a town.

    It is evidence for tests (nobody is dialed twice), not a program's log: the numbers are the town's own.
    """

    def __init__(self, path: Path | None) -> None:
        # One write of one line to a file opened for appending is not mixed with another process's line.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = None if path is None else os.open(path, flags, LOG_MODE)

    def note(self, number: str, call_id: str, event: str, **values: str | int) -> None:
        if self._file is None:
            return
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = {"at": at, "number": number, "call_id": call_id, "event": event, **values}
        os.write(self._file, (json.dumps(line) + "\n").encode())


class Household:
    """The patients of one process: tells the phone what each does at which call, and writes down what happened."""

    def __init__(self, patients: Iterable[Patient], log: TownLog, heard: Path | None) -> None:
        self._patients = {patient.digits: patient for patient in patients}
        self._log = log
        self._heard = heard
        self._calls_so_far: Counter[str] = Counter()

    def line_of(self, user: str) -> str:
        return digits_of(user)

    def invited(self, call: PhoneCall) -> Iterable[Step]:
        digits = call.line
        patient = self._patients.get(digits)
        place = self._calls_so_far[digits]
        self._calls_so_far[digits] += 1
        self._log.note(digits, call.sip_call_id, "invite", place=place + 1)
        if patient is None:
            return (Refuse(sip_status=SIP_NOT_FOUND),)
        if self._heard is not None:
            call.heard_file = self._heard / f"{digits}-{place + 1}.wav"
        return patient.behaviour_of_call(place).steps(SPEECH)

    def answered(self, call: PhoneCall) -> None:
        self._log.note(call.line, call.sip_call_id, "answered")

    def ended(self, call: PhoneCall) -> None:
        by = "patient" if call.ended_by_us else "caller"
        event = "bye" if call.confirmed else "refused" if call.ended_by_us else "cancel"
        self._log.note(call.line, call.sip_call_id, event, by=by, status=call.sip_status)

    def key_pressed(self, call: PhoneCall, key: str) -> None:
        self._log.note(call.line, call.sip_call_id, "dtmf", digit=key)


def main() -> None:
    """Be one household of the plan until SIGTERM or the town's death."""
    faulthandler.enable()
    parser = argparse.ArgumentParser(description="One household of the town; started by suifang.demo.town.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--household", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtp-base", type=int, required=True)
    parser.add_argument("--rtp-count", type=int, required=True)
    parser.add_argument("--ready-pipe", type=int, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--heard", type=Path)
    arguments = parser.parse_args()
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the town passes it on as SIGTERM, after its last words
    town = os.getppid()

    patients = load_town_plan(arguments.config).households()[arguments.household]
    ports = PhonePorts(
        host=arguments.host, sip=arguments.port, rtp_base=arguments.rtp_base, rtp_count=arguments.rtp_count
    )
    phone = Phone(ports, Household(patients, TownLog(arguments.log), arguments.heard))
    with os.fdopen(arguments.ready_pipe, "w") as words:
        words.write(READY)
    phone.run(lambda: bool(stopping) or os.getppid() != town)


if __name__ == "__main__":
    main()
