"""Which lines and headers of a far end would make somebody ask a name server."""

import pytest

from telephony.sip.far_names import name_to_ask, named_places, names_of, streams_nowhere


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (b"c=IN IP4 192.0.2.1", False),
        (b"c=IN IP4 192.0.2.1/127", False),
        (b"c=IN IP4 0.0.0.0", False),
        (b"c=IN IP6 2001:db8::1", False),
        (b"c=in ip4 192.0.2.1 ", False),
        (b"c=IN IP4 pbx.example", True),
        (b"c=IN IP4 x", True),
        (b"c=IN IP4 192.0.2", True),
        (b"c=IN IP6 dead.beef", True),
        (b"c=IN IP6 ::1.example", True),
        (b"c=", True),
        (b"a=rtcp:4001", False),
        (b"a=rtcp:4001 IN IP4 192.0.2.1", False),
        (b"a=rtcp:4001 IN IP4 pbx.example", True),
        (b"a=rtcp-mux", False),
        (b"s=c=IN IP4 pbx.example", False),
    ],
)
def test_a_line_of_sdp_with_anything_but_an_address_is_found(line: bytes, *, refused: bool) -> None:
    before = b"v=0\r\no=- 1 1 IN IP4 pbx.example\r\n"
    places = named_places(before + line + b"\r\nt=0 0\r\n")
    assert places == ([len(before)] if refused else [])


@pytest.mark.parametrize(
    ("lines", "nowhere"),
    [
        (["c=IN IP4 192.0.2.1", "m=audio 0 RTP/AVP 8"], []),
        (["m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.1"], []),
        (["m=audio 0 RTP/AVP 8"], [0]),
        (["i=N IP4 far.example", "m=audio 0 RTP/AVP 8", "a=x:c=1"], [1]),
        (["m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.1", "m=video 0 RTP/AVP 96"], [2]),
        (["m=video 0 RTP/AVP 96", "m=audio 4000 RTP/AVP 8", "c=IN IP4 192.0.2.1"], [0]),
        (["c=IN IP4 192.0.2.1", "m=audio 4000 RTP/AVP 8", "v=0", "m=audio 0 RTP/AVP 8"], [3]),
        ([], []),
    ],
)
def test_a_stream_without_any_address_is_found(lines: list[str], nowhere: list[int]) -> None:
    ends = [len("\r\n".join(["v=0", *lines[:n], ""])) for n in range(len(lines))]
    assert streams_nowhere("\r\n".join(["v=0", *lines, ""]).encode()) == [ends[n] for n in nowhere]


def test_names_in_ways_back_are_found_and_those_in_other_headers_are_not() -> None:
    head = (
        b"INVITE sip:1@host.example SIP/2.0\r\nVia: SIP/2.0/UDP via.example\r\n"
        b"Record-Route: <sip:Proxy.Example;lr>, <sip:192.0.2.1:5070;lr>\r\n"
        b'm: "sip:a" <sips:li@phone.example:5061;transport=tls>\r\nFrom: <sip:li@home.example>;tag=1'
    )
    assert names_of(head) == ["proxy.example", "a", "phone.example"]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (b"Contact: <sip:li@phone.example>", "phone.example"),
        (b"Contact: <sip:li@192.0.2.7>", ""),
        (b"Contact: <sip:li@phone.example>\r\nRecord-Route: <sip:192.0.2.1;lr>", ""),
        (
            b"Record-Route: <sip:edge.example;lr>\r\nRecord-Route: <sip:192.0.2.1;lr>\r\nm: sip:192.0.2.7",
            "edge.example",
        ),
        (b"Record-Route: <sip:192.0.2.1;lr>, <sip:far.example;lr>\r\nm: <sip:li@phone.example>", ""),
        (b"Subject: nothing", ""),
    ],
)
def test_only_the_next_hop_of_a_callers_requests_must_be_an_address(headers: bytes, name: str) -> None:
    assert name_to_ask(b"INVITE sip:1@192.0.2.9 SIP/2.0\r\n" + headers) == name
