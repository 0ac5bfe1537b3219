"""Connections of TCP and TLS trunks that came to nothing, told with the reason: the call itself only sees silence."""

import pjsua2 as pj
import structlog

from telephony.sip.calls import guarded

log = structlog.get_logger(__name__)


class TellingEndpoint(pj.Endpoint):  # type: ignore[misc]
    """The library, saying why a connection was lost or never came up."""

    @guarded
    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:  # noqa: N802
        """Only losses with an error are worth a line: every connection ends some day."""
        if prm.state != pj.PJSIP_TP_STATE_DISCONNECTED or not prm.lastError:
            return
        certificate = prm.tlsInfo  # its list lives inside this object
        faults = certificate.verifyMsgs
        log.warning(
            "trunk_connection_lost",
            transport=prm.type,
            error=self.utilStrError(prm.lastError),
            certificate=[faults[place] for place in range(len(faults))] if certificate.verifyStatus else [],
        )
