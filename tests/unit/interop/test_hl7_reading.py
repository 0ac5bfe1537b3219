"""Frames, heads, character sets and mappings of HL7: pure, by tables, and fuzzed: whatever comes, nothing breaks."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.history import HistoryKind
from care.identifiers import IdentifierKind
from care.observations import ObservationStatus
from db.listed_people import RECORD_NUMBER
from followup.feeds import FeedReason
from interop.hl7.acknowledging import Answer, acknowledgment
from interop.hl7.adt import adt_told, happened_at
from interop.hl7.charsets import CharsetRefusedError, WrongBytesError, codec_of, decoded
from interop.hl7.framing import Frame, FrameReader, framed
from interop.hl7.heads import digest_of, head_of
from interop.hl7.oru import results_told
from interop.hl7.persons import FeedRules, Remarks, person_of
from interop.hl7.reading import BadTimeError, Hl7Message, UnreadableError, day, instant, read_message
from interop.hl7.receiving import judge
from interop.hl7.siu import appointment_told
from interop.hl7.telling import Booking, Happening, NotUsableError
from runtime.content.feeds import ANY_SENDER
from tests.support.feeds import CONTENT, RULES, ZONE, adt, ago, hl7_time, message, msh, obx, oru, pid, segment, siu
from tests.support.lists import id_number

READ = FeedRules(sender=CONTENT.feed_senders[ANY_SENDER], zone=ZONE, area_code="0595")
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def adt_of(*segments: str, happening: Happening = Happening.UPDATED) -> object:
    return adt_told(read_message(message(msh("ADT^A08", "1"), *segments)), happening, AT, READ)


def frames(*pieces: bytes, limit: int = 1000) -> tuple[list[Frame], FrameReader]:
    reader = FrameReader(limit=limit)
    return [frame for piece in pieces for frame in reader.feed(piece)], reader


@pytest.mark.parametrize(
    ("pieces", "whole", "strays", "given_up"),
    [
        ((b"\x0bA\x1c\r",), [b"A"], 0, 0),
        ((b"\x0bA", b"B\x1c", b"\r\x0bC\x1c\r"), [b"AB", b"C"], 0, 0),
        ((b"\x0bA\x1c\x0bB\x1c",), [b"A", b"B"], 0, 0),
        ((b"noise\x0bA\x1c\r\r\n",), [b"A"], 5, 0),
        ((b"\x0bhalf", b"\x0bwhole\x1c\r"), [b"whole"], 0, 1),
        ((b"\x0b\x1c\r",), [b""], 0, 0),
        ((b"\x1c\r",), [], 1, 0),
        ((b"\x0bA",), [], 0, 0),
    ],
)
def test_messages_are_found_whatever_stands_around_them(
    pieces: Sequence[bytes], whole: list[bytes], strays: int, given_up: int
) -> None:
    found, reader = frames(*pieces)
    assert [frame.content for frame in found] == whole
    assert (reader.strays, reader.given_up) == (strays, given_up)


def test_of_a_message_that_is_too_long_the_beginning_is_kept_and_memory_stays_bounded() -> None:
    found, _ = frames(b"\x0bMSH|", *[b"x" * 1000] * 100, b"\x1c\r\x0bB\x1c\r", limit=2000)
    assert [(frame.too_long, len(frame.content) <= 4096, frame.content[:4]) for frame in found] == [
        (True, True, b"MSH|"),
        (False, True, b"B"),
    ]


_CLEAN = st.binary(max_size=200).map(lambda content: content.replace(b"\x0b", b"").replace(b"\x1c", b""))


@given(contents=st.lists(_CLEAN, max_size=8), cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_however_the_bytes_are_cut_every_message_comes_out_once_and_in_order(
    contents: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(framed(content) for content in contents)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    found, reader = frames(*(stream[a:b] for a, b in itertools.pairwise(places)))
    assert [frame.content for frame in found] == contents
    assert (reader.strays, reader.given_up, reader.within) == (0, 0, False)


@given(pieces=st.lists(st.binary(max_size=300), max_size=10))
def test_noise_breaks_no_frame_reader_and_its_memory_has_a_bound(pieces: list[bytes]) -> None:
    for frame in frames(*pieces, b"\x0bsound\x1c\r", limit=50)[0]:
        assert len(frame.content) <= 4096
    assert frames(*pieces, b"\x0bsound\x1c\r", limit=50)[0][-1].content == b"sound"


@pytest.mark.parametrize(
    ("named", "codec"),
    [
        ("GB 18030-2000", "gb18030"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("GBK", "gb18030"), ("ASCII", "ascii"),
        ("8859/1", "latin-1"), ("UNICODE UTF-8~GB 18030-2000", "utf-8"), ("utf-8", "utf-8"),
    ],
)  # fmt: skip
def test_a_character_set_is_known_by_the_names_that_systems_use(named: str, codec: str) -> None:
    assert codec_of(named, otherwise="UTF-8") == codec


def test_an_unknown_character_set_and_wrong_bytes_are_refused_in_words() -> None:
    with pytest.raises(CharsetRefusedError, match="EBCDIC"):
        codec_of("EBCDIC", otherwise="UTF-8")
    with pytest.raises(WrongBytesError, match="byte 1 is not utf-8"):
        decoded("王".encode("gb18030"), "utf-8")
    assert decoded("王".encode(), "ascii") == "王"


def test_the_header_is_read_whatever_separators_and_bytes_it_has() -> None:
    head = head_of("MSH#*~\\&#系统#F#R#RF#20261120100000##ADT*A03#7#D#2.4######GB 18030-2000\rPID#".encode("gb18030"))
    assert head is not None
    assert (head.sender("gb18030"), head.kind, head.control_id, head.training) == ("系统/F", "ADT^A03", "7", True)
    assert head_of(b"PID|1") is None
    assert head_of(b"MSH") is None


def test_a_message_that_is_resent_later_has_the_same_digest_and_another_content_has_not() -> None:
    one, later = (message(msh("ADT^A08", "1", at=ago(hours=span)), pid()).encode() for span in (2, 1))
    assert one != later
    assert digest_of(one) == digest_of(later)
    for other in (
        message(msh("ADT^A08", "1"), pid("2")),
        message(msh("ADT^A04", "1"), pid()),
        message(msh("ADT^A08", "1", charset="GB 18030-2000"), pid()),
    ):
        assert digest_of(one) != digest_of(other.encode())


def test_an_answer_names_the_message_in_its_own_separators() -> None:
    head = head_of(b"MSH#*~\\&#HIS#F#R#RF#20261120100000##ADT*A03#7#P#2.3\r")
    assert head is not None
    answered = acknowledgment(head, Answer.ERROR, "no#way\r", own_id="own", now=AT)
    assert answered is not None
    lines = answered.decode().split("\r")
    assert lines[0] == "MSH#*~\\&#SUIFANG##HIS#F#20261120020000+0000##ACK*A03#own#P#2.3"
    assert lines[1] == "MSA#AE#7#no way "
    assert lines[2].startswith("ERR###207*Application internal error*HL70357#E")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20261120100000", datetime(2026, 11, 20, 2, tzinfo=UTC)),
        ("202611201000+0000", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("20261120", datetime(2026, 11, 19, 16, tzinfo=UTC)),
        ("20261120100000.123", datetime(2026, 11, 20, 2, tzinfo=UTC)),
        ("", None),
        ('""', None),
    ],
)
def test_a_time_is_an_instant_in_the_senders_zone(text: str, found: datetime | None) -> None:
    assert instant(text, ZoneInfo("Asia/Shanghai")) == found


@pytest.mark.parametrize("text", ["2026-11-20", "20261320", "99999999", "yesterday", "20261120250000", "0000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadTimeError):
        instant(text, ZONE)


def test_a_z_segment_is_kept_and_can_be_asked_for_by_its_place() -> None:
    read = read_message(message(msh("ADT^A08", "1"), pid(), "ZPI|a~b|胸痛^绿色通道|x\\T\\y"))
    assert read.at("ZPI-1") == ["a", "b"]
    assert read.at("ZPI-2.2") == ["绿色通道"]
    assert read.at("ZPI-3") == ["x&y"]
    assert read.at("ZPI-9.9") == read.at("nonsense") == []
    assert day("195804121030") == date(1958, 4, 12)


@pytest.mark.parametrize("text", ["", "\r\n", "MSH|^\rPID|1", "PID|1", "MSH", "MSH|"])
def test_what_has_no_structure_is_refused_in_words(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_message(text)


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\", "a|b^c&d~e\\"),
        ("\\H\\x\\N\\\\.br\\y", "x\ny"),
        ("\\XE78E8B\\", "王"),
        ("\\Zx\\ \\", "\\Zx\\ \\"),
    ],
)
def test_escapes_are_read_and_what_is_none_stays(escaped: str, plain: str) -> None:
    assert read_message(message(msh("ADT^A08", "1"), f"ZZZ|{escaped}")).at("ZZZ-1") == [plain]


def test_a_person_is_known_by_the_numbers_that_content_names_and_the_rest_is_told_of() -> None:
    card = id_number(7, date(1958, 4, 12))
    remarks = Remarks()
    text = message(
        msh("ADT^A08", "1"),
        f"PID|1||L-7^^^LAB^LR~A001^^^H^MR~{card}^^^CN^NI~{card[:-1]}9X^^^CN^NI||王^小明||19580412|M|||||59881234~13800000001||ZH",
        "NK1|1|王^强|SON^儿子||^PRN^PH^^86^138^00000002",
    )
    person = person_of(read_message(text), READ, remarks)
    assert person.keys == ((RECORD_NUMBER, "A001"), (IdentifierKind.ID_CARD.value, card))
    assert (person.name, person.born, person.sex, person.language) == ("王小明", date(1958, 4, 12), "male", "zh")
    assert [(each.number, each.owner.value) for each in person.numbers] == [
        ("+8659559881234", "self"),
        ("+8613800000001", "self"),
        ("+8613800000002", "relative"),
    ]
    assert remarks.told == [
        "the ID card number is left out (form)",
        "PID-3: 1 of types that content/feeds does not name left out",
    ]


@pytest.mark.parametrize(
    ("segments", "happening", "reason"),
    [
        (("PID|1||^^^H^MR||王",), Happening.UPDATED, FeedReason.NO_PATIENT),
        ((pid(),), Happening.DISCHARGED, FeedReason.NO_VISIT),
        ((pid(), "PV1|1|I"), Happening.DISCHARGED, FeedReason.NO_VISIT),
        ((pid(), segment("PV1", {10: "心内科", 45: "2026-11-20"})), Happening.DISCHARGED, FeedReason.BAD_TIME),
        ((pid(), "MRG|"), Happening.MERGED, FeedReason.NO_PATIENT),
    ],
)
def test_a_message_that_lacks_what_it_is_about_says_what(
    segments: tuple[str, ...], happening: Happening, reason: FeedReason
) -> None:
    with pytest.raises(NotUsableError) as refused:
        adt_of(*segments, happening=happening)
    assert refused.value.reason is reason


def test_diagnoses_allergies_and_operations_are_told_with_the_main_diagnosis_first() -> None:
    told = adt_told(
        read_message(
            message(
                msh("ADT^A03", "1"), pid(), segment("PV1", {10: "心内科", 19: "V1"}),
                "DG1|1||I10.x00^高血压^I10|||A", "DG1|2||I25.103^冠心病^I10|||F|||||||||1",
                "AL1|1|DA|^青霉素|SV|皮疹|20200101", "PR1|1||36.0601^冠状动脉支架置入术^ICD9||20261118",
            )
        ),
        Happening.DISCHARGED, AT, READ,
    )  # fmt: skip
    assert told.diagnosis == "I25.103"
    assert [(each.kind, each.code, each.name) for each in told.entries] == [
        (HistoryKind.CONDITION, "I10.x00", "高血压"),
        (HistoryKind.CONDITION, "I25.103", "冠心病"),
        (HistoryKind.ALLERGY, "", "青霉素"),
        (HistoryKind.PROCEDURE, "36.0601", "冠状动脉支架置入术"),
    ]
    assert len({each.key for each in told.entries}) == 4


def test_results_keep_order_state_and_instant_and_what_is_no_result_is_told_of() -> None:
    text = oru(
        "1",
        obx("2093-3", "4.2", "mmol/L", line=1, state="C", reference="<5.2"),
        obx("X", "pdf", line=2, kind="ED"),
        obx("Y", "", line=3, state="X"),
        "OBX|4|SN|CRP^C反应蛋白||>^100|mg/L|||||F",
        "OBX|5|CE|UC^尿培养||POS^阳性~E^大肠埃希菌||||||F",
        at=AT,
        order="L-77",
    )
    told = results_told(read_message(text), AT, READ)
    assert [(each.key, each.value, each.status, each.taken_at) for each in told.results] == [
        ("L-77/2093-3/", "4.2", ObservationStatus.CORRECTED, AT),
        ("L-77/CRP/", ">100", ObservationStatus.FINAL, AT),
        ("L-77/UC/", "阳性; 大肠埃希菌", ObservationStatus.FINAL, AT),
    ]
    assert told.results[0].reference == "<5.2"
    assert len(told.remarks) == 2


def test_an_appointment_needs_its_number_and_its_hour() -> None:
    told = appointment_told(
        read_message(siu("S12", "1", at=AT, starts=AT + timedelta(days=3))), Booking.BOOKED, AT, READ
    )
    assert (told.number, told.starts_at, told.department) == ("AP1", AT + timedelta(days=3), "心内科门诊")
    with pytest.raises(NotUsableError, match="no time"):
        appointment_told(read_message(message(msh("SIU^S12", "1"), "SCH||A", pid())), Booking.BOOKED, AT, READ)


def test_the_order_of_messages_is_evn_2_then_msh_7_then_their_arrival() -> None:
    late = AT + timedelta(hours=9)
    rubbish = message(msh("ADT^A08", "1", at=AT), "EVN|A08|rubbish")
    ahead = message(msh("ADT^A08", "1", at=AT), f"EVN|A08|{hl7_time(late + timedelta(days=2))}")
    for text, at in ((adt("A08", "1", at=AT, visit=""), AT), (rubbish, AT), (ahead, AT)):
        assert happened_at(read_message(text), READ, Remarks(), otherwise=late) == at
    assert happened_at(Hl7Message(()), READ, Remarks(), otherwise=late) == late


_PARTS = st.text(alphabet='|^~\\&\r\nMSHPIDZ0123456789王\x00\x1c"ABX.-+ ', max_size=40)
_SEGMENTS = ("PID", "PV1", "EVN", "MRG", "NK1", "DG1", "AL1", "PR1", "OBR", "OBX", "SCH", "AIL", "ZPI")
_LINES = st.lists(
    st.one_of(
        _PARTS,
        st.builds(lambda name, rest: f"{name}|{rest}", st.sampled_from(_SEGMENTS), _PARTS),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(lines=_LINES, mutated=st.integers(0, 10_000), junk=_PARTS)
def test_no_message_breaks_the_reading_it_is_told_or_refused_in_words(
    lines: list[str], mutated: int, junk: str
) -> None:
    whole = adt("A03", "1", at=AT, discharged=AT, others=lines)
    for text in ("\r".join(lines), whole, whole[: mutated % len(whole)] + junk + whole[mutated % len(whole) :]):
        raw = text.encode()
        assert judge(Frame(content=raw), peer="x", rules=RULES, now=AT).answered(AT) is not None
        try:
            read = read_message(text)
        except UnreadableError:
            continue
        for happening in Happening:
            told_or_refused(partial(adt_told, read, happening, AT, READ))
        for booking in Booking:
            told_or_refused(partial(appointment_told, read, booking, AT, READ))
        told_or_refused(partial(results_told, read, AT, READ))
        happened_at(read, READ, Remarks(), otherwise=AT)


def told_or_refused(tell: Callable[[], object]) -> None:
    with contextlib.suppress(NotUsableError):
        tell()


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=300))
def test_no_bytes_break_the_door(raw: bytes) -> None:
    for content in (raw, b"MSH" + raw, b"MSH|^~\\&|" + raw):
        assert judge(Frame(content=content), peer="x", rules=RULES, now=AT).arrived.raw == content
