"""Whose speech is heard next when several calls speak at once: fair between calls, the newest of a call first."""

from collections.abc import Mapping, Sequence

from followup.captions import Caption
from transcription.live_ear import Waiting

GIVEN_UP_SECONDS = 6.0
"""Speech that waited so long is left to the transcript: shown so late it would keep newer speech waiting too."""

_NEW_SECONDS = 1.0
"""So much that no caption holds is worth hearing a stretch again."""


def next_to_hear(waiting: Mapping[str, Sequence[Waiting]], served: Mapping[str, float]) -> tuple[str, Waiting] | None:
    """The call and its stretch; `served` says when each call was heard last.

    What is over comes before what goes on: it is heard once, and the words that follow depend on nobody. Of calls that
    wait alike, the one that was served longest ago; of a call's stretches the newest.
    """
    ranked = [
        (not newest.stretch.is_over, served.get(call, 0.0), -newest.stretch.end, call, newest)
        for call, stretches in waiting.items()
        if stretches
        for newest in [max(stretches, key=lambda one: (one.stretch.is_over, one.stretch.end))]
    ]
    if not ranked:
        return None
    *_, call, chosen = min(ranked, key=lambda entry: entry[:4])
    return call, chosen


def given_up(waiting: Sequence[Waiting], until: float) -> list[Waiting]:
    """What has waited too long; `until` is the second up to which the call's sound has come."""
    return [one for one in waiting if one.stretch.is_over and until - one.stretch.end > GIVEN_UP_SECONDS]


def written_already(waiting: Waiting, earlier: Sequence[Caption]) -> bool:
    """Whether most of a stretch stands in captions of its side, and hardly anything of it in none."""
    stretch = waiting.stretch
    written = sum(
        max(0.0, min(stretch.end, caption.end) - max(stretch.start, caption.start))
        for caption in earlier
        if caption.channel is waiting.channel
    )
    return 2 * written >= stretch.seconds and stretch.seconds - written < _NEW_SECONDS
