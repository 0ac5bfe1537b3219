"""A call written as lines: `A:` the agent, `P:` the patient; a `?` before the colon marks what was hardly heard."""

from followup.recordings import Channel, Turn
from transcription.written import written

_SECONDS_PER_CHARACTER = 0.2
_PAUSE = 0.6


def a_talk(lines: str, language: str = "zh") -> list[Turn]:
    """The turns of a call, each as long as it takes to say, one after the other."""
    turns: list[Turn] = []
    at = 1.0
    for line in lines.strip().splitlines():
        who, _, text = (part.strip() for part in line.partition(":"))
        seconds = max(1.0, len(text) * _SECONDS_PER_CHARACTER)
        figures = written(text, language)
        turns.append(
            Turn(
                channel=Channel.AGENT if who.startswith("A") else Channel.PATIENT,
                start=round(at, 2),
                end=round(at + seconds, 2),
                text=text,
                confidence=0.2 if who.endswith("?") else 0.9,
                written="" if figures == text else figures,
            )
        )
        at += seconds + _PAUSE
    return turns
