"""Relayed RTP: the sound is not touched, and the far end hears one unbroken stream whatever the source does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.headsets.relay import SILENCE, RtpStream

TYPES = {8: 8, 126: 101}


def packet(sequence: int, timestamp: int, ssrc: int = 1, *, payload_type: int = 8, sound: bytes = b"abc") -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + sound


def read(data: bytes | None) -> tuple[int, int, int, int, bytes]:
    assert data is not None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    assert first == 0x80
    return second & 0x7F, sequence, timestamp, ssrc, data[12:]


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(1, 400))
def test_steps_of_the_source_are_the_steps_of_the_stream(sequence: int, timestamp: int, count: int) -> None:
    stream = RtpStream(ssrc=9)
    out = [read(stream.carry(packet(sequence + i, timestamp + 160 * i), TYPES, i * 0.02)) for i in range(count)]
    assert {found[3] for found in out} == {9}
    assert [(found[1] - out[0][1]) & 0xFFFF for found in out] == [i & 0xFFFF for i in range(count)]
    assert [(found[2] - out[0][2]) & 0xFFFFFFFF for found in out] == [160 * i for i in range(count)]


def test_a_new_source_goes_on_where_the_last_one_stopped_with_the_time_between_counted() -> None:
    stream = RtpStream(ssrc=9)
    before = read(stream.carry(packet(65535, 4_294_967_200, ssrc=1), TYPES, 10.0))
    after = read(stream.carry(packet(17, 99, ssrc=2), TYPES, 12.0))
    assert (after[1] - before[1]) & 0xFFFF == 1
    assert (after[2] - before[2]) & 0xFFFFFFFF == 16000


def test_a_packet_that_was_overtaken_keeps_its_place() -> None:
    stream = RtpStream(ssrc=9)
    first = read(stream.carry(packet(1, 160), TYPES, 0.0))
    third = read(stream.carry(packet(3, 480), TYPES, 0.04))
    second = read(stream.carry(packet(2, 320), TYPES, 0.041))
    assert [third[1] - first[1], second[1] - first[1]] == [2, 1]
    fourth = read(stream.carry(packet(4, 640), TYPES, 0.06))
    assert fourth[1] - first[1] == 3


def test_silence_stands_in_the_stream_and_its_source_is_taken_up_behind_it() -> None:
    stream = RtpStream(ssrc=9)
    first = read(stream.carry(packet(1, 160), TYPES, 0.0))
    quiet = read(stream.silence(8, 1.0))
    again = read(stream.carry(packet(90, 9000), TYPES, 1.5))
    assert quiet[4] == SILENCE[8]
    assert [quiet[1] - first[1], again[1] - first[1]] == [1, 2]
    assert again[2] - quiet[2] == 4000


def test_keys_get_the_number_the_other_side_gave_them_and_other_types_are_dropped() -> None:
    stream = RtpStream()
    assert read(stream.carry(packet(1, 1, payload_type=126), TYPES, 0.0))[0] == 101
    assert stream.carry(packet(1, 1, payload_type=111), TYPES, 0.0) is None


@pytest.mark.parametrize("broken", [b"", b"\x80\x08", packet(1, 1, sound=b""), b"\x40" + packet(1, 1)[1:]])
def test_what_is_no_sound_is_dropped(broken: bytes) -> None:
    assert RtpStream().carry(broken, TYPES, 0.0) is None


def test_padding_extension_and_contributors_are_taken_off() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 0x01, 8, 1, 1, 1)
    whole = head + b"CSRC" + struct.pack("!HH", 0xBEDE, 1) + b"exts" + b"sound" + b"\x00\x02"
    assert read(RtpStream().carry(whole, TYPES, 0.0))[4] == b"sound"


@given(st.binary(max_size=80))
def test_no_bytes_from_outside_break_the_relay(data: bytes) -> None:
    RtpStream().carry(data, dict.fromkeys(range(128), 8), 0.0)
