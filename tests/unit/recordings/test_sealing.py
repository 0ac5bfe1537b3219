"""Sealed files: what Tink sealed is opened by any range, and whatever was changed, cut off or moved is refused."""

import io
import random

import pytest
import tink
from hypothesis import given
from hypothesis import strategies as st
from tink import aead

from recordings.ranges import seekable
from recordings.sealing import (
    HEADER,
    SEGMENT,
    FileKey,
    SealBrokenError,
    SealedReader,
    plain_begin,
    plain_size,
    segment_at,
)

URI = "store://recordings/2026/11/one.flac.sealed"
CONTENT = random.Random(6).randbytes(5 * SEGMENT)  # noqa: S311 the same in each run
KEY = FileKey.new()
EDGES = (0, 1, 4039, 4040, 4041, 4040 + 4079, 4040 + 4080, 4040 + 4081, 12_200, 12_201)


def sealed(content: bytes, uri: str = URI, key: FileKey = KEY) -> bytes:
    file = io.BytesIO()
    key.seal(io.BytesIO(content), file, uri)
    return file.getvalue()


def reader_of(content: bytes, uri: str = URI, key: FileKey = KEY) -> SealedReader:
    return key.reader(lambda start, end: content[start:end], len(content), uri)


@given(
    size=st.one_of(st.sampled_from(EDGES), st.integers(0, len(CONTENT))),
    start=st.one_of(st.sampled_from(EDGES), st.integers(0, len(CONTENT))),
    length=st.one_of(st.sampled_from((1, 4080, 8160)), st.integers(1, len(CONTENT))),
)
def test_any_range_of_what_tink_sealed_is_what_was_sealed(size: int, start: int, length: int) -> None:
    content = CONTENT[:size]
    reader = reader_of(sealed(content))
    assert reader.size == size
    assert reader.read(start, start + length) == content[start : start + length]


@pytest.mark.parametrize("size", EDGES)
def test_tink_alone_opens_the_file_too(size: int) -> None:
    with KEY.opened(io.BytesIO(sealed(CONTENT[:size])), URI) as stream:
        assert stream.read() == CONTENT[:size]
    assert KEY.open_whole(sealed(CONTENT[:size]), URI) == CONTENT[:size]


@given(offset=st.integers(0, 100 * SEGMENT))
def test_every_plain_byte_lies_in_one_segment(offset: int) -> None:
    assert plain_begin(segment_at(offset)) <= offset < plain_begin(segment_at(offset) + 1)


@given(place=st.integers(0, len(sealed(CONTENT)) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_noticed_when_its_place_is_read(place: int, bit: int) -> None:
    harmed = bytearray(sealed(CONTENT))
    harmed[place] ^= 1 << bit
    with pytest.raises(SealBrokenError):
        reader_of(bytes(harmed)).read(0, len(CONTENT))
    with pytest.raises(SealBrokenError):
        KEY.open_whole(bytes(harmed), URI)


@pytest.mark.parametrize("left", [0, HEADER, SEGMENT, 2 * SEGMENT, len(sealed(CONTENT)) - 1])
def test_a_file_that_was_cut_off_is_noticed_at_its_end(left: int) -> None:
    with pytest.raises(SealBrokenError):
        reader_of(sealed(CONTENT)[:left]).read(0, len(CONTENT))
    with pytest.raises(SealBrokenError):
        KEY.open_whole(sealed(CONTENT)[:left], URI)


def test_segments_that_changed_places_are_noticed() -> None:
    content = sealed(CONTENT)
    second, third = content[SEGMENT : 2 * SEGMENT], content[2 * SEGMENT : 3 * SEGMENT]
    with pytest.raises(SealBrokenError, match="was changed or cut off"):
        reader_of(content[:SEGMENT] + third + second + content[3 * SEGMENT :]).read(0, len(CONTENT))


def test_a_file_under_another_address_or_with_another_key_is_refused() -> None:
    with pytest.raises(SealBrokenError):
        reader_of(sealed(CONTENT), URI.replace("one", "two")).read(0, 1)
    with pytest.raises(SealBrokenError):
        reader_of(sealed(CONTENT), key=FileKey.new()).read(0, 1)


def test_the_same_sound_sealed_twice_shows_nothing_in_common() -> None:
    one, other = sealed(CONTENT), sealed(CONTENT)
    assert one[:1] == other[:1]
    assert one[1:SEGMENT] != other[1:SEGMENT]
    assert CONTENT[:64] not in one


def test_a_key_is_opened_only_for_the_address_it_was_wrapped_for() -> None:
    aead.register()
    wrapping = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    wrapped = KEY.wrapped(wrapping, URI)
    again = FileKey.unwrapped(wrapped, wrapping, URI)
    assert reader_of(sealed(CONTENT), key=again).read(9, 12) == CONTENT[9:12]
    with pytest.raises(tink.TinkError):
        FileKey.unwrapped(wrapped, wrapping, URI + "x")


@pytest.mark.parametrize("size", [-1, 0, 55])
def test_too_few_bytes_are_no_sealed_file(size: int) -> None:
    with pytest.raises(SealBrokenError, match="too few"):
        plain_size(size)


@given(jumps=st.lists(st.tuples(st.integers(0, len(CONTENT) + 9), st.integers(0, 9000)), max_size=6))
def test_a_sealed_file_is_read_from_anywhere_as_a_plain_one(jumps: list[tuple[int, int]]) -> None:
    reader = reader_of(sealed(CONTENT))
    ours, plain = seekable(reader.read, reader.size), io.BytesIO(CONTENT)
    for place, length in jumps:
        assert ours.seek(place) == plain.seek(place)
        assert ours.read(length) == plain.read(length)
    assert ours.seek(-5, io.SEEK_END) == len(CONTENT) - 5
    assert ours.read() == CONTENT[-5:]
