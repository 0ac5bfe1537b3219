"""Who or what answered: persons kept, machines caught and time to the verdict, beside the rule that Asterisk documents.

Each opening of the set (built here from recorded human speech, synthetic speech and tones; not field data) is played
by a SIP phone, over G.711, to a real call worker, and the worker's own event is the verdict. The figures are of the
half that nothing was tuned on.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.openings import RATE, Opening, by_kind, hard_openings, openings, voices
from benchmarks.row import Row, print_rows
from followup.calls import Answered, EndReason
from telephony.call_control import LegEventKind
from telephony.sip.wire import HangUp, Originate
from tests.support.opening_phone import OpeningPhone, opening_phone
from tests.support.sip_peer import NodeConnection, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[1]
SPEECH = REPOSITORY / "tests" / "support" / "speech"
AT_A_TIME = 2  # the phone takes four, and lets the last ones go meanwhile
_PACE_SECONDS = 0.4  # a worker begins at most five calls a second
_SLICE = RATE // 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An opening and what was said of it."""

    opening: Opening
    who: Answered
    after_seconds: float
    why: str
    clock_seconds: float | None = None  # from the answer to the verdict, by the worker's clock
    finally_who: Answered | None = None  # what the call was treated as in the end, where that was waited for

    @property
    def right(self) -> bool:
        """A person is kept unless called a machine; a machine is caught only when called one."""
        return (self.opening.truth is Answered.MACHINE) == (self.who is Answered.MACHINE)


def through_a_worker(items: Sequence[Opening], folder: Path, settled_after: float = 0.0) -> tuple[list[Judged], float]:
    """Every opening judged by a real worker that hears it over SIP and RTP; and its CPU seconds."""
    for item in items:
        item.write(folder)
    found: list[Judged] = []
    with ExitStack() as stack:
        phone = stack.enter_context(opening_phone(folder))
        worker = stack.enter_context(call_worker(folder / "worker"))
        node = worker.connect()
        for first in range(0, len(items), AT_A_TIME):
            found += _batch(node, phone, items[first : first + AT_A_TIME], settled_after)
            _tell(f"{len(found)} of {len(items)}")
        cpu_seconds = node.status().cpu_seconds
    return found, cpu_seconds


