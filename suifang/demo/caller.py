"""A patient of the town who rings the hospital: one call with the keys she presses, told as a JSON line at its end.

python -m suifang.demo.caller --number +8613900000024 --target sip:057100000000@127.0.0.1:17499 --port 17480 --key 8:1
"""

import argparse
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence

from suifang.demo.sip_phone import Phone, PhoneCall, PhonePorts
from suifang.demo.steps import HangUp, Press, Refuse, Step, Wait

SIP_BUSY = 486
RTP_PORTS = 12
STAYS_SECONDS = 40.0


class CallingPatient:
    """Whoever rings: presses keys at their seconds after the answer, and stays until the hospital hangs up."""

    def __init__(self, keys: Sequence[tuple[float, str]]) -> None:
        self._keys = tuple(keys)
        self.answered_at: float | None = None
        self.outcome: dict[str, object] | None = None

    def line_of(self, user: str) -> str:
        return user

    def invited(self, call: PhoneCall) -> Iterable[Step]:  # noqa: ARG002 nobody rings her meanwhile
        return (Refuse(sip_status=SIP_BUSY),)

    def answered(self, call: PhoneCall) -> None:
        self.answered_at = time.monotonic()
        before = 0.0
        for second, key in self._keys:
            call.steps += (Wait(seconds=second - before), Press(key=key))
            before = second
        call.steps += (Wait(seconds=STAYS_SECONDS), HangUp())

    def ended(self, call: PhoneCall) -> None:
        up = None if self.answered_at is None else round(time.monotonic() - self.answered_at, 1)
        self.outcome = {"seconds": up, "by": "caller" if call.ended_by_us else "hospital", "status": call.sip_status}

    def key_pressed(self, call: PhoneCall, key: str) -> None:
        """The hospital presses none."""


def key_at(text: str) -> tuple[float, str]:
    """`SECOND:KEY` as the command line gives it."""
    second, _, key = text.partition(":")
    if key not in tuple("0123456789*#"):
        raise argparse.ArgumentTypeError(f"{text!r} is not SECOND:KEY, as in 8:1")
    return float(second), key


def main() -> None:
    """Make one call."""
    faulthandler.enable()
    parser = argparse.ArgumentParser(description="One patient of the town rings the hospital, on loopback only.")
    parser.add_argument("--number", required=True, help="the number that the hospital sees")
    parser.add_argument("--target", required=True, help="sip:NUMBER@127.0.0.1:PORT")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=key_at, action="append", default=[], metavar="SECOND:KEY")
    arguments = parser.parse_args()
    # pjsua2 writes to stdout in C: it gets stderr in its place, so that stdout has our line and nothing else
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: stopping.append(caught))
    patient = CallingPatient(arguments.key)
    ports = PhonePorts(host=arguments.host, sip=arguments.port, rtp_base=arguments.port + 2, rtp_count=RTP_PORTS)
    phone = Phone(ports, patient, user=arguments.number)
    phone.dial(arguments.target, arguments.number)
    phone.run(lambda: patient.outcome is not None or bool(stopping))
    out.write(json.dumps(patient.outcome) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
