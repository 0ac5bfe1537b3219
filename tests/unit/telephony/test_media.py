"""Who hears whom: the connections a bridge should have are a pure function of what is wanted."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from followup.calls import LegId
from telephony.call_control import MonitorMode
from telephony.monitor_rules import Monitoring
from telephony.sip.connections import SILENCE, Connection, LineSound, PortKind, Scene, hearers, wanted_connections

PATIENT, AGENT, THIRD, SUPERVISOR = LegId("patient"), LegId("agent"), LegId("third"), LegId("supervisor")
P, A, T, S = ((PortKind.LEG, leg) for leg in (PATIENT, AGENT, THIRD, SUPERVISOR))
PATIENT_FILE, AGENT_FILE = (PortKind.PATIENT_FILE, PATIENT), (PortKind.AGENT_FILE, PATIENT)
PROMPT, MUSIC = (PortKind.PROMPT, PATIENT), (PortKind.MUSIC, PATIENT)
SILENT_SOURCES = {(SILENCE, PATIENT_FILE), (SILENCE, AGENT_FILE)}
TALK = {(P, A), (A, P)}
RECORDED_TALK = TALK | {(P, PATIENT_FILE), (A, AGENT_FILE)} | SILENT_SOURCES


def lines(*legs: LegId, **others: LineSound) -> dict[LegId, LineSound]:
    return dict.fromkeys(legs, LineSound.BOTH_WAYS) | {LegId(leg): sound for leg, sound in others.items()}


def joined(*pairs: tuple[LegId, LegId]) -> frozenset[frozenset[LegId]]:
    return frozenset(frozenset(pair) for pair in pairs)


def following(mode: MonitorMode, supervisor: LegId = SUPERVISOR) -> Monitoring:
    return Monitoring(supervisor=supervisor, patient=PATIENT, agent=AGENT, mode=mode)


BRIDGED = joined((PATIENT, AGENT))


def test_joined_legs_hear_each_other_and_both_sides_are_recorded() -> None:
    scene = Scene(lines=lines(PATIENT, AGENT), joins=BRIDGED, recorded={PATIENT: False})
    assert wanted_connections(scene) == RECORDED_TALK


def test_a_leg_without_audio_is_connected_with_nobody_and_its_files_keep_silence() -> None:
    scene = Scene(lines=lines(AGENT), joins=BRIDGED, prompted={PATIENT}, recorded={PATIENT: False})
    assert wanted_connections(scene) == SILENT_SOURCES


def test_a_paused_recording_has_silence_alone_while_the_talk_goes_on() -> None:
    scene = Scene(lines=lines(PATIENT, AGENT), joins=BRIDGED, recorded={PATIENT: True})
    assert wanted_connections(scene) == TALK | SILENT_SOURCES


def test_a_prompt_is_heard_by_its_leg_only_and_belongs_to_our_side_of_the_recording() -> None:
    scene = Scene(lines=lines(PATIENT), prompted={PATIENT}, recorded={PATIENT: False})
    assert wanted_connections(scene) == {(PROMPT, P), (PROMPT, AGENT_FILE), (P, PATIENT_FILE)} | SILENT_SOURCES


def test_everybody_the_patient_hears_is_on_our_side_of_the_recording() -> None:
    joins = joined((PATIENT, AGENT), (PATIENT, THIRD), (AGENT, THIRD))
    wanted = wanted_connections(Scene(lines=lines(PATIENT, AGENT, THIRD), joins=joins, recorded={PATIENT: False}))
    assert {source for source, sink in wanted if sink == AGENT_FILE} == {A, T, SILENCE}
    assert {source for source, sink in wanted if sink == A} == {P, T}


def test_legs_that_are_not_joined_hear_nothing() -> None:
    assert wanted_connections(Scene(lines=lines(PATIENT, AGENT))) == set()


def test_a_held_leg_hears_its_music_alone_and_nobody_hears_it() -> None:
    scene = Scene(lines=lines(AGENT, patient=LineSound.HELD), joins=BRIDGED, music={PATIENT}, recorded={PATIENT: False})
    assert wanted_connections(scene) == {(MUSIC, P), (MUSIC, AGENT_FILE)} | SILENT_SOURCES


def test_who_has_put_us_on_hold_is_heard_and_hears_nothing() -> None:
    scene = Scene(
        lines=lines(AGENT, patient=LineSound.FAR_HELD), joins=BRIDGED, music={PATIENT}, recorded={PATIENT: False}
    )
    assert wanted_connections(scene) == {(P, A), (P, PATIENT_FILE)} | SILENT_SOURCES


def test_a_waiting_patient_hears_music_until_somebody_can_be_heard_or_a_prompt_plays() -> None:
    alone = Scene(lines=lines(PATIENT, AGENT), music={PATIENT})
    assert wanted_connections(alone) == {(MUSIC, P)}
    assert wanted_connections(Scene(lines=lines(PATIENT), music={PATIENT}, prompted={PATIENT})) == {(PROMPT, P)}
    assert wanted_connections(Scene(lines=lines(PATIENT, AGENT), music={PATIENT}, joins=BRIDGED)) == TALK


def test_who_is_muted_is_heard_by_nobody_and_no_recording_and_goes_on_hearing() -> None:
    agent_muted = Scene(lines=lines(PATIENT, AGENT), joins=BRIDGED, muted={AGENT}, recorded={PATIENT: False})
    assert wanted_connections(agent_muted) == {(P, A), (P, PATIENT_FILE)} | SILENT_SOURCES
    patient_muted = Scene(lines=lines(PATIENT, AGENT), joins=BRIDGED, muted={PATIENT}, recorded={PATIENT: False})
    assert wanted_connections(patient_muted) == {(A, P), (A, AGENT_FILE)} | SILENT_SOURCES


def test_each_way_of_monitoring_connects_exactly_this() -> None:
    def more(mode: MonitorMode) -> set[Connection]:
        scene = Scene(
            lines=lines(PATIENT, AGENT, SUPERVISOR),
            joins=BRIDGED,
            recorded={PATIENT: False},
            monitorings=(following(mode),),
        )
        return wanted_connections(scene)

    listens = {(P, S), (A, S)}
    assert more(MonitorMode.LISTEN) == RECORDED_TALK | listens
    assert more(MonitorMode.WHISPER) == RECORDED_TALK | listens | {(S, A)}
    assert more(MonitorMode.BARGE) == RECORDED_TALK | listens | {(S, A), (S, P), (S, AGENT_FILE)}
    assert more(MonitorMode.TAKE_OVER) == {(P, S), (S, P), (P, PATIENT_FILE), (S, AGENT_FILE)} | SILENT_SOURCES


def test_a_change_of_mode_leaves_alone_what_sounds_the_same_before_and_after() -> None:
    for before, after in itertools.permutations(MonitorMode, 2):
        scenes = [
            wanted_connections(
                Scene(lines=lines(PATIENT, AGENT, SUPERVISOR), joins=BRIDGED, monitorings=(following(mode),))
            )
            for mode in (before, after)
        ]
        assert (P, S) in scenes[0] & scenes[1]
        if MonitorMode.TAKE_OVER not in (before, after):
            assert scenes[0] & scenes[1] >= TALK | {(A, S)}


def test_during_a_consult_the_supervisor_hears_agent_and_third_party_and_the_patient_her_music() -> None:
    scene = Scene(
        lines=lines(PATIENT, AGENT, THIRD, SUPERVISOR),
        joins=joined((AGENT, THIRD)),
        music={PATIENT},
        waiting={PATIENT},
        monitorings=(following(MonitorMode.WHISPER),),
    )
    wanted = wanted_connections(scene)
    assert {source for source, sink in wanted if sink == P} == {MUSIC}
    assert {source for source, sink in wanted if sink == S} == {A, T}
    assert {source for source, sink in wanted if sink == T} == {A}
    assert {source for source, sink in wanted if sink == A} == {T, S}


def test_who_waits_alone_is_heard_by_nobody_and_her_channel_is_silence_until_somebody_of_ours_hears_her() -> None:
    def heard(**change: object) -> set[Connection]:
        scene = Scene(lines=lines(PATIENT, AGENT, THIRD, SUPERVISOR), waiting={PATIENT}, recorded={PATIENT: False})
        return {(source, sink) for source, sink in wanted_connections(replace(scene, **change)) if source == P}  # type: ignore[arg-type]

    consult = joined((AGENT, THIRD))
    for mode in (MonitorMode.LISTEN, MonitorMode.WHISPER):
        assert heard(joins=consult, music={PATIENT}, monitorings=(following(mode),)) == set()
    assert heard(joins=consult) == set()  # without music as well
    # Alone with our prompts, what she says is meant for us.
    assert heard(joins=consult, waiting=frozenset()) == {(P, PATIENT_FILE)}
    for mode in (MonitorMode.BARGE, MonitorMode.TAKE_OVER):
        # A supervisor talks with her: who hears them hears her as well.
        assert {(P, S), (P, PATIENT_FILE)} <= heard(joins=consult, monitorings=(following(mode),))
    assert heard(joins=BRIDGED) == {(P, A), (P, PATIENT_FILE)}


LEGS = [PATIENT, AGENT, THIRD, SUPERVISOR, LegId("second supervisor")]
SUPERVISORS = LEGS[3:]
PAIRS = [frozenset(pair) for pair in itertools.combinations(LEGS[:3], 2)]


@st.composite
def scenes(draw: st.DrawFn, modes: tuple[MonitorMode, ...] = tuple(MonitorMode)) -> Scene:
    """Any scene the commands can lead to: supervisors are never joined with anybody."""
    sounds = draw(st.dictionaries(st.sampled_from(LEGS), st.sampled_from(LineSound)))
    who = draw(st.lists(st.sampled_from(SUPERVISORS), unique=True))
    return Scene(
        lines=sounds,
        joins=frozenset(draw(st.sets(st.sampled_from(PAIRS)))),
        muted=draw(st.sets(st.sampled_from(LEGS))),
        prompted=draw(st.sets(st.sampled_from(LEGS))),
        music=draw(st.sets(st.sampled_from(LEGS))),
        waiting=draw(st.sets(st.sampled_from(LEGS))),
        recorded=draw(st.dictionaries(st.just(PATIENT), st.booleans())),
        monitorings=tuple(following(draw(st.sampled_from(modes)), supervisor) for supervisor in who),
    )


@given(scenes((MonitorMode.LISTEN, MonitorMode.WHISPER)))
def test_no_patient_third_party_or_file_ever_gets_a_sound_of_a_supervisor_who_listens_or_whispers(scene: Scene) -> None:
    hers = {(PortKind.LEG, supervisor) for supervisor in SUPERVISORS}
    assert {sink for source, sink in wanted_connections(scene) if source in hers} <= {A}


@given(scenes())
def test_what_a_patient_hears_is_what_is_recorded_and_nobody_hears_himself(scene: Scene) -> None:
    wanted = wanted_connections(scene)
    assert all(source != sink for source, sink in wanted)
    if scene.recorded.get(PATIENT) is False:
        on_our_side = {source for source, sink in wanted if sink == AGENT_FILE} - {SILENCE}
        assert on_our_side == {source for source, sink in wanted if sink == P}
    assert (SILENCE, PATIENT_FILE) in wanted or PATIENT not in scene.recorded


@given(scenes())
def test_who_is_muted_or_held_is_never_heard(scene: Scene) -> None:
    unheard = scene.muted | {leg for leg, sound in scene.lines.items() if sound is LineSound.HELD}
    for heard in hearers(scene).values():
        assert not heard & unheard
        assert heard <= scene.lines.keys()


@given(scenes((MonitorMode.TAKE_OVER,)))
def test_after_a_take_over_the_agent_neither_hears_nor_is_heard(scene: Scene) -> None:
    if any({m.supervisor, m.patient} <= scene.lines.keys() for m in scene.monitorings):
        heard = hearers(scene)
        assert not heard.get(AGENT)
        assert all(AGENT not in legs for legs in heard.values())
