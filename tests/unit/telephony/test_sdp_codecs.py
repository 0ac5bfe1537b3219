"""Which codecs a session description names, and in which order."""

import pytest

from telephony.sip.sdp_codecs import with_codecs

OFFER = """v=0
m=audio 20000 RTP/AVP 8 0 9 120
c=IN IP4 127.0.0.1
a=rtcp:20001
a=sendrecv
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:9 G722/8000
a=fmtp:9 x=1
a=rtpmap:120 telephone-event/8000
a=fmtp:120 0-16
""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("codecs", "formats"),
    [
        (("PCMA", "PCMU"), "8 0 120"),
        (("PCMU", "PCMA"), "0 8 120"),
        (("PCMA",), "8 120"),
        (("pcmu",), "0 120"),
        (("G729",), "8 0 9 120"),  # none of them: the far end decides, not we
        ((), "8 0 9 120"),
    ],
)
def test_only_the_trunks_codecs_are_named_best_first_and_keys_stay(codecs: tuple[str, ...], formats: str) -> None:
    lines = with_codecs(OFFER, codecs).split("\r\n")
    assert f"m=audio 20000 RTP/AVP {formats}" in lines
    told = {line.split(":")[1].split()[0] for line in lines if line.startswith(("a=rtpmap:", "a=fmtp:"))}
    assert told == set(formats.split())
    assert "a=rtcp:20001" in lines


def test_encryption_and_static_formats_without_a_name_are_understood() -> None:
    offer = "v=0\r\nm=audio 1 RTP/SAVP 0 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
    assert with_codecs(offer, ("PCMA",)) == offer.replace("0 8", "8")


def test_what_has_no_sound_is_left_alone() -> None:
    assert with_codecs("v=0\r\n", ("PCMA",)) == "v=0\r\n"
    assert with_codecs("m=audio odd\r\n", ("PCMA",)) == "m=audio odd\r\n"
