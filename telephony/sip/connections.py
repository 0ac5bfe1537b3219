"""Connections: who hears whom in a worker, and what its files hold, as a pure function of what is wanted."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from followup.calls import LegId
from telephony.call_control import MonitorMode
from telephony.monitor_rules import Monitoring


class PortKind(StrEnum):
    """What a port of the conference bridge is."""

    SILENCE = "silence"
    LEG = "leg"
    PROMPT = "prompt"
    MUSIC = "music"
    PATIENT_FILE = "patient_file"
    AGENT_FILE = "agent_file"


Port = tuple[PortKind, LegId]
Connection = tuple[Port, Port]

SILENCE: Port = (PortKind.SILENCE, LegId(""))
HEARD_BY_ALL = frozenset({MonitorMode.BARGE, MonitorMode.TAKE_OVER})


class LineSound(StrEnum):
    """What can pass on a leg's line."""

    BOTH_WAYS = "both_ways"
    HELD = "held"  # by us: it hears music and prompts, nobody hears it
    FAR_HELD = "far_held"  # by its far end: it is heard, and hears nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that decides who hears whom. `recorded` tells for each recorded leg whether it is paused."""

    lines: Mapping[LegId, LineSound] = field(default_factory=dict)
    joins: AbstractSet[frozenset[LegId]] = frozenset()
    muted: AbstractSet[LegId] = frozenset()
    prompted: AbstractSet[LegId] = frozenset()
    music: AbstractSet[LegId] = frozenset()
    waiting: AbstractSet[LegId] = frozenset()  # for somebody who is being fetched; alone, they speak to nobody of ours
    recorded: Mapping[LegId, bool] = field(default_factory=dict)
    monitorings: Collection[Monitoring] = ()


def hearers(scene: Scene) -> dict[LegId, set[LegId]]:
    """For every leg with sound, the legs it hears."""
    seated = _seated(scene)
    speaking = {leg_id for leg_id in scene.lines if _speaks(leg_id, scene, seated)}
    return {
        leg_id: seated[leg_id] & speaking if sound is LineSound.BOTH_WAYS else set()
        for leg_id, sound in scene.lines.items()
    }


def _seated(scene: Scene) -> dict[LegId, set[LegId]]:
    """For every leg with sound, the legs it would hear if all were speaking."""
    hears: dict[LegId, set[LegId]] = {leg_id: set() for leg_id in scene.lines}
    for join in scene.joins:
        for leg_id in join & hears.keys():
            hears[leg_id] |= join - {leg_id}
    supervisors = {monitoring.supervisor for monitoring in scene.monitorings}
    for monitoring in scene.monitorings:
        _seat(monitoring, hears, supervisors, scene.joins)
    # Who takes a conversation over does so for everybody: the agent is out, whatever another supervisor does.
    for monitoring in scene.monitorings:
        if monitoring.mode is MonitorMode.TAKE_OVER:
            _seat_alone(monitoring.agent, hears)
    return hears


def _speaks(leg_id: LegId, scene: Scene, seated: Mapping[LegId, AbstractSet[LegId]]) -> bool:
    """Whether anybody may hear the leg. Who waits alone may talk with people at home: that is not meant for us."""
    alone = leg_id in scene.waiting and not seated[leg_id]
    return scene.lines[leg_id] is not LineSound.HELD and leg_id not in scene.muted and not alone


def _seat(
    monitoring: Monitoring,
    hears: dict[LegId, set[LegId]],
    supervisors: AbstractSet[LegId],
    joins: AbstractSet[frozenset[LegId]],
) -> None:
    """Let a supervisor hear the conversation, and those her mode lets hear her."""
    if monitoring.supervisor not in hears or monitoring.patient not in hears:
        return
    followed = {monitoring.patient, monitoring.agent}
    followed |= {leg_id for join in joins if join & followed for leg_id in join}
    followed -= supervisors
    hears[monitoring.supervisor] |= followed
    if monitoring.mode in HEARD_BY_ALL:
        for leg_id in (followed | supervisors - {monitoring.supervisor}) & hears.keys():
            hears[leg_id].add(monitoring.supervisor)
    elif monitoring.mode is MonitorMode.WHISPER and monitoring.agent in hears:
        hears[monitoring.agent].add(monitoring.supervisor)


def _seat_alone(leg_id: LegId, hears: dict[LegId, set[LegId]]) -> None:
    """Let a leg neither hear nor be heard."""
    for heard in hears.values():
        heard.discard(leg_id)
    if leg_id in hears:
        hears[leg_id].clear()


def wanted_connections(scene: Scene) -> set[Connection]:
    """Every connection the bridge should have now.

    A recording's patient side is what the leg says to us, its agent side all that the leg is made to hear. Both files
    have silence as a source for ever: a writer without one stops, and the two would part.
    """
    heard: dict[LegId, set[Port]] = {}
    seated = _seated(scene)
    for leg_id, legs in hearers(scene).items():
        sources = {(PortKind.LEG, other) for other in legs}
        if scene.lines[leg_id] is not LineSound.FAR_HELD:
            if leg_id in scene.prompted:
                sources.add((PortKind.PROMPT, leg_id))
            elif leg_id in scene.music and not legs:
                sources.add((PortKind.MUSIC, leg_id))
        heard[leg_id] = sources
    wanted = {(source, (PortKind.LEG, leg_id)) for leg_id, sources in heard.items() for source in sources}
    for leg_id, paused in scene.recorded.items():
        patient, agent = (PortKind.PATIENT_FILE, leg_id), (PortKind.AGENT_FILE, leg_id)
        wanted |= {(SILENCE, patient), (SILENCE, agent)}
        if paused or leg_id not in scene.lines:
            continue
        if _speaks(leg_id, scene, seated):
            wanted.add(((PortKind.LEG, leg_id), patient))
        wanted |= {(source, agent) for source in heard[leg_id]}
    return wanted
