"""Who hears whom: the connections a bridge should have are a pure function of what is wanted."""

from followup.calls import LegId
from telephony.sip.media import SILENCE, PortKind, wanted_connections

PATIENT, AGENT, THIRD = LegId("patient"), LegId("agent"), LegId("third")
P, A, T = (PortKind.LEG, PATIENT), (PortKind.LEG, AGENT), (PortKind.LEG, THIRD)
PATIENT_FILE, AGENT_FILE = (PortKind.PATIENT_FILE, PATIENT), (PortKind.AGENT_FILE, PATIENT)
PROMPT = (PortKind.PROMPT, PATIENT)
JOINED = {frozenset((PATIENT, AGENT))}
SILENT_SOURCES = {(SILENCE, PATIENT_FILE), (SILENCE, AGENT_FILE)}


def test_joined_legs_hear_each_other_and_both_sides_are_recorded() -> None:
    wanted = wanted_connections(joins=JOINED, audible={PATIENT, AGENT}, prompted=set(), recorded={PATIENT: False})
    assert wanted == {(P, A), (A, P), (P, PATIENT_FILE), (A, AGENT_FILE)} | SILENT_SOURCES


def test_a_leg_without_audio_is_connected_with_nobody_and_its_files_keep_silence() -> None:
    wanted = wanted_connections(joins=JOINED, audible={AGENT}, prompted={PATIENT}, recorded={PATIENT: False})
    assert wanted == SILENT_SOURCES


def test_a_paused_recording_has_silence_alone_while_the_talk_goes_on() -> None:
    wanted = wanted_connections(joins=JOINED, audible={PATIENT, AGENT}, prompted=set(), recorded={PATIENT: True})
    assert wanted == {(P, A), (A, P)} | SILENT_SOURCES


def test_a_prompt_is_heard_by_its_leg_only_and_belongs_to_our_side_of_the_recording() -> None:
    wanted = wanted_connections(joins=set(), audible={PATIENT}, prompted={PATIENT}, recorded={PATIENT: False})
    assert wanted == {(PROMPT, P), (PROMPT, AGENT_FILE), (P, PATIENT_FILE)} | SILENT_SOURCES


def test_everybody_the_patient_hears_is_on_our_side_of_the_recording() -> None:
    joins = {frozenset(pair) for pair in ((PATIENT, AGENT), (PATIENT, THIRD), (AGENT, THIRD))}
    wanted = wanted_connections(joins=joins, audible={PATIENT, AGENT, THIRD}, prompted=set(), recorded={PATIENT: False})
    assert {source for source, sink in wanted if sink == AGENT_FILE} == {A, T, SILENCE}
    assert {source for source, sink in wanted if sink == A} == {P, T}


def test_legs_that_are_not_joined_hear_nothing() -> None:
    assert wanted_connections(joins=set(), audible={PATIENT, AGENT}, prompted=set(), recorded={}) == set()
