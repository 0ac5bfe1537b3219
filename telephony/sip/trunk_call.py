"""A call over a trunk: it offers and accepts the trunk's codecs alone, whatever other calls of the worker do."""

import pjsua2 as pj

from followup.calls import LegId
from telephony.call_control import Trunk
from telephony.sip.calls import LegCall, Signals, guarded
from telephony.sip.rtp_guard import RtpSources
from telephony.sip.sdp_codecs import with_codecs


class TrunkCall(LegCall):
    """A leg's call that we make."""

    def __init__(
        self, account: pj.Account, leg_id: LegId, signals: Signals, trunk: Trunk, *, rtp_sources: RtpSources
    ) -> None:
        super().__init__(account, leg_id, signals, rtp_sources=rtp_sources)
        self._codecs = trunk.codecs

    @guarded
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:  # noqa: N802
        """Every description of ours passes here before it leaves: the first one, and those of later re-INVITEs."""
        prm.sdp.wholeSdp = with_codecs(prm.sdp.wholeSdp, self._codecs)
