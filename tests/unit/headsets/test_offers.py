"""What a browser may offer: one sound stream over DTLS-SRTP in G.711, and refusals that say why."""

import re

import pytest
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.rtcicetransport import RTCIceParameters

from telephony.headsets.offers import OfferRefusedError, read_offer, write_answer

FINGERPRINT = ":".join(["29"] * 32)
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 6417424054974914424 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS x",
        "m=audio 35582 UDP/TLS/RTP/SAVPF 8 0 126",
        "c=IN IP4 192.0.2.2",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:2058572292 1 udp 2122194687 192.0.2.2 35582 typ host generation 0 network-id 1",
        "a=candidate:1 1 udp 2122194687 0f2b7d0e-21d9-4a44-9e3c-1f3e0c5c1d11.local 35583 typ host",
        "a=ice-ufrag:NlGy",
        "a=ice-pwd:TekNhw7LHLs53wH1m3wglywV",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:126 telephone-event/8000",
        "",
    ]
)


def answer_to(sdp: str, codec: str = "PCMA") -> str:
    offer = read_offer(sdp)
    return write_answer(
        offer,
        codec=codec,
        ssrc=7,
        ice=RTCIceParameters("name", "a-password-of-22-letters"),
        fingerprints=[
            RTCDtlsFingerprint("sha-256", FINGERPRINT),
            RTCDtlsFingerprint("sha-512", FINGERPRINT),
        ],
        candidates=[],
        role="client",
    )


def test_the_answer_has_one_codec_keys_dtls_and_no_header_extension() -> None:
    answer = answer_to(OFFER)
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 8 126\r\n" in answer
    assert re.findall(r"a=rtpmap:\d+ (\S+)", answer) == ["PCMA/8000", "telephone-event/8000"]
    assert "extmap" not in answer
    assert "a=setup:active" in answer
    assert answer.count("a=fingerprint:") == 1


def test_the_line_chooses_the_codec_among_those_offered() -> None:
    assert read_offer(OFFER).codec(["PCMU", "PCMA"]) == "PCMU"
    only = OFFER.replace("SAVPF 8 0 126", "SAVPF 0 126")
    assert read_offer(only).codec(["PCMA", "PCMU"]) == "PCMU"
    with pytest.raises(OfferRefusedError, match="the line speaks PCMA"):
        read_offer(only).codec(["PCMA"])


@pytest.mark.parametrize(
    ("spoiled", "because"),
    [
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "only DTLS-SRTP"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"), "only DTLS-SRTP"),
        (OFFER.replace(f"a=fingerprint:sha-256 {FINGERPRINT}\r\n", ""), "no fingerprint"),
        (OFFER.replace("sha-256", "md5"), "no fingerprint"),
        (OFFER.replace("a=setup:actpass\r\n", ""), "no fingerprint"),
        (OFFER.replace("a=rtcp-mux", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=rtcp-mux"), "own keys"),
        (OFFER.replace("a=ice-pwd:TekNhw7LHLs53wH1m3wglywV\r\n", ""), "no ICE name and password"),
        (OFFER.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (OFFER.replace("a=sendrecv", "a=recvonly"), "hears and speaks"),
        (OFFER.replace("SAVPF 8 0 126", "SAVPF 111 126"), "neither PCMA nor PCMU"),
        (OFFER.replace("m=audio", "m=video"), "exactly one audio stream"),
        (OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n", "exactly one audio stream"),
        ("v=0\r\n", "it offers nothing"),
        ("this is not SDP", "it offers nothing"),
        (OFFER.replace("m=audio 35582", "m=audio many"), "not SDP that can be read"),
        (OFFER + "a=x:" + "y" * 40000, "longer than"),
    ],
)
def test_anything_else_is_refused_in_words(spoiled: str, because: str) -> None:
    with pytest.raises(OfferRefusedError, match=because):
        read_offer(spoiled)
