"""Credentials for the relay: coturn's own recipe, and they end."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from telephony.headsets.ice_servers import IceSettings, ice_servers

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_relay_s_credentials_hold_for_a_shift_and_are_signed_with_the_secret() -> None:
    settings = IceSettings(stun_url="stun:turn.example:3478", turn_url="turn:turn.example:3478", turn_secret="secret")
    stun, turn = ice_servers(settings, name="agent-1", now=NOW)
    assert (stun.url, stun.username) == ("stun:turn.example:3478", "")
    expires, _, name = turn.username.partition(":")
    assert int(expires) - NOW.timestamp() == 12 * 3600
    assert name == "agent-1"
    assert base64.b64decode(turn.credential) == hmac.new(b"secret", turn.username.encode(), hashlib.sha1).digest()


def test_without_servers_there_are_none() -> None:
    assert ice_servers(IceSettings(), name="agent-1", now=NOW) == ()


def test_the_secret_is_in_no_repr() -> None:
    assert "hush" not in repr(IceSettings(turn_url="turn:x", turn_secret="hush"))
