"""`suifang headsets`: wires the headset gateway of this machine and runs it until it is told to stop."""

import asyncio
import signal

import uvloop

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from runtime.embedded import engine_urls
from runtime.log import configure_logging
from runtime.private_files import socket_path
from runtime.settings import HeadsetCodec, Settings
from suifang.start import WrongStartError, refuse_wrong_start
from telephony.headsets.gateway import Gateway, GatewaySettings
from telephony.headsets.notices import Notices
from telephony.headsets.wire import SOCKET_NAME


def run(settings: Settings) -> None:
    """Be the headsets' gateway until SIGTERM or SIGINT; lines that are up are taken up again by the next one."""
    configure_logging(settings, "headsets")
    refuse_wrong_start(settings)
    units = UnitsOfWork(make_engine(engine_urls(settings).database_url, application="suifang-headsets"))
    notices = Notices(units, settings.node_name)
    try:
        uvloop.run(_serve(gateway_settings(settings), notices))
    except OSError as error:
        raise WrongStartError(
            f"the headset gateway cannot listen on UDP port {settings.headset_port} of 127.0.0.1 ({error.strerror}): "
            "end the program that holds it, or set SUIFANG_HEADSET_PORT"
        ) from error
    finally:
        notices.close()


def gateway_settings(settings: Settings) -> GatewaySettings:
    """What the gateway has to know."""
    codecs = [settings.headset_codec, *(codec for codec in HeadsetCodec if codec is not settings.headset_codec)]
    return GatewaySettings(
        sip_port=settings.headset_port,
        socket=socket_path(settings.run_dir, SOCKET_NAME),
        folder=settings.telephony_dir / "headsets",
        own_host=settings.sip_host,
        codecs=tuple(codec.value for codec in codecs),
        stun_url=settings.stun_url,
    )


async def _serve(settings: GatewaySettings, notices: Notices) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gateway = Gateway(settings, notices)
    await gateway.open()
    notices.begin(gateway.knows)
    await stopping.wait()
    await gateway.close()