def _batch(node: NodeConnection, phone: OpeningPhone, items: Sequence[Opening], settled_after: float) -> list[Judged]:
    trunk = loopback_trunk(phone.port)
    legs = []
    for item in items:
        leg = outbound(f"answer.{item.name}", screened=True)
        begun = partial(_begun, node, Originate(leg=leg, trunk=trunk))
        until(begun, timeout=10, what="the worker has let go of the calls before")
        legs.append(leg.leg_id)
        time.sleep(_PACE_SECONDS)
    found = []
    settled_at = time.monotonic() + settled_after
    for leg_id, item in zip(legs, items, strict=True):
        verdict = node.wait_for(leg_id, LegEventKind.ANSWERED_BY, timeout=15)
        answered = node.wait_for(leg_id, LegEventKind.ANSWERED)
        said = verdict.values
        found.append(
            Judged(
                opening=item,
                who=Answered(str(said["who"])),
                after_seconds=float(str(said["after_seconds"])),
                why=str(said["why"]),
                clock_seconds=(verdict.occurred_at - answered.occurred_at).total_seconds(),
            )
        )
    if settled_after:
        time.sleep(max(0.0, settled_at - time.monotonic()))
        lasts = [node.seen(leg_id, LegEventKind.ANSWERED_BY)[-1].values for leg_id in legs]
        found = [replace(one, finally_who=Answered(str(last["who"]))) for one, last in zip(found, lasts, strict=True)]
    for leg_id in legs:
        node.do(HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    for leg_id in legs:
        node.wait_for(leg_id, LegEventKind.ENDED)
    until(lambda: not node.status().legs, timeout=10, what="the worker is free again")
    return found


def _begun(node: NodeConnection, begin: Originate) -> bool:
    return node.ask(begin).ok


# --- the peer ---


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskDefaults:
    """AMD() of Asterisk with the parameters its documentation and sample amd.conf give, in milliseconds."""

    initial_silence: int = 2500
    greeting: int = 1500
    after_greeting_silence: int = 800
    total_analysis_time: int = 5000
    minimum_word_length: int = 100
    between_words_silence: int = 50
    maximum_number_of_words: int = 2
    silence_threshold: int = 256  # mean magnitude of a frame's samples
    maximum_word_length: int = 5000


def as_asterisk_documents(item: Opening, rules: AsteriskDefaults) -> Judged:
    """The rule of AMD() written anew from its documentation; not Asterisk itself, which does not run here."""
    sound = array("h", (np.clip(item.sound, -1, 1) * 32767).astype(np.int16).tobytes())
    silence = voice = word = greeting = words = total = 0
    in_word = in_greeting = False
    for at in range(0, len(sound) - _SLICE, _SLICE):
        total += 20
        loud = sum(map(abs, sound[at : at + _SLICE])) / _SLICE >= rules.silence_threshold
        if loud:
            silence, voice, word = 0, voice + 20, word + 20
            if word >= rules.minimum_word_length and not in_word:
                in_word, in_greeting, words = True, True, words + 1
            if in_greeting:
                greeting += 20
            if words > rules.maximum_number_of_words:
                return _of(item, Answered.MACHINE, total, "MAXWORDS")
            if word > rules.maximum_word_length:
                return _of(item, Answered.MACHINE, total, "MAXWORDLENGTH")
            if in_greeting and greeting > rules.greeting:
                return _of(item, Answered.MACHINE, total, "LONGGREETING")
        else:
            silence += 20
            if silence > rules.between_words_silence:
                in_word, word = False, 0
            if not in_greeting and silence > rules.initial_silence:
                return _of(item, Answered.MACHINE, total, "INITIALSILENCE")
            if in_greeting and silence > rules.after_greeting_silence:
                return _of(item, Answered.HUMAN, total, "HUMAN")
        if total >= rules.total_analysis_time:
            return _of(item, Answered.UNKNOWN, total, "TOOLONG")
    return _of(item, Answered.UNKNOWN, total, "TOOLONG")


def _of(item: Opening, who: Answered, milliseconds: int, why: str) -> Judged:
    return Judged(opening=item, who=who, after_seconds=milliseconds / 1000, why=why)


# --- figures ---


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z = 1.96
    share = right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * ((share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5)
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(found: Sequence[Judged], truth: Answered) -> tuple[int, int]:
    of_truth = [one for one in found if one.opening.truth is truth]
    return sum(one.right for one in of_truth), len(of_truth)


def _row(name: str, unit: str, ours: float, peer: float, ratio: float | None, n: int, conditions: str) -> Row:
    return Row(
        name=name,
        unit=unit,
        ours=round(ours, 4),
        peer="asterisk-amd-rule",
        peer_value=round(peer, 4),
        ratio=None if ratio is None else round(ratio, 2),
        bound=None,
        n=n,
        spread=None,
        conditions=conditions,
    )


def rows(found: Sequence[Judged], peer: Sequence[Judged], cpu_seconds: float | None, conditions: str) -> list[Row]:
    """Ours beside the documented rule, on the same openings."""
    made = []
    for name, truth in (("screening.humans_kept", Answered.HUMAN), ("screening.machines_caught", Answered.MACHINE)):
        (right, of), (their_right, their_of) = _share(found, truth), _share(peer, truth)
        low, high = wilson(right, of)
        their_low, their_high = wilson(their_right, their_of)
        made.append(
            _row(
                name, "share", right / of, their_right / their_of, right / of / max(their_right / their_of, 0.01), of,
                f"{conditions}; 95 % intervals: ours {low:.3f}-{high:.3f}, peer {their_low:.3f}-{their_high:.3f}",
            )
        )  # fmt: skip
    ours, theirs = (statistics.median(one.after_seconds for one in all_) for all_ in (found, peer))
    slow = statistics.quantiles([one.after_seconds for one in found], n=10)[8]
    clock = statistics.median(one.clock_seconds for one in found if one.clock_seconds is not None)
    made.append(
        _row(
            "screening.verdict_s", "s of sound, median", ours, theirs, theirs / ours, len(found),
            f"{conditions}; ours p90 {slow:.2f} s; by the clock median {clock:.2f} s",
        )
    )  # fmt: skip
    if cpu_seconds is not None:
        made.append(
            Row(
                name="screening.cpu_s_per_call",
                unit="CPU-s of the call worker per screened call, SIP and RTP included",
                ours=round(cpu_seconds / len(found), 4),
                peer="asterisk",
                peer_value=None,
                ratio=None,
                bound=None,
                n=len(found),
                spread=None,
                conditions=f"{conditions}; asterisk is not installed here: no figure",
            )
        )
    return made


def _by_class(found: Sequence[Judged], say: Callable[[str], None]) -> None:
    for kind, items in by_kind([one.opening for one in found]):
        of_kind = [one for one in found if one.opening in items]
        right = sum(one.right for one in of_kind)
        median = statistics.median(one.after_seconds for one in of_kind)
        low, high = wilson(right, len(of_kind))
        wrong = ", ".join(f"{one.opening.name} {one.who.value} {one.why}" for one in of_kind if not one.right)
        settled = [one for one in of_kind if one.finally_who is not None]
        in_the_end = sum(
            (one.opening.truth is Answered.MACHINE) == (one.finally_who is Answered.MACHINE) for one in settled
        )
        if settled:
            say(f"{kind:22} in the end {in_the_end}/{len(settled)}")
        say(f"{kind:22} {right:3}/{len(of_kind):<3} ({low:.2f}-{high:.2f}) median {median:.2f} s  {wrong}")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screening", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--half", default="report", choices=("report", "tuning", "all"), help="which half of the set")
    parser.add_argument("--seed", type=int, default=20260101, help="of the set")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th opening only")
    parser.add_argument(
        "--hard", action="store_true", help="what cadence alone must get wrong at times, by class and without rows"
    )
    parser.add_argument("--settled", type=float, default=0.0, help="also what stands so many seconds after the answer")
    arguments = parser.parse_args()
    speech = Path(os.environ.get("SUIFANG_SPEECH_DIR") or SPEECH)
    rendered = Path(os.environ.get("SUIFANG_ANSWERS_DIR") or "")
    source = voices(speech, rendered, REPOSITORY / "content" / "prompts")
    made = hard_openings(source, arguments.seed) if arguments.hard else openings(source, arguments.seed)
    wanted = {"report": (False,), "tuning": (True,), "all": (True, False)}[arguments.half]
    items = [item for item in made if arguments.hard or item.for_tuning in wanted][:: arguments.every]
    with tempfile.TemporaryDirectory(prefix="suifang-screening-") as folder:
        found, cpu_seconds = through_a_worker(items, Path(folder), arguments.settled)
    peer = [as_asterisk_documents(item, AsteriskDefaults()) for item in items]
    _tell("--- ours, through SIP and G.711")
    _by_class(found, _tell)
    _tell("--- the rule that Asterisk documents, with its default parameters")
    _by_class(peer, _tell)
    if arguments.hard:
        return
    conditions = (
        f"built here, not field data: {arguments.half} half, seed {arguments.seed}, speech {speech.name}, "
        f"{'rendered answers' if rendered.name else 'shipped prompts as machines'}, PCMA"
    )
    print_rows(rows(found, peer, cpu_seconds, conditions), as_json=arguments.json)


if __name__ == "__main__":
    main()
