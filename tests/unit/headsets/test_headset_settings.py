"""What can be set for browser headsets, and what does not fit together."""

from pathlib import Path

import pytest

from runtime.settings import Settings
from suifang.headsets_process import gateway_settings
from tests.support.engines import temporary_settings

TURN = {"turn_url": "turn:turn.example:3478", "turn_secret": "s"}


@pytest.mark.parametrize(
    ("values", "because"),
    [
        ({"turn_url": "turn:turn.example:3478"}, "SUIFANG_TURN_SECRET belong together"),
        ({"turn_secret": "s"}, "SUIFANG_TURN_SECRET belong together"),
        ({"turn_only": True}, "needs a relay"),
        ({"headset_port": 15061}, "SUIFANG_HEADSET_PORT lies in"),
        ({"stun_url": "https://turn.example"}, "stun_url"),
        ({"turn_url": "turn.example", "turn_secret": "s"}, "turn_url"),
        ({"headset_codec": "G729"}, "headset_codec"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], because: str) -> None:
    with pytest.raises(ValueError, match=because), temporary_settings(**values):
        pass


def test_the_trunk_s_codec_comes_first_and_the_other_behind_it() -> None:
    with temporary_settings(headset_codec="PCMU", **TURN) as settings:
        found = gateway_settings(settings)
        assert found.codecs == ("PCMU", "PCMA")
        assert found.socket.name == "headsets.sock"
        assert isinstance(found.folder, Path)
        assert found.stun_url is None


def test_the_relay_s_secret_is_in_no_repr() -> None:
    assert "hush" not in repr(Settings(turn_url="turn:turn.example", turn_secret="hush"))
