"""`suifang feeds`: hears the hospital's systems (HL7 over MLLP), keeps what they say and applies it."""

import asyncio
import ipaddress
import signal
import ssl
from datetime import timedelta

import structlog

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.dialing_rules import Mode
from interop.hl7.applier import Applier
from interop.hl7.desk import FeedDesk
from interop.hl7.receiving import ReceivingRules
from interop.hl7.server import FeedServer, ServerSettings
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.log import configure_logging
from runtime.settings import Settings
from suifang.start import WrongStartError, refuse_wrong_start

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Hear and apply until SIGTERM or SIGINT; without a port only what was kept is applied."""
    configure_logging(settings, "feeds")
    refuse_wrong_start(settings)
    url = engine_urls(settings).database_url
    engine = make_engine(url, application="suifang-feeds")
    content = Content(settings.content_dir)
    units = UnitsOfWork(engine)
    applier = Applier(units, feed_desk(settings, content), url)
    applier.start()
    try:
        asyncio.run(_serve(settings, units, content))
    except ssl.SSLError as error:
        raise WrongStartError(
            f"the certificate for the feeds cannot be used ({error.reason}): look at SUIFANG_TLS_CERTIFICATE, "
            "SUIFANG_TLS_KEY and SUIFANG_FEEDS_CLIENT_CA"
        ) from error
    except OSError as error:
        raise WrongStartError(
            f"the feeds cannot listen on {settings.feeds_host} port {settings.feeds_port} ({error.strerror}): end the "
            "program that holds it, or set SUIFANG_FEEDS_HOST and SUIFANG_FEEDS_PORT"
        ) from error
    finally:
        applier.stop()
        engine.dispose()


def feed_desk(settings: Settings, content: Content) -> FeedDesk:
    """What messages are applied with in this installation."""
    return FeedDesk(
        content=content,
        zone=settings.zone,
        area_code=settings.area_code,
        region=settings.calendar_region.partition("-")[0],
        synthetic=settings.mode is Mode.DEMO,
    )


def receiving_rules(settings: Settings, content: Content) -> ReceivingRules:
    """What messages are received with."""
    return ReceivingRules(
        senders=content.feed_senders,
        zone=settings.zone,
        kept_for=timedelta(days=settings.feeds_days),
        production=settings.mode is Mode.PRODUCTION,
    )


def server_settings(settings: Settings, port: int) -> ServerSettings:
    """Where and to whom the server listens."""
    return ServerSettings(
        host=settings.feeds_host,
        port=port,
        peers=tuple(ipaddress.ip_network(peer, strict=False) for peer in settings.feeds_peers),
        message_bytes=settings.feeds_message_mb * 1_000_000,
        tls=_tls(settings) if settings.feeds_tls else None,
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(settings.tls_certificate), str(settings.tls_key))
    if settings.feeds_client_ca is not None:
        context.load_verify_locations(str(settings.feeds_client_ca))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(settings: Settings, units: UnitsOfWork, content: Content) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if settings.feeds_port is None:
        log.info("feeds_not_listening", mend="set SUIFANG_FEEDS_PORT")
        await stopping.wait()
        return
    server = FeedServer(units, receiving_rules(settings, content), server_settings(settings, settings.feeds_port))
    await server.open()
    await stopping.wait()
    await server.close()
