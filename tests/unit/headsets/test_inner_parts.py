"""What of aiortc's inside relaying relies on: there, or named by the error."""

import asyncio

import pytest
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport

from telephony.headsets.browser import InnerPartsError, check_inner_parts


def parts() -> tuple[RTCIceGatherer, RTCDtlsTransport]:
    gatherer = RTCIceGatherer(iceServers=[])
    return gatherer, RTCDtlsTransport(RTCIceTransport(gatherer), [RTCCertificate.generateCertificate()])


def test_the_installed_aiortc_and_aioice_have_every_part_that_relaying_takes() -> None:
    async def look() -> None:
        gatherer, dtls = parts()
        check_inner_parts(gatherer, dtls)
        assert callable(gatherer._connection.data_received)
        assert isinstance(gatherer._connection._nominated, dict)

    asyncio.run(look())


def test_a_part_that_is_gone_is_named() -> None:
    async def look() -> None:
        gatherer, dtls = parts()
        del dtls._rx_srtp
        with pytest.raises(InnerPartsError, match="RTCDtlsTransport has no _rx_srtp"):
            check_inner_parts(gatherer, dtls)

    asyncio.run(look())
